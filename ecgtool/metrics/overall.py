"""Overall figures: what is said of a whole task, each a mean over its labels or over its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.metrics.curves import Floats
from ecgtool.metrics.outcomes import QUANTITIES, Counted


@dataclass(frozen=True)
class Metric:
    """One figure of a whole task; of a binary task it is that of the positive label.

    Args:
        quantity: What it is the mean of, in :data:`ecgtool.metrics.outcomes.QUANTITIES`.
        average: ``macro``: every label counts the same; ``weighted``: by its positives; ``items``: the share of the
            items of which every label is right (where exactly one holds: the most probable one).
        summary: Its definition in one line.
        higher_is_better: False for an error.
    """

    quantity: str
    average: Literal["macro", "weighted", "items"]
    summary: str
    higher_is_better: bool = True


def _mean(average: Literal["macro", "weighted"], *quantities: str) -> dict[str, Metric]:
    return {f"{average}_{name}": Metric(name, average, QUANTITIES[name].summary) for name in quantities}


def _error(name: str) -> Metric:
    return Metric(name, "macro", QUANTITIES[name].summary, higher_is_better=False)


_CALLS = ("f1", "sensitivity", "specificity", "ppv", "npv")

METRICS: dict[str, Metric] = {
    **_mean("macro", "auroc", "auprc"),
    "accuracy": Metric("accuracy", "macro", QUANTITIES["accuracy"].summary),
    **_mean("macro", *_CALLS),
    "balanced_accuracy": Metric("balanced_accuracy", "macro", QUANTITIES["balanced_accuracy"].summary),
    **_mean("macro", "mcc"),
    "brier": _error("brier"),
    "ece": _error("ece"),
    "exact_match": Metric("accuracy", "items", "Share of the items of which every label is called right."),
    **_mean("weighted", "auroc", "auprc", *_CALLS),
}
"""Every figure of a task by name, the areas first."""

ALIASES: dict[str, str] = {name: f"macro_{name}" for name in ("auroc", "auprc", *_CALLS, "mcc")} | {
    "precision": "macro_ppv",
    "macro_precision": "macro_ppv",
    "weighted_precision": "weighted_ppv",
}
"""Short and former names."""


def find_metric(name: str) -> Metric:
    """The metric of a name or alias.

    Raises:
        ConfigError: There is none; the hint names the nearest.
    """
    full = ALIASES.get(name, name)
    if full not in METRICS:
        raise ConfigError(f"There is no metric called '{name}'.", did_you_mean(name, [*METRICS, *ALIASES]))
    return METRICS[full]


def overall(metric: Metric, counted: Counted, values: Floats) -> Floats:
    """A metric from its quantity per label, [labels, resamples] -> [resamples]."""
    one_call = not counted.outcomes.task.thresholded
    if metric.average == "items" or (metric.quantity == "accuracy" and one_call):
        return counted.exact()
    return counted.weighted(values) if metric.average == "weighted" else counted.macro(values)


def figures(counted: Counted) -> tuple[Floats, Floats]:
    """Every metric, [metrics, resamples], and every quantity of every label, [quantities x labels, resamples]."""
    each = {name: quantity.of(counted) for name, quantity in QUANTITIES.items()}
    return np.stack([overall(metric, counted, each[metric.quantity]) for metric in METRICS.values()]), np.concatenate(
        list(each.values())
    )
