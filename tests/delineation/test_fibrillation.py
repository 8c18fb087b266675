"""P waves are not told where beats come irregularly and nothing before them repeats."""

import numpy as np
import pytest

from ecgtool.delineation.fibrillation import FEWEST, without_fibrillation
from ecgtool.waves import COLUMNS, Wave, Waves

FS = 250.0


def recording(intervals, *, p_wave, noise=0.02, leads=2, seed=0):
    """A spike at each beat, before it a hump where ``p_wave``, else f waves on end; waves with a P at every beat."""
    random = np.random.default_rng(seed)
    beats = np.cumsum([250, *intervals]).astype(np.int64)
    signal = noise * random.normal(size=(leads, int(beats[-1]) + 250))
    signal[:, beats] += 1.0
    if p_wave:
        for beat in beats:
            signal[:, beat - 52 : beat - 28] += 0.15 * np.hanning(24)
    else:
        phase = 2 * np.pi * 6.3 / FS + 0.15 * random.normal(size=signal.shape[1])
        signal += 0.1 * np.sin(np.cumsum(phase))
    rows = [(lead, n, int(Wave.P), b - 52, b - 40, b - 28) for lead in range(leads) for n, b in enumerate(beats)]
    rows += [(lead, n, int(Wave.QRS), b - 10, b, b + 10) for lead in range(leads) for n, b in enumerate(beats)]
    table = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
    table = table[np.lexsort((table[:, 3], table[:, 0]))]
    return Waves(FS, tuple("AB"[:leads]), beats, table), signal.astype(np.float32)


def irregular(beats, seed=1):
    return np.random.default_rng(seed).integers(120, 260, beats)


def count(waves, kind):
    return len(waves.of(kind=kind))


def test_irregular_beats_with_nothing_alike_before_them_have_no_p_waves():
    waves, signal = recording(irregular(14), p_wave=False)
    left = without_fibrillation(waves, signal)
    assert count(left, Wave.P) == 0
    assert count(left, Wave.QRS) == count(waves, Wave.QRS)


@pytest.mark.parametrize("p_wave", [True, False])
def test_regular_beats_keep_what_the_method_found(p_wave):
    waves, signal = recording([200] * 14, p_wave=p_wave)
    assert without_fibrillation(waves, signal) is not None
    assert count(without_fibrillation(waves, signal), Wave.P) == count(waves, Wave.P)


def test_irregular_beats_with_the_same_wave_before_each_keep_their_p_waves():
    waves, signal = recording(irregular(14), p_wave=True)
    assert count(without_fibrillation(waves, signal), Wave.P) == count(waves, Wave.P)


def test_a_paroxysm_takes_the_p_waves_of_its_own_beats_alone():
    sinus, before = recording([200] * 40, p_wave=True)
    fibrillating, after = recording(irregular(40), p_wave=False)
    shift = before.shape[1]
    late = fibrillating.shifted(shift).table.copy()
    late[:, 1] += len(sinus.beats)
    table = np.concatenate([sinus.table, late])
    both = Waves(FS, sinus.leads, np.concatenate([sinus.beats, fibrillating.beats + shift]), table)
    left = set(without_fibrillation(both, np.concatenate([before, after], axis=1)).of(kind=Wave.P)[:, 1].tolist())
    begins = len(sinus.beats)
    assert set(range(30)) <= left
    assert len(left & set(range(begins, len(both.beats)))) < 0.4 * 41  # by chance some look alike


def test_too_few_beats_and_silence_are_left_as_they_are():
    waves, signal = recording(irregular(FEWEST - 2), p_wave=False)
    assert count(without_fibrillation(waves, signal), Wave.P) == count(waves, Wave.P)
    waves, signal = recording(irregular(10), p_wave=False)
    silent = without_fibrillation(waves, np.zeros_like(signal))
    assert len(silent.beats) == len(waves.beats)
