"""R peaks brought to the same point of every beat that has the recording's usual shape.

The largest deflection of a notched QRS complex is now its first peak, now its second, as noise has it, and a detector
that snaps to it jumps by tens of milliseconds. Each beat is shifted to where it is most like the usual one; one that is
not like it (an ectopic beat) stays where it was found.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.waves import Samples

AROUND_S, SHIFT_S, STEP_S = 0.1, 0.06, 0.006
"""What of a beat is compared, to either side, how far it may be shifted, and in what steps, in seconds."""
ALIKE = 0.9
"""Correlation from which on a beat has the usual shape (of both windows, over all leads together)."""
_PART = 2048  # beats at a time, so that a long stretch needs little memory


def aligned(signal: npt.NDArray[np.float32], fs: float, peaks: Samples) -> Samples:
    """The R peaks of a stretch of a recording, at the same point of each usual beat.

    Args:
        signal: float32 [leads, samples]; what is not finite is taken for 0.
        fs: Rate in Hz.
        peaks: int64 [beats], ascending.

    Returns:
        int64 [beats], ascending; as given where there are too few to tell what is usual.
    """
    around, shift = round(AROUND_S * fs), round(SHIFT_S * fs)
    if len(peaks) < 8 or around < 2 or shift < 1:
        return peaks
    finite = np.nan_to_num(signal, posinf=0.0, neginf=0.0)
    finite /= np.maximum(np.abs(finite).max(), np.finfo(np.float32).tiny)  # squares overflow where a unit is wrong
    chosen = peaks[np.linspace(0, len(peaks) - 1, min(len(peaks), _PART)).astype(np.int64)]
    usual = _standard(np.median(_windows(finite, chosen, around), axis=0).astype(np.float32)[None])[0]
    step = max(1, round(STEP_S * fs))
    shifts = np.arange(-(shift // step), shift // step + 1) * step
    moved = [_moved(finite, part, usual, shifts) for part in np.split(peaks, range(_PART, len(peaks), _PART))]
    return np.unique(np.concatenate(moved).clip(0, signal.shape[1] - 1))


def _moved(signal: npt.NDArray[np.float32], peaks: Samples, usual: npt.NDArray[np.float32], shifts: Samples) -> Samples:
    """Each peak where its surroundings are most like the usual beat, if they are much like it."""
    width, furthest = usual.shape[1], int(shifts[-1])
    wide = _windows(signal, peaks, width // 2 + furthest)
    begins = (shifts + furthest).tolist()
    likeness = np.stack([(_standard(wide[:, :, at : at + width]) * usual).sum(axis=(1, 2)) for at in begins])
    return np.where(likeness.max(axis=0) >= ALIKE, peaks + shifts[likeness.argmax(axis=0)], peaks)


def _windows(signal: npt.NDArray[np.float32], peaks: Samples, around: int) -> npt.NDArray[np.float32]:
    """The signal around peaks, [beats, leads, samples]; beyond the ends the first or last sample is repeated."""
    times = (peaks[:, None] + np.arange(-around, around + 1)).clip(0, signal.shape[1] - 1)
    return signal[:, times].swapaxes(0, 1)


def _standard(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Windows [beats, leads, samples] without the mean of each lead, of length 1 over all leads; 0 where flat."""
    centred = windows - windows.mean(axis=2, keepdims=True)
    length = np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
