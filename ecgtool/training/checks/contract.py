"""What a check is asked about and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgtool.run import NormStats
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.folds import split_items
from ecgtool.training.lineage import Start
from ecgtool.training.plan import Plan

Indices = npt.NDArray[np.int64]
Status = Literal["passed", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Args:
        status: ``failed`` is what no result can be trusted with; ``warning`` is what a person must judge.
        found: In words and numbers.
    """

    status: Status
    found: str


@dataclass(frozen=True)
class Subject:
    """What is about to be trained.

    Args:
        plan: The configuration and the items it means.
        stats: The statistics that the model would normalise by.
        start: The weights to start from, if any.
    """

    plan: Plan
    stats: NormStats
    start: Start | None = None

    @property
    def config(self) -> TrainConfig:
        """The configuration."""
        return self.plan.config

    @property
    def store(self) -> Store:
        """The data."""
        return self.plan.store

    @property
    def task(self) -> Task:
        """What is learnt."""
        return self.plan.task

    @cached_property
    def splits(self) -> dict[str, Indices]:
        """The items of each split, labelled in the task; ``test`` may be empty."""
        test = split_items(self.config, self.store, self.task, "test")
        return {"train": self.plan.train, "val": self.plan.val, "test": test}

    def marks(self, items: Indices) -> npt.NDArray[np.bool_]:
        """Which labels these items carry: bool [items, labels]."""
        return self.task.marks(np.asarray(self.store.targets(self.task)[items]))

    def decisions(self, items: Indices) -> npt.NDArray[np.bool_]:
        """The label of each decision in these items: bool [decisions, labels], one per item unless it has several."""
        return self.task.marks(self.task.flat(np.asarray(self.store.targets(self.task)[items])))

    def spread(self, number: int) -> Indices:
        """At most so many items, evenly spread over all splits, ascending."""
        items = np.sort(np.concatenate(list(self.splits.values())))
        return items[np.unique(np.linspace(0, len(items) - 1, min(number, len(items))).astype(np.int64))]


@dataclass(frozen=True)
class Check:
    """One question about what is about to be trained.

    Args:
        question: As a person would ask it.
        ask: Answers it.
        quick: Takes a second at most, so that every training asks it first.
        binding: Whether a failure keeps a training from beginning; otherwise it is a warning there.
    """

    question: str
    ask: Callable[[Subject], Finding]
    quick: bool = False
    binding: bool = True


def listed(parts: list[str], most: int = 5) -> str:
    """The first of several things, and how many more there are."""
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
