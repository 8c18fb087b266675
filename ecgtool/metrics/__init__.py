"""Metrics: how well probabilities fit the targets of a task, and how sure that is.

One table, :data:`METRICS`, names the figures; :func:`score` gives one of them, :func:`evaluate` all of them with 95 %
intervals resampled by patient. A label without both classes has no curve: it is named in ``left_out`` and counts in
no mean. Of a binary task every figure is that of the positive label. Every value equals scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy.typing as npt

from ecgtool.metrics.documents import LabelMetrics, Level, Metrics, Resampling, Source, Timing, Value
from ecgtool.metrics.estimates import FEW, evaluate
from ecgtool.metrics.outcomes import QUANTITIES, Counted, Outcomes
from ecgtool.metrics.overall import ALIASES, METRICS, Metric, find_metric, overall
from ecgtool.metrics.thresholds import Rule, choose_thresholds
from ecgtool.task import Task

__all__ = [
    "ALIASES",
    "FEW",
    "METRICS",
    "LabelMetrics",
    "Level",
    "Metric",
    "Metrics",
    "Resampling",
    "Rule",
    "Source",
    "Timing",
    "Value",
    "choose_thresholds",
    "evaluate",
    "find_metric",
    "score",
]


def score(
    name: str,
    task: Task,
    targets: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    thresholds: Mapping[str, float] | None = None,
) -> float:
    """One figure.

    Args:
        name: A name of :data:`METRICS` or :data:`ALIASES`.
        task: What the targets mean.
        targets: As the task says; items without a label are left out.
        probabilities: float [items, labels].
        thresholds: Per label; 0.5 where not given. Of three or more labels that exclude each other, the most probable
            one is called.

    Returns:
        The figure; NaN where no label has both classes.

    Raises:
        ConfigError: There is no metric of that name.
        DataError: Targets and probabilities do not fit the task, or a probability is not finite.
    """
    metric = find_metric(name)
    counted = Counted.once(Outcomes.of(task, targets, probabilities, thresholds))
    return float(overall(metric, counted, QUANTITIES[metric.quantity].of(counted))[0])
