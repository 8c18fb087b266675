"""Learning-rate schedules as pure functions of the step, and the optimisers they drive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import nn, optim

from ecgtool.config import TrainingConfig

PLATEAU_PATIENCE = 3
"""Epochs without a better metric after which ``plateau`` halves the rate."""

Schedule = Callable[[float, float], float]
"""Share of the peak rate, of the share of the steps done (0 to 1) and the share that warms up."""


def onecycle(done: float, warmup: float) -> float:
    """From 1/25 of the peak up and down to 1/10,000 of that, both along a cosine (Smith 2018, arXiv:1708.07120)."""
    start, end = 1 / 25, 1 / 250_000
    if done < warmup:
        return _cosine(start, 1.0, done / warmup)
    return _cosine(1.0, end, (done - warmup) / (1 - warmup))


def cosine(done: float, warmup: float) -> float:
    """Linear warm-up, then down to 0 along a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    return done / warmup if done < warmup else _cosine(1.0, 0.0, (done - warmup) / (1 - warmup))


def polynomial(done: float, warmup: float) -> float:
    """Linear warm-up, then (1 - share)^0.9 (Chen et al. 2017, arXiv:1606.00915)."""
    return done / warmup if done < warmup else max(0.0, 1 - (done - warmup) / (1 - warmup)) ** 0.9


SCHEDULES: dict[str, Schedule | None] = {
    "onecycle": onecycle,
    "cosine": cosine,
    "polynomial": polynomial,
    "plateau": None,
    "constant": None,
}
"""What follows from the step; ``plateau`` follows from the metric instead (see :func:`plateau`)."""


def rate(name: str, warmup: float, steps: int) -> Callable[[int], float] | None:
    """Share of the peak rate at each step of ``steps``; None where it does not follow from the step."""
    schedule = SCHEDULES[name]
    if schedule is None:
        return None
    return lambda step: schedule(min((step + 1) / (steps + 1), 1.0), warmup)


def plateau(scores: Sequence[float]) -> float:
    """Share of the peak rate after epochs of these scores: halved after each few without a better one."""
    share, best, stale = 1.0, -math.inf, 0
    for score in scores:
        best, stale = (score, 0) if score > best else (best, stale + 1)
        if stale == PLATEAU_PATIENCE:
            share, stale = share / 2, 0
    return share


def optimizer(module: nn.Module, config: TrainingConfig) -> optim.Optimizer:
    """The optimiser; biases and normalisation weights are not decayed.

    ``adamw`` decays beside the gradient, ``adam`` and ``sgd`` through it (L2); ``sgd`` has a momentum of 0.9.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    match config.optimizer:
        case "adamw":
            return optim.AdamW(groups, lr=config.lr)
        case "adam":
            return optim.Adam(groups, lr=config.lr)
        case "sgd":
            return optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
