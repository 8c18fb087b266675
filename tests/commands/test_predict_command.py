import csv
import json
import shutil
from pathlib import Path

import pytest
from bundles import make_bundle
from recorded import ecg_like, write_record
from support import make_store

from ecgtool.catalog import Catalog


@pytest.fixture
def model(tmp_path):
    Catalog.open().register(make_bundle(tmp_path / "made"), "toy", aliases=["champion"])


@pytest.fixture
def recording(tmp_path):
    return write_record(ecg_like(), tmp_path / "data", name="one", comments=["Age: 63", "Sex: F"])


@pytest.mark.parametrize("word", ["toy", "toy@1", "toy@champion", "./made"])
def test_a_prediction_is_a_table_for_people(ecg, model, recording, word):
    done = ecg("predict", word, recording)
    assert done.code == 0, done.err
    assert all(label in done.out for label in ("NORM", "MI", "STTC"))
    assert "10 s at 100 Hz" in done.out
    assert "not for diagnosis or treatment" in done.out
    assert f"ecg plot {recording}" in done.err


def test_json_is_for_scripts(ecg, model, recording):
    done = ecg("predict", "toy", recording, "--json")
    assert done.code == 0, done.err
    (found,) = done.json["predictions"]
    assert done.json["model"] == "toy@1"
    assert set(found["probabilities"]) == {"NORM", "MI", "STTC"}
    assert found["metadata"] == {"age": 63.0, "sex": 1.0}
    assert found["class"] in found["probabilities"]
    assert found["passing"] == [k for k, v in found["probabilities"].items() if v >= done.json["thresholds"][k]]
    assert done.json["failed"] == []


def test_options_win_over_the_file(ecg, model, recording):
    done = ecg("predict", "toy", recording, "--age", "40", "--meta", "sex=male", "--threshold", "0", "--json")
    assert done.json["predictions"][0]["metadata"] == {"age": 40.0, "sex": 0.0}
    assert done.json["predictions"][0]["passing"] == ["NORM", "MI", "STTC"]


def test_what_is_unknown_is_told(ecg, model, tmp_path):
    done = ecg("predict", "toy", write_record(ecg_like(), tmp_path / "data"))
    assert "age is unknown" in done.out


def test_several_files_are_one_row_each_and_a_table_on_disk(ecg, model, recording, tmp_path):
    long = write_record(ecg_like(seconds=30), tmp_path / "data", name="long")
    done = ecg("predict", "toy", recording, long, "--out", "predictions.csv")
    assert done.code == 0, done.err
    assert "one.hea" in done.out
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["record"], row["window"]) for row in rows] == [
        ("one", "all"),
        ("long", "all"),
        ("long", "0"),
        ("long", "1"),
        ("long", "2"),
    ]


def test_a_bad_file_is_told_and_the_others_go_on(ecg, model, recording, tmp_path):
    short = write_record(ecg_like(seconds=2), tmp_path / "data", name="short")
    done = ecg("predict", "toy", recording, short, "nowhere.hea", "--json")
    assert done.code == 1
    assert [found["record"] for found in done.json["predictions"]] == ["one"]
    assert [failure["file"] for failure in done.json["failed"]] == [str(short), "nowhere.hea"]
    assert "lasts 2 s" in done.err
    assert "nowhere.hea" in done.err


def test_recordings_are_drawn_under_their_own_names(ecg, model, recording, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(recording.parent, other)
    done = ecg("predict", "toy", recording, other / "one.hea", "--plot", "pictures")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"one.png", "one-2.png"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["toi", "REC"], "Did you mean 'toy'?"),
        (["toy@9", "REC"], "no version or alias '9'"),
        (["toy", "nothing.hea"], "nothing.hea does not exist"),
        (["toy", "REC", "--age", "300"], "age cannot be 300"),
        (["toy", "REC", "--sex", "x"], "sex cannot be"),
        (["toy", "REC", "--meta", "weight=3"], "takes no 'weight'"),
        (["toy", "REC", "--meta", "weight"], "key=value"),
        (["toy", "REC", "--threshold", "7"], "not a probability"),
        (["data", "REC"], "not a bundle"),
        (["REC", "REC"], "not a bundle"),
    ],
)
def test_what_cannot_be_is_one_line(ecg, model, recording, arguments, said):
    done = ecg("predict", *(str(recording) if word == "REC" else word for word in arguments))
    assert done.code == 1
    assert said in done.err
    assert done.err.count("error:") == 1
    assert done.out == ""


def test_a_run_is_told_to_be_exported_first(ecg, home, recording):
    (home / "runs" / "r1").mkdir(parents=True)
    (home / "runs" / "r1" / "config.yaml").write_text("arch: cnn1d\n")
    done = ecg("predict", "r1", recording)
    assert done.code == 1
    assert "ecg export" in done.err


def test_a_bundle_with_a_changed_byte_predicts_nothing(ecg, model, recording, home):
    file = home / "bundles" / "toy@1" / "model.onnx"
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(content)
    done = ecg("predict", "toy", recording, "--out", "p.csv")
    assert done.code == 1
    assert "model.onnx was changed" in done.err
    assert done.out == ""


def test_what_is_there_is_replaced_only_when_asked(ecg, model, recording, tmp_path):
    for name in ("p.csv", "drawn/one.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    for option in (("--out", "p.csv"), ("--plot", "drawn")):
        refused = ecg("predict", "toy", recording, *option)
        assert refused.code == 1
        assert "exists already" in refused.err
    assert {(tmp_path / name).read_text() for name in ("p.csv", "drawn/one.png")} == {"mine"}
    done = ecg("predict", "toy", recording, "--out", "p.csv", "--plot", "drawn", "--force")
    assert done.code == 0, done.err
    assert (tmp_path / "p.csv").read_text() != "mine"
    assert (tmp_path / "drawn" / "one.png").read_bytes().startswith(b"\x89PNG")


def test_an_old_table_stays_where_the_new_one_cannot_be_written(ecg, model, recording, tmp_path):
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "p.csv").mkdir()
    done = ecg("predict", "toy", recording, "--out", "locked/p.csv")
    assert done.code == 1
    assert "p.csv" in done.err


def test_control_characters_of_a_file_never_reach_the_terminal(ecg, model, recording):
    text = recording.read_text().replace(" V6", " V6\x1b]0;owned\x07")
    recording.write_text(text)
    done = ecg("predict", "toy", recording)
    assert done.code == 1
    assert "\x1b]" not in done.out + done.err
    assert "\x07" not in done.out + done.err


def test_the_json_of_several_failures_is_still_json(ecg, model):
    done = ecg("predict", "toy", "a.hea", "b.hea", "--json")
    assert done.code == 1
    assert json.loads(done.out)["predictions"] == []


def test_an_item_of_a_store_can_be_predicted_and_drawn(ecg, model, home):
    make_store(home / "stores" / "mine", leads=12, samples=1000)
    done = ecg("predict", "toy", "mine:3", "--plot", "pictures", "--json")
    assert done.code == 0, done.err
    assert done.json["predictions"][0]["record"] == "00003"
    assert [picture.name for picture in Path("pictures").iterdir()] == ["00003.png"]


def test_an_item_of_a_filtered_store_is_refused_because_it_would_be_filtered_again(ecg, model, home):
    make_store(home / "stores" / "mine", leads=12, samples=1000, highpass=0.5)
    done = ecg("predict", "toy", "mine:3")
    assert done.code == 1
    assert "filter them again" in done.err


def test_an_item_that_is_not_in_the_store_is_one_line(ecg, model, home):
    make_store(home / "stores" / "mine", leads=12, samples=1000)
    assert "holds no item '999'" in ecg("predict", "toy", "mine:999").err
