"""Reliability: whether probabilities mean what they say, under any weights of the items.

Expected calibration error in bins of equal mass, and Cox's logistic recalibration (Cox 1958, Biometrika 45:562): the
slope of the outcome on the logit of the probability, and the intercept with that slope held at 1 (calibration in the
large; Van Calster et al. 2019, BMC Medicine 17:230).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import expit

from ecgtool.metrics.curves import Floats, mass_bins

BINS = 10
_STEPS, _SMALL = 60, 1e-10


@dataclass(frozen=True)
class Bins:
    """The gap of each item between probability and target, in bins of equal mass that stay as they are.

    Args:
        gaps: Probability less target, [labels x bins, items].
        labels: How many labels.
    """

    gaps: csr_array
    labels: int

    @classmethod
    def of(cls, truth: npt.NDArray[np.bool_], probabilities: Floats) -> Self:
        """Bin every label; ``truth`` and ``probabilities`` [items, labels]."""
        items, labels = truth.shape
        rows = np.stack([label * BINS + mass_bins(column, BINS) for label, column in enumerate(probabilities.T)])
        columns = np.broadcast_to(np.arange(items), rows.shape)
        gaps = (probabilities - truth).T
        return cls(
            csr_array((gaps.ravel(), (rows.ravel(), columns.ravel())), shape=(labels * BINS, items)),
            labels,
        )

    def error(self, weights: Floats) -> Floats:
        """Expected calibration error [labels, resamples] under weights [items, resamples]."""
        sums = np.abs(self.gaps @ weights).reshape(self.labels, BINS, -1).sum(axis=1)
        return np.asarray(sums / weights.sum(axis=0))


@dataclass(frozen=True)
class Recalibration:
    """Cox's logistic recalibration of one label, fitted on all items, and one Newton step from there for a resample.

    The step is the first-order bootstrap of an estimate that has no closed form (Moulton and Zeger 1991): a thousand
    fits become two products with the weights, and a resample without overlap of the classes does no harm.

    Args:
        slope: NaN where it does not exist: one class, or classes that one probability parts.
        intercept: With the slope at 1; NaN without both classes.
        terms: Of the score and the information at both estimates, [7, items].
    """

    slope: float
    intercept: float
    terms: Floats

    @classmethod
    def of(cls, truth: npt.NDArray[np.bool_], logits: Floats) -> Self:
        """Fit one label; ``truth`` and ``logits`` [items]."""
        intercept, line = _shift(truth, logits), _line(truth, logits)
        pull, spread = _terms(truth, expit(intercept + logits))
        with np.errstate(invalid="ignore"):
            residual, weight = _terms(truth, expit(line[0] + line[1] * logits))
        rows = (residual, residual * logits, weight, weight * logits, weight * np.square(logits), pull, spread)
        return cls(float(line[1]), intercept, np.stack(rows))

    def step(self, sums: Floats) -> tuple[Floats, Floats]:
        """Slope and intercept of resamples, [resamples] each, from the weighted sums of the terms [7, resamples]."""
        score, score_x, one, x, xx, pull, spread = sums
        determinant = one * xx - x * x
        slope = np.divide(
            one * score_x - x * score, determinant, out=_undefined(one), where=determinant > _SMALL * one * xx
        )
        return self.slope + slope, self.intercept + np.divide(pull, spread, out=_undefined(one), where=spread > _SMALL)


def _undefined(like: Floats) -> Floats:
    return np.full(np.shape(like), np.nan)


def _terms(truth: npt.NDArray[np.bool_], chance: Floats) -> tuple[Floats, Floats]:
    return truth - chance, chance * (1 - chance)


def _shift(truth: npt.NDArray[np.bool_], logits: Floats) -> float:
    """The number that, added to every logit, makes the mean probability the share of positives; NaN if none does."""
    share = truth.mean()
    if not 0 < share < 1:
        return float("nan")
    centre = np.log(share / (1 - share))
    low, high = centre - logits.max(), centre - logits.min()
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if expit(middle + logits).mean() < share:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


def _line(truth: npt.NDArray[np.bool_], logits: Floats) -> Floats:
    """Intercept and slope of the logistic regression on the logits, [2]; NaN where the likelihood has no maximum."""
    inside, outside = logits[truth], logits[~truth]
    if not (len(inside) and len(outside)) or inside.min() >= outside.max() or inside.max() <= outside.min():
        return np.full(2, np.nan)
    centre, scale = logits.mean(), logits.std()
    design = np.stack((np.ones_like(logits), (logits - centre) / scale), axis=1)
    share = truth.mean()
    line = np.array([np.log(share / (1 - share)), 0.0])
    for _ in range(_STEPS):
        residual, weight = _terms(truth, expit(design @ line))
        information = design.T @ (design * weight[:, None])
        change = np.asarray(np.linalg.solve(information, design.T @ residual), dtype=np.float64)
        line = _halved(truth, design, line, change)
        if np.abs(change).max() < _SMALL:
            break
    return np.array([line[0] - line[1] * centre / scale, line[1] / scale])


def _halved(truth: npt.NDArray[np.bool_], design: Floats, line: Floats, change: Floats) -> Floats:
    """The line after the change, or after the largest halving of it that does not lower the likelihood."""
    before = _likelihood(truth, design @ line)
    for _ in range(_STEPS):
        if _likelihood(truth, design @ (line + change)) >= before - _SMALL:
            break
        change = change / 2
    return line + change


def _likelihood(truth: npt.NDArray[np.bool_], logits: Floats) -> float:
    return float(-np.logaddexp(0, np.where(truth, -logits, logits)).sum())
