"""Are the statistics that signals are normalised by those of the training items alone?

They are computed anew, in floating point and item by item rather than as exact sums over chunks, and compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.signals.leads import MASK
from ecgtool.training.checks.contract import Check, Finding, Indices, Subject
from ecgtool.training.statistics import FLAT_MV

CLOSE = 1e-5
"""Relative difference up to which two ways of computing are said to agree."""

Floats = npt.NDArray[np.float64]


def ask(subject: Subject) -> Finding:
    """Compute them anew, of the training items and of all, and compare."""
    used = _used(subject)
    train = _anew(subject, subject.splits["train"])
    every = _anew(subject, np.concatenate(list(subject.splits.values())))
    if _distance(used, train) <= CLOSE and subject.stats.items == len(subject.splits["train"]):
        apart = _distance(train, every)
        return Finding("passed", f"recomputed from {subject.stats.items} training items; of all items {apart:.2%} off")
    if _distance(used, every) <= CLOSE:
        return Finding("failed", "they are those of all items, validation and test included")
    return Finding("failed", f"they differ from those of the training items by {_distance(used, train):.2%}")


def _used(subject: Subject) -> Floats:
    """Mean and deviation of every lead and column as the model would use them: [2, leads + columns]."""
    stats = subject.stats
    return np.array([[*stats.mean_mv, *stats.tabular_mean], [*stats.std_mv, *stats.tabular_std]])


def _anew(subject: Subject, items: Indices) -> Floats:
    store, columns = subject.store, subject.plan.columns
    leads = _of_leads(subject, items) if subject.config.data.normalise == "lead" else _neutral(subject)
    held = np.asarray(store.tabular[items], np.float64)[..., :columns]
    values = np.ma.masked_invalid(held.reshape(int(np.prod(held.shape[:-1])), columns))
    mean, std = values.mean(axis=0).filled(0.0), values.std(axis=0).filled(1.0)
    return np.concatenate([leads, [mean, np.where(std > 0, std, 1.0)]], axis=1)


def _of_leads(subject: Subject, items: Indices) -> Floats:
    """By pooling the mean and variance of each item (Chan, Golub and LeVeque 1983)."""
    held = subject.store.manifest
    means, variances = np.empty((2, len(items), len(held.leads)))
    for row, item in enumerate(items):
        signal = subject.store.signals[item] * (held.scale_uv / 1000)
        means[row], variances[row] = signal.mean(axis=1), signal.var(axis=1)
    mean, std = means.mean(axis=0), np.sqrt(variances.mean(axis=0) + means.var(axis=0))
    mask = np.array([lead == MASK for lead in held.leads])
    return np.array([np.where(mask, 0.0, mean), np.where(mask | (std < FLAT_MV), 1.0, std)])


def _neutral(subject: Subject) -> Floats:
    leads = len(subject.store.manifest.leads)
    return np.array([np.zeros(leads), np.ones(leads)])


def _distance(one: Floats, other: Floats) -> float:
    """The largest difference of a mean or a deviation, in deviations."""
    return float((np.abs(one - other) / other[1]).max()) if one.shape == other.shape else float("inf")


STATISTICS = Check("Are the statistics those of the training items alone?", ask)
