"""The list of labels beside own recordings: ``labels.json``, ``labels.csv`` or PhysioNet's ``REFERENCE.csv``."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ecgtool.errors import ConfigError, FormatError, NotFound, did_you_mean
from ecgtool.files import explained, read_json

JSON_LABELS, CSV_LABELS, REFERENCE = "labels.json", "labels.csv", "REFERENCE.csv"
FILE, LABEL, PATIENT, START, END = "file", "label", "patient_id", "start_s", "end_s"
LONGEST_TEXT = 200
"""Characters of a label, an identity or a name of a column."""

_FILE_TOO = "filename"
_OWN = (FILE, _FILE_TOO, LABEL, PATIENT, START, END)
_IN_ANY_CASE = (*_OWN, "age", "sex")
_LONGEST_S = 31 * 86_400.0
_CSV_LIMIT = 64 * 2**20
_MOST_ROWS = 1_000_000
_SEVERAL = re.compile(r"[;|]")
_REFERENCE_HEADS = ("file", "filename", "name", "record", "recording")
_ADVICE = f"Write {CSV_LABELS} with the columns {FILE},{LABEL},{PATIENT} beside the recordings."


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a labels file.

    Args:
        file: The recording, as the row names it.
        labels: What it is labelled; empty where the row gives none.
        where: File and row, for messages.
        cells: Every further field of the row, as it is written.
        patient: Who it is of; empty where the row does not say.
        start_s: Where the labelled part begins.
        end_s: Where it ends; None at the end of the recording.
    """

    file: str
    labels: tuple[str, ...]
    where: str
    cells: Mapping[str, Any]
    patient: str = ""
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def part(self) -> bool:
        """Whether the row is about a part of the recording rather than all of it."""
        return self.start_s > 0 or self.end_s is not None

    def unfit(self, field: str, value: object, hint: str = "Correct it.") -> FormatError:
        """The error that says what is wrong with a field of this row."""
        return FormatError(f"{self.where}: {field} holds {str(value)[:60]!r}.", hint)


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
    fields = {field for _where, row in rows for field in row}
    if LABEL not in fields:
        raise NotFound(f"{path} has no '{LABEL}' in any row.", did_you_mean(LABEL, fields))
    return [_listed(where, row) for where, row in rows]


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands, and its fields."""
    if path.name == JSON_LABELS:
        yield from _json_rows(path)
        return
    lines = _csv_lines(path)
    yield from _reference_rows(path, lines) if path.name == REFERENCE else _table_rows(path, lines)


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    document = read_json(path)
    if not isinstance(document, list):
        raise FormatError(
            f"{path} is not a list of recordings.", f'For example [{{"{FILE}": "a.edf", "{LABEL}": "AF"}}]'
        )
    for number, row in enumerate(document, start=1):
        where = f"{path.name} entry {number}"
        if not isinstance(row, dict):
            raise FormatError(f"{where} is not an object with '{FILE}' and '{LABEL}'.", "Correct it.")
        yield where, row


def _csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that has any; parted by the comma, semicolon or tab of the first line."""
    try:
        with explained(path), path.open(encoding="utf-8-sig", newline="") as file:
            if path.stat().st_size > _CSV_LIMIT:
                raise FormatError(f"{path} is too large to be a list of labels.")
            first = file.readline(10_000)
            file.seek(0)
            lines = csv.reader(file, strict=True, delimiter=next((mark for mark in ",;\t" if mark in first), ","))
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield lines.line_num, [cell.strip() for cell in cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not a CSV table: {error}.", "Save it as CSV in UTF-8.") from None


def _table_rows(path: Path, lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[str, dict[str, Any]]]:
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
        yield where, row | {LABEL: _SEVERAL.split(row[LABEL])} if LABEL in row else row


def _reference_rows(path: Path, lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, (number, cells) in enumerate(lines):
        if place == 0 and cells[0].lower() in _REFERENCE_HEADS:
            continue
        yield f"{path.name} line {number}", {FILE: cells[0], LABEL: cells[1:]}


def _listed(where: str, row: Mapping[str, Any]) -> Listed:
    named = [field for field in (FILE, _FILE_TOO) if row.get(field) not in (None, "")]
    if not named:
        raise FormatError(f"{where} names no '{FILE}'.", "Each row names a recording.")
    labels = row.get(LABEL)
    start_s, end_s = (_seconds(where, field, row.get(field)) for field in (START, END))
    if end_s is not None and end_s <= (start_s or 0.0):
        raise FormatError(f"{where}: {END} {end_s:g} does not lie after {START} {start_s or 0:g}.", "Correct it.")
    return Listed(
        file=_text(where, named[0], row[named[0]], longest=1024),
        labels=_labels(where, labels if isinstance(labels, list) else [labels]),
        where=where,
        cells={_text(where, "a field's name", name): cell for name, cell in row.items() if name not in _OWN},
        patient=_text(where, PATIENT, row.get(PATIENT)),
        start_s=start_s or 0.0,
        end_s=end_s,
    )


def _labels(where: str, given: list[Any]) -> tuple[str, ...]:
    """The labels, each once."""
    texts = (_text(where, LABEL, label) for label in given)
    return tuple(dict.fromkeys(text for text in texts if text))


def _text(where: str, field: str, value: object, longest: int = LONGEST_TEXT) -> str:
    """A field as text; empty where it is null.

    Raises:
        FormatError: It is nested, too long, or has characters that drive a terminal rather than say something.
    """
    if value is None or value != value:  # NaN is what tables with gaps make of an empty cell
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # and this of whole numbers
    if isinstance(value, str | int | float):
        text = str(value).strip() if isinstance(value, str) or abs(value) < 1e30 else "\0"
        if len(text) <= longest and text.isprintable():
            return text
    raise FormatError(f"{where}: {field} holds {str(value)[:60]!r}.", f"Give a text of up to {longest} characters.")


def _seconds(where: str, field: str, value: object) -> float | None:
    """A time in seconds; None where none is given.

    Raises:
        FormatError: It is no time from 0 to a month.
    """
    if value is None or value == "":
        return None
    seconds = number_of(value)
    if seconds is None or not 0 <= seconds <= _LONGEST_S:
        raise FormatError(f"{where}: {field} holds {str(value)[:60]!r}.", "Give seconds from the beginning.")
    return seconds


def number_of(value: object) -> float | None:
    """A field as a finite number; None where it is none.

    >>> number_of("63"), number_of(" "), number_of(True)
    (63.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
