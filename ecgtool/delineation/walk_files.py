"""From recordings to a table of their waves, to annotations beside them, or to a summary alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ecgtool import console
from ecgtool.delineation.files import ANNOTATOR, ANNOTATOR_SAYS, record_name, write_head, write_pqrst, write_rows
from ecgtool.delineation.walk import pieces_of
from ecgtool.delineation.walk_many import Ask, Failure, Recording, recordings
from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.files import inside, refuse_existing, write_file
from ecgtool.formats.wfdb_annotate import list_annotations
from ecgtool.store import Store
from ecgtool.waves import Wave, Waves

Take = Callable[[Recording], bool]
"""Takes the waves of a recording; False where it has been done already."""


@dataclass
class Summary:
    """What was found in a recording.

    Args:
        file: What the user calls it.
        record: Its name.
        seconds: Its length.
        leads: Leads that were looked at.
        warnings: What its file promises and does not keep.
        beats: Beats found.
        waves: Waves found of each kind, all leads together.
        rr_s: Intervals from beat to beat, in seconds, piece by piece.
    """

    file: str
    record: str
    seconds: float
    leads: int
    warnings: tuple[str, ...] = ()
    beats: int = 0
    waves: dict[str, int] = field(default_factory=lambda: {kind.name: 0 for kind in Wave})
    rr_s: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = field(default_factory=list)

    @classmethod
    def of(cls, found: Recording) -> Summary:
        """Of a recording of which nothing was taken yet."""
        source = found.source
        return cls(found.target, source.name, source.seconds, len(source.leads), source.warnings)

    def watch(self, pieces: Iterable[Waves]) -> Iterator[Waves]:
        """The pieces as they are, counted as they pass."""
        last: np.ndarray[tuple[int], np.dtype[np.int64]] = np.empty(0, np.int64)
        for waves in pieces:
            self.beats += len(waves.beats)
            for kind in Wave:
                self.waves[kind.name] += len(waves.of(kind=kind))
            beats = np.concatenate([last, waves.beats])
            self.rr_s.append((np.diff(beats) / waves.fs).astype(np.float32))
            last = beats[-1:]
            yield waves

    def document(self) -> dict[str, Any]:
        """As JSON holds it; the keys are stable."""
        return {
            "file": self.file,
            "record": self.record,
            "seconds": self.seconds,
            "leads": self.leads,
            "beats": self.beats,
            "rate": self.rate,
            "waves": self.waves,
            "warnings": list(self.warnings),
        }

    @property
    def rate(self) -> float:
        """Heart rate in beats per minute, of the median interval; NaN with fewer than two beats."""
        rr_s = np.concatenate(self.rr_s) if self.rr_s else np.empty(0)
        return float(60 / np.median(rr_s)) if len(rr_s) else float("nan")


@dataclass(frozen=True)
class Taken:
    """What became of recordings.

    Args:
        summaries: Of those that were delineated.
        failed: Those that could not be.
        done: How many had been done before.
    """

    summaries: list[Summary]
    failed: list[Failure]
    done: int = 0


def summarise(targets: Sequence[str] | Store, ask: Ask, workers: int = 1) -> Taken:
    """Find the waves of recordings and count them.

    Raises:
        EcgError: Not even one recording could be delineated.
    """
    return _taken(targets, ask, workers, _count)


def write_table(
    path: Path, targets: Sequence[str] | Store, ask: Ask, workers: int = 1, *, force: bool = False
) -> Taken:
    """Write the waves of recordings as one table, whole or not at all; a recording that fails has no row.

    Raises:
        ConfigError: The file is there, and not to be replaced.
        EcgError: Not even one recording could be delineated, or the file cannot be written.
    """
    refuse_existing(path, force=force)
    made: list[Taken] = []

    def fill(file: BinaryIO) -> None:
        write_head(file)
        made.append(_taken(targets, ask, workers, partial(_rows_of, file)))

    write_file(path, fill)
    return made[0]


def write_folder(
    folder: Path, targets: Sequence[str] | Store, ask: Ask, workers: int = 1, *, force: bool = False
) -> Taken:
    """Write the waves of each recording as ``NAME.pqrst``, and list them in ``RECORDS`` and ``ANNOTATORS``.

    Annotations that are there already are left as they are, unless they may be replaced: what was interrupted goes on.

    Raises:
        EcgError: Not even one recording could be delineated, or the folder cannot be written.
    """
    names: list[str] = []

    def take(found: Recording) -> bool:
        name = record_name(found.source.name)
        if name in names:
            raise ConfigError(f"{found.target} would be written over another one, {name}.", "Segment it alone.")
        names.append(name)
        if inside(folder, f"{name}.{ANNOTATOR}").exists() and not force:
            return False
        write_pqrst(folder, name, found.pieces, found.source.fs, found.channels)
        return True

    taken = _taken(targets, ask, workers, take)
    list_annotations(folder, names, ANNOTATOR, ANNOTATOR_SAYS)
    return taken


def _taken(targets: Sequence[str] | Store, ask: Ask, workers: int, take: Take) -> Taken:
    """Have every recording taken; what fails does not stop the others.

    Raises:
        EcgError: All fail.
    """
    summaries: list[Summary] = []
    failed: list[Failure] = []
    done = 0
    every = recordings(targets, ask, workers)
    total = targets.manifest.items if isinstance(targets, Store) else len(targets)
    for found in _advancing(every, "Finding waves", total) if total > 1 else every:
        try:
            if isinstance(found, Failure):
                raise found.error
            summary, pieces = Summary.of(found), found.pieces
            if total == 1:
                pieces = _advancing(pieces, "Finding waves", pieces_of(found.source)[0])
            if take(replace(found, pieces=summary.watch(pieces))):
                summaries.append(summary)
            else:
                done += 1
        except EcgError as error:
            failed.append(Failure(found.target, error))
    if failed and not summaries and not done:
        raise _nothing(failed)
    return Taken(summaries, failed, done)


def _advancing(each: Iterable[Any], title: str, total: int) -> Iterator[Any]:
    with console.progress(title, total) as advance:
        for one in each:
            yield one
            advance(1)


def _nothing(failed: Sequence[Failure]) -> EcgError:
    """What to say where not even one recording could be delineated."""
    if len(failed) == 1:
        return failed[0].error
    first = failed[0].error
    return DataError(f"None of the {len(failed)} recordings could be read. The first: {first.message}", first.hint)


def _count(found: Recording) -> bool:
    for _waves in found.pieces:
        pass
    return True


def _rows_of(file: BinaryIO, found: Recording) -> bool:
    """Write the rows of a recording; none where it fails on the way."""
    begin = file.tell()
    try:
        for waves in found.pieces:
            write_rows(file, found.source.name, waves)
    except EcgError:
        file.seek(begin)
        file.truncate()
        raise
    return True
