"""NumPy's array files, read by code of our own: the header checked, nothing unpickled, no more read than is asked for.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import math
import re
from io import BufferedIOBase
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.formats.arrays import Shape

MAGIC = b"\x93NUMPY"
HEADER_LIMIT = 2**16
_PIECE = 2**22  # bytes read at a time where samples have to be picked out
_MOST = 2**48  # bytes that no array of a recording has

_DESCR = re.compile(r"'descr'\s*:\s*'([^']{1,32})'")
_ORDER = re.compile(r"'fortran_order'\s*:\s*(True|False)\b")
_SHAPE = re.compile(r"'shape'\s*:\s*\(([\d\sL,]{0,200})\)", re.ASCII)
_NUMERIC = re.compile(r"[<>=|]?(f2|f4|f8|[iu][1248]|b1)", re.ASCII)
_TEXT = re.compile(r"[<>=|]?U\d{1,5}", re.ASCII)


class BadArray(ValueError):
    """What is wrong with an array; becomes a FormatError that names the file."""


class Header(NamedTuple):
    """What the header of an array says, and where its values begin."""

    dtype: np.dtype[np.generic]
    fortran: bool  # the first axis varies fastest
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: BufferedIOBase) -> Header:
    """The header at the beginning of a file.

    Raises:
        BadArray: It is none, or that of an array that is not of numbers or text.
    """
    start = file.read(12)
    if len(start) < 12 or not start.startswith(MAGIC) or start[6] not in (1, 2, 3):
        raise BadArray("does not begin as a NumPy array does")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(start[8 : 8 + width], "little")
    if not 4 <= length <= HEADER_LIMIT:
        raise BadArray(f"claims a header of {length:,} bytes")
    text = start[8 + width :] + file.read(length - (4 - width))
    if len(text) < length:
        raise BadArray("ends within its header")
    descr, order, shape = (pattern.search(text.decode("latin-1")) for pattern in (_DESCR, _ORDER, _SHAPE))
    if descr is None or order is None or shape is None:
        raise BadArray("holds fields or objects, or its header is damaged")
    return Header(_dtype(descr[1]), order[1] == "True", _shape(shape[1]), 8 + width + length)


def _dtype(text: str) -> np.dtype[np.generic]:
    if not _NUMERIC.fullmatch(text) and not _TEXT.fullmatch(text):
        kind = "pickled objects, which are never opened" if "O" in text else f"values of type {text!r}, not numbers"
        raise BadArray(f"holds {kind}")
    return np.dtype(text)


def _shape(text: str) -> tuple[int, ...]:
    words = [word.strip().rstrip("L") for word in text.split(",") if word.strip()]
    if len(words) > 8 or not all(word.isdecimal() and len(word) < 16 for word in words):
        raise BadArray(f"has the shape ({text[:40]})")
    shape = tuple(int(word) for word in words)
    if math.prod(shape) > _MOST:
        raise BadArray(f"claims a shape of {shape}")
    return shape


def read_range(file: BufferedIOBase, header: Header, axes: Shape, begin: int, end: int) -> npt.NDArray[np.generic]:
    """A range of samples, [leads, samples] in the array's own type.

    Args:
        file: Positioned anywhere; only ever sought forward.
        header: Of the array.
        axes: Which axis is which.
        begin: First sample.
        end: The one after the last.

    Raises:
        BadArray: The file ends before them.
    """
    item, leads, count = header.dtype.itemsize, axes.leads, end - begin
    if _together(header, axes):  # the samples of one instant lie together
        data = _read(file, header.offset + begin * leads * item, count * leads * item)
        return np.frombuffer(data, header.dtype).reshape(count, leads).T
    rows = [_read(file, header.offset + (row * axes.samples + begin) * item, count * item) for row in range(leads)]
    return np.stack([np.frombuffer(row, header.dtype) for row in rows])


def _together(header: Header, axes: Shape) -> bool:
    """Whether the leads vary fastest in the file."""
    return axes.leads > 1 and axes.leads_first == header.fortran


def read_small(file: BufferedIOBase) -> npt.NDArray[np.generic]:
    """A whole small array, such as a rate or names, at the beginning of a file.

    Raises:
        BadArray: It is larger than such a thing is, cut short, or not of numbers or text.
    """
    return read_small_at(file, read_header(file))


def read_small_at(file: BufferedIOBase, header: Header) -> npt.NDArray[np.generic]:
    """A whole small array whose header is known.

    Raises:
        BadArray: It is larger than such a thing is, or cut short.
    """
    if header.size > HEADER_LIMIT:
        raise BadArray(f"has {header.size:,} bytes where a few words or numbers should be")
    data = _read(file, header.offset, header.size)
    order: Literal["F", "C"] = "F" if header.fortran else "C"
    return np.frombuffer(data, header.dtype).reshape(header.shape, order=order) if header.size else np.empty(0)


def _read(file: BufferedIOBase, offset: int, size: int) -> bytearray:
    file.seek(offset)
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        got = file.readinto(view[filled : filled + _PIECE])
        if not got:
            raise BadArray("ends before the values that its header promises")
        filled += got
    return data
