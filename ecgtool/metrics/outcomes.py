"""Outcomes: what was predicted beside what was true, and the quantities counted from it for each label.

Every quantity is computed under weights per item, for many sets of weights at once, so that the point estimate
(weights of one) and a thousand bootstrap resamples are the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.curves import Floats, Ranking, Tally, auroc, average_precision
from ecgtool.metrics.logits import clipped_logit
from ecgtool.metrics.reliability import Bins, Recalibration
from ecgtool.task import NOT_LABELLED, Task

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outcomes:
    """Targets and probabilities of the labelled items, checked against the task.

    Args:
        task: What the targets mean.
        labelled: Which of the given items carry a label; bool [given items].
        truth: bool [items, labels]; here and everywhere the labels are those that the task asks for.
        probabilities: float64 [items, labels].
        thresholds: float64 [labels]; of no account where the most probable label is called.
    """

    task: Task
    labelled: Flags
    truth: Flags
    probabilities: Floats
    thresholds: Floats

    @classmethod
    def of(
        cls,
        task: Task,
        targets: npt.ArrayLike,
        probabilities: npt.ArrayLike,
        thresholds: Mapping[str, float] | None = None,
    ) -> Outcomes:
        """Check the arrays and leave out items without a label.

        Raises:
            DataError: They do not fit the task, a probability is not finite, or no item carries a label.
        """
        given, chances = np.asarray(targets), np.asarray(probabilities, dtype=np.float64)
        _check_shapes(task, given, chances)
        cuts = _thresholds(task, thresholds or {})
        labelled = np.asarray(given >= 0 if task.exclusive else given[:, 0] != NOT_LABELLED)
        if not labelled.any():
            raise DataError(f"No item carries a label of task '{task.name}'.", "Choose another split or task.")
        known, asked = given[labelled], [task.labels.index(label) for label in task.asked]
        truth = known[:, None] == asked if task.exclusive else known.astype(bool)
        return cls(task, labelled, truth, chances[labelled][:, asked], cuts)

    @property
    def items(self) -> int:
        """Number of labelled items."""
        return len(self.truth)

    @cached_property
    def called(self) -> Flags:
        """What is called positive, [items, labels]: at or above the threshold, or the most probable label."""
        if not self.task.thresholded:
            return np.asarray(self.probabilities.argmax(axis=1)[:, None] == np.arange(len(self.task.labels)))
        return np.asarray(self.probabilities >= self.thresholds)

    @property
    def choice(self) -> npt.NDArray[np.int64]:
        """The number of the label that each item is called, [items], where exactly one label holds."""
        if not self.task.binary:
            return np.asarray(self.called.argmax(axis=1))
        asked = self.task.labels.index(self.task.asked[0])
        return np.where(self.called[:, 0], asked, 1 - asked)

    @cached_property
    def both(self) -> Flags:
        """Whether a label has both classes among the items, [labels]."""
        return np.asarray(self.truth.any(axis=0) & ~self.truth.all(axis=0))

    @cached_property
    def rankings(self) -> list[Ranking]:
        """Each label's items ranked, once for all weights."""
        return [Ranking.of(self.truth[:, label], self.probabilities[:, label]) for label in range(len(self.both))]

    @cached_property
    def bins(self) -> Bins:
        """Each label's items in bins of equal mass, once for all weights."""
        return Bins.of(self.truth, self.probabilities)

    @cached_property
    def recalibrations(self) -> list[Recalibration]:
        """Each label's logistic recalibration, once for all weights."""
        logits = clipped_logit(self.probabilities)
        return [Recalibration.of(self.truth[:, label], logits[:, label]) for label in range(len(self.both))]

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Items by true and called label, [labels, labels] in the order of the task, where exactly one label holds."""
        truth, called = self.truth.astype(np.int64), self.called.astype(np.int64)
        if self.task.binary:
            order = [int(label in self.task.asked) for label in self.task.labels]
            truth, called = (np.concatenate((1 - flags, flags), axis=1)[:, order] for flags in (truth, called))
        return np.asarray(truth.T @ called)


class Counted:
    """Outcomes counted under weights; arrays [labels, resamples] unless said otherwise.

    Args:
        outcomes: What to count.
        weights: float64 [items, resamples].
    """

    def __init__(self, outcomes: Outcomes, weights: Floats) -> None:
        self.outcomes = outcomes
        self.weights = weights

    @classmethod
    def once(cls, outcomes: Outcomes) -> Counted:
        """Every item counted once: the point estimate, one resample."""
        return cls(outcomes, np.ones((outcomes.items, 1)))

    @cached_property
    def total(self) -> Floats:
        """Weight of all items, [resamples]."""
        return self.weights.sum(axis=0)

    @cached_property
    def tp(self) -> Floats:
        """True positives."""
        return self._count(self.outcomes.truth & self.outcomes.called)

    @cached_property
    def fp(self) -> Floats:
        """False positives."""
        return self._count(self.outcomes.called) - self.tp

    @cached_property
    def positives(self) -> Floats:
        """Positive items."""
        return self._count(self.outcomes.truth)

    @cached_property
    def tallies(self) -> list[Tally]:
        """Per label the weights of positives and negatives by descending probability."""
        return [ranking.tally(self.weights) for ranking in self.outcomes.rankings]

    @cached_property
    def recalibrated(self) -> tuple[Floats, Floats]:
        """Calibration slope and intercept of each label."""
        steps = [fit.step(fit.terms @ self.weights) for fit in self.outcomes.recalibrations]
        alone = (self.positives == 0) | (self.positives == self.total)
        slope, intercept = (np.where(alone, np.nan, np.stack(parts)) for parts in zip(*steps, strict=True))
        return slope, intercept

    @property
    def fn(self) -> Floats:
        """False negatives."""
        return self.positives - self.tp

    @property
    def tn(self) -> Floats:
        """True negatives."""
        return self.total - self.positives - self.fp

    def auroc(self) -> Floats:
        """Area under the ROC curve."""
        return np.stack([auroc(tally) for tally in self.tallies])

    def auprc(self) -> Floats:
        """Average precision."""
        return np.stack([average_precision(tally) for tally in self.tallies])

    def f1(self) -> Floats:
        """F1 score; 0 where nothing is right, NaN without positives."""
        return _share(2 * self.tp, np.where(self.positives > 0, self.tp + self.fp + self.positives, 0), np.nan)

    def ppv(self) -> Floats:
        """Positive predictive value (precision); 0 where nothing is called positive, as scikit-learn has it."""
        return _share(self.tp, self.tp + self.fp, 0.0)

    def npv(self) -> Floats:
        """Negative predictive value; 0 where everything is called positive."""
        return _share(self.tn, self.tn + self.fn, 0.0)

    def sensitivity(self) -> Floats:
        """Sensitivity; NaN without positives."""
        return _share(self.tp, self.positives, np.nan)

    def specificity(self) -> Floats:
        """Specificity; NaN without negatives."""
        return _share(self.tn, self.total - self.positives, np.nan)

    def accuracy(self) -> Floats:
        """Share of right calls."""
        return (self.tp + self.tn) / self.total

    def balanced_accuracy(self) -> Floats:
        """Mean of sensitivity and specificity; the sensitivity alone where the most probable label is called."""
        if not self.outcomes.task.thresholded:
            return self.sensitivity()
        return (self.sensitivity() + self.specificity()) / 2

    def brier(self) -> Floats:
        """Mean squared difference of probability and target (Brier 1950)."""
        return self._count(np.square(self.outcomes.probabilities - self.outcomes.truth)) / self.total

    def mcc(self) -> Floats:
        """Matthews correlation of calls and targets; 0 where one of them does not vary, as scikit-learn has it."""
        called = self.tp + self.fp
        spread = self.positives * (self.total - self.positives) * called * (self.total - called)
        return _share(self.tp * self.total - self.positives * called, np.sqrt(np.maximum(spread, 0)), 0.0)

    def ece(self) -> Floats:
        """Expected calibration error in ten bins of equal mass."""
        return self.outcomes.bins.error(self.weights)

    def calibration_slope(self) -> Floats:
        """Slope of the logistic recalibration; NaN where there is none."""
        return self.recalibrated[0]

    def calibration_intercept(self) -> Floats:
        """Intercept of the logistic recalibration with its slope at 1; NaN without both classes."""
        return self.recalibrated[1]

    def exact(self) -> Floats:
        """Share of the items of which every label is called right, [resamples]."""
        right = (self.outcomes.truth == self.outcomes.called).all(axis=1)
        return self._count(right[:, None])[0] / self.total

    def macro(self, values: Floats) -> Floats:
        """The mean of the labels that have both classes in a resample, [resamples]."""
        return self._mean(values, np.ones_like(values))

    def weighted(self, values: Floats) -> Floats:
        """The same mean weighted by the positives of each label, [resamples]."""
        return self._mean(values, self.positives)

    def _mean(self, values: Floats, shares: Floats) -> Floats:
        counts = (self.positives > 0) & (self.positives < self.total)
        return _share(np.where(counts, values * shares, 0).sum(axis=0), np.where(counts, shares, 0).sum(axis=0), np.nan)

    def _count(self, matrix: Flags | Floats) -> Floats:
        """Weighted sum over the items of each label: [items, labels] -> [labels, resamples]."""
        return np.asarray(matrix, dtype=np.float64).T @ self.weights


@dataclass(frozen=True)
class Quantity:
    """Something counted for each label.

    Args:
        summary: Its definition in one line.
        of: Computes it, [labels, resamples].
        recentred: Whether resampling itself raises it, by as much as having few items does: its interval is the spread
            of the resamples around the figure.
    """

    summary: str
    of: Callable[[Counted], Floats]
    recentred: bool = False


QUANTITIES: dict[str, Quantity] = {
    "auroc": Quantity(
        "Area under the ROC curve: the chance that a positive item has the higher probability.", Counted.auroc
    ),
    "auprc": Quantity("Area under the precision-recall curve (average precision).", Counted.auprc),
    "accuracy": Quantity("Share of the items called right.", Counted.accuracy),
    "f1": Quantity("Harmonic mean of PPV and sensitivity.", Counted.f1),
    "sensitivity": Quantity("Share of the positive items called positive (recall).", Counted.sensitivity),
    "specificity": Quantity("Share of the negative items not called positive.", Counted.specificity),
    "ppv": Quantity("Positive predictive value: share of the items called positive that are (precision).", Counted.ppv),
    "npv": Quantity(
        "Negative predictive value: share of the items not called positive that are negative.", Counted.npv
    ),
    "balanced_accuracy": Quantity(
        "Mean of sensitivity and specificity; of the sensitivities where the most probable label is called.",
        Counted.balanced_accuracy,
    ),
    "mcc": Quantity("Matthews correlation coefficient of calls and targets.", Counted.mcc),
    "brier": Quantity("Mean squared difference of probability and target; lower is better.", Counted.brier),
    "ece": Quantity(
        "Expected calibration error: mean gap between probability and frequency in ten bins of equally many items; "
        "lower is better, and too high where items are few.",
        Counted.ece,
        recentred=True,
    ),
    "calibration_slope": Quantity(
        "Slope of the target on the logit of the probability; below 1: probabilities too extreme.",
        Counted.calibration_slope,
    ),
    "calibration_intercept": Quantity(
        "What is missing from the logits in the mean; below 0: probabilities too high.", Counted.calibration_intercept
    ),
}
"""What is counted for each label, by name."""


def _check_shapes(task: Task, targets: npt.NDArray[np.generic], probabilities: Floats) -> None:
    labels = len(task.labels)
    items = len(targets) if targets.ndim else 0
    expected = (items,) if task.exclusive else (items, labels)
    if targets.shape != expected or probabilities.shape != (items, labels):
        raise DataError(
            f"Task '{task.name}' needs targets {list(expected)} and probabilities {[items, labels]}, "
            f"not {list(targets.shape)} and {list(probabilities.shape)}."
        )
    bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if bad:
        raise DataError(f"{bad} of {items} predictions are not finite.", "Training diverged: try a lower --lr.")


def _thresholds(task: Task, given: Mapping[str, float]) -> Floats:
    unknown = sorted(set(given) - set(task.asked))
    if unknown:
        kind = "not the positive label" if task.binary and unknown[0] in task.labels else "no label"
        raise DataError(f"There is a threshold for '{unknown[0]}', which is {kind} of task '{task.name}'.")
    return np.array([given.get(label, 0.5) for label in task.asked], dtype=np.float64)


def _share(part: Floats, whole: Floats, otherwise: float) -> Floats:
    """The quotient, with a value of its own where it would divide by zero."""
    return np.divide(part, whole, out=np.full(np.shape(whole), otherwise), where=whole > 0)
