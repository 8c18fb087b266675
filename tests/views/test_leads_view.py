"""Leads of recordings as items of their own, for networks that label samples."""

import numpy as np
import pytest

from ecgtool.datasets.ludb import LUDB
from ecgtool.datasets.prepare import prepare
from ecgtool.errors import ConfigError
from ecgtool.settings import DataConfig, Preprocessing
from ecgtool.task import Task
from ecgtool.views import view
from tests.marked import write_ludb


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("marked")
    corpus = LUDB(write_ludb(folder / "ludb", numbers=(1, 2, 5)), 100.0)
    return prepare(corpus, folder / "store", steps=Preprocessing(fs=100.0))


@pytest.fixture
def leads(store):
    return view(store, store.task(), ("signal",), DataConfig())


def test_each_lead_is_an_item_with_the_signal_and_targets_of_its_own(store, leads):
    held = leads.manifest
    assert (held.items, held.leads, held.samples) == (36, ("any",), 1000)
    assert leads.names()[13] == "2:II"
    np.testing.assert_array_equal(leads.signals[np.array([0, 13, 35])][:, 0], store.signals[[0, 1, 2], [0, 1, 11]])
    np.testing.assert_array_equal(leads.signals[13][0], store.signals[1, 1])
    np.testing.assert_array_equal(leads.targets(store.task())[13], store.targets(store.task())[1, 1])


def test_leads_stay_in_the_split_of_their_recording(store, leads):
    for split in ("train", "val", "test"):
        recordings = np.unique(leads.within[leads.indices(split, store.task())])
        np.testing.assert_array_equal(recordings, store.indices(split))
    assert sum(leads.manifest.splits.values()) == leads.manifest.items


def test_another_task_is_refused(leads):
    with pytest.raises(ConfigError, match="viewed for the task 'waves'"):
        leads.targets(Task(name="other", kind="waves", labels=("none", "P")))
