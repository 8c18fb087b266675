"""Delineation by signal processing: derivatives at several scales, of all leads and beats at once.

The smoothed derivative of the signal is its transform by the first derivative of a Gaussian, a wavelet (Sahambi, Tandon
and Bhatt 1997; Martinez et al. 2004 used a spline of that shape). A wave is steep on both flanks, whichever way it
points and however many phases it has, so that the length of the derivative over the leads, the spatial velocity, has a
maximum on each: the wave begins before the first and ends after the last. As all leads look at one heart, a wave is
looked for in all of them together; then each lead tells its own peak.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.delineation.wavelet_atrial import p_present
from ecgtool.delineation.wavelet_edges import Shape, Spans, hump_spans, qrs_spans
from ecgtool.delineation.wavelet_trace import GRID_HZ, Signal, Trace, around, ticks
from ecgtool.waves import Samples, Wave, Waves

Flags = npt.NDArray[np.bool_]

T_SHAPE = Shape(scale_s=0.020, width_s=0.14, reach_s=0.20, significant=0.3, onset=0.6, offset=0.4)
P_SHAPE = Shape(scale_s=0.008, width_s=0.08, reach_s=0.12, significant=0.5, onset=0.3, offset=0.45)
T_AFTER_S, T_BEFORE_NEXT_S = 0.04, 0.20
T_LATEST = 0.5
"""The middle of a T wave lies at most this many times the root of the RR interval (in s) after the R peak (Bazett)."""
P_EARLIEST_S, P_LATEST_S = 0.28, 0.05

_MARGIN = 2  # ticks about a complex that are taken out with it


def _delineate(signal: Signal, fs: float, leads: tuple[str, ...], beats: Samples) -> Waves:
    """The waves of these beats; see the module."""
    if not len(beats) or signal.shape[1] < fs / 2:
        return Waves(fs, leads, beats, Waves.none(fs, leads).table)
    trace = Trace.of(signal, fs, beats)
    qrs = qrs_spans(trace)
    calm = trace.without(qrs.onset - _MARGIN, qrs.offset + _MARGIN)
    t, t_there = _t_waves(calm, qrs)
    p, p_there = _p_waves(calm, qrs, t)
    every = np.ones(len(beats), bool)
    rows = [
        _rows(kind, spans, there, trace, fs)
        for kind, spans, there in ((Wave.P, p, p_there), (Wave.QRS, qrs, every), (Wave.T, t, t_there))
    ]
    table = np.concatenate(rows)
    table[:, 3:] = np.clip(table[:, 3:], 0, signal.shape[1] - 1)
    return Waves(fs, leads, beats, table[np.lexsort((table[:, 3], table[:, 0]))])


WAVELET = _delineate


def _t_waves(calm: Trace, qrs: Spans) -> tuple[Spans, Flags]:
    """T waves, between a complex and the next beat, and which of them are there."""
    first = qrs.offset + ticks(T_AFTER_S)
    usual = (T_LATEST * np.sqrt(calm.after / GRID_HZ) * GRID_HZ).astype(np.int64)
    last = calm.beats + np.minimum(usual, calm.after - ticks(T_BEFORE_NEXT_S))
    found = hump_spans(calm, T_SHAPE, first, np.maximum(last, first + 2))
    limit = np.append(qrs.onset[1:], calm.ticks) - 1
    t = Spans(np.maximum(found.onset, qrs.offset), found.centre, np.minimum(found.offset, limit))
    return t, (t.onset < t.offset) & (t.centre < calm.ticks)


def _p_waves(calm: Trace, qrs: Spans, t: Spans) -> tuple[Spans, Flags]:
    """P waves, between the T wave before and a complex, and which of them are there."""
    ended = np.append(np.zeros(1, np.int64), t.offset[:-1])
    last = qrs.onset - ticks(P_LATEST_S)
    first = np.maximum(qrs.onset - ticks(P_EARLIEST_S), ended)
    room = last - first > 3
    found = hump_spans(calm, P_SHAPE, np.minimum(first, last), last)
    p = Spans(np.maximum(found.onset, ended), found.centre, np.minimum(found.offset, qrs.onset - 1))
    there = room & (p.onset >= 0) & (p.onset < p.offset)
    return p, there & p_present(calm, qrs, p, ended)


def _rows(kind: Wave, spans: Spans, there: Flags, trace: Trace, fs: float) -> Samples:
    """Rows of a table of waves: every lead that is alive, every beat whose wave is there."""
    beat = np.flatnonzero(there)
    onset, offset = spans.onset[beat], spans.offset[beat]
    peak, height = _peaks(trace.signal, onset, offset)
    lead, number = np.nonzero(height > 0)
    times = np.stack([onset[number], peak[lead, number], offset[number]], axis=1)
    samples = np.round(times * (fs / GRID_HZ)).astype(np.int64)
    return np.column_stack([lead, beat[number], np.full(len(lead), int(kind)), samples])


def _peaks(signal: Signal, onset: Samples, offset: Samples) -> tuple[Samples, Signal]:
    """Where each lead lies furthest from the straight line from onset to offset, and how far; [leads, beats]."""
    if not len(onset):
        return np.empty((len(signal), 0), np.int64), np.empty((len(signal), 0), np.float32)
    last = signal.shape[1] - 1
    length = (offset - onset).astype(np.float32)
    place = np.arange(int(length.max()) + 1)
    along = place / np.maximum(length, 1)[:, None]  # [beats, places]
    begin, end = (signal[:, np.clip(edge, 0, last), None] for edge in (onset, offset))
    away = np.abs(around(signal, onset, 0, len(place) - 1) - (begin * (1 - along) + end * along).astype(np.float32))
    away[:, along > 1] = 0
    return onset + away.argmax(axis=2), away.max(axis=2)
