"""What every view of a store promises; a name is tested the moment it stands in the table."""

import json
import pickle

import numpy as np
import pytest
from worded import worded_store

from ecgtool.errors import ConfigError
from ecgtool.settings import BeatConfig, DataConfig
from ecgtool.store import SPLITS, Store
from ecgtool.task import Task
from ecgtool.views import VIEWS, kind_of, view

MARKS = Task(name="marks", kind="waves", labels=("none", "QRS"))
DATA = DataConfig(beats=BeatConfig(before_s=0.1, after_s=0.2, features=("previous", "ratio")))
FOR = {
    "beats": ("beats", ("signal", "tabular")),
    "leads": ("marks", ("signal",)),
    "sentences": ("beats", ("signal", "tokens", "tabular")),
}
"""The task and the words of the contract that a view is for; a view that is not here fails."""

every_view = pytest.mark.parametrize("name", VIEWS)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with all that views are made of: beats, samples that are labelled, sentences."""
    held = worded_store(tmp_path_factory.mktemp("views") / "store", items=20, samples=600)
    shape = (held.manifest.items, len(held.manifest.leads), held.manifest.samples)
    np.save(held.path / "targets" / "marks.npy", np.random.default_rng(0).integers(-1, 2, shape).astype(np.int16))
    manifest = json.loads((held.path / "manifest.json").read_text())
    manifest["tasks"].append(MARKS.model_dump(mode="json"))
    (held.path / "manifest.json").write_text(json.dumps(manifest))
    return Store.open(held.path)


@pytest.fixture
def seen(store, name):
    task, reads = FOR[name]
    return view(store, store.task(task), reads, DATA)


@every_view
def test_it_is_taken_for_its_task_and_what_an_architecture_reads(store, seen, name):
    task, reads = FOR[name]
    assert kind_of(store.task(task), reads) == name
    assert isinstance(seen, VIEWS.load(name))


@every_view
def test_every_array_has_a_row_per_item(seen):
    held, task = seen.manifest, seen.viewed
    assert held.items >= seen.base.manifest.items
    assert len(seen.signals) == len(seen.targets(task)) == len(seen.items) == len(seen.within) == held.items
    assert (len(seen.tabular), seen.tabular.shape[-1]) == (held.items, len(held.tabular))
    assert len(set(seen.column("id"))) == held.items
    assert seen.items["id"].tolist() == seen.column("id")
    assert len(seen.owners(task)) == held.items


@every_view
def test_items_are_gathered_alike_alone_and_together(seen):
    held = seen.manifest
    some = np.array([held.items - 1, 0, 3])
    together = seen.signals[some]
    assert together.dtype == np.int16
    assert together.shape == (3, len(held.leads), held.samples)
    for row, item in enumerate(some.tolist()):
        np.testing.assert_array_equal(together[row], seen.signals[item])
    np.testing.assert_array_equal(seen.signals[:4][3], seen.signals[3])
    assert seen.signals[np.empty(0, np.int64)].shape == (0, len(held.leads), held.samples)


@every_view
def test_items_stay_in_the_split_and_with_the_patient_of_what_they_lie_in(seen):
    for column in ("split", "patient"):
        assert seen.column(column) == np.array(seen.base.column(column))[seen.within].tolist()
    split = np.array(seen.column("split"))
    assert {each: int((split == each).sum()) for each in SPLITS} == seen.manifest.splits


@every_view
def test_targets_are_labels_or_not_asked(seen):
    targets, task = seen.targets(seen.viewed), seen.viewed
    assert targets.min() >= -1
    assert targets.max() == len(task.labels) - 1
    assert seen.labelled(task).sum() == (targets.reshape(len(targets), -1) >= 0).any(axis=1).sum()
    with pytest.raises(ConfigError, match=f"viewed for the task '{task.name}'"):
        seen.targets(task.model_copy(update={"name": "other"}))


@every_view
def test_words_are_there_where_an_item_is_a_sentence(seen, name):
    some = np.array([2, 0])
    tokens = seen.tokens(some)
    if name != "sentences":
        assert tokens is None
        return
    assert tokens.dtype == np.int64
    assert tokens.shape == (2, seen.manifest.words.longest, 4)


@every_view
def test_each_place_that_is_asked_has_a_name_of_its_own(seen):
    targets = seen.targets(seen.viewed)
    asked = np.argwhere(targets.reshape(len(targets), -1) >= 0)[:50]
    names = seen.places(asked[:, 0], asked[:, 1])
    assert len(names) == len(asked)
    if targets.ndim > 1:
        assert len(set(names)) == len(asked)


@every_view
def test_loader_processes_are_given_the_same_items(seen):
    _ = seen.signals[0], seen.targets(seen.viewed)
    sent = pickle.dumps(seen)
    assert len(sent) < 20_000
    again = pickle.loads(sent)
    np.testing.assert_array_equal(again.signals[:5], seen.signals[:5])
    np.testing.assert_array_equal(again.targets(again.viewed)[:5], seen.targets(seen.viewed)[:5])


@every_view
def test_its_digest_is_the_same_whenever_it_is_opened_and_not_that_of_the_store(store, seen, name):
    task, reads = FOR[name]
    again = view(Store.open(store.path), store.task(task), reads, DATA)
    assert again.digest(again.viewed) == seen.digest(seen.viewed)
    assert seen.digest(seen.viewed) != store.digest(store.task(task))
