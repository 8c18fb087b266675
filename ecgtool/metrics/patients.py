"""Patients: the recordings of each person as one prediction, and thresholds for the level they are applied at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ecgtool.console import counted
from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.metrics.bootstrap import patient_codes
from ecgtool.metrics.documents import Level
from ecgtool.metrics.logits import activated, margins
from ecgtool.metrics.predictions import Predictions
from ecgtool.task import Task

How = Literal["mean", "max", "noisy-or"]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def by_patient(predictions: Predictions, how: How = "mean") -> Predictions:
    """One prediction per patient, in the order of their first recordings.

    ``mean`` averages the logits. ``max`` takes the highest probability of each label; ``noisy-or`` the probability that
    at least one recording shows it, 1 - prod(1 - p), as if recordings erred independently. Both are of the positive
    label in a binary task; of three or more labels that exclude each other they are brought back to a sum of 1. Both
    rise with the number of recordings, ``noisy-or`` the most: compare patients with similarly many.

    A patient has a label if any recording has it; of labels that exclude each other, the positive one in a binary task
    if any recording has it, else the most frequent one (of equally frequent ones the last of the task's order).
    Recordings without a patient are persons of their own. A number of the metadata is the mean of what is known,
    anything else the first that is.

    Args:
        predictions: Of recordings; those of patients come back as they are.
        how: How recordings are brought together.

    Returns:
        Predictions at patient level, with a note on patients whose recordings disagree.

    Raises:
        ConfigError: There is no such way.
    """
    if how not in _WAYS:
        raise ConfigError(f"Recordings cannot be combined by '{how}'.", did_you_mean(how, _WAYS) or _ways())
    if predictions.level == "patient":
        return predictions
    codes, first = _in_order(patient_codes(predictions.patients))
    logits = np.asarray(_WAYS[how](predictions.task, predictions.logits.astype(np.float64), codes), dtype=np.float32)
    names = [(predictions.patients[item], predictions.ids[item]) for item in first]
    return replace(
        predictions,
        ids=tuple(patient or item for patient, item in names),
        patients=tuple(patient for patient, _item in names),
        targets=_targets(predictions.task, predictions.targets, codes),
        probabilities=activated(predictions.task, logits),
        logits=logits,
        metadata={name: _known(column, codes) for name, column in predictions.metadata.items()},
        level="patient",
        notes=(*predictions.notes, *_disagreement(predictions, codes)),
    )


def at_level(predictions: Predictions, level: Level, how: How = "mean") -> Predictions:
    """The predictions of recordings as they are, or brought together by :func:`by_patient`."""
    return by_patient(predictions, how) if level == "patient" else predictions


def thresholds_at(validation: Predictions, level: Level, rule: str, how: How = "mean") -> dict[str, float]:
    """The thresholds that a rule picks on validation items at the level at which they will be applied.

    Raises:
        ConfigError: There is no such rule, or no such way to combine recordings.
    """
    return at_level(validation, level, how).thresholds(rule)


def _mean(_task: Task, logits: Floats, codes: Codes) -> Floats:
    return _summed(logits, codes) / np.bincount(codes)[:, None]


def _max(task: Task, logits: Floats, codes: Codes) -> Floats:
    highest = np.full((int(codes.max()) + 1, len(task.asked)), -np.inf)
    np.maximum.at(highest, codes, margins(task, logits))
    return _spread(task, highest)


def _noisy_or(task: Task, logits: Floats, codes: Codes) -> Floats:
    none = _summed(-np.logaddexp(0, margins(task, logits)), codes)  # logarithm of prod(1 - p)
    return _spread(task, _log_of_the_rest(none) - none)


_WAYS: Mapping[str, Callable[[Task, Floats, Codes], Floats]] = MappingProxyType(
    {"mean": _mean, "max": _max, "noisy-or": _noisy_or}
)


def _spread(task: Task, asked: Floats) -> Floats:
    """Logits of all labels from the logits of the asked labels' probabilities, each against the rest."""
    if task.binary:
        columns = {task.asked[0]: asked[:, 0]}
        return np.stack([columns.get(label, np.zeros(len(asked))) for label in task.labels], axis=1)
    return -np.logaddexp(0, -asked) if task.exclusive else asked


def _log_of_the_rest(logs: Floats) -> Floats:
    """log(1 - exp(x)) for x < 0, without losing digits at either end."""
    near = np.log(np.maximum(-np.expm1(logs), np.finfo(float).tiny))
    return np.where(logs < -1, np.log1p(-np.exp(np.minimum(logs, -1))), near)


def _summed(values: Floats, codes: Codes) -> Floats:
    sums = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _in_order(codes: Codes) -> tuple[Codes, npt.NDArray[np.int64]]:
    """The codes renumbered by first appearance, and each person's first item."""
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return np.argsort(order)[place], first[order]


def _votes(task: Task, targets: npt.NDArray[Any], codes: Codes) -> Floats:
    """Recordings of each patient with each label, [patients, labels]."""
    marks = targets[:, None] == np.arange(len(task.labels)) if task.exclusive else targets == 1
    return _summed(marks.astype(np.float64), codes)


def _targets(task: Task, targets: npt.NDArray[Any], codes: Codes) -> npt.NDArray[Any]:
    votes = _votes(task, targets, codes)
    if task.binary:
        positive = task.labels.index(task.asked[0])
        return np.where(votes[:, positive] > 0, positive, 1 - positive).astype(targets.dtype)
    if task.exclusive:
        return (len(task.labels) - 1 - votes[:, ::-1].argmax(axis=1)).astype(targets.dtype)
    return (votes > 0).astype(targets.dtype)


def _disagreement(predictions: Predictions, codes: Codes) -> list[str]:
    """How many patients have recordings of differing labels, and what was done."""
    votes = _votes(predictions.task, predictions.targets, codes)
    split = int(((votes > 0) & (votes < np.bincount(codes)[:, None])).any(axis=1).sum())
    if not split:
        return []
    taken = "has a label that any of them has" if predictions.task.thresholded else "has the most frequent one"
    verb = "has" if split == 1 else "have"
    return [f"{counted(split, 'patient')} of {len(votes)} {verb} recordings with differing labels; each {taken}."]


def _known(column: tuple[Any, ...], codes: Codes) -> tuple[Any, ...]:
    """One value per patient: the mean of known numbers, else the first known value, else None."""
    held: list[list[Any]] = [[] for _ in range(int(codes.max()) + 1)]
    for value, code in zip(column, codes.tolist(), strict=True):
        if known(value):
            held[code].append(value)
    numeric = all(is_number(value) for values in held for value in values)
    return tuple((float(np.mean(values)) if numeric else values[0]) if values else None for values in held)


def known(value: object) -> bool:
    """Whether a value of the metadata is there: not None, NaN or empty."""
    return value is not None and value != "" and value == value


def is_number(value: object) -> bool:
    """Whether a value of the metadata is a number, and not a yes or no."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _ways() -> str:
    return f"Ways: {', '.join(get_args(How))}."
