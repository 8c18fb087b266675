"""Heartbeats as items: each with the signal around it, its features and its class."""

import numpy as np
import pytest
from heartbeats import FS, marks, write_few

from ecgtool.datasets.mitdb import MITDB, Choices
from ecgtool.datasets.prepare import prepare
from ecgtool.errors import ConfigError
from ecgtool.settings import BeatConfig, DataConfig, Preprocessing
from ecgtool.signals.beats import show
from ecgtool.task import Task
from ecgtool.views import view

READS = ("signal", "tabular")
DATA = DataConfig(beats=BeatConfig(before_s=0.5, after_s=0.25, features=("previous", "ratio")))


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beats")
    corpus = MITDB(write_few(folder / "mitdb", ("100", "101", "108")), choices=Choices(symbols="ecgbert", skip_s=300))
    return prepare(corpus, folder / "store", steps=Preprocessing(fs=FS))


@pytest.fixture
def seen(store):
    return view(store, store.task("aami5"), READS, DATA)


def test_an_item_is_a_labelled_beat_with_its_peak_where_the_window_says(seen):
    task = seen.viewed
    assert len(seen.signals) == seen.manifest.items == len(seen.targets(task)) == len(seen.tabular)
    assert seen.signals[:].shape == (seen.manifest.items, 2, seen.manifest.samples)
    real = np.array(seen.column("symbol")) != "+"
    assert (seen.signals[:][real, 0, 180] == 1000).all()
    assert (seen.signals[:][real, 1, 180] == -500).all()


def test_beats_that_are_skipped_are_no_items_but_count_in_the_intervals(seen):
    onsets = seen.items["onset_s"].to_numpy()
    assert onsets.min() >= 300
    samples, _ = marks(0)
    first = np.flatnonzero(samples[1:] / FS >= 300)[0]
    assert seen.tabular[0, 0] == pytest.approx((samples[1:][first] - samples[1:][first - 1]) / FS)


def test_ids_name_the_record_and_the_time(seen):
    samples, _ = marks(0)
    first = samples[1:][samples[1:] / FS >= 300][0]
    assert seen.column("id")[0] == f"100@{first / FS:.3f}"
    assert len(set(seen.column("id"))) == seen.manifest.items
    assert seen.items["symbol"].tolist() == seen.column("symbol")


def test_splits_are_those_of_the_records(seen):
    split = np.array(seen.column("split"))
    assert {name: int((split == name).sum()) for name in ("train", "val", "test")} == seen.manifest.splits
    assert all((np.array(seen.column("record"))[seen.indices("test")]) == "100")


def test_training_and_predicting_are_shown_the_same(store, seen):
    item = store.column("id").index("101")
    mine = seen.within == item
    every = store.beats.sample[(store.beats.item == item)]
    symbols = np.array(store.manifest.symbols)[store.beats.symbol[store.beats.item == item]]
    peaks = every[symbols != "+"].astype(np.int64)
    shown = show(store.millivolts(item), FS, peaks, DATA.beats)
    wanted = np.isin(peaks, seen.peaks[mine])
    assert np.allclose(shown.windows[wanted], seen.signals[:][mine] / 1000)
    assert np.allclose(shown.features[wanted], seen.tabular[mine], equal_nan=True)


def test_windows_beyond_the_ends_repeat_the_last_sample():
    signal = np.arange(10, dtype=np.float32)[None]
    shown = show(signal, 10.0, np.array([1, 9]), BeatConfig(before_s=0.3, after_s=0.2, features=()))
    assert shown.windows[:, 0].tolist() == [[0, 0, 0, 1, 2, 3], [6, 7, 8, 9, 9, 9]]
    assert shown.features.shape == (2, 0)


def test_other_windows_or_features_are_another_digest(store, seen):
    task = seen.viewed
    other = view(store, task, READS, DataConfig(beats=DATA.beats.model_copy(update={"before_s": 0.6})))
    assert other.digest(task) != seen.digest(task)
    assert view(store, task, READS, DATA).digest(task) == seen.digest(task)


def test_a_task_of_items_and_a_feature_that_there_is_not_are_refused(store):
    from ecgtool.views.beats import BeatView

    with pytest.raises(ConfigError, match="not of heartbeats"):
        BeatView(store, Task(name="x", kind="multiclass", labels=("a", "b")), DATA)
    with pytest.raises(ConfigError, match="RR feature 'rato'"):
        _ = view(store, store.task("aami5"), READS, DataConfig(beats=BeatConfig(features=("rato",)))).tabular
