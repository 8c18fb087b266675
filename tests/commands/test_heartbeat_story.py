"""From a store with annotated heartbeats to a classified recording that other programs open: every command, once."""

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest
import wfdb
from drawn_beats import DrawnBeats, drawn

from ecgtool import cli
from ecgtool.datasets.prepare import prepare
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.metrics.detection import match_beats
from ecgtool.record import Record
from ecgtool.settings import Preprocessing

TRAIN = ["train", "--dataset", "drawn", "--arch", "beat-cnn", "--epochs", "4", "--batch", "32", "--lr", "0.01"]
BEATS = ["--set", "data.beats.before_s=0.2", "--set", "data.beats.after_s=0.3", "--set", "data.leads_law=false"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A home with a store, a run, its bundle and the model ``beats``."""
    home = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECG_HOME", str(home))
        prepare(DrawnBeats(), home / "stores" / "drawn", steps=Preprocessing(fs=DrawnBeats.fs))
        for command in (
            [*TRAIN, *BEATS, "--out", "first"],
            ["evaluate", "first", "--bootstrap", "20"],
            ["export", "first"],
            ["register", "first", "--name", "beats"],
        ):
            assert cli.run(command) == 0, command
    return home


@pytest.fixture
def story(trained, monkeypatch):
    monkeypatch.setenv("ECG_HOME", str(trained))
    return trained


def recording(folder, name="unseen", number=41, seconds=60.0, leads=("II", "V1")):
    """A recording of somebody else with ventricular beats, at another rate, and its truth."""
    record, truth = drawn(number, seconds=seconds, fs=250.0, leads=leads)
    return write_wfdb(Record(record.signal, record.fs, leads, name), folder, name), truth


def test_a_recording_nobody_has_seen_becomes_rows_annotations_and_a_picture(ecg, story, tmp_path):
    path, truth = recording(tmp_path / "data")
    done = ecg("predict", "beats", path, "--out", "made/predictions.csv", "--plot", "pictures")
    assert done.code == 0, done.err
    assert "not for diagnosis or treatment" in done.out
    assert "Ventricular beats" in done.out
    rows = list(csv.DictReader((tmp_path / "made/predictions.csv").read_text().splitlines()))
    marks = wfdb.rdann("made/unseen", "aami")
    assert marks.fs == 250
    assert marks.sample.tolist() == [int(row["sample"]) for row in rows]
    assert list(marks.symbol) == [row["class"] for row in rows]
    assert (tmp_path / "made/RECORDS").read_text() == "unseen\n"
    assert (tmp_path / "pictures/unseen.png").read_bytes().startswith(b"\x89PNG")
    pairs = match_beats(np.rint(truth.beat_s * 250), marks.sample, 250)
    assert len(pairs.found) == len(truth.beat_s) == len(rows)
    true, called = np.array(truth.beat_class), np.array(marks.symbol)[pairs.found]
    assert ((called == "V") & (true == "V")).sum() >= 0.8 * (true == "V").sum() > 4
    assert (called == true).mean() > 0.9


def test_the_answer_for_scripts_has_every_beat_and_a_summary(ecg, story, tmp_path):
    path, truth = recording(tmp_path / "data")
    done = ecg("predict", "beats", path, "--json")
    (found,) = done.json["predictions"]
    assert len(found["beats"]) == found["summary"]["beats"] == len(truth.beat_s)
    assert set(found["beats"][0]) == {"sample", "time_s", "class", "rr_s", "probabilities"}
    assert found["beats"][0]["rr_s"] is None
    assert sum(found["summary"]["counts"].values()) == len(truth.beat_s)
    assert found["summary"]["ectopy"]["V"]["per_hour"] is None
    assert done.json["annotations"] == []
    assert any("II was taken for lead MLII" in note for note in found["notes"])


def test_several_recordings_are_a_row_each_and_a_bad_one_is_told(ecg, story, tmp_path):
    first, _ = recording(tmp_path / "data")
    second, _ = recording(tmp_path / "data", "lonely", leads=("II",))
    done = ecg("predict", "beats", first, second, tmp_path / "gone.hea", "--annotations", "marks")
    assert done.code == 1
    assert "gone.hea" in done.err
    assert "runs of V" in done.out
    assert sorted(path.name for path in (tmp_path / "marks").glob("*.aami")) == ["lonely.aami", "unseen.aami"]


def test_annotations_that_are_there_are_not_written_over(ecg, story, tmp_path):
    path, _ = recording(tmp_path / "data")
    assert ecg("predict", "beats", path, "--annotations", "marks").code == 0
    again = ecg("predict", "beats", path, "--annotations", "marks")
    assert again.code == 1
    assert "unseen.aami" in again.err
    assert ecg("predict", "beats", path, "--annotations", "marks", "--force").code == 0


def test_an_item_of_the_store_is_judged_without_filtering_it_again(ecg, story):
    done = ecg("predict", "beats", "drawn:r13", "--json")
    assert done.code == 0, done.err
    assert done.json["predictions"][0]["summary"]["counts"]["V"] > 0


def test_a_flat_recording_is_an_empty_answer(ecg, story, tmp_path):
    path = write_wfdb(Record(np.zeros((1, 5000), np.float32), 250.0, ("II",), "flat"), tmp_path / "data", "flat")
    done = ecg("predict", "beats", path, "--out", "flat.csv")
    assert done.code == 0, done.err
    assert "no heartbeat was found" in done.out
    assert len((tmp_path / "flat.csv").read_text().splitlines()) == 1


def test_a_threshold_is_refused_where_the_most_probable_class_is_called(ecg, story, tmp_path):
    path, _ = recording(tmp_path / "data")
    done = ecg("predict", "beats", path, "--threshold", "0.5")
    assert done.code == 1
    assert "there is no threshold" in done.err


def test_annotations_of_a_model_of_recordings_are_refused(ecg, tmp_path):
    from bundles import make_bundle

    make_bundle(tmp_path / "toy")
    path, _ = recording(tmp_path / "data")
    done = ecg("predict", "./toy", path, "--annotations", "marks")
    assert done.code == 1
    assert "nothing to annotate" in done.err


def test_the_exported_model_says_of_a_store_what_the_run_says(ecg, story):
    run = ecg("evaluate", "first", "--bootstrap", "0", "--out", "of-run", "--json").json
    bundle = ecg("evaluate", "beats", "--bootstrap", "0", "--out", "of-bundle", "--json").json
    assert bundle["beats"]["confusion"] == run["beats"]["confusion"]
    assert bundle["beats"]["detection"] == run["beats"]["detection"]
    assert run["beats"]["accuracy"]["value"] > run["beats"]["baseline"]["accuracy"]["value"]


def test_the_bundle_names_no_record_and_no_patient(story):
    text = json.dumps(json.loads((story / "bundles" / "first" / "bundle.json").read_text()))
    assert not any(f'"{kind}{number}"' in text for kind in "rp" for number in range(16))


def test_a_changed_byte_is_found_before_a_beat_is_judged(ecg, story, tmp_path):
    path, _ = recording(tmp_path / "data")
    copy = shutil.copytree(story / "bundles" / "first", tmp_path / "copy")
    content = bytearray((copy / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.onnx").write_bytes(content)
    done = ecg("predict", "./copy", path)
    assert done.code == 1
    assert "was changed" in done.err


@pytest.mark.parametrize("model", ["first", "beats"])
def test_beats_that_a_model_finds_itself_are_compared_with_the_annotated_ones(ecg, story, tmp_path, model):
    done = ecg("evaluate", model, "--beats", "detected", "--bootstrap", "20", "--out", tmp_path / "report", "--json")
    assert done.code == 0, done.err
    held = done.json["beats"]["ec57"]
    matrix = np.array(held["matrix"])
    assert held["skipped_s"] == 0  # recordings of 40 s have nothing after five minutes
    assert matrix[:-1].sum() == done.json["beats"]["beats"]
    assert held["gross"]["QRS"]["sensitivity"]["value"] > 0.95 < held["gross"]["QRS"]["ppv"]["value"]
    assert matrix[-1, -1] == 0
    rows = list(csv.DictReader((tmp_path / "report/ec57.csv").read_text().splitlines()))
    assert [row["record"] for row in rows] == ["r13", "r14", "r15"]
    assert sum(int(row["V/V"]) for row in rows) == matrix[2, 2]
    assert sum(int(row["O/N"]) for row in rows) == matrix[5, 0]
    assert "Found beats beside annotated ones (EC57), 3 records, whole" in (tmp_path / "report/report.md").read_text()


def test_what_a_model_says_of_found_beats_is_what_predict_says(ecg, story, tmp_path):
    done = ecg("evaluate", "beats", "--beats", "detected", "--bootstrap", "0", "--out", tmp_path / "report", "--json")
    said = ecg("predict", "beats", *(f"drawn:{item}" for item in ("r13", "r14", "r15")), "--json")
    counts = Counter(beat["class"] for found in said.json["predictions"] for beat in found["beats"])
    matrix = np.array(done.json["beats"]["ec57"]["matrix"])
    assert dict(zip("NSVFQ", matrix[:, :-1].sum(axis=0).tolist(), strict=True)) == {
        label: counts[label] for label in "NSVFQ"
    }


def test_found_beats_are_refused_for_two_models(ecg, story):
    done = ecg("evaluate", "first", "beats", "--beats", "detected")
    assert done.code == 1
    assert "annotated beats" in done.err
