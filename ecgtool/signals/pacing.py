"""Spikes of a pacemaker: a few milliseconds wide, and no part of the heart's own signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]

SPIKE_S = 0.004
"""Half the width of a spike: the stimulus lasts 0.5 to 2 ms, and a recorder's filter widens it."""
LOWEST_FS = 400.0
"""Below this rate a spike is no narrower than the tip of a QRS complex."""

_LARGE = 20.0
_SHARE = 0.7


def pacing_spikes(signal: Signal, fs: float) -> npt.NDArray[np.bool_]:
    """The samples of pacing spikes.

    A spike is higher (or lower) than the signal 4 ms before and after it, by twenty times what the lead usually changes
    in 4 ms, and by little less than it is higher than the signal 12 ms away; a QRS complex goes on rising that long.

    Args:
        signal: float32 [leads, samples], any unit, finite.
        fs: Its rate in Hz; below :data:`LOWEST_FS` none is told.

    Returns:
        bool [leads, samples].
    """
    marked = np.zeros(signal.shape, bool)
    reach = max(1, round(SPIKE_S * fs))
    if fs < LOWEST_FS or signal.shape[1] <= 8 * reach:
        return marked
    change = np.abs(signal[:, reach:] - signal[:, :-reach])
    usual = np.median(change[:, ::7], axis=1, keepdims=True)
    lead, at = np.nonzero(change > _LARGE * usual)
    at = at + reach
    inside = (at >= 3 * reach) & (at < signal.shape[1] - 3 * reach)
    lead, at = lead[inside], at[inside]
    near, far = (_above(signal, lead, at, distance) for distance in (reach, 3 * reach))
    spike = (np.abs(near) > _LARGE * usual[lead, 0]) & (np.abs(near) >= _SHARE * np.abs(far))
    for offset in range(-reach, reach + 1):
        marked[lead[spike], at[spike] + offset] = True
    return marked


def _above(signal: Signal, lead: npt.NDArray[np.int64], at: npt.NDArray[np.int64], distance: int) -> Signal:
    """How far the signal lies above (or, negative, below) both samples at a distance; 0 where it lies between them."""
    before = signal[lead, at] - signal[lead, at - distance]
    after = signal[lead, at] - signal[lead, at + distance]
    least = np.minimum(np.abs(before), np.abs(after))
    return np.where(before * after > 0, np.sign(before) * least, 0)
