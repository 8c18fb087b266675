"""The worst mistakes: the cases that cost the model most, drawn as electrocardiograms.

Largest loss first (the negative logarithm of the probability given to the truth), one case of a patient at most, so
that one odd recording does not fill the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ecgtool.console import printable
from ecgtool.evaluation import Evaluation, Recordings
from ecgtool.metrics.outcomes import Outcomes
from ecgtool.paper import draw, image
from ecgtool.record import Record
from ecgtool.report.beat_mistakes import drawn_beat
from ecgtool.report.page import Image
from ecgtool.task import Task

EACH = 3
"""Missed ones drawn at most, and as many falsely called."""
_DPI = 80


@dataclass(frozen=True)
class Mistake:
    """A wrong call.

    Args:
        case: Which of the predictions it is.
        label: The label that was missed or falsely called.
        missed: Whether it holds and was not called.
        loss: Negative logarithm of the probability given to the truth.
        said: The mistake in words.
    """

    case: int
    label: str
    missed: bool
    loss: float
    said: str


def worst(found: Evaluation, each: int = EACH) -> list[Mistake]:
    """The missed cases and the falsely called ones with the largest loss, at most so many of each.

    Where one of three or more labels holds every mistake is both, and twice as many are given.
    """
    outcomes = found.predictions.outcomes(found.metrics.thresholds)
    ranked = sorted(_mistakes(outcomes, found.metrics.task), key=lambda mistake: -mistake.loss)
    if not found.metrics.task.thresholded:
        return _one_of_each_patient(found, ranked)[: 2 * each]
    kinds = ([mistake for mistake in ranked if mistake.missed is missed] for missed in (True, False))
    return [mistake for kind in kinds for mistake in _one_of_each_patient(found, kind)[:each]]


def pictures(found: Evaluation) -> dict[str, Image]:
    """The worst mistakes as images by name; none where no recording is at hand."""
    if found.recordings is None:
        return {}
    recordings = found.recordings
    return {f"mistake-{number}": _drawn(mistake, found, recordings) for number, mistake in enumerate(worst(found), 1)}


def _mistakes(outcomes: Outcomes, task: Task) -> Iterator[Mistake]:
    truth, called, chances = outcomes.truth, outcomes.called, outcomes.probabilities
    if not task.thresholded:
        for case in np.flatnonzero((truth != called).any(axis=1)).tolist():
            true, other = int(truth[case].argmax()), int(called[case].argmax())
            said = f"{task.labels[true]}, called {task.labels[other]}"
            given = f"given {chances[case, true]:.3f} and {chances[case, other]:.3f}"
            yield Mistake(case, task.labels[true], True, _loss(chances[case, true]), f"{said}: {given}")
        return
    for case, column in zip(*(axis.tolist() for axis in np.nonzero(truth != called)), strict=True):
        label, chance, cut = task.asked[column], float(chances[case, column]), float(outcomes.thresholds[column])
        missed = bool(truth[case, column])
        kind = f"Missed {label}" if missed else f"Falsely called {label}"
        said = f"{kind}: given {chance:.3f}, {'below' if missed else 'at or above'}"
        yield Mistake(case, label, missed, _loss(chance if missed else 1 - chance), f"{said} the threshold {cut:.3f}")


def _loss(chance: float) -> float:
    return float(-np.log(max(chance, 1e-12)))


def _one_of_each_patient(found: Evaluation, mistakes: Iterable[Mistake]) -> list[Mistake]:
    patients, ids = found.predictions.patients, found.predictions.ids
    first: dict[tuple[str, str], Mistake] = {}
    for mistake in mistakes:
        person = patients[mistake.case]
        first.setdefault(("patient", person) if person else ("case", ids[mistake.case]), mistake)
    return list(first.values())


def _drawn(mistake: Mistake, found: Evaluation, recordings: Recordings) -> Image:
    if found.metrics.task.of == "beat":
        return drawn_beat(recordings, mistake.case, mistake.said)
    row, others = _recording_of(mistake, found, recordings)
    store, item = recordings.store, int(recordings.items[row])
    name = recordings.predictions.ids[row]
    record = _nameless(store.record(item))
    figure = draw(record, title=f"Item {name}", note=mistake.said, filters="as the store holds it")
    true = ", ".join(_truth(mistake, found)) or "none of the labels"
    of = f", which of the patient's {others} recordings speaks most against the truth" if others > 1 else ""
    caption = printable(f"{mistake.said}. True: {true}. Drawn: item {name}{of}.")
    return Image(caption, image(figure, "png", _DPI), image(figure, "svg"), inside="png")


def _truth(mistake: Mistake, found: Evaluation) -> list[str]:
    """The labels that the case has: of a patient, those that were counted."""
    task, target = found.metrics.task, found.predictions.targets[mistake.case]
    return [label for place, label in enumerate(task.labels) if (target == place if task.exclusive else target[place])]


def _recording_of(mistake: Mistake, found: Evaluation, recordings: Recordings) -> tuple[int, int]:
    """The recording to draw and of how many it is one: of a patient the one that speaks most against the truth.

    Of a patient in whom a label was missed, one that has the label.
    """
    said = recordings.predictions
    if found.metrics.level == "item":
        return mistake.case, 1
    person = found.predictions.ids[mistake.case]
    rows = [row for row, patient in enumerate(said.patients) if patient == person] or [said.ids.index(person)]
    column = said.task.labels.index(mistake.label)
    marks = said.targets == column if said.task.exclusive else said.targets[:, column] == 1
    able = [row for row in rows if marks[row]] if mistake.missed else rows
    chances = said.probabilities[able, column]
    return able[int(chances.argmin() if mistake.missed else chances.argmax())], len(rows)


def _nameless(record: Record) -> Record:
    """The record without its patient: a report may be sent."""
    return Record(record.signal, record.fs, record.leads, record.id, "", record.meta)
