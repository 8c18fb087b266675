"""MIT-BIH: leads by name, beats as targets, splits between patients, and what is told of a folder that is a part."""

import numpy as np
import pytest
from heartbeats import FS, marks, write_few, write_record

from ecgtool.datasets.mitdb import MITDB, Choices
from ecgtool.datasets.mitdb_beats import DS1, DS2, PUBLISHED
from ecgtool.errors import ConfigError, NotFound
from ecgtool.store import Store


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    return write_few(tmp_path_factory.mktemp("mitdb"))


@pytest.fixture
def store(ecg, few):
    made = ecg("prepare", "mitdb", few, "--task", "aami5,binary", "--highpass", "0", "--json")
    assert made.code == 0, made.err
    return Store.open("mitdb")


def notes(folder, **choices):
    return " ".join(MITDB(folder, choices=Choices(**choices)).notes)


def test_every_beat_is_a_target_and_marks_that_are_no_beats_are_none(store):
    samples, symbols = marks(0)
    held = store.beats
    mine = held.item == store.column("id").index("100")
    assert held.sample[mine].tolist() == samples[1:].tolist()
    assert [held.symbols[number] for number in held.symbol[mine]] == symbols[1:].tolist()
    called = {"N": 0, "L": 0, "A": 1, "V": 2, "F": 3, "Q": 4, "/": 4}
    assert store.targets(store.task("aami5"))[mine].tolist() == [called[symbol] for symbol in symbols[1:]]
    assert store.targets(store.task("binary"))[mine].tolist() == [int(called[symbol] > 0) for symbol in symbols[1:]]


def test_the_signal_shows_each_beat_where_its_annotation_is(store):
    for item in range(len(store.signals)):
        peaks = store.beats.sample[store.beats.item == item]
        assert (store.signals[item, 0, peaks] == 1000).all()
        assert (store.signals[item, 1, peaks] == -500).all()


def test_leads_are_taken_by_name_whatever_their_order(tmp_path):
    write_record(tmp_path, "114", leads=("V5", "MLII"))
    corpus = MITDB(tmp_path)
    record = corpus.read(corpus.entries[0]).select(corpus.leads)
    assert record.leads == ("MLII", "chest")
    assert record.signal[0].max() == 1
    assert record.signal[1].min() == -0.5
    assert corpus.entries[0].metadata["chest_lead"] == "V5"


def test_training_validation_and_test_are_the_published_sets_of_patients(few):
    split = {entry.id: entry.split for entry in MITDB(few).entries}
    assert split == {"100": "test", "101": "train", "108": "val", "201": "train", "202": "test", "209": "train"}
    assert not set(DS1) & set(DS2)
    assert len(DS1) == len(DS2) == 22


def test_one_person_in_two_records_is_told_and_may_be_dropped_or_kept_together(few):
    assert "201 and 202 are of one person" not in notes(few, drop=("202",))
    assert "201 and 202 are of one person, who is in train and in test" in notes(few)
    corpus = MITDB(few, choices=Choices(split="patient"))
    split = {entry.id: (entry.patient, entry.split) for entry in corpus.entries}
    assert split["201"] == split["202"]


def test_missing_records_are_told_by_name_and_paced_ones_are_left_out(few, tmp_path):
    assert "DS1 lacks 18 of its 22 records: 106, 109" in notes(few)
    assert "none on DS2" in notes(few)
    write_few(tmp_path / "paced", ("100", "102", "107"))
    corpus = MITDB(tmp_path / "paced")
    assert [entry.id for entry in corpus.entries] == ["100"]
    assert "102, 107 are left out" in " ".join(corpus.notes)


def test_the_first_minutes_are_no_targets_where_they_are_skipped(few):
    corpus = MITDB(few, choices=Choices(skip_s=300))
    targets = corpus.targets["aami5"]
    assert ((targets < 0) == (corpus.marks.time_s < 300)).all()
    assert corpus.samples == 650_000


def test_ecgberts_symbols_count_marks_of_rhythm_as_normal(few):
    plain, theirs = (MITDB(few, choices=Choices(symbols=name)) for name in ("aami", "ecgbert"))
    assert len(theirs.marks.symbol) == len(plain.marks.symbol) + len(plain.entries)
    assert (theirs.targets["aami5"][theirs.marks.symbol == "+"] == 0).all()


def test_a_folder_without_annotations_is_one_line_and_so_is_one_without_records(tmp_path, ecg):
    write_record(tmp_path, "100", annotated=False)
    told = ecg("prepare", "mitdb", tmp_path)
    assert told.code == 1
    assert "no 100.atr" in told.err
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="holds no record"):
        MITDB(tmp_path / "empty")


def test_a_record_without_annotations_is_left_out_and_told(few, tmp_path):
    write_few(tmp_path, ("100", "101"))
    (tmp_path / "101.atr").unlink()
    corpus = MITDB(tmp_path)
    assert [entry.id for entry in corpus.entries] == ["100"]
    assert "101 have no annotations" in " ".join(corpus.notes)


@pytest.mark.parametrize(
    "wrong", [{"split": "ds1"}, {"symbols": "ami"}, {"skip_s": 1e9}, {"drop": ("102",)}, {"drop": ("100", "101")}]
)
def test_options_that_cannot_be_are_refused(tmp_path, wrong):
    write_few(tmp_path, ("100", "101"))
    with pytest.raises(ConfigError):
        MITDB(tmp_path, choices=Choices(**wrong))


def test_windows_hold_the_beats_that_lie_in_them(few, ecg):
    made = ecg("prepare", "mitdb", few, "--window-s", "100", "--highpass", "0", "--fs", "180", "--json")
    assert made.code == 0, made.err
    store = Store.open("mitdb")
    beats, onset = store.beats, np.array([float(value) for value in store.column("onset_s")])
    record = np.array(store.column("record"))[beats.item]
    times = onset[beats.item] + beats.sample / 180
    samples, _ = marks(0)
    wanted = samples[1:] / FS
    assert np.abs(times[record == "100"] - wanted[wanted < 1800]).max() < 0.51 / 180
    assert len(store.targets(store.task("aami5"))) == len(beats.item)


@pytest.mark.parametrize(
    ("tasks", "learnt"),
    [
        ("aami5", "--recipe mitdb-beat-cnn"),
        ("binary", "--arch beat-cnn"),
        ("binary,aami5", "--arch beat-cnn --task binary"),
    ],
)
def test_what_is_proposed_next_suits_the_task(few, ecg, tasks, learnt):
    made = ecg("prepare", "mitdb", few, "--task", tasks)
    assert f"ecg train --dataset mitdb {learnt}\n" in made.err


def test_a_task_can_be_added_later_and_other_symbols_cannot(few, ecg):
    assert ecg("prepare", "mitdb", few, "--task", "binary").code == 0
    assert ecg("prepare", "mitdb", few, "--task", "aami5").code == 0
    assert {task.name for task in Store.open("mitdb").manifest.tasks} == {"binary", "aami5"}
    told = ecg("prepare", "mitdb", few, "--symbols", "ecgbert")
    assert told.code == 1
    assert "symbols aami rather than ecgbert" in told.err


def test_the_counts_of_the_real_records_are_the_published_ones(recordings):
    corpus = MITDB(recordings("mitdb"))
    number = {entry.id: row for row, entry in enumerate(corpus.entries)}
    for name, (records, counts) in PUBLISHED.items():
        mine = np.isin(corpus.marks.entry, [number[record] for record in records if record in number])
        found = np.bincount(corpus.targets["aami5"][mine], minlength=5).tolist()
        whole = all(record in number for record in records)
        assert found == list(counts) if whole else all(np.array(found) <= counts)
        assert (f"{name} is complete" in " ".join(corpus.notes)) == whole
