"""Huffman codes of SCP-ECG: tables, and runs of codes to whole numbers.

The default table: EN 1064, annex C. A code is a prefix that the table lists, perhaps followed by bits that are the
value itself; a code may also say that another table holds from here on.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

DEFAULT = 19999  # in place of a number of tables: the one of the standard

Whole = npt.NDArray[np.int64]

_MOST_PREFIX, _MOST_TABLES = 16, 16
_MOST_BITS = 48
_CODE = struct.Struct("<BBBhI")


class Code(NamedTuple):
    """One line of a table."""

    prefix: int  # bits
    bits: int  # of the whole code
    is_value: bool  # else the base is the number of the table to go on with
    base: int
    pattern: int  # the prefix, its first bit the lowest


Table = tuple[Code, ...]


def _standard() -> Table:
    """0 is the bit 0; ±n is n+1 ones, a zero, and the sign; ten ones announce 8 or 16 bits of value."""
    codes = [Code(1, 1, True, 0, 0)]
    for size in range(1, 9):
        ones = 2**size - 1
        codes += [Code(size + 2, size + 2, True, size, ones), Code(size + 2, size + 2, True, -size, ones | 2 << size)]
    return (*codes, Code(10, 18, True, 0, 2**9 - 1), Code(10, 26, True, 0, 2**10 - 1))


STANDARD = _standard()


class BadTable(ValueError):
    """A table that cannot be; the reader tells which file it stands in."""


def parse_tables(data: bytes) -> tuple[Table, ...]:
    """The tables of section 2.

    Args:
        data: The section without its header.

    Raises:
        BadTable: A table is cut short, empty or ambiguous beyond use.
    """
    count = int.from_bytes(data[:2], "little")
    if count == DEFAULT:
        return (STANDARD,)
    if count > _MOST_TABLES:
        raise BadTable(f"{count:,} Huffman tables cannot be")
    tables, at = [], 2
    for number in range(count):
        codes = int.from_bytes(data[at : at + 2], "little")
        body = data[at + 2 : at + 2 + codes * _CODE.size]
        if codes == 0 or len(body) < codes * _CODE.size:
            raise BadTable(f"Huffman table {number + 1} is empty or cut short")
        tables.append(tuple(_code(line) for line in _CODE.iter_unpack(body)))
        at += 2 + len(body)
    if not tables:
        raise BadTable("there is no Huffman table")
    wrong = [code for table in tables for code in table if not _possible(code, len(tables))]
    if wrong:
        raise BadTable(f"a Huffman code of {wrong[0].prefix} and {wrong[0].bits} bits cannot be")
    return tuple(tables)


def _code(line: tuple[int, int, int, int, int]) -> Code:
    prefix, bits, mode, base, pattern = line
    return Code(prefix, bits, mode != 0, base, pattern)


def _possible(code: Code, tables: int) -> bool:
    sizes = 1 <= code.prefix <= _MOST_PREFIX and code.prefix <= code.bits <= _MOST_BITS
    return sizes and (code.is_value or 1 <= code.base <= tables)


def decode(data: bytes, tables: Sequence[Table], count: int) -> Whole:
    """The first ``count`` numbers of a run of codes; fewer where it ends before.

    Where each code begins is known only when the one before it is read. So first the length of the code that would
    begin at every bit is looked up, for all bits at once; then one walks from code to code; then the values of all
    codes met are taken, again at once.

    Args:
        data: The codes, first bit highest.
        tables: As :func:`parse_tables` gives them; the first holds at the beginning.
        count: How many numbers.
    """
    lookup = _lookup(tuple(tables))
    windows = _windows(data)
    starts, entry = _found(windows, lookup, min(count, 8 * len(data)))  # a code has a bit at least
    return lookup.base[entry] + _extra(windows, starts, lookup.prefix[entry], lookup.bits[entry])


def bytes_used(data: bytes, tables: Sequence[Table], count: int) -> int:
    """How many bytes the first ``count`` numbers of a run of codes take; what follows them means nothing."""
    lookup = _lookup(tuple(tables))
    starts, entry = _found(_windows(data), lookup, min(count, 8 * len(data)))
    return -(-int(starts[-1] + lookup.bits[entry[-1]]) // 8) if len(starts) else 0


def _found(windows: npt.NDArray[np.uint64], lookup: _Lookup, count: int) -> tuple[Whole, Whole]:
    """The bits at which the first ``count`` codes of values begin, and their rows in the lookup."""
    top = (windows[:, None] << np.arange(8, dtype=np.uint64) >> np.uint64(64 - lookup.width)).reshape(-1)
    starts, used = _walk(top, lookup, count)
    return starts, lookup.entry[used, top[starts]]


class _Lookup(NamedTuple):
    """The codes of all tables as arrays, and for every table which code a window of ``width`` bits begins with."""

    width: int
    entry: Whole  # [tables, 2 ** width]: a row of the arrays below
    prefix: Whole
    bits: Whole  # 0 in the last row, which stands for no code
    base: Whole
    switch: Whole  # number of the table to go on with; 0 where the code is a value


@lru_cache(maxsize=2)
def _lookup(tables: tuple[Table, ...]) -> _Lookup:
    codes = [code for table in tables for code in table]
    width = max(code.prefix for code in codes)
    entry = np.full((len(tables), 2**width), len(codes), np.int64)
    row = 0
    for number, table in enumerate(tables):
        for code in table:
            pattern = int(f"{code.pattern % 2**code.prefix:0{code.prefix}b}"[::-1], 2)
            first = pattern << (width - code.prefix)
            entry[number, first : first + 2 ** (width - code.prefix)] = row
            row += 1
    nothing = Code(0, 0, True, 0, 0)
    prefix, bits, is_value, base, _ = np.array([*codes, nothing], np.int64).T
    return _Lookup(width, entry, prefix, bits, base, np.where(is_value, 0, base))


def _windows(data: bytes) -> npt.NDArray[np.uint64]:
    """The 64 bits that begin at every byte; zeros follow the end."""
    padded = np.frombuffer(data + bytes(8), np.uint8).astype(np.uint64)
    windows = np.zeros(len(data), np.uint64)
    for byte in range(8):
        windows |= padded[byte : byte + len(data)] << np.uint64(56 - 8 * byte)
    return windows


def _walk(top: npt.NDArray[np.uint64], lookup: _Lookup, count: int) -> tuple[Whole, Whole | int]:
    """The bits at which the first ``count`` codes of values begin, and the tables that hold there.

    Args:
        top: The window that begins at every bit.
        lookup: Of the tables.
        count: How many codes.
    """
    left = np.minimum(len(top) - np.arange(len(top)), _MOST_BITS + 1)
    lengths, switches = [], []
    for entry in lookup.entry:  # one table after the other: a byte for each bit is little, eight are not
        row = entry[top]
        lengths.append(np.where(lookup.bits[row] <= left, lookup.bits[row], 0).astype(np.uint8).tobytes() + b"\0")
        switches.append(lookup.switch[row].astype(np.uint8).tobytes())
    if len(lengths) > 1:
        return _walk_switching(lengths, switches, count)
    starts, at, only = [0] * count, 0, lengths[0]
    for number in range(count):  # where no code begins, its length is 0 and one stays there
        starts[number] = at
        at += only[at]
    found = np.array(starts, np.int64)
    stuck = np.flatnonzero(np.frombuffer(only, np.uint8)[found] == 0)
    return (found[: stuck[0]] if len(stuck) else found), 0


def _walk_switching(lengths: list[bytes], switches: list[bytes], count: int) -> tuple[Whole, Whole]:
    """As :func:`_walk`, where codes may change the table."""
    starts: list[int] = []
    used: list[int] = []
    at = table = 0
    while len(starts) < count and lengths[table][at]:
        begin, held = at, table
        at += lengths[held][begin]
        if switches[held][begin]:
            table = switches[held][begin] - 1
        else:
            starts.append(begin)
            used.append(held)
    return np.array(starts, np.int64), np.array(used, np.int64)


def _extra(windows: npt.NDArray[np.uint64], starts: Whole, prefix: Whole, bits: Whole) -> Whole:
    """The values that follow the prefixes of codes: two's complement; 0 where none follows."""
    values = np.zeros(len(starts), np.int64)
    long = np.flatnonzero(bits > prefix)
    shift = ((starts[long] & 7) + prefix[long]).astype(np.uint64)
    aligned = (windows[starts[long] >> 3] << shift).view(np.int64)
    values[long] = aligned >> (64 - (bits - prefix)[long])
    return values
