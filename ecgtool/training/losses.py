"""Losses: how far logits are from the targets of a task. Items and labels marked as not labelled do not count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid, one_hot

from ecgtool.errors import ConfigError
from ecgtool.task import NOT_LABELLED, Task

Losses = Literal["bce", "ce", "focal"]


class Loss(nn.Module):
    """Mean over what is labelled, as float32 whatever the precision of the logits.

    ``bce`` and ``focal`` of a multilabel task treat each label on its own; weights count its positives. ``ce``, and
    ``focal`` where exactly one label holds, weight each class. ``bce`` of such a task asks for its label alone; of two
    labels it is the cross-entropy of one logit, that of the positive label less that of the other, and its positives
    weigh as many times as their weight is the other's. Targets are smoothed in training alone, so that what validation
    says can be compared.

    Args:
        name: ``bce``, ``ce`` or ``focal`` (Lin et al. 2017, arXiv:1708.02002).
        task: What the targets mean.
        weights: One per label, or None.
        gamma: Exponent of ``focal``: well-classified items fade with its power.
        smoothing: Share of each target that is spread over all labels, in ``bce`` over yes and no; not for ``focal``.

    Raises:
        ConfigError: The loss does not fit the task, or the weights do not fit its labels.
    """

    weights: Tensor | None

    def __init__(
        self,
        name: Losses,
        task: Task,
        weights: Sequence[float] | None = None,
        *,
        gamma: float = 2.0,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        _refuse_unfit(name, task, weights)
        self.name, self.labels, self.exclusive = name, len(task.labels), task.exclusive
        self.gamma, self.smoothing = gamma, smoothing
        self.positive = task.labels.index(task.asked[0]) if name == "bce" and task.binary else None
        if weights is not None and self.positive is not None:
            weights = [weights[self.positive] / weights[1 - self.positive]]
        tensor = None if weights is None else torch.tensor(weights, dtype=torch.float32)
        self.register_buffer("weights", tensor, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of ``logits`` [batch, labels]; ``target`` as :class:`ecgtool.task.Task` says."""
        each, share = self._parts(logits.float(), target)
        return each.sum() / share.sum().clamp(min=torch.finfo(each.dtype).tiny)

    def of_items(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each item [batch], the mean over its labels."""
        each, _ = self._parts(logits.float(), target)
        return each.reshape(len(each), -1).mean(dim=1)

    def _parts(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the weight in the mean of each label, or of each item: [batch, labels] or [batch]."""
        if not self.exclusive:
            return self._binary(logits, target == 1, target != NOT_LABELLED)
        if self.name != "bce":
            return self._categorical(logits, target)
        known = (target >= 0).unsqueeze(1)
        if self.positive is not None:
            asked = logits[:, self.positive] - logits[:, 1 - self.positive]
            return self._binary(asked.unsqueeze(1), (target == self.positive).unsqueeze(1), known)
        return self._binary(logits, one_hot(target.clamp(min=0), self.labels).bool(), known.expand_as(logits))

    def _binary(self, logits: Tensor, positive: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        truth = positive.to(logits.dtype)
        if self._smoothing:
            truth = truth * (1 - self._smoothing) + self._smoothing / 2
        each = binary_cross_entropy_with_logits(logits, truth, pos_weight=self.weights, reduction="none")
        if self.name == "focal":
            each = each * (1 - logsigmoid(torch.where(positive, logits, -logits)).exp()) ** self.gamma
        return each * known, known.to(each.dtype)

    def _categorical(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        each = cross_entropy(
            logits, target, self.weights, ignore_index=-1, reduction="none", label_smoothing=self._smoothing
        )
        known = target >= 0
        if self.name == "focal":
            chance = logits.softmax(dim=1).gather(1, target.clamp(min=0).unsqueeze(1)).squeeze(1)
            each = each * (1 - chance) ** self.gamma
        return each, known.to(each.dtype) if self.weights is None else self.weights[target.clamp(min=0)] * known

    @property
    def _smoothing(self) -> float:
        return self.smoothing if self.training else 0.0


def _refuse_unfit(name: Losses, task: Task, weights: Sequence[float] | None) -> None:
    if name == "ce" and not task.exclusive:
        raise ConfigError(
            f"The loss 'ce' needs a task where exactly one label holds; '{task.name}' is {task.kind}.",
            "Use --loss bce or focal.",
        )
    if weights is not None and (
        len(weights) != len(task.labels) or not all(0 < weight < math.inf for weight in weights)
    ):
        raise ConfigError(
            f"training.class_weights needs one positive weight for each of {', '.join(task.labels)};"
            f" {len(weights)} are given.",
            "Give as many, or leave them out with: --set training.class_weights=none",
        )


def balanced(task: Task, targets: npt.NDArray[np.generic]) -> tuple[float, ...]:
    """Weights that let rare labels count as much as frequent ones.

    Where exactly one label holds: items / (labels x items of the label). Else: negatives / positives of each label.
    A label without positives has weight 1.

    Args:
        task: What the targets mean.
        targets: Those of the training items.
    """
    rows = np.asarray(targets)
    if task.exclusive:
        counts = np.bincount(rows[rows >= 0].astype(np.int64), minlength=len(task.labels))
        weights = counts.sum() / (len(task.labels) * np.maximum(counts, 1))
    else:
        counts = (rows == 1).sum(axis=0)
        weights = (rows == 0).sum(axis=0) / np.maximum(counts, 1)
    return tuple(np.where((counts > 0) & (weights > 0), weights, 1.0).tolist())
