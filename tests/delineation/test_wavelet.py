"""The signal-processing method, on drawn recordings, whose waves are known, and on real ones."""

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import delineate
from ecgtool.delineation.wavelet_trace import GRID_HZ, Trace, resampled
from ecgtool.record import LEADS_12
from ecgtool.waves import Wave

FS = 500.0


@pytest.fixture(scope="module")
def corpus():
    return Synthetic(40, 10, 11, FS)


def of_rhythm(corpus, *rhythms):
    return [entry for entry in corpus.entries if corpus.truth(entry).rhythm in rhythms]


def compared(corpus, entries, kind, edge):
    """Errors in ms of one edge in lead II; how many waves there were, and how many were found."""
    errors, there, found = [], 0, 0
    for entry in entries:
        waves = delineate(corpus.read(entry).signal, FS, LEADS_12, "wavelet")
        rows = waves.of(lead=1, kind=kind)
        edges = rows[:, 3 if edge == "onset_s" else 5] / FS
        truth = [getattr(wave, edge) for wave in corpus.truth(entry).waves("II") if wave.wave == kind.name]
        there, found = there + len(truth), found + len(rows)
        for time in truth:
            nearest = edges[np.abs(edges - time).argmin()] if len(edges) else np.inf
            if abs(nearest - time) <= 0.15:
                errors.append(1000 * (nearest - time))
    return np.array(errors), there, found


@pytest.mark.parametrize(
    ("kind", "edge", "bias", "spread"),
    [
        (Wave.P, "onset_s", 15, 15),
        (Wave.P, "offset_s", 20, 20),
        (Wave.QRS, "onset_s", 12, 15),
        (Wave.QRS, "offset_s", 15, 20),
        (Wave.T, "offset_s", 40, 35),
    ],
)
def test_edges_in_sinus_rhythm_are_near_the_truth(corpus, kind, edge, bias, spread):
    errors, there, found = compared(corpus, of_rhythm(corpus, "sinus", "bradycardia"), kind, edge)
    assert len(errors) >= 0.95 * there
    assert found <= 1.15 * there
    assert abs(np.median(errors)) <= bias
    assert errors.std() <= spread


def test_fibrillation_has_no_p_waves(corpus):
    entries = of_rhythm(corpus, "afib")
    assert entries
    beats = waves = 0
    for entry in entries:
        found = delineate(corpus.read(entry).signal, FS, LEADS_12, "wavelet")
        beats, waves = beats + len(found.beats), waves + len(np.unique(found.of(kind=Wave.P)[:, 1]))
    assert waves <= 0.1 * beats


def test_inverted_leads_have_the_same_waves(corpus):
    signal = corpus.read(corpus.entries[0]).signal
    assert np.array_equal(
        delineate(signal, FS, LEADS_12, "wavelet").table, delineate(-signal, FS, LEADS_12, "wavelet").table
    )


def test_a_flat_lead_has_no_waves_and_takes_none_away(corpus):
    signal = corpus.read(of_rhythm(corpus, "sinus")[0]).signal.copy()
    signal[4] = 0.25
    waves = delineate(signal, FS, LEADS_12, "wavelet")
    assert len(waves.of(lead=4)) == 0
    beats = len(waves.beats)
    assert len(waves.of(lead=1, kind=Wave.QRS)) == beats
    assert len(waves.of(lead=1, kind=Wave.P)) >= 0.8 * beats


def test_waves_of_a_lead_come_in_order_and_do_not_overlap(corpus):
    for entry in corpus.entries[:12]:
        rows = delineate(corpus.read(entry).signal, FS, LEADS_12, "wavelet").of(lead=6)
        onset, peak, offset = rows[:, 3:].T
        assert (onset[1:] <= peak[1:]).all()
        assert (peak[:-1] <= offset[:-1]).all(), "only the last one may be cut off"
        assert (offset[:-1] <= onset[1:] + 2).all()


@pytest.mark.parametrize("seconds", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("fs", [20.0, 100.0, 1000.0])
def test_short_and_coarse_recordings_are_read(fs, seconds):
    corpus = Synthetic(1, 10, 11, 1000.0)
    whole = corpus.read(corpus.entries[0]).signal
    signal = resampled(whole, 1000.0)[:, :: round(GRID_HZ / fs)] if fs < GRID_HZ else whole
    waves = delineate(np.ascontiguousarray(signal[:, : int(seconds * fs)]), fs, LEADS_12, "wavelet")
    assert (waves.table[:, 3:] < seconds * fs).all()
    assert seconds < 3 or len(waves.beats) >= 2


def test_fibrillation_of_the_ventricles_is_no_error():
    time = np.arange(5000) / FS
    chance = np.random.default_rng(4)
    signal = np.sin(2 * np.pi * (5 * time + chance.standard_normal(5000).cumsum() / 200)) + np.zeros((12, 1))
    waves = delineate(signal.astype(np.float32), FS, LEADS_12, "wavelet")
    assert len(waves.of(kind=Wave.P)) <= 12 * len(waves.beats) // 4


def test_a_constant_stays_one_on_the_grid():
    for fs in (20.0, 250.0, 333.0, 1000.0):
        trace = Trace.of(np.full((1, int(2 * fs)), 0.5, np.float32), fs, np.array([int(fs)]))
        assert np.allclose(trace.signal, 0.5, atol=1e-6)


def test_waves_of_ludb_are_found(recordings):
    wfdb = pytest.importorskip("wfdb")
    from ecgtool.formats import read_record

    hits = there = found = 0
    for number in (120, 122, 150):
        path = recordings("ludb") / "data" / str(number)
        record = read_record(path.with_suffix(".hea"))
        marks = wfdb.rdann(str(path), "ii")
        waves = delineate(record.signal, record.fs, record.leads, "wavelet")
        for kind, symbol in ((Wave.P, "p"), (Wave.QRS, "N"), (Wave.T, "t")):
            truth = np.array([at for at, mark in zip(marks.sample, marks.symbol, strict=True) if mark == symbol])
            rows = waves.of(lead=1, kind=kind)
            inside = (rows[:, 4] >= marks.sample[0]) & (rows[:, 4] <= marks.sample[-1])
            peaks = rows[inside, 4]
            there, found = there + len(truth), found + len(peaks)
            if len(truth) and len(peaks):
                hits += int((np.abs(truth[:, None] - peaks).min(axis=1) <= 75).sum())
    assert 2 * hits / (there + found) >= 0.97


@pytest.mark.parametrize("unit", [1e-25, 1e25])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_a_unit_is_called_moves_no_wave(corpus, unit):
    entry = of_rhythm(corpus, "sinus")[0]
    signal = corpus.read(entry).signal
    beats = delineate(signal, FS, LEADS_12, "wavelet").beats
    plain, other = (delineate(each, FS, LEADS_12, "wavelet", beats) for each in (signal, signal * np.float32(unit)))
    shared = set(map(tuple, plain.table.tolist())) & set(map(tuple, other.table.tolist()))
    assert len(shared) >= 0.99 * max(len(plain), len(other))
