"""How a table of numbers is written: comments, header, delimiter, decimal mark; told from its first lines.

Nothing is assumed: of the ways to write a table the first is taken by which every line has as many numbers as the
others.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from ecgtool.formats.csv_comments import said_in

MISSING = ("", "nan", "na", "n/a", "null", "none")
MAX_COLUMNS = 1100
MAX_NAMES = 2  # lines of names and units above the numbers
_SAMPLE = 24  # lines looked at

# Delimiter ("" is any white space) and decimal mark, the first that fits wins.
_WAYS = (("\t", "."), (";", "."), (";", ","), ("\t", ","), (",", "."), ("", "."), ("", ","))
_NUMBER = {
    mark: re.compile(rf"[-+]?(\d+({re.escape(mark)}\d*)?|{re.escape(mark)}\d+)([eE][-+]?\d+)?|[-+]?inf", re.ASCII)
    for mark in ".,"
}
_SEPARATOR = re.compile(r"\"?sep=.\"?", re.IGNORECASE)  # by which Excel tells itself the delimiter
_PAIR = re.compile(r"([-+]?\d+),(\d+)", re.ASCII)
_DATE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
DATED = re.compile(_DATE, re.ASCII)
CLOCK = re.compile(
    rf"{_DATE}|\[?(?:\d{{1,3}}:)?\d{{1,2}}:\d{{1,2}}(?:[.,]\d+)?(?: \d{{1,2}}/\d{{1,2}}/\d{{4}})?\]?", re.ASCII
)


class NotTable(ValueError):
    """Why a text is no table of numbers; becomes a FormatError that names the file."""


class HoldsText(NotTable):
    """There are words where numbers should be."""


class Dialect(NamedTuple):
    """How a table is written, and what stands above its numbers."""

    delimiter: str  # "" for white space
    decimal: str
    columns: int
    names: tuple[str, ...]  # of the columns; empty without a header
    units: tuple[str, ...]  # a second line of the header; empty without one
    comments: tuple[str, ...]  # those that say nothing of what follows
    said: dict[str, Any]  # what the comments say, in the words of a sidecar; "samples" too
    body: int  # byte at which the numbers begin
    rows: tuple[tuple[str, ...], ...]  # the first of them, as text

    def split(self, line: str) -> list[str]:
        """The fields of a line of numbers."""
        return split(line, self.delimiter)

    def is_value(self, field: str) -> bool:
        """Whether a field is a number, a time of day or missing."""
        return field.lower() in MISSING or CLOCK.fullmatch(field) is not None or self.number(field) is not None

    def number(self, field: str) -> float | None:
        """A field as a number; None where it is none."""
        if not _NUMBER[self.decimal].fullmatch(field):
            return None
        return float(field.replace(self.decimal, "."))


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line, without what surrounds them."""
    fields = line.split(delimiter) if delimiter else line.split()
    return [field.strip().strip("\"'").strip() for field in fields]


def dialect_of(head: bytes, *, whole: bool) -> Dialect:
    """How the table is written that begins so.

    Args:
        head: The first bytes of the file, some tens of lines.
        whole: That is all of it; otherwise the last line may be cut and is not looked at.

    Raises:
        NotTable: It is not text, or not a table of numbers.
    """
    comments, content, offsets = _lines(head, whole)
    if not content:
        raise NotTable("holds no line of numbers")
    delimiter, decimal = _way(content)
    rows = [split(line, delimiter) for line in content]
    columns = len(rows[-1]) if len(rows) > MAX_NAMES else max(len(row) for row in rows[-1:])
    first = next((at for at, row in enumerate(rows) if _values(row, decimal) and len(row) == columns), len(rows))
    if first > MAX_NAMES or first == len(rows):
        raise NotTable("does not begin with a line of numbers below its header")
    if columns > MAX_COLUMNS:
        raise NotTable(f"has {columns:,} columns; samples go down and leads across")
    header = [_names(line, delimiter, columns) for line in content[:first]]
    said, free = said_in(comments)
    return Dialect(
        delimiter, decimal, columns, header[0] if header else (), header[1] if len(header) > 1 else (), free, said,
        offsets[first], tuple(tuple(row) for row in takewhile(lambda row: len(row) == columns, rows[first:])),
    )  # fmt: skip


def _lines(head: bytes, whole: bool) -> tuple[tuple[str, ...], list[str], list[int]]:
    """Comments, the lines below them, and at which byte each of these begins."""
    if b"\0" in head:
        raise NotTable("is not text" if not head.startswith((b"\xff\xfe", b"\xfe\xff")) else "is UTF-16, not UTF-8")
    if b"\r" in head and b"\n" not in head:
        raise NotTable("has lines that end in CR alone")
    comments: list[str] = []
    content: list[str] = []
    offsets: list[int] = []
    at = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    lines = head[at:].split(b"\n")
    for raw in lines if whole else lines[:-1]:
        line = _text(raw).strip("\r ")
        if line.lstrip("\"' ").startswith(("#", "%")) and not content:
            comments.append(line.strip("\"' ").lstrip("#% \t").rstrip())
        elif line.strip() and (content or not _SEPARATOR.fullmatch(line)):
            content.append(line)
            offsets.append(at)
        elif content:
            break  # what stands below an empty line is read, or refused, with the body
        if len(content) > _SAMPLE:
            break
        at += len(raw) + 1
    return tuple(comments), content, offsets


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _way(content: Sequence[str]) -> tuple[str, str]:
    """Delimiter and decimal mark by which all lines below the header are numbers, as many in each.

    Raises:
        NotTable: There is none.
    """
    sample = content[MAX_NAMES:] if len(content) > MAX_NAMES + 1 else content[-1:]
    for delimiter, decimal in _WAYS:
        rows = [split(line, delimiter) for line in sample]
        widths = {len(row) for row in rows}
        fits = len(widths) == 1 and (widths != {1} or not delimiter) and all(_values(row, decimal) for row in rows)
        if fits and any(_NUMBER[decimal].fullmatch(field) for row in rows for field in row):
            if (delimiter, decimal) == (",", ".") and _decimal_commas(content):
                return "", ","
            return delimiter, decimal
    raise _why_not(sample)


def _values(row: Sequence[str], decimal: str) -> bool:
    """Whether all fields are numbers, times of day or missing."""
    number = _NUMBER[decimal]
    return all(number.fullmatch(field) or field.lower() in MISSING or CLOCK.fullmatch(field) for field in row)


def _decimal_commas(content: Sequence[str]) -> bool:
    """Whether two whole numbers with a comma between them are one number: ``0,05`` or ``-0,1``, or below one name."""
    pairs = [_PAIR.fullmatch(line.strip()) for line in content]
    found = [pair for pair in pairs if pair is not None]
    if len(found) < len(content) - MAX_NAMES or pairs[-1] is None:
        return False
    one_name = pairs[0] is None and "," not in content[0]
    return one_name or any(pair[1].startswith("-0") or (len(pair[2]) > 1 and pair[2][0] == "0") for pair in found)


def _why_not(sample: Sequence[str]) -> NotTable:
    """What is in the way of reading lines as numbers."""
    delimiter = max("\t;,", key=lambda mark: sum(mark in line for line in sample))
    tabular = 2 * sum(delimiter in line for line in sample) >= len(sample)
    for field in (field for line in sample for field in split(line, delimiter if tabular else "")):
        if not _values([field], ".") and not _values([field], ","):
            evidently = ": it looks like a table of labels" if tabular else ""
            return HoldsText(f"holds text ({field[:30]!r}) where a recording has numbers{evidently}")
    return NotTable("has lines of differently many numbers, or of none")


def _names(line: str, delimiter: str, columns: int) -> tuple[str, ...]:
    """The names of a header line, one per column.

    Raises:
        NotTable: They are not as many as the columns.
    """
    names = _quoted(line, delimiter) if delimiter else split(line, "")
    if len(names) != columns and not delimiter:
        names = [line.strip().strip("\"'")] if columns == 1 else split(re.sub(r"\t| {2,}", "\t", line.strip()), "\t")
    if len(names) == columns - 1 and delimiter:
        names = ["", *names]  # R leaves the column of row numbers without a name
    if len(names) != columns:
        raise NotTable(f"has {len(names)} names in its header, but {columns} columns")
    return tuple(names)


def _quoted(line: str, delimiter: str) -> list[str]:
    """The fields of a line in which quotes may hold a delimiter."""
    mark = "'" if line.lstrip().startswith("'") else '"'
    try:
        fields = next(csv.reader([line], delimiter=delimiter, quotechar=mark, skipinitialspace=True), [])
    except csv.Error:
        fields = line.split(delimiter)
    return [field.strip().strip('"').strip() if mark == '"' else field.strip().strip("'").strip() for field in fields]
