"""Counts of beats by true and called class, record by record, and the figures that follow from them.

Everything is a sum of the records' confusion matrices under weights, so that the figures of all beats and of a thousand
resamples of patients are one product of small arrays, however many beats there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.bootstrap import patient_codes

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

CLASS_QUANTITIES = ("sensitivity", "ppv", "specificity", "f1", "accuracy")
"""Figures of one class, in the order of :func:`of_classes`."""
AAMI_QUANTITIES = ("sensitivity", "ppv", "fpr", "accuracy")
"""Figures of a row of the AAMI table, in the order of :func:`of_cells`."""


class Cells(NamedTuple):
    """What became of the beats of one class and of all others, [resamples] each."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats


@dataclass(frozen=True)
class BeatCounts:
    """Beats of each record by true and called class.

    Args:
        labels: The classes.
        names: The records.
        patients: A number per person, int64 [records].
        matrices: float64 [records, true, called].
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    patients: npt.NDArray[np.int64]
    matrices: Floats

    @classmethod
    def of(
        cls, labels: Sequence[str], true: Classes, called: Classes, records: Sequence[str], patients: Sequence[str]
    ) -> Self:
        """Count beats, in records as they come first.

        Args:
            labels: The classes.
            true: Number of the true class of each beat, [beats].
            called: Number of the class it was called, [beats].
            records: The record of each.
            patients: Whose it is; an empty name is a person of its own.

        Raises:
            DataError: There is no beat, or a number of classes, records or patients is not that of the beats.
        """
        if not len(true) or not len(true) == len(called) == len(records) == len(patients):
            sizes = f"{len(true)} beats, {len(called)} calls, {len(records)} records and {len(patients)} patients"
            raise DataError(f"Figures of beats need as many of everything, not {sizes}.")
        names, first, place = np.unique(np.asarray(records, dtype=str), return_index=True, return_inverse=True)
        order = np.argsort(first)
        row, side = np.argsort(order)[place], len(labels)
        cells = np.bincount((row * side + true) * side + called, minlength=len(names) * side**2)
        return cls(
            labels=tuple(labels),
            names=tuple(names[order].tolist()),
            patients=patient_codes([patients[beat] for beat in first[order]]),
            matrices=cells.reshape(len(names), side, side).astype(np.float64),
        )

    @property
    def once(self) -> Floats:
        """The weights that count every record once, [records, 1]."""
        return np.ones((len(self.names), 1))

    def total(self, weights: Floats) -> Floats:
        """The sum of the records' matrices under weights [records, resamples]: [resamples, true, called]."""
        return np.tensordot(weights.T, self.matrices, axes=1)

    def constant(self, label: str) -> BeatCounts:
        """The same beats with every one called the same."""
        matrices = np.zeros_like(self.matrices)
        matrices[:, :, self.labels.index(label)] = self.matrices.sum(axis=2)
        return BeatCounts(self.labels, self.names, self.patients, matrices)


def cells(matrices: Floats, label: int, forgiven: Sequence[int] = ()) -> Cells:
    """What became of one class, in matrices [resamples, true, called].

    Args:
        matrices: Counts.
        label: The class.
        forgiven: True classes whose beats may be called that class: such a beat is counted nowhere.
    """
    tp = matrices[:, label, label]
    rows, columns = matrices[:, label].sum(axis=1), matrices[:, :, label].sum(axis=1)
    tn = matrices.sum(axis=(1, 2)) - rows - columns + tp
    return Cells(tp, columns - tp - matrices[:, list(forgiven), label].sum(axis=1), rows - tp, tn)


def of_classes(matrices: Floats) -> Floats:
    """:data:`CLASS_QUANTITIES` of every class, [quantities, classes, resamples]; NaN where undefined."""
    made = []
    for label in range(matrices.shape[1]):
        tp, fp, fn, tn = cells(matrices, label)
        f1 = np.where(tp + fn > 0, share(2 * tp, 2 * tp + fp + fn), np.nan)
        made.append([share(tp, tp + fn), share(tp, tp + fp), share(tn, tn + fp), f1, share(tp + tn, tp + fp + fn + tn)])
    return np.array(made).swapaxes(0, 1)


def of_cells(held: Cells) -> Floats:
    """:data:`AAMI_QUANTITIES` of one class, [quantities, resamples]."""
    tp, fp, fn, tn = held
    return np.stack([share(tp, tp + fn), share(tp, tp + fp), share(fp, fp + tn), share(tp + tn, tp + fp + fn + tn)])


def accuracy(matrices: Floats) -> Floats:
    """Share of the beats called right, [resamples]."""
    return share(np.trace(matrices, axis1=1, axis2=2), matrices.sum(axis=(1, 2)))


def mean_f1(matrices: Floats, labels: Sequence[int]) -> Floats:
    """Mean F1 of those of the classes that occur, [resamples]."""
    each = of_classes(matrices)[CLASS_QUANTITIES.index("f1"), list(labels)]
    defined = np.isfinite(each)
    return share(np.where(defined, each, 0).sum(axis=0), defined.sum(axis=0))


def average(counts: BeatCounts, weights: Floats) -> Floats:
    """The mean of the records' own figures of every class, [quantities, classes, resamples].

    A record in which a figure is undefined counts in no mean: a sensitivity is that of the records that have the class,
    a positive predictivity that of the records in which it was called.
    """
    return record_mean(of_classes(counts.matrices), weights)


def record_mean(each: Floats, weights: Floats) -> Floats:
    """The mean of the records' own figures [..., records] under weights [records, resamples]: [..., resamples].

    A record in which a figure is undefined, NaN, counts in no mean of it.
    """
    return share(np.nan_to_num(each) @ weights, np.isfinite(each).astype(np.float64) @ weights)


def share(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """The quotient, NaN where it would divide by zero."""
    above, below = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
