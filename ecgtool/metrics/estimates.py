"""Estimates: every figure of a set of items with its interval, and what to distrust in it.

An interval is a percentile bootstrap by patient. Where every resample says the same, because no patient differs (a
specificity of 1), resampling is blind: proportions get the exact interval of Clopper and Pearson (1934) on the number
of patients they are over, other figures none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.bootstrap import exact_interval, interval, patient_codes, resamples
from ecgtool.metrics.curves import Floats
from ecgtool.metrics.documents import LabelMetrics, Level, Metrics, Resampling, Value
from ecgtool.metrics.outcomes import QUANTITIES, Counted, Outcomes
from ecgtool.metrics.overall import METRICS, figures
from ecgtool.task import Task

FEW = 10
"""A label with fewer patients than this on one side has an interval that says little; reports say so."""


def evaluate(
    task: Task,
    targets: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    patients: Sequence[str],
    thresholds: Mapping[str, float] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    level: Level = "item",
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
        level: What an item is here: a recording or a patient.

    Raises:
        DataError: The inputs do not fit the task or each other, or no item carries a label.
    """
    outcomes = Outcomes.of(task, targets, probabilities, thresholds)
    codes = people(outcomes, patients)
    counted = Counted.once(outcomes)
    point = figures(counted)
    drawn = [figures(Counted(outcomes, weights)) for weights in resamples(codes, bootstrap, seed)]
    overall = [QUANTITIES[metric.quantity].recentred for metric in METRICS.values()]
    values = dict(zip(METRICS, estimated(point[0], [part[0] for part in drawn], overall), strict=True))
    each = [quantity.recentred for quantity in QUANTITIES.values() for _label in task.asked]
    label_values = estimated(point[1], [part[1] for part in drawn], each)
    per_label = {
        label: _label_metrics(counted, index, codes, label_values[index :: len(task.asked)], resampled=bootstrap > 0)
        for index, label in enumerate(task.asked)
    }
    return Metrics(
        task=task,
        items=outcomes.items,
        patients=int(codes.max()) + 1,
        level=level,
        values=_of_one_label(values, per_label) if len(per_label) == 1 else values,
        per_label=per_label,
        left_out=left_out(outcomes),
        thresholds=dict(zip(task.asked, outcomes.thresholds.tolist(), strict=True)) if task.thresholded else {},
        confusion=outcomes.confusion.tolist() if task.exclusive else None,
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
    )


def people(outcomes: Outcomes, patients: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number per person, [labelled items].

    Raises:
        DataError: There are more or fewer patients than items.
    """
    if len(patients) != len(outcomes.labelled):
        raise DataError(f"There are {len(outcomes.labelled)} items but {len(patients)} patients.")
    return patient_codes(np.asarray(patients, dtype=str)[outcomes.labelled])


def estimated(point: Floats, drawn: Sequence[Floats], recentred: Sequence[bool]) -> list[Value]:
    """Point estimates with the intervals of their resamples.

    Args:
        point: [figures, 1].
        drawn: Batches of [figures, resamples].
        recentred: Of which figures the interval is the spread of the resamples around the estimate.
    """
    if not drawn:
        return [_value(float(value)) for value in point[:, 0]]
    every = np.concatenate(drawn, axis=1)
    for row in np.flatnonzero(np.asarray(recentred) & np.isfinite(every).any(axis=1)):
        every[row] = np.maximum(every[row] + point[row] - np.nanmean(every[row]), 0)
    undefined = (~np.isfinite(every)).sum(axis=1)
    return [
        _value(float(value), float(low), float(high), int(lost))
        for value, low, high, lost in zip(point[:, 0], *interval(every), undefined, strict=True)
    ]


def _value(value: float, low: float = np.nan, high: float = np.nan, undefined: int = 0) -> Value:
    """A figure with its interval; none where the figure is undefined or every resample says the same."""
    if not np.isfinite(value):
        return Value(method="none", undefined=undefined)
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        return Value(value=value, method="none", undefined=undefined)
    return Value(value=value, low=low, high=high, undefined=undefined)


def _label_metrics(
    counted: Counted, label: int, codes: npt.NDArray[np.int64], values: Sequence[Value], *, resampled: bool
) -> LabelMetrics:
    truth, called = counted.outcomes.truth[:, label], counted.outcomes.called[:, label]
    sides = _persons(codes, truth), _persons(codes, ~truth)
    named = dict(zip(QUANTITIES, values, strict=True))
    if min(sides) < 2:  # one person drawn again and again tells nothing of others
        named = {name: Value(value=value.value, method="none") for name, value in named.items()}
    elif resampled:
        over = {"sensitivity": truth, "specificity": ~truth, "ppv": called, "npv": ~called, "accuracy": truth | True}
        for name, chosen in over.items():
            named[name] = _exact(named[name], _persons(codes, chosen))
    cells = {name: int(getattr(counted, name)[label, 0]) for name in ("tp", "fp", "fn", "tn")}
    return LabelMetrics(
        positives=int(truth.sum()),
        positive_patients=sides[0],
        negative_patients=sides[1],
        few=min(sides) < FEW,
        values=named,
        **cells,
    )


def _persons(codes: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> int:
    """How many persons the chosen items are of."""
    return len(np.unique(codes[chosen]))


def _exact(value: Value, persons: int) -> Value:
    """A proportion of 0 or 1 with the exact interval over the persons, each right or wrong as a whole."""
    if value.value not in (0.0, 1.0) or not persons or value.low is not None:
        return value
    low, high = exact_interval(round(value.value * persons), persons)
    return value.model_copy(update={"low": low, "high": high, "method": "clopper-pearson"})


def _of_one_label(values: Mapping[str, Value], per_label: Mapping[str, LabelMetrics]) -> dict[str, Value]:
    """The overall figures of a task with one asked label: that label's own."""
    (own,) = per_label.values()
    return {
        name: value if value.value is None else own.values[METRICS[name].quantity] for name, value in values.items()
    }


def left_out(outcomes: Outcomes) -> dict[str, str]:
    """Labels without both classes, and which is absent."""
    return {
        label: "no negative item" if outcomes.truth[:, index].any() else "no positive item"
        for index, label in enumerate(outcomes.task.asked)
        if not outcomes.both[index]
    }
