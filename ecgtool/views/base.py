"""What views share: the items of another store, seen as items of their own."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError
from ecgtool.manifest import StoreManifest
from ecgtool.settings import DataConfig
from ecgtool.store import Store
from ecgtool.task import Task

if TYPE_CHECKING:
    import pandas as pd

Indices = npt.NDArray[np.int64]


class Gathers(Protocol):
    """A store that makes its signals when they are asked for."""

    manifest: StoreManifest

    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals of these items, int16 [items, leads, samples] in counts of ``manifest.scale_uv``."""


class Gathered:
    """An array that is made as it is indexed: int16 [items, leads, samples] in counts, by an array of item numbers.

    Args:
        view: Makes the signals.
    """

    def __init__(self, view: Gathers) -> None:
        self.view = view

    def __len__(self) -> int:
        return self.view.manifest.items

    def __getitem__(self, items: Any) -> npt.NDArray[np.int16]:
        """The signals of one item [leads, samples], or of several [items, leads, samples]."""
        numbers = np.arange(len(self))[items]
        made = self.view.gather(np.atleast_1d(numbers))
        return made if np.ndim(numbers) else made[0]


class View(Store):
    """A store whose items lie in the items of another one.

    Args:
        base: What is on the disk.
        task: The task that it is viewed for; the only one it holds.
        data: The options of the view.
        manifest: As of the base, but for what differs: items, leads, samples, tabular columns.
    """

    def __init__(self, base: Store, task: Task, data: DataConfig, manifest: StoreManifest) -> None:
        super().__init__(base.path, manifest)
        self.base, self.viewed, self.data = base, task, data

    @abstractmethod
    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals of these items, int16 [items, leads, samples] in counts of ``manifest.scale_uv``."""

    @property
    @abstractmethod
    def within(self) -> Indices:
        """The base's item that each item lies in; int64 [items]."""

    @abstractmethod
    def names(self) -> list[str]:
        """The id of each item."""

    @abstractmethod
    def own_targets(self) -> npt.NDArray[Any]:
        """The targets of each item: int16 [items], or [items, positions] where -1 is where nothing is asked."""

    @abstractmethod
    def own_digest(self) -> str:
        """A digest of what the view adds to the base: its arrays and its options."""

    @cached_property
    def signals(self) -> Any:
        """int16 [items, leads, samples], gathered from the base as they are indexed."""
        return Gathered(self)

    @cached_property
    def items(self) -> pd.DataFrame:
        """The rows of the base that the items lie in, with ids of their own."""
        frame = self.base.items.iloc[self.within].reset_index(drop=True)
        return frame.assign(id=self.names())

    def column(self, name: str) -> list[str]:
        """One column of :attr:`items` as text."""
        if name == "id":
            return self.names()
        held = np.array(self.base.column(name))
        return [str(value) for value in held[self.within]]

    def targets(self, task: Task) -> npt.NDArray[Any]:
        """The targets of each item in the task that it is viewed for.

        Raises:
            ConfigError: Of another task.
        """
        if task.name != self.viewed.name:
            raise ConfigError(f"{self.path.name} is viewed for the task '{self.viewed.name}', not for '{task.name}'.")
        return self._targets

    def owners(self, task: Task) -> Indices:
        """Each item has a row of its own."""
        del task
        return np.arange(self.manifest.items)

    @cached_property
    def _targets(self) -> npt.NDArray[Any]:
        return self.own_targets()

    def digest(self, task: Task) -> str:
        """One digest of what a run learns from: the base's, and what the view adds."""
        words = f"{self.base_digest(task)}\n{self.own_digest()}"
        return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"

    def base_digest(self, task: Task) -> str:
        """The base's digest of the task; a view of a task that has no targets on the disk overrides it."""
        return self.base.digest(task)
