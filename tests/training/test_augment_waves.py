"""Augmentations that know the waves: pauses of another length, P waves moved or taken away, labels that stay true."""

import itertools

import numpy as np
import pytest
import torch

from ecgtool.record import LEADS_12
from ecgtool.settings import AugmentConfig
from ecgtool.training.augment import Augmentation

FS = 250.0
NONE, P, QRS, T = range(4)
BEAT = [P] * 20 + [NONE] * 10 + [QRS] * 20 + [NONE] * 15 + [T] * 40 + [NONE] * 95
BEATS = 5


def augmentation(name, leads=("II",), **options):
    made = Augmentation(AugmentConfig(use=(name,), probability=1.0, **options), leads, FS, [0.2] * len(leads))
    made.begin(7, "cpu")
    return made


@pytest.fixture
def items():
    """Signals [16, 1, 1020] of five beats, humps in place of waves, and what their samples are part of."""
    heights = {NONE: 0.0, P: 0.2, QRS: 1.0, T: 0.4}
    beat = [
        heights[label] * np.sin(np.pi * (np.arange(length) + 0.5) / length)
        for label, length in ((label, len(list(group))) for label, group in itertools.groupby(BEAT))
    ]
    signal = np.concatenate([*beat * BEATS, np.zeros(20)]).astype(np.float32)
    target = torch.tensor(BEAT * BEATS + [-1] * 20)
    return torch.from_numpy(signal).expand(16, 1, -1), target.expand(16, -1)


def runs(row):
    """Label and length of each run of labels."""
    return [(label, len(list(group))) for label, group in itertools.groupby(row.tolist())]


def intervals(row):
    """From the beginning of each complex to that of the next."""
    begins = np.flatnonzero(np.diff((row.numpy() == QRS).astype(int)) == 1)
    return np.diff(begins)


def inner(row, kind):
    """How long the runs of a kind last, but for one that an end of the item cuts."""
    return [length for label, length in runs(row)[1:-1] if label == kind]


def test_a_hurried_heart_has_waves_as_long_as_before_and_other_pauses(items):
    made, moved = augmentation("hurry", hurry=0.6).with_targets(*items)
    for row in moved:
        assert inner(row, P) == pytest.approx([20] * len(inner(row, P)), abs=1)
        assert inner(row, QRS) == pytest.approx([20] * len(inner(row, QRS)), abs=1)
        assert inner(row, T) == pytest.approx([40] * len(inner(row, T)), abs=1)
    every = np.concatenate([intervals(row) for row in moved])
    assert 200 - 0.6 * 115 - 1 <= every.min() < 180
    assert 200 < every.max() <= 200 + 0.3 * 115 + 1
    assert np.mean([np.ptp(intervals(row)) > 5 for row in moved]) > 0.5, "no heart is a clock"
    within = (moved == P)[:, None]
    assert float((made[within] > 0).float().mean()) > 0.95, "the signal moves with its targets"
    assert float(made[within].max()) < 0.25


def test_a_hurried_p_wave_keeps_its_distance_from_its_complex_and_may_stand_on_the_t_wave_before(items):
    signal, target = (each.repeat(8, *[1] * (each.ndim - 1)) for each in items)
    made, moved = augmentation("hurry", hurry=0.95).with_targets(signal, target)
    on_t = 0
    for values, row in zip(made[:, 0], moved, strict=True):
        labels = runs(row)
        for at in range(1, len(labels) - 2):
            if labels[at][0] == P and labels[at + 2][0] == QRS:
                assert labels[at][1] == pytest.approx(20, abs=1)
                assert labels[at + 1][1] == pytest.approx(10, abs=1)
                on_t += labels[at - 1][0] == T
        assert float(values.max()) == pytest.approx(1.0, abs=0.01), "complexes are as they were"
    assert on_t > 10


def test_hurried_items_are_full_of_beats_that_begin_anywhere(items):
    _, moved = augmentation("hurry", hurry=0.5).with_targets(*items)
    assert not (moved == -1).any()
    assert len({tuple(row[:200].tolist()) for row in moved}) == len(moved)
    assert {int(row[0]) for row in moved} > {NONE}


def test_repeated_beats_go_on_where_the_last_turn_ended(items):
    """A baseline that rises is tilted to end where it began."""
    signal, target = items
    slope = torch.linspace(0, 3, signal.shape[-1])
    made, _ = augmentation("hurry", hurry=0.5).with_targets(signal + slope, target)
    assert float(made.diff(dim=-1).abs().max()) < 0.2
    assert float(made.diff(dim=-1).abs().max()) < 2 * float(signal.diff(dim=-1).abs().max())


def test_items_without_a_complex_are_not_hurried(items):
    signal, target = items
    calm = torch.where(target == QRS, NONE, target)
    made, moved = augmentation("hurry").with_targets(signal, calm)
    assert torch.equal(moved, calm)
    assert torch.equal(made, signal)


def test_fibrillating_items_have_no_p_wave_and_beats_without_order(items):
    made, moved = augmentation("fibrillation", fibrillation=1.0).with_targets(*items)
    assert not (moved == P).any()
    for row in moved:
        assert inner(row, QRS) == pytest.approx([20] * len(inner(row, QRS)), abs=1)
    spread = np.array([np.std(intervals(row)) / np.mean(intervals(row)) for row in moved if len(intervals(row)) > 2])
    assert (spread > 0.05).mean() > 0.5
    assert (spread < 0.01).any(), "in some the beats are regular"
    pauses = made[:, 0][moved == NONE]
    assert 0.01 < float(pauses.std()) < 0.25, "fibrillatory waves"
    assert torch.isfinite(made).all()


def test_the_p_wave_of_a_fibrillating_item_is_gone_from_the_signal(items, monkeypatch):
    monkeypatch.setattr("ecgtool.training.augment_waves.LARGEST_MV", 0.0)
    made, moved = augmentation("fibrillation", fibrillation=1.0).with_targets(*items)
    assert float(made[:, 0][moved == NONE].abs().max()) < 0.1, "the P waves had 0.2"
    assert float(made.max()) == pytest.approx(1.0, abs=0.05)


def test_of_the_items_a_share_fibrillates_and_the_others_stay_as_they_are(items):
    signal, target = (each.repeat(20, *[1] * (each.ndim - 1)) for each in items)
    made, moved = augmentation("fibrillation", fibrillation=0.3).with_targets(signal, target)
    without = ~(moved == P).any(dim=1)
    assert 0.2 < float(without.float().mean()) < 0.4
    assert torch.equal(made[~without], signal[~without])
    assert torch.equal(moved[~without], target[~without])


def test_fibrillatory_waves_of_limb_leads_obey_einthoven_and_goldberger(items):
    signal, target = items
    made, _ = augmentation("fibrillation", LEADS_12, fibrillation=1.0).with_targets(
        torch.zeros(16, 12, signal.shape[-1]), target
    )
    one, two, three, right, left, foot = made[:, :6].unbind(dim=1)
    assert float((one - two + three).abs().max()) < 1e-5
    assert float((right + left + foot).abs().max()) < 1e-5
    assert float(made.std()) > 0.005


@pytest.mark.parametrize("name", ["fibrillation", "hurry"])
def test_the_same_seed_gives_the_same_items_and_the_next_batch_others(items, name):
    made = augmentation(name, fibrillation=1.0)
    first = made.with_targets(*items)
    assert not torch.equal(first[0], made.with_targets(*items)[0])
    made.begin(7, "cpu")
    assert all(map(torch.equal, first, made.with_targets(*items)))


@pytest.mark.parametrize("name", ["fibrillation", "hurry"])
def test_items_whose_waves_nobody_knows_stay_as_they_are(items, name):
    assert torch.equal(augmentation(name, fibrillation=1.0)(items[0]), items[0])
