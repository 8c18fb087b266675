"""The recordings of a database whose waves experts marked: which are there, and what of the marks decides a store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecgtool.datasets.expert_waves import Marked
from ecgtool.datasets.folder_files import HEADER, Tree
from ecgtool.errors import FormatError, NotFound


def records_below(folder: Path, hint: str) -> list[str]:
    """The names of the records of a folder and of the folders below, without suffix, in order.

    Args:
        folder: Where to look.
        hint: What to do where there is none.

    Raises:
        NotFound: There is none.
    """
    names = [file.removesuffix(HEADER) for file in Tree(folder).files if file.endswith(HEADER)]
    if not names:
        raise NotFound(f"{folder} holds no {HEADER} files.", hint)
    return sorted(names)


def numbered(folder: Path, hint: str) -> dict[str, str]:
    """The records that are named by numbers, by name: their numbers, ascending.

    Raises:
        NotFound: There is none.
        FormatError: Two have one number.
    """
    numbers = {name: Path(name).name for name in records_below(folder, hint)}
    kept = {name: number for name, number in numbers.items() if number.isascii() and number.isdigit()}
    if not kept:
        raise NotFound(f"{folder} holds no records that are named by numbers.", hint)
    if len(set(kept.values())) < len(kept):
        raise FormatError(f"{folder} holds records of one number in several folders.", hint)
    return dict(sorted(kept.items(), key=lambda item: int(item[1])))


def digest_of(marked: Mapping[str, Sequence[Marked]]) -> str:
    """One digest of what is marked in recordings."""
    made = hashlib.sha256()
    for name, leads in marked.items():
        made.update(name.encode())
        for lead in leads:
            made.update(lead.waves.tobytes() + f"{lead.first} {lead.last}".encode())
    return f"sha256:{made.hexdigest()}"
