"""What a corpus promises to ``prepare``: its records, how to read each, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.record import Record
from ecgtool.task import Task

PERSON = "person"
"""Key of ``Record.meta`` under which a corpus may give a pseudonym of whom the file itself names: see
:func:`ecgtool.datasets.contents.describe`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a corpus: a row of ``items.csv`` in the making.

    Args:
        id: Unique within the corpus.
        patient: Recordings of one person share it.
        record: Where it lies, relative to the corpus (a path without suffix for WFDB); empty where it is made.
        split: ``train``, ``val`` or ``test``.
        fold: Fold number of the corpus, 0 where it has none.
        metadata: Further columns of ``items.csv``; every entry has the same keys.
        start_s: Where in the recording the entry begins: a fragment with labels of its own.
        seconds: How long the fragment is; None to the recording's end.
    """

    id: str
    patient: str
    record: str
    split: str
    fold: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    start_s: float = 0.0
    seconds: float | None = None


class Corpus(Protocol):
    """A collection of recordings with labels. Picklable, so that workers can read."""

    name: str
    fs: float
    leads: tuple[str, ...]
    samples: int
    entries: Sequence[Entry]
    tasks: Sequence[Task]
    targets: Mapping[str, npt.NDArray[Any]]  # per task name, rows as entries
    tabular: tuple[str, ...]
    tabular_values: npt.NDArray[np.float32]  # [entries, columns], NaN where unknown
    sources: Mapping[str, str]  # digests of the tables it was read from
    notes: Sequence[str]  # what was left out or looked odd, in words
    options: Mapping[str, Any]  # what decided labels and splits

    def read(self, entry: Entry) -> Record:
        """The recording of an entry; of a fragment, that part alone.

        Its rate, leads and length may differ from ``fs``, ``leads`` and ``samples``, which say what is usual: every
        recording is brought to the store's rate and leads, or is left out and told.

        Raises:
            EcgError: It is missing or damaged.
        """
