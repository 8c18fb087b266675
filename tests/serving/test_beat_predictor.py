"""Every heartbeat of a recording, from a bundle made by hand."""

import numpy as np
import pytest
import wfdb
from bundles import manifest, model
from drawn_beats import drawn

from ecgtool.catalog.bundle import write_bundle
from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.metrics.detection import match_beats
from ecgtool.record import Record
from ecgtool.serving.beat_answer import BeatAnswer
from ecgtool.serving.beat_files import write_beats
from ecgtool.serving.beat_leads import notes_of, serving
from ecgtool.serving.beats import BeatPredictor
from ecgtool.settings import BeatConfig
from ecgtool.signals import rr
from ecgtool.task import Task

FS = 180.0
CONFIG = BeatConfig(before_s=0.2, after_s=0.3, features=("previous", "next", "local", "record"))
LABELS = ("N", "S", "V", "F", "Q")


def bundle_of_beats(path, *, labels=LABELS, leads=("MLII", "chest"), fs=FS, **changes):
    """A model that says something of each window and its intervals; nothing true."""
    held = manifest(
        task=Task(name="aami5", kind="multiclass", labels=labels, of="beat"),
        leads=leads,
        fs=fs,
        samples=round(0.2 * fs) + round(0.3 * fs) + 1,
        beats=CONFIG,
        **{"thresholds": {}, "tabular": CONFIG.features, **changes},
    )
    return write_bundle(path, held, {"model.onnx": model(held).SerializeToString()})


@pytest.fixture(scope="session")
def predictor(tmp_path_factory):
    return BeatPredictor(bundle_of_beats(tmp_path_factory.mktemp("bundle") / "toy"), threads=1)


def recording(seconds=40.0, fs=FS, number=1, leads=("II", "V1"), names=("MLII", "V1")):
    record, truth = drawn(number, seconds=seconds, fs=fs, leads=leads)
    return Record(record.signal, record.fs, names, "one", "someone", {}), truth


def test_every_beat_has_a_class_and_probabilities_that_sum_to_one(predictor):
    record, truth = recording()
    answer = predictor.predict(record)
    found = match_beats(np.rint(truth.beat_s * FS), answer.samples, FS, 0.05)
    assert len(found.found) == len(truth.beat_s) == len(answer.samples)
    assert answer.probabilities.sum(axis=1) == pytest.approx(np.ones(len(answer.samples)), abs=1e-5)
    assert answer.classes() == [LABELS[number] for number in answer.probabilities.argmax(axis=1)]
    assert answer.notes == ()
    assert answer.leads == ("MLII", "V1")


def test_a_recording_of_another_rate_has_its_beats_in_its_own_samples(predictor):
    slow, _ = recording()
    fast, _ = recording(fs=500.0)
    answers = predictor.predict(slow), predictor.predict(fast)
    assert answers[1].times_s == pytest.approx(answers[0].times_s, abs=0.02)
    assert answers[1].samples[-1] > 2 * answers[0].samples[-1]
    assert answers[1].probabilities == pytest.approx(answers[0].probabilities, abs=0.1)


def test_a_file_walked_in_stretches_says_what_it_says_in_one(predictor, tmp_path, monkeypatch):
    record, _ = recording(seconds=300.0)
    path = write_wfdb(record, tmp_path, "long")
    whole = predictor.predict_file(path)
    monkeypatch.setattr("ecgtool.serving.beat_source.STRETCH_S", 60.0)
    parts = predictor.predict_file(path)
    assert parts.samples == pytest.approx(whole.samples, abs=2)  # the usual beat is that of the stretch
    assert parts.probabilities == pytest.approx(whole.probabilities, abs=0.05)
    assert parts.seconds == 300.0


def test_intervals_are_those_of_the_whole_recording(predictor, monkeypatch):
    seen = []
    judge = predictor.judge
    monkeypatch.setattr(predictor, "judge", lambda part: seen.append(part.features) or judge(part))
    monkeypatch.setattr("ecgtool.serving.beat_source.STRETCH_S", 15.0)
    answer = predictor.predict(recording()[0])
    assert len(seen) > 1
    assert np.concatenate(seen) == pytest.approx(rr.features(answer.samples, FS, CONFIG.features), nan_ok=True)


def test_a_single_lead_serves_and_what_is_missing_is_told(predictor):
    record, truth = recording(leads=("II",), names=("ECG",))
    answer = predictor.predict(record)
    assert abs(len(answer.samples) - len(truth.beat_s)) <= 1
    assert answer.leads == ("ECG", "")
    assert answer.notes[0] == "ECG was taken for lead MLII"
    assert "no lead was recorded that serves for chest" in answer.notes[1]


@pytest.mark.parametrize(
    ("leads", "served"),
    [
        (("V5", "MLII"), ("MLII", "V5")),
        (("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2"), ("II", "V1")),
        (("V5", "V2"), ("V5", "V2")),
        (("RESP", "mlii"), ("mlii", "")),
        (("MCL1", "CM5"), ("MCL1", "CM5")),
        ((), ("", "")),
    ],
)
def test_leads_serve_by_the_part_they_play(leads, served):
    assert serving(leads, ("MLII", "chest")) == served


def test_a_chest_lead_of_any_name_needs_no_note():
    assert notes_of(("MLII", "chest"), ("MLII", "V5")) == ()


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.0])
def test_a_short_recording_has_few_beats_or_none(predictor, seconds):
    record, truth = recording()
    short = Record(record.signal[:, : round(seconds * FS)], FS, record.leads, "short")
    answer = predictor.predict(short)
    assert len(answer.samples) <= (truth.beat_s < seconds).sum() + 1
    assert answer.summary.beats == len(answer.samples)


def test_no_heartbeats_are_an_empty_answer_with_a_note(predictor, tmp_path):
    flat = Record(np.zeros((2, 3600), np.float32), FS, ("MLII", "V1"), "flat")
    answer = predictor.predict(flat)
    assert len(answer.samples) == 0
    assert answer.notes[0] == "no heartbeat was found"
    assert answer.summary.rate_mean is None
    write_beats(tmp_path, [answer])
    assert len(wfdb.rdann(str(tmp_path / "flat"), "aami").sample) == 0


def test_a_gap_has_no_beats_and_no_interval_across_it(predictor):
    record, truth = recording()
    signal = record.signal.copy()
    signal[:, 2000:3000] = np.nan
    answer = predictor.predict(Record(signal, FS, record.leads, "gap"))
    inside = (answer.samples > 2020) & (answer.samples < 2980)
    assert not inside.any()
    assert len(answer.samples) < len(truth.beat_s)
    assert answer.gaps.tolist() == [[2000, 3000]]
    assert np.isnan(answer.intervals_s[np.searchsorted(answer.samples, 3000)])
    assert answer.summary.pauses == ()
    assert "2000 invalid samples were bridged" in answer.notes


def test_one_lead_off_leaves_the_other_to_find_beats(predictor):
    record, truth = recording()
    signal = record.signal.copy()
    signal[1] = np.nan
    answer = predictor.predict(Record(signal, FS, record.leads, "off"))
    assert abs(len(answer.samples) - len(truth.beat_s)) <= 1
    assert "lead V1 is flat" in answer.notes


def test_another_scale_is_refused_unless_the_model_takes_the_scale_off(predictor, tmp_path):
    record, _ = recording()
    raw = Record(record.signal * 200, FS, record.leads, "raw", "", {"calibrated": False})
    with pytest.raises(DataError, match="not calibrated"):
        predictor.predict(raw)
    steps = predictor.manifest.preprocessing.model_copy(update={"normalise": "zscore"})
    scaled = BeatPredictor(bundle_of_beats(tmp_path / "scaled", preprocessing=steps), threads=1)
    assert any("not calibrated" in note for note in scaled.predict(raw).notes)


def test_two_classes_are_told_apart_by_the_threshold_of_the_positive_one(tmp_path):
    held = bundle_of_beats(tmp_path / "two", labels=("normal", "abnormal"), thresholds={"abnormal": 0.3})
    record, _ = recording()
    answer = BeatPredictor(held, threads=1).predict(record)
    assert (answer.called == (answer.probabilities[:, 1] >= 0.3)).all()
    every = BeatPredictor(held, threshold=0.0, threads=1).predict(record)
    assert set(every.classes()) == {"abnormal"}


def test_a_threshold_makes_no_sense_where_the_most_probable_class_is_called(predictor):
    with pytest.raises(ConfigError, match="no threshold"):
        BeatPredictor(predictor.bundle, threshold=0.5)


def answered(classes, times_s=None, gaps=(), fs=100.0, seconds=None):
    """An answer of beats that were called these classes, one a second unless told."""
    times = np.arange(len(classes)) * 1.0 if times_s is None else np.asarray(times_s)
    called = np.array([LABELS.index(label) for label in classes], np.int64)
    return BeatAnswer(
        file="x.hea",
        record="x",
        task=Task(name="aami5", kind="multiclass", labels=LABELS, of="beat"),
        fs=fs,
        seconds=seconds or float(times[-1]) + 1,
        samples=np.rint(times * fs).astype(np.int64),
        probabilities=np.eye(5, dtype=np.float32)[called],
        called=called,
        gaps=np.array(gaps, np.int64).reshape(-1, 2),
    )


def test_singles_couplets_and_runs_are_told_apart():
    found = answered("NVNVVNVVVNVVVVNS").summary
    ventricular = found.ectopy["V"]
    assert (ventricular.beats, ventricular.single, ventricular.couplets) == (10, 1, 1)
    assert [(run.start_s, run.end_s, run.beats, run.rate) for run in ventricular.runs] == [
        (6.0, 8.0, 3, 60.0),
        (10.0, 13.0, 4, 60.0),
    ]
    assert ventricular.burden == pytest.approx(1000 / 16)
    assert ventricular.per_hour is None
    assert found.ectopy["S"].single == 1
    assert found.counts == {"N": 5, "S": 1, "V": 10, "F": 0, "Q": 0}


def test_every_second_beat_three_times_is_bigeminy():
    found = answered("NNVNVNVNNNVNNVNVNN").summary.ectopy["V"]
    assert [(each.start_s, each.end_s, each.beats) for each in found.bigeminy] == [(1.0, 7.0, 3)]


def test_a_run_ends_where_the_signal_does():
    whole, torn = answered("NVVVN"), answered("NVVVN", gaps=[(250, 280)])
    assert len(whole.summary.ectopy["V"].runs) == 1
    assert torn.summary.ectopy["V"].runs == ()
    assert torn.summary.ectopy["V"].couplets == 1


def test_pauses_are_intervals_of_over_two_seconds():
    found = answered("NNNN", times_s=[0.0, 1.0, 3.0, 5.5]).summary.pauses
    assert [(each.start_s, each.end_s) for each in found] == [(3.0, 5.5)]


def test_rates_are_means_of_eight_intervals():
    times = np.cumsum([0.0, *[1.0] * 10, *[0.5] * 10])
    found = answered("N" * 21, times_s=times).summary
    assert (found.rate_min, found.rate_max) == pytest.approx((60.0, 120.0))
    assert found.rate_mean == pytest.approx(60 * 20 / 15)


def test_ectopic_beats_of_a_long_recording_are_told_per_hour():
    found = answered("NVN", seconds=7200.0).summary
    assert found.ectopy["V"].per_hour == pytest.approx(0.5)


def test_features_that_this_version_does_not_compute_are_refused(tmp_path):
    held = bundle_of_beats(tmp_path / "old", tabular=("previous", "next", "local", "mood"))
    with pytest.raises(FormatError, match="other features of heartbeats"):
        BeatPredictor(held)


def test_a_model_that_is_told_nothing_beside_the_signal_judges_too(tmp_path):
    plain = BeatPredictor(bundle_of_beats(tmp_path / "plain", tabular=()), threads=1)
    assert len(plain.predict(recording()[0]).samples) > 30


def test_age_is_no_input_of_a_model_of_heartbeats(predictor):
    with pytest.raises(ConfigError, match="takes no 'age'"):
        predictor.predict(recording()[0], {"age": 63})


def test_infinite_values_are_gaps(predictor):
    record, truth = recording()
    signal = record.signal.copy()
    signal[:, 3000:3004] = np.inf
    answer = predictor.predict(Record(signal, FS, record.leads, "inf"))
    assert abs(len(answer.samples) - len(truth.beat_s)) <= 1
    assert "8 invalid samples were bridged" in answer.notes


def test_a_rate_far_below_the_models_is_told(predictor):
    record, _ = recording()
    coarse = Record(np.ascontiguousarray(record.signal[:, ::4]), FS / 4, record.leads, "coarse")
    notes = predictor.predict(coarse).notes
    assert "45 Hz is coarse: the model learned from 180 Hz" in notes
    assert any(note.startswith("45 Hz is slow: below 50 Hz") for note in notes)


def test_real_records_have_the_beats_that_cardiologists_marked(recordings, tmp_path):
    folder = recordings("mitdb")
    held = BeatPredictor(bundle_of_beats(tmp_path / "toy", fs=360.0), threads=1)
    for name in ("100", "114"):  # the second has MLII as its second lead
        answer = held.predict_file(folder / f"{name}.hea")
        marks = wfdb.rdann(str(folder / name), "atr")
        beats = [at for at, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in "NLRAaJSVFejEfQ/"]
        assert answer.leads[0] == "MLII"
        pairs = match_beats(beats, answer.samples, 360.0)
        assert len(pairs.found) > 0.995 * max(len(beats), len(answer.samples))
        assert answer.summary.seconds == pytest.approx(1805.6, abs=0.1)
