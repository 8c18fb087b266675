"""Own recordings listed in a manifest: a CSV file with ``patient_id``, ``path_xml`` (or ``path``) and ``label``.

What a store takes from it is the waveform, the labels, and inputs that say nothing of who the person is. Items are
named after their lines in the manifest, patients after a keyed digest, and no path, id, name or date is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.columns import categories
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.inputs import Inputs, make_inputs
from ecgtool.datasets.labels import make_labels
from ecgtool.datasets.manifest_rows import Listed, Listing, read_listing
from ecgtool.datasets.splits import Division
from ecgtool.deidentify.key import Key
from ecgtool.errors import ConfigError, EcgError
from ecgtool.files import digest, expanded
from ecgtool.formats import read_record
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.store import SPLITS
from ecgtool.task import Task

LEADS = MappingProxyType({8: LEADS_8, 12: LEADS_12})
FS, SAMPLES = 500.0, 5000
_SHORTEST_NAME = 4


class Manifest:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings that a manifest lists.

    Args:
        file: The manifest.
        key: Turns patient ids into pseudonyms.
        root: The folder that recordings lie in; that of the manifest where None.
        leads: 8 (I, II, V1-V6: the others follow from these) or 12.
        samples: Of an item.
        fs: Rate of the items in Hz.
        inputs: Columns that become tabular inputs; None takes all that are fit.
        division: How patients are divided; None takes the column ``split``, or 70, 15 and 15 per cent.

    Raises:
        NotFound: The manifest, the folder or a column is missing.
        FormatError: The manifest is damaged; the message names the line.
        ConfigError: An option that cannot be.
        DataError: Nothing can be learnt from it.
    """

    name = "manifest"
    voltage_labels: Mapping[str, Sequence[str]] = MappingProxyType(
        {}
    )  # what its labels mean, the manifest does not say

    def __init__(
        self,
        file: Path,
        key: Key,
        *,
        root: Path | None = None,
        leads: int = 8,
        samples: int = SAMPLES,
        fs: float = FS,
        inputs: Sequence[str] | None = None,
        division: Division | None = None,
    ) -> None:
        if leads not in LEADS:
            raise ConfigError(f"--leads {leads} cannot be.", "8 (I, II, V1-V6) or 12.")
        file = expanded(file)
        listing = read_listing(file, root)
        self.fs, self.samples, self.leads = fs, samples, LEADS[leads]
        self.sources: Mapping[str, str] = {"manifest": digest(file)}
        self.options: Mapping[str, Any] = {"leads": leads, "length": samples, "inputs": _said(inputs)}
        told = make_inputs(listing.rows, listing.columns, inputs)
        task, targets, unlabelled = make_labels(listing.rows)
        self.tasks: Sequence[Task] = (task,)
        self.targets: Mapping[str, npt.NDArray[Any]] = {task.name: targets}
        self.tabular, self.tabular_values = told.columns, told.values
        splits, divided = _splits(listing, task, targets, division)
        self.notes: Sequence[str] = (*listing.notes, *unlabelled, *told.notes, *divided)
        if division is not None:
            self.options = {**self.options, "division": asdict(division)}
        rows = zip(listing.rows, splits, _metadata(told), strict=True)
        self.entries: Sequence[Entry] = tuple(
            Entry(_name(row), key.patient(f"id {row.patient}"), _name(row), split, fold, known)
            for row, (split, fold), known in rows
        )
        self._paths = {_name(row): row.path for row in listing.rows}

    def read(self, entry: Entry) -> Record:
        """The recording of an entry, under the entry's name; errors do not tell its path either."""
        path = self._paths[entry.id]
        try:
            record = read_record(path)
        except EcgError as error:
            raise type(error)(_unnamed(error.message, path, entry.id), error.hint) from None
        warnings = tuple(_unnamed(str(line), path, entry.id) for line in record.meta.get("warnings", ()))
        return replace(record, id=entry.id, patient=entry.patient, meta={**record.meta, "warnings": warnings})


def _name(row: Listed) -> str:
    """What a recording is called: whoever has the manifest finds it, and nobody else."""
    return f"line{row.line}"


def _said(inputs: Sequence[str] | None) -> str | None:
    return None if inputs is None else ",".join(inputs)


def _splits(
    listing: Listing, task: Task, targets: npt.NDArray[Any], division: Division | None
) -> tuple[list[tuple[str, int]], list[str]]:
    """Split and fold of each row, and what is to be said of them.

    Raises:
        ConfigError: A row without a split in a manifest that has a column of them.
    """
    rows = listing.rows
    if listing.split and division is None:
        return _stated(rows)
    marks = targets[:, None] == np.arange(len(task.labels)) if task.exclusive else targets == 1
    return (division or Division()).deal([row.patient for row in rows], marks), []


def _stated(rows: Sequence[Listed]) -> tuple[list[tuple[str, int]], list[str]]:
    """The splits of the manifest itself."""
    without = next((row for row in rows if not row.split), None)
    if without is not None:
        raise ConfigError(
            f"The manifest's line {without.line} has no split, others do.", "Fill the column, or remove it."
        )
    held: dict[str, set[str]] = {}
    for row in rows:
        held.setdefault(row.patient, set()).add(row.split)
    straddling = sum(len(splits) > 1 for splits in held.values())
    counted = ", ".join(f"{split} {sum(row.split == split for row in rows)}" for split in SPLITS)
    notes = [f"The splits are those of the manifest: {counted}."]
    if straddling:
        notes.append(f"{straddling} patients are in more than one split: figures on these splits will be too good.")
    return [(row.split, 0) for row in rows], notes


def _metadata(told: Inputs) -> list[dict[str, Any]]:
    """The columns of ``items.csv``: a number, or the name of a category; None where unknown."""
    groups = categories(told.columns)
    numbers = [place for place, column in enumerate(told.columns) if "=" not in column]
    made: list[dict[str, Any]] = []
    for values in told.values.tolist():
        held = dict(zip(told.columns, values, strict=True))
        row: dict[str, Any] = {told.columns[place]: _tidy(values[place]) for place in numbers}
        row |= {
            name: next((value for value in known if held[f"{name}={value}"] == 1), None)
            for name, known in groups.items()
        }
        made.append(row)
    return made


def _tidy(value: float) -> float | int | None:
    if np.isnan(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.7g}")  # as many digits as a float32 has


def _unnamed(message: str, path: Path, name: str) -> str:
    """A message without the path or the name of a file: either may name a person, and messages are stored."""
    hidden = [str(path), str(path.with_suffix("")), str(path.parent), path.name]
    hidden += [path.stem] if len(path.stem) >= _SHORTEST_NAME else []
    for text in hidden:
        for written in (text, " ".join(text.split())):  # an error keeps its message on one line
            message = message.replace(written, name)
    return message
