"""What every method of delineation promises; a name is tested the moment it stands in the table."""

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import METHODS, delineate
from ecgtool.signals.peaks import r_peaks
from ecgtool.waves import COLUMNS, UNKNOWN, Wave

FS = 250.0

every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def sinus():
    """A drawn recording of twelve leads and ten seconds in sinus rhythm."""
    corpus = Synthetic(24, 10, 3, FS)
    return next(corpus.read(entry) for entry in corpus.entries if corpus.truth(entry).rhythm == "sinus")


@pytest.fixture(scope="module")
def beats(sinus):
    return r_peaks(sinus.signal, FS)


def found(method, record, beats, **changed):
    signal = changed.get("signal", record.signal)
    leads = changed.get("leads", record.leads)
    return METHODS.load(method)(signal, FS, leads, beats)


@every_method
def test_it_finds_the_waves_of_the_beats_that_it_is_given(method, sinus, beats):
    waves = found(method, sinus, beats)
    np.testing.assert_array_equal(waves.beats, beats)
    assert waves.fs == FS
    assert waves.leads == sinus.leads
    assert waves.table.dtype == np.int64
    assert waves.table.shape[1] == len(COLUMNS)
    inner = np.arange(1, len(beats) - 1)
    for kind in Wave:
        assert set(inner) <= set(waves.of(lead=1, kind=kind)[:, 1])


@every_method
def test_waves_lie_in_the_recording_in_order_and_are_of_its_leads_and_beats(method, sinus, beats):
    waves = found(method, sinus, beats)
    lead, beat, kind, onset, peak, offset = waves.table.T
    assert set(lead) == set(range(12))
    assert ((beat == UNKNOWN) | ((beat >= 0) & (beat < len(beats)))).all()
    assert set(kind) == set(map(int, Wave))
    assert (onset >= 0).all()
    assert (offset < sinus.signal.shape[1]).all()
    assert ((onset <= peak) & (peak <= offset)).all()
    np.testing.assert_array_equal(np.lexsort((onset, lead)), np.arange(len(waves)))


@every_method
def test_a_beat_has_at_most_one_wave_of_each_kind_in_a_lead(method, sinus, beats):
    rows = found(method, sinus, beats).table[:, :3]
    rows = rows[rows[:, 1] != UNKNOWN]
    assert len(np.unique(rows, axis=0)) == len(rows)


@every_method
def test_the_same_recording_has_the_same_waves_whatever_its_unit(method, sinus, beats):
    before = sinus.signal.copy()
    once, again = found(method, sinus, beats), found(method, sinus, beats)
    in_counts = found(method, sinus, beats, signal=sinus.signal * np.float32(1024))
    np.testing.assert_array_equal(sinus.signal, before)
    np.testing.assert_array_equal(once.table, again.table)
    np.testing.assert_array_equal(once.table, in_counts.table)


@every_method
def test_no_beats_are_no_waves(method, sinus):
    waves = found(method, sinus, np.empty(0, np.int64))
    assert len(waves) == len(waves.beats) == 0


@every_method
def test_one_lead_is_enough_and_a_lead_that_is_off_has_no_waves(method, sinus, beats):
    alone = found(method, sinus, beats, signal=sinus.signal[1:2], leads=("II",))
    assert len(alone.of(kind=Wave.QRS)) >= len(beats) - 2
    off = sinus.signal.copy()
    off[5] = 0
    waves = delineate(off, FS, sinus.leads, method, beats)
    assert not len(waves.of(lead=5))
    assert len(waves.of(lead=1, kind=Wave.QRS)) >= len(beats) - 2


@every_method
def test_most_beats_in_fibrillation_have_no_p_wave(method):
    corpus = Synthetic(40, 10, 11, FS)
    records = [corpus.read(entry) for entry in corpus.entries if corpus.truth(entry).rhythm == "afib"]
    assert records
    every = [delineate(record.signal, FS, record.leads, method) for record in records]
    beats = sum(len(waves.beats) for waves in every)
    assert sum(len(waves.of(lead=1, kind=Wave.QRS)) for waves in every) > 0.9 * beats > 8 * len(records)
    assert sum(len(waves.of(lead=1, kind=Wave.P)) for waves in every) < beats / 3


@every_method
@pytest.mark.parametrize(("fs", "seconds"), [(20.0, 3.0), (100.0, 3.0), (1000.0, 3.0)])
def test_short_and_coarse_recordings_have_an_answer(method, fs, seconds):
    corpus = Synthetic(2, 10, 3, 1000.0)
    step = round(1000 / fs)
    signal = corpus.read(corpus.entries[0]).signal[:, : round(1000 * seconds) : step]
    waves = delineate(signal, fs, corpus.leads, method)
    assert (waves.table[:, 3:] < signal.shape[1]).all()
    assert (fs < 100) or len(waves.of(kind=Wave.QRS))
