"""The sections of an SCP-ECG file: where they lie, whether they hold what they promise, and who was recorded.

The format: EN 1064 (SCP-ECG 1.x and 2.x), ISO 41064 (3.0). Numbers are little-endian; lengths and checksums
(CRC-CCITT) of the file and of every section are stated.
"""

from __future__ import annotations

import binascii
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple

from ecgtool.errors import FormatError
from ecgtool.formats.reading import age_of
from ecgtool.formats.source import Source

PERSON, TABLES, LEADS, BEATS, REFERENCE, RHYTHM = 1, 2, 3, 4, 5, 6

_HEADER, _POINTER = 16, 10
_MOST = 2**24  # bytes of a file: a lead's codes have 64 KiB at most
_MAGIC = b"SCPECG"
_PER_YEAR = {1: 1.0, 2: 12.0, 3: 365.25 / 7, 4: 365.25, 5: 24 * 365.25}
_NOTCHES = ((1, "60 Hz"), (2, "50 Hz"))


class Sections(NamedTuple):
    """The sections that a reader needs."""

    path: Path
    bodies: dict[int, bytes]  # without their headers
    version: int  # of the protocol, times ten
    warnings: tuple[str, ...]
    truncated: bool

    def body(self, number: int, what: str, least: int = 0) -> bytes:
        """A section that must be there, of so many bytes at least.

        Raises:
            FormatError: It is not.
        """
        body = self.bodies.get(number)
        if body is None or len(body) < least:
            raise FormatError(f"{self.path} has no {what} (section {number}), or one cut short.", "Export it again.")
        return body


def looks_like_scp(head: bytes) -> bool:
    """Whether the bytes begin an SCP-ECG file: with the pointers of section 0."""
    length = int.from_bytes(head[10:14], "little")
    pointers = head[8:10] == b"\0\0" and length >= _HEADER + _POINTER and (length - _HEADER) % _POINTER == 0
    marked = head[16:22] in (_MAGIC, bytes(6))
    itself = head[22:24] == b"\0\0" and head[24:28] == head[10:14]
    return pointers and marked and (itself or head[16:22] == _MAGIC)


def load_sections(source: Source) -> Sections:
    """The sections 1 to 6 of a file.

    Raises:
        FormatError: It is too large, or its pointers lead out of it.
    """
    path = source.path
    if not 30 <= source.size <= _MOST:
        raise FormatError(f"{path} has {source.size:,} bytes, which no SCP-ECG file has.", "Copy or export it again.")
    data = source.read(0, source.size)
    stated = int.from_bytes(data[2:6], "little")
    warnings = []
    if stated == len(data) and binascii.crc_hqx(data[2:], 0xFFFF) != int.from_bytes(data[:2], "little"):
        warnings.append("The checksum of the file is not the one that it states.")
    elif stated != len(data):
        warnings.append(f"The file states a length of {stated:,} bytes and has {len(data):,}.")
    bodies = {}
    for number, begin, length in _pointers(data, path):
        if not PERSON <= number <= RHYTHM or length <= _HEADER:
            continue
        section = data[begin : begin + length]
        if len(section) < length or int.from_bytes(section[2:4], "little") != number:
            raise FormatError(f"{path}: section {number} does not lie where the file says.", "It is damaged or cut.")
        if binascii.crc_hqx(section[2:], 0xFFFF) != int.from_bytes(section[:2], "little"):
            warnings.append(f"The checksum of section {number} is not the one that it states.")
        bodies[number] = section[_HEADER:]
    return Sections(path, bodies, data[15], tuple(warnings), len(data) < stated)


def _pointers(data: bytes, path: Path) -> list[tuple[int, int, int]]:
    """Number, beginning and length of each section."""
    length = int.from_bytes(data[10:14], "little")
    if length > len(data) - 6 or length < _HEADER:
        raise FormatError(f"{path}: its table of sections ends after the file.", "It is damaged or cut short.")
    found = []
    for at in range(6 + _HEADER, 6 + length - _POINTER + 1, _POINTER):
        number = int.from_bytes(data[at : at + 2], "little")
        size = int.from_bytes(data[at + 2 : at + 6], "little")
        begin = int.from_bytes(data[at + 6 : at + 10], "little") - 1
        if size and begin < 0:
            raise FormatError(f"{path}: section {number} does not lie where the file says.", "It is damaged or cut.")
        found.append((number, begin, size))
    return found


def person(sections: Sections) -> tuple[str, dict[str, Any]]:
    """The patient's id, and ``age``, ``sex``, ``start``, ``device`` and ``filters``, each where section 1 states it."""
    tags = _tags(sections.bodies.get(PERSON, b""))
    day, born = _day(tags.get(25, b"")), _day(tags.get(5, b""))
    meta = {
        "age": _age(tags.get(4, b""), born, day),
        "sex": {1: "M", 2: "F"}.get(int.from_bytes(tags.get(8, b"")[:1], "little")),
        "start": _start(day, tags.get(26, b"")),
        "device": _text(tags.get(14, b"")[8:14]) or None,
        "filters": _filters(tags),
    }
    return _text(tags.get(2, b"")), meta


def _tags(body: bytes) -> dict[int, bytes]:
    """The fields of section 1: the first of each number."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(body) and body[at] != 255:
        length = int.from_bytes(body[at + 1 : at + 3], "little")
        tags.setdefault(body[at], body[at + 3 : at + 3 + length])
        at += 3 + length
    return tags


def _text(value: bytes) -> str:
    return value.split(b"\0")[0].decode("latin-1").strip()


def _age(value: bytes, born: date | None, day: date | None) -> float | None:
    if len(value) == 3 and value[2] in _PER_YEAR:
        return age_of(str(int.from_bytes(value[:2], "little") / _PER_YEAR[value[2]]))
    if born is None or day is None or born > day:
        return None
    return age_of(f"{(day - born).days / 365.25:.1f}")


def _day(value: bytes) -> date | None:
    try:
        return date(int.from_bytes(value[:2], "little"), value[2], value[3]) if len(value) == 4 else None
    except ValueError:
        return None


def _start(day: date | None, value: bytes) -> str | None:
    if day is None:
        return None
    try:
        return f"{day.isoformat()}T{time(*value).isoformat()}" if len(value) == 3 else day.isoformat()
    except ValueError:
        return day.isoformat()


def _filters(tags: dict[int, bytes]) -> str | None:
    high = int.from_bytes(tags.get(27, b"")[:2], "little") / 100
    low = int.from_bytes(tags.get(28, b"")[:2], "little")
    bits = int.from_bytes(tags.get(29, b"")[:1], "little")
    told = [f"high-pass {high:g} Hz"] if high else []
    told += [f"low-pass {low} Hz"] if low else []
    told += [f"notch {rate}" for bit, rate in _NOTCHES if bits & bit]
    return ", ".join(told) or None
