"""PTB-XL (Wagner et al. 2020): 12-lead recordings of 10 s with SCP statements, at 100 and at 500 Hz."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.lists import read_lists
from ecgtool.datasets.ptbxl_labels import LIKELIHOODS, Codes, make_targets, make_task, parse_codes, read_statements
from ecgtool.datasets.splits import Division
from ecgtool.datasets.tables import Row, read_table
from ecgtool.errors import ConfigError, FormatError, NotFound, did_you_mean
from ecgtool.files import Below, digest, expanded, inside
from ecgtool.formats import wfdb
from ecgtool.record import LEADS_12, Record
from ecgtool.task import Task

DATABASE, STATEMENTS = "ptbxl_database.csv", "scp_statements.csv"
SECONDS = 10
SIGNALS = MappingProxyType({100: "filename_lr", 500: "filename_hr"})
"""Sampling rate in Hz -> the column that names the recording at that rate."""

RELEASES = MappingProxyType({21799: ("1.0.3", 21388), 21837: ("1.0.1", None)})
"""Records of a complete release -> its version, and how many have a diagnostic superclass where that is published."""

OLDEST = 89
"""Ages above it are written 300 in the table; they become :data:`OLDEST` + 1 here."""

_FOLDS = {9: "val", 10: "test"}
_COLUMNS = ("ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold", *SIGNALS.values())
_FURTHER = ("height", "weight", "site", "device")


class PTBXL:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings of a folder with ``ptbxl_database.csv``.

    Args:
        folder: Holds the tables and ``records100`` or ``records500``.
        tasks: Names of tasks, of :data:`~ecgtool.datasets.ptbxl_labels.TASKS`.
        source_fs: 100 or 500: which recordings to read.
        likelihood: Which statements count, of :data:`~ecgtool.datasets.ptbxl_labels.LIKELIHOODS`.
        division: A split by patient in place of the published folds.
        manifests: A folder of lists of records in place of the published folds; see :mod:`ecgtool.datasets.lists`.

    Raises:
        NotFound: The folder, a table or one of its columns is missing.
        FormatError: A table is damaged; the message names the row.
        ConfigError: An option that cannot be.
    """

    name = "ptbxl"
    leads: tuple[str, ...] = LEADS_12
    tabular: tuple[str, ...] = ("age", "sex")

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[str] = ("superdiagnostic",),
        *,
        source_fs: int = 100,
        likelihood: str = "any",
        division: Division | None = None,
        manifests: Path | None = None,
    ) -> None:
        _check_options(source_fs, likelihood, division, manifests)
        self.folder = _corpus_folder(folder)
        self._below = Below(self.folder)
        self.fs, self.samples = float(source_fs), SECONDS * source_fs
        self.sources: Mapping[str, str] = {name: digest(self.folder / name) for name in (DATABASE, STATEMENTS)}
        statements = read_statements(self.folder / STATEMENTS)
        self.tasks: Sequence[Task] = tuple(make_task(task, statements) for task in tasks)
        self.options: Mapping[str, Any] = {"source_fs": source_fs, "likelihood": likelihood}

        entries, codes = _read_database(self.folder, SIGNALS[source_fs])
        diagnostic = {code for code, statement in statements.items() if statement.diagnostic}
        with_superclass = sum(not diagnostic.isdisjoint(record) for record in codes)
        self.notes: Sequence[str] = [
            _release_note(len(entries), with_superclass),
            *_unknown_codes(codes, statements),
        ]
        if manifests is not None:
            entries, codes = self._listed(manifests, entries, codes)
        _check_signals(self.folder, entries, source_fs)
        self.targets: Mapping[str, npt.NDArray[Any]] = {
            task.name: make_targets(task, statements, codes, likelihood) for task in self.tasks
        }
        if division is not None:
            dealt = division.deal([entry.patient for entry in entries], self.targets[self.tasks[0].name] == 1)
            entries = [
                replace(entry, split=split, fold=fold) for entry, (split, fold) in zip(entries, dealt, strict=True)
            ]
            self.options = {**self.options, "division": asdict(division)}
        self.entries: Sequence[Entry] = entries
        self.tabular_values = np.array(
            [[entry.metadata[name] for name in self.tabular] for entry in entries], np.float32
        )

    def read(self, entry: Entry) -> Record:
        """The recording of an entry."""
        return wfdb.read(self._below(f"{entry.record}.hea"))

    def _listed(self, manifests: Path, entries: list[Entry], codes: list[Codes]) -> tuple[list[Entry], list[Codes]]:
        """The entries that the lists name, in the splits that they name."""
        lists = read_lists(manifests, "ecg_id", entries)
        self.sources = {**self.sources, **lists.sources}
        self.options = {**self.options, "manifests": True}
        self.notes = [*self.notes, *lists.notes]
        kept = [index for index, split in enumerate(lists.splits) if split]
        return [replace(entries[index], split=lists.splits[index]) for index in kept], [codes[index] for index in kept]


def _check_options(source_fs: int, likelihood: str, division: Division | None, manifests: Path | None) -> None:
    if source_fs not in SIGNALS:
        raise ConfigError(f"PTB-XL has no recordings at {source_fs} Hz.", "Give --source-fs 100 or 500.")
    if likelihood not in LIKELIHOODS:
        raise ConfigError(f"There is no likelihood rule '{likelihood}'.", did_you_mean(likelihood, LIKELIHOODS))
    if division is not None and manifests is not None:
        raise ConfigError("--manifests comes with splits of its own.", "Leave out --splits and --folds.")


def _corpus_folder(folder: Path) -> Path:
    """The folder with the tables.

    Raises:
        NotFound: There is none, or a table is missing from it.
    """
    folder = expanded(folder)
    if not folder.is_dir():
        found = f"{folder} is not a folder." if folder.exists() else f"The folder {folder} does not exist."
        raise NotFound(found, "Give the folder that holds ptbxl_database.csv.")
    for name in (DATABASE, STATEMENTS):
        if not (folder / name).is_file():
            below = next(folder.glob(f"*/{name}"), None)
            hint = f"Did you mean {below.parent}?" if below else "Give the folder of PTB-XL, as it is downloaded."
            raise NotFound(f"{folder} has no {name}.", hint)
    return folder.resolve()


def _read_database(folder: Path, column: str) -> tuple[list[Entry], list[Codes]]:
    """An entry and the statements of each row of ``ptbxl_database.csv``."""
    path = folder / DATABASE
    entries: dict[str, Entry] = {}
    codes: list[Codes] = []
    for row in read_table(path, _COLUMNS, _FURTHER):
        entry = _entry(row, column)
        if entry.id in entries:
            raise FormatError(f"{row.where}: ecg_id {entry.id} is there twice.", "Download the table again.")
        entries[entry.id] = entry
        codes.append(row.parsed("scp_codes", parse_codes))
    if not entries:
        raise FormatError(f"{path} lists no records.", "Download it again.")
    return list(entries.values()), codes


def _release_note(records: int, with_superclass: int) -> str:
    """Which release the table is of, and whether its counts are the published ones."""
    if records not in RELEASES:
        whole, (version, _) = next(iter(RELEASES.items()))
        return f"The table lists {records:,} records; release {version} has {whole:,}, so this is a part of it."
    version, expected = RELEASES[records]
    if expected is not None and with_superclass != expected:
        return (
            f"The table has the {records:,} records of release {version}, but {with_superclass:,} of them have a "
            f"diagnostic superclass rather than {expected:,}: it has been changed."
        )
    return f"Release {version}, complete: {records:,} records, {with_superclass:,} with a diagnostic superclass."


def _unknown_codes(codes: Sequence[Codes], statements: Mapping[str, Any]) -> list[str]:
    unknown = sorted({code for record in codes for code in record if code not in statements})
    return [f"Codes that {STATEMENTS} does not know were ignored: {', '.join(unknown[:10])}."] if unknown else []


def _check_signals(folder: Path, entries: Sequence[Entry], source_fs: int) -> None:
    """Refuse a rate that was not downloaded at all, before anything is read."""
    top = entries[0].record.split("/")[0]
    if not inside(folder, top).exists():
        other = next(fs for fs in SIGNALS if fs != source_fs)
        raise NotFound(f"{folder} has no {top}.", f"Download it, or read the others with --source-fs {other}.")


def _entry(row: Row, column: str) -> Entry:
    """The row without what may name or describe a person: no reports, dates, nurses or cardiologists."""
    metadata: dict[str, Any] = {**_age(row), "sex": _sex(row)}
    metadata |= {name: _tidy(row.number(name)) for name in ("height", "weight", "site")}
    metadata["device"] = sys.intern(" ".join(row["device"].split()))
    split, fold = _published(row)
    return Entry(str(row.whole("ecg_id")), str(row.whole("patient_id")), row[column], split, fold, metadata)


def _published(row: Row) -> tuple[str, int]:
    """Split and fold as published: 1 to 8 train, 9 val, 10 test."""
    fold = row.whole("strat_fold")
    if not 1 <= fold <= 10:
        raise FormatError(f"{row.where}: strat_fold {fold} is not from 1 to 10.", "Download the table again.")
    return _FOLDS.get(fold, "train"), fold


def _age(row: Row) -> dict[str, float | int | None]:
    age = row.number("age")
    over = age is not None and age > OLDEST
    return {"age": OLDEST + 1 if over else _tidy(age), "age_over_89": int(over)}


def _sex(row: Row) -> int | None:
    """0 male, 1 female, None unknown.

    Raises:
        FormatError: Anything else.
    """
    sex = row.number("sex")
    if sex not in (None, 0, 1):
        raise FormatError(f"{row.where}: sex {row['sex']} is neither 0 (male) nor 1 (female).", "Correct the cell.")
    return None if sex is None else int(sex)


def _tidy(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() else value
