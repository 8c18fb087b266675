"""Stretches at the limit of what a recorder can tell, where a lead says nothing of the heart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STUCK_S = 0.2
"""A lead that stays at its limit for so long is at the recorder's: no QRS complex is so flat."""


def at_limit(signal: npt.NDArray[np.float32], fs: float) -> npt.NDArray[np.bool_]:
    """The samples where a lead stays at its highest or lowest value for :data:`STUCK_S`, unless that is its usual one.

    Args:
        signal: float32 [leads, samples], any unit, finite.
        fs: Its rate in Hz.

    Returns:
        bool [leads, samples].
    """
    least = max(4, round(STUCK_S * fs))
    some = signal[:, :: least // 2]  # of a stretch so long, two in a row; both are a limit of these few too
    again = some[:, 1:] == some[:, :-1]
    limit = (some == some.max(axis=1, keepdims=True)) | (some == some.min(axis=1, keepdims=True))
    stuck = np.zeros(signal.shape, bool)
    for row in np.flatnonzero((again & limit[:, 1:]).any(axis=1)):
        line = signal[row]
        there = ((line == line.max()) | (line == line.min())) & (line != np.median(line))
        first, end = np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2).T
        long = end - first >= least
        turns = np.zeros(len(line) + 1, np.int8)
        turns[first[long]], turns[end[long]] = 1, -1
        stuck[row] = np.cumsum(turns[:-1]) > 0
    return stuck
