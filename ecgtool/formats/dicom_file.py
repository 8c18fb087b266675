"""DICOM files: preamble, transfer syntax, and the elements of the data set, unpacked where it is deflated.

The file: DICOM PS3.10, chapter 7; transfer syntaxes: PS3.5, annex A.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

from ecgtool.errors import FormatError
from ecgtool.formats.dicom_elements import Bytes, Coding, Elements
from ecgtool.formats.source import Source

_IMPLICIT, _DEFLATED, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
_SYNTAX = 0x00020010
_PREAMBLE = 128
# A deflated file is unpacked in memory, and could claim any amount of it.
_MOST_UNPACKED = 24 * 2**20
# Groups that a file without a preamble begins with, and the types that their elements have.
_FIRST, _LAST_NUMBER = (b"\x02\0", b"\x08\0"), 0x18
_TYPES = (b"UI", b"CS", b"UL", b"DA", b"OB", b"SH")


class Unpacked(NamedTuple):
    """A deflated data set in memory."""

    path: Path
    size: int
    data: bytes

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of it.

        Raises:
            FormatError: It ends before.
        """
        if not 0 <= length <= self.size - offset or offset < 0:
            raise FormatError(f"{self.path} ends within its data.", "It was cut short.")
        return self.data[offset : offset + length]


def looks_like_dicom(head: bytes) -> bool:
    """Whether the bytes begin a DICOM file, with a preamble or, as older ones do, without."""
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    length = int.from_bytes(head[4:8], "little")
    begins = head[:2] in _FIRST and len(head) >= 12 and int.from_bytes(head[2:4], "little") <= _LAST_NUMBER
    return begins and (head[4:6] in _TYPES or (0 < length <= 64 and length % 2 == 0))


def opened_elements(source: Source) -> tuple[Elements, int, Coding]:
    """The elements of a file, and where and how its data set begins.

    Raises:
        FormatError: It is damaged, or unpacks to more than this tool takes.
    """
    head = source.read(0, min(source.size, _PREAMBLE + 4))
    begin = _PREAMBLE + 4 if head[_PREAMBLE:] == b"DICM" else 0
    syntax, after = _syntax(source, begin)
    if syntax == _DEFLATED:
        data = _inflated(source, after)
        return Elements(data), 0, _coding(data, 0, syntax)
    return Elements(source), after, _coding(source, after, syntax)


def _syntax(source: Source, begin: int) -> tuple[str, int]:
    """The transfer syntax that the file states, and where its data set begins."""
    first = source.read(begin, min(12, source.size - begin))
    if first[:2] != b"\x02\0":
        return "", begin
    end = source.size
    if first[:4] == b"\x02\0\0\0" and len(first) == 12:  # how long this part is
        end = min(end, begin + 12 + int.from_bytes(first[8:], "little"))
    elements = Elements(source)
    meta, after = elements.data_set(begin, end, Coding(explicit=True, big=False), until=0x00030000)
    return elements.text(meta, _SYNTAX), after


def _coding(source: Bytes, at: int, syntax: str) -> Coding:
    """How the data set is written: as its first element shows, whatever the file says of itself."""
    first = source.read(at, min(8, source.size - at))
    big = syntax == _BIG or (not syntax and first[:2] == b"\0\x08")
    typed = first[4:6].isalpha() and first[4:6].isupper()
    return Coding(explicit=typed, big=big and typed)


def _inflated(source: Source, begin: int) -> Unpacked:
    packed = source.read(begin, source.size - begin)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(packed, _MOST_UNPACKED)
    except zlib.error as error:
        raise FormatError(f"{source.path} cannot be unpacked: {error}.", "Copy it again.") from None
    if unpacker.unconsumed_tail:
        raise FormatError(
            f"{source.path} unpacks to more than {_MOST_UNPACKED // 2**20} MiB.",
            "Convert it to a transfer syntax without compression first.",
        )
    if not unpacker.eof:
        raise FormatError(f"{source.path} ends within its packed data.", "It was cut short; copy it again.")
    return Unpacked(source.path, len(data), data)
