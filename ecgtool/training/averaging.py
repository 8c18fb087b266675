"""Averages of weights: what is validated and kept is the mean of many steps, or of many epochs.

``training.ema``  an exponential moving average over the steps (Polyak and Juditsky 1992; Tarvainen and Valpola 2017,
                  arXiv:1703.01780), whose decay rises as (1 + steps) / (10 + steps) to the one that is asked for, so
                  that the weights of the beginning are soon forgotten; running statistics of batch normalisation are
                  averaged alike
``training.swa``  the mean of the weights at the ends of the last epochs (stochastic weight averaging: Izmailov et al.
                  2018, arXiv:1803.05407), which run at a constant rate; batch normalisation is measured anew for it on
                  the training items, as they are in the store

Training itself goes on with its own weights, which ``last.ckpt`` holds beside the average.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader

from ecgtool.settings import TrainingConfig
from ecgtool.training.data import Batch
from ecgtool.training.schedules import first_averaged

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Average:
    """The mean of a model's weights and running statistics at several moments.

    Args:
        model: Whose state is averaged.
    """

    def __init__(self, model: nn.Module) -> None:
        self.tensors = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.count = 0

    @torch.no_grad()
    def add(self, model: nn.Module, decay: float | None = None) -> None:
        """Take in the model as it is now.

        Args:
            model: The model.
            decay: The largest share that the average before keeps; None makes a plain mean.
        """
        kept = self.count / (self.count + 1)
        if decay is not None and self.count:
            kept = min(decay, (1 + self.count) / (10 + self.count))
        for name, value in model.state_dict().items():
            average = self.tensors[name]
            if value.is_floating_point():
                average.lerp_(value, 1 - kept)
            else:
                average.copy_(value)
        self.count += 1

    @torch.no_grad()
    def exchange(self, model: nn.Module) -> None:
        """Put the average into the model and what the model had here; twice changes nothing."""
        for name, value in model.state_dict().items():
            held = value.clone()
            value.copy_(self.tensors[name])
            self.tensors[name].copy_(held)


class Averaging(Callback):
    """Lends an average of weights to validation. Here there is none: subclasses make it.

    Args:
        model: What is trained; the attribute ``model`` of the Lightning module.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.average: Average | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with the average in it, where there is one, for the length of a block."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring an average that was read from a checkpoint to where the model is by now."""
        del trainer
        if self.average is not None:
            held = self.average.tensors
            self.average.tensors = {name: value.to(pl_module.device) for name, value in held.items()}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the average."""
        del trainer, pl_module
        self._exchange()

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with what is trained."""
        del trainer, pl_module
        self._exchange()

    def state_dict(self) -> dict[str, Any]:
        """The average, inside ``last.ckpt``."""
        held = self.average
        return {} if held is None else {"average": dict(held.tensors), "count": held.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from an average."""
        self.average = Average(self.model)
        self.average.count = state_dict["count"]
        for name, value in state_dict["average"].items():
            self.average.tensors[name].copy_(value)

    def _add(self, decay: float | None = None) -> None:
        """Take in the model as it is now."""
        if self.average is None:
            self.average = Average(self.model)
        self.average.add(self.model, decay)

    def _exchange(self) -> None:
        if self.average is not None:
            self.average.exchange(self.model)


class MovingAverage(Averaging):
    """An exponential moving average over the steps.

    Args:
        model: What is trained.
        decay: What the average keeps of itself at each step, once there have been enough.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay, self._step = decay, 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count from where training is."""
        super().on_train_start(trainer, pl_module)
        self._step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Take in the weights after a step of the optimiser."""
        if trainer.global_step != self._step:
            self._step = trainer.global_step
            self._add(self.decay)


class LastEpochs(Averaging):
    """The mean of the weights at the ends of the last epochs.

    Args:
        model: What is trained.
        first: The first epoch that counts, from 0.
        batches: The training items in order, to measure batch normalisation by; this process's share of them.
    """

    def __init__(self, model: nn.Module, first: int, batches: DataLoader[Batch]) -> None:
        super().__init__(model)
        self.first, self.batches = first, batches

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take in the weights of an epoch that counts, and validate the average."""
        if trainer.current_epoch < self.first:
            return
        self._add()
        super().on_validation_epoch_start(trainer, pl_module)
        measure_statistics(pl_module, self.batches)


@torch.no_grad()
def measure_statistics(module: LightningModule, batches: DataLoader[Batch]) -> None:
    """Measure the running statistics of batch normalisation anew, as the mean over some batches.

    All else is as in validation: nothing is dropped out. A model without batch normalisation is left alone.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _NORMS) and layer.track_running_stats]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with module.trainer.precision_plugin.val_step_context():
        for batch in batches:
            module(module.trainer.strategy.batch_to_device(batch))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()


def averaging_of(training: TrainingConfig, model: nn.Module, batches: DataLoader[Batch]) -> Averaging:
    """What the settings ask for.

    Args:
        training: The settings.
        model: What is trained.
        batches: The training items in order.
    """
    if training.ema:
        return MovingAverage(model, training.ema)
    first = first_averaged(training)
    return Averaging(model) if first is None else LastEpochs(model, first, batches)
