"""Measurements from waves: by hand, on drawn recordings whose intervals are known, and of nothing."""

import json

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import delineate
from ecgtool.delineation.measure import Tally, corrected, edges, measure
from ecgtool.record import LEADS_12
from ecgtool.waves import UNKNOWN, Wave, Waves

FS = 500.0


def by_hand():
    """Two leads, three beats a second apart; the first beat has no P wave."""
    signal = np.full((2, 1800), 0.1, np.float32)
    rows = []
    for beat, at in enumerate((500, 1000, 1500)):
        for lead in (0, 1):
            if beat:
                rows.append((lead, beat, Wave.P, at - 100 + lead, at - 75, at - 50))
                signal[lead, at - 75] = 0.25
            rows.append((lead, beat, Wave.QRS, at - 20, at, at + 25 + 5 * lead))
            rows.append((lead, beat, Wave.T, at + 100, at + 140, at + 170))
            signal[lead, at], signal[lead, at + 10], signal[lead, at + 140] = 1.1, -0.4, -0.2
    table = np.array(sorted(rows), np.int64)
    return signal, Waves(FS, ("I", "II"), np.array([500, 1000, 1500]), table)


def test_intervals_go_from_the_earliest_onset_to_the_latest_offset_of_the_leads():
    found = measure(*by_hand())
    assert found.beats == 3
    assert (found.heart_rate, found.lowest_rate, found.highest_rate) == (60, 60, 60)
    assert (found.pr_ms.median, found.pr_ms.beats) == (160, 2)
    assert (found.qrs_ms.median, found.qrs_ms.beats) == (100, 3)
    assert (found.qt_ms.median, found.qt_ms.beats) == (380, 3)
    assert found.p_share == pytest.approx(2 / 3, abs=1e-4)


def test_a_beat_that_is_cut_off_has_no_interval_and_counts_among_those_with_a_p_wave():
    signal, waves = by_hand()
    first = waves.column("beat") == 1
    waves.table[first & np.isin(waves.column("kind"), (Wave.P, Wave.QRS)), 3] = UNKNOWN
    found = measure(signal, waves)
    assert (found.pr_ms.beats, found.qrs_ms.beats, found.qt_ms.beats) == (1, 2, 2)
    assert found.p_share == pytest.approx(2 / 3, abs=1e-4)
    waves.table[(waves.column("lead") == 0) & (waves.column("beat") == 2), 5] = UNKNOWN
    assert measure(signal, waves).qrs_ms.beats == 1


def test_amplitudes_are_from_the_level_before_the_complex():
    lead = measure(*by_hand()).amplitudes_mv["II"]
    assert {name: (round(value.median, 4), value.beats) for name, value in lead.items()} == {
        "p": (0.15, 2),
        "r": (1.0, 3),
        "s": (0.5, 3),
        "t": (-0.3, 3),
    }


def test_without_calibration_or_signal_there_are_no_amplitudes():
    signal, waves = by_hand()
    assert measure(signal, waves, calibrated=False).amplitudes_mv is None
    assert measure(None, waves).amplitudes_mv is None
    assert measure(None, waves).qt_ms == measure(signal, waves).qt_ms


def test_one_of_twelve_leads_does_not_decide():
    rows = [(lead, 0, Wave.QRS, 400 if lead == 3 else 480, 500, 700 if lead == 3 else 530) for lead in range(12)]
    waves = Waves(FS, LEADS_12, np.array([500]), np.array(rows, np.int64))
    onset, offset = edges(waves, Wave.QRS)
    assert (onset[0], offset[0]) == (960, 1060)


def test_qt_is_corrected_as_by_hand():
    # 75 a minute: RR 0.8 s, its root 0.894427, its cube root 0.928318.
    assert corrected(380, 800) == {"bazett": 424.9, "fridericia": 409.3, "framingham": 410.8, "hodges": 406.2}
    # 60 a minute needs no correction, by any formula.
    assert set(corrected(400, 1000).values()) == {400.0}


def test_a_recording_without_beats_has_no_measurements():
    found = measure(np.zeros((2, 1000), np.float32), Waves.none(FS, ("I", "II")))
    assert found.beats == 0
    assert found.heart_rate is None
    assert found.qt_ms is None
    assert found.qtc_ms is None
    assert found.p_share is None
    assert found.amplitudes_mv["I"] == {"p": None, "r": None, "s": None, "t": None}


def test_one_beat_has_intervals_and_no_rate():
    signal, waves = by_hand()
    one = Waves(FS, waves.leads, waves.beats[:1], waves.table[waves.column("beat") == 0])
    found = measure(signal, one)
    assert found.heart_rate is None
    assert found.qt_ms.beats == 1
    assert found.qtc_ms is None


def test_the_document_is_json():
    document = measure(*by_hand()).document()
    assert json.loads(json.dumps(document))["amplitudes_mv"]["I"]["r"]["beats"] == 3


def test_intervals_of_drawn_recordings_are_near_the_truth():
    corpus = Synthetic(30, 10, 21, FS)
    errors = {"pr_ms": [], "qrs_ms": [], "qt_ms": [], "rate": []}
    for entry in corpus.entries:
        truth = corpus.truth(entry)
        if truth.rhythm not in ("sinus", "bradycardia"):
            continue
        signal = corpus.read(entry).signal
        found = measure(signal, delineate(signal, FS, LEADS_12, "wavelet"))
        for name in ("pr_ms", "qrs_ms", "qt_ms"):
            errors[name].append(getattr(found, name).median - np.nanmedian(getattr(truth.intervals, name)))
        errors["rate"].append(found.heart_rate - truth.rate)
    assert np.abs(errors["rate"]).max() < 1.5
    assert abs(np.median(errors["pr_ms"])) < 20
    assert abs(np.median(errors["qrs_ms"])) < 20
    assert abs(np.median(errors["qt_ms"])) < 40


def test_a_recording_in_pieces_is_measured_as_a_whole():
    signal, waves = by_hand()
    tally = Tally(waves.leads)
    for begin, end, beats in ((0, 750, slice(0, 1)), (700, 1800, slice(1, 3))):
        rows = waves.table[np.isin(waves.table[:, 1], np.arange(3)[beats])].copy()
        rows[:, 1] -= rows[:, 1].min()
        part = Waves(FS, waves.leads, waves.beats[beats], rows).shifted(-begin)
        tally.add(signal[:, begin:end], part, begin)
    in_pieces, whole = tally.measurements().document(), measure(signal, waves).document()
    assert in_pieces == whole


def test_nothing_at_all_measures_nothing():
    found = Tally(("I",)).measurements()
    assert (found.beats, found.heart_rate, found.p_share, found.qt_ms) == (0, None, None, None)
    assert found.amplitudes_mv == {"I": dict.fromkeys(("p", "r", "s", "t"))}
