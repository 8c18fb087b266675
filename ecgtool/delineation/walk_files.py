"""From recordings to a table of their waves, to annotations beside them, or to a summary alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ecgtool import console
from ecgtool.delineation.files import ANNOTATOR, ANNOTATOR_SAYS, record_name, write_head, write_pqrst, write_rows
from ecgtool.delineation.measure import Measurements
from ecgtool.delineation.walk import pieces_of
from ecgtool.delineation.walk_many import Ask, Failure, Recording, recordings
from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.files import inside, refuse_existing, write_file
from ecgtool.formats.wfdb_annotate import list_annotations
from ecgtool.store import Store
from ecgtool.waves import Wave, Waves

Take = Callable[[Recording], bool]
"""Takes the waves of a recording; False where it has been done already."""


@dataclass(frozen=True)
class Summary:
    """What was found in a recording.

    Args:
        file: What the user calls it.
        record: Its name.
        seconds: Its length.
        leads: Leads that were looked at.
        warnings: What its file promises and does not keep, and what its rate does not allow.
        waves: Waves of each kind, all leads together.
        measured: Rate, intervals and amplitudes.
    """

    file: str
    record: str
    seconds: float
    leads: int
    warnings: tuple[str, ...]
    waves: Mapping[str, int]
    measured: Measurements

    def document(self) -> dict[str, Any]:
        """As JSON holds it; the keys are stable."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "measured"}
        return {**told, **self.measured.document()}


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
    there: dict[str, bool] = {}

    def take(found: Recording) -> bool:
        name = record_name(found.source.name)
        if name in there:
            raise ConfigError(f"{found.target} would be written over another one, {name}.", "Segment it alone.")
        there[name] = inside(folder, f"{name}.{ANNOTATOR}").exists()
        if there[name] and not force:
            return False
        write_pqrst(folder, name, found.pieces, found.source.fs, found.channels)
        there[name] = True
        return True

    taken = _taken(targets, ask, workers, take)
    list_annotations(folder, [name for name, made in there.items() if made], ANNOTATOR, ANNOTATOR_SAYS)
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
            counts, pieces = {kind.name: 0 for kind in Wave}, found.pieces
            if total == 1:
                pieces = _advancing(pieces, "Finding waves", pieces_of(found.source)[0])
            if take(replace(found, pieces=_counted(pieces, counts))):
                summaries.append(_summary(found, counts))
            else:
                done += 1
        except EcgError as error:
            failed.append(Failure(found.target, error))
    if failed and not summaries and not done:
        raise _nothing(failed)
    return Taken(summaries, failed, done)


def _counted(pieces: Iterable[Waves], counts: dict[str, int]) -> Iterator[Waves]:
    """The pieces as they are, their waves added to the counts as they pass."""
    for waves in pieces:
        for kind in Wave:
            counts[kind.name] += len(waves.of(kind=kind))
        yield waves


def _summary(found: Recording, counts: Mapping[str, int]) -> Summary:
    source = found.source
    told = (found.target, source.name, source.seconds, len(source.leads), source.warnings)
    return Summary(*told, counts, found.tally.measurements())


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
