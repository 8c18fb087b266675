"""Documents beside a recording: what they say, in which order they count, and which are refused."""

import json

import numpy as np
import pytest

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.formats.sidecar import (
    Sidecar,
    described,
    folder_document,
    own_document,
    sidecar_path,
    write_sidecar,
)

VALUES = np.arange(600, dtype=np.float64).reshape(3, 200)


@pytest.fixture
def array(tmp_path):
    """``array(**said)``: an array of three leads with a document that says so."""

    def made(values=VALUES, **said):
        path = tmp_path / "lab" / "rec.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, values)
        sidecar_path(path).write_text(json.dumps(said))
        return path

    return made


SAID = {"fs": 100, "leads": ["I", "II", "V1"]}


def test_a_recording_s_own_document_counts_before_that_of_its_folder(array):
    path = array(fs=100)
    path.with_name("dataset.json").write_text(json.dumps({"fs": 500, "leads": ["I", "II", "V1"], "unit": "mV"}))
    record = read_record(path)
    assert (record.fs, record.leads, record.calibrated) == (100.0, ("I", "II", "V1"), True)


def test_what_a_file_says_counts_before_its_folder_and_after_its_own_document(tmp_path):
    path = tmp_path / "rec.npz"
    np.savez(path, signal=VALUES, fs=250, leads=["I", "II", "V1"])
    (tmp_path / "dataset.json").write_text(json.dumps({"fs": 500, "unit": "uV"}))
    assert read_record(path).fs == 250
    assert read_record(path).calibrated
    sidecar_path(path).write_text('{"fs": 125}')
    assert read_record(path).fs == 125


def test_the_nearest_dataset_document_counts_and_none_from_far_above(tmp_path):
    folder = tmp_path / "a" / "b" / "c" / "d"
    folder.mkdir(parents=True)
    (tmp_path / "a" / "dataset.json").write_text('{"fs": 100}')
    assert described(folder / "rec.npy").fs == 100
    (tmp_path / "a" / "b" / "dataset.json").write_text('{"fs": 200}')
    assert described(folder / "rec.npy").fs == 200
    assert described(folder / "e" / "f" / "rec.npy").fs is None


def test_a_document_that_changed_is_read_again(array):
    path = array(**SAID)
    assert read_record(path).fs == 100
    sidecar_path(path).write_text(json.dumps({**SAID, "fs": 1000}))
    assert read_record(path).fs == 1000


def test_a_document_may_speak_of_the_file_of_one_suffix_alone(array):
    path = array(**SAID, file="rec.npy")
    assert own_document(path).fs == 100
    assert own_document(path.with_suffix(".csv")) is None


def test_keys_of_others_are_left_alone(tmp_path):
    (tmp_path / "dataset.json").write_text('{"fs": 100, "label_system": "scp", "licence": {"any": ["thing"]}}')
    assert folder_document(tmp_path) == Sidecar(fs=100)


def test_a_folder_without_a_document_says_nothing(tmp_path):
    assert folder_document(tmp_path) == Sidecar()


@pytest.mark.parametrize(
    ("unit", "factor", "calibrated"),
    [
        ("mV", 1, True), ("uV", 1e-3, True), ("µV", 1e-3, True), ("V", 1e3, True), ("zscore", 1, False),
        ("adc", 1, False), ("unknown", 1, False),
    ],
)  # fmt: skip
def test_units_become_millivolt_or_are_marked(array, unit, factor, calibrated):
    record = read_record(array(**SAID, unit=unit))
    np.testing.assert_allclose(record.signal, VALUES * factor, rtol=1e-6)
    assert record.calibrated is calibrated


def test_without_a_unit_nothing_is_guessed(array):
    assert not read_record(array(**SAID)).calibrated


def test_counts_become_millivolt_by_gain_and_baseline_of_each_lead(array):
    record = read_record(array(**SAID, unit="adc", gain=[100, 200, 400], baseline=[0, 10, 20]))
    np.testing.assert_allclose(record.signal, (VALUES - [[0], [10], [20]]) / [[100], [200], [400]], rtol=1e-6)
    assert record.calibrated


def test_a_gain_says_nothing_of_values_that_are_millivolts_already(array):
    np.testing.assert_array_equal(read_record(array(**SAID, unit="mV", gain=1100)).signal, VALUES)


def test_what_is_said_not_to_be_calibrated_is_not(array):
    assert not read_record(array(**SAID, unit="mV", calibrated=False)).calibrated


def test_a_person_and_a_device_are_passed_on(array):
    said = {"age": 63, "sex": "female", "patient": "p7", "device": "logger", "start": "2020-01-02T03:04:05"}
    record = read_record(array(**SAID, **said))
    assert record.patient == "p7"
    assert {key: record.meta[key] for key in ("age", "sex", "device", "start")} == {
        "age": 63.0,
        "sex": "F",
        "device": "logger",
        "start": "2020-01-02T03:04:05",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fs", 0), ("fs", -250), ("fs", "fast"), ("fs", 1e9), ("fs", [250]), ("fs", True), ("unit", "kg"), ("unit", 5),
        ("leads", []), ("leads", [1, 2]), ("leads", [""]), ("leads", ["x" * 65]), ("layout", "sideways"), ("gain", 0),
        ("gain", "much"), ("baseline", {}), ("calibrated", "perhaps"), ("age", 400), ("age", "old"), ("sex", 1),
        ("start", "x" * 65), ("patient", 7),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_with_file_and_field(array, field, value):
    path = array(**{**SAID, field: value})
    with pytest.raises(FormatError, match=rf"rec\.meta\.json: {field} cannot be"):
        read_record(path)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"leads": ["I", "II"], "layout": "leads,samples"}, "holds 3 leads, but 2 are named"),
        ({"unit": ["mV", "uV"]}, "unit has 2 values"),
        ({"unit": "adc", "gain": [1, 2]}, "gain has 2 values"),
        ({"leads": ["I", "I", "V1"]}, "names lead I more than once"),
        ({"calibrated": True}, "said to be calibrated, but not in which unit"),
        ({"fs": None}, "does not say its sampling rate"),
    ],
)
def test_what_does_not_fit_the_recording_is_refused(array, said, what):
    with pytest.raises(FormatError, match=what) as refusal:
        read_record(array(**{**SAID, **said}))
    assert "rec." in refusal.value.message


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '"fs"', "\0", "[" * 100_000, '{"fs": 1' + "0" * 5000 + "}", "x" * 2**21]
)
def test_what_is_no_document_is_one_line(array, text):
    path = array(**SAID)
    sidecar_path(path).write_text(text)
    with pytest.raises(FormatError, match=r"rec\.meta\.json"):
        read_record(path)


def test_a_folder_where_a_document_should_be_is_one_line(array):
    path = array(**SAID)
    sidecar_path(path).unlink()
    sidecar_path(path).mkdir()
    with pytest.raises(FormatError, match="not a file"):
        read_record(path)


def test_a_written_document_says_the_same(tmp_path):
    said = Sidecar(fs=250, leads=("MLII",), unit=("adc",), gain=(200.5,), baseline=(512,), age=50, sex="M", patient="p")
    path = write_sidecar(tmp_path / "rec.npy", said, {"source": "log.txt", "gaps": [[1, 2]]})
    assert path.name == "rec.meta.json"
    document = json.loads(path.read_text())
    assert (document["unit"], document["gain"], document["file"]) == ("adc", 200.5, "rec.npy")
    assert document["source"] == "log.txt"
    back = own_document(tmp_path / "rec.npy")
    assert back.model_dump(exclude={"file"}) == said.model_dump(exclude={"file"})


@pytest.mark.parametrize(("slip", "meant"), [("unti", "unit"), ("units", "unit"), ("lead", "leads"), ("gains", "gain")])
def test_a_slip_of_the_pen_is_refused_with_what_was_meant(array, slip, meant):
    with pytest.raises(FormatError, match=f"no meaning for '{slip}'") as refused:
        read_record(array(fs=100, **{slip: "mV"}))
    assert refused.value.hint == f"Did you mean '{meant}'?"
