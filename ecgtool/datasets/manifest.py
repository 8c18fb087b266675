"""Own recordings listed in a manifest: a CSV file with ``patient_id``, ``path_xml`` (or ``path``) and ``label``.

What a store takes from it is the waveform, the labels, and inputs that say nothing of who the person is. Items are
named after their lines in the manifest, patients after a keyed digest, and no path, id, name or date is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from ecgtool.datasets.anonymous import anonymous, nameless
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.inputs import make_inputs
from ecgtool.datasets.labels import make_task, marks_of
from ecgtool.datasets.manifest_rows import SPLIT, read_listing
from ecgtool.datasets.patients import pseudonym
from ecgtool.datasets.splits import Division
from ecgtool.datasets.stated_splits import split_rows
from ecgtool.deidentify.key import Key
from ecgtool.errors import ConfigError, EcgError
from ecgtool.files import digest, expanded
from ecgtool.formats import read_record
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.task import Task

LEADS = MappingProxyType({8: LEADS_8, 12: LEADS_12})
FS, SAMPLES = 500.0, 5000


@dataclass(frozen=True)
class Shape:
    """What every item becomes.

    Args:
        leads: 8 (I, II, V1-V6: the others follow from these) or 12.
        samples: Of an item.
        fs: Rate of the items in Hz.
    """

    leads: int = 8
    samples: int = SAMPLES
    fs: float = FS


USUAL = Shape()


class Manifest:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings that a manifest lists.

    Args:
        file: The manifest.
        key: Turns patient ids into pseudonyms.
        root: The folder that recordings lie in; that of the manifest where None.
        shape: Of every item.
        inputs: Columns that become tabular inputs; None takes all that are fit.
        division: How patients are divided; None takes the column ``split``, or 70, 15 and 15 per cent.
        positive: Of two labels the positive one; empty for the one that is no obvious "no".

    Raises:
        NotFound: The manifest, the folder or a column is missing.
        FormatError: The manifest is damaged; the message names the line.
        ConfigError: An option that cannot be.
        DataError: Nothing can be learnt from it.
    """

    name = "manifest"
    # What its labels rest on, the manifest does not say.
    voltage_labels: Mapping[str, Sequence[str]] = MappingProxyType({})

    def __init__(
        self,
        file: Path,
        key: Key,
        *,
        root: Path | None = None,
        shape: Shape = USUAL,
        inputs: Sequence[str] | None = None,
        division: Division | None = None,
        positive: str = "",
    ) -> None:
        if shape.leads not in LEADS:
            raise ConfigError(f"--leads {shape.leads} cannot be.", "8 (I, II, V1-V6) or 12.")
        file = expanded(file)
        listing = read_listing(file, root)
        self.fs, self.samples, self.leads = shape.fs, shape.samples, LEADS[shape.leads]
        self.sources: Mapping[str, str] = {"manifest": digest(file)}
        self.options: Mapping[str, Any] = {
            "leads": shape.leads,
            "length": shape.samples,
            "inputs": None if inputs is None else ",".join(inputs),
            "division": asdict(division) if division else None,
            "positive": positive or None,
        }
        rows, places = listing.rows, listing.places
        told = make_inputs({name: [row.further[name] for row in rows] for name in listing.columns}, places, inputs)
        task, targets, about = make_task("label", [row.labels for row in rows], places, positive=positive)
        self.tasks: Sequence[Task] = (task,)
        self.targets: Mapping[str, npt.NDArray[Any]] = {task.name: targets}
        self.tabular, self.tabular_values = told.columns, told.values
        patients = [row.patient for row in rows]
        stated = SPLIT if listing.split and division is None else ""
        cells = [row.split for row in rows]
        dealt, divided = split_rows(stated, cells, places, patients, marks_of(task, targets), division)
        self.notes: Sequence[str] = (*listing.notes, *about, *told.notes, *divided)
        names = [places.name(place) for place in range(len(rows))]
        self.entries: Sequence[Entry] = tuple(
            Entry(name, pseudonym(key, patient), name, split, fold, known)
            for name, patient, (split, fold), known in zip(names, patients, dealt, told.metadata(), strict=True)
        )
        self._paths = dict(zip(names, [row.path for row in rows], strict=True))
        self._key = key

    def read(self, entry: Entry) -> Record:
        """The recording of an entry, under the entry's name; errors do not tell its path either."""
        path = self._paths[entry.id]
        try:
            record = read_record(path)
        except EcgError as error:
            raise type(error)(anonymous(error.message, path, entry.id), error.hint) from None
        return nameless(record, path, entry, key=self._key)
