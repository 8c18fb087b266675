"""What a training reads: the batches of each epoch, those of validation, and how many steps they come to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from ecgtool import console
from ecgtool.settings import TrainingConfig
from ecgtool.training.curriculum import Curriculum, noisiness
from ecgtool.training.data import (
    VALIDATION_BATCH,
    Batch,
    Draw,
    EveryItem,
    Items,
    OrderedBatches,
    ShuffledBatches,
    loader,
)
from ecgtool.training.inference import pick_device
from ecgtool.training.module import Classifier
from ecgtool.training.plan import Plan
from ecgtool.training.processes import rank_of
from ecgtool.training.sampling import Balanced, rarest_label


class Feed(LightningDataModule):
    """This process's share of the items.

    Args:
        plan: The data and how a model is fitted to it.
        targets: Those of every item of the store.
        first: The epoch that training begins with, from 0.
    """

    def __init__(self, plan: Plan, targets: npt.NDArray[Any], first: int = 0) -> None:
        super().__init__()
        self.training, self.first = plan.config.training, first
        rarest = rarest_label(plan.task, targets, plan.train)
        self.curriculum = _curriculum(plan, rarest)
        draw: Draw = self.curriculum or EveryItem(plan.train)
        if self.training.oversample == "balanced":
            draw = Balanced(draw, rarest, self.training.seed)
        place = rank_of(self.training.devices), self.training.devices * self.training.nodes
        self.shuffled = ShuffledBatches(draw, self.training.batch, self.training.seed, 0, *place)
        batch = max(self.training.batch, VALIDATION_BATCH)
        whole = Items(plan.store, targets, plan.columns)  # the processes of one training join rows of one length
        cut = Items(plan.store, targets, plan.columns, trim=True)
        workers, pin = self.training.workers, pick_device(self.training.device) == "cuda"
        self._train = loader(cut, self.shuffled, workers=workers, pin=pin)
        joined = OrderedBatches(plan.val, batch, *place)
        self._val = loader(whole if place[1] > 1 else cut, joined, workers=workers, pin=pin)
        self.in_order = loader(whole, OrderedBatches(plan.train, batch, *place), pin=pin)
        self._items = len(plan.train)

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the epoch that begins."""
        begun = 0 if self.trainer is None else self.trainer.current_epoch
        epoch = max(self.first, begun)  # a trainer that goes on asks for batches before it knows where it is
        if self.curriculum is not None:
            self.curriculum.begin(epoch, self._losses)
        self.shuffled.set_epoch(epoch)
        return self._train

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation items in order."""
        return self._val

    def batches(self, epochs: int) -> int:
        """Batches of the first epochs."""
        return sum(self.shuffled.batches(epoch) for epoch in range(epochs))

    def steps(self, epochs: int) -> int:
        """Steps of the optimiser in the first epochs; an epoch ends with a step."""
        return sum(-(-self.shuffled.batches(epoch) // self.training.accumulate) for epoch in range(epochs))

    def _losses(self) -> npt.NDArray[np.float32]:
        """The loss of each training item as the model stands."""
        if self.trainer is None or not isinstance(self.trainer.lightning_module, Classifier):
            raise RuntimeError("the losses of items were asked for outside of a training")
        return item_losses(self.trainer.lightning_module, self.in_order)[: self._items]


@torch.no_grad()
def item_losses(module: Classifier, batches: DataLoader[Batch]) -> npt.NDArray[np.float32]:
    """The loss of each item of some batches, of all processes, as in validation: nothing is changed or dropped out.

    Args:
        module: In the middle of a training.
        batches: This process's share; see :class:`ecgtool.training.data.OrderedBatches`.

    Returns:
        float32 [items], in order, those that pad the shares last.
    """
    mode, trainer = module.training, module.trainer
    module.eval()
    losses = []
    with trainer.precision_plugin.val_step_context():
        for batch in batches:
            there = trainer.strategy.batch_to_device(batch)
            losses.append(module.loss.of_items(module(there), there.target))
    module.train(mode)
    return np.asarray(module.of_all_processes(torch.cat(losses)).cpu().numpy())


def _curriculum(plan: Plan, rarest: npt.NDArray[np.int64]) -> Curriculum | None:
    """What the settings ask for; None where they ask for none."""
    training: TrainingConfig = plan.config.training
    if training.curriculum == "none":
        return None
    if training.curriculum == "loss":
        return Curriculum(plan.train, training, rarest[plan.train])
    console.log.info("measuring the noise of %d items", len(plan.train))
    return Curriculum(plan.train, training, np.zeros(len(plan.train), np.int64), noisiness(plan.store, plan.train))
