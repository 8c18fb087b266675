"""Waves: where the P waves, QRS complexes and T waves of a recording lie, lead by lead, and which beat each is of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError

Samples = npt.NDArray[np.int64]

UNKNOWN = -1
"""A boundary or peak that could not be told; the beat of a wave that belongs to none."""


class Wave(IntEnum):
    """The kinds of waves, in the order in which they come in a beat."""

    P = 0
    QRS = 1
    T = 2


COLUMNS = ("lead", "beat", "kind", "onset", "peak", "offset")
"""Columns of :attr:`Waves.table`."""


@dataclass(frozen=True)
class Waves:
    """The waves of one recording. A wave that is absent has no row.

    Args:
        fs: Rate of the sample numbers, in Hz.
        leads: The recording's leads, in its order.
        beats: int64 [beats], R peaks in samples, ascending: one per beat, whatever the number of leads.
        table: int64 [waves, 6], the columns :data:`COLUMNS`, in samples from the recording's beginning, sorted by lead
            and onset. ``lead`` numbers ``leads``, ``beat`` numbers ``beats``, ``kind`` is a :class:`Wave`. ``onset`` is
            the first sample of the wave and ``offset`` the last; what is not known is :data:`UNKNOWN`.

    Raises:
        DataError: A table of another shape.
    """

    fs: float
    leads: tuple[str, ...]
    beats: Samples
    table: Samples

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.table.shape[1] != len(COLUMNS):
            raise DataError(f"Waves need a table [waves, {len(COLUMNS)}], not {self.table.shape}.")

    @classmethod
    def none(cls, fs: float, leads: tuple[str, ...]) -> Self:
        """Of a recording without beats."""
        return cls(fs, leads, np.empty(0, np.int64), np.empty((0, len(COLUMNS)), np.int64))

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> Samples:
        """One column of the table, of :data:`COLUMNS`."""
        return self.table[:, COLUMNS.index(name)]

    def of(self, *, lead: int | None = None, kind: Wave | None = None) -> Samples:
        """The rows of a lead, of a kind, or of both."""
        chosen = np.ones(len(self.table), bool)
        if lead is not None:
            chosen &= self.column("lead") == lead
        if kind is not None:
            chosen &= self.column("kind") == int(kind)
        return self.table[chosen]

    def fits(self, samples: int) -> bool:
        """Whether it can be of a recording of so many samples: every lead, beat, kind and time is one that there is."""
        times = self.table[:, 3:]
        return (
            _within(self.beats, 0, samples)
            and _within(self.column("lead"), 0, len(self.leads))
            and _within(self.column("beat"), UNKNOWN, len(self.beats))
            and _within(self.column("kind"), 0, len(Wave))
            and _within(times, UNKNOWN, samples)
        )

    def shifted(self, samples: int) -> Self:
        """The same waves of a recording that begins so many samples earlier."""
        table = self.table.copy()
        times = table[:, 3:]
        times[times != UNKNOWN] += samples
        return replace(self, beats=self.beats + samples, table=table)


class Beats(NamedTuple):
    """Annotated beats of the items of a store, sorted by item and sample.

    Attributes:
        item: int32 [beats], the item each lies in.
        sample: int32 [beats], its R peak, in samples of the item.
        symbol: int32 [beats], its number in ``symbols``.
        symbols: The annotation symbols that occur, e.g. ``("N", "V")`` (PhysioBank's).
    """

    item: npt.NDArray[np.int32]
    sample: npt.NDArray[np.int32]
    symbol: npt.NDArray[np.int32]
    symbols: tuple[str, ...]

    def fits(self, items: int, samples: int) -> bool:
        """Whether they can be of so many items of so many samples."""
        return (
            bool((np.diff(self.item) >= 0).all())
            and _within(self.item, 0, items)
            and _within(self.sample, 0, samples)
            and _within(self.symbol, 0, len(self.symbols))
        )


def _within(numbers: npt.NDArray[np.integer], first: int, end: int) -> bool:
    return not numbers.size or bool(numbers.min() >= first and numbers.max() < end)


def nearest(samples: Samples, among: Samples) -> Samples:
    """For each sample the place of the nearest one among others, ascending; of two as near the former, [samples]."""
    after = np.searchsorted(among, samples).clip(0, len(among) - 1)
    before = (after - 1).clip(0)
    closer = np.abs(samples - among[before]) <= np.abs(samples - among[after])
    place = np.where(closer, before, after)
    return np.searchsorted(among, among[place])  # the first of equal ones, so that both ways agree
