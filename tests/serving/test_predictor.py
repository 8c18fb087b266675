import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from bundles import LABELS, make_bundle, manifest, model
from onnx import TensorProto, helper, numpy_helper
from recorded import ecg_like, write_record
from scipy.special import expit, logit

from ecgtool.catalog.bundle import write_bundle
from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.metrics.logits import activated
from ecgtool.metrics.patients import by_patient
from ecgtool.metrics.predictions import Predictions
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.serving import spans as spans_module
from ecgtool.serving.metadata import metadata_value, read_metadata
from ecgtool.serving.predictor import Predictor
from ecgtool.serving.results import document, predict_files, write_csv
from ecgtool.settings import Preprocessing
from ecgtool.task import Task


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "b")


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle, threads=1)


PERSON = {"age": 60, "sex": "F"}


def by_hand(bundle, record, metadata):
    """The model on the record as it is, without any of the predictor's steps."""
    signal = record.signal - np.median(record.signal, axis=1, keepdims=True)
    feeds = {"signal": signal[None], "metadata": np.array([metadata], np.float32)}
    return bundle.session(1).run(None, feeds)[0][0]


def test_a_prediction_is_what_the_model_says(bundle, predictor):
    record = ecg_like()
    found = predictor.predict(record, PERSON)
    np.testing.assert_allclose(found.probabilities, by_hand(bundle, record, [60, 1]), atol=1e-6)
    assert found.windows.shape == (1, 3)
    assert found.notes == ()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_leads_does_not_matter(predictor, seed, tmp_path):
    record = ecg_like()
    order = np.random.default_rng(seed).permutation(12)
    shuffled = Record(record.signal[order], record.fs, tuple(record.leads[i] for i in order), id="s")
    first = predictor.predict_file(write_record(record, tmp_path / "a"), PERSON)
    second = predictor.predict_file(write_record(shuffled, tmp_path / "b"), PERSON)
    np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-6)


@pytest.mark.parametrize(("unit", "gain"), [("uV", 1.0), ("uV", 0.2), ("V", 1e6), ("mV", 200.0)])
def test_the_unit_a_file_declares_does_not_matter(predictor, tmp_path, unit, gain):
    record = ecg_like()
    fine = predictor.predict_file(write_record(record, tmp_path / "a"), PERSON)
    other = predictor.predict_file(write_record(record, tmp_path / "b", unit=unit, gain=gain), PERSON)
    np.testing.assert_allclose(other.probabilities, fine.probabilities, atol=2e-3)


@pytest.mark.parametrize("fs", [500.0, 250.0, 128.0, 360.0, 1000.0])
def test_any_sampling_rate_is_brought_to_the_models(predictor, fs):
    there = predictor.predict(ecg_like(fs=100.0), PERSON)
    found = predictor.predict(ecg_like(fs=fs), PERSON)
    np.testing.assert_allclose(found.probabilities, there.probabilities, atol=5e-3)
    assert found.fs == fs


def test_limb_leads_that_are_not_recorded_are_derived(predictor):
    eight = predictor.predict(ecg_like(leads=LEADS_8), PERSON)
    np.testing.assert_allclose(eight.probabilities, predictor.predict(ecg_like(), PERSON).probabilities, atol=1e-5)


def test_further_leads_are_left_aside(predictor):
    record = ecg_like()
    more = Record(np.vstack([np.full((1, 1000), 9, np.float32), record.signal]), 100.0, ("V7", *LEADS_12), id="r0")
    expected = predictor.predict(record, PERSON).probabilities
    np.testing.assert_allclose(predictor.predict(more, PERSON).probabilities, expected, atol=1e-6)


def test_missing_leads_are_named(predictor):
    with pytest.raises(DataError, match="lacks lead V2, V6"):
        predictor.predict(ecg_like(leads=[lead for lead in LEADS_12 if lead not in ("V2", "V6")]), PERSON)


def test_a_recording_that_is_too_short_is_refused_with_both_durations(predictor):
    with pytest.raises(DataError, match=r"lasts 9\.5 s; the model needs 10 s"):
        predictor.predict(ecg_like(seconds=9.5), PERSON)


def test_a_sample_lost_to_rounding_is_no_reason_to_refuse(predictor):
    record = ecg_like(seconds=9.99)
    assert predictor.predict(record, PERSON).windows.shape == (1, 3)
    with pytest.raises(DataError, match="needs 10 s"):
        predictor.predict(ecg_like(seconds=9.98), PERSON)


@pytest.mark.parametrize("seconds", [10.0, 20.0, 25.0, 34.37, 330.0])
def test_a_long_recording_is_the_mean_of_its_windows_and_the_last_one_ends_with_it(bundle, seconds):
    predictor = Predictor(bundle, threads=1)
    record = ecg_like(seconds=seconds)
    found = predictor.predict(record, PERSON)
    total = record.signal.shape[1]
    begins = list(range(0, total - 999, 1000))
    begins += [total - 1000] if begins[-1] + 1000 < total else []
    np.testing.assert_allclose(found.onsets_s, np.array(begins) / 100)
    level = record.signal - np.median(record.signal, axis=1, keepdims=True)
    windows = np.stack([level[:, begin : begin + 1000] for begin in begins])
    feeds = {"signal": windows, "metadata": np.tile(np.array([[60, 1]], np.float32), (len(begins), 1))}
    (expected,) = bundle.session(1).run(None, feeds)
    np.testing.assert_allclose(found.windows, expected, atol=1e-6)
    chances = expected.astype(float)
    np.testing.assert_allclose(found.probabilities, expit(logit(chances).mean(axis=0)), rtol=1e-5)


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_windows_are_brought_together_as_the_recordings_of_a_patient_are(predictor, kind):
    task = Task(name="toy", kind=kind, labels=LABELS)
    drawn = np.random.default_rng(0).normal(0, 8, (50, 3))
    windows = np.concatenate([activated(task, drawn), np.array([[0, 1, 0], [1, 0, 0]], np.float32)])
    found = replace(predictor.predict(ecg_like(), PERSON), task=task, windows=windows)
    targets = np.zeros(52, int) if kind == "multiclass" else np.zeros((52, 3), int)
    each = Predictions(task, tuple(map(str, range(52))), ("one",) * 52, "test", targets, windows)
    np.testing.assert_allclose(found.probabilities, by_patient(each).probabilities[0], rtol=1e-5)


@pytest.mark.parametrize("seconds", [60.0, 95.5, 127.25])
@pytest.mark.parametrize("fs", [100.0, 250.0])
def test_a_recording_read_in_stretches_gives_what_it_gives_whole(tmp_path, monkeypatch, seconds, fs):
    steps = Preprocessing(fs=100.0, highpass=0.5, lowpass=40)
    predictor = Predictor(make_bundle(tmp_path / "b", preprocessing=steps), threads=1)
    path = write_record(ecg_like(seconds=seconds, fs=fs), tmp_path)
    whole = predictor.predict_file(path, PERSON)
    for module in (spans_module, sys.modules[Predictor.__module__]):
        monkeypatch.setattr(module, "STRETCH_S", 30.0)
    stretched = predictor.predict_file(path, PERSON)
    np.testing.assert_array_equal(stretched.onsets_s, whole.onsets_s)
    np.testing.assert_allclose(stretched.windows, whole.windows, atol=5e-3)
    assert stretched.seconds == whole.seconds == round(seconds * fs) / fs


def test_only_a_stretch_of_a_long_recording_is_held_at_a_time(tmp_path, predictor, monkeypatch):
    lengths = []
    module = sys.modules[Predictor.__module__]
    read = module.read_record

    def watched(*arguments):
        record = read(*arguments)
        lengths.append(record.seconds)
        return record

    monkeypatch.setattr(module, "read_record", watched)
    path = write_record(ecg_like(seconds=3000), tmp_path)
    assert len(predictor.predict_file(path, PERSON).windows) == 300
    assert max(lengths) <= 930


# --- scale -----------------------------------------------------------------------------------------------------------


def uncalibrated():
    record = ecg_like()
    return Record(record.signal, record.fs, record.leads, id="raw", meta={"calibrated": False})


def test_a_recording_without_calibration_is_refused_where_millivolts_are_needed(predictor):
    with pytest.raises(DataError, match="not calibrated; the model needs millivolts"):
        predictor.predict(uncalibrated(), PERSON)


def test_millivolts_are_refused_where_the_model_learned_from_an_unknown_scale(tmp_path):
    predictor = Predictor(make_bundle(tmp_path / "b", calibrated=False), threads=1)
    predictor.predict(uncalibrated(), PERSON)
    with pytest.raises(DataError, match="unknown scale"):
        predictor.predict(ecg_like(), PERSON)


def test_the_scale_does_not_matter_where_it_is_taken_off(tmp_path):
    steps = Preprocessing(fs=100.0, normalise="zscore")
    predictor = Predictor(make_bundle(tmp_path / "b", preprocessing=steps), threads=1)
    known, raw = predictor.predict(ecg_like(), PERSON), predictor.predict(uncalibrated(), PERSON)
    np.testing.assert_allclose(known.probabilities, raw.probabilities, atol=1e-6)


def test_a_flat_recording_is_refused_and_a_flat_lead_told(predictor):
    record = ecg_like()
    flat = record.signal.copy()
    flat[3] = 0.7
    flat[4] = np.nan
    assert "lead aVR, aVL is flat" in predictor.predict(Record(flat, 100.0, LEADS_12), PERSON).notes
    for value in (0.0, np.nan):
        with pytest.raises(DataError, match="flat in every lead"):
            predictor.predict(Record(np.full_like(flat, value), 100.0, LEADS_12), PERSON)


def test_invalid_samples_are_bridged_and_counted(predictor):
    record = ecg_like()
    gaps = record.signal.copy()
    gaps[2, 100:110] = np.nan
    found = predictor.predict(Record(gaps, 100.0, LEADS_12), PERSON)
    assert "10 invalid samples were bridged" in found.notes


# --- metadata --------------------------------------------------------------------------------------------------------


def test_age_and_sex_come_from_the_file_unless_they_are_given(bundle, predictor, tmp_path):
    path = write_record(ecg_like(), tmp_path, comments=["<age>: 70  <sex>: M"])
    assert predictor.predict_file(path).metadata == {"age": 70.0, "sex": 0.0}
    given = predictor.predict_file(path, {"age": 40})
    assert given.metadata == {"age": 40.0, "sex": 0.0}
    assert given.notes == ()
    assert not np.array_equal(given.probabilities, predictor.predict_file(path).probabilities)


def test_what_nobody_knows_is_nan_and_told(bundle, predictor):
    found = predictor.predict(ecg_like())
    assert np.isnan(list(found.metadata.values())).all()
    assert found.notes == ("age is unknown", "sex is unknown")
    np.testing.assert_allclose(found.probabilities, by_hand(bundle, ecg_like(), [np.nan, np.nan]), atol=1e-6)


@pytest.mark.parametrize("age", [300, 121, -1, "old", "inf", "1e400", "63 years"])
def test_ages_that_cannot_be_are_refused(predictor, age):
    with pytest.raises(ConfigError, match="age cannot be"):
        predictor.predict(ecg_like(), {"age": age})


@pytest.mark.parametrize("word", ["x", "2", "woman?", "0.5"])
def test_a_sex_that_cannot_be_is_refused(predictor, word):
    with pytest.raises(ConfigError, match="sex cannot be"):
        predictor.predict(ecg_like(), {"sex": word})


@pytest.mark.parametrize(
    ("word", "value"), [("M", 0), ("male", 0), ("0", 0), (0, 0), ("f", 1), ("FEMALE", 1), (" 1 ", 1), (1.0, 1)]
)
def test_sex_may_be_written_in_many_ways(word, value):
    assert metadata_value("sex", word) == value


@pytest.mark.parametrize("word", ["", "unknown", "NaN"])
def test_unknown_may_be_said(word):
    assert np.isnan(metadata_value("age", word))
    assert read_metadata(("age",), {"age": word}, {"age": 50})[1] == ()


@pytest.mark.parametrize("stated", [{"age": 300, "sex": "?"}, {"age": "n/a", "sex": 7}, {"age": None}])
def test_nonsense_in_a_file_is_unknown(stated):
    values, notes = read_metadata(("age", "sex"), {}, stated)
    assert np.isnan(list(values.values())).all()
    assert notes == ("age is unknown", "sex is unknown")


def test_a_column_the_model_does_not_take_is_refused(predictor):
    with pytest.raises(ConfigError, match="takes no 'agee'") as caught:
        predictor.predict(ecg_like(), {"agee": 3})
    assert "'age'" in caught.value.hint


# --- labels and thresholds -------------------------------------------------------------------------------------------


def test_what_reaches_its_threshold_passes(bundle):
    record = ecg_like()
    found = Predictor(bundle, threads=1).predict(record, PERSON)
    chances = dict(zip(LABELS, found.probabilities.tolist(), strict=True))
    limits = {"NORM": 0.3, "MI": 0.5, "STTC": 0.7}
    assert found.passing(found.probabilities) == tuple(label for label in LABELS if chances[label] >= limits[label])
    assert Predictor(bundle, threshold=0.0).predict(record, PERSON).passing(found.probabilities) == LABELS
    assert Predictor(bundle, threshold=1.0).predict(record, PERSON).passing(found.probabilities) == ()
    assert found.label(found.probabilities) == max(chances, key=chances.get)


def test_where_one_label_holds_the_most_probable_is_the_answer(tmp_path):
    bundle = make_bundle(tmp_path / "b", kind="multiclass")
    found = Predictor(bundle, threads=1).predict(ecg_like(), PERSON)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert found.passing(found.probabilities) == (found.label(found.probabilities),)
    assert found.thresholds == {}
    strict = Predictor(bundle, threshold=1.0).predict(ecg_like(), PERSON)
    assert strict.passing(strict.probabilities) == ()


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(bundle, threshold):
    with pytest.raises(ConfigError, match="not a probability"):
        Predictor(bundle, threshold=threshold)


def test_a_task_that_is_not_about_labels_of_a_recording_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="tokens task"):
        Predictor(make_bundle(tmp_path / "b", kind="tokens"))


def bundle_saying(folder, value):
    """A model that gives the same value whatever it sees."""
    held = manifest(tabular=(), thresholds={})
    nodes = [
        helper.make_node("ReduceMean", ["signal", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "value"], ["probabilities"]),
    ]
    made = model(held, nodes=nodes)
    made.graph.initializer.extend(
        [
            numpy_helper.from_array(np.zeros((12, 3), np.float32), "none"),
            numpy_helper.from_array(np.full(3, value, np.float32), "value"),
        ]
    )
    assert made.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    return write_bundle(folder, held, {"model.onnx": made.SerializeToString()})


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.5, float("inf")])
def test_what_is_no_probability_is_never_shown(tmp_path, value):
    with pytest.raises(DataError, match="no probability"):
        Predictor(bundle_saying(tmp_path / "b", value), threads=1).predict(ecg_like())


# --- several files, documents, tables --------------------------------------------------------------------------------


def test_one_bad_file_does_not_stop_the_others(predictor, tmp_path):
    good = [str(write_record(ecg_like(seed=seed), tmp_path, name=f"r{seed}")) for seed in (1, 2)]
    short = str(write_record(ecg_like(seconds=3), tmp_path, name="short"))
    made, failed = predict_files(predictor, [good[0], short, "nowhere", good[1]], PERSON)
    assert [prediction.file for prediction in made] == good
    assert [failure.file for failure in failed] == [short, "nowhere"]
    assert all(isinstance(failure.error, EcgError) for failure in failed)


def test_metadata_that_cannot_be_stops_before_the_first_file(predictor):
    with pytest.raises(ConfigError, match="age"):
        predict_files(predictor, ["nowhere"], {"age": 300})


def test_the_document_of_a_prediction_has_every_window(predictor):
    found = document(predictor.predict(ecg_like(seconds=25), PERSON, file="x.hea"))
    assert found["file"] == "x.hea"
    assert set(found["probabilities"]) == set(LABELS)
    assert found["confidence"] == max(found["probabilities"].values())
    assert found["class"] == max(found["probabilities"], key=found["probabilities"].get)
    assert [(window["start_s"], window["end_s"]) for window in found["windows"]] == [(0, 10), (10, 20), (15, 25)]
    mean = np.mean([logit(window["probabilities"]["MI"]) for window in found["windows"]])
    assert found["probabilities"]["MI"] == pytest.approx(expit(mean), rel=1e-5)


def test_the_table_has_a_row_for_the_whole_and_one_for_each_window(predictor, tmp_path):
    made = [predictor.predict(ecg_like(seconds=20), PERSON), predictor.predict(ecg_like(seed=1), PERSON)]
    lines = write_csv(tmp_path / "p.csv", made).read_text().splitlines()
    assert lines[0] == "file,record,window,start_s,end_s,class,confidence,passing,p_NORM,p_MI,p_STTC"
    assert [line.split(",")[:5] for line in lines[1:]] == [
        ["r0", "r0", "all", "0", "20"],
        ["r0", "r0", "0", "0", "10"],
        ["r0", "r0", "1", "10", "20"],
        ["r1", "r1", "all", "0", "10"],
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM", "a,b", 'a"b', "line\nbreak"])
def test_hostile_names_are_text_in_the_table(predictor, tmp_path, name):
    import csv

    made = [predictor.predict(ecg_like(), PERSON, file=name)]
    with write_csv(tmp_path / "p.csv", made).open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 2
    assert rows[1][0].lstrip("'") == name
    assert rows[1][0][0] not in "=+-@"


PREDICT = """
import sys
from ecgtool.catalog import find_bundle
from ecgtool.serving.predictor import Predictor
Predictor(find_bundle(sys.argv[1])).predict_file(sys.argv[2])
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_predicting_needs_neither_torch_nor_onnx_nor_pandas_and_scipy_only_to_filter_or_resample(bundle, tmp_path):
    path = write_record(ecg_like(), tmp_path)
    command = [sys.executable, "-c", PREDICT, str(bundle.path), str(path)]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "lightning", "onnx", "pandas", "scipy", "sklearn", "matplotlib", "wfdb"}


# --- real recordings -------------------------------------------------------------------------------------------------


def test_a_real_recording_predicts_the_same_at_100_and_500_hz(recordings, predictor):
    folder = recordings("ptbxl")
    low = predictor.predict_file(folder / "records100/00000/00001_lr.hea", PERSON)
    high = predictor.predict_file(folder / "records500/00000/00001_hr.hea", PERSON)
    np.testing.assert_allclose(high.probabilities, low.probabilities, atol=0.02)
    assert (low.fs, high.fs) == (100, 500)


def test_a_two_lead_recording_is_refused_by_a_twelve_lead_model(recordings, predictor):
    with pytest.raises(DataError, match="lacks lead I, II"):
        predictor.predict_file(recordings("mitdb") / "100.hea", PERSON)


def test_half_an_hour_is_predicted_window_by_window(recordings, tmp_path):
    held = {"leads": ("MLII", "V5"), "fs": 360.0, "samples": 3600, "tabular": ()}
    found = Predictor(make_bundle(tmp_path / "b", **held), threads=1).predict_file(recordings("mitdb") / "100.hea")
    assert found.windows.shape == (181, 3)
    assert found.onsets_s[-1] + 10 == pytest.approx(found.seconds)
