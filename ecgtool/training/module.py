"""The Lightning module: counts to millivolts on the device, loss, validation metric, optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from ecgtool.errors import DataError
from ecgtool.metrics import score
from ecgtool.models.contract import Normalised
from ecgtool.settings import TrainingConfig
from ecgtool.task import Task
from ecgtool.training.augment import Augmentation
from ecgtool.training.data import Batch, seeded
from ecgtool.training.losses import Loss
from ecgtool.training.mixup import Mixup
from ecgtool.training.processes import agree
from ecgtool.training.schedules import optimizer, rate

CHECK_EVERY = 50
"""Steps between looks at the loss on a GPU, each of which waits for it; on a CPU every step is looked at."""


@dataclass(frozen=True)
class Goal:
    """What validation measures.

    Args:
        task: The task.
        metric: Name of the metric that picks the best epoch.
        targets: Those of the validation items, in order.
    """

    task: Task
    metric: str
    targets: npt.NDArray[Any]


class Masking(Protocol):
    """Hides other words of training sentences than those that the sentences come without."""

    def begin(self, epoch: int, rank: int) -> None:
        """Draw what is hidden in an epoch from the seed, its number and the process alone."""

    def drawn(self, batch: Batch) -> Batch:
        """The batch with words hidden at random, and targets at these alone."""


@dataclass(frozen=True)
class Method:
    """How a model is fitted.

    Args:
        training: The settings.
        augmentation: Changes training items, in millivolt.
        steps: Optimiser steps of the whole schedule.
        items: How many items a batch of the epoch has, all processes together.
        held: From which step on the rate is held for an average of weights; None where none is.
        mixup: Blends training items; None where they stay apart.
        masking: Hides words of sentences; None where nothing is hidden.
        brought: Names of the model's weights that come from another run and learn at ``init_lr`` of the rate.
    """

    training: TrainingConfig
    augmentation: Augmentation
    steps: int
    items: Callable[[int], int]
    held: int | None = None
    mixup: Mixup | None = None
    masking: Masking | None = None
    brought: tuple[str, ...] = ()


class Classifier(LightningModule):
    """Fits a :class:`ecgtool.models.contract.Normalised` model, which is its attribute ``model``.

    Args:
        model: Takes millivolts and raw tabular values.
        loss: What to minimise.
        goal: What validation measures.
        method: How to fit.
        mv_per_count: Scale of the store.
        hyper_parameters: Plain values that a checkpoint records, enough to build the model again.
    """

    def __init__(
        self,
        model: Normalised,
        loss: Loss,
        goal: Goal,
        method: Method,
        *,
        mv_per_count: float,
        hyper_parameters: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.model, self.loss, self.goal = model, loss, goal
        self.settings, self.method = method.training, method
        self.mv_per_count, self.recorded = mv_per_count, dict(hyper_parameters)
        self.validated: dict[str, float] = {}
        self._said: list[tuple[Tensor, Tensor]] = []
        self._train_loss = torch.zeros(2, dtype=torch.float64)
        self._bad_step = torch.tensor(-1)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [batch, labels], or [batch, labels, positions]."""
        return self._logits_of(self._millivolts(batch), batch)

    def _millivolts(self, batch: Batch) -> Tensor:
        return batch.signal.to(torch.float32) * self.mv_per_count

    def _logits_of(self, signal: Tensor, batch: Batch) -> Tensor:
        logits: Tensor = self.model(signal, batch.tabular if batch.tabular.shape[-1] else None, batch.tokens)
        return logits

    def on_train_epoch_start(self) -> None:
        """Draw what is random in an epoch from the seed and its number, so that a resumed run draws the same."""
        words = (self.settings.seed, self.current_epoch, self.global_rank)
        first, second = seeded(*words).integers(2**62, size=2)
        torch.manual_seed(int(first))
        self.method.augmentation.begin(int(second), self.device)
        if self.method.mixup is not None:
            self.method.mixup.begin(self.current_epoch, self.global_rank)
        if self.method.masking is not None:
            self.method.masking.begin(self.current_epoch, self.global_rank)
        self._train_loss = torch.zeros(2, dtype=torch.float64, device=self.device)
        self._bad_step = torch.tensor(-1, device=self.device)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of a batch, augmented: of crops, where the model reads crops."""
        if self.method.masking is not None:
            batch = self.method.masking.drawn(batch)
        loss = self._training_loss(*self._augmented(batch))
        with torch.no_grad():
            items = len(batch.target)
            self._train_loss += torch.stack([loss.double() * items, loss.new_tensor(items, dtype=torch.float64)])
            new = (self._bad_step < 0) & ~torch.isfinite(loss)
            self._bad_step = torch.where(new, index + 1, self._bad_step)
        if self.device.type == "cpu" or (index + 1) % CHECK_EVERY == 0:
            self._refuse_bad_loss()
        return self._weighed(loss, len(batch.target), index)

    def _augmented(self, batch: Batch) -> tuple[Tensor, Batch]:
        """The signal of a batch in millivolt, augmented, and the batch; targets of samples move with these."""
        signal = self._millivolts(batch)
        if self.goal.task.kind != "waves":
            return self.method.augmentation(self._cut(signal)), batch
        signal, target = self.method.augmentation.with_targets(signal, batch.target)
        return signal, batch._replace(target=target)

    def _cut(self, signal: Tensor) -> Tensor:
        cut: Tensor = signal if self.model.crops is None else self.model.crops(signal)
        return cut

    def _training_loss(self, signal: Tensor, batch: Batch) -> Tensor:
        mixup = self.method.mixup
        if mixup is None:
            return self.loss(self._logits_of(signal, batch), batch.target)
        blend = mixup.draw(len(signal), signal.device)
        logits = self._logits_of(blend(signal), batch._replace(tabular=blend(batch.tabular)))
        return blend.loss(self.loss, logits, batch.target)

    def _weighed(self, loss: Tensor, items: int, index: int) -> Tensor:
        """The loss of this process's items such that the mean over the processes is that over the items of all."""
        if self.trainer.world_size == 1:
            return loss
        return loss * (items * self.trainer.world_size / self.method.items(index))

    def train_loss(self) -> float:
        """Mean loss over the items of the epoch, of all processes.

        Raises:
            DataError: It was not finite at some step.
        """
        self._refuse_bad_loss()
        total, items = self.trainer.strategy.reduce(self._train_loss, reduce_op="sum").tolist()
        return float(total / items)

    def of_all_processes(self, values: Tensor) -> Tensor:
        """The rows of all processes in the order of the items; see :class:`ecgtool.training.data.OrderedBatches`."""
        if self.trainer.world_size == 1:
            return values
        return torch.as_tensor(self.all_gather(values)).transpose(0, 1).flatten(0, 1)

    def on_validation_epoch_start(self) -> None:
        """Let all processes validate the same model."""
        if self.trainer.world_size > 1:
            agree(self.model)

    def validation_step(self, batch: Batch) -> None:
        """Keep the logits and targets of a batch for the end of the epoch, of asked positions alone."""
        said = self(batch).float(), batch.target
        self._said.append(decisions(*said) if self.trainer.world_size == 1 else said)

    def on_validation_epoch_end(self) -> None:
        """Loss and metric over all validation items at once; every process comes to the same."""
        parts = [self.of_all_processes(torch.cat(part)) for part in zip(*self._said, strict=True)]
        if self.trainer.world_size > 1:  # the shares of the processes are padded to one length
            parts = [part[: len(self.goal.targets)] for part in parts]
        logits, targets = decisions(*parts)
        self._said = []
        if not torch.isfinite(logits).all():
            raise diverged("The outputs on the validation items are", self.current_epoch + 1, None, self.settings)
        chances = logits.softmax(dim=1) if self.goal.task.exclusive else logits.sigmoid()
        self.validated = {
            "val_loss": float(self.loss(logits, targets)),
            f"val_{self.goal.metric}": score(
                self.goal.metric, self.goal.task, targets.cpu().numpy(), chances.cpu().numpy()
            ),
        }
        if self.goal.task.kind == "tokens":
            self.validated["val_perplexity"] = float(cross_entropy(logits, targets).exp())

    def configure_optimizers(self) -> Any:
        """The optimiser and, where the rate follows from the step, its schedule."""
        made = optimizer(self.model, self.settings, self.method.brought)
        share = rate(self.settings, self.method.steps, self.method.held)
        if share is None:
            return made
        return {"optimizer": made, "lr_scheduler": {"scheduler": LambdaLR(made, share), "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Record how to build the model again."""
        checkpoint["hyper_parameters"] = self.recorded

    def _refuse_bad_loss(self) -> None:
        step = int(self._bad_step)
        if step >= 0:
            raise diverged("The training loss is", self.current_epoch + 1, step, self.settings)


def decisions(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [decisions, labels] and targets [decisions]: of asked positions, where items have several."""
    if logits.ndim == 2:
        return logits, target
    asked = target >= 0
    return logits.movedim(1, -1)[asked], target[asked]


def diverged(what: str, epoch: int, step: int | None, training: TrainingConfig) -> DataError:
    """The error that ends a training whose numbers are no longer numbers."""
    where = f"epoch {epoch}" if step is None else f"epoch {epoch}, step {step}"
    clip = "" if training.clip else " and --set training.clip=1"
    kept = "; the epochs before are kept in the run" if epoch > 1 else ""
    return DataError(
        f"{what} not finite in {where}.",
        f"Start again with a lower rate (--lr {training.lr / 10:g}){clip}{kept}.",
    )
