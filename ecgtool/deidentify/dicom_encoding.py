"""DICOM elements, written: explicit types, little-endian (DICOM PS3.5, section 7.1.2; files: PS3.10, section 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

Values = Mapping[int, tuple[str, bytes]]
"""Tag to type (VR) and value; a sequence's value is what :func:`sequence` makes."""

_LONG = ("OB", "OW", "SQ", "UN", "UT")
_PADDED_WITH_NUL = ("UI", "OB", "OW")
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_ITEM = struct.Struct("<HHI")
# Of this implementation: a random UUID, written as PS3.5 annex B.2 has it.
_IMPLEMENTATION = "2.25.192755954645683709725944052295341679604"


def data_set(values: Values) -> bytes:
    """Elements in the order of their tags."""
    return b"".join(_element(tag, *values[tag]) for tag in sorted(values))


def sequence(items: Sequence[Values]) -> tuple[str, bytes]:
    """A sequence of data sets."""
    packed = [data_set(item) for item in items]
    return "SQ", b"".join(_ITEM.pack(0xFFFE, 0xE000, len(item)) + item for item in packed)


def dicom_file(sop_class: str, instance: str, values: Values) -> bytes:
    """A whole file: an empty preamble, the meta information, the data set."""
    meta = data_set(
        {
            0x00020001: ("OB", b"\0\1"),
            0x00020002: text("UI", sop_class),
            0x00020003: text("UI", instance),
            0x00020010: text("UI", _EXPLICIT_LITTLE),
            0x00020012: text("UI", _IMPLEMENTATION),
        }
    )
    length = _element(0x00020000, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + data_set(values)


def text(kind: str, value: str) -> tuple[str, bytes]:
    """An element of text."""
    return kind, value.encode("ascii", "replace")


def whole(kind: str, value: int) -> tuple[str, bytes]:
    """An element of one unsigned whole number: ``US`` or ``UL``."""
    return kind, struct.pack("<H" if kind == "US" else "<I", value)


def _element(tag: int, kind: str, value: bytes) -> bytes:
    padding = b"\0" if kind in _PADDED_WITH_NUL else b" "
    padded = value + padding * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind.encode("ascii")
    if kind in _LONG:
        return head + struct.pack("<HI", 0, len(padded)) + padded
    return head + struct.pack("<H", len(padded)) + padded
