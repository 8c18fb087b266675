"""Splits from lists: a folder with one each for train, val and test.

A list is a ``.csv`` with a column of ids, or a ``.txt`` with an id per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.tables import read_table
from ecgtool.errors import ConfigError, NotFound
from ecgtool.files import digest, explained
from ecgtool.store import SPLITS

_NAMED = 10


@dataclass(frozen=True)
class Lists:
    """What the lists say of the records of a corpus.

    Args:
        splits: The split of each record; empty where no list names it.
        sources: Digests of the lists.
        notes: What does not fit, in words.
    """

    splits: tuple[str, ...]
    sources: dict[str, str]
    notes: tuple[str, ...]


def read_lists(folder: Path, column: str, entries: Sequence[Entry]) -> Lists:
    """Read the three lists.

    Args:
        folder: Holds them.
        column: Of ids in a ``.csv``.
        entries: The records of the corpus.

    Raises:
        NotFound: The folder, a list or its column is missing.
        ConfigError: A record is in two lists, or no list names any record.
    """
    sources: dict[str, str] = {}
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = _list_of(folder, split)
        sources[f"manifests/{path.name}"] = digest(path)
        for name in _ids(path, column):
            if split_of.setdefault(name, split) != split:
                raise ConfigError(f"Record {name} is in the lists {split_of[name]} and {split}.", "Name it once.")
    splits = tuple(split_of.get(entry.id, "") for entry in entries)
    if not any(splits):
        raise ConfigError(f"The lists in {folder} name none of the {len(entries)} records.", f"Are they of {column}?")
    unknown = split_of.keys() - {entry.id for entry in entries}
    return Lists(splits, sources, tuple(_notes(splits, sorted(unknown), entries)))


def _list_of(folder: Path, split: str) -> Path:
    found = [path for path in (folder / f"{split}.csv", folder / f"{split}.txt") if path.is_file()]
    if not found:
        raise NotFound(f"{folder} has no {split}.csv or {split}.txt.", "It needs a list of train, val and test each.")
    if len(found) > 1:
        raise ConfigError(f"{folder} has both {split}.csv and {split}.txt.", "Keep one of them.")
    return found[0]


def _ids(path: Path, column: str) -> list[str]:
    if path.suffix == ".csv":
        return [str(row.whole(column)) for row in read_table(path, (column,))]
    with explained(path):
        return path.read_text(encoding="utf-8-sig", errors="replace").split()


def _notes(splits: Sequence[str], unknown: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    unlisted = splits.count("")
    patients: dict[str, set[str]] = {}
    for split, entry in zip(splits, entries, strict=True):
        patients.setdefault(entry.patient, set()).update({split} - {""})
    straddling = sum(len(held) > 1 for held in patients.values())
    notes = [f"{unlisted} records are in none of the lists and were left out."] if unlisted else []
    if unknown:
        more = ", ..." if len(unknown) > _NAMED else ""
        notes.append(f"{len(unknown)} listed records are not in the table: {', '.join(unknown[:_NAMED])}{more}.")
    if straddling:
        notes.append(f"{straddling} patients are in more than one list: figures on these splits will be too good.")
    return notes
