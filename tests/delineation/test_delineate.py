"""Delineation whatever the method: what is bridged, what is absent, what is empty."""

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import CUT_S, DEFAULT, METHODS, delineate
from ecgtool.errors import ConfigError
from ecgtool.waves import UNKNOWN, Wave

FS = 250.0


@pytest.fixture(scope="module")
def record():
    corpus = Synthetic(4, 10, 5, FS)
    return corpus.read(corpus.entries[0])


def test_the_default_is_a_method():
    assert callable(METHODS.load(DEFAULT))


def test_an_unknown_method_is_refused(record):
    with pytest.raises(ConfigError, match="no method called 'wavelets'"):
        delineate(record.signal, FS, record.leads, "wavelets")


def test_a_silent_recording_has_no_waves(record):
    waves = delineate(np.zeros((12, 2500), np.float32), FS, record.leads)
    assert len(waves) == 0
    assert len(waves.beats) == 0


def test_no_wave_reaches_into_a_gap_of_its_lead(record):
    signal = record.signal.copy()
    signal[2, 700:1400] = np.nan
    waves = delineate(signal, FS, record.leads)
    rows = waves.of(lead=2)
    assert len(rows)
    assert not ((rows[:, 3] < 1400) & (rows[:, 5] >= 700)).any()
    assert ((waves.of(lead=1)[:, 3] >= 700) & (waves.of(lead=1)[:, 5] < 1400)).any()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_recording_that_ends_at_its_limit_has_the_waves_before(record, method):
    signal = record.signal.copy()
    signal[:, 1900:] = -32.768
    waves, whole = (delineate(each, FS, record.leads, method) for each in (signal, record.signal))
    assert waves.table[:, 3:].max() < 1900
    for kind in Wave:
        found, wanted = ((each.of(kind=kind)[:, 4] < 1400).sum() for each in (waves, whole))
        assert found >= 0.95 * wanted > 0


@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_the_recordings_ends_cut_off_is_unknown(record, method):
    whole = delineate(record.signal, FS, record.leads, method)
    begin = int(whole.of(lead=1, kind=Wave.QRS)[1, 3]) + 3  # within a complex
    end = int(whole.of(lead=1, kind=Wave.T)[-3, 4])  # at the top of a T wave
    signal = record.signal[:, begin:end]
    waves = delineate(signal, FS, record.leads, method)
    assert len(waves)
    onset, peak, offset = waves.table[:, 3:].T
    reach = round(CUT_S * FS)
    assert ((onset == UNKNOWN) | (onset > reach)).all()
    assert (offset < signal.shape[1] - 1 - reach).all()
    first, last = waves.table[waves.column("beat") == 0], waves.of(kind=Wave.T)
    assert (first[first[:, 2] == Wave.QRS, 3] == UNKNOWN).any()
    assert (last[last[:, 1] == len(waves.beats) - 1, 5] == UNKNOWN).any()
    assert (peak[waves.column("kind") == Wave.QRS] != UNKNOWN).all()
    assert (waves.table[:, 3:] != UNKNOWN).any(axis=1).all()
