"""Subgroups: the figures by age band, sex, device or any column of few values, and how far the groups lie apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from ecgtool.errors import DataError, did_you_mean
from ecgtool.metrics.documents import LabelMetrics, Metrics, Resampling, Value
from ecgtool.metrics.patients import is_number, known
from ecgtool.metrics.predictions import Predictions
from ecgtool.settings import Section

AGE_BANDS: tuple[tuple[float, str], ...] = ((0, "under 18"), (18, "18–39"), (40, "40–59"), (60, "60–74"), (75, "75+"))
"""Where each band of ages begins, in years; minors apart, since their ECG is another."""

UNKNOWN, OTHER = "unknown", "other"
MOST_GROUPS = 10
"""A column with more values than this makes no subgroups, unless it is named; then the rarest are put together."""

SHOWN: tuple[str, ...] = (
    "macro_auroc",
    "macro_auprc",
    "accuracy",
    "macro_f1",
    "macro_sensitivity",
    "macro_specificity",
    "macro_ppv",
    "macro_npv",
    "balanced_accuracy",
    "brier",
    "ece",
)
"""Figures of METRICS that a group has."""

COMPARED = ("auroc", "sensitivity", "specificity")
"""Figures of a label of which the gap between groups is told."""


class Subgroup(Section):
    """The figures of one group."""

    items: int
    patients: int
    positives: dict[str, int] = Field(description="Positive items of each asked label.")
    few: tuple[str, ...] = Field(description="Labels with fewer patients on one side than an interval can bear.")
    left_out: dict[str, str] = Field(description="Labels that count in no mean of the group, and why.")
    values: dict[str, Value] = Field(description="By the names of METRICS.")
    per_label: dict[str, LabelMetrics]


class Gap(Section):
    """The largest difference of a figure between two groups in which the label has not few patients.

    The largest of several differences is larger than 0 by chance too: look at the intervals of both groups.
    """

    best: str
    worst: str
    difference: float


class Grouping(Section):
    """One column, its groups and the gaps between them."""

    column: str
    groups: dict[str, Subgroup]
    gaps: dict[str, dict[str, Gap]] = Field(
        description="Label, then figure; only labels that two groups have enough patients of."
    )


class Subgroups(Section):
    """The figures of a set of items by the groups of its columns."""

    groupings: tuple[Grouping, ...]
    bootstrap: Resampling


def subgroups(
    predictions: Predictions,
    thresholds: Mapping[str, float],
    columns: Sequence[str] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Subgroups:
    """Every figure within each group, with intervals by patient, at the level of the predictions.

    ``age`` is put into :data:`AGE_BANDS`; any other column is taken by its values. What is unknown is a group.

    Args:
        predictions: With the columns as metadata.
        thresholds: Those of all items: groups are judged by the same thresholds.
        columns: Which; None for every column that makes from 2 to :data:`MOST_GROUPS` groups.
        bootstrap: Resamples; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Raises:
        DataError: There is no such column; the hint names the nearest.
    """
    chosen = _suitable(predictions) if columns is None else tuple(columns)
    for column in chosen:
        if column not in predictions.metadata:
            near = did_you_mean(column, predictions.metadata) or f"Columns: {', '.join(predictions.metadata) or 'none'}"
            raise DataError(f"The items have no column '{column}'.", near)
    groupings = tuple(_grouping(predictions, thresholds, column, bootstrap, seed) for column in chosen)
    return Subgroups(groupings=groupings, bootstrap=Resampling(resamples=bootstrap, seed=seed))


def groups_of(column: str, values: Sequence[Any]) -> list[str]:
    """The group of each item: a band of ages, or the value itself; of too many values the rarest are ``other``."""
    if column == "age":
        return [age_band(value) for value in values]
    named = [_name(value) if known(value) else UNKNOWN for value in values]
    number = Counter(named)
    if len(number) <= MOST_GROUPS:
        return named
    kept = {name for name, _ in sorted(number.items(), key=lambda pair: (-pair[1], pair[0]))[: MOST_GROUPS - 1]}
    return [name if name in kept else OTHER for name in named]


def age_band(age: object) -> str:
    """The band of an age in years; ``unknown`` for what is no age."""
    try:
        years = float(str(age))
    except ValueError:
        return UNKNOWN
    bands = [name for start, name in AGE_BANDS if years >= start]
    return bands[-1] if bands else UNKNOWN


def _grouping(
    predictions: Predictions, thresholds: Mapping[str, float], column: str, bootstrap: int, seed: int
) -> Grouping:
    of_item = np.array(groups_of(column, predictions.metadata[column]))
    named = sorted({*of_item.tolist()} - {UNKNOWN, OTHER})
    order = [name for _start, name in AGE_BANDS] if column == "age" else named
    groups = {
        name: _subgroup(predictions.taken(np.flatnonzero(of_item == name)).metrics(thresholds, bootstrap, seed))
        for name in (*order, OTHER, UNKNOWN)
        if (of_item == name).any()
    }
    gaps = {label: found for label in predictions.task.asked if (found := _gaps(groups, label))}
    return Grouping(column=column, groups=groups, gaps=gaps)


def _subgroup(metrics: Metrics) -> Subgroup:
    return Subgroup(
        items=metrics.items,
        patients=metrics.patients,
        positives={label: found.positives for label, found in metrics.per_label.items()},
        few=tuple(label for label, found in metrics.per_label.items() if found.few),
        left_out=metrics.left_out,
        values={name: metrics.values[name] for name in SHOWN},
        per_label=metrics.per_label,
    )


def _gaps(groups: Mapping[str, Subgroup], label: str) -> dict[str, Gap]:
    """Figure -> its gap, over the groups whose patients with and without the label are enough."""
    trusted = {
        group: found.per_label[label].values
        for group, found in groups.items()
        if group != UNKNOWN and label not in found.few
    }
    if len(trusted) < 2:
        return {}
    return {name: _gap({group: values[name].value or 0.0 for group, values in trusted.items()}) for name in COMPARED}


def _gap(figures: Mapping[str, float]) -> Gap:
    best, worst = max(figures, key=lambda group: figures[group]), min(figures, key=lambda group: figures[group])
    return Gap(best=best, worst=worst, difference=figures[best] - figures[worst])


def _suitable(predictions: Predictions) -> tuple[str, ...]:
    """The columns that make from two to a few groups of what is known; measured numbers other than age do not."""
    return tuple(
        column
        for column, values in predictions.metadata.items()
        if 2 <= len({group for group in _every_group(column, values) if group != UNKNOWN}) <= MOST_GROUPS
    )


def _every_group(column: str, values: Sequence[Any]) -> set[str]:
    return {*groups_of(column, values)} if column == "age" else {_name(value) for value in values if known(value)}


def _name(value: object) -> str:
    """A value in words; 1.0 of a column that pandas read as numbers is 1."""
    return f"{value:g}" if is_number(value) else str(value)
