"""NumPy's archives ``.npz``: a ZIP file of arrays, of which only the recording and what is said of it are unpacked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any, cast

from ecgtool.errors import FormatError
from ecgtool.formats.containers import SAYING, SIGNAL, said_by, unpacks_to_too_much
from ecgtool.formats.npy_array import BadArray, read_header, read_small

ARCHIVE = b"PK\3\4"
_MEMBERS = 256
_DIRECTORY = 2**20
_TAIL = 2**16 + 22
_END, _END_64 = b"PK\5\6", b"PK\6\7"

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, OverflowError)


@contextmanager
def opened_archive(path: Path, file: BufferedReader, size: int) -> Iterator[tuple[BufferedIOBase, int, dict[str, Any]]]:
    """Open the array of an archive that is the recording.

    Yields:
        The open array, its size in bytes, and what other arrays say of it.

    Raises:
        FormatError: The archive is damaged, unpacks to far more than it holds, or which array is meant is not clear.
        BadArray: An array is damaged.
    """
    try:
        _refuse_large_directory(file, size)
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            name = _chosen(archive, members)
            inside = said_by(members, lambda name: _small(archive, members[name]))
            with _open(archive, members[name]) as member:
                yield member, members[name].file_size, inside
    except (*_DAMAGED, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is damaged: {str(error)[:120]}.", "Copy it again.") from None


def _refuse_large_directory(file: BufferedReader, size: int) -> None:
    """Refuse an archive whose list of members alone would fill the memory, before it is read."""
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise BadArray("ends before the directory of its archive: it is cut short")
    count, length = struct.unpack_from("<HI", tail, at + 10)
    if count > _MEMBERS or length > _DIRECTORY or tail[max(0, at - 20) :].startswith(_END_64):
        raise BadArray(f"is an archive of too many arrays, or too large a one ({count} of them)")


def _chosen(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> str:
    """The member that is the recording: by its name, or the only array of more than one value.

    Raises:
        BadArray: It is not clear which.
    """
    named = [name for name in SIGNAL if name in members]
    if named:
        return named[0]
    large = [name for name in members if name not in SAYING and _is_signal(archive, members[name])]
    if len(large) != 1:
        listed = ", ".join(sorted(members)[:8])
        raise BadArray(f"does not say which of its arrays is the recording ({listed[:200]}); name it 'signal'")
    return large[0]


def _is_signal(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a member is an array of numbers and not just one."""
    if not info.filename.endswith(".npy"):
        return False
    with _open(archive, info) as member:
        header = read_header(member)
    return header.dtype.kind in "fiu" and max(header.shape, default=0) > 1


def _small(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    with _open(archive, info) as member:
        return read_small(member).tolist()


def _open(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BufferedIOBase:
    """A member, unpacked as it is read.

    Raises:
        BadArray: It is packed in a way that arrays are not, or unpacks to far more than the archive holds.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise BadArray("is packed in a way that numpy does not use")
    if unpacks_to_too_much(info.compress_size, info.file_size):
        raise BadArray(f"unpacks to {info.file_size:,} bytes from {info.compress_size:,}: that is no recording")
    return cast(BufferedIOBase, archive.open(info))
