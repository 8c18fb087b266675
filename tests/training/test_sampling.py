"""Which items an epoch sees: oversampling and curricula."""

import numpy as np
import pytest
from support import MULTICLASS, MULTILABEL, make_store

from ecgtool.settings import TrainingConfig
from ecgtool.training.curriculum import Curriculum, noisiness
from ecgtool.training.data import EveryItem, ShuffledBatches
from ecgtool.training.sampling import MOST_DRAWS, Balanced, expected_draws, rarest_label

ITEMS = np.arange(100, 200)
RARE = np.zeros(200, np.int64)
RARE[100:110] = 1  # ten of a hundred


def drawn(draw, epoch=0):
    return np.bincount(draw(epoch), minlength=200)


def test_rare_labels_are_seen_as_often_as_common_ones():
    count = drawn(Balanced(EveryItem(ITEMS), RARE, seed=1))
    assert count.sum() == 100
    assert count[100:110].sum() == pytest.approx(50, abs=1)
    assert set(count[100:110]) == {5}
    assert set(count[110:]) == {0, 1}


def test_labels_that_are_balanced_are_drawn_as_they_are():
    even = np.arange(200) % 2
    assert sorted(Balanced(EveryItem(ITEMS), even, seed=1)(3)) == ITEMS.tolist()


def test_every_epoch_draws_others_and_the_same_epoch_the_same():
    one, again = (Balanced(EveryItem(ITEMS), RARE, seed=1) for _ in range(2))
    assert one(4).tolist() == again(4).tolist() != one(5).tolist()
    assert one(4).tolist() != Balanced(EveryItem(ITEMS), RARE, seed=2)(4).tolist()


def test_a_single_item_is_not_drawn_without_end():
    alone = np.zeros(2000, np.int64)
    alone[0] = 1
    count = np.bincount(Balanced(EveryItem(np.arange(2000)), alone, seed=1)(0), minlength=2000)
    assert count[0] == MOST_DRAWS
    assert count.sum() == 2000


def test_what_a_label_of_few_items_cannot_take_up_the_others_share():
    assert expected_draws(np.array([900, 90, 10])) == pytest.approx([375 / 900, 375 / 90, 25])
    assert expected_draws(np.array([5])) == pytest.approx([1])
    few = expected_draws(np.array([1, 1, 998]))
    assert few == pytest.approx([25, 25, 950 / 998])


def test_oversampled_batches_hold_an_item_as_often_as_it_was_drawn():
    batches = ShuffledBatches(Balanced(EveryItem(ITEMS), RARE, seed=1), 32, seed=1)
    assert len(batches) == 4
    held = np.bincount(np.concatenate(list(batches)), minlength=200)
    assert held.tolist() == drawn(Balanced(EveryItem(ITEMS), RARE, seed=1)).tolist()


def test_the_rarest_label_of_an_item_counts():
    targets = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 1]], np.uint8)
    assert rarest_label(MULTILABEL, targets, np.arange(6)).tolist() == [1, 0, 0, 3, 2, 2]
    assert rarest_label(MULTILABEL, targets, np.array([0, 4, 4])).tolist() == [0, 0, 0, 3, 2, 0]
    assert rarest_label(MULTICLASS, np.array([2, 0, -1], np.int16), np.arange(3)).tolist() == [2, 0, 3]


def curriculum(kind="loss", kinds=None, hardness=None, **training):
    given = TrainingConfig(**{"epochs": 10, "curriculum": kind, **training})
    return Curriculum(ITEMS, given, np.zeros(100, np.int64) if kinds is None else kinds, hardness)


def begun(made, epoch, losses=None):
    made.begin(epoch, lambda: losses)
    return made(epoch).tolist()


def test_the_share_grows_from_its_start_to_all():
    made = curriculum(curriculum_start=0.2, curriculum_end=0.5)
    assert [made.size(epoch) for epoch in range(7)] == [20, 36, 52, 68, 84, 100, 100]
    assert [curriculum(curriculum_start=1.0).size(epoch) for epoch in (0, 9)] == [100, 100]
    assert curriculum(curriculum_end=1.0).size(9) == 95


def test_the_smallest_start_has_an_item_of_each_kind():
    made = curriculum(kinds=np.arange(100) % 3, curriculum_start=1e-9)
    assert made.size(0) == len(begun(made, 0)) == 3


def test_the_easiest_come_first_and_nothing_is_left_out_in_the_end():
    hardness = np.random.default_rng(0).permutation(100).astype(float)
    made = curriculum("quality", hardness=hardness, curriculum_start=0.25)
    assert begun(made, 0) == sorted(ITEMS[hardness < 25])
    assert begun(made, 9) == ITEMS.tolist()


def test_the_losses_of_the_model_choose_the_items_of_each_kind():
    losses, kinds = np.arange(100.0), (np.arange(100) >= 90).astype(np.int64)
    made = curriculum(kinds=kinds, curriculum_start=0.5, curriculum_end=1.0)
    assert begun(made, 2, losses) == [*range(100, 154), *range(190, 196)]
    assert begun(made, 2, -losses) == [*range(136, 190), *range(194, 200)]


def test_a_model_that_knows_nothing_chooses_nothing():
    made, again = curriculum(), curriculum()
    first = begun(made, 0, None)
    assert len(first) == 50
    assert first == begun(again, 0, None) != begun(curriculum(seed=7), 0, None)
    assert first != list(range(100, 150))


def test_losses_are_not_asked_for_where_all_items_are_seen():
    def never():
        raise AssertionError

    made = curriculum()
    made.begin(9, never)
    assert made(9).tolist() == ITEMS.tolist()
    with pytest.raises(RuntimeError, match="has not begun"):
        made(3)


def test_noise_wander_and_flat_lines_are_worse_than_clean_leads(tmp_path):
    store = make_store(tmp_path / "toy", items=20, samples=1000, unlabelled=0, tabular=())
    seconds = np.arange(1000) / 100
    beats = np.sum([np.exp(-(((seconds - beat) / 0.03) ** 2)) for beat in np.arange(0.5, 10, 0.8)], axis=0)
    signals = np.array(store.signals)
    signals[:] = (1000 * beats).round()
    rng = np.random.default_rng(0)
    for item, sigma in enumerate((0, 50, 200, 1000)):
        signals[item] += rng.normal(0, sigma, signals[item].shape).round().astype(np.int16)
    signals[4] += (800 * np.sin(2 * np.pi * 0.2 * seconds)).round().astype(np.int16)
    signals[5, 1] = 0
    signals[6] += 5000  # an offset is no noise
    np.save(store.path / "signals.npy", signals)
    found = noisiness(type(store).open(store.path), np.arange(7))
    assert found.shape == (7,)
    assert (np.diff(found[:4]) > 0).all()
    assert 0 <= found[0] < found[4] < 1
    assert found[5] == pytest.approx((1 + found[0]) / 2, abs=0.01)
    assert found[6] == pytest.approx(found[0], abs=1e-4)
