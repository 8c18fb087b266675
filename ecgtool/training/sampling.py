"""Oversampling: rare labels drawn more often, so that each is seen as often as the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.task import Task
from ecgtool.training.data import Draw, Indices, seeded

MOST_DRAWS = 25
"""So many times an epoch at most is an item drawn: one of a label that hardly occurs would be learnt by heart."""

_OVERSAMPLING = 1
"""Tells these random numbers from the others of an epoch."""


class Balanced:
    """As many items as another draw, those of each rarest label equally often.

    Draws are systematic (Kish 1965): an item comes as often as it is expected to, rounded up or down, so that an epoch
    leaves out no more than it has to.

    Args:
        draw: What to draw from.
        rarest: The rarest label of each item of the store; see :func:`rarest_label`.
        seed: Decides what is drawn, together with the epoch.
    """

    def __init__(self, draw: Draw, rarest: npt.NDArray[np.int64], seed: int) -> None:
        self.draw, self.rarest, self.seed = draw, rarest, seed

    def size(self, epoch: int) -> int:
        """As many as the other draw."""
        return self.draw.size(epoch)

    def __call__(self, epoch: int) -> Indices:
        """The items of an epoch."""
        random = seeded(self.seed, epoch, 0, _OVERSAMPLING)
        items = random.permutation(self.draw(epoch))
        _, label, count = np.unique(self.rarest[items], return_inverse=True, return_counts=True)
        ends = np.cumsum(expected_draws(count)[label])
        places = np.searchsorted(ends, random.random() + np.arange(len(items)), side="right")
        return np.asarray(items[np.minimum(places, len(items) - 1)])


def expected_draws(count: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How often an item of each label is drawn: all labels alike, as far as ``MOST_DRAWS`` lets the rare ones.

    What a rare label cannot take up, the others share. As many are drawn as there are items.

    Args:
        count: int64 [labels]: items of each, one at least.

    Returns:
        float64 [labels].
    """
    draws, left = np.empty(len(count)), float(count.sum())
    for done, label in enumerate(np.argsort(count, kind="stable")):
        draws[label] = min(left / (len(count) - done) / count[label], MOST_DRAWS)
        left -= draws[label] * count[label]
    return draws


def rarest_label(task: Task, targets: npt.NDArray[Any], items: Indices) -> npt.NDArray[np.int64]:
    """Of each item of a store, which of its labels is the rarest among some items.

    Args:
        task: What the targets mean.
        targets: Those of all items.
        items: The items to count in.

    Returns:
        int64 [items of the store]: the number of a label; that of labels where none holds.
    """
    if task.several(targets):  # oversampling is refused there
        return np.zeros(len(targets), np.int64)
    if task.exclusive:
        return np.where(targets >= 0, targets, len(task.labels)).astype(np.int64)
    holds = targets == 1
    counts = holds[items].sum(axis=0)
    order = np.argsort(counts, kind="stable")
    return np.where(holds.any(axis=1), order[holds[:, order].argmax(axis=1)], len(task.labels))
