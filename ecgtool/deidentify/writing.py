"""Writing the files of a clean recording; their folder is still being built, and published whole."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ecgtool.errors import FormatError
from ecgtool.files import explained, write_unpublished

_PIECE = 2**20


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file.

    Raises:
        EcgError: It cannot be written.
    """
    return write_unpublished(path, lambda file: file.write(content))


def write_lines(path: Path, lines: list[str]) -> Path:
    """Write lines of ASCII text, each with its end.

    Raises:
        EcgError: It cannot be written.
    """
    return write_bytes(path, "".join(f"{line}\n" for line in lines).encode("ascii"))


def copy_range(source: BinaryIO, begin: int, size: int, target: BinaryIO) -> None:
    """Copy so many bytes of a file, from a place in it.

    Raises:
        FormatError: It holds fewer.
    """
    source.seek(begin)
    left = size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise FormatError("A file of the recording ends before its samples do.")
        target.write(piece)
        left -= len(piece)


def copy_part(source: Path, begin: int, size: int, target: Path) -> int:
    """Write a file that holds a range of bytes of another; how many bytes the other has beside them.

    Raises:
        EcgError: The one cannot be read, or the other not written.
    """
    with explained(source), source.open("rb") as file:
        write_unpublished(target, lambda made: copy_range(file, begin, size, made))
        return file.seek(0, 2) - size
