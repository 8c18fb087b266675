"""Amplitudes: how far P, R, S and T lie from the isoelectric level of their beat, lead by lead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.waves import UNKNOWN, Samples, Wave, Waves

Floats = npt.NDArray[np.float64]

AMPLITUDES = ("p", "r", "s", "t")
LEVEL_S = 0.02
"""The isoelectric level of a beat is the mean of so long before its QRS complex: the end of the PQ segment."""


def deflections(signal: npt.NDArray[np.float32], waves: Waves) -> Floats:
    """Amplitudes of every beat in every lead.

    Args:
        signal: float32 [leads, samples]; a gap is NaN.
        waves: Its waves.

    Returns:
        float64 [leads, :data:`AMPLITUDES`, beats] in the signal's unit, NaN where there is none. P and T are what the
        signal is at their peak, with its sign. R is the highest part of the complex above the level; S the depth of the
        lowest part behind R (of a complex without R, QS, of all of it), told as a positive number.
    """
    found = np.full((len(signal), len(AMPLITUDES), len(waves.beats)), np.nan)
    complexes = waves.of(kind=Wave.QRS)
    complexes = complexes[(complexes[:, 1] >= 0) & (complexes[:, 3] != UNKNOWN) & (complexes[:, 5] != UNKNOWN)]
    if not len(complexes):
        return found
    level = _levels(signal, complexes, waves.fs, len(waves.beats))
    lead, beat = complexes[:, 0], complexes[:, 1]
    found[lead, 1, beat], found[lead, 2, beat] = _r_and_s(signal, complexes, level[lead, beat])
    for column, kind in ((0, Wave.P), (3, Wave.T)):
        rows = waves.of(kind=kind)
        rows = rows[(rows[:, 1] >= 0) & (rows[:, 4] != UNKNOWN)]
        lead, beat = rows[:, 0], rows[:, 1]
        found[lead, column, beat] = signal[lead, rows[:, 4]] - level[lead, beat]
    return found


def _levels(signal: npt.NDArray[np.float32], complexes: Samples, fs: float, beats: int) -> Floats:
    """The level before every complex, [leads, beats]; NaN where it has none."""
    levels = np.full((len(signal), beats), np.nan)
    length = max(1, round(LEVEL_S * fs))
    places = np.maximum(complexes[:, 3, None] - np.arange(1, length + 1), 0)
    levels[complexes[:, 0], complexes[:, 1]] = signal[complexes[:, 0, None], places].mean(axis=1)
    return levels


def _r_and_s(signal: npt.NDArray[np.float32], complexes: Samples, level: Floats) -> tuple[Floats, Floats]:
    """Height of R and depth of S of every complex, at least 0."""
    onset, offset = complexes[:, 3, None], complexes[:, 5, None]
    place = onset + np.arange(int((offset - onset).max()) + 1)
    inside = place <= offset
    values = signal[complexes[:, 0, None], np.minimum(place, signal.shape[1] - 1)] - level[:, None]
    top = np.where(inside, values, -np.inf).argmax(axis=1)
    r = values[np.arange(len(values)), top]
    behind = inside & ((np.arange(place.shape[1]) > top[:, None]) | (r <= 0)[:, None])
    s = -np.where(behind, values, np.inf).min(axis=1)
    return np.maximum(r, 0), np.where(behind.any(axis=1), np.maximum(s, 0), 0)
