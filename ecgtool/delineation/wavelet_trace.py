"""A recording brought to 250 Hz, and its speed: how fast the leads together change, at a scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.waves import Samples

Signal = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

GRID_HZ = 250.0
"""The rate of the grid: edges are told to 4 ms, a fifth of what readers differ by."""


def ticks(seconds: float) -> int:
    """A time as a number of grid samples."""
    return round(seconds * GRID_HZ)


@dataclass(frozen=True)
class Trace:
    """A recording on the grid.

    Args:
        signal: float32 [leads, ticks], in no unit.
        beats: int64 [beats], R peaks, ascending, in ticks.
        weights: float32 [leads], what each lead counts; their sum is 1.
    """

    signal: Signal
    beats: Samples
    weights: Signal

    @classmethod
    def of(cls, signal: Signal, fs: float, beats: Samples) -> Trace:
        """A recording [leads, samples] at ``fs`` Hz brought to the grid."""
        on_grid = _near_one(resampled(signal, fs))
        last = on_grid.shape[1] - 1
        return cls(on_grid, np.clip(np.round(beats * (GRID_HZ / fs)), 0, last).astype(np.int64), _weights(on_grid))

    @property
    def ticks(self) -> int:
        """How long it is."""
        return self.signal.shape[1]

    def without(self, onset: Samples, offset: Samples) -> Trace:
        """The trace with a straight line in place of each complex, so that smoothing spreads nothing of it."""
        onset, offset = (np.clip(edge, 0, self.ticks - 1) for edge in (onset, offset))
        tick = np.arange(self.ticks)
        beat = np.maximum(np.searchsorted(onset, tick, side="right") - 1, 0)
        inside = np.flatnonzero((tick >= onset[beat]) & (tick <= offset[beat]))
        beat = beat[inside]
        along = ((inside - onset[beat]) / np.maximum(offset[beat] - onset[beat], 1)).astype(np.float32)
        first, last = self.signal[:, onset], self.signal[:, offset]
        signal = self.signal.copy()
        signal[:, inside] = first[:, beat] * (1 - along) + last[:, beat] * along
        return Trace(signal, self.beats, self.weights)

    def slope(self, seconds: float) -> Signal:
        """Weighted first derivative smoothed by a Gaussian of so many seconds, [leads, ticks]: a wavelet transform."""
        from scipy.ndimage import gaussian_filter1d

        slope = gaussian_filter1d(self.signal, seconds * GRID_HZ, axis=1, order=1, truncate=3.0)
        return slope * np.sqrt(self.weights)[:, None]

    def speed(self, seconds: float) -> Signal:
        """Length of the slope over the leads, [ticks]; the spatial velocity of a vectorcardiogram."""
        return np.sqrt(np.square(self.slope(seconds)).sum(axis=0))

    @cached_property
    def before(self) -> Samples:
        """Ticks since the beat before, [beats]; for the first, as for the second."""
        steps = np.diff(self.beats)
        return np.concatenate([steps[:1], steps]) if len(steps) else np.full(1, ticks(1.0))

    @cached_property
    def after(self) -> Samples:
        """Ticks to the beat after, [beats]; for the last, as for the one before it."""
        steps = np.diff(self.beats)
        return np.concatenate([steps, steps[-1:]]) if len(steps) else np.full(1, ticks(1.0))


def resampled(signal: Signal, fs: float) -> Signal:
    """Means over a tick about each tick (over a sample, where samples are longer), by one cumulative sum."""
    samples = signal.shape[1]
    number = int((samples - 1) * GRID_HZ / fs) + 1
    sums = np.zeros((len(signal), samples + 1))
    np.cumsum(signal, axis=1, dtype=np.float64, out=sums[:, 1:])
    middle = np.arange(number) * (fs / GRID_HZ) + 0.5
    half = max(fs / GRID_HZ, 1.0) / 2
    first, last = np.maximum(middle - half, 0), np.minimum(middle + half, samples)
    return ((_sums_to(sums, last) - _sums_to(sums, first)) / (last - first)).astype(np.float32)


def _near_one(signal: Signal) -> Signal:
    """The signal times a power of two, exactly: in its own unit its squares may be too large or too small."""
    largest = np.abs(signal).max(initial=0)
    return np.ldexp(signal, -int(np.frexp(largest)[1]))


def _sums_to(sums: Floats, times: Floats) -> Floats:
    """Cumulative sums at times between samples."""
    whole = np.minimum(times.astype(np.int64), sums.shape[1] - 2)
    return sums[:, whole] + (times - whole) * (sums[:, whole + 1] - sums[:, whole])


def _weights(signal: Signal) -> Signal:
    """Leads by the inverse of their noise; one that is as quiet as the usual lead or quieter counts about the same."""
    from scipy.ndimage import gaussian_filter1d

    noise = np.median(np.abs(signal - gaussian_filter1d(signal, 2.0, axis=1)), axis=1)
    usual = np.median(noise[noise > 0]) if (noise > 0).any() else 1.0
    weights = 1 / (np.square(noise) + np.square(usual))
    return (weights / weights.sum()).astype(np.float32)


def around(values: npt.NDArray[Any], centres: Samples, first: int, last: int) -> npt.NDArray[Any]:
    """Values [..., ticks] from ``first`` to ``last`` about each centre, [..., beats, window]; the ends go on."""
    places = np.clip(centres[:, None] + np.arange(first, last + 1), 0, values.shape[-1] - 1)
    return values[..., places]
