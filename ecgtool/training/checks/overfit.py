"""Can one batch be overfitted? A new model that cannot learn a few items by heart will not learn thousands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ecgtool.models.contract import Inputs, Normalised, assembled
from ecgtool.training.checks.contract import Check, Finding, Indices, Subject
from ecgtool.training.data import Items, seeded
from ecgtool.training.inference import pick_device
from ecgtool.training.losses import Loss, balanced

ITEMS = 16
STEPS = 300
LIMIT_S = 60.0
LEARNT = 0.02
"""Share of its first value that the loss must come down to."""

FEW_STEPS = 40
"""A model that does no more steps in the time is too slow for a judgement."""


@dataclass(frozen=True)
class Descent:
    """How a loss came down.

    Args:
        first: Before the first step.
        last: After the last one.
        steps: Optimiser steps.
        seconds: What they took.
    """

    first: float
    last: float
    steps: int
    seconds: float

    @property
    def learnt(self) -> bool:
        """Whether the loss came close to nothing."""
        return self.last <= LEARNT * self.first

    def __str__(self) -> str:
        return f"loss {self.first:.3g} to {self.last:.3g} in {self.steps} steps, {self.seconds:.0f} s"


def ask(subject: Subject) -> Finding:
    """Train a new model on a few training items, without augmentation, dropout or smoothing."""
    items = _chosen(subject)
    descent = _descend(subject, items)
    if descent.learnt:
        return Finding("passed", f"{len(items)} items: {descent}")
    if not np.isfinite(descent.last):
        return Finding("failed", f"{len(items)} items: {descent}")
    if descent.steps < FEW_STEPS and descent.seconds >= LIMIT_S:
        return Finding("warning", f"{len(items)} items: {descent}: too slow here to tell")
    return Finding("failed", f"{len(items)} items cannot be learnt by heart: {descent}")


def _chosen(subject: Subject) -> Indices:
    """A few training items of which each label has its share, as far as there are any."""
    train, marks = subject.splits["train"], subject.marks(subject.splits["train"])
    random = seeded(subject.config.training.seed, len(train))
    order = random.permutation(len(train))
    number, rows = min(ITEMS, subject.config.training.batch, len(train)), list[int]()
    queues = [[row for row in order if marks[row, label]] for label in range(marks.shape[1])]
    for turn in range(number):
        for queue in [*queues, order.tolist()]:
            if turn < len(queue) and queue[turn] not in rows:
                rows.append(queue[turn])
    return np.sort(train[rows[:number]])


def _descend(subject: Subject, items: Indices) -> Descent:
    device = pick_device(subject.config.training.device)
    torch.manual_seed(subject.config.training.seed)
    model, loss = _model(subject).to(device), _loss(subject).to(device)
    rate = min(max(subject.config.training.lr, 3e-4), 3e-3)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    began, losses = time.monotonic(), list[float]()
    for made in _losses(model, loss, _batch(subject, items, device)):
        losses.append(made.item())
        last = len(losses) > STEPS or time.monotonic() - began > LIMIT_S
        if last or not np.isfinite(losses[-1]) or losses[-1] <= LEARNT * losses[0]:
            break
        optimizer.zero_grad()
        torch.autograd.backward(made)
        nn.utils.clip_grad_norm_(model.parameters(), subject.config.training.clip or 1.0)
        optimizer.step()
    return Descent(losses[0], losses[-1], len(losses) - 1, time.monotonic() - began)


def _losses(
    model: Normalised, loss: Loss, batch: tuple[Tensor, Tensor | None, Tensor | None, Tensor]
) -> Iterator[Tensor]:
    """The loss of a batch, again and again."""
    *inputs, target = batch
    while True:
        yield loss(model(*inputs), target)


def _batch(subject: Subject, items: Indices, device: str) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor]:
    """Signals in mV, tabular values, tokens and targets."""
    read = Items(subject.store, np.array(subject.store.targets(subject.task)), subject.plan.columns)[items]
    signal = read.signal.to(device).float() * (subject.store.manifest.scale_uv / 1000)
    tokens = None if read.tokens is None else read.tokens.to(device)
    return signal, read.tabular.to(device) if subject.plan.columns else None, tokens, read.target.to(device)


def _model(subject: Subject) -> Normalised:
    """A new model that does nothing at random; batch normalisation goes by the batch, as in training."""
    held = subject.store.manifest
    inputs = Inputs(len(held.leads), held.samples, held.fs, subject.plan.columns, held.words)
    model = assembled(subject.config, subject.task, inputs, subject.stats).eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return model


def _loss(subject: Subject) -> Loss:
    """The loss of the training, without smoothing."""
    training, task = subject.config.training, subject.task
    name = task.loss if training.loss == "auto" else training.loss
    targets = np.asarray(subject.store.targets(task)[subject.splits["train"]])
    weights = balanced(task, targets) if training.class_weights == "balanced" else training.class_weights
    return Loss(name, task, None if weights == "none" else weights, gamma=training.focal_gamma).eval()


OVERFIT = Check(f"Can one batch be overfitted (at most {LIMIT_S:.0f} s)?", ask)
