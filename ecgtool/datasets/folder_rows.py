"""From the rows of a list of labels to the recordings they mean: each row with its file, and what does not fit told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from ecgtool.console import inert
from ecgtool.datasets.anonymous import anonymous
from ecgtool.datasets.cells import Places, first_few, told
from ecgtool.datasets.folder_files import Tree
from ecgtool.datasets.folder_labels import Listed
from ecgtool.datasets.folder_survey import Seen, said_of, survey
from ecgtool.errors import DataError, FormatError, NotFound
from ecgtool.formats.sidecar import Sidecar


@dataclass(frozen=True, slots=True)
class Found:
    """A row of a list, with the recording it means.

    Args:
        row: Of the list.
        record: The file, relative to the folder.
        id: Of the item to be.
        seen: What the file says of itself.
        said: What the row says of the file.
    """

    row: Listed
    record: str
    id: str
    seen: Seen
    said: Sidecar

    @property
    def start_s(self) -> float:
        """Where the row's part of the recording begins."""
        return self.row.start_s

    @property
    def seconds(self) -> float:
        """How long the row's part of the recording is."""
        end = self.seen.seconds if self.row.end_s is None else min(self.row.end_s, self.seen.seconds)
        return end - self.row.start_s


class Left(NamedTuple):
    """What does not become part of a store: ``notes`` it may keep, and ``details`` with names, for the user alone."""

    notes: list[str]
    details: list[str]


def find_recordings(
    tree: Tree, rows: Sequence[Listed], places: Places, *, keep_names: bool = False
) -> tuple[list[Found], Left]:
    """The recordings that the rows mean, in their order, and what is missing, unreadable or left over in words.

    Args:
        tree: The folder.
        rows: Of the list.
        places: Where they stand.
        keep_names: Whether items are called after files rather than after rows, and notes name files.

    Raises:
        NotFound: No row means a recording that is there.
        FormatError: A row contradicts another one, leads out of the folder, or lies beyond the end of its recording.
        DataError: None can be read.
        EcgError: The file system fails.
    """
    records = [_find(tree, row) for row in rows]
    there = {place: record for place, record in enumerate(records) if record is not None}
    missing = [place for place in range(len(rows)) if place not in there]
    if not there:
        raise NotFound(
            f"None of the {len(rows)} recordings of {places.source} is in {tree.folder}; the first is {rows[0].file}.",
            "Names are relative to the folder of the list.",
        )
    _refuse_contradictions([(rows[place], record) for place, record in there.items()])
    said = {record: said_of(rows[place].where, rows[place].cells) for place, record in there.items()}
    seen, unreadable = survey({record: (tree.below(record), said[record]) for record in said})
    if not seen:
        first = next(iter(unreadable.values()))
        reason, hint = (text.replace(f"{tree.folder}/", "") for text in (first.message, first.hint))
        raise DataError(f"None of the {len(said)} recordings of {places.source} can be read. The first: {reason}", hint)
    stems = _stems(list(seen))
    found = [
        Found(rows[place], record, _part_id(stems[record], rows[place]) if keep_names else places.name(place),
              seen[record], said[record])
        for place, record in there.items() if record in seen
    ]  # fmt: skip
    for each in found:
        _refuse_beyond(each)
    places_in = {record: place for place, record in reversed(there.items())}
    causes = [(places_in[record], record, error.message) for record, error in unreadable.items()]
    lost = [(place, rows[place].file) for place in missing]
    return found, _told(tree, places, lost, causes, tree.others(said), keep_names=keep_names)


def _told(
    tree: Tree,
    places: Places,
    missing: Sequence[tuple[int, str]],
    unreadable: Sequence[tuple[int, str, str]],
    others: Sequence[str],
    *,
    keep_names: bool,
) -> Left:
    """What is missing (row and file), unreadable (row, file and why) or in no row, in words."""
    files = [file for _row, file in missing]
    reasons = [reason.replace(f"{tree.folder}/", "").rstrip(".") for _row, _file, reason in unreadable]
    stored = [
        anonymous(reason, tree.folder / file, places.name(row), keep=file if keep_names else "").rstrip(".")
        for row, file, reason in unreadable
    ]
    what = f"recordings of {places.source} are missing"
    unlisted = f"recordings have no row in {places.source} and were left out"
    nameless = [f"{tree.unnameable} files were left out: their names are no text."] if tree.unnameable else []
    broken = told(stored, "recordings cannot be read", "; ")
    if keep_names:
        return Left([*told(files, what), *broken, *told(others, unlisted), *nameless], [])
    notes = [f"{len(missing)} {what}: {places.said(row for row, _file in missing)}."] if missing else []
    notes += [*broken, *([f"{len(others)} {unlisted}."] if others else []), *nameless]
    shown = {"Missing": first_few(files), "Unreadable": first_few(reasons, "; "), "Without a row": first_few(others)}
    return Left(notes, [f"{name}: {names}." for name, names in shown.items() if names])


def _find(tree: Tree, row: Listed) -> str | None:
    try:
        return tree.find(row.file)
    except FormatError as error:
        hint = error.hint or "Give paths below the folder of the list, or the names of files alone."
        raise FormatError(f"{row.where}: {error.message}", hint) from None


def _refuse_contradictions(rows: Sequence[tuple[Listed, str]]) -> None:
    """Raise where two rows are about the same part of a recording, or say different things of the same recording."""
    parts: dict[tuple[str, float, float | None], str] = {}
    first: dict[str, Listed] = {}
    for row, record in rows:
        before = parts.setdefault((record, row.start_s, row.end_s), row.where)
        if before != row.where:
            raise FormatError(
                f"{row.where} labels {row.file}, as {before} does.", "Give all labels of a recording in one row."
            )
        other = first.setdefault(record, row)
        if other.patient != row.patient:
            raise FormatError(
                f"{row.where} gives {row.file} another patient than {other.where}.", "A recording is of one person."
            )
        if other is not row and said_of(row.where, row.cells) != said_of(other.where, other.cells):
            raise FormatError(f"{row.where} describes {row.file} otherwise than {other.where}.", "Correct one of them.")


def _refuse_beyond(found: Found) -> None:
    row, lasts = found.row, found.seen.seconds
    end = max(row.start_s, row.end_s or 0.0)
    if end > lasts + 1 / found.seen.fs or row.start_s >= lasts:
        raise FormatError(
            f"{row.where}: {'start_s' if row.start_s >= lasts else 'end_s'} {end:g} is beyond the end of {row.file} "
            f"({lasts:.6g} s).",
            "Correct the row.",
        )


def _stems(records: Sequence[str]) -> dict[str, str]:
    """A name for each: the path without suffix, where that tells them apart."""
    stems = {record: str(PurePosixPath(record).with_suffix("")) for record in records}
    shared = Counter(stems.values())
    return {record: inert(stem if shared[stem] == 1 else record) for record, stem in stems.items()}


def _part_id(name: str, row: Listed) -> str:
    if not row.part:
        return name
    return f"{name}@{row.start_s:g}-{'' if row.end_s is None else format(row.end_s, 'g')}"


def known_path(record: str) -> str:
    """The path of a record as a table may hold it: spreadsheets run what begins with ``=``."""
    return record if inert(record) == record else f"./{record}"
