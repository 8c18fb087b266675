"""Learning-rate schedules as pure functions of the step, and the optimisers they drive."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from torch import nn, optim

from ecgtool.settings import TrainingConfig

SHARE = "share"
"""Of a group of weights in an optimiser: what it learns at, as a share of the learning rate."""

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


def rate(training: TrainingConfig, steps: int, held: int | None = None) -> Callable[[int], float] | None:
    """Share of the peak rate at each step; None where it does not follow from the step.

    Args:
        training: The settings.
        steps: Steps of the whole schedule.
        held: From which step on the rate is ``swa_rate`` of the peak; None for never.
    """
    schedule = SCHEDULES[training.scheduler]
    if training.scheduler == "plateau" or (schedule is None and held is None):
        return None

    def share(step: int) -> float:
        if held is not None and step >= held:
            return training.swa_rate
        return 1.0 if schedule is None else schedule(min((step + 1) / (steps + 1), 1.0), training.warmup)

    return share


def plateau(scores: Sequence[float], patience: int = 3, factor: float = 0.5) -> float:
    """Share of the peak rate after epochs of these scores: lower after each few without a better one.

    That of torch's ``ReduceLROnPlateau`` with a threshold of 0 and a patience of one less.

    Args:
        scores: One per epoch; more is better.
        patience: Epochs without a better one after which the rate is lowered.
        factor: By which.
    """
    share, best, stale = 1.0, -math.inf, 0
    for score in scores:
        best, stale = (score, 0) if score > best else (best, stale + 1)
        if stale == patience:
            share, stale = share * factor, 0
    return share


def set_rate(made: optim.Optimizer, value: float) -> None:
    """Give an optimiser a learning rate, of which each group of weights has its share."""
    for group in made.param_groups:
        group["lr"] = value * group.get(SHARE, 1.0)  # a checkpoint of a time without shares has none


def first_averaged(training: TrainingConfig) -> int | None:
    """The first epoch, from 0, whose weights ``training.swa`` averages; None where there is none."""
    if not training.swa:
        return None
    return training.epochs - max(1, round(training.swa * training.epochs))


def optimizer(module: nn.Module, config: TrainingConfig, brought: Collection[str] = ()) -> optim.Optimizer:
    """The optimiser; biases and normalisation weights are not decayed.

    ``adamw`` decays beside the gradient, ``adam`` and ``sgd`` through it (L2); ``sgd`` has a momentum of 0.9.

    Args:
        module: What is trained.
        config: The settings.
        brought: Names of the weights that another run has trained, which learn at ``init_lr`` of the rate (Howard and
            Ruder 2018, arXiv:1801.06146).
    """
    slow = frozenset(brought) if config.init_lr != 1 else frozenset()
    trained = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    groups = [
        {
            "params": [weight for name, weight in trained if (weight.ndim > 1) == decayed and (name in slow) == late],
            "weight_decay": config.weight_decay if decayed else 0.0,
            "lr": config.lr * (config.init_lr if late else 1.0),
            SHARE: config.init_lr if late else 1.0,
        }
        for late in (False, True)
        for decayed in (True, False)
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
