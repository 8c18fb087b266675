"""Recordings as they come: of other lengths, rates and leads, fragments of recordings, and files that look wrong."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from corpora import TOY, Few, contents, prepare, write_counts, write_few

from ecgtool.datasets import prepare as loop
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError, DataError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_8
from ecgtool.settings import Preprocessing
from ecgtool.store import Store


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "corpus"


@pytest.fixture
def told(caplog, monkeypatch):
    """The warnings of prepare."""
    monkeypatch.setattr(loop.console.log, "propagate", True)
    caplog.set_level("INFO", loop.console.log.name)
    return lambda: [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def items(store):
    with (store.path / "items.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ramp(samples, leads=2, seed=0):
    return np.random.default_rng(seed).integers(-900, 900, (leads, samples))


CENTRED = Preprocessing(fs=100, fit="centre")


def test_recordings_of_any_length_fit_by_their_middle_or_between_zeros(folder, tmp_path, told):
    counts = write_few(folder, 4)
    longer, shorter = ramp(300, seed=1), ramp(120, seed=2)
    write_counts(folder, "r001", longer)
    write_counts(folder, "r002", shorter)
    store = prepare(Few(folder, 4), tmp_path / "out", steps=CENTRED)
    middle = longer[:, 50:250]
    assert np.abs(store.signals[1] - (middle - np.median(middle, axis=1, keepdims=True))).max() <= 0.5 + 1e-3
    assert not store.signals[2][:, :40].any()
    assert not store.signals[2][:, 160:].any()
    level = shorter - np.median(shorter, axis=1, keepdims=True)
    assert np.abs(store.signals[2][:, 40:160] - level).max() <= 0.5 + 1e-3
    exact = counts[3] - np.median(counts[3], axis=1, keepdims=True)
    assert np.abs(store.signals[3] - exact).max() <= 0.5 + 1e-3
    assert [row["onset_s"] for row in items(store)] == ["0.0", "0.5", "-0.4", "0.0"]
    assert "1 recordings are longer than 2 s; their middle was kept." in told()
    assert "1 recordings are shorter than 2 s; they were put between zeros." in told()


def test_without_a_fit_shorter_ones_are_left_out_and_told(folder, tmp_path):
    write_few(folder, 4)
    write_counts(folder, "r002", ramp(120))
    store = prepare(Few(folder, 4), tmp_path / "out")
    assert store.manifest.items == 3
    assert "lasts 1.2 s, less than the 2 s of an item" in " ".join(store.manifest.notes)


def test_windows_and_the_centre_exclude_each_other(folder, tmp_path):
    write_few(folder, 2)
    with pytest.raises(ConfigError, match="--fit centre makes one item of a recording, --window-s several"):
        prepare(Few(folder, 2), tmp_path / "out", steps=CENTRED, window_s=1.0)


class Eight(Few):
    """The same with eight leads."""

    leads = LEADS_8


def write_eight(folder, records, lacking):
    """Recordings of eight leads, those of ``lacking`` without some of them."""
    counts = write_few(folder, records, leads=LEADS_8)
    for number, leads in lacking.items():
        kept = [lead for lead in LEADS_8 if lead not in leads]
        rows = counts[number][[LEADS_8.index(lead) for lead in kept]]
        write_counts(folder, f"r{number:03d}", rows, leads=tuple(kept))
    return counts


MASKED = Preprocessing(fs=100, missing="mask")


def test_missing_leads_are_imputed_and_a_ninth_channel_says_so(folder, tmp_path, told):
    write_eight(folder, 5, {1: ("V3",), 4: ("V5", "V6")})
    store = prepare(Eight(folder, 5), tmp_path / "out", steps=MASKED)
    assert store.manifest.leads == (*LEADS_8, "mask")
    assert store.signals.shape == (5, 9, 200)
    assert store.signals[:, 8, 0].tolist() == [1000, 875, 1000, 1000, 750]
    neighbours = (store.signals[1, 3].astype(int) + store.signals[1, 5]) / 2
    shift = store.signals[1, 4] - neighbours
    assert np.ptp(shift) <= 2
    assert "2 recordings lack leads; these were imputed." in told()


def test_without_a_mask_recordings_that_lack_leads_are_left_out_and_told(folder, tmp_path):
    write_eight(folder, 5, {1: ("V3",)})
    store = prepare(Eight(folder, 5), tmp_path / "out")
    assert store.manifest.items == 4
    assert "lacks lead V3" in " ".join(store.manifest.notes)


def test_the_bytes_do_not_depend_on_the_workers_with_fit_mask_and_filter(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_BYTES", 2**12)
    write_eight(folder, 12, {1: ("V3",), 4: ("V5", "V6")})
    write_counts(folder, "r007", ramp(300, 8), leads=LEADS_8)
    steps = Preprocessing(fs=100, missing="mask", fit="centre", highpass=0.05, highpass_filter="fir")
    one = prepare(Eight(folder, 12), tmp_path / "one", steps=steps)
    two = prepare(Eight(folder, 12), tmp_path / "two", steps=steps, workers=2)
    assert contents(one.path) == contents(two.path)
    assert items(one)[7]["onset_s"] == "0.5"


def test_recordings_of_other_rates_are_brought_to_the_stores(folder, tmp_path):
    write_few(folder, 3)
    times = np.arange(500) / 250
    write_counts(folder, "r001", 800 * np.sin(2 * np.pi * 3 * np.stack([times, times + 0.1])), fs=250.0)
    store = prepare(Few(folder, 3), tmp_path / "out")
    expected = 0.8 * np.sin(2 * np.pi * 3 * np.arange(200) / 100)
    np.testing.assert_allclose(store.millivolts(1)[0][20:-20], expected[20:-20], atol=0.01)


# --- fragments -------------------------------------------------------------------------------------------------------


class Fragments(Few):
    """Two fragments of each recording, with labels of their own: from 0.5 s for 1 s, and from 2 s to the end."""

    samples = 100

    def __init__(self, folder, records):
        super().__init__(folder, records)
        whole = self.entries
        self.entries = [
            Entry(f"{each.id}.{number}", each.patient, each.record, each.split, each.fold, each.metadata, *part)
            for each in whole
            for number, part in enumerate([(0.5, 1.0), (2.0, None)])
        ]
        rows = np.arange(2 * records)
        self.targets = {"toy": np.stack([rows % 2, 1 - rows % 2], axis=1).astype(np.uint8)}
        self.tabular_values = np.repeat(self.tabular_values, 2, axis=0)

    def read(self, entry):
        return read_record(self.folder / f"{entry.record}.hea", entry.start_s, entry.seconds)


def test_a_fragment_is_an_item_with_labels_and_an_onset_of_its_own(folder, tmp_path):
    counts = write_few(folder, 3, samples=420)
    store = prepare(Fragments(folder, 3), tmp_path / "out")
    rows = items(store)
    assert [row["onset_s"] for row in rows] == ["0.5", "2.0"] * 3
    assert store.targets(TOY).tolist() == [[0, 1], [1, 0]] * 3
    part = counts[1][:, 50:150]
    assert np.abs(store.signals[2] - (part - np.median(part, axis=1, keepdims=True))).max() <= 0.5 + 1e-3


def test_windows_of_a_fragment_inherit_its_label_and_count_from_the_recordings_beginning(folder, tmp_path):
    write_few(folder, 2, samples=420)
    store = prepare(Fragments(folder, 2), tmp_path / "out", window_s=0.5)
    rows = [(row["id"], row["onset_s"]) for row in items(store)][:6]
    assert rows == [
        ("e0000.0#0", "0.5"),
        ("e0000.0#1", "1.0"),
        ("e0000.1#0", "2.0"),
        ("e0000.1#1", "2.5"),
        ("e0000.1#2", "3.0"),
        ("e0000.1#3", "3.5"),
    ]
    assert store.targets(TOY)[:6].tolist() == [[0, 1]] * 2 + [[1, 0]] * 4


def test_another_fragment_of_the_same_recording_is_another_store(folder, tmp_path):
    write_few(folder, 2, samples=420)
    corpus = Fragments(folder, 2)
    prepare(corpus, tmp_path / "out")
    corpus.entries = [Entry(e.id, e.patient, e.record, e.split, e.fold, e.metadata, 0.7, 1.0) for e in corpus.entries]
    with pytest.raises(ConfigError, match="made from other recordings"):
        prepare(corpus, tmp_path / "out")


# --- what looks wrong ------------------------------------------------------------------------------------------------


def test_broken_promises_are_counted_and_the_first_are_told(folder, tmp_path, told):
    write_few(folder, 6)
    for number in range(1, 6):
        path = folder / f"r{number:03d}.hea"
        fields = path.read_text().split("\n")[1].split()
        path.write_text(path.read_text().replace(f" {fields[6]} 0 I", f" {int(fields[6]) % 1000 + 1} 0 I", 1))
    notes = prepare(Few(folder, 6), tmp_path / "out").manifest.notes
    line = next(note for note in notes if "promise" in note)
    assert line.startswith("5 recordings do not keep what their files promise: r001: ")
    assert line.endswith("; and 2 more.")
    assert line in told()


def test_leads_that_contradict_each_other_are_told_once_for_all(folder, tmp_path, told):
    leads = ("I", "II", "III")
    counts = write_few(folder, 4, leads=leads, samples=300)
    for number in (0, 3):
        one, two = counts[number][0], counts[number][1]
        write_counts(folder, f"r{number:03d}", np.stack([one, two, two - one]), leads=leads)

    class Three(Few):
        samples = 300

    prepare(Three(folder, 4), tmp_path / "out")
    lines = [line for line in told() if "look wrong" in line]
    assert len(lines) == 1
    assert lines[0].startswith("2 recordings look wrong: r001: Limb leads I, II, III contradict each other")


def voltages(corpus):
    corpus.tasks = tuple(task.model_copy(update={"voltage_labels": ("B",)}) for task in corpus.tasks)
    return corpus


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"highpass": 0.5}, "--highpass 0.5 may bend the ST segment and change voltages, on which the labels B"),
        ({"highpass": 0.06, "highpass_filter": "fir"}, "--highpass 0.06 may bend"),
        ({"baseline": "median"}, "--baseline median may bend"),
        ({"highpass": 0.05, "highpass_filter": "fir"}, ""),
        ({"lowpass": 40}, ""),
    ],
)
def test_a_strong_high_pass_is_warned_about_where_labels_rest_on_voltages(folder, tmp_path, told, steps, said):
    write_few(folder, 3)
    store = prepare(voltages(Few(folder, 3)), tmp_path / "one", steps=Preprocessing(fs=100, **steps))
    lines = [line for line in told() if "ST segment" in line]
    assert len(lines) == bool(said)
    assert all(line.startswith(said) and line in store.manifest.notes for line in lines)
    prepare(Few(folder, 3), tmp_path / "two", steps=Preprocessing(fs=100, **steps))
    assert len([line for line in told() if "ST segment" in line]) == len(lines)


@pytest.mark.parametrize("steps", [{"notch": 50}, {"notch": 60}, {"lowpass": 50}, {"highpass": 50}])
def test_an_edge_at_or_over_half_the_rate_is_refused_before_anything_is_read(folder, tmp_path, steps):
    edge = next(iter(steps.values()))
    with pytest.raises(DataError, match=f"edge of {edge} Hz needs a sampling rate over {2 * edge} Hz, not 100 Hz"):
        prepare(Few(folder, 3), tmp_path / "out", steps=Preprocessing(fs=100, **steps))  # there is no folder
    assert not (tmp_path / "out").exists()


# --- folds -----------------------------------------------------------------------------------------------------------


def test_folds_are_a_column_and_keep_patients_together_and_labels_spread(folder, tmp_path):
    write_few(folder, 40)
    corpus = Few(folder, 40)
    corpus.targets["toy"][:] = np.stack([np.arange(40) % 2, np.arange(40) % 4 == 0], axis=1)
    dealt = Division(folds=5).deal([entry.patient for entry in corpus.entries], corpus.targets["toy"])
    corpus.entries = [
        Entry(e.id, e.patient, e.record, *place, metadata=e.metadata)
        for e, place in zip(corpus.entries, dealt, strict=True)
    ]
    rows = items(prepare(corpus, tmp_path / "out"))
    assert {row["fold"]: row["split"] for row in rows} == dict(
        zip("12345", ("train",) * 3 + ("val", "test"), strict=True)
    )
    of_patient = {}
    for row in rows:
        of_patient.setdefault(row["patient"], set()).add(row["fold"])
    assert all(len(folds) == 1 for folds in of_patient.values())
    marks, folds = Store.open(tmp_path / "out").targets(TOY), np.array([int(row["fold"]) for row in rows])
    assert [int(marks[folds == fold, 0].sum()) for fold in range(1, 6)] == [4] * 5
    assert [int(marks[folds == fold, 1].sum()) for fold in range(1, 6)] == [2] * 5


def test_what_is_left_after_the_last_window_is_told(folder, tmp_path, told):
    write_few(folder, 3)
    write_counts(folder, "r001", ramp(290))
    prepare(Few(folder, 3), tmp_path / "out", window_s=0.75)
    said = "1.65 s after the last window of 3 recordings are not used."
    assert said in told()
    prepare(Few(folder, 3), tmp_path / "even", window_s=0.1)
    assert [line for line in told() if "after the last window" in line] == [said]


def test_recordings_that_are_there_twice_are_told_and_whether_they_leak(folder, tmp_path, told):
    counts = write_few(folder, 5)
    write_counts(folder, "r003", counts[1])
    corpus = Few(folder, 5)
    corpus.entries = [replace(entry, split="test" if entry.id == "e0003" else "train") for entry in corpus.entries]
    prepare(corpus, tmp_path / "out")
    names = f"{corpus.entries[1].id} = {corpus.entries[3].id}"
    assert (
        "1 recordings are there more than once, going by the samples of their first and last lead: "
        f"{names}; 1 of them in more than one split, where figures are too good."
    ) in told()


def test_flat_recordings_are_not_called_the_same(folder, tmp_path, told):
    write_few(folder, 4)
    for name in ("r000", "r002"):
        write_counts(folder, name, np.zeros((2, 200), np.int64))
    prepare(Few(folder, 4), tmp_path / "out")
    assert not [line for line in told() if "more than once" in line]
