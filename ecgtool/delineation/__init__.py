"""Delineation: onset, peak and offset of P waves, QRS complexes and T waves, by one of several methods."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.delineation.consistency import consistent
from ecgtool.delineation.fibrillation import without_fibrillation
from ecgtool.registry import Registry
from ecgtool.signals.limits import at_limit
from ecgtool.signals.peaks import r_peaks
from ecgtool.signals.preprocess import fill
from ecgtool.waves import UNKNOWN, Samples, Wave, Waves

DEFAULT = "unet1d"
"""The method where none is asked for."""
CUT_S = 0.008
"""What lies so near to either end of a recording is where the recording ends, not where the wave does."""


class Method(Protocol):
    """Finds the waves of a recording.

    Called with ``signal`` float32 [leads, samples] in millivolt (finite), its rate in Hz, the names of the leads and
    the R peaks, int64 [beats] ascending; gives the waves of these beats. A wave that is not there is absent.
    """

    def __call__(self, signal: npt.NDArray[np.float32], fs: float, leads: tuple[str, ...], beats: Samples) -> Waves:
        """The waves."""


METHODS = Registry(
    "methods",
    {
        "unet1d": "ecgtool.delineation.network:UNET1D",
        "wavelet": "ecgtool.delineation.wavelet:WAVELET",
    },
    "Ways of finding waves.",
)


def delineate(
    signal: npt.NDArray[np.float32], fs: float, leads: tuple[str, ...], method: str = "", beats: Samples | None = None
) -> Waves:
    """Find the P waves, QRS complexes and T waves of a recording.

    Args:
        signal: float32 [leads, samples] in millivolt, or in any unit where it is not calibrated. What is not finite is
            a gap, and so is a stretch at the limit of the recorder: it is bridged for the method, and no wave reaches
            into it.
        fs: Its rate in Hz.
        leads: Their names.
        method: One of :data:`METHODS`; :data:`DEFAULT` where empty.
        beats: int64 [beats], R peaks in samples, ascending, where they are known; else they are found.

    Returns:
        The waves, agreed between the leads (:func:`~ecgtool.delineation.consistency.consistent`), without P waves in
        fibrillation (:func:`~ecgtool.delineation.fibrillation.without_fibrillation`); none of a recording without
        beats. Of a wave that the recording's beginning or end cuts, what lies outside is unknown.

    Raises:
        ConfigError: There is no such method.
    """
    find: Method = METHODS.load(method or DEFAULT)
    signal = np.asarray(signal, np.float32)
    beats = r_peaks(signal, fs) if beats is None else np.asarray(beats, np.int64)
    if not len(beats):
        return Waves.none(fs, leads)
    gaps = ~np.isfinite(signal)
    whole = fill(signal, gaps) if gaps.any() else signal
    stuck = at_limit(whole, fs)
    if stuck.any():
        gaps |= stuck
        whole = fill(whole, stuck)
    found = without_fibrillation(consistent(find(whole, fs, leads, beats)), whole)
    return _cut(_outside(gaps, found) if gaps.any() else found, signal.shape[1])


def _outside(gaps: npt.NDArray[np.bool_], waves: Waves) -> Waves:
    """The waves that no gap of their lead touches."""
    before = np.pad(np.cumsum(gaps, axis=1), ((0, 0), (1, 0)))
    lead, times = waves.column("lead"), waves.table[:, 3:]
    last = times.max(axis=1)
    first = np.where(times == UNKNOWN, last[:, None], times).min(axis=1)
    missing = before[lead, last + 1] - before[lead, first]
    return replace(waves, table=waves.table[missing == 0])


def _cut(waves: Waves, samples: int) -> Waves:
    """The waves of so many samples, onsets at the first and offsets at the last of them unknown.

    So are the peaks of P and T waves there: the wave may go on rising outside. That of a complex is the beat's.
    """
    reach = round(CUT_S * waves.fs)
    first, last = reach, samples - 1 - reach
    table = waves.table.copy()
    onset, peak, offset = table[:, 3:].T
    peak[((peak <= first) | (peak >= last)) & (table[:, 2] != Wave.QRS)] = UNKNOWN
    onset[onset <= first] = UNKNOWN
    offset[offset >= last] = UNKNOWN
    return replace(waves, table=table[(table[:, 3:] != UNKNOWN).any(axis=1)])
