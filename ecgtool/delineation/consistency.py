"""One heart, many leads: what the leads say of a beat brought into agreement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgtool.waves import COLUMNS, UNKNOWN, Wave, Waves

Floats = npt.NDArray[np.float64]

FEWEST = 3
"""Fewer leads outvote none of them."""
MOST = 0.5
"""A wave is there where at least this share of the leads that show the heart have it."""
REACH_S = {Wave.P: 0.04, Wave.QRS: 0.03, Wave.T: 0.08}
"""How far an edge in a lead may lie from the median of the leads: readers' own marks differ less in nineteen of twenty
leads of LUDB."""


def consistent(waves: Waves) -> Waves:
    """The waves, each kind of wave of a beat in the same leads and about at the same time.

    A wave that most leads lack is taken from the others; one that most have is given to the rest, at the median of its
    edges, its peak unknown to be in the middle. An edge far from the median is drawn to within :data:`REACH_S`. Leads
    without any complex are no leads: nothing is given to them. Waves of no beat stay as they are.

    Args:
        waves: Of a recording; with fewer than three leads that have complexes they come back as they are.

    Returns:
        Waves of the same beats.
    """
    live = np.unique(waves.of(kind=Wave.QRS)[:, 0])
    if len(live) < FEWEST:
        return waves
    own = (waves.column("beat") < 0) | ~np.isin(waves.column("lead"), live)
    parts = [waves.table[own]]
    for kind in Wave:
        rows = waves.table[~own & (waves.column("kind") == kind)]
        parts.append(_agreed(rows, live, kind, round(REACH_S[kind] * waves.fs)))
    table = np.concatenate(parts)
    return replace(waves, table=table[np.lexsort((table[:, 3], table[:, 0]))])


def _agreed(rows: npt.NDArray[np.int64], live: npt.NDArray[np.int64], kind: Wave, reach: int) -> npt.NDArray[np.int64]:
    """The rows of one kind of wave, in the leads that are live."""
    beats, group = np.unique(rows[:, 1], return_inverse=True)
    times: Floats = np.full((len(live), len(beats), 3), np.nan)
    known = np.where(rows[:, 3:] == UNKNOWN, np.nan, rows[:, 3:])
    times[np.searchsorted(live, rows[:, 0]), group] = known
    there = np.zeros(times.shape[:2], bool)
    there[np.searchsorted(live, rows[:, 0]), group] = True
    kept = there.mean(axis=0) >= MOST
    times, beats = times[:, kept], beats[kept]
    if not len(beats):
        return np.empty((0, len(COLUMNS)), np.int64)
    onset, offset = (_drawn(times[..., edge], reach) for edge in (0, 2))
    peak = np.where(np.isnan(times[..., 1]), (onset + offset) / 2, times[..., 1])
    peak = np.fmin(np.fmax(peak, onset), offset)
    made = np.where(np.isnan(np.stack([onset, peak, offset])), UNKNOWN, np.rint(np.stack([onset, peak, offset])))
    lead, number = np.indices(times.shape[:2])
    columns = [live[lead], beats[number], np.full(lead.shape, int(kind)), *made.astype(np.int64)]
    return np.stack([column.ravel() for column in columns], axis=1)


def _drawn(edge: Floats, reach: int) -> Floats:
    """Edges [leads, beats] to within reach of their median, and the median where a lead has none."""
    middle = _median(edge)
    return np.where(np.isnan(edge), middle, np.clip(edge, middle - reach, middle + reach))


def _median(edge: Floats) -> Floats:
    """The median of each column of [leads, beats] without what is not known; NaN where nothing is.

    ``numpy.nanmedian`` takes most of the time of a short recording.
    """
    ordered, known = np.sort(edge, axis=0), (~np.isnan(edge)).sum(axis=0)  # what is not known comes last
    column = np.arange(edge.shape[1])
    return np.asarray((ordered[(known - 1) // 2, column] + ordered[known // 2, column]) / 2)
