"""Figures of heartbeats: classes by record and in total, as ANSI/AAMI EC57 reports them.

*Gross* figures are of all beats together, *average* ones the mean of the records' own, so that a record with many
ectopic beats does not speak for all. The AAMI table tells ventricular and supraventricular ectopic beats from all
others. By its convention (AAMI EC57; de Chazal, O'Dwyer and Reilly 2004, doi:10.1109/TBME.2004.827359) a fusion beat or
an unknown one that is called V, and an unknown one that is called S, is no error and counted nowhere; ``strict`` counts
it as a false positive. Intervals are resampled by patient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ecgtool.metrics.beat_counts import (
    AAMI_QUANTITIES,
    CLASS_QUANTITIES,
    BeatCounts,
    Classes,
    Floats,
    accuracy,
    average,
    cells,
    mean_f1,
    of_cells,
    of_classes,
)
from ecgtool.metrics.beat_documents import AamiRow, Baseline, BeatMetrics, ClassFigures, RecordBeats
from ecgtool.metrics.bootstrap import resamples
from ecgtool.metrics.detection import LEARNING_S
from ecgtool.metrics.estimates import estimated
from ecgtool.metrics.values import Resampling, Value

AAMI4 = ("N", "S", "V", "F")
"""The classes that a macro-F1 is of, where they are among the labels: Q is a handful of beats."""
FORGIVEN = {"V": ("F", "Q"), "S": ("Q",)}
"""Ectopic class -> true classes whose beats may be called that class without an error, by AAMI's convention."""
ECTOPIC = {"V": "VEB", "S": "SVEB"}
"""Ectopic class -> what the AAMI table calls it: ventricular and supraventricular ectopic beats."""

Draw = Callable[[Floats], Floats]


@dataclass(frozen=True)
class BeatCalls:
    """Classified beats.

    Args:
        labels: The classes.
        true: Number of the true class of each beat, int64 [beats].
        called: Number of the class it was called, int64 [beats].
        records: The record of each beat.
        patients: Whose it is; an empty name is a person of its own.
        times_s: When each beats, float64 [beats] in seconds from the record's beginning, where that is known.
    """

    labels: tuple[str, ...]
    true: Classes
    called: Classes
    records: Sequence[str]
    patients: Sequence[str]
    times_s: Floats | None = None

    @cached_property
    def counts(self) -> BeatCounts:
        """The beats of each record by true and called class.

        Raises:
            DataError: There is no beat, or more or fewer of one thing than of another.
        """
        return BeatCounts.of(self.labels, self.true, self.called, self.records, self.patients)

    def taken(self, chosen: npt.NDArray[np.bool_]) -> BeatCalls:
        """Some of the beats, bool [beats]."""
        kept = np.flatnonzero(chosen).tolist()
        return BeatCalls(
            labels=self.labels,
            true=self.true[kept],
            called=self.called[kept],
            records=[self.records[beat] for beat in kept],
            patients=[self.patients[beat] for beat in kept],
            times_s=None if self.times_s is None else self.times_s[kept],
        )


def beat_metrics(beats: BeatCalls, bootstrap: int = 1000, seed: int = 0) -> BeatMetrics:
    """Every figure of classified beats, with 95 % intervals resampled by patient.

    Args:
        beats: What they are, and what they were called. Where it is known when they beat, the figures after five
            minutes are given too.
        bootstrap: Resamples; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Raises:
        DataError: There is no beat, or the inputs do not fit each other.
    """
    counts = beats.counts
    drawing = _Drawing(counts, _weights(counts, bootstrap, seed))
    macro = [counts.labels.index(name) for name in AAMI4 if name in counts.labels] or list(range(len(counts.labels)))
    whole = counts.total(counts.once)[0].astype(np.int64)
    return BeatMetrics(
        labels=counts.labels,
        beats=len(beats.true),
        records=len(counts.names),
        patients=int(counts.patients.max()) + 1,
        accuracy=drawing.one(accuracy),
        macro_f1=drawing.one(lambda matrices: mean_f1(matrices, macro)),
        macro_labels=tuple(counts.labels[label] for label in macro if whole[label].sum()),
        macro_f1_all=drawing.one(lambda matrices: mean_f1(matrices, range(len(counts.labels)))),
        baseline=_baseline(drawing, macro),
        per_class=_per_class(drawing, whole),
        aami=_aami(drawing),
        aami_learned=_learned(beats, bootstrap, seed),
        confusion=whole.tolist(),
        by_record=_by_record(counts),
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
    )


def _weights(counts: BeatCounts, bootstrap: int, seed: int) -> list[Floats]:
    return [counts.once, *resamples(counts.patients, bootstrap, seed)]


class _Drawing:
    """Figures of the summed matrices: as they are, and in every resample of the patients."""

    def __init__(self, counts: BeatCounts, weights: list[Floats]) -> None:
        self.counts, self.weights = counts, weights
        self.matrices = [counts.total(drawn) for drawn in weights]

    def one(self, figure: Draw) -> Value:
        """One figure [resamples] of matrices [resamples, true, called]."""
        return self.several(lambda matrices: figure(matrices)[None])[0]

    def several(self, figures: Draw) -> list[Value]:
        """Figures [figures, resamples]."""
        return _estimated([figures(matrices) for matrices in self.matrices])

    def averages(self) -> list[Value]:
        """The mean figures of records, in the order of quantities and, in each, of classes."""
        side = len(CLASS_QUANTITIES) * len(self.counts.labels)
        return _estimated([average(self.counts, weights).reshape(side, -1) for weights in self.weights])


def _estimated(drawn: Sequence[Floats]) -> list[Value]:
    return estimated(drawn[0], drawn[1:], [False] * len(drawn[0]))


def _per_class(drawing: _Drawing, whole: npt.NDArray[np.int64]) -> dict[str, ClassFigures]:
    labels = drawing.counts.labels
    side = len(labels)
    gross = drawing.several(lambda matrices: of_classes(matrices).reshape(len(CLASS_QUANTITIES) * side, -1))
    means = drawing.averages()
    holds = drawing.counts.matrices.sum(axis=2) > 0
    return {
        label: ClassFigures(
            beats=int(whole[place].sum()),
            called=int(whole[:, place].sum()),
            records=int(holds[:, place].sum()),
            gross=dict(zip(CLASS_QUANTITIES, gross[place::side], strict=True)),
            average=dict(zip(CLASS_QUANTITIES, means[place::side], strict=True)),
        )
        for place, label in enumerate(labels)
    }


def _aami(drawing: _Drawing) -> dict[str, AamiRow]:
    """The AAMI table's rows of the ectopic classes that are labels."""
    labels = drawing.counts.labels
    made = {}
    for label in (name for name in ECTOPIC if name in labels and len(labels) > 2):
        place = labels.index(label)
        forgiven = [labels.index(name) for name in FORGIVEN[label] if name in labels]
        made[ECTOPIC[label]] = AamiRow(
            beats=int(drawing.counts.matrices[:, place].sum()),
            aami=_against_others(drawing, place, forgiven),
            strict=_against_others(drawing, place, ()),
        )
    return made


def _against_others(drawing: _Drawing, label: int, forgiven: Sequence[int]) -> dict[str, Value]:
    values = drawing.several(lambda matrices: of_cells(cells(matrices, label, forgiven)))
    return dict(zip(AAMI_QUANTITIES, values, strict=True))


def _learned(whole: BeatCalls, bootstrap: int, seed: int) -> dict[str, AamiRow]:
    """The AAMI table of the beats after the first five minutes; empty where that is no beat, or every one."""
    if whole.times_s is None:
        return {}
    late = np.asarray(whole.times_s) >= LEARNING_S
    if late.all() or not late.any():
        return {}
    counts = whole.taken(late).counts
    return _aami(_Drawing(counts, _weights(counts, bootstrap, seed)))


def _baseline(drawing: _Drawing, macro: Sequence[int]) -> Baseline:
    """Every beat called N, or the most frequent class where none is called so."""
    counts = drawing.counts
    frequent = int(counts.matrices.sum(axis=(0, 2)).argmax())
    label = "N" if "N" in counts.labels else counts.labels[frequent]
    same = _Drawing(counts.constant(label), drawing.weights)
    macro_f1 = same.one(lambda matrices: mean_f1(matrices, macro))
    return Baseline(label=label, accuracy=same.one(accuracy), macro_f1=macro_f1)


def _by_record(counts: BeatCounts) -> tuple[RecordBeats, ...]:
    right = accuracy(counts.matrices)
    return tuple(
        RecordBeats(record=name, beats=int(matrix.sum()), accuracy=float(hit), confusion=matrix.astype(int).tolist())
        for name, matrix, hit in zip(counts.names, counts.matrices, right, strict=True)
    )
