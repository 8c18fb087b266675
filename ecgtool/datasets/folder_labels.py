"""The list of labels beside own recordings: ``labels.json``, ``labels.csv`` or PhysioNet's ``REFERENCE.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ecgtool.datasets.cells import Places, number_of, text_of, unfit
from ecgtool.datasets.labels import LABEL, Labels, checked_labels, split_labels
from ecgtool.datasets.tables import decimal_commas, delimiter_of
from ecgtool.errors import ConfigError, FormatError, NotFound, did_you_mean
from ecgtool.files import explained, read_json

JSON_LABELS, CSV_LABELS, REFERENCE = "labels.json", "labels.csv", "REFERENCE.csv"
FILE, PATIENT, START, END = "file", "patient_id", "start_s", "end_s"

_FILE_TOO = "filename"
_OWN = (FILE, _FILE_TOO, LABEL, PATIENT, START, END)
_IN_ANY_CASE = (*_OWN, "age", "sex")
_LONGEST_S = 31 * 86_400.0
_CSV_LIMIT = 64 * 2**20
_MOST_ROWS = 1_000_000
_REFERENCE_HEADS = ("file", "filename", "name", "record", "recording")
_ADVICE = f"Write {CSV_LABELS} with the columns {FILE},{LABEL},{PATIENT} beside the recordings."


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a labels file.

    Args:
        file: The recording, as the row names it.
        labels: What it is labelled; None where the row says nothing of it.
        number: Of the line or entry.
        where: File and row, for messages.
        cells: Every further field of the row, as it is written.
        patient: Who it is of; empty where the row does not say.
        start_s: Where the labelled part begins.
        end_s: Where it ends; None at the end of the recording.
    """

    file: str
    labels: Labels
    number: int
    where: str
    cells: Mapping[str, Any]
    patient: str = ""
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def part(self) -> bool:
        """Whether the row is about a part of the recording rather than all of it."""
        return self.start_s > 0 or self.end_s is not None


def find_labels(folder: Path) -> tuple[Path, list[str]]:
    """The labels file of a folder, and a note where another one is left unread.

    Raises:
        NotFound: There is none.
        ConfigError: There are both ``labels.json`` and ``labels.csv``.
    """
    found = [name for name in (JSON_LABELS, CSV_LABELS, REFERENCE) if (folder / name).is_file()]
    if not found:
        raise NotFound(f"{folder} has no {JSON_LABELS}, {CSV_LABELS} or {REFERENCE}.", _ADVICE)
    if {JSON_LABELS, CSV_LABELS} <= set(found):
        raise ConfigError(f"{folder} has both {JSON_LABELS} and {CSV_LABELS}.", "Keep the one that counts.")
    return folder / found[0], [f"Labels are read from {found[0]}; {name} is not read." for name in found[1:]]


def read_labels(path: Path) -> list[Listed]:
    """The rows of a labels file, in its order.

    Args:
        path: ``labels.json``: a list of objects with ``file`` (or ``filename``), ``label`` (a text or a list of them)
            and any of ``patient_id``, ``start_s``, ``end_s`` and others. ``labels.csv``: the same as columns, several
            labels in a cell parted by ``;`` or ``|``. ``REFERENCE.csv``: no head; a name, then its labels.

    Raises:
        NotFound: No row has a label.
        FormatError: Not such a file, or a field that cannot be; the message names file, row and field.
    """
    rows = list(islice(_rows(path), _MOST_ROWS + 1))
    if len(rows) > _MOST_ROWS:
        raise FormatError(f"{path} has more than {_MOST_ROWS:,} rows.", "Part the folder into several.")
    if not rows:
        raise FormatError(f"{path} lists no recordings.", "It needs a row for each.")
    fields = {field for _number, row in rows for field in row}
    if LABEL not in fields:
        raise NotFound(f"{path} has no '{LABEL}' in any row.", did_you_mean(LABEL, fields))
    what = _what(path)
    return [_listed(number, f"{path.name} {what} {number}", row) for number, row in rows]


def places_of(path: Path, rows: Sequence[Listed]) -> Places:
    """Where rows of a labels file stand."""
    commas = path.name != JSON_LABELS and decimal_commas(path)
    return Places(path.name, [row.number for row in rows], _what(path), commas)


def _what(path: Path) -> str:
    return "entry" if path.name == JSON_LABELS else "line"


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number of each row, and its fields."""
    if path.name == JSON_LABELS:
        yield from _json_rows(path)
        return
    lines = _csv_lines(path)
    yield from _reference_rows(lines) if path.name == REFERENCE else _table_rows(path, lines)


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    document = read_json(path)
    if not isinstance(document, list):
        raise FormatError(
            f"{path} is not a list of recordings.", f'For example [{{"{FILE}": "a.edf", "{LABEL}": "AF"}}]'
        )
    for number, row in enumerate(document, start=1):
        where = f"{path.name} entry {number}"
        if not isinstance(row, dict):
            raise FormatError(f"{where} is not an object with '{FILE}' and '{LABEL}'.", "Correct it.")
        yield number, row


def _csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that has any."""
    try:
        with explained(path), path.open(encoding="utf-8-sig", newline="") as file:
            if path.stat().st_size > _CSV_LIMIT:
                raise FormatError(f"{path} is too large to be a list of labels.")
            first = file.readline(10_000)
            file.seek(0)
            lines = csv.reader(file, strict=True, delimiter=delimiter_of(first))
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield lines.line_num, [cell.strip() for cell in cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not a CSV table: {error}.", "Save it as CSV in UTF-8.") from None


def _table_rows(path: Path, lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    head = [name.lower() if name.lower() in _IN_ANY_CASE else name for name in next(lines, (1, []))[1]]
    if FILE not in head and _FILE_TOO not in head:
        raise NotFound(f"{path} has no column '{FILE}' or '{_FILE_TOO}'.", did_you_mean(FILE, filter(None, head)))
    twice = next((name for name in head if name and head.count(name) > 1), None)
    if twice is not None:
        raise FormatError(f"{path} has the column '{twice[:60]}' more than once.", "Keep one of them.")
    for number, cells in lines:
        where = f"{path.name} line {number}"
        if len(cells) != len(head):
            hint = "Is the table whole?" if len(cells) < len(head) else "Several labels in a cell are parted by ; or |."
            raise FormatError(f"{where} has {len(cells)} cells, the head has {len(head)}.", hint)
        row: dict[str, Any] = {name: cell for name, cell in zip(head, cells, strict=True) if name}
        yield number, row | {LABEL: split_labels(where, row[LABEL])} if LABEL in row else row


def _reference_rows(lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, (number, cells) in enumerate(lines):
        if place == 0 and cells[0].lower() in _REFERENCE_HEADS:
            continue
        yield number, {FILE: cells[0], LABEL: cells[1:]}


def _listed(number: int, where: str, row: Mapping[str, Any]) -> Listed:
    named = [field for field in (FILE, _FILE_TOO) if row.get(field) not in (None, "")]
    if not named:
        raise FormatError(f"{where} names no '{FILE}'.", "Each row names a recording.")
    labels = row.get(LABEL)
    start_s, end_s = (_seconds(where, field, row.get(field)) for field in (START, END))
    if end_s is not None and end_s <= (start_s or 0.0):
        raise FormatError(f"{where}: {END} {end_s:g} does not lie after {START} {start_s or 0:g}.", "Correct it.")
    return Listed(
        file=text_of(where, named[0], row[named[0]], longest=1024),
        labels=labels if isinstance(labels, tuple) else checked_labels(where, _each(labels)),
        number=number,
        where=where,
        cells={text_of(where, "a field's name", name): cell for name, cell in row.items() if name not in _OWN},
        patient=text_of(where, PATIENT, row.get(PATIENT)),
        start_s=start_s or 0.0,
        end_s=end_s,
    )


def _each(labels: object) -> list[object]:
    return labels if isinstance(labels, list) else [labels]


def _seconds(where: str, field: str, value: object) -> float | None:
    """A time in seconds; None where none is given.

    Raises:
        FormatError: It is no time from 0 to a month.
    """
    if value is None or value == "":
        return None
    seconds = number_of(value)
    if seconds is None or not 0 <= seconds <= _LONGEST_S:
        raise unfit(where, field, value, "Give seconds from the beginning.")
    return seconds
