"""The variables of a MATLAB file, versions 4 to 7, found by code of our own: sizes checked before anything is read.

The format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.formats.containers import unpacks_to_too_much
from ecgtool.formats.npy_array import BadArray, Header, read_small_at

HEADER = 128
_MOST_VARIABLES = 1000
_PEEK = 4096  # bytes of a packed variable that hold its shape and name
_SMALL = 2**16

# Types of data elements, and classes of arrays that are numbers.
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "u1", 2: "u1", 4: "u2", 16: "u1", 17: "u2", 18: "u4"}
_LETTER_END = 0xD800  # above come halves of letters, and letters that no lead is named with
_MOST_VALUES = 2**40
_MOST_TEXTS = 1024
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
_COMPLEX, _LOGICAL = 0x08, 0x02

# Version 4: what the hundreds and tens of a variable's type stand for.
_V4_TYPES = ("f8", "f4", "i4", "i2", "u2", "u1")


class Variable(NamedTuple):
    """A variable: its name and, where it is an array of numbers, where its values lie."""

    name: str
    kind: str  # "numbers", "text", "cell", or what else it is
    array: Header | None  # of numbers, or the letters of a text
    content: tuple[int, int]  # offset and size in the file of the element that holds it
    packed: bool


def version(head: bytes) -> str:
    """``"4"``, ``"5"`` (to 7) or ``"7.3"``; empty where the bytes begin no MATLAB file."""
    if head.startswith((b"MATLAB 7.3", b"\x89HDF\r\n\x1a\n")):
        return "7.3"
    if len(head) >= HEADER and head[126:128] in (b"IM", b"MI"):
        return {b"\0\1": "5", b"\1\0": "5", b"\0\2": "7.3", b"\2\0": "7.3"}.get(head[124:126], "")
    return "4" if _v4_order(head) else ""


def variables(file: BufferedReader, size: int, head: bytes) -> Iterator[Variable]:
    """All variables of a file, in its order; of packed ones only the beginning is unpacked.

    Raises:
        BadArray: The file ends within one, or a size in it cannot be.
    """
    found = _v5(file, size, head) if version(head) == "5" else _v4(file, size, _v4_order(head))
    for number, variable in enumerate(found):
        if number >= _MOST_VARIABLES:
            raise BadArray(f"holds more than {_MOST_VARIABLES:,} variables")
        yield variable


def opened(file: BufferedReader, variable: Variable) -> BufferedIOBase:
    """The bytes in which a variable's array lies, at the offset that its header gives.

    Raises:
        BadArray: It is damaged, or unpacks to far more than a recording would.
    """
    return io.BytesIO(_unpacked(file, variable.content)) if variable.packed else file


def value(file: BufferedReader, variable: Variable, order: str) -> Any:
    """A small variable as a number, a text or a list of such; None where it is none of these.

    Raises:
        BadArray: It is too large for that, or damaged.
    """
    if variable.content[1] > _SMALL or (variable.array is None and variable.kind != "cell"):
        return None
    if variable.array is None:
        file.seek(variable.content[0])
        data = _unpacked(file, variable.content) if variable.packed else file.read(variable.content[1])
        return _texts(data, order)
    array = read_small_at(opened(file, variable), variable.array)
    if variable.kind == "text":
        lines = [_text(row) for row in np.atleast_2d(array)]
        return lines[0] if len(lines) == 1 else lines
    return array.ravel(order="F").tolist()


def _v4_order(head: bytes) -> str:
    """The byte order of a version 4 file; empty where it is none."""
    for order in "<>":
        if len(head) >= 21:
            kind, rows, columns, imaginary, length = struct.unpack_from(f"{order}5i", head)
            plain = kind // 1000 == (order == ">") and kind % 1000 // 100 == 0 and kind // 10 % 10 < 6 and kind % 10 < 3
            name = head[20 : 20 + length] if 1 < length <= 64 else b""
            named = name.endswith(b"\0") and name[:-1].replace(b"_", b"a").isalnum()
            if 0 <= kind < 2000 and plain and min(rows, columns) >= 0 and imaginary in (0, 1) and named:
                return order
    return ""


def _v4(file: BufferedReader, size: int, order: str) -> Iterator[Variable]:
    at = 0
    while at < size:
        file.seek(at)
        start = file.read(20)
        if len(start) < 20:
            raise BadArray("ends within a variable: it is cut short")
        kind, rows, columns, imaginary, length = struct.unpack(f"{order}5i", start)
        if not (0 <= kind < 2000 and kind // 10 % 10 < 6 and 1 < length <= 1024 and min(rows, columns) >= 0):
            raise BadArray("holds a damaged variable")
        name = file.read(length).rstrip(b"\0").decode("latin-1")
        dtype = np.dtype(order + _V4_TYPES[kind // 10 % 10])
        array = Header(dtype, True, (rows, columns), at + 20 + length)
        end = array.offset + array.size * (2 if imaginary else 1)
        if end > size:
            raise BadArray(f"ends within the variable {name[:40]!r}: it is cut short")
        what = "complex numbers" if imaginary else ("numbers", "text", "sparse numbers")[min(kind % 10, 2)]
        yield Variable(name, what, array, (at, end - at), False)
        at = end


def _v5(file: BufferedReader, size: int, head: bytes) -> Iterator[Variable]:
    order = "<" if head[126:128] == b"IM" else ">"
    at = HEADER
    while at < size:
        file.seek(at)
        tag = file.read(8)
        if len(tag) < 8:
            raise BadArray("ends within a variable: it is cut short")
        kind, length = struct.unpack(f"{order}2I", tag)
        if at + 8 + length > size:
            raise BadArray("ends within a variable: it is cut short")
        if kind == _COMPRESSED:
            begin = _begin_of_packed(file.read(min(length, _PEEK)))
            yield _matrix(begin, 0, order, (at + 8, length), packed=True)
        elif kind == _MATRIX:
            yield _matrix(tag + file.read(min(length, _PEEK)), at, order, (at, length + 8), packed=False)
        at += 8 + length


def _begin_of_packed(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _PEEK)
    except zlib.error as error:
        raise BadArray(f"is damaged: {error}") from None


def _unpacked(file: BufferedReader, content: tuple[int, int]) -> bytes:
    """The whole of a packed variable, of which it is known how large it claims to be."""
    file.seek(content[0])
    packed = file.read(content[1])
    unpacking = zlib.decompressobj()
    try:
        begin = unpacking.decompress(packed, 8)
        sizes = {struct.unpack(f"{order}2I", begin) for order in "<>"} if len(begin) == 8 else set()
        size = next((length for kind, length in sizes if kind == _MATRIX), -1)
        if size < 0 or unpacks_to_too_much(len(packed), size):
            raise BadArray(f"has a variable that unpacks to {size:,} bytes from {len(packed):,}: that is no recording")
        data = begin + unpacking.decompress(unpacking.unconsumed_tail, size or 1)
        unpacking.decompress(unpacking.unconsumed_tail, 64)  # up to the checksum
    except zlib.error as error:
        raise BadArray(f"is damaged: {error}") from None
    if len(data) < size + 8 or not unpacking.eof:
        raise BadArray("holds a packed variable that is cut short")
    return data


class _Element(NamedTuple):
    """A data element: its type, where its bytes are in the buffer, and where the next element begins."""

    kind: int
    at: int
    length: int
    next: int


def _element(data: bytes, at: int, order: str) -> _Element:
    """The data element at an offset; a short one holds its bytes in its tag."""
    if at + 8 > len(data):
        raise BadArray("holds a damaged variable")
    kind, length = struct.unpack_from(f"{order}2I", data, at)
    if kind >> 16 == 0:
        return _Element(kind, at + 8, length, at + 8 + length + -length % 8)
    if kind >> 16 > 4:
        raise BadArray("holds a damaged variable")
    return _Element(kind & 0xFFFF, at + 4, kind >> 16, at + 8)


def _matrix(data: bytes, base: int, order: str, content: tuple[int, int], *, packed: bool) -> Variable:
    """The variable whose element begins ``data``, which lies at ``base`` of what holds it."""
    flags, dims, name, rest = _parts(data, order)
    word = struct.unpack_from(f"{order}I", data, flags.at)[0] if flags.length >= 4 else 0
    kind, marks = word & 0xFF, word >> 8 & 0xFF
    shape = struct.unpack_from(f"{order}{dims.length // 4}i", data, dims.at)
    title = data[name.at : name.at + name.length].decode("latin-1")
    if min(shape, default=-1) < 0 or math.prod(shape) > _MOST_VALUES:
        raise BadArray(f"holds the variable {title[:40]!r} of shape {shape[:8]}")
    types = _TYPES if kind in _NUMBERS else _LETTERS if kind == _CHAR else {}
    values = _element(data, rest, order) if types and rest + 8 <= len(data) else None
    if values is None or values.kind not in types:
        return Variable(title, {_CELL: "cell", _STRUCT: "a struct"}.get(kind, "something else"), None, content, packed)
    array = Header(np.dtype(order + types[values.kind]), True, shape, base + values.at)
    if array.size != values.length or (not packed and array.offset + array.size > sum(content)):
        raise BadArray(f"holds {values.length:,} bytes of the {array.size:,} of its variable {title[:40]!r}")
    what = "text" if kind == _CHAR else "complex numbers" if marks & _COMPLEX else "numbers"
    return Variable(title, "truth values" if marks & _LOGICAL else what, array, content, packed)


def _parts(data: bytes, order: str) -> tuple[_Element, _Element, _Element, int]:
    """Flags, dimensions and name of a matrix whose tag begins ``data``, and where its values begin."""
    flags = _element(data, 8, order)
    dims = _element(data, flags.next, order)
    name = _element(data, dims.next, order)
    if name.at + name.length > len(data):
        raise BadArray("holds a damaged variable")
    return flags, dims, name, name.next


def _texts(data: bytes, order: str) -> list[str]:
    """The texts in a cell array, whose tag begins ``data``."""
    at = _parts(data, order)[3]
    texts: list[str] = []
    while at + 8 <= len(data) and len(texts) < _MOST_TEXTS:
        cell = _element(data, at, order)
        inner = data[at : cell.next]
        begin = _parts(inner, order)[3]
        letters = _element(inner, begin, order) if begin + 8 <= len(inner) else None
        if letters is not None and letters.kind in _LETTERS:
            raw = np.frombuffer(inner[letters.at : letters.at + letters.length], np.uint8)
            width = int(_LETTERS[letters.kind][1])
            whole = raw[: len(raw) // width * width].view(f"{order}{_LETTERS[letters.kind]}")
            texts.append(_text(whole))
        at = cell.next
    return texts


def _text(letters: npt.NDArray[Any]) -> str:
    """Letters by their numbers, of which version 4 writes them as any type; what is no letter is replaced."""
    numbers = np.nan_to_num(letters.astype(np.float64), nan=0.0).clip(0, _LETTER_END).astype(np.int32)
    return "".join(chr(number) if number < _LETTER_END else "\ufffd" for number in numbers.tolist()).strip("\0 ")
