"""From recordings to a store: what is counted, filled, clipped, left out and told; and a store that exists already."""

import csv
import os
import tracemalloc

import numpy as np
import pytest
from corpora import BEATS, TOY, Few, contents, prepare, write_counts, write_few

from ecgtool.datasets import prepare as loop
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError
from ecgtool.settings import Preprocessing
from ecgtool.store import Store
from ecgtool.task import NOT_LABELLED


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "corpus"


@pytest.fixture
def counts(folder):
    return write_few(folder)


@pytest.fixture
def told(caplog, monkeypatch):
    """What prepare said: level and text of each line."""
    monkeypatch.setattr(loop.console.log, "propagate", True)
    caplog.set_level("INFO", loop.console.log.name)
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def items(store):
    with (store.path / "items.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_counts_are_microvolts_without_the_median_of_each_lead(folder, counts, tmp_path):
    store = prepare(Few(folder), tmp_path / "out")
    assert store.signals.dtype == np.int16
    assert store.signals.shape == (12, 2, 200)
    exact = counts - np.median(counts, axis=2, keepdims=True)
    assert np.abs(store.signals - exact).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(store.millivolts(3), exact[3] / 1000, atol=6e-4)
    assert (store.manifest.scale_uv, store.manifest.calibrated) == (1.0, True)
    assert (store.manifest.saturated, store.manifest.invalid) == (0, 0)


def test_items_targets_and_tabular_values_are_those_of_the_entries(folder, counts, tmp_path):
    corpus = Few(folder, tasks=(TOY, BEATS))
    store = prepare(corpus, tmp_path / "out")
    rows = items(store)
    assert list(rows[0]) == ["id", "patient", "record", "onset_s", "split", "fold", "site"]
    assert [row["id"] for row in rows] == [entry.id for entry in corpus.entries]
    assert rows[3] == {
        "id": "e0003",
        "patient": "p1",
        "record": "r003",
        "onset_s": "0.0",
        "split": "train",
        "fold": "2",
        "site": "0",
    }
    np.testing.assert_array_equal(store.targets(TOY), corpus.targets["toy"])
    np.testing.assert_array_equal(store.targets(BEATS), corpus.targets["beats"])
    np.testing.assert_array_equal(store.tabular, corpus.tabular_values)
    assert np.isnan(store.tabular[0, 0])
    assert store.manifest.patients == 6
    assert store.manifest.splits == {"train": 8, "val": 2, "test": 2}


def test_items_without_a_label_are_counted_per_task(folder, counts, tmp_path):
    notes = prepare(Few(folder, tasks=(TOY, BEATS)), tmp_path / "out").manifest.notes
    assert notes == (
        "2 of 12 items carry no label of toy and are left out of that task.",
        "3 of 12 items carry no label of beats and are left out of that task.",
    )


def test_samples_that_do_not_fit_are_clipped_counted_and_told(folder, counts, tmp_path, told):
    spiky = counts[4].copy()
    spiky[:] = 0
    spiky[0, 10:13] = 60_000
    spiky[1, 20] = -40_000
    spiky[1, 21] = 32_766
    write_counts(folder, "r004", spiky)
    store = prepare(Few(folder), tmp_path / "out")
    assert store.manifest.saturated == 4
    assert store.signals[4, 0, 10:13].tolist() == [32767] * 3
    assert store.signals[4, 1, 20:22].tolist() == [-32767, 32766]
    note = "4 samples beyond ±32.767 mV were clipped."
    assert note in store.manifest.notes
    assert ("WARNING", note) in told()


def test_samples_marked_invalid_are_bridged_and_counted(folder, counts, tmp_path, told):
    gappy = counts[2].astype(float)
    gappy[0, 50:60] = np.nan
    gappy[1, :5] = np.nan
    write_counts(folder, "r002", gappy)
    store = prepare(Few(folder), tmp_path / "out")
    assert store.manifest.invalid == 15
    assert ("WARNING", "15 samples marked invalid were bridged.") in told()
    bridge = np.diff(store.signals[2, 0, 49:61].astype(int))
    assert np.ptp(bridge) <= 2
    assert len(set(store.signals[2, 1, :6].tolist())) == 1


def test_missing_recordings_are_listed_the_first_ten_and_how_many(folder, tmp_path, told):
    write_few(folder, 30)
    for number in range(5, 20):
        (folder / f"r{number:03d}.hea").unlink()
    corpus = Few(folder, 30)
    store = prepare(corpus, tmp_path / "out")
    named = ", ".join(f"r{number:03d}" for number in range(5, 15))
    assert ("WARNING", f"15 recordings are missing: {named}, and 5 more.") in told()
    kept = [*range(5), *range(20, 30)]
    assert [row["record"] for row in items(store)] == [f"r{number:03d}" for number in kept]
    assert store.manifest.items == 15
    np.testing.assert_array_equal(store.targets(TOY), corpus.targets["toy"][kept])
    np.testing.assert_array_equal(store.tabular, corpus.tabular_values[kept])


def test_a_recording_without_its_samples_is_missing_too(folder, counts, tmp_path):
    (folder / "r003.dat").unlink()
    assert prepare(Few(folder), tmp_path / "out").manifest.notes[0] == "1 recordings are missing: r003."


def test_damaged_recordings_are_told_with_the_reason_and_left_out(folder, counts, tmp_path, told):
    (folder / "r001.hea").write_text("r001 two 100 200\n")
    write_counts(folder, "r005", counts[5][:1], leads=("V9",))
    store = prepare(Few(folder), tmp_path / "out")
    assert store.manifest.items == 10
    [note] = [text for level, text in told() if "cannot be used" in text]
    assert note.startswith("2 recordings cannot be used: ")
    assert "r001.hea" in note
    assert "lacks lead I, II" in note
    assert note in store.manifest.notes


def test_where_nothing_can_be_read_there_is_no_store(folder, tmp_path):
    folder.mkdir()
    with pytest.raises(DataError, match="None of the 12 recordings of few is there; the first is r000"):
        prepare(Few(folder), tmp_path / "out")
    for number in range(12):
        (folder / f"r{number:03d}.hea").write_text("nonsense\n")
    with pytest.raises(DataError, match=r"None of the 12 recordings can be used.*r000\.hea"):
        prepare(Few(folder), tmp_path / "stores" / "out")
    assert list((tmp_path / "stores").iterdir()) == []


def test_where_nothing_can_be_used_the_first_advice_is_passed_on(folder, tmp_path, monkeypatch):
    def lost(self, entry):
        raise FormatError(f"{entry.id} is odd.", f"Mend {entry.id}.")

    monkeypatch.setattr(Few, "read", lost)
    with pytest.raises(DataError, match="The first: e0000 is odd") as refused:
        prepare(Few(folder), tmp_path / "out")
    assert refused.value.hint == "Mend e0000."


def test_going_on_after_a_download_reads_what_was_missing_before(folder, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_BYTES", 1600)
    whole = contents(prepare(Few(folder), tmp_path / "whole").path)
    (folder / "r003.hea").rename(tmp_path / "r003.hea")
    saved = (folder / "r005.dat").read_bytes()
    (folder / "r005.dat").write_bytes(saved[:7])
    with pytest.raises(EcgError):
        prepare(Deadly(folder, at="e0010"), tmp_path / "out", workers=2)
    (tmp_path / "r003.hea").rename(folder / "r003.hea")
    (folder / "r005.dat").write_bytes(saved)
    assert contents(prepare(Few(folder), tmp_path / "out").path) == whole


def test_after_a_download_the_recordings_that_were_missing_are_read(folder, counts, tmp_path):
    with pytest.raises(DataError):
        prepare(Few(tmp_path / "elsewhere"), tmp_path / "out")
    assert prepare(Few(folder), tmp_path / "out").manifest.items == 12


def test_longer_recordings_keep_their_beginning_and_one_lost_sample_is_repeated(folder, counts, tmp_path, told):
    long = np.concatenate([counts[1], counts[1]], axis=1)
    write_counts(folder, "r001", long)
    write_counts(folder, "r002", counts[2][:, :199])
    write_counts(folder, "r003", counts[3][:, :198])
    store = prepare(Few(folder), tmp_path / "out")
    assert ("WARNING", "1 recordings are longer than 2 s; their beginning was kept.") in told()
    assert "r003" in store.manifest.notes[0]
    assert [row["record"] for row in items(store)][:4] == ["r000", "r001", "r002", "r004"]
    exact = counts[1] - np.median(long, axis=1, keepdims=True)
    assert np.abs(store.signals[1] - exact).max() <= 0.5 + 1e-3
    assert (store.signals[2, :, 199] == store.signals[2, :, 198]).all()


def test_windows_follow_each_other_and_inherit_what_their_recording_has(folder, counts, tmp_path):
    write_counts(folder, "r001", np.tile(counts[1], 2)[:, :370])
    corpus = Few(folder, tasks=(TOY, BEATS))
    store = prepare(corpus, tmp_path / "out", window_s=0.5)
    rows = items(store)
    assert store.manifest.kind == "windows"
    assert store.manifest.samples == 50
    assert len(rows) == 11 * 4 + 7
    assert [row["id"] for row in rows[3:11]] == ["e0000#3", *(f"e0001#{window}" for window in range(7))]
    assert [float(row["onset_s"]) for row in rows[4:11]] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    entry = [int(row["id"][1:5]) for row in rows]
    np.testing.assert_array_equal(store.targets(TOY), corpus.targets["toy"][entry])
    np.testing.assert_array_equal(store.targets(BEATS), corpus.targets["beats"][entry])
    np.testing.assert_array_equal(store.tabular, corpus.tabular_values[entry])
    exact = counts[0] - np.median(counts[0], axis=1, keepdims=True)
    joined = np.concatenate(list(store.signals[:4]), axis=1)
    assert np.abs(joined - exact).max() <= 0.5 + 1e-3
    assert store.manifest.patients == 6


def test_a_split_without_items_is_told(folder, counts, tmp_path, told):
    store = prepare(Few(folder, 8), tmp_path / "out")
    note = "No items are in test; training, choosing the best epoch and figures need train, val and test."
    assert ("WARNING", note) in told()
    assert note in store.manifest.notes
    assert not [line for line in prepare(Few(folder, 10), tmp_path / "all").manifest.notes if "No items" in line]


def test_recordings_shorter_than_a_window_are_told(folder, counts, tmp_path):
    write_counts(folder, "r006", counts[6][:, :150])
    store = prepare(Few(folder), tmp_path / "out", window_s=2.0)
    assert store.manifest.items == 11
    assert "r006" in store.manifest.notes[0]
    assert "1.5 s" in store.manifest.notes[0]


@pytest.mark.parametrize("window_s", [0.001, -1.0, float("nan"), float("inf"), 1e300])
def test_a_window_that_is_no_length_of_time_is_refused(folder, counts, tmp_path, window_s):
    with pytest.raises(ConfigError, match="cannot be"):
        prepare(Few(folder), tmp_path / "out", window_s=window_s)


def test_another_rate_resamples(folder, counts, tmp_path):
    times = np.arange(200) / 100
    for number in range(12):
        write_counts(folder, f"r{number:03d}", np.rint(500 * np.sin(2 * np.pi * 3 * np.tile(times, (2, 1)))))
    store = prepare(Few(folder), tmp_path / "out", steps=Preprocessing(fs=250))
    assert (store.manifest.fs, store.manifest.samples) == (250, 500)
    expected = 500 * np.sin(2 * np.pi * 3 * np.arange(500) / 250)
    np.testing.assert_allclose(store.signals[0, 0, 50:450], expected[50:450], atol=8)


def test_workers_change_nothing(folder, counts, tmp_path, monkeypatch):
    (folder / "r003.hea").unlink()
    (folder / "r007.hea").write_text("nonsense\n")
    monkeypatch.setattr(loop, "CHUNK_BYTES", 1600)
    corpus = Few(folder, tasks=(TOY, BEATS))
    one = contents(prepare(corpus, tmp_path / "one").path)
    two = contents(prepare(corpus, tmp_path / "two", workers=2).path)
    assert one == two
    monkeypatch.setattr(loop, "CHUNK_BYTES", 2**20)
    assert contents(prepare(corpus, tmp_path / "large").path) == one


def test_a_worker_that_dies_is_one_error_and_the_same_again_goes_on(folder, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_BYTES", 1600)
    whole = contents(prepare(Few(folder), tmp_path / "whole").path)
    with pytest.raises(EcgError, match="worker process ended"):
        prepare(Deadly(folder), tmp_path / "out", workers=2)
    assert contents(prepare(Few(folder), tmp_path / "out").path) == whole


class Deadly(Few):
    """A corpus one of whose recordings takes the process down that reads it."""

    def __init__(self, folder, at="e0007"):
        super().__init__(folder)
        self.at = at

    def read(self, entry):
        if entry.id == self.at:
            os._exit(3)
        return super().read(entry)


def test_a_store_that_was_made_with_the_same_options_is_left_alone(folder, counts, tmp_path, told):
    out = tmp_path / "out"
    prepare(Few(folder), out)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.rglob("*")}
    store = prepare(Few(folder), out)
    assert store.manifest.items == 12
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.rglob("*")} == before
    assert ("INFO", f"{out} is already prepared: nothing to do.") in told()


def test_a_further_task_is_added_beside_the_others(folder, counts, tmp_path):
    (folder / "r001.hea").unlink()
    out = tmp_path / "out"
    first = prepare(Few(folder), out)
    task = first.digest(TOY)
    store = prepare(Few(folder, tasks=(BEATS,)), out)
    assert [each.name for each in store.manifest.tasks] == ["toy", "beats"]
    kept = [0, *range(2, 12)]
    np.testing.assert_array_equal(store.targets(BEATS), Few(folder).targets["beats"][kept])
    assert any("beats" in note for note in store.manifest.notes)
    assert store.digest(TOY) == task
    both = prepare(Few(folder, tasks=(TOY, BEATS)), tmp_path / "both")
    assert contents(both.path) == contents(out)


def test_a_task_is_added_to_windows_too(folder, counts, tmp_path):
    prepare(Few(folder), tmp_path / "out", window_s=0.5)
    store = prepare(Few(folder, tasks=(BEATS,)), tmp_path / "out", window_s=0.5)
    np.testing.assert_array_equal(store.targets(BEATS), np.repeat(Few(folder).targets["beats"], 4))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": Preprocessing(fs=50)}, "fs 100.0 rather than 50.0"),
        ({"steps": Preprocessing(fs=100, highpass=0.5)}, "highpass None rather than 0.5"),
        ({"window_s": 1.0}, "window_s None rather than 1.0"),
        ({"options": {"likelihood": "gt0"}}, "likelihood None rather than gt0"),
        ({"records": 11}, "made from another list.csv"),
    ],
)
def test_a_store_made_with_other_options_is_refused_with_what_differs(folder, counts, tmp_path, change, word):
    before = contents(prepare(Few(folder), tmp_path / "out").path)
    corpus = Few(folder, change.pop("records", 12), options=change.pop("options", None))
    with pytest.raises(ConfigError, match=word) as refused:
        prepare(corpus, tmp_path / "out", **change)
    assert "--force" in refused.value.hint
    assert contents(tmp_path / "out") == before
    made = prepare(corpus, tmp_path / "out", force=True, **change)
    assert contents(made.path) != before


def test_a_store_is_refused_when_recordings_it_left_out_have_come_since(folder, counts, tmp_path):
    saved = (folder / "r004.hea").read_bytes()
    (folder / "r004.hea").unlink()
    assert prepare(Few(folder), tmp_path / "out").manifest.items == 11
    assert prepare(Few(folder), tmp_path / "out").manifest.items == 11
    (folder / "r004.hea").write_bytes(saved)
    with pytest.raises(ConfigError, match=r"e0004.*can be read now"):
        prepare(Few(folder), tmp_path / "out")
    assert prepare(Few(folder), tmp_path / "out", force=True).manifest.items == 12


@pytest.mark.parametrize("make", ["file", "folder"])
def test_what_is_not_a_store_is_never_replaced(folder, counts, tmp_path, make):
    out = tmp_path / "out"
    if make == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "thesis.tex").write_text("mine")
    for force in (False, True):
        with pytest.raises(ConfigError, match="not a store"):
            prepare(Few(folder), out, force=force)
    assert (out if make == "file" else out / "thesis.tex").read_text() == "mine"


def test_data_that_are_not_millivolts_are_marked_as_such(folder, counts, tmp_path):
    for number in range(12):
        write_counts(folder, f"r{number:03d}", 30 * counts[number], calibrated=False)
    store = prepare(Few(folder), tmp_path / "out")
    assert not store.manifest.calibrated
    assert not store.record(0).calibrated
    assert np.percentile(np.abs(store.signals[0]), 99) == pytest.approx(1000, rel=0.1)


def test_millivolts_and_other_scales_do_not_go_into_one_store(folder, counts, tmp_path):
    write_counts(folder, "r009", counts[9], calibrated=False)
    with pytest.raises(DataError, match=r"r000.*r009"):
        prepare(Few(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    scaled = prepare(Few(folder), tmp_path / "out", steps=Preprocessing(fs=100, normalise="zscore"))
    assert not scaled.manifest.calibrated
    np.testing.assert_allclose(scaled.signals[9].std(axis=1), 1000, rtol=0.01)


def test_a_mixture_is_refused_whichever_comes_first_and_also_when_going_on(folder, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_BYTES", 800)
    write_counts(folder, "r000", counts[0], calibrated=False)
    for _attempt in range(2):
        with pytest.raises(DataError, match="not calibrated"):
            prepare(Few(folder), tmp_path / "out")


def test_text_that_a_spreadsheet_would_run_is_defused(folder, counts, tmp_path):
    corpus = Few(folder)
    for entry in corpus.entries:
        entry.metadata["device"] = "=1+1"
        entry.metadata["height"] = None
        entry.metadata["weight"] = float("nan")
    row = items(prepare(corpus, tmp_path / "out"))[0]
    assert (row["device"], row["height"], row["weight"]) == ("'=1+1", "", "")


def test_two_cannot_write_one_store_at_a_time(folder, counts, tmp_path):
    class Nested(Few):
        def read(self, entry):
            with pytest.raises(ConfigError, match="Another process is writing"):
                prepare(Few(folder), tmp_path / "out")
            return super().read(entry)

    assert prepare(Nested(folder), tmp_path / "out").manifest.items == 12


def test_memory_does_not_grow_with_the_corpus(folder, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_BYTES", 2**17)
    peaks = {}
    prepare(Few(folder, 170, files=12), tmp_path / "warm")
    for records in (200, 1600):
        corpus = Few(folder, records, files=12)
        tracemalloc.start()
        prepare(corpus, tmp_path / f"{records}")
        peaks[records] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert Store.open(tmp_path / "1600").signals.nbytes > 1_200_000
    assert peaks[1600] - peaks[200] < 300_000


def test_not_labelled_rows_stay_not_labelled(folder, counts, tmp_path):
    store = prepare(Few(folder), tmp_path / "out")
    assert (store.targets(TOY)[0] == NOT_LABELLED).all()
    assert store.labelled(TOY).sum() == 10
