"""The truth of a drawn recording: its beats, intervals, labels, and where each wave begins, peaks and ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.record import LEADS_12
from ecgtool.signals.synth_dipole import QRS, WAVES, Floats, P, Pulses, T, leads_of, twelve

# Where a wave has begun and ended: at this share of its largest deflection in the lead.
_ENDS = {P: 1 / 20, QRS: 1 / 50, T: 1 / 20}
# Where each wave is looked for, in seconds from the beat's fiducial point; wide enough for every beat that is drawn.
_WINDOWS = {P: (-0.45, 0.0), QRS: (-0.16, 0.24), T: (0.0, 0.80)}
_STEP_S = 0.0005
_VISIBLE_MV = 0.025  # a quarter of a small square
_CHUNK = 128  # beats evaluated at once, so that a long recording needs no more memory than a short one


class Wave(NamedTuple):
    """One wave of one beat.

    Args:
        beat: Number of the beat in :attr:`Truth.beat_s`.
        wave: ``"P"``, ``"QRS"`` or ``"T"``.
        onset_s: Where it begins.
        peak_s: Where its deflection is largest.
        offset_s: Where it ends.
    """

    beat: int
    wave: str
    onset_s: float
    peak_s: float
    offset_s: float


@dataclass(frozen=True)
class Intervals:
    """Intervals per beat in milliseconds, over all leads: earliest onset to latest offset; NaN where a wave is absent.

    Args:
        pr_ms: Onset of P to onset of QRS.
        qrs_ms: Onset to offset of QRS.
        qt_ms: Onset of QRS to offset of T.
    """

    pr_ms: Floats
    qrs_ms: Floats
    qt_ms: Floats


@dataclass(frozen=True)
class Truth:
    """What is known of a drawn recording, because it was drawn.

    Args:
        seconds: Length of the recording.
        beat_s: Time of each beat inside the recording, near its R peak.
        beat_class: AAMI class of each beat: N, S, V or F.
        labels: Diagnostic labels that hold, in the order of :data:`ecgtool.signals.synth.LABELS`.
        rhythm: One of :data:`ecgtool.signals.synth.RHYTHMS`.
        numbers: Number of each beat in ``pulses``.
        pulses: What was drawn.
        precordial_gain: What the chest leads were multiplied with.
    """

    seconds: float
    beat_s: Floats
    beat_class: tuple[str, ...]
    labels: tuple[str, ...]
    rhythm: str
    numbers: npt.NDArray[np.int64]
    pulses: Pulses
    precordial_gain: Floats

    @property
    def rr_s(self) -> Floats:
        """RR intervals in seconds; one less than there are beats."""
        return np.diff(self.beat_s)

    @property
    def rate(self) -> float:
        """Mean ventricular rate in beats per minute; NaN with fewer than two beats."""
        return 60 / float(self.rr_s.mean()) if len(self.rr_s) else float("nan")

    def waves(self, lead: str = "") -> list[Wave]:
        """The P, QRS and T waves that lie inside the recording, in order of time.

        Args:
            lead: One of the twelve; without, over all leads: earliest onset, latest offset, peak of the mean square.

        A wave smaller than a quarter of a small square (0.025 mV) in a lead is absent from that lead.
        """
        found = []
        for wave in (P, QRS, T):
            edges = self._edges[wave][LEADS_12.index(lead) if lead else len(LEADS_12)]
            inside = (edges[:, 0] >= 0) & (edges[:, 2] < self.seconds)
            found += [Wave(int(beat), WAVES[wave], *map(float, edges[beat])) for beat in np.flatnonzero(inside)]
        return sorted(found, key=lambda each: each.onset_s)

    @cached_property
    def intervals(self) -> Intervals:
        """PR, QRS and QT of every beat."""
        p, qrs, t = (1000 * self._edges[wave][-1] for wave in (P, QRS, T))
        return Intervals(qrs[:, 0] - p[:, 0], qrs[:, 2] - qrs[:, 0], t[:, 2] - qrs[:, 0])

    @cached_property
    def _edges(self) -> dict[int, Floats]:
        """Onset, peak and offset in seconds: per wave [12 leads and all, beats, 3], NaN where absent."""
        parts = range(0, len(self.beat_s), _CHUNK)
        return {
            wave: np.concatenate([self._edges_of(wave, slice(start, start + _CHUNK)) for start in parts], axis=1)
            if len(self.beat_s)
            else np.empty((len(LEADS_12) + 1, 0, 3))
            for wave in _ENDS
        }

    def _edges_of(self, wave: int, beats: slice) -> Floats:
        fiducial, numbers = self.beat_s[beats], self.numbers[beats]
        grid = np.arange(*_WINDOWS[wave], _STEP_S)
        part = self.pulses.where((self.pulses.wave == wave) & np.isin(self.pulses.beat, numbers))
        row = np.searchsorted(numbers, part.beat)
        height = part.height(fiducial[row, None] + grid)
        dipole = np.zeros((len(numbers), 3, len(grid)))
        np.add.at(dipole, row, part.moment[:, :, None] * height[:, None, :])
        size = np.abs(twelve(leads_of(dipole, self.precordial_gain)))
        edges = _edges(size, _ENDS[wave], grid) + fiducial[None, :, None]
        return np.concatenate([edges, _over_all(edges, size, fiducial, grid)[None]])


def _edges(size: Floats, share: float, grid: Floats) -> Floats:
    """First, largest and last place of ``size`` [beats, leads, times] above a share; [leads, beats, 3]."""
    largest = size.max(axis=-1)
    above = size >= share * largest[..., None]
    last = above.shape[-1] - 1 - above[..., ::-1].argmax(axis=-1)
    edges = grid[np.stack([above.argmax(axis=-1), size.argmax(axis=-1), last], axis=-1)]
    edges[largest < _VISIBLE_MV] = np.nan
    return edges.swapaxes(0, 1)


def _over_all(edges: Floats, size: Floats, fiducial: Floats, grid: Floats) -> Floats:
    """Earliest onset, common peak and latest offset over the leads; [beats, 3]."""
    absent = np.isnan(edges[..., 0]).all(axis=0)
    peak = fiducial + grid[np.square(size).mean(axis=1).argmax(axis=-1)]
    onset = np.where(np.isnan(edges[..., 0]), np.inf, edges[..., 0]).min(axis=0)
    offset = np.where(np.isnan(edges[..., 2]), -np.inf, edges[..., 2]).max(axis=0)
    found = np.stack([onset, peak, offset], axis=-1)
    found[absent] = np.nan
    return found
