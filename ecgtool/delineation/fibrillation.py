"""Atrial fibrillation has no P waves: where beats come irregularly and nothing before them repeats, none is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgtool.waves import UNKNOWN, Samples, Wave, Waves

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 15
"""Beats, itself among them, that a beat is judged with; of a recording of ten seconds that is most."""
FEWEST = 6
"""With fewer beats nothing is judged."""
IRREGULAR = 0.08
"""Median change of an RR interval from one to the next, over the median interval, from which beats are irregular."""
ALIKE = 0.3
"""Least correlation of what precedes a beat with what precedes the others where P waves do."""
_FROM_S, _TO_S = 0.24, 0.02
_BIN_S = 0.02
_FLAT = 1e-6


def without_fibrillation(waves: Waves, signal: npt.NDArray[np.float32]) -> Waves:
    """The waves without the P waves that a method sees in fibrillation.

    Fibrillatory waves keep no time with the ventricles: what precedes one beat is not what precedes the next, and the
    intervals between beats have no pattern (irregularly irregular; Hindricks et al. 2021, ESC guidelines, section 3).
    Either alone has other causes: sinus arrhythmia and ectopic beats are irregular, noise repeats nothing.

    Args:
        waves: Of a recording.
        signal: float32 [leads, samples], finite; the one that they are of.
    """
    rows = waves.column("kind") == int(Wave.P)
    with_p = np.unique(waves.column("beat")[rows])
    with_p = with_p[with_p >= 0]
    if len(waves.beats) < FEWEST or not len(with_p):
        return waves
    begins = _begins(waves)
    before = _before(signal, begins, waves.fs)
    alike = _alike(before)[with_p]
    if len(with_p) >= FEWEST:  # ectopic beats, which have none, do not speak against the others
        alike = np.maximum(alike, _alike(before[with_p]))
    refused = with_p[(alike < ALIKE) & (_irregularity(begins)[with_p] > IRREGULAR)]
    return replace(waves, table=waves.table[~(rows & np.isin(waves.column("beat"), refused))])


def _begins(waves: Waves) -> Samples:
    """Where the complex of each beat begins, the median of the leads; a peak may be one of several of a complex."""
    rows = waves.of(kind=Wave.QRS)
    rows = rows[(rows[:, 1] >= 0) & (rows[:, 3] != UNKNOWN)]
    rows = rows[np.lexsort((rows[:, 3], rows[:, 1]))]
    beats, first, number = np.unique(rows[:, 1], return_index=True, return_counts=True)
    begins = waves.beats.copy()
    begins[beats] = rows[first + number // 2, 3]
    return begins


def _before(signal: npt.NDArray[np.float32], begins: Samples, fs: float) -> Floats:
    """What precedes each complex in all leads, each lead level and of one size; [beats, leads x bins].

    Means of short stretches, so that muscle noise counts little, and less their trend, which is wander.
    """
    width = max(round(_BIN_S * fs), 1)
    steps = np.arange(-round(_FROM_S * fs), -round(_TO_S * fs))
    steps = steps[len(steps) % width :]
    places = (begins[:, None] + steps).clip(0, signal.shape[1] - 1)
    parts = signal[:, places].swapaxes(0, 1).astype(np.float64)
    parts = parts.reshape(*parts.shape[:2], -1, width).mean(axis=3)
    parts -= parts.mean(axis=2, keepdims=True)
    times = np.arange(parts.shape[2]) - (parts.shape[2] - 1) / 2
    parts -= (parts @ times / max(float(times @ times), 1.0))[..., None] * times
    size = np.sqrt(np.square(parts).mean(axis=(0, 2), keepdims=True))
    live = size > _FLAT * size.max()  # what is left of a flat lead is rounding
    return np.divide(parts, size, out=np.zeros_like(parts), where=live).reshape(len(begins), -1)


def _alike(before: Floats) -> Floats:
    """Correlation of each beat with the mean of its neighbours, the median of those around it; [beats]."""
    first, last = _around(len(before))
    sums = np.concatenate([np.zeros((1, before.shape[1])), np.cumsum(before, axis=0)])
    others = sums[last] - sums[first] - before
    size = np.sqrt(np.square(before).sum(axis=1) * np.square(others).sum(axis=1))
    own = np.divide((before * others).sum(axis=1), size, out=np.zeros(len(before)), where=size > 0)
    return _median_around(own)


def _irregularity(begins: Samples) -> Floats:
    """Median change from one RR interval to the next over the median interval, of the beats around each; [beats]."""
    intervals = np.diff(begins).astype(np.float64)
    change = np.abs(np.diff(intervals))
    middle = np.pad(change, (1, 1), mode="edge")  # the change at each beat, that of the first and last not known
    usual = _median_around(np.pad(intervals, (0, 1), mode="edge"))
    return np.divide(_median_around(middle), usual, out=np.zeros(len(begins)), where=usual > 0)


def _around(number: int) -> tuple[Samples, Samples]:
    """The first of the neighbours of each beat, and the one after the last; at the ends as many as elsewhere."""
    width = min(NEIGHBOURS, number)
    first = (np.arange(number) - width // 2).clip(0, number - width)
    return first, first + width


def _median_around(values: Floats) -> Floats:
    """The median of each value's neighbours; [values]."""
    first, _ = _around(len(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, min(NEIGHBOURS, len(values)))
    return np.asarray(np.median(windows, axis=1)[first])
