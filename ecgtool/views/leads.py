"""LeadView: every lead of every recording an item of its own, as a network reads it that labels samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.settings import DataConfig
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.views.base import Indices, View

LEAD = "any"
"""What the one lead of an item is called: whichever it is, it is read alike."""


class LeadView(View):
    """The leads of a store's recordings, one after the other: item ``recording * leads + lead``.

    Args:
        base: What is on the disk.
        task: Of kind ``waves``, whose targets are of the samples of each lead.
        data: The options; none is of leads apart.
    """

    def __init__(self, base: Store, task: Task, data: DataConfig) -> None:
        held = base.manifest
        splits = {name: number * len(held.leads) for name, number in held.splits.items()}
        changed = {"items": held.items * len(held.leads), "leads": (LEAD,), "tabular": (), "splits": splits}
        super().__init__(base, task, data, held.model_copy(update=changed))

    @property
    def within(self) -> Indices:
        """The recording that each lead is of; int64 [items]."""
        return np.arange(self.manifest.items) // len(self.base.manifest.leads)

    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals of these leads, int16 [items, 1, samples]."""
        recordings, leads = np.divmod(items, len(self.base.manifest.leads))
        signals = self.base.signals
        if not len(items):
            return np.empty((0, 1, self.manifest.samples), np.int16)
        return np.stack([signals[recording, lead] for recording, lead in zip(recordings, leads, strict=True)])[:, None]

    def names(self) -> list[str]:
        """The id of each lead: that of its recording and its name."""
        return [f"{name}:{lead}" for name in self.base.column("id") for lead in self.base.manifest.leads]

    def own_targets(self) -> npt.NDArray[Any]:
        """int16 [items, samples]."""
        return np.asarray(self.base.targets(self.viewed)).reshape(self.manifest.items, self.manifest.samples)

    def own_digest(self) -> str:
        """Nothing is added to the base."""
        return "leads"
