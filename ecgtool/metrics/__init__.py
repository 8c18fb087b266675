"""Metrics: how well probabilities fit the targets of a task, and how sure that is.

One table, :data:`METRICS`, names the figures; :func:`score` gives one of them, :func:`evaluate` all of them with 95 %
intervals resampled by patient. A label without both classes has no curve: it is named in ``left_out`` and counts in
no mean. Every value equals scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ecgtool.config import Section
from ecgtool.errors import ConfigError, DataError, did_you_mean
from ecgtool.metrics.bootstrap import LEVEL, interval, patient_codes, resamples
from ecgtool.metrics.curves import Floats, Rule, best_threshold
from ecgtool.metrics.outcomes import QUANTITIES, Counted, Outcomes
from ecgtool.task import Task

FEW = 10
"""A label with fewer patients than this on one side has an interval that says little; reports say so."""


@dataclass(frozen=True)
class Metric:
    """One figure of a whole task.

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


_AVERAGED = ("auroc", "auprc", "f1", "precision", "sensitivity", "specificity")

METRICS: dict[str, Metric] = {
    f"{average}_{name}": Metric(name, average, QUANTITIES[name].summary)
    for average in ("macro", "weighted")
    for name in _AVERAGED
} | {
    "accuracy": Metric("accuracy", "macro", QUANTITIES["accuracy"].summary),
    "balanced_accuracy": Metric("balanced_accuracy", "macro", QUANTITIES["balanced_accuracy"].summary),
    "exact_match": Metric("accuracy", "items", "Share of the items of which every label is called right."),
    "brier": Metric("brier", "macro", QUANTITIES["brier"].summary, higher_is_better=False),
}
"""Every figure of a task by name."""

ALIASES = {name: f"macro_{name}" for name in _AVERAGED}
"""Short names."""


class Value(Section):
    """A figure and its interval; null where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class LabelMetrics(Section):
    """The figures of one label."""

    positives: int
    positive_patients: int
    negative_patients: int
    few: bool = Field(description="Fewer patients on one side than an interval can bear.")
    tp: int
    fp: int
    fn: int
    tn: int
    values: dict[str, Value] = Field(description="By the names of QUANTITIES.")


class Resampling(Section):
    """How the intervals were made."""

    resamples: int
    seed: int
    unit: Literal["patient"] = "patient"
    level: float = LEVEL


class Timing(Section):
    """What one record costs, from counts in memory to probabilities; medians over repeated batches."""

    single_ms: float = Field(description="One record at a time.")
    batched_ms: float = Field(description="Per record, in batches.")
    batch: int
    device: str
    threads: int


class Source(Section):
    """What was evaluated, on what."""

    model: str
    arch: str = ""
    dataset: str
    store: str
    store_digest: str = ""
    split: str
    fs: float
    leads: tuple[str, ...]
    samples: int
    threshold_rule: Rule | None = Field(None, description="What picked the thresholds; null: the bundle's own.")
    seen_patients: int | None = Field(None, description="How many it was trained on; null where nobody can tell.")
    timing: Timing | None = None


class Metrics(Section):
    """Every figure of a task on one set of items."""

    schema_version: int = 1
    task: Task
    items: int
    patients: int
    values: dict[str, Value] = Field(description="By the names of METRICS.")
    per_label: dict[str, LabelMetrics]
    left_out: dict[str, str] = Field(description="Labels that count in no mean, and why.")
    thresholds: dict[str, float] = Field(description="What decided; empty where the most probable label does.")
    confusion: list[list[int]] | None = Field(None, description="[true, called], where exactly one label holds.")
    bootstrap: Resampling
    source: Source | None = Field(None, description="Model, data and split; null for bare arrays.")


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
        thresholds: Per label; 0.5 where not given. Where exactly one label holds, the most probable one is called.

    Returns:
        The figure; NaN where no label has both classes.

    Raises:
        ConfigError: There is no metric of that name.
        DataError: Targets and probabilities do not fit the task, or a probability is not finite.
    """
    metric = find_metric(name)
    counted = Counted.once(Outcomes.of(task, targets, probabilities, thresholds))
    return float(_overall(metric, counted, QUANTITIES[metric.quantity].of(counted))[0])


def find_metric(name: str) -> Metric:
    """The metric of a name or alias.

    Raises:
        ConfigError: There is none; the hint names the nearest.
    """
    full = ALIASES.get(name, name)
    if full not in METRICS:
        raise ConfigError(f"There is no metric called '{name}'.", did_you_mean(name, [*METRICS, *ALIASES]))
    return METRICS[full]


def choose_thresholds(
    task: Task, targets: npt.ArrayLike, probabilities: npt.ArrayLike, rule: Rule = "f1"
) -> dict[str, float]:
    """The threshold of each label that a rule picks on these items: the validation items, never those reported on.

    Returns:
        Label -> threshold; 0.5 for a label without both classes; empty where the most probable label is called.

    Raises:
        DataError: Targets and probabilities do not fit the task.
    """
    if task.exclusive:
        return {}
    outcomes = Outcomes.of(task, targets, probabilities)
    columns = zip(task.labels, outcomes.both, outcomes.truth.T, outcomes.probabilities.T, strict=True)
    return {label: best_threshold(truth, chance, rule) if both else 0.5 for label, both, truth, chance in columns}


def evaluate(
    task: Task,
    targets: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    patients: Sequence[str],
    thresholds: Mapping[str, float] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Metrics:
    """Every figure with its 95 % bootstrap interval, resampled by patient.

    Args:
        task: What the targets mean.
        targets: As the task says; items without a label are left out.
        probabilities: float [items, labels].
        patients: Who each item is of; an empty name is a person of its own.
        thresholds: Per label, chosen on other items; 0.5 where not given.
        bootstrap: Resamples; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Raises:
        DataError: The inputs do not fit the task or each other, or no item carries a label.
    """
    outcomes = Outcomes.of(task, targets, probabilities, thresholds)
    if len(patients) != len(outcomes.labelled):
        raise DataError(f"There are {len(outcomes.labelled)} items but {len(patients)} patients.")
    codes = patient_codes(np.asarray(patients, dtype=str)[outcomes.labelled])
    counted = Counted.once(outcomes)
    overall, each = _figures(counted)
    drawn = [_figures(Counted(outcomes, weights)) for weights in resamples(codes, bootstrap, seed)]
    values = _values(overall, [part[0] for part in drawn])
    label_values = _values(each, [part[1] for part in drawn])
    return Metrics(
        task=task,
        items=outcomes.items,
        patients=int(codes.max()) + 1,
        values=dict(zip(METRICS, values, strict=True)),
        per_label={
            label: _label_metrics(counted, index, codes, label_values[index :: len(task.labels)])
            for index, label in enumerate(task.labels)
        },
        left_out=_left_out(outcomes),
        thresholds={} if task.exclusive else dict(zip(task.labels, outcomes.thresholds.tolist(), strict=True)),
        confusion=(outcomes.truth.T.astype(int) @ outcomes.called).tolist() if task.exclusive else None,
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
    )


def _overall(metric: Metric, counted: Counted, values: Floats) -> Floats:
    """A metric from its quantity per label, [labels, resamples] -> [resamples]."""
    if metric.average == "items" or (metric.quantity == "accuracy" and counted.outcomes.task.exclusive):
        return counted.exact()
    return counted.weighted(values) if metric.average == "weighted" else counted.macro(values)


def _figures(counted: Counted) -> tuple[Floats, Floats]:
    """Every metric, [metrics, resamples], and every quantity of every label, [quantities x labels, resamples]."""
    each = {name: quantity.of(counted) for name, quantity in QUANTITIES.items()}
    overall = [_overall(metric, counted, each[metric.quantity]) for metric in METRICS.values()]
    return np.stack(overall), np.concatenate(list(each.values()))


def _values(point: Floats, drawn: Sequence[Floats]) -> list[Value]:
    """Point estimates [figures, 1] with the intervals of their resamples, batches of [figures, resamples]."""
    low, high = interval(np.concatenate(drawn, axis=1)) if drawn else np.full((2, len(point)), np.nan)
    return [
        Value(value=_defined(middle), low=_defined(below), high=_defined(above))
        for middle, below, above in zip(point[:, 0], low, high, strict=True)
    ]


def _defined(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _label_metrics(counted: Counted, label: int, codes: npt.NDArray[np.int64], values: Sequence[Value]) -> LabelMetrics:
    truth = counted.outcomes.truth[:, label]
    sides = len(np.unique(codes[truth])), len(np.unique(codes[~truth]))
    if min(sides) < 2:  # one person drawn again and again tells nothing of others
        values = [Value(value=value.value) for value in values]
    cells = {name: int(getattr(counted, name)[label, 0]) for name in ("tp", "fp", "fn", "tn")}
    return LabelMetrics(
        positives=int(truth.sum()),
        positive_patients=sides[0],
        negative_patients=sides[1],
        few=min(sides) < FEW,
        values=dict(zip(QUANTITIES, values, strict=True)),
        **cells,
    )


def _left_out(outcomes: Outcomes) -> dict[str, str]:
    """Labels without both classes, and which is absent."""
    return {
        label: "no negative item" if outcomes.truth[:, index].any() else "no positive item"
        for index, label in enumerate(outcomes.task.labels)
        if not outcomes.both[index]
    }
