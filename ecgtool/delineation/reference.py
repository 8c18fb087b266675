"""The waves that a corpus's experts marked, in its store: the set ``reference``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ecgtool.datasets.corpus import Corpus, Entry
from ecgtool.delineation.stored import add_waves
from ecgtool.store import Store
from ecgtool.waves import Waves

NAME = "reference"


class Marked(Corpus, Protocol):
    """A corpus whose waves experts marked."""

    def reference(self, entry: Entry) -> Waves:
        """The waves of the recording of an entry, in samples of the store."""


def add_reference(store: Store, corpus: Marked) -> Store:
    """Add what experts marked to the store of a corpus; where it is there already, nothing is done.

    Args:
        store: Made of the corpus, one item per entry.
        corpus: What it was made of.

    Raises:
        EcgError: As :func:`ecgtool.delineation.stored.add_waves`.
    """
    entries = {entry.id: entry for entry in corpus.entries}
    ids = store.column("id")

    def find(items: Sequence[int]) -> Iterable[Waves]:
        return (corpus.reference(entries[ids[item]]) for item in items)

    return add_waves(store, NAME, find, beats_from="reference")
