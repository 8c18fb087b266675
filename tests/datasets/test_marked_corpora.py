"""LUDB and the QT Database: what experts marked becomes targets of samples, and a set of waves."""

import json

import numpy as np
import pytest

from ecgtool.datasets.expert_waves import NOT_ASKED, Marked, joined, read_marked, sample_targets
from ecgtool.datasets.ludb import LUDB, parts
from ecgtool.datasets.qtdb import QTDB
from ecgtool.datasets.splits import Division
from ecgtool.errors import FormatError, NotFound
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Wave
from tests.marked import write_ludb, write_marks, write_qtdb


def marked(rows, first, last):
    return Marked(np.array(rows, np.int64).reshape(-1, 4), first, last)


@pytest.fixture(scope="module")
def ludb(tmp_path_factory):
    return write_ludb(tmp_path_factory.mktemp("corpora") / "ludb", (1, 2, 5))


def test_waves_are_read_with_the_ends_that_are_marked(tmp_path):
    path = tmp_path / "1.i"
    write_marks(
        path, [(100, "N"), (120, ")"), (200, "("), (250, "t"), (2000, "("), (2010, "p"), (2020, ")"), (2100, "u")]
    )
    made = read_marked(path, 500.0, 250.0)
    assert made.waves.tolist() == [
        [Wave.QRS, UNKNOWN, 50, 60],
        [Wave.T, 100, 125, UNKNOWN],
        [Wave.P, 1000, 1005, 1010],
    ]
    assert (made.first, made.last) == (50, 1050)


def test_no_marks_at_all_are_no_waves(tmp_path):
    write_marks(tmp_path / "1.i", [])
    made = read_marked(tmp_path / "1.i", 500.0, 500.0)
    assert not len(made.waves)
    assert (sample_targets(made, 50, 500.0) == NOT_ASKED).all()


def test_nothing_is_asked_outside_the_marks_and_at_ends_that_are_open():
    target = sample_targets(
        marked([[Wave.P, 10, 15, 20], [Wave.QRS, UNKNOWN, 60, 65], [Wave.T, 70, 75, UNKNOWN]], 10, 110), 130, 100.0
    )
    assert (target[:10] == NOT_ASKED).all()
    assert (target[10:21] == 1).all(), "both ends belong to the wave"
    assert (target[21:40] == 0).all()
    assert (target[40:60] == NOT_ASKED).all(), "where it begins is not known"
    assert (target[60:66] == 2).all()
    assert (target[66:70] == 0).all()
    assert (target[70:76] == 3).all()
    assert (target[76:95] == NOT_ASKED).all()
    assert (target[95:111] == 0).all()
    assert (target[111:] == NOT_ASKED).all()


def test_waves_of_several_leads_are_of_the_same_beats():
    leads = [
        marked([[Wave.P, 10, 15, 20], [Wave.QRS, 28, 32, 38], [Wave.T, 50, 60, 70]], 10, 70),
        marked([[Wave.QRS, 28, 34, 39], [Wave.T, 52, 61, 72], [Wave.P, 96, 98, 99]], 28, 99),
    ]
    made = joined(leads, ("I", "II"), 100.0)
    assert made.beats.tolist() == [33]
    assert made.table[:, :3].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 1], [1, 0, 2], [1, UNKNOWN, 0]]
    assert not len(joined([marked([], 0, -1)], ("I",), 100.0).table)


def test_the_splits_do_not_depend_on_which_recordings_are_there():
    whole = dict(zip(range(1, 201), parts({str(number): str(number) for number in range(1, 201)}), strict=True))
    assert [split for split, _ in whole.values()].count("test") == 40
    assert [fold for _, fold in whole.values()].count(10) == [split for split, _ in whole.values()].count("val") == 16
    assert parts({"a": "7", "b": "111"}) == [whole[7], whole[111]]


def test_ludb_becomes_a_store_with_targets_and_waves(ludb, ecg):
    made = ecg("prepare", "ludb", ludb, "--json")
    assert made.code == 0, made.err
    assert made.json["waves"][0]["name"] == "reference"
    store = Store.open("ludb")
    assert (store.manifest.fs, store.manifest.samples, len(store.manifest.leads)) == (250.0, 2500, 12)
    assert store.items["rhythm"].tolist() == ["Sinus rhythm"] * 3
    task = store.task()
    assert (task.kind, task.labels) == ("waves", ("none", "P", "QRS", "T"))
    targets, waves = np.asarray(store.targets(task)), store.waves(0)
    assert targets.shape == (3, 12, 2500)
    for row in waves.of(lead=1).tolist():
        _, beat, kind, onset, peak, offset = row
        assert (targets[0, 1, onset : offset + 1] == kind + 1).all()
        assert onset <= peak <= offset
        assert 0 <= beat < len(waves.beats)
    first = waves.of(lead=1)[:, 3].min()
    assert (targets[0, 1, :first] == NOT_ASKED).all()
    qrs = waves.of(lead=1, kind=Wave.QRS)
    assert np.abs(waves.beats[qrs[:, 1]] - qrs[:, 4]).max() <= 15


def test_training_is_proposed_where_there_is_something_to_train_on(ludb, ecg, tmp_path):
    assert "ecg train --dataset ludb --recipe ludb-unet1d\n" in ecg("prepare", "ludb", ludb).err
    made = ecg("prepare", "qtdb", write_qtdb(tmp_path / "qtdb"))
    assert made.code == 0, made.err
    assert "ecg train" not in made.err
    assert "ecg info qtdb" in made.err


def test_preparing_again_changes_nothing_and_another_rate_is_another_store(ludb, ecg):
    assert ecg("prepare", "ludb", ludb).code == 0
    before = {path: path.read_bytes() for path in Store.open("ludb").path.rglob("*") if path.is_file()}
    assert ecg("prepare", "ludb", ludb).code == 0
    assert before == {path: path.read_bytes() for path in before}
    other = ecg("prepare", "ludb", ludb, "--fs", "100")
    assert other.code == 1
    assert "fs" in other.err


def test_folds_and_shares_may_be_dealt_anew(ludb):
    assert {entry.fold for entry in LUDB(ludb, 100.0, Division.of(folds=3)).entries} == {1, 2, 3}


def test_a_recording_whose_marks_are_damaged_stays_without_targets(ludb, tmp_path):
    folder = write_ludb(tmp_path / "ludb", (1, 2))
    (folder / "data" / "2.v3").write_bytes(b"\x01\x02\x03")
    made = LUDB(folder, 100.0)
    assert (made.targets["waves"][1] == NOT_ASKED).all()
    assert not (made.targets["waves"][0] == NOT_ASKED).all()
    assert "waves of record 2 cannot be read" in " ".join(made.notes)


def test_what_is_no_ludb_is_refused_in_one_line(tmp_path, ecg):
    assert "does not exist" in ecg("prepare", "ludb", tmp_path / "nowhere").err
    (tmp_path / "empty").mkdir()
    assert "holds no .hea files" in ecg("prepare", "ludb", tmp_path / "empty").err
    with pytest.raises(NotFound, match="named by numbers"):
        LUDB(write_qtdb(tmp_path / "qtdb", minutes=0.2 + 10))
    folder = write_ludb(tmp_path / "bare", (3,))
    for path in (folder / "data").glob("3.[iva]*"):
        path.unlink()
    with pytest.raises(NotFound, match="no record with waves of an expert"):
        LUDB(folder)
    twice = write_ludb(tmp_path / "twice", (3,))
    write_ludb(twice / "more", (3,))
    with pytest.raises(FormatError, match="one number in several folders"):
        LUDB(twice)


def test_the_qt_database_is_a_test_of_beats_that_were_marked(tmp_path, ecg):
    folder = write_qtdb(tmp_path / "qtdb")
    made = ecg("prepare", "qtdb", folder, "--json")
    assert made.code == 0, made.err
    store = Store.open("qtdb")
    held = store.manifest
    assert (held.leads, held.splits, held.calibrated) == (("ECG1", "ECG2"), {"train": 0, "val": 0, "test": 2}, False)
    assert "cut from the MIT-BIH Arrhythmia Database: sel100" in json.dumps(held.notes)
    waves, targets = store.waves(0, "reference"), np.asarray(store.targets(store.task())[0])
    assert len(waves.beats) == 5
    assert np.array_equal(waves.of(lead=0)[:, 1:], waves.of(lead=1)[:, 1:])
    asked = targets[0] >= 0
    assert asked.sum() < 10 * 250
    ends = waves.of(lead=0, kind=Wave.T)[:-1, 5]
    assert (targets[:, ends + 1] == NOT_ASKED).all(), "between beats that were marked others may lie"


def test_a_recording_that_nobody_marked_is_left_out(tmp_path):
    folder = write_qtdb(tmp_path / "qtdb")
    (folder / "sel30.q1c").unlink()
    made = QTDB(folder)
    assert [entry.id for entry in made.entries] == ["sel100"]
    assert "1 recordings have no readable q1c" in " ".join(made.notes)
    (folder / "sel100.q1c").unlink()
    with pytest.raises(NotFound, match="waves of an expert"):
        QTDB(folder)


def test_real_ludb_is_dealt_and_marked_as_told(recordings):
    corpus = LUDB(recordings("ludb"))
    splits = [entry.split for entry in corpus.entries]
    assert [splits.count(name) for name in ("train", "val", "test")] == [94, 15, 31]
    counts = np.bincount(np.concatenate([lead.waves[:, 0] for leads in corpus.marked.values() for lead in leads]))
    assert counts.tolist() == [11710, 15329, 13704]
    asked = corpus.targets["waves"] >= 0
    assert 0.70 < asked.mean() < 0.75


def test_real_qtdb_has_some_thirty_beats_of_each(recordings):
    corpus = QTDB(recordings("qtdb"))
    beats = [len(corpus.reference(entry).beats) for entry in corpus.entries]
    assert len(beats) == 21
    assert min(beats) == 30
    assert max(beats) == 50
