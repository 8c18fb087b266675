"""The lines of numbers of a table: how many there are, and those of a range without reading the rest."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.csv_dialect import MISSING, Dialect
from ecgtool.formats.regular import regular_file

_STRIDE = 8192  # lines between two that are remembered
_PIECE = 2**20
_LINE_LIMIT = 2**20
_SPACE = np.frombuffer(b" \t\r\n", np.uint8)

Rows = npt.NDArray[np.float64]
Convert = Callable[[str], float]


class Body(NamedTuple):
    """Where the lines of numbers of a file lie."""

    path: Path
    dialect: Dialect
    lines: int  # whole ones
    end: int  # byte after the last whole line
    marks: npt.NDArray[np.int64]  # at which byte every _STRIDE-th line begins
    cut: bool  # what follows the last whole line is not one
    unended: bool  # the last line has as many fields as the others, yet no end


def body_of(path: Path, dialect: Dialect) -> Body:
    """Count and locate the lines of a table.

    Raises:
        FormatError: A line is longer than any of a table.
        EcgError: The file cannot be read.
    """
    with regular_file(path) as (file, size):
        version = path.stat().st_mtime_ns, size
        lines, end, marks = _located(path, dialect.body, version)
        file.seek(end)
        rest = file.read(_LINE_LIMIT).strip(b"\r\n ").decode("latin-1")
    fields = dialect.split(rest) if rest else []
    empty_anyway = all(row[-1] == "" for row in dialect.rows)
    unended = len(fields) == dialect.columns and (fields[-1] != "" or empty_anyway)
    if unended:
        lines, end = lines + 1, size
    return Body(path, dialect, lines, end, marks, bool(rest) and not unended, unended)


@lru_cache(maxsize=4)  # a long recording is walked in pieces
def _located(path: Path, start: int, _version: tuple[int, int]) -> tuple[int, int, npt.NDArray[np.int64]]:
    """How many lines end in a newline, where the last of them does, and where every _STRIDE-th begins."""
    lines, at, end, blank, marks = 0, start, start, 0, [np.array([start])]
    with regular_file(path) as (file, _size):
        file.seek(start)
        while piece := file.read(_PIECE):
            ends = np.flatnonzero(np.frombuffer(piece, np.uint8) == 10) + at + 1
            at += len(piece)
            if at - (ends[-1] if len(ends) else end) > _LINE_LIMIT:
                raise FormatError(f"{path} has a line of over {_LINE_LIMIT:,} bytes: it is no table of samples.")
            marks.append(ends[(-lines - 1) % _STRIDE :: _STRIDE])
            lines += len(ends)
            end = int(ends[-1]) if len(ends) else end
        blank = _blank_lines(file, start, end)
    return lines - blank, end, np.concatenate(marks)


def _blank_lines(file: io.BufferedReader, start: int, end: int) -> int:
    """How many empty lines a file ends with."""
    tail = max(start, end - 4096)
    file.seek(tail)
    text = file.read(end - tail)
    return max(0, text[len(text.rstrip(b"\r\n")) :].count(b"\n") - 1)


def read_lines(
    body: Body, first: int, last: int, columns: Sequence[int], convert: Mapping[int, Convert] | None = None
) -> Iterator[Rows]:
    """The numbers of a range of lines, some thousand lines at a time.

    Args:
        body: Of the table.
        first: The first line.
        last: The one after the last.
        columns: Which, in rising order; a field that is missing is NaN.
        convert: What turns the text of a column that is no number into one, by column.

    Yields:
        float64 [lines, columns].

    Raises:
        FormatError: A line has more or fewer fields than the others, or text.
    """
    with regular_file(body.path) as (file, _size):
        for start in range(first - first % _STRIDE, last, _STRIDE):
            index = start // _STRIDE
            begin = int(body.marks[index])
            end = int(body.marks[index + 1]) if index + 1 < len(body.marks) else body.end
            file.seek(begin)
            rows = _numbers(body, file.read(end - begin), start, columns, convert or {})
            yield rows[max(first - start, 0) : last - start]


def first_and_last(body: Body) -> tuple[list[str], list[str]]:
    """The fields of the first line and of the last."""
    with regular_file(body.path) as (file, _size):
        file.seek(max(body.dialect.body, body.end - _LINE_LIMIT))
        lines = file.read(_LINE_LIMIT).rstrip(b"\r\n").rsplit(b"\n", 1)
    return list(body.dialect.rows[0]), body.dialect.split(lines[-1].decode("latin-1"))


def _numbers(body: Body, data: bytes, start: int, columns: Sequence[int], convert: Mapping[int, Convert]) -> Rows:
    """float64 [lines, columns] of some lines, of which ``start`` is the first."""
    import pandas as pd

    dialect = body.dialect
    data = data.translate(None, b"\"'\r").rstrip(b"\n") + b"\n"
    expected = min(_STRIDE, body.lines - start)
    if not _even(data, dialect, expected):
        raise _refusal(body, data, start)
    try:
        frame = pd.read_csv(
            io.BytesIO(data), sep=dialect.delimiter or r"\s+", header=None, names=range(dialect.columns),
            usecols=list(columns), dtype={column: np.float64 for column in columns if column not in convert},
            converters=dict(convert), engine="c", decimal=dialect.decimal, index_col=False,
            skip_blank_lines=False, skipinitialspace=True, quoting=3, encoding="latin-1", na_values=list(MISSING),
        )  # fmt: skip
    except (ValueError, OverflowError):
        raise _refusal(body, data, start) from None
    return frame.to_numpy(np.float64)


def _even(data: bytes, dialect: Dialect, lines: int) -> bool:
    """Whether there are so many lines, with as many fields in each as the table has columns."""
    letters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(letters == 10)
    if len(ends) != lines:
        return False
    if dialect.delimiter:
        marks, each = np.flatnonzero(letters == ord(dialect.delimiter)), dialect.columns - 1
    else:
        blank = np.isin(letters, _SPACE)
        marks, each = np.flatnonzero(~blank & np.concatenate(([True], blank[:-1]))), dialect.columns
    return bool((np.diff(np.searchsorted(marks, ends), prepend=0) == each).all())


def _refusal(body: Body, data: bytes, start: int) -> FormatError:
    """Which line is not like the others, and how."""
    dialect = body.dialect
    for number, raw in enumerate(data.decode("latin-1").split("\n")[:-1], start=start + 1):
        fields = dialect.split(raw)
        if len(fields) != dialect.columns or not raw.strip():
            what = f"has {len(fields) if raw.strip() else 0} fields, the others {dialect.columns}"
        elif text := next((field for field in fields if not dialect.is_value(field)), ""):
            what = f"holds {text[:30]!r} where a number should be"
        else:
            continue
        return FormatError(f"{body.path}: sample {number:,} {what}.", "ecg convert-serial reads logs with stray lines.")
    return FormatError(f"{body.path} has other lines than when it was first read.", "Wait until it is written.")
