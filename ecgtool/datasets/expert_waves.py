"""Waves that an expert marked: read from annotation files, as targets of every sample, and as waves of beats.

PhysioBank writes a wave as three marks, ``( p )``, ``( N )`` or ``( t )``: onset, peak and end; either end may be
missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.formats.wfdb_annotations import BEATS, Annotations, read_annotations
from ecgtool.task import Task
from ecgtool.waves import UNKNOWN, Samples, Wave, Waves

TASK = Task(
    name="waves",
    kind="waves",
    labels=("none", *(wave.name for wave in Wave)),
    metric="macro_f1",
    description="What each sample of each lead is part of: a P wave, a QRS complex, a T wave, or none of them.",
)
"""The label of a sample is one more than the number of its :class:`~ecgtool.waves.Wave`."""

NOT_ASKED = -1
SAME_BEAT_S = 0.15
"""QRS complexes of several leads are of one beat where their peaks lie that close (the window of AAMI EC57)."""
UNSURE_S = 0.2
"""Before a peak without an onset, and after one without an end, nothing is asked for so long."""
FARTHEST_S = 0.6
"""A P wave lies at most so long before the R peak of its beat, and a T wave at most twice that behind it."""

Table = npt.NDArray[np.int64]


class Marked(NamedTuple):
    """What an expert marked in one lead.

    Attributes:
        waves: int64 [waves, 4]: kind, onset, peak, offset, in samples; :data:`~ecgtool.waves.UNKNOWN` where not marked.
        first: Where the first mark lies: nothing is known of what comes before.
        last: The same of the last one; before ``first`` where there is none.
    """

    waves: Table
    first: int
    last: int


def read_marked(path: Path, fs: float, to: float) -> Marked:
    """The waves of an annotation file.

    Args:
        path: The file.
        fs: Rate of its sample numbers in Hz, unless it states one.
        to: The rate that sample numbers are wanted at.

    Raises:
        NotFound: There is none.
        FormatError: It is damaged.
    """
    marks = read_annotations(path)
    sample = np.rint(marks.sample * (to / (marks.fs or fs))).astype(np.int64)
    if not len(sample):
        return Marked(np.empty((0, 4), np.int64), 0, -1)
    return Marked(_waves(marks, sample), int(sample[0]), int(sample[-1]))


def _waves(marks: Annotations, sample: Samples) -> Table:
    """A row per wave, of the marks at these samples."""
    kinds = {"p": Wave.P, "t": Wave.T, **dict.fromkeys(BEATS, Wave.QRS)}
    symbols = ("", *marks.symbol, "")
    rows = [
        (
            int(kinds[symbol]),
            int(sample[at - 1]) if symbols[at] == "(" else UNKNOWN,
            int(sample[at]),
            int(sample[at + 1]) if symbols[at + 2] == ")" else UNKNOWN,
        )
        for at, symbol in enumerate(marks.symbol)
        if symbol in kinds
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def sample_targets(marked: Marked, samples: int, fs: float) -> npt.NDArray[np.int16]:
    """The label of each sample; :data:`NOT_ASKED` before the first mark, after the last, and at ends that are unknown.

    Returns:
        int16 [samples].
    """
    target = np.full(samples, NOT_ASKED, np.int16)
    target[max(marked.first, 0) : marked.last + 1] = 0
    unsure, end = round(UNSURE_S * fs), 0
    for kind, onset, peak, offset in marked.waves.tolist():
        if onset == UNKNOWN:
            target[max(peak - unsure, end, 0) : peak] = NOT_ASKED
        if offset == UNKNOWN:
            target[peak : peak + unsure] = NOT_ASKED
        first, last = (peak if onset == UNKNOWN else onset), (peak if offset == UNKNOWN else offset)
        target[first : last + 1] = kind + 1
        end = last + 1
    return target


def beats_of(leads: Sequence[Marked], fs: float) -> Samples:
    """The R peak of each beat: the median of the QRS peaks that lie together in the leads; int64 [beats], ascending."""
    peaks = np.sort(np.concatenate([each.waves[each.waves[:, 0] == Wave.QRS, 2] for each in leads]))
    if not len(peaks):
        return peaks
    beats = np.split(peaks, np.flatnonzero(np.diff(peaks) > SAME_BEAT_S * fs) + 1)
    return np.array([int(np.median(beat)) for beat in beats], np.int64)


def joined(leads: Sequence[Marked], names: tuple[str, ...], fs: float) -> Waves:
    """The waves of a recording, each with its beat.

    Args:
        leads: What is marked in each lead.
        names: Their names.
        fs: The rate of the sample numbers in Hz.
    """
    beats = beats_of(leads, fs)
    rows = [np.empty((0, 6), np.int64)]
    for number, marked in enumerate(leads):
        table = np.column_stack([np.full(len(marked.waves), number), _beat(marked.waves, beats, fs), marked.waves])
        starts = np.where(table[:, 3] == UNKNOWN, table[:, 4], table[:, 3])
        rows.append(table[np.argsort(starts, kind="stable")])
    return Waves(fs, names, beats, np.concatenate(rows))


def _beat(waves: Table, beats: Samples, fs: float) -> Samples:
    """The beat of each wave: the nearest of a QRS complex, the next of a P wave, the last before a T wave."""
    if not len(beats):
        return np.full(len(waves), UNKNOWN, np.int64)
    kind, peak = waves[:, 0], waves[:, 2]
    following = np.searchsorted(beats, peak, side="left")
    after, before = following.clip(max=len(beats) - 1), (following - 1).clip(min=0)
    nearest = np.where(np.abs(beats[after] - peak) <= np.abs(peak - beats[before]), after, before)
    beat = np.where(kind == Wave.QRS, nearest, np.where(kind == Wave.P, after, before))
    away = (peak - beats[beat]) / fs
    least = np.select([kind == Wave.QRS, kind == Wave.P], [-SAME_BEAT_S, -FARTHEST_S], 0.0)
    most = np.select([kind == Wave.QRS, kind == Wave.P], [SAME_BEAT_S, 0.0], 2 * FARTHEST_S)
    return np.where((away >= least) & (away <= most), beat, UNKNOWN)
