"""Where waves begin and end: from the outermost steep place outwards, until the speed has fallen to a share of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecgtool.delineation.wavelet_trace import Signal, Trace, around, ticks
from ecgtool.waves import Samples


class Spans(NamedTuple):
    """One kind of wave, beat by beat.

    Attributes:
        onset: int64 [beats], in ticks.
        centre: int64 [beats], where its energy is, in ticks.
        offset: int64 [beats], in ticks.
    """

    onset: Samples
    centre: Samples
    offset: Samples


class Shape(NamedTuple):
    """How a kind of wave is looked for.

    Attributes:
        scale_s: Of the derivative.
        width_s: Of the hump that its energy makes.
        reach_s: From the hump's middle, how far it may extend.
        significant: A maximum of the speed counts as the wave's with this share of the largest.
        onset: The wave begins where the speed has fallen to this share of its first maximum.
        offset: And ends where it has fallen to this share of the last.
    """

    scale_s: float
    width_s: float
    reach_s: float
    significant: float
    onset: float
    offset: float


QRS_SCALE_S = 0.006
QRS_ONSET, QRS_OFFSET = 0.08, 0.10
QRS_BRIDGE_S = 0.02
QRS_BEFORE_S, QRS_AFTER_S = 0.16, 0.20
FLANK_S, FLANK = 0.02, 0.01
NOISE = 1.5
"""What is not this many times faster than the quiet part of the beat is no part of the complex."""


def qrs_spans(trace: Trace) -> Spans:
    """Onset and offset of every complex, over all leads.

    From the R peak outwards to the first place where the speed is small, bridging the moments in which the vector stops
    to turn.
    """
    from scipy.ndimage import maximum_filter1d

    speed = trace.speed(QRS_SCALE_S)
    bridge = ticks(QRS_BRIDGE_S) // 2
    bridged = maximum_filter1d(speed, 2 * bridge + 1)
    largest = around(speed, trace.beats, -ticks(0.1), ticks(0.1)).max(axis=1)
    quiet = around(speed[::3], trace.beats // 3, -ticks(0.5) // 3, ticks(0.5) // 3)
    floor = NOISE * np.partition(quiet, quiet.shape[1] // 4, axis=1)[:, quiet.shape[1] // 4]
    before = around(bridged, trace.beats, -ticks(QRS_BEFORE_S), -2)[:, ::-1]
    after = around(bridged, trace.beats, 2, ticks(QRS_AFTER_S))
    onset = trace.beats - 2 - _first_below(before, np.maximum(QRS_ONSET * largest, floor)) + bridge
    offset = trace.beats + 2 + _first_below(after, np.maximum(QRS_OFFSET * largest, floor)) - bridge
    return Spans(np.minimum(onset, trace.beats - 1), trace.beats, np.maximum(offset, trace.beats + 1))


def _first_below(values: Signal, limit: Signal) -> Samples:
    """The first place of each row [beats, places] that lies below its limit; the lowest where none does."""
    below = values < limit[:, None]
    return np.where(below.any(axis=1), below.argmax(axis=1), values.argmin(axis=1))


def hump_spans(trace: Trace, shape: Shape, first: Samples, last: Samples) -> Spans:
    """The largest hump of energy whose middle lies from ``first`` to ``last`` [beats], and where its wave ends.

    Args:
        trace: Without what is larger than the wave.
        shape: Of the wave.
        first: int64 [beats], in ticks.
        last: int64 [beats], not before ``first``.
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    speed = trace.speed(shape.scale_s)
    energy = uniform_filter1d(np.square(speed), ticks(shape.width_s))
    falling = energy < maximum_filter1d(energy, ticks(FLANK_S) + 1, origin=ticks(FLANK_S) // 2)
    energy[falling] *= FLANK  # the end of what comes before
    places = first[:, None] + np.arange(int((last - first).max(initial=0)) + 1)
    inside = (places <= last[:, None]) & (places >= 0) & (places < trace.ticks)
    centre = first + np.where(inside, energy[np.clip(places, 0, trace.ticks - 1)], -1).argmax(axis=1)
    reach, core = ticks(shape.reach_s), ticks(shape.width_s) * 2 // 3
    near = around(speed, centre, -reach, reach)
    onset, offset = _outermost(near, reach, core, shape)
    return Spans(centre + onset, centre, centre + offset)


def _outermost(speed: Signal, middle: int, core: int, shape: Shape) -> tuple[Samples, Samples]:
    """Onset and offset from the middle of each row [beats, places], by the outermost maxima (Martinez et al. 2004)."""
    beats, width = speed.shape
    places, every = np.arange(width), np.arange(beats)
    peak = np.zeros((beats, width), bool)
    peak[:, 1:-1] = (speed[:, 1:-1] >= speed[:, :-2]) & (speed[:, 1:-1] >= speed[:, 2:])
    peak &= np.abs(places - middle) <= core
    largest = np.where(peak, speed, 0).max(axis=1)
    peak &= speed >= shape.significant * largest[:, None]
    some = peak.any(axis=1)
    first = np.where(some, peak.argmax(axis=1), middle)
    last = np.where(some, width - 1 - peak[:, ::-1].argmax(axis=1), middle)
    before = (speed < shape.onset * speed[every, first][:, None]) & (places < first[:, None])
    after = (speed < shape.offset * speed[every, last][:, None]) & (places > last[:, None])
    onset = np.where(before.any(axis=1), width - 1 - before[:, ::-1].argmax(axis=1), 0)
    offset = np.where(after.any(axis=1), after.argmax(axis=1), width - 1)
    return onset - middle, offset - middle
