"""Whose each recording is, by a table of the user's: formats such as WFDB have no field for a patient's id."""

from __future__ import annotations

import csv
from pathlib import Path

from ecgtool.errors import FormatError, NotFound
from ecgtool.files import expanded, explained

_COLUMNS = ("file", "patient")
_MOST_BYTES = 2**28


def read_patients(source: Path, table: Path) -> dict[Path, str]:
    """The patient of each file that a table lists.

    Args:
        source: The recording or folder; the table's files are relative to the folder, with or without an ending.
        table: CSV with the columns ``file`` and ``patient``.

    Returns:
        Path to patient id. Without an ending a name stands for a WFDB header.

    Raises:
        NotFound: There is no such table, it lacks a column, or lists no file that is there.
        FormatError: It is no CSV.
    """
    path = expanded(table)
    folder = source if source.is_dir() else source.parent
    found: dict[Path, str] = {}
    with explained(path):
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError(f"{path} is too large to be a table of patients.")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
                if missing:
                    raise NotFound(f"{path} has no column {missing[0]}.", "It needs the columns file and patient.")
                for row in rows:
                    listed, patient = (" ".join((row[name] or "").split()) for name in _COLUMNS)
                    if listed and patient:
                        found |= {folder / listed: patient, folder / f"{listed}.hea": patient}
        except (csv.Error, UnicodeDecodeError) as error:
            raise FormatError(f"{path} is no table that can be read: {error}.", "Save it as CSV in UTF-8.") from None
    if not any(name.is_file() for name in found):
        raise NotFound(f"{path} lists no file that is in {folder}.", "Its files are relative to the folder.")
    return found
