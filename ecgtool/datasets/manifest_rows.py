"""The rows of a manifest: whose recording, where it lies, what it is labelled; and what in them cannot be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecgtool.datasets.cells import Places, numbered
from ecgtool.datasets.labels import LABEL, Labels, split_labels
from ecgtool.datasets.patients import one_name_each
from ecgtool.datasets.tables import Row, columns_of, decimal_commas, read_table
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, NotFound, did_you_mean
from ecgtool.files import Below, expanded

PATIENT, SPLIT = "patient_id", "split"
PATHS = ("path_xml", "path")


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a manifest that names a recording.

    Args:
        line: Of the manifest.
        patient: In the one spelling of this manifest.
        path: Of the recording.
        labels: What it is labelled; None where the row says nothing of it.
        split: The cell; empty where there is none.
        further: The other cells by column.
    """

    line: int
    patient: str
    path: Path
    labels: Labels
    split: str
    further: dict[str, str]


@dataclass(frozen=True)
class Listing:
    """What a manifest lists.

    Args:
        rows: The recordings, each once, in the order of the manifest.
        places: Where they stand.
        columns: Of ``further``.
        split: Whether the manifest says the splits.
        notes: What does not fit, in words and line numbers, without anything that is written there.
    """

    rows: tuple[Listed, ...]
    places: Places
    columns: tuple[str, ...]
    split: bool
    notes: tuple[str, ...]


def read_listing(file: Path, root: Path | None = None) -> Listing:
    """Read a manifest.

    Args:
        file: CSV with the columns ``patient_id``, ``path_xml`` or ``path``, ``label``, and others.
        root: The folder that recordings lie in; that of the manifest where None.

    Raises:
        NotFound: There is no such file or column.
        FormatError: It is not a table, a path leads out of the folder, or a row names no patient or no path.
        DataError: It lists no recording.
    """
    heads = columns_of(file)
    where = _path_column(file, heads)
    fixed = {PATIENT, LABEL, where, *((SPLIT,) if SPLIT in heads else ())}
    further = tuple(name for name in heads if name and name not in fixed)
    resolve = _Paths(expanded(root) if root else file.parent)
    read = read_table(file, (PATIENT, where, LABEL, *further), (SPLIT,))
    listed = [_listed(row, where, further, resolve) for row in read if any(text.strip() for text in row.cells.values())]
    if not listed:
        raise DataError(f"{file} lists no recording.", "It needs a row for each.")
    names, spelt = one_name_each([row.patient for row in listed], _places(file, listed))
    listed = [replace(row, patient=name) for row, name in zip(listed, names, strict=True)]
    listed, repeated = _each_once(listed)
    if not listed:
        raise DataError(f"{file}: {repeated[0]}", "Which label is right? Keep one row of each recording.")
    return Listing(tuple(listed), _places(file, listed), further, SPLIT in heads, (*spelt, *repeated))


def _places(file: Path, rows: Sequence[Listed]) -> Places:
    return Places(file.name, [row.line for row in rows], commas=decimal_commas(file))


class _Paths:
    """Where recordings lie: relative to a folder, or absolute and below it."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise NotFound(f"The folder {root} does not exist.", "Give the folder that recordings lie in.")
        self.root = root.resolve()
        self._below = Below(self.root)

    def __call__(self, row: Row, column: str) -> Path:
        text = row[column].strip()
        if not text:
            raise FormatError(f"{row.where} names no recording in '{column}'.", "Fill the cell, or remove the row.")
        path = Path(text)
        try:
            if path.is_absolute() and path.is_relative_to(self.root):
                text = path.relative_to(self.root).as_posix()
            return self._below(text)
        except (EcgError, OSError, ValueError):
            raise FormatError(
                f"{row.where}: the path does not stay inside {self.root}.",
                "Give --root DIR, the folder that all recordings lie in.",
            ) from None


def _path_column(file: Path, heads: Sequence[str]) -> str:
    """The column of paths.

    Raises:
        NotFound: It, or another that must be, is not there.
        ConfigError: There are two.
    """
    for name in (PATIENT, LABEL):
        if name not in heads:
            raise NotFound(f"{file} has no column '{name}'.", did_you_mean(name, filter(None, heads)))
    found = [name for name in PATHS if name in heads]
    if not found:
        raise NotFound(f"{file} has no column 'path_xml' or 'path'.", did_you_mean("path", filter(None, heads)))
    if len(found) > 1:
        raise ConfigError(f"{file} has both a column 'path_xml' and a column 'path'.", "Keep the one that counts.")
    return found[0]


def _listed(row: Row, where: str, further: Sequence[str], resolve: _Paths) -> Listed:
    patient = row[PATIENT].strip()
    if not patient:
        raise FormatError(
            f"{row.where} has no {PATIENT}.", "Recordings of one person must not be in two splits: say whose it is."
        )
    cells = {name: row[name].strip() for name in further}
    return Listed(
        row.line, patient, resolve(row, where), split_labels(row.where, row[LABEL]), row[SPLIT].strip(), cells
    )


def _each_once(listed: Sequence[Listed]) -> tuple[list[Listed], list[str]]:
    """The rows with each recording once; one that contradicts itself is left out, as nobody knows what is right."""
    same: dict[Path, list[Listed]] = {}
    for row in listed:
        same.setdefault(row.path, []).append(row)
    labels = _contradicting(same, "labels")
    patients = _contradicting(same, "patient")
    repeated = [row.line for rows in same.values() for row in rows[1:] if rows[0].path not in labels | patients]
    kept = [rows[0] for path, rows in same.items() if path not in labels | patients]
    said = {
        "rows repeat a recording and were left out": repeated,
        "rows give a recording another label than a row before; all of that recording were left out": [
            row.line for path in labels for row in same[path]
        ],
        "rows give a recording to another patient than a row before; all of that recording were left out": [
            row.line for path in patients - labels for row in same[path]
        ],
    }
    return kept, [f"{len(rows)} {what}: {numbered(rows)}." for what, rows in said.items() if rows]


def _contradicting(same: dict[Path, list[Listed]], field: str) -> set[Path]:
    return {path for path, rows in same.items() if len({getattr(row, field) for row in rows}) > 1}
