"""What a model says of the heartbeats of one recording, and what a reader wants to know of them together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ecgtool.settings import Section
from ecgtool.task import Task

Samples = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Seconds = npt.NDArray[np.float64]

ECTOPIC = ("V", "S")
"""Classes whose runs are told, where the model knows them."""
RUN = 3
"""Beats of a run at the least; two are a couplet."""
PAUSE_S = 2.0
RATE_INTERVALS = 8
"""Intervals that the lowest and the highest rate are means of."""
HOUR_S = 3600.0
_BIGEMINY = 3  # times that an ectopic beat and another one follow each other


class Episode(Section):
    """Beats that belong together, or the gap between two of them."""

    start_s: float
    end_s: float
    beats: int = Field(description="Of the ectopic class; 0 in a pause.")
    rate: float | None = Field(None, description="Beats per minute within it.")


class Ectopy(Section):
    """Ectopic beats of one class."""

    beats: int
    burden: float = Field(description="Share of all beats, in percent.")
    per_hour: float | None = Field(None, description="Null for recordings of less than an hour.")
    single: int = Field(description="Beats without a neighbour of their class.")
    couplets: int = Field(description="Two in a row.")
    runs: tuple[Episode, ...] = Field(description="Three or more in a row.")
    bigeminy: tuple[Episode, ...] = Field(description="Every second beat, three times or more.")


class BeatSummary(Section):
    """What is to be said of all beats of a recording."""

    seconds: float
    beats: int
    counts: dict[str, int] = Field(description="Beats that were called each class.")
    rate_mean: float | None = Field(description="Beats per minute: 60 over the mean interval.")
    rate_min: float | None = Field(description="The lowest mean of eight intervals.")
    rate_max: float | None
    ectopy: dict[str, Ectopy]
    pauses: tuple[Episode, ...] = Field(description="Intervals over two seconds.")


@dataclass(frozen=True)
class BeatAnswer:
    """What a model says of the beats of one recording.

    Args:
        file: As it was given.
        record: The recording's own name.
        task: Classes.
        fs: Rate of the recording in Hz.
        seconds: Its duration.
        samples: int64 [beats], R peaks in samples of the recording.
        probabilities: float32 [beats, labels].
        called: int64 [beats], the number of the class.
        gaps: int64 [gaps, 2], first sample of each stretch without signal and the one after its last.
        leads: The lead of each of the model's rows; empty where it had none.
        notes: What a reader of the result should know.
    """

    file: str
    record: str
    task: Task
    fs: float
    seconds: float
    samples: Samples
    probabilities: Floats
    called: Samples
    gaps: Samples
    leads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def times_s(self) -> Seconds:
        """When each beats, float64 [beats]."""
        return np.asarray(self.samples / self.fs)

    @cached_property
    def intervals_s(self) -> Seconds:
        """The interval before each beat, float64 [beats]; NaN before the first and where the signal was interrupted."""
        intervals = np.diff(self.times_s, prepend=np.nan)
        begin = np.searchsorted(self.gaps[:, 0], self.samples[:-1])
        end = np.searchsorted(self.gaps[:, 0], self.samples[1:])
        intervals[1:][end > begin] = np.nan
        return intervals

    def classes(self) -> list[str]:
        """The class that each was called."""
        return [self.task.labels[number] for number in self.called.tolist()]

    @cached_property
    def summary(self) -> BeatSummary:
        """What is to be said of them together."""
        intervals = self.intervals_s[np.isfinite(self.intervals_s)]
        low, high = _rates(self.intervals_s)
        ectopic = [label for label in ECTOPIC if label in self.task.labels]
        return BeatSummary(
            seconds=self.seconds,
            beats=len(self.samples),
            counts={label: int((self.called == place).sum()) for place, label in enumerate(self.task.labels)},
            rate_mean=float(60 / intervals.mean()) if len(intervals) else None,
            rate_min=low,
            rate_max=high,
            ectopy={label: self._ectopy(self.task.labels.index(label)) for label in ectopic},
            pauses=self._pauses(),
        )

    def _ectopy(self, label: int) -> Ectopy:
        ectopic = self.called == label
        joined = np.isfinite(self.intervals_s)
        first, last = stretches(ectopic, joined)
        lengths = last - first + 1
        turns_first, turns_last = stretches(np.append(False, ectopic[1:] != ectopic[:-1]), joined)
        # A beat begins to alternate with the one before it; of so many in turn, every second one is ectopic.
        turns = [(a - 1, b) for a, b in zip(turns_first.tolist(), turns_last.tolist(), strict=True)]
        bigeminy = [(a, b) for a, b in turns if ectopic[a : b + 1].sum() >= _BIGEMINY]
        beats, hours = int(ectopic.sum()), self.seconds / HOUR_S
        runs = zip(first[lengths >= RUN].tolist(), last[lengths >= RUN].tolist(), strict=True)
        return Ectopy(
            beats=beats,
            burden=100 * beats / max(len(self.samples), 1),
            per_hour=beats / hours if hours >= 1 else None,
            single=int((lengths == 1).sum()),
            couplets=int((lengths == RUN - 1).sum()),
            runs=tuple(self._episode(a, b, ectopic) for a, b in runs),
            bigeminy=tuple(self._episode(a, b, ectopic) for a, b in bigeminy),
        )

    def _episode(self, first: int, last: int, ectopic: npt.NDArray[np.bool_]) -> Episode:
        begin, end = float(self.times_s[first]), float(self.times_s[last])
        rate = 60 * (last - first) / (end - begin) if end > begin else None
        return Episode(start_s=begin, end_s=end, beats=int(ectopic[first : last + 1].sum()), rate=rate)

    def _pauses(self) -> tuple[Episode, ...]:
        ends = np.flatnonzero(np.nan_to_num(self.intervals_s) > PAUSE_S)
        times = self.times_s
        return tuple(Episode(start_s=float(times[at - 1]), end_s=float(times[at]), beats=0) for at in ends.tolist())


def stretches(marks: npt.NDArray[np.bool_], joined: npt.NDArray[np.bool_]) -> tuple[Samples, Samples]:
    """The first and the last beat of each stretch of marked beats in a row.

    Args:
        marks: bool [beats].
        joined: bool [beats], whether a beat follows the one before it without an interruption.
    """
    follows = marks[1:] & marks[:-1] & joined[1:]
    first = np.flatnonzero(marks & ~np.append(False, follows))
    last = np.flatnonzero(marks & ~np.append(follows, False))
    return first, last


def _rates(intervals: Seconds) -> tuple[float | None, float | None]:
    """The lowest and the highest rate over eight intervals, or over all where they are fewer."""
    known = int(np.isfinite(intervals).sum())
    if not known:
        return None, None
    width = min(RATE_INTERVALS, known)
    sums = np.convolve(np.nan_to_num(intervals), np.ones(width), "valid")
    whole = np.convolve(np.isfinite(intervals), np.ones(width), "valid") > width - 0.5
    means = sums[whole] / width if whole.any() else np.array([np.nanmean(intervals)])
    return float(60 / means.max()), float(60 / means.min())
