"""Compare: two models on the same items, figure by figure, as pairs.

The same patients are drawn for both, so that what makes a patient hard for either cancels. Areas are compared once
more by DeLong's test, on one score per patient.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from ecgtool.console import counted
from ecgtool.errors import DataError
from ecgtool.metrics.bootstrap import resamples
from ecgtool.metrics.curves import Floats
from ecgtool.metrics.delong import DeLong, delong
from ecgtool.metrics.documents import Level, Resampling, Value
from ecgtool.metrics.estimates import estimated, left_out, people
from ecgtool.metrics.logits import margins
from ecgtool.metrics.outcomes import QUANTITIES, Counted
from ecgtool.metrics.overall import METRICS, figures
from ecgtool.metrics.patients import by_patient
from ecgtool.metrics.predictions import Predictions
from ecgtool.settings import Section
from ecgtool.task import Task

Thresholds = Mapping[str, float]

CLASS_FIGURES = ("f1", "sensitivity", "ppv")
"""Figures of each class of heartbeats that are compared."""


class Difference(Section):
    """One figure of both models, and by how much the first is above the second."""

    a: float | None
    b: float | None
    difference: Value = Field(description="First less second, with its paired interval by patient.")
    p: float | None = Field(None, description="Two-sided, from the same resamples; see two_sided_p.")


class Comparison(Section):
    """Two models on the same items."""

    task: Task
    level: Level
    items: int
    patients: int
    values: dict[str, Difference] = Field(description="By the names of METRICS.")
    classes: dict[str, dict[str, Difference]] = Field(
        default_factory=dict, description="Of heartbeats: label -> CLASS_FIGURES, in place of DeLong's test."
    )
    delong: dict[str, DeLong] = Field(
        description="Areas of each asked label, one score per patient; not of heartbeats."
    )
    left_out: dict[str, str] = Field(description="Labels that count in no mean, and why.")
    bootstrap: Resampling
    notes: tuple[str, ...] = ()


def compare(
    a: Predictions,
    b: Predictions,
    bootstrap: int = 1000,
    seed: int = 0,
    thresholds: tuple[Thresholds, Thresholds] = ({}, {}),
) -> Comparison:
    """Every figure of two models on the same items, and their difference with its paired bootstrap by patient.

    For DeLong's test the items of a patient become one by the mean of their logits.

    Args:
        a: What the first model says.
        b: What the second says of the same items, in any order.
        bootstrap: Resamples; 0 for no intervals and no p of the figures.
        seed: The same seed gives the same intervals.
        thresholds: Of the first and of the second model; 0.5 where not given.

    Raises:
        DataError: Task, level or items of the two differ; how many is said.
    """
    other = paired(a, b)
    first, second = a.outcomes(thresholds[0]), other.outcomes(thresholds[1])
    codes = people(first, a.patients)
    points = [figures(Counted.once(outcomes)) for outcomes in (first, second)]
    drawn = [
        [
            ours - theirs
            for ours, theirs in zip(figures(Counted(first, weights)), figures(Counted(second, weights)), strict=True)
        ]
        for weights in resamples(codes, bootstrap, seed)
    ]
    of_beats = a.task.of == "beat"
    return Comparison(
        task=a.task,
        level=a.level,
        items=first.items,
        patients=int(codes.max()) + 1,
        values=dict(zip(METRICS, _differences(points[0][0], points[1][0], [part[0] for part in drawn]), strict=True)),
        classes=_classes(a.task, points[0][1], points[1][1], [part[1] for part in drawn]) if of_beats else {},
        delong={} if of_beats else delong_by_label(a, other),
        left_out=left_out(first),
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
        notes=tuple(dict.fromkeys((*a.notes, *b.notes))),
    )


def paired(a: Predictions, b: Predictions) -> Predictions:
    """The second predictions in the order of the first.

    Raises:
        DataError: They are of other tasks, levels, items, targets or patients; how many differ is said.
    """
    for what, ours, theirs in (
        ("tasks", a.task.name, b.task.name),
        ("kinds of task", a.task.kind, b.task.kind),
        ("labels", ", ".join(a.task.labels), ", ".join(b.task.labels)),
        ("positive labels", ", ".join(a.task.asked), ", ".join(b.task.asked)),
        ("levels", a.level, b.level),
    ):
        if ours != theirs:
            raise DataError(f"Models of different {what} cannot be compared: {ours} and {theirs}.")
    places = {name: place for place, name in enumerate(b.ids)}
    if len(places) != len(b.ids) or len(set(a.ids)) != len(a.ids):
        raise DataError(f"Ids of {a.level}s are not unique: there is no telling which belong together.")
    alone = len(set(a.ids) ^ set(b.ids))
    if alone:
        raise DataError(
            f"The models were measured on different {a.level}s: {alone} of {len({*a.ids, *b.ids})} are of one alone.",
            "Evaluate both on the same split of the same store.",
        )
    other = b.taken(np.array([places[name] for name in a.ids], dtype=np.int64))
    for what, differ in (
        ("targets", np.not_equal(a.targets, other.targets).reshape(len(a.ids), -1).any(axis=1)),
        ("patients", np.array([ours != theirs for ours, theirs in zip(a.patients, other.patients, strict=True)])),
    ):
        if differ.any():
            raise DataError(f"{counted(int(differ.sum()), a.level)} of {len(a.ids)} have other {what} in the second.")
    return other


def delong_by_label(a: Predictions, b: Predictions) -> dict[str, DeLong]:
    """DeLong's test of each asked label, on one score per patient; ``b`` of the same items in the same order."""
    first, second = by_patient(a), by_patient(b)
    truth = first.outcomes({}).truth
    scores = margins(a.task, first.logits), margins(a.task, second.logits)
    return {
        label: delong(truth[:, place], scores[0][:, place], scores[1][:, place])
        for place, label in enumerate(a.task.asked)
    }


def two_sided_p(drawn: Floats) -> Floats:
    """Two-sided bootstrap p-values of differences [figures, resamples], [figures].

    Twice the share of the resamples that lie on the rarer side of 0, or on it, one counted on top: the p at which the
    percentile interval begins to leave 0 out. It cannot be below 2 / (resamples + 1).
    """
    defined = np.isfinite(drawn)
    rarer = np.minimum((defined & (drawn <= 0)).sum(axis=1), (defined & (drawn >= 0)).sum(axis=1))
    number = defined.sum(axis=1)
    return np.where(number > 0, np.minimum(1, 2 * (rarer + 1) / (number + 1)), np.nan)


def _differences(a: Floats, b: Floats, drawn: list[Floats]) -> list[Difference]:
    """Figures [figures, 1] of both, and their differences in batches of resamples [figures, resamples]."""
    values = estimated(a - b, drawn, [False] * len(a))
    chances = two_sided_p(np.concatenate(drawn, axis=1)) if drawn else np.full(len(a), np.nan)
    return [
        Difference(a=_defined(ours), b=_defined(theirs), difference=value, p=_defined(p))
        for ours, theirs, value, p in zip(a[:, 0], b[:, 0], values, chances, strict=True)
    ]


def _classes(task: Task, a: Floats, b: Floats, drawn: list[Floats]) -> dict[str, dict[str, Difference]]:
    """Figures of each label, from those of every quantity and label [quantities x labels, 1 or resamples]."""
    names = [(quantity, label) for quantity in QUANTITIES for label in task.asked]
    found = dict(zip(names, _differences(a, b, drawn), strict=True))
    return {label: {name: found[name, label] for name in CLASS_FIGURES} for label in task.asked}


def _defined(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
