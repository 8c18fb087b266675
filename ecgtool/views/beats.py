"""Heartbeats as items: the signal around each annotated beat, and features of it as tabular inputs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.settings import DataConfig
from ecgtool.signals.beats import columns, cut, features, reach
from ecgtool.store import SPLITS, Store
from ecgtool.task import Task
from ecgtool.views.base import Indices, View

if TYPE_CHECKING:
    import pandas as pd


class BeatView(View):
    """The beats of a store that are labelled in a task, in the order of the store.

    Args:
        base: Holds annotated beats.
        task: Of beats.
        data: Says what belongs to a beat.

    Raises:
        DataError: The store has no annotated beats.
        ConfigError: The task is not of beats, or a feature is none.
    """

    def __init__(self, base: Store, task: Task, data: DataConfig) -> None:
        if task.of != "beat":
            raise ConfigError(f"The task '{task.name}' is not of heartbeats.", "Choose another --task or --arch.")
        held = base.manifest
        self.around = reach(data.beats, held.fs)
        rows = np.flatnonzero(np.asarray(base.targets(task)) >= 0)
        split = np.array(base.column("split"))[base.beats.item[rows]]
        manifest = held.model_copy(
            update={
                "tasks": (task,),
                "items": len(rows),
                "samples": sum(self.around),
                "tabular": columns(data.beats),
                "splits": {name: int(np.count_nonzero(split == name)) for name in SPLITS},
            }
        )
        super().__init__(base, task, data, manifest)
        self.rows = rows

    @cached_property
    def within(self) -> Indices:
        """The base's item that each beat lies in."""
        return self.base.beats.item[self.rows].astype(np.int64)

    @cached_property
    def peaks(self) -> Indices:
        """The R peak of each beat, in samples of the base's item; int64 [beats]."""
        return self.base.beats.sample[self.rows].astype(np.int64)

    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals around these beats, int16 [beats, leads, samples] in counts."""
        return cut(self.base.signals, self.within[items], self.peaks[items], self.around)

    @cached_property
    def tabular(self) -> npt.NDArray[np.float32]:
        """float32 [beats, columns] as named by ``manifest.tabular``; NaN where unknown."""
        beats = self.base.beats
        real = np.isin(beats.symbols, sorted(BEATS))[beats.symbol]
        made = np.empty((len(beats.item), len(self.manifest.tabular)), np.float32)
        for item in np.unique(beats.item).tolist():
            first, last = np.searchsorted(beats.item, [item, item + 1])
            made[first:last] = self._features(item, beats.sample[first:last].astype(np.int64), real[first:last])
        return made[self.rows]

    def _features(self, item: int, samples: Indices, real: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """Features of all marks of an item; a mark that is no beat has those of the nearest beat."""
        peaks = samples[real]
        if not len(peaks):
            return np.full((len(samples), len(self.manifest.tabular)), np.nan, np.float32)
        made = features(self.base.millivolts(item), self.manifest.fs, peaks, self.data.beats)
        nearest = np.abs(samples[:, None] - peaks).argmin(axis=1) if len(peaks) < len(samples) else slice(None)
        return made[nearest]

    def names(self) -> list[str]:
        """``RECORD@SECONDS`` of each beat."""
        ids = self.base.column("id")
        return [f"{ids[item]}@{time}" for item, time in zip(self.within.tolist(), self._times(), strict=True)]

    def _times(self) -> list[str]:
        """When each beat is, in seconds from the beginning of its item."""
        return [f"{time:.3f}" for time in (self.peaks / self.manifest.fs).tolist()]

    @cached_property
    def items(self) -> pd.DataFrame:
        """The rows of the base that the beats lie in, with the id, the time and the symbol of each beat."""
        frame = self.base.items.iloc[self.within].reset_index(drop=True)
        return frame.assign(
            id=self.names(), onset_s=frame["onset_s"] + self.peaks / self.manifest.fs, symbol=self.symbol
        )

    @property
    def symbol(self) -> npt.NDArray[np.str_]:
        """The annotation symbol of each beat."""
        beats = self.base.beats
        return np.array(beats.symbols)[beats.symbol[self.rows]]

    def column(self, name: str) -> list[str]:
        """One column of :attr:`items` as text."""
        if name == "symbol":
            return [str(symbol) for symbol in self.symbol]
        if name == "onset_s":
            return [str(time) for time in self.items["onset_s"]]
        return super().column(name)

    def own_targets(self) -> npt.NDArray[Any]:
        """The class of each beat, int16 [beats]."""
        return np.asarray(self.base.targets(self.viewed))[self.rows]

    def own_digest(self) -> str:
        """The beats and what belongs to each."""
        from ecgtool.files import digest

        return f"{digest(self.path / 'beats.npy')} {self.data.beats.model_dump_json()}"
