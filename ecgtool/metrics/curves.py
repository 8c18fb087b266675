"""Curves over a decision threshold: ROC, precision-recall, calibration.

Everything is counted, with ties kept together, and every count may carry weights. A bootstrap resample is then a
weight per item, and a whole batch of resamples is one sparse product instead of a sort each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """One label's items in bins of descending probability, ready to be counted under any weights.

    Items of equal probability share a bin. Neighbouring bins without a positive are one, since neither area changes
    between two positives: a rare label has few bins however many items there are.

    Args:
        positives: Indicator [bins, items] of the positive items.
        negatives: Indicator [bins, items] of the negative items.
    """

    positives: csr_array
    negatives: csr_array

    @classmethod
    def of(cls, target: npt.NDArray[np.bool_], probability: Floats) -> Self:
        """Rank the items of one label.

        Args:
            target: bool [items].
            probability: float [items], finite.
        """
        order = np.argsort(-probability, kind="stable")
        tied = np.cumsum(np.diff(probability[order], prepend=np.inf) != 0) - 1
        has_positive = np.bincount(tied, weights=target[order]) > 0
        opens = has_positive | np.concatenate(([True], has_positive[:-1]))
        bins = (np.cumsum(opens) - 1)[tied]
        shape = (int(opens.sum()), len(target))
        return cls(_indicator(bins, order, target[order], shape), _indicator(bins, order, ~target[order], shape))

    def tally(self, weights: Floats) -> Tally:
        """The bins counted under weights float [items, resamples]."""
        return Tally(self.positives @ weights, self.negatives @ weights)


@dataclass(frozen=True)
class Tally:
    """Weight of the positives and of the negatives in each bin, [bins, resamples], the most probable bin first."""

    positives: Floats
    negatives: Floats

    @cached_property
    def falsely(self) -> Floats:
        """Weight of the negatives in a bin and all before it, [bins, resamples]."""
        return np.cumsum(self.negatives, axis=0)


def auroc(tally: Tally) -> Floats:
    """Area under the ROC curve, ties counted half: the Mann-Whitney statistic (Hanley and McNeil 1982).

    Returns:
        [resamples]; NaN where a class is absent.
    """
    positives, total = tally.positives, tally.falsely[-1]
    below = total - tally.falsely + tally.negatives / 2
    return _ratio((positives * below).sum(axis=0), positives.sum(axis=0) * total, np.nan)


def average_precision(tally: Tally) -> Floats:
    """Area under the precision-recall curve as a sum of steps, without interpolation (Davis and Goadrich 2006).

    Returns:
        [resamples]; NaN where there is no positive.
    """
    found = np.cumsum(tally.positives, axis=0)
    precision = _ratio(found, found + tally.falsely, 0.0)
    return _ratio((tally.positives * precision).sum(axis=0), found[-1], np.nan)


@dataclass(frozen=True)
class Counts:
    """What every threshold of one label would decide; arrays [thresholds], the highest threshold first.

    Args:
        thresholds: Distinct probabilities; an item at or above one is called positive.
        tp: True positives.
        fp: False positives.
        positives: Positives in all.
        negatives: Negatives in all.
    """

    thresholds: Floats
    tp: Floats
    fp: Floats
    positives: int
    negatives: int

    @classmethod
    def of(cls, target: npt.NDArray[np.bool_], probability: Floats) -> Self:
        """Count the decisions of one label; ``target`` bool [items], ``probability`` float [items]."""
        thresholds, place = np.unique(-probability, return_inverse=True)
        positives = np.bincount(place, weights=target, minlength=len(thresholds))
        everyone = np.bincount(place, minlength=len(thresholds))
        tp, called = positives.cumsum(dtype=float), everyone.cumsum(dtype=float)
        total = int(target.sum())
        return cls(-thresholds, tp, called - tp, total, len(target) - total)

    @property
    def sensitivity(self) -> Floats:
        """Share of the positives that are called positive."""
        return self.tp / max(self.positives, 1)

    @property
    def specificity(self) -> Floats:
        """Share of the negatives that are not called positive."""
        return 1 - self.fp / max(self.negatives, 1)

    @property
    def precision(self) -> Floats:
        """Share of those called positive that are."""
        return self.tp / (self.tp + self.fp)

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and sensitivity."""
        return 2 * self.tp / (self.tp + self.fp + self.positives)


def calibration(target: npt.NDArray[np.bool_], probability: Floats, bins: int = 10) -> tuple[Floats, Floats, Floats]:
    """Predicted against observed frequency, in the bins of :func:`mass_bins`.

    Returns:
        Mean probability, share of positives and number of items of each bin that is not empty.
    """
    _, bin_of = np.unique(mass_bins(probability, bins), return_inverse=True)
    items = np.bincount(bin_of).astype(np.float64)
    return np.bincount(bin_of, weights=probability) / items, np.bincount(bin_of, weights=target) / items, items


def mass_bins(probability: Floats, bins: int = 10) -> npt.NDArray[np.int64]:
    """Which of so many bins, each of about equally many items, holds an item; int64 [items], rising with probability.

    Equal numbers, because bins of equal width leave most of them nearly empty where a label is rare. Items of equal
    probability share a bin, so that the order of the items decides nothing.
    """
    _, place, number = np.unique(probability, return_inverse=True, return_counts=True)
    below = np.concatenate(([0], np.cumsum(number)[:-1]))
    return np.asarray((below * bins // max(len(probability), 1))[place], dtype=np.int64)


def _indicator(
    bins: npt.NDArray[np.int64], order: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_], shape: tuple[int, int]
) -> csr_array:
    """A matrix [bins, items] with a one where a chosen item lies in a bin; ``bins`` ascend along ``order``."""
    starts = np.concatenate(([0], np.cumsum(np.bincount(bins[chosen], minlength=shape[0]))))
    return csr_array((np.ones(int(chosen.sum())), order[chosen], starts), shape=shape)


def _ratio(above: Floats, below: Floats, otherwise: float) -> Floats:
    """The quotient, with a value of its own where it would divide by zero."""
    return np.divide(above, below, out=np.full(np.shape(below), otherwise), where=below > 0)
