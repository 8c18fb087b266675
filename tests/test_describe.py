"""Describe: what things are, in words and numbers."""

import json
import re
import shlex

import numpy as np
import pytest
from support import MULTICLASS, make_store

from ecgtool.delineation.stored import add_waves
from ecgtool.describe import describe
from ecgtool.errors import NotFound
from ecgtool.formats import write_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person
from ecgtool.store import Store
from ecgtool.waves import Waves


def a_record(signal, **meta):
    return Record(np.asarray(signal, np.float32), 100.0, ("I", "II")[: len(signal)], "one", meta=meta)


def test_alone_it_tells_versions_and_where_things_are(ecg, home):
    told = ecg("info", "--json").json
    assert told["ECG_HOME"] == str(home)
    assert {part["package"] for part in told["parts"]} >= {"torch", "onnxruntime", "wfdb"}


def test_a_recording_is_told_lead_by_lead_with_what_looks_wrong(tmp_path, ecg):
    time = np.arange(1000) / 100
    write_wfdb(a_record([np.sin(time), np.zeros(1000)]), tmp_path, "one")
    told = describe(str(tmp_path / "one.hea"))
    assert (told.facts["duration"], told.facts["sampling rate"]) == ("10 s", "100 Hz")
    assert [row[-1] for row in told.rows] == ["next to nothing at 5-40 Hz: electrode off?", "flat line"]
    assert "flat line" in ecg("info", tmp_path / "one.hea").out


def test_a_store_is_told_with_its_labels_per_split(home):
    store = make_store(home / "stores" / "mine")
    told = describe("mine")
    assert told.kind == "store"
    counts = {row[1]: row[2:] for row in told.rows}
    targets = store.targets(store.task())
    train = store.indices("train", store.task())
    assert counts["SLOW"][0] == int(targets[train, 0].sum())


def test_every_description_is_one_json_document(ecg, home):
    make_store(home / "stores" / "mine")
    for arguments in ([], ["mine"]):
        assert isinstance(json.loads(ecg("info", *arguments, "--json").out), dict)


def test_what_is_not_there_is_one_line_with_the_nearest_name(ecg, home):
    make_store(home / "stores" / "ptbxl")
    outcome = ecg("info", "ptbxk")
    assert outcome.code == 1
    assert "Did you mean 'ptbxl'?" in outcome.err


def test_a_record_of_wfdb_is_known_without_its_suffix(ecg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_wfdb(a_record([np.sin(np.arange(1000) / 100), np.zeros(1000)]), tmp_path, "one")
    assert describe("one").facts == describe("one.hea").facts
    assert describe("./one").next == ("ecg plot one.hea --waves", "ecg segment one.hea")
    with pytest.raises(NotFound):
        describe("two")


@pytest.mark.parametrize("name", ["my ecg.npy", "it's $(one).npy"])
def test_the_next_command_can_be_pasted_whatever_a_recording_is_called(ecg, tmp_path, name):
    write_record(a_record([np.sin(np.arange(1000) / 100)]), tmp_path / name, "npy")
    plot, segment = describe(str(tmp_path / name)).next
    for following, out in ((plot, "page.png"), (segment, "waves.csv")):
        program, *arguments = shlex.split(following)
        assert program == "ecg"
        assert ecg(*arguments, "--out", tmp_path / out).code == 0


def test_the_heart_rate_and_intervals_of_a_recording_are_told(tmp_path):
    drawing = draw(Plan(Person.random(np.random.default_rng(4)), rate=72), 250, 70, seed=4, name="heart")
    write_wfdb(drawing.record, tmp_path, "heart")
    told = describe(str(tmp_path / "heart.hea")).facts
    first = drawing.truth.beat_s[drawing.truth.beat_s < 60]
    rate, beats = re.match(r"(\d+) per minute, (\d+) beats \(first 60 s\)", told["heart rate"]).groups()
    assert int(beats) == pytest.approx(len(first), abs=1)
    assert int(rate) == pytest.approx(60 / np.diff(first).mean(), abs=1)
    qt = int(re.search(r"QT (\d+)", told["intervals"]).group(1))
    assert qt == pytest.approx(np.nanmedian(drawing.truth.intervals.qt_ms), abs=40)


def test_a_recording_without_beats_has_no_rate(tmp_path):
    write_wfdb(a_record([np.zeros(1000)]), tmp_path, "flat")
    told = describe(str(tmp_path / "flat.hea")).facts
    assert told["heart rate"] == "0 beats found"
    assert "intervals" not in told


def test_a_store_tells_its_annotated_beats_and_its_waves(home, tmp_path):
    store = make_store(home / "stores" / "toy", items=4, task=MULTICLASS, unlabelled=0)
    beats = np.array([(0, 10, 1), (0, 30, 0), (1, 5, 1), (3, 9, 1)], np.int32)
    np.save(store.path / "beats.npy", beats)
    np.save(store.path / "targets" / "beats.npy", np.array([2, 0, 2, -1], np.int16))
    manifest = json.loads((store.path / "manifest.json").read_text())
    task = {**manifest["tasks"][0], "of": "beat"}
    changed = {**manifest, "beats": 4, "symbols": ["N", "V"], "tasks": [task]}
    (store.path / "manifest.json").write_text(json.dumps(changed))
    assert describe("toy").next[0] == "ecg segment toy"
    table = np.array([(0, 0, 1, 4, 5, 6), (1, 0, 2, 8, 9, 12)], np.int64)
    waves = Waves(100.0, ("I", "II"), np.array([5]), table)
    add_waves(Store.open("toy"), "mine", lambda items: (waves for _ in items), method="wavelet")
    told = describe("toy")
    assert told.facts["annotated beats"] == "4 (V 3, N 1)"
    assert told.facts["waves 'mine'"] == "P 0, QRS 4, T 4 of 4 beats, found by wavelet"
    assert [row[:2] for row in told.rows] == [("beats", "N"), ("beats", "S"), ("beats", "V")]
    assert sum(sum(row[2:]) for row in told.rows) == 3
    assert told.next == ("ecg train --dataset toy --arch beat-cnn", "ecg plot toy:0 --waves")


def test_the_next_commands_find_a_store_that_lies_outside_of_the_home(ecg, home, tmp_path):
    make_store(tmp_path / "my store")
    train, plot = describe(str(tmp_path / "my store")).next
    assert shlex.split(train)[3] == str(tmp_path / "my store")
    assert ecg(*shlex.split(plot)[1:], "--out", tmp_path / "item.png").code == 0
    make_store(home / "stores" / "mine")
    assert describe("mine").next[1] == "ecg plot mine:0"


def test_a_folder_that_is_nothing_is_one_line(ecg, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = ecg("info", "./empty")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("name", ["mitdb/100.hea", "ptbxl/records100/00000/00001_lr", "ludb/data/1.hea"])
def test_real_recordings_are_told(ecg, recordings, name):
    outcome = ecg("info", recordings(name.split("/")[0]) / name.split("/", 1)[1], "--json")
    assert outcome.code == 0
    assert len(outcome.json["parts"]) == outcome.json["leads"]
