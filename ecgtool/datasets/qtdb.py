"""The QT Database (Laguna et al. 1997): two leads, 15 minutes at 250 Hz, about 30 beats of each marked by an expert.

The first expert's marks (``.q1c``) hold for both leads alike. The headers of some recordings state no gain, so none is
taken to be in millivolts. Some recordings are cut from other databases, MIT-BIH's
among them: who trains on those has seen a part of these. All of it is one ``test`` split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.expert_waves import NOT_ASKED, TASK, Marked, joined, read_marked, sample_targets
from ecgtool.datasets.folder import folder_of
from ecgtool.datasets.marked_files import digest_of, records_below
from ecgtool.errors import EcgError, NotFound
from ecgtool.files import Below
from ecgtool.formats import wfdb
from ecgtool.record import Record
from ecgtool.task import Task
from ecgtool.waves import UNKNOWN, Wave, Waves

FS, SAMPLES = 250.0, 224_900
"""Rate in Hz, and samples of an item: the shortest recordings lack a few samples of 15 minutes."""
MARKS = "q1c"
LEADS = ("ECG1", "ECG2")
"""What the two leads of every recording are called: which they are differs, and is not known of most."""
MIT_BIH = ("sel100", "sel102", "sel103", "sel104", "sel114", "sel116", "sel117", "sel123", "sel213", "sel221", "sel223",
           "sel230", "sel231", "sel232", "sel233")  # fmt: skip
"""Recordings cut from the MIT-BIH Arrhythmia Database, which numbers them so."""
_HINT = "Give the folder of the QT Database, as it is downloaded."


class QTDB:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings of a folder that the first expert marked.

    Args:
        folder: As it is downloaded, or a part of it.
        fs: Rate of the store that it is made for, in Hz: the targets' samples.

    Raises:
        NotFound: The folder is missing, or it holds no marked recording.
    """

    name = "qtdb"
    fs = FS
    leads: tuple[str, ...] = LEADS
    samples = SAMPLES
    tasks: Sequence[Task] = (TASK,)
    tabular: tuple[str, ...] = ()

    def __init__(self, folder: Path, fs: float = FS) -> None:
        self.folder = folder_of(folder)
        self.rate = fs
        self._below = Below(self.folder)
        names = records_below(self.folder, _HINT)
        self.marked, without = self._marked(names)
        if not self.marked:
            raise NotFound(f"{self.folder} holds no record with waves of an expert (.{MARKS}).", _HINT)
        self.entries: Sequence[Entry] = tuple(
            Entry(name, name, name, "test", 0, {"mit_bih": int(Path(name).name in MIT_BIH)}) for name in self.marked
        )
        self.targets: Mapping[str, npt.NDArray[Any]] = {TASK.name: self._targets()}
        self.tabular_values = np.empty((len(self.entries), 0), np.float32)
        self.sources: Mapping[str, str] = {"waves": digest_of({name: [one] for name, one in self.marked.items()})}
        self.options: Mapping[str, Any] = {}
        cut = [Path(name).name for name in self.marked if Path(name).name in MIT_BIH]
        self.notes: Sequence[str] = (
            "The expert's waves are of both leads alike; what lies between beats that are not marked is not asked for.",
            *(
                [f"{len(cut)} recordings are cut from the MIT-BIH Arrhythmia Database: {', '.join(cut)}."]
                if cut
                else []
            ),
            *([f"{len(without)} recordings have no readable {MARKS} and were left out."] if without else []),
        )

    def read(self, entry: Entry) -> Record:
        """The recording of an entry; its leads renamed, as a store has the same ones throughout."""
        record = wfdb.read(self._below(f"{entry.record}.hea"))
        meta = {**record.meta, "calibrated": False}
        return replace(record, leads=LEADS if len(record.leads) == len(LEADS) else record.leads, meta=meta)

    def reference(self, entry: Entry) -> Waves:
        """The waves that the expert marked, in samples of the store; the same ones in both leads."""
        return joined([self.marked[entry.id]] * len(LEADS), LEADS, self.rate)

    def _marked(self, names: Sequence[str]) -> tuple[Mapping[str, Marked], list[str]]:
        """What is marked in each recording, and the names of those where nothing is, or nothing readable."""
        marked: dict[str, Marked] = {}
        without = []
        for name in names:
            try:
                marked[name] = read_marked(self._below(f"{name}.{MARKS}"), FS, self.rate)
            except EcgError as error:
                console.log.debug("%s", error.message)
                without.append(name)
        return MappingProxyType(marked), without

    def _targets(self) -> npt.NDArray[np.int16]:
        """int16 [entries, leads, samples]; asked from the first onset of a marked beat to its last end."""
        samples = round(SAMPLES / FS * self.rate)
        made = np.full((len(self.entries), len(LEADS), samples), NOT_ASKED, np.int16)
        for row, marked in enumerate(self.marked.values()):
            target = sample_targets(marked, samples, self.rate)
            target[between_beats(marked, samples)] = NOT_ASKED
            made[row] = target
        return made


def between_beats(marked: Marked, samples: int) -> npt.NDArray[np.bool_]:
    """The samples behind a T wave, or a complex without one, and before the first wave of the next marked beat.

    There may lie beats that nobody marked.
    """
    kind, _onset, peak, offset = marked.waves.T
    ends = np.where(offset == UNKNOWN, peak, offset)
    starts = np.where(marked.waves[:, 1] == UNKNOWN, peak, marked.waves[:, 1])
    outside = np.zeros(samples, bool)
    last = (kind[:-1] == Wave.T) | ((kind[:-1] == Wave.QRS) & (kind[1:] != Wave.T))
    for end, start in zip(ends[:-1][last].tolist(), starts[1:][last].tolist(), strict=True):
        outside[end + 1 : start] = True
    return outside
