"""Batches: which items, in which order, read how."""

import pickle

import numpy as np
import pytest
import torch
from support import MULTICLASS, make_store

from ecgtool.config import resolve
from ecgtool.errors import ConfigError, DataError
from ecgtool.training.data import Items, OrderedBatches, ShuffledBatches, chosen, loader, training_targets


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy")


def configured(**data):
    return resolve([{"data": data}])


def test_an_epoch_holds_every_item_once_in_batches_of_near_equal_size():
    batches = list(ShuffledBatches(np.arange(100, 133), batch=16, seed=1))
    assert [len(batch) for batch in batches] == [11, 11, 11]
    assert sorted(np.concatenate(batches)) == list(range(100, 133))


def test_each_batch_is_sorted_so_that_the_map_is_read_forwards():
    assert all((np.diff(batch) > 0).all() for batch in ShuffledBatches(np.arange(50), batch=8, seed=1))


def test_the_order_follows_from_seed_and_epoch_alone():
    def order(seed, epoch):
        return [batch.tolist() for batch in ShuffledBatches(np.arange(40), 8, seed, epoch)]

    assert order(1, 3) == order(1, 3)
    assert order(1, 3) != order(1, 4)
    assert order(1, 3) != order(2, 3)


def test_going_on_at_an_epoch_equals_reaching_it():
    reached = ShuffledBatches(np.arange(40), 8, seed=1)
    reached.set_epoch(3)
    begun = ShuffledBatches(np.arange(40), 8, seed=1, epoch=3)
    assert [batch.tolist() for batch in reached] == [batch.tolist() for batch in begun]


def test_two_processes_share_every_batch_of_one():
    whole = list(ShuffledBatches(np.arange(41), 8, seed=1))
    shares = [list(ShuffledBatches(np.arange(41), 8, seed=1, rank=rank, world=2)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *shares, strict=True):
        assert sorted([*first, *second]) == batch.tolist()


def test_a_batch_that_has_no_item_for_a_process_is_refused():
    with pytest.raises(ConfigError, match="cannot be shared by 4 processes"):
        ShuffledBatches(np.arange(9), 3, seed=1, world=4)


@pytest.mark.parametrize(("items", "world"), [(10, 1), (10, 2), (11, 4), (2, 3)])
def test_shares_of_the_validation_items_interleave_to_all_of_them_in_order(items, world):
    indices = np.arange(items) * 3
    shares = [np.concatenate(list(OrderedBatches(indices, 4, rank, world))) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert np.stack(shares).T.ravel()[:items].tolist() == indices.tolist()


def test_a_batch_is_what_the_store_holds_as_int16(store):
    items = np.array([3, 7, 20])
    batch = next(iter(loader(Items(store, np.array(store.targets(store.task())), 2), [items])))
    assert batch.signal.dtype == torch.int16
    np.testing.assert_array_equal(batch.signal, store.signals[items])
    np.testing.assert_array_equal(batch.tabular, store.tabular[items])
    np.testing.assert_array_equal(batch.target, store.targets(store.task())[items])


def test_a_model_without_tabular_inputs_is_given_none(store):
    batch = Items(store, np.array(store.targets(store.task())), 0)[np.array([1, 2])]
    assert batch.tabular.shape == (2, 0)


def test_loader_processes_yield_the_same_and_carry_no_signals(store):
    dataset = Items(store, np.array(store.targets(store.task())), 2)
    sampler = ShuffledBatches(store.indices("train"), 8, seed=1)
    alone = [batch.signal for batch in loader(dataset, sampler)]
    shared = [batch.signal for batch in loader(dataset, sampler, workers=1)]
    assert all(torch.equal(one, other) for one, other in zip(alone, shared, strict=True))
    assert len(pickle.dumps(dataset)) < 2000


def test_only_labelled_items_are_chosen_and_the_limit_is_kept(store):
    task = store.task()
    labelled = chosen(store, task, "test", configured())
    assert labelled.tolist() == [item for item in store.indices("test") if item < 58]
    limited = chosen(store, task, "train", configured(limit=7))
    assert len(limited) == 7
    assert set(limited) <= set(store.indices("train"))
    assert limited.tolist() == sorted(chosen(store, task, "train", configured(limit=7)))


def test_an_empty_split_is_named(tmp_path):
    store = make_store(tmp_path / "few", items=12, unlabelled=0)
    with pytest.raises(DataError, match="no item in the split 'val'"):
        chosen(store, store.task(), "val", configured())


def test_shuffled_labels_are_those_of_each_split_in_another_order(tmp_path):
    store = make_store(tmp_path / "toy", task=MULTICLASS)
    task, splits = store.task(), [store.indices(split) for split in ("train", "val")]
    truth = np.array(store.targets(task))
    shuffled = training_targets(store, task, splits, configured(shuffle_labels=True))
    for items in splits:
        assert (shuffled[items] != truth[items]).any()
        assert sorted(shuffled[items]) == sorted(truth[items])
    others = store.indices("test")
    np.testing.assert_array_equal(shuffled[others], truth[others])


def test_the_size_of_a_batch_is_known_beforehand():
    for items, batch in ((47, 10), (40, 10), (7, 100)):
        batches = ShuffledBatches(np.arange(items), batch, seed=0)
        assert [batches.items(index) for index in range(len(batches))] == [len(part) for part in batches]
