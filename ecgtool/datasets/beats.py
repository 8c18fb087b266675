"""Annotated beats on their way from a corpus to a store: which are in its items, and where."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.corpus import Corpus


class Marks(NamedTuple):
    """The annotated beats of a corpus, sorted by entry and time.

    Attributes:
        entry: int64 [beats], the number of the entry each is of.
        time_s: float64 [beats], its R peak, in seconds from the beginning of the recording.
        symbol: str [beats], as PhysioBank writes it.
    """

    entry: npt.NDArray[np.int64]
    time_s: npt.NDArray[np.float64]
    symbol: npt.NDArray[np.str_]


@runtime_checkable
class Annotated(Protocol):
    """A corpus whose beats are annotated: the targets of its tasks ``of="beat"`` have a row per mark."""

    marks: Marks


class Placed(NamedTuple):
    """The beats that lie in items of a store.

    Attributes:
        rows: int64 [beats], their numbers among the marks of the corpus.
        table: int32 [beats, 3]: item, sample, number of the symbol; as the store keeps them.
        symbols: The symbols that occur.
    """

    rows: npt.NDArray[np.int64]
    table: npt.NDArray[np.int32]
    symbols: tuple[str, ...]


def place(
    corpus: Corpus, rows: npt.NDArray[np.int64], onsets_s: npt.NDArray[np.float64], fs: float, samples: int
) -> Placed | None:
    """The beats of a corpus that lie in the items made of it; None where it annotates none.

    Args:
        corpus: The corpus.
        rows: The entry of each item, ascending: the items of an entry follow one another without a gap.
        onsets_s: Where in the recording each item begins, in seconds.
        fs: Rate of the store.
        samples: Of an item.
    """
    if not isinstance(corpus, Annotated):
        return None
    marks = corpus.marks
    first, number = np.searchsorted(rows, marks.entry), np.bincount(rows, minlength=len(corpus.entries))[marks.entry]
    starts = np.append(onsets_s, 0.0)[first]  # of an entry without items any will do: it has no room for beats
    sample = np.rint((marks.time_s - starts) * fs).astype(np.int64)
    kept = np.flatnonzero((sample >= 0) & (sample < number * samples))
    symbols, codes = np.unique(marks.symbol[kept], return_inverse=True)
    item, sample = first[kept] + sample[kept] // samples, sample[kept] % samples
    return Placed(kept, np.stack([item, sample, codes], axis=1).astype(np.int32), tuple(symbols.tolist()))
