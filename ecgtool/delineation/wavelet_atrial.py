"""Whether there is a P wave: atria that work in step with the ventricles look the same before every beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.delineation.wavelet_edges import Spans
from ecgtool.delineation.wavelet_trace import Signal, Trace, around, ticks
from ecgtool.waves import Samples

ALIKE = 0.5
"""Least correlation of what precedes a beat with what precedes the others, half its own and half its neighbours'."""
STANDS_OUT = 4.0
"""A P wave's energy over that of the quiet part between the T wave before it and the beat, in the usual beat."""
NEIGHBOURS = 15
ALONE = 10.0
"""What it takes instead where there are too few beats to compare."""

_SCALE_S = 0.012
_FROM_S, _TO_S = 0.28, 0.02
_WIDTH_S = 0.06
_FEWEST = 3


def p_present(trace: Trace, qrs: Spans, p: Spans, quiet_from: Samples) -> npt.NDArray[np.bool_]:
    """Which of the humps before the beats are P waves; bool [beats].

    Fibrillation goes on without regard to the beats, so that nothing is left of it in the mean of the others, and it
    does not pause: its humps do not stand out.

    Args:
        trace: Without its complexes.
        qrs: The complexes.
        p: The humps.
        quiet_from: int64 [beats], where the quiet part before each beat begins: the offset of the T wave before it.
    """
    slope = trace.slope(_SCALE_S)
    outstanding = _outstanding(slope, qrs.onset, p.centre, quiet_from)
    if len(qrs.onset) < _FEWEST:
        return outstanding >= ALONE
    alike = _alike(around(slope, qrs.onset, -ticks(_FROM_S), -ticks(_TO_S)))
    return (alike + _usual(alike) >= 2 * ALIKE) & (_usual(outstanding) >= STANDS_OUT)


def _alike(before: Signal) -> Signal:
    """Correlation of each beat [leads, beats, window] with the mean of all others; [beats]."""
    beats = before.swapaxes(0, 1).reshape(before.shape[1], -1)
    others = (beats.sum(axis=0) - beats) / (len(beats) - 1)
    size = np.sqrt(np.square(beats).sum(axis=1) * np.square(others).sum(axis=1))
    return np.divide((beats * others).sum(axis=1), size, out=np.zeros_like(size), where=size > 0)


def _outstanding(slope: Signal, onset: Samples, centre: Samples, quiet_from: Samples) -> Signal:
    """Energy at each hump over the lower quartile of what lies before the beat; [beats]."""
    from scipy.ndimage import uniform_filter1d

    energy = np.maximum(uniform_filter1d(np.square(slope).sum(axis=0), ticks(_WIDTH_S)), 0)
    back = np.arange(0, ticks(0.6), 2)
    places = onset[:, None] - back
    valid = (places >= np.maximum(quiet_from, 0)[:, None]) | (back < 4)
    ordered = np.sort(np.where(valid, energy[np.clip(places, 0, len(energy) - 1)], np.inf), axis=1)
    quiet = ordered[np.arange(len(onset)), valid.sum(axis=1) // 4]
    top = energy[np.clip(centre, 0, len(energy) - 1)]
    return np.divide(top, quiet, out=np.where(top > 0, ALONE, 0).astype(top.dtype), where=quiet > 0)


def _usual(values: Signal) -> Signal:
    """Median over the beats around each."""
    from scipy.ndimage import median_filter

    return median_filter(values, min(NEIGHBOURS, len(values)), mode="nearest")
