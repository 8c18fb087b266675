"""A recording whose heartbeats are to be judged: read in stretches, so that a day fits into memory, and its R peaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.formats import read_record
from ecgtool.record import Record
from ecgtool.serving.beat_leads import rows_of
from ecgtool.signals.beat_align import aligned
from ecgtool.signals.peaks import REFRACTORY_S, r_peaks
from ecgtool.store import Store

STRETCH_S = 1800.0
"""What is judged at a time, in seconds; the last stretch is up to half as long again, as a shorter recording is."""
MARGIN_S = 15.0
"""What is read around a stretch for the detector to know the beats around it."""
GAP_S = 0.2
"""No signal for so long is an interruption: the interval across it is none."""

Samples = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """A recording, read when it is needed.

    Args:
        file: As it was given.
        first: Its first stretch, or all of it.
        samples: Its length.
        read: ``read(begin, end)`` gives these samples as a record.
        prepared: Whether it went through a store's steps before.
    """

    file: str
    first: Record
    samples: int
    read: Callable[[int, int], Record]
    prepared: bool = False

    @property
    def fs(self) -> float:
        """Rate in Hz."""
        return self.first.fs

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.samples / self.fs

    def stretches(self) -> Iterator[tuple[int, int]]:
        """First sample of each stretch and the one after its last; the last is half as long again at most."""
        each = max(round(STRETCH_S * self.fs), 1)
        bounds = [*range(0, max(self.samples - each // 2, 1), each), self.samples]
        yield from pairwise(bounds)


class Found(NamedTuple):
    """What was found in the leads that a model reads.

    Attributes:
        beats: int64 [beats], R peaks in samples of the recording, ascending.
        gaps: int64 [gaps, 2], first sample without signal and the one after the last.
        flat: Leads without any signal.
        invalid: Samples that the source marked as invalid.
    """

    beats: Samples
    gaps: Samples
    flat: tuple[str, ...]
    invalid: int


def of_record(record: Record, file: str = "", *, prepared: bool = False) -> Recording:
    """A recording in memory."""

    def read(begin: int, end: int) -> Record:
        return Record(record.signal[:, begin:end], record.fs, record.leads, record.id, record.patient, record.meta)

    return Recording(file or record.id, record, record.signal.shape[1], read, prepared)


def of_file(path: str | Path) -> Recording:
    """A recording in a file, of which no more than a stretch is in memory.

    Raises:
        EcgError: It cannot be read; the message says why.
    """
    first = read_record(path, 0.0, 1.5 * STRETCH_S)
    samples = round(first.whole_s * first.fs)
    if samples <= first.signal.shape[1]:
        return of_record(first, str(path))
    return Recording(
        str(path), first, samples, lambda begin, end: read_record(path, begin / first.fs, (end - begin) / first.fs)
    )


def of_item(store: Store, item: int, file: str = "", *, prepared: bool = False) -> Recording:
    """An item of a store, and whether it went through the model's steps before."""
    return of_record(store.record(item), file, prepared=prepared)


def find_beats(recording: Recording, served: tuple[str, ...]) -> Found:
    """The R peaks of a recording, stretch by stretch, in the leads that serve a model.

    Args:
        recording: The recording.
        served: Names of the leads; empty ones are none.
    """
    names = tuple(name for name in served if name)
    margin, moving = round(MARGIN_S * recording.fs), np.zeros(len(names), bool)
    beats, gaps, invalid = [np.empty(0, np.int64)], [np.empty((0, 2), np.int64)], 0
    for begin, end in recording.stretches():
        first = max(begin - margin, 0)
        signal = rows_of(recording.read(first, min(end + margin, recording.samples)), names, names).signal
        found = aligned(signal, recording.fs, r_peaks(signal, recording.fs)) + first
        beats.append(found[(found >= begin) & (found < end)])
        core = signal[:, begin - first : end - first]
        missing = np.isnan(core)
        invalid += int(missing.sum())
        gaps.append(_runs(np.asarray(missing.all(axis=0))) + begin)
        moving |= ~_still(core)
    flat = tuple(name for name, moves in zip(names, moving.tolist(), strict=True) if not moves)
    return Found(
        _apart(np.concatenate(beats), recording.fs), _lasting(np.concatenate(gaps), recording.fs), flat, invalid
    )


def _still(signal: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which rows have no signal: all samples equal, or invalid."""
    high, low = np.fmax.reduce(signal, axis=1, initial=-np.inf), np.fmin.reduce(signal, axis=1, initial=np.inf)
    return np.asarray(~(high > low))


def _apart(beats: Samples, fs: float) -> Samples:
    """The beats without one that two stretches found, each its own way."""
    return beats[np.diff(beats, prepend=-(2**40)) >= REFRACTORY_S * fs / 2]


def _runs(marks: npt.NDArray[np.bool_]) -> Samples:
    """First place of each run of marks and the one after its last, [runs, 2]."""
    edges = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2).astype(np.int64)


def _lasting(gaps: Samples, fs: float) -> Samples:
    """Gaps as they are in the whole recording, those of a moment left out."""
    if not len(gaps):
        return gaps
    begins = np.append(True, gaps[1:, 0] > gaps[:-1, 1])
    joined = np.stack([gaps[begins, 0], gaps[np.append(begins[1:], True), 1]], axis=1)
    return joined[joined[:, 1] - joined[:, 0] >= GAP_S * fs]
