"""LUDB, the Lobachevsky University Database (Kalyakulina et al. 2020): 12 leads, 10 s, every wave marked.

200 recordings at 500 Hz, one of a person each; cardiologists marked P waves, QRS complexes and T waves lead by lead.
The first and the last beats of a recording are not marked: before the first mark of a lead and after the last nothing
is known, and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.expert_waves import NOT_ASKED, TASK, Marked, joined, read_marked, sample_targets
from ecgtool.datasets.folder import folder_of
from ecgtool.datasets.marked_files import digest_of, numbered
from ecgtool.datasets.splits import Division
from ecgtool.errors import EcgError, NotFound
from ecgtool.files import Below
from ecgtool.formats import wfdb
from ecgtool.formats.wfdb_comments import person
from ecgtool.formats.wfdb_header import load_header
from ecgtool.record import LEADS_12, Record
from ecgtool.task import Task
from ecgtool.waves import Waves

FS, SECONDS = 500.0, 10.0
RECORDS = 200
STORE_FS = 250.0
"""Rate of the store in Hz unless another is asked for: waves end no sharper than its 4 ms."""
TEST, FOLDS, SEED = 40, 10, 42

_HINT = "Give the folder of LUDB, as it is downloaded."
_RHYTHM = re.compile(r"rhythm:\s*([A-Za-z ,]{1,60}?)\.?\s*$", re.IGNORECASE)


class LUDB:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings of the database's folder ``data``.

    Args:
        folder: As it is downloaded, or its folder ``data``; recordings may be missing.
        fs: Rate of the store that it is made for, in Hz: the targets' samples.
        division: How recordings are divided; None for :func:`parts`.

    Raises:
        NotFound: The folder, or every recording, is missing.
        FormatError: A header or an annotation file is damaged.
    """

    name = "ludb"
    fs = FS
    leads: tuple[str, ...] = LEADS_12
    samples = round(SECONDS * FS)
    tasks: Sequence[Task] = (TASK,)
    tabular: tuple[str, ...] = ()

    def __init__(self, folder: Path, fs: float = STORE_FS, division: Division | None = None) -> None:
        self.folder = folder_of(folder)
        self.rate = fs
        self._below = Below(self.folder)
        names = numbered(self.folder, _HINT)
        known = {name: _known(self._below(f"{name}.hea")) for name in names}
        dealt = parts(names) if division is None else division.deal(list(names), _rhythms(known))
        self.entries: Sequence[Entry] = tuple(
            Entry(number, number, name, split, fold, known[name])
            for (name, number), (split, fold) in zip(names.items(), dealt, strict=True)
        )
        self.marked, damaged = self._marked()
        if len(damaged) == len(names):
            raise NotFound(f"{self.folder} holds no record with waves of an expert (.i, .ii ...).", _HINT)
        self.targets: Mapping[str, npt.NDArray[Any]] = {TASK.name: self._targets()}
        self.tabular_values = np.empty((len(self.entries), 0), np.float32)
        self.sources: Mapping[str, str] = {"waves": digest_of(self.marked)}
        self.options: Mapping[str, Any] = {"division": asdict(division) if division else None}
        part = f"{len(names)} of the {RECORDS} recordings are here; " if len(names) < RECORDS else ""
        self.notes: Sequence[str] = (
            f"{part}samples before the first mark of a lead and after the last are not asked for.",
            *damaged,
        )

    def read(self, entry: Entry) -> Record:
        """The recording of an entry."""
        return wfdb.read(self._below(f"{entry.record}.hea"))

    def reference(self, entry: Entry) -> Waves:
        """The waves that experts marked in the recording of an entry, in samples of the store."""
        return joined(self.marked[entry.id], self.leads, self.rate)

    def _marked(self) -> tuple[Mapping[str, Sequence[Marked]], list[str]]:
        """What is marked in each lead of each recording, by entry; and notes on what cannot be read."""
        marked: dict[str, Sequence[Marked]] = {}
        damaged = []
        for entry in self.entries:
            paths = [self._below(f"{entry.record}.{lead.lower()}") for lead in self.leads]
            try:
                marked[entry.id] = [read_marked(path, FS, self.rate) for path in paths]
            except EcgError as error:
                console.log.debug("%s", error.message)
                marked[entry.id] = [Marked(np.empty((0, 4), np.int64), 0, -1)] * len(self.leads)
                damaged.append(f"The waves of record {entry.id} cannot be read: it is without targets.")
        return MappingProxyType(marked), damaged

    def _targets(self) -> npt.NDArray[np.int16]:
        """int16 [entries, leads, samples]."""
        samples = round(SECONDS * self.rate)
        made = np.full((len(self.entries), len(self.leads), samples), NOT_ASKED, np.int16)
        for row, entry in enumerate(self.entries):
            for lead, marked in enumerate(self.marked[entry.id]):
                made[row, lead] = sample_targets(marked, samples, self.rate)
        return made


def parts(names: Mapping[str, str]) -> list[tuple[str, int]]:
    """Split and fold of each recording, whichever of the 200 are there.

    The numbers 1 to 200, shuffled by seed: the first 40 are ``test`` (fold 11), the others ten folds of 16, of which
    the tenth is ``val``. Recordings of a whole database and of a part are dealt alike.

    Args:
        names: Each recording's number by its name.
    """
    order = np.random.default_rng(SEED).permutation(RECORDS) + 1
    place = {str(number): at for at, number in enumerate(order.tolist())}
    dealt = []
    for number in names.values():
        at = place.get(number, 0)
        fold = FOLDS + 1 if at < TEST else 1 + (at - TEST) * FOLDS // (RECORDS - TEST)
        dealt.append(("train" if fold < FOLDS else "val" if fold == FOLDS else "test", fold))
    return dealt


def _known(path: Path) -> Mapping[str, Any]:
    """Age, sex and rhythm, as the header states them."""
    comments = load_header(path).comments
    held = person(comments)
    age, sex = held.get("age"), held.get("sex")
    rhythm = next((found[1].strip() for line in comments if (found := _RHYTHM.search(line))), "")
    return {"age": None if age is None else int(age), "sex": None if sex is None else int(sex == "F"), "rhythm": rhythm}


def _rhythms(known: Mapping[str, Mapping[str, Any]]) -> npt.NDArray[np.bool_]:
    """Which rhythm each recording has; bool [recordings, rhythms]."""
    said = np.array([each["rhythm"] for each in known.values()])
    return np.asarray(said[:, None] == np.unique(said))
