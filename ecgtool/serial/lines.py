"""The bytes of a log in blocks of whole lines, whatever its size, encoding and line ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ecgtool.errors import FormatError, NotFound
from ecgtool.files import explained

BLOCK_BYTES = 2**18
HEAD_BYTES = 2**17
_HEAD_LINES = 1000
_LONGEST_LINE = 2**16
_TOO_LONG = b"\0"
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class Block:
    """Some lines of a log.

    Args:
        data: Their bytes, UTF-8 or nearly so; each line ends with a newline. A NUL stands for a line too long for any
            log.
        first: Number of the first line, from 1.
        unfinished: Whether a last line without an end was left out here: the log may have been cut in it.
    """

    data: bytes
    first: int
    unfinished: bool = False


def blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """A log in blocks of whole lines; memory grows neither with the file nor with a line.

    Raises:
        NotFound: There is no such file.
        FormatError: It is a folder or a device.
        EcgError: It cannot be read.
    """
    held, first, skipping = b"", 1, False
    for piece in _pieces(path, size):
        if skipping:
            _, newline, rest = piece.partition(b"\n")
            if not newline:
                continue
            piece, skipping = newline + rest, False
        whole, newline, held = (held + piece).rpartition(b"\n")
        if newline:
            yield Block(whole + newline, first)
            first += whole.count(b"\n") + 1
        if len(held) > _LONGEST_LINE:
            held, skipping = _TOO_LONG, True
    if held.strip():
        yield Block(b"", first, unfinished=True)


def head_lines(path: Path) -> list[str]:
    """The first lines of a log as text.

    Raises:
        EcgError: As :func:`blocks`.
    """
    for block in blocks(path, HEAD_BYTES):
        return text_of(block.data).split("\n")[:-1][:_HEAD_LINES]
    return []


def text_of(data: bytes) -> str:
    """Bytes of a log as text: UTF-8, else byte for byte."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """The file piece by piece, its lines ending with a newline."""
    if "\0" in str(path):
        raise NotFound("A path cannot contain a NUL character.", "Check the path.")
    with explained(path):
        if path.exists() and not path.is_file():
            raise FormatError(f"{path} is not a file.", "Give a log; a port is read with --port.")
        with path.open("rb") as file:
            yield from _newlines(_narrow(file, size))


def _narrow(file: BinaryIO, size: int) -> Iterator[bytes]:
    """What a file holds as single-byte text without a byte-order mark; PowerShell writes logs as UTF-16."""
    start = file.read(3)
    wide = _WIDE.get(start[:2])
    if wide is None:
        yield (b"" if start == codecs.BOM_UTF8 else start) + file.read(size)
        while piece := file.read(size):
            yield piece
        return
    decoder = codecs.getincrementaldecoder(wide)("replace")
    decoder.decode(start[2:])
    while piece := file.read(size):
        yield decoder.decode(piece).encode("utf-8", "replace")


def _newlines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, with the carriage returns of a log that ends its lines with these alone as newlines."""
    alone = None
    for piece in pieces:
        if alone is None:
            alone = b"\r" in piece and b"\n" not in piece
        yield piece.replace(b"\r", b"\n") if alone else piece
