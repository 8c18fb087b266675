"""Beats that were found and called, against those that are there, in one matrix: ANSI/AAMI EC57.

What a device says of a recording is two things at once: where beats are, and what they are. Its beats and those of the
reference are paired within 150 ms; a beat of the reference without a partner is *missed*, one of the device without a
partner is *extra*. The matrix holds the pairs by true and called class, the missed ones in a last column and the extra
ones in a last row (EC57 calls both O). From it follow, gross and as the mean of the records:

====  ==========================================  ==========================================================
QRS   Se = pairs / beats that are there           +P = pairs / beats that were found
VEB   Se = V called V / V                         +P, FPR: N, S and extra beats called V are false
SVEB  Se = S called S / S                         +P, FPR: N, V, F and extra beats called S are false
====  ==========================================  ==========================================================

A missed ectopic beat counts against the sensitivity of its class; a missed beat of another class is no true negative,
as nobody called it. F or Q called V, and Q called S, is counted nowhere. EC57 leaves out the first five minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.beat_counts import Floats, cells, record_mean, share
from ecgtool.metrics.beat_documents import Ec57, RecordMatrix
from ecgtool.metrics.beats import ECTOPIC, FORGIVEN
from ecgtool.metrics.bootstrap import each_once_and_resampled
from ecgtool.metrics.detection import LEARNING_S, match_beats
from ecgtool.metrics.estimates import estimated
from ecgtool.metrics.values import WINDOW_S, Resampling, Value
from ecgtool.waves import UNKNOWN, Samples

QRS = "QRS"
"""The row of figures that is of beats of any class."""
QUANTITIES = {QRS: ("sensitivity", "ppv"), **dict.fromkeys(ECTOPIC.values(), ("sensitivity", "ppv", "fpr"))}
"""Row -> its figures."""


class Classed(NamedTuple):
    """Beats of a record with their classes.

    Attributes:
        samples: int64 [beats], ascending.
        classes: int64 [beats], the number of the class of each; -1 of a beat of the reference whose class nobody knows:
            it is neither missed nor found.
    """

    samples: Samples
    classes: npt.NDArray[np.int64]


def compared(
    name: str,
    reference: Classed,
    found: Classed,
    fs: float,
    labels: Sequence[str],
    *,
    patient: str = "",
    skip_s: float = LEARNING_S,
) -> RecordMatrix:
    """Count the beats of one record.

    Args:
        name: Of the record.
        reference: The beats that are there.
        found: Those that were found, as they were called.
        fs: Rate of both, in Hz.
        labels: The classes.
        patient: Whose record it is.
        skip_s: What to leave out at its beginning, in seconds.

    Raises:
        DataError: Samples are not ascending, or there are not as many classes as beats.
    """
    if len(reference.samples) != len(reference.classes) or len(found.samples) != len(found.classes):
        raise DataError(f"Record {name} does not have as many classes as beats.")
    pairs = match_beats(reference.samples, found.samples, fs)
    side, begins = len(labels), skip_s * fs
    # A pair across the border counts by the beat that is there, so that neither half is missed or extra.
    true, called = reference.classes[pairs.reference], found.classes[pairs.found]
    missed = np.delete(np.arange(len(reference.samples)), pairs.reference)
    extra = np.delete(np.arange(len(found.samples)), pairs.found)
    rows = np.concatenate([true, reference.classes[missed], np.full(len(extra), side)])
    columns = np.concatenate([called, np.full(len(missed), side), found.classes[extra]])
    times = np.concatenate([reference.samples[pairs.reference], reference.samples[missed], found.samples[extra]])
    kept = (times >= begins) & (rows != UNKNOWN)
    matrix = np.zeros((side + 1, side + 1), np.int64)
    np.add.at(matrix, (rows[kept], columns[kept]), 1)
    return RecordMatrix(record=name, patient=patient, matrix=matrix.tolist())


def joined(parts: Sequence[RecordMatrix]) -> list[RecordMatrix]:
    """The parts of each record as one, in the order in which records come first."""
    held: dict[str, RecordMatrix] = {}
    for part in parts:
        before = held.get(part.record)
        total = np.array(part.matrix) + (np.array(before.matrix) if before else 0)
        held[part.record] = part.model_copy(update={"matrix": total.tolist()})
    return list(held.values())


def ec57(
    labels: Sequence[str],
    records: Sequence[RecordMatrix],
    skipped_s: float = LEARNING_S,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Ec57:
    """The figures of all records, with 95 % intervals resampled by patient.

    Args:
        labels: The classes of their matrices.
        records: The beats of each, from :func:`compared`.
        skipped_s: What was left out at the beginning of each.
        bootstrap: Resamples; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Raises:
        DataError: There is no record.
    """
    if not records:
        raise DataError("There is no record whose beats could be compared.")
    matrices = np.array([each.matrix for each in records], np.float64)
    weights = each_once_and_resampled([each.patient for each in records], bootstrap, seed)
    gross = [_figures(labels, np.tensordot(drawn.T, matrices, axes=1)) for drawn in weights]
    own = _figures(labels, matrices)
    return Ec57(
        labels=tuple(labels),
        window_s=WINDOW_S,
        skipped_s=skipped_s,
        records=len(records),
        matrix=matrices.sum(axis=0).astype(int).tolist(),
        gross=_named(labels, gross),
        average=_named(labels, [record_mean(own, drawn) for drawn in weights]),
        by_record=tuple(records),
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
    )


def figures_of(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> Iterator[tuple[str, str, float]]:
    """Row, quantity and value of each figure of one matrix; NaN where it is undefined."""
    values = _figures(labels, np.array([matrix], np.float64))[:, 0].tolist()
    names = [(row, quantity) for row in rows_of(labels) for quantity in QUANTITIES[row]]
    yield from ((row, quantity, value) for (row, quantity), value in zip(names, values, strict=True))


def rows_of(labels: Sequence[str]) -> tuple[str, ...]:
    """The rows of figures that these classes have: ectopic beats are told where they are a class of several."""
    return (QRS, *(row for label, row in ECTOPIC.items() if label in labels and len(labels) > 2))


def _figures(labels: Sequence[str], matrices: Floats) -> Floats:
    """Every figure of matrices [resamples, true, called], in the order of rows and quantities: [figures, resamples]."""
    pairs, missed = matrices[:, :-1, :-1].sum(axis=(1, 2)), matrices[:, :-1, -1].sum(axis=1)
    made = [share(pairs, pairs + missed), share(pairs, pairs + matrices[:, -1].sum(axis=1))]
    for label, row in ECTOPIC.items():
        if row in rows_of(labels):
            made += _ectopic(labels, matrices, label)
    return np.array(made)


def _ectopic(labels: Sequence[str], matrices: Floats, label: str) -> list[Floats]:
    place = labels.index(label)
    tp, fp, fn, tn = cells(matrices, place, [labels.index(name) for name in FORGIVEN[label] if name in labels])
    called = tn - matrices[:, :, -1].sum(axis=1) + matrices[:, place, -1]
    return [share(tp, tp + fn), share(tp, tp + fp), share(fp, fp + called)]


def _named(labels: Sequence[str], drawn: Sequence[Floats]) -> dict[str, dict[str, Value]]:
    values = iter(estimated(drawn[0], drawn[1:], [False] * len(drawn[0])))
    return {row: {quantity: next(values) for quantity in QUANTITIES[row]} for row in rows_of(labels)}
