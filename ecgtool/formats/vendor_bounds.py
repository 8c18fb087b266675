"""What a vendor file says of its own sizes, checked before a package that believes it sees the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.files import explained, inside
from ecgtool.formats.regular import is_file

_MOST_DEPTH = 16
_CHANNELS, _ATTRIBUTES, _SET, _END = 0x05, 0x3F, 0x67, 0x80  # ISO 22077-1: MWF_CHN, MWF_ATT, MWF_SET, MWF_END

_NEUTRAL = b"##NEUTRAL HOLTER RECORDING##"
_EDAN_HEADER = "patient.hea"
_EDAN_SAMPLES = "ecgraw.dat"
_EDAN_RATES = (100, 128, 200, 250, 256, 500, 1000)
_EPOCHS = (631_152_000, 3_155_760_000)  # 1990 to 2070, in seconds since 1970


def check_mfer(path: Path) -> None:
    """Refuse an MFER file that claims more channels than any recorder has.

    Raises:
        NotFound: There is no such file.
        FormatError: There are too many channels, or definitions nest too deep.
    """
    with explained(path):
        data = path.read_bytes()
    for tag, value, depth in _definitions(data, 0):
        if depth > _MOST_DEPTH:
            raise FormatError(f"{path} nests MFER definitions more than {_MOST_DEPTH} deep.")
        if tag == _CHANNELS and len(value.strip(b"\0")) > 1:
            raise FormatError(f"{path} claims more channels than any recorder has.", "The file is damaged.")


def _definitions(data: bytes, depth: int) -> Iterator[tuple[int, bytes, int]]:
    """Tag, value and depth of the definitions of an MFER file, as far as they can be followed."""
    at = 0
    while at < len(data) and depth <= _MOST_DEPTH + 1:
        tag = data[at]
        at += 1
        if tag == _END:
            return
        if tag == 0:
            continue
        if tag == _ATTRIBUTES:
            while at < len(data) and data[at] & 0x80:
                at += 1
            at += 1
        length, at = _length(data, at)
        value = data[at : at + length]
        yield tag, value, depth
        if tag in (_ATTRIBUTES, _SET):
            yield from _definitions(value, depth + 1)
        at += length


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length of a definition, and where its value begins; an indefinite one goes to the end."""
    first = data[at] if at < len(data) else 0
    if first < 0x80:
        return first, at + 1
    if first == 0x80:
        return len(data) - at - 1, at + 1
    count = first & 0x7F
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def looks_like_edan(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of an EDAN archive, or of the header that lies beside its samples."""
    if head[4:].startswith(_NEUTRAL):
        return True
    if len(head) < 64 or head[12] not in (3, 12) or struct.unpack_from("<h", head, 32)[0] not in _EDAN_RATES:
        return False
    begin, end = struct.unpack_from("<II", head, 4)
    return bool(_EPOCHS[0] <= begin < end <= _EPOCHS[1]) and is_file(path.with_name(_EDAN_SAMPLES))


def check_edan(path: Path) -> None:
    """Refuse an EDAN header whose samples lie elsewhere.

    Raises:
        FormatError: The file beside it is missing, or a link to another folder.
    """
    if path.name.lower() == _EDAN_HEADER:
        inside(path.parent, _EDAN_SAMPLES)
