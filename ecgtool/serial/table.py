"""The numbers of a log: whole blocks at once where lines are as expected, line by line where they are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError, FormatError
from ecgtool.serial.dialect import COMMENTS, Dialect
from ecgtool.serial.lines import Block, blocks, text_of
from ecgtool.serial.numbers import LARGEST, any_decimals, plain_decimals

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_MOST_VALUES = 400_000_000
_SHOWN = 5
_PATIENCE = 1000
# What the plain reader makes of bytes that are no part of a number; all others stay as they are.
_NEWLINE, _BLANK, _COMMA, _ODD = 0, 1, 2, 3
_MARK = ord("!")
_BLANKS = bytes.maketrans(bytes([_NEWLINE, _BLANK, _COMMA]), b"\n  ")


@dataclass
class Counts:
    """What the lines of a log were.

    Args:
        lines: All of them.
        comments: Those that are comments.
        blank: Those with nothing in them.
        headers: Those that name the columns; a device that starts anew repeats them.
        stray: Those that are none of these, nor data.
        stray_lines: Numbers of the first few of these.
        unfinished: Whether the last line had no end, and was left out.
    """

    lines: int = 0
    comments: int = 0
    blank: int = 0
    headers: int = 0
    stray: int = 0
    stray_lines: list[int] = field(default_factory=list)
    unfinished: bool = False

    def add_stray(self, number: int) -> None:
        """Count a stray line."""
        self.stray += 1
        if len(self.stray_lines) < _SHOWN:
            self.stray_lines.append(number)


def read_table(
    path: Path, dialect: Dialect, columns: Sequence[int], needed: int | None = None
) -> tuple[Floats, Counts]:
    """Columns of a log.

    Args:
        path: Of the log.
        dialect: How it is written.
        columns: Those wanted, in this order.
        needed: A column without whose value a line is no data: the time.

    Returns:
        float64 [lines of data, columns wanted], NaN where a value is marked as missing; and what the lines were.

    Raises:
        FormatError: Most lines are no data.
        DataError: More values than can be held.
    """
    counts, parts, values = Counts(), [], 0
    reader = _Reader(dialect, needed, counts)
    for block in blocks(path):
        counts.unfinished = block.unfinished
        rows = reader.rows(block)
        parts.append(np.ascontiguousarray(rows[:, list(columns)]))
        values += parts[-1].size
        if values > _MOST_VALUES:
            raise DataError(f"{path} holds more than {_MOST_VALUES:,} values.", "Split it, and convert the parts.")
        if counts.stray > _PATIENCE and counts.stray > values / len(columns):
            raise FormatError(
                f"{path}: most lines are not {dialect.columns} number(s), from line {counts.stray_lines[0]} on.",
                "Check --delimiter and --decimal, and that the log was recorded at the device's baud rate.",
            )
    return (np.concatenate(parts) if parts else np.empty((0, len(columns)))), counts


class _Reader:
    """Reads blocks of one dialect.

    Args:
        dialect: How they are written.
        needed: As for :func:`read_table`.
        counts: Where to count lines.
    """

    def __init__(self, dialect: Dialect, needed: int | None, counts: Counts) -> None:
        self.dialect, self.needed, self.counts = dialect, needed, counts
        self.fields = dialect.columns + (2 if dialect.stamped else 0)
        self.delimiters = 0 if dialect.delimiter == " " else dialect.columns - 1 - dialect.stamped
        self.delimiters += 3 if dialect.stamped else 0
        self.translation = _translation(dialect)

    def rows(self, block: Block) -> Floats:
        """float64 [lines of data, all columns]."""
        text = block.data.replace(b"->", b": ") if self.dialect.stamped else block.data
        lines = _Lines(np.frombuffer(text.translate(self.translation), np.uint8))
        values = np.full((len(lines.ends), self.dialect.columns), np.nan)
        plain = self._plain(lines)
        failed = self._fill(values, lines, np.flatnonzero(plain))
        data = plain.copy()
        data[failed] = False
        ends, begins = lines.ends, lines.begins
        for line in sorted([*np.flatnonzero(~plain), *failed]):
            row = self._one(text_of(block.data[begins[line] : ends[line]]), block.first + int(line))
            if row is not None:
                values[line], data[line] = row, True
        self.counts.lines += len(ends)
        return values if data.all() else values[data]

    def _plain(self, lines: _Lines) -> Mask:
        """Which lines (bool [lines]) have as many fields as they should, and nothing odd in them."""
        plain = lines.fields == self.fields
        codes, ends = lines.codes, lines.ends
        if self.delimiters or self.dialect.trailing:
            commas = codes == _COMMA
            delimiters = np.diff(np.searchsorted(np.flatnonzero(commas), ends), prepend=0)
            fits = delimiters == self.delimiters
            if self.dialect.trailing:
                fits |= delimiters == self.delimiters + 1
                empty = commas[1:] & (commas[:-1] | (codes[:-1] == _NEWLINE))
                fits[np.searchsorted(ends, np.flatnonzero(empty) + 1)] = False
            plain &= fits
        plain[np.searchsorted(ends, np.flatnonzero(codes == _ODD))] = False
        return plain

    def _fill(self, values: Floats, lines: _Lines, chosen: Indices) -> list[int]:
        """Read plain lines into ``values``; those that cannot be read so after all."""
        if not len(chosen):
            return []
        numbers, marked = lines.numbers(chosen, self.fields)
        values[chosen] = _with_clock(numbers) if self.dialect.stamped else numbers
        absent = np.isnan(values[chosen])
        told = (np.isnan(numbers) == marked).all(axis=1) & ((self.dialect.columns == 1) | ~absent.all(axis=1))
        if self.needed is not None:
            told &= ~absent[:, self.needed]
        return [int(line) for line in chosen[~told]]

    def _one(self, line: str, number: int) -> list[float] | None:
        """The values of a line that is not plain; None where it is no data."""
        line = line.strip()
        if not line:
            self.counts.blank += 1
            return None
        if line.startswith(COMMENTS):
            self.counts.comments += 1
            return None
        values = [self.dialect.number(field) for field in self.dialect.fields(line)]
        known = [math.nan if value is None else value for value in values]
        meant = self.dialect.columns == 1 or any(value == value for value in known)
        timed = self.needed is None or (self.needed < len(known) and known[self.needed] == known[self.needed])
        fits = len(values) == self.dialect.columns and None not in values
        if not (fits and meant and timed) or any(abs(value) > LARGEST for value in known):
            if self.dialect.names and self.dialect.header(line) == self.dialect.names:
                self.counts.headers += 1
            else:
                self.counts.add_stray(number)
            return None
        return known


class _Lines:
    """Where the lines of a block are, and the fields in them.

    Args:
        codes: The block's bytes, translated; it ends with a newline.
    """

    def __init__(self, codes: Bytes) -> None:
        self.codes = codes
        self.ends = np.flatnonzero(codes == _NEWLINE)
        self.begins = np.concatenate(([0], self.ends[:-1] + 1)) if len(self.ends) else self.ends
        inside = codes > _COMMA
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        if len(inside) and inside[0]:
            edges = np.concatenate(([0], edges))
        self.field_begins, self.field_ends = edges[0::2], edges[1::2]
        until = np.searchsorted(self.field_begins, self.ends)
        self.fields = np.diff(until, prepend=0)
        self._first_field = until - self.fields

    def numbers(self, chosen: Indices, fields: int) -> tuple[Floats, Mask]:
        """The numbers in some lines, float64 [chosen, fields]; NaN where one is none, and where a mark says so."""
        if len(chosen) == len(self.ends):
            begins, ends = self.field_begins, self.field_ends
        else:
            which = (self._first_field[chosen][:, None] + np.arange(fields)).reshape(-1)
            begins, ends = self.field_begins[which], self.field_ends[which]
        values = plain_decimals(self.codes, begins, ends).reshape(-1, fields)
        marked = ((self.codes[begins] == _MARK) & (ends - begins == 1)).reshape(-1, fields)
        others = np.flatnonzero((np.isnan(values) & ~marked).any(axis=1))
        if len(others):  # exponents, many digits, or no numbers at all
            read = any_decimals(self._text(chosen[others]), len(others) * fields)
            if read is not None:
                values[others] = read.reshape(-1, fields)
        return values, marked

    def _text(self, chosen: Indices) -> bytes:
        """The bytes of some lines, their fields separated by blanks."""
        wanted = np.zeros(len(self.ends), np.bool_)
        wanted[chosen] = True
        first, last = int(chosen[0]), int(chosen[-1]) + 1
        lengths = self.ends[first:last] - self.begins[first:last] + 1
        codes = self.codes[self.begins[first] : self.ends[last - 1] + 1]
        return codes[np.repeat(wanted[first:last], lengths)].tobytes().translate(_BLANKS)


def _translation(dialect: Dialect) -> bytes:
    """Every byte as the plain reader sees it."""
    table = bytearray([_ODD]) * 256
    for byte in b"0123456789+-eE!":
        table[byte] = byte
    for byte in b" \t\r":
        table[byte] = _BLANK
    table[ord("\n")] = _NEWLINE
    table[ord(dialect.decimal)] = ord(".")
    if dialect.stamped:
        table[ord(":")] = _COMMA
    table[ord(dialect.delimiter)] = _BLANK if dialect.delimiter == " " else _COMMA
    return bytes(table)


def _with_clock(table: Floats) -> Floats:
    """Hours, minutes and seconds as one column of seconds."""
    seconds = 3600 * table[:, 0] + 60 * table[:, 1] + table[:, 2]
    return np.column_stack([seconds, table[:, 3:]])
