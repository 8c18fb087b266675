"""The audit trail: what was done to each recording, without the values; and the journal of interrupted work."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ecgtool import __version__
from ecgtool.console import DISCLAIMER
from ecgtool.errors import EcgError, FormatError
from ecgtool.files import digest, read_json

AUDIT_NAME = "deidentify.json"
SCHEMA = 1
CAUTION = (
    "An ECG itself can identify a person, and whoever holds the key can link pseudonyms to patients: "
    "this is pseudonymous data, not anonymous data."
)


@dataclass(frozen=True)
class Entry:
    """What became of one recording.

    Args:
        patient: Pseudonym of the person.
        record: Name of the recording.
        file: The file to read it from.
        files: Each file that was written, and its digest.
        format: Of the original.
        removed: Fields that are not in the output, by kind, and how many.
        dates: How many dates were moved.
        kept: Which of age and sex are in the output.
        age_capped: Whether an age over 89 was written as 90.
        leads: How many leads were compared with the original.
        samples: How many samples of each.
        largest_difference_uv: Of a sample, in microvolt; 0 is bit-identical.
        notes: Anything else that was done.
    """

    patient: str
    record: str
    file: str
    files: dict[str, str]
    format: str
    removed: dict[str, int] = field(default_factory=dict)
    dates: int = 0
    kept: tuple[str, ...] = ()
    age_capped: bool = False
    leads: int = 0
    samples: int = 0
    largest_difference_uv: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotCopied:
    """What lies in the source and not in the output, in numbers."""

    unreadable: int = 0
    duplicates: int = 0
    links: int = 0
    others: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.unreadable + self.duplicates + self.links + sum(self.others.values())


def document(entries: Sequence[Entry], policy: dict[str, Any], not_copied: NotCopied) -> dict[str, Any]:
    """The audit trail as it is written: ``deidentify.json``."""
    removed: Counter[str] = Counter()
    for entry in entries:
        removed.update(entry.removed)
    return {
        "schema_version": SCHEMA,
        "made_by": f"ecgtool {__version__}",
        "policy": policy,
        "recordings": len(entries),
        "patients": len({entry.patient for entry in entries}),
        "removed": dict(sorted(removed.items())),
        "not_copied": asdict(not_copied),
        "files": [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.file)],
        "caution": CAUTION,
        "disclaimer": DISCLAIMER,
    }


def files_of(folder: Path) -> tuple[str, ...]:
    """What a folder holds that an earlier run wrote: the files that its audit trail lists, and the trail itself.

    Returns:
        Names; only the trail's where it cannot be read.
    """
    try:
        listed = read_json(folder / AUDIT_NAME)["files"]
        return (AUDIT_NAME, *(name for entry in listed for name in entry["files"]))
    except (EcgError, KeyError, TypeError):
        return (AUDIT_NAME,)


class Journal:
    """The recordings that are done, one line each; a run that was interrupted goes on after them.

    Args:
        path: The file, beside the folder that is being built.
        folder: That folder.
        fingerprint: Of the key and the policy; lines under another one do not count.
    """

    def __init__(self, path: Path, folder: Path, fingerprint: dict[str, Any]) -> None:
        self._path = path
        entries, whole = _read(path, fingerprint, folder)
        self.done = {entry.record: entry for entry in entries}
        names = {name for entry in entries for name in entry.files}
        for found in folder.iterdir():
            if found.is_dir():
                shutil.rmtree(found)
            elif found.name not in names:
                found.unlink()
        if not entries:
            path.write_bytes(_line(fingerprint))
        else:
            with path.open("r+b") as journal:
                journal.truncate(whole)

    def add(self, entry: Entry) -> None:
        """Note that a recording is done."""
        with self._path.open("ab") as file:
            file.write(_line(asdict(entry)))
        self.done[entry.record] = entry


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _read(path: Path, fingerprint: dict[str, Any], folder: Path) -> tuple[list[Entry], int]:
    """The entries of a journal whose files are there as they were written, and the bytes of its lines up to there."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    if not lines or lines[0] + b"\n" != _line(fingerprint):
        return [], 0
    entries, whole = [], len(lines[0]) + 1
    for line in lines[1:]:
        try:
            entry = _entry(line)
        except FormatError:
            break
        if not _unchanged(entry.files.items(), folder):
            break
        entries.append(entry)
        whole += len(line) + 1
    return entries, whole


def _entry(line: bytes) -> Entry:
    try:
        values = json.loads(line)
        return Entry(**{**values, "kept": tuple(values["kept"]), "notes": tuple(values["notes"])})
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"A line of the journal is damaged: {error}.") from None


def _unchanged(files: Iterable[tuple[str, str]], folder: Path) -> bool:
    try:
        return all(digest(folder / name) == value for name, value in files)
    except EcgError:
        return False
