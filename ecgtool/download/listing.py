"""``SHA256SUMS.txt``: the files of a corpus and their digests; where each goes, and that nothing goes elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.files import Below

NAME = "SHA256SUMS.txt"
PART = ".part"
LARGEST = 64 * 2**20

_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(\S.*)")
_MOST_FILES = 1_000_000


@dataclass(frozen=True)
class Listed:
    """A file of a corpus.

    Args:
        name: Its path below the corpus, with ``/``.
        path: Where it goes.
        sha256: Its digest, hexadecimal.
    """

    name: str
    path: Path
    sha256: str


def parse(text: str, folder: Path, without: Sequence[str] = ()) -> list[Listed]:
    """The files that a listing names.

    Args:
        text: Its text.
        folder: Where they go; none of them may lead out of it.
        without: Beginnings of paths that are left out.

    Raises:
        FormatError: It names no file, one twice, or one that cannot be inside the folder.
    """
    below, files, seen = Below(folder), [], set[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise FormatError(f"Line {number} of {NAME} is no digest and name.", "Check --url.")
        name = match.group(2)
        _refuse(name, number)
        if name in seen:
            raise FormatError(f"{NAME} names {name[:80]!r} twice.", "Check --url.")
        seen.add(name)
        if name != NAME and not name.startswith(tuple(without)):
            files.append(Listed(name, below(name), match.group(1).lower()))
        if len(seen) > _MOST_FILES:
            raise FormatError(f"{NAME} names more than {_MOST_FILES:,} files.", "Check --url.")
    if not files:
        raise FormatError(f"{NAME} names no files.", "Check --url.")
    return files


def _refuse(name: str, number: int) -> None:
    """Refuse names that mean something else somewhere: on another system, or to this tool."""
    odd = "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in name.split("/"))
    if odd or name.endswith(PART):
        raise FormatError(f"Line {number} of {NAME} names {name[:80]!r}, which cannot be.", "Check --url.")
