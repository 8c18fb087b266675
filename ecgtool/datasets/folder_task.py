"""The task that lists of labels state: one of several classes, or any number of labels at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.folder_labels import number_of
from ecgtool.datasets.label_map import LabelMap
from ecgtool.datasets.ptbxl_labels import TIMED, VOLTAGE_CLASSES, VOLTAGE_FORMS
from ecgtool.datasets.scp_codes import SCP, SUPERCLASS_OF
from ecgtool.datasets.spellings import one_spelling
from ecgtool.errors import DataError
from ecgtool.task import NOT_LABELLED, Task

MOST_LABELS = 256


def make_task(
    name: str, rows: Sequence[Sequence[str]], mapping: LabelMap | None, system: str = ""
) -> tuple[Task, npt.NDArray[Any], list[str]]:
    """The task that the labels state, and the target of each row.

    It is multiclass where every labelled row has exactly one label, unless the map decides what labels there are.

    Args:
        name: Of the task.
        rows: The labels of each.
        mapping: What they become; None leaves them as they are.
        system: What the labels are taken from: ``scp``, or empty where that is not known.

    Returns:
        The task, its labels in order (numbers by size); targets as :class:`~ecgtool.task.Task` has them; what is to be
        said of it.

    Raises:
        DataError: There is nothing to learn, or so many labels that they are none.
    """
    mapped, notes = mapping.apply(rows) if mapping else ([tuple(row) for row in rows], [])
    spelt, more = _one_spelling_each(mapped)
    fixed = mapping.labels if mapping else ()
    labels = fixed or tuple(sorted({label for row in spelt for label in row}, key=_order))
    _refuse_labels(labels, spelt)
    exclusive = not fixed and all(len(row) <= 1 for row in spelt)
    marks, scp = _marks(spelt, labels), system == SCP or bool(fixed)
    task = Task(
        name=name,
        kind="multiclass" if exclusive else "multilabel",
        labels=labels,
        metric="macro_f1" if exclusive else "macro_auroc",
        timed_labels=tuple(label for label in labels if scp and label in TIMED),
        voltage_labels=tuple(label for label in labels if scp and _rests_on_voltage(label)),
    )
    kind = "one of" if exclusive else "any of"
    said = f"Task {name}: {kind} {len(labels)} labels."
    return task, _targets(marks, exclusive=exclusive), [*notes, *more, said]


def marks_of(task: Task, targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which labels each row carries; bool [rows, labels]."""
    return np.asarray(targets[:, None] == np.arange(len(task.labels)) if task.exclusive else targets == 1)


def _marks(rows: Sequence[Sequence[str]], labels: Sequence[str]) -> npt.NDArray[np.uint8]:
    column = {label: place for place, label in enumerate(labels)}
    marks = np.zeros((len(rows), len(labels)), np.uint8)
    for place, row in enumerate(rows):
        marks[place, [column[label] for label in row]] = 1
    return marks


def _targets(marks: npt.NDArray[np.uint8], *, exclusive: bool) -> npt.NDArray[Any]:
    empty = ~marks.any(axis=1)
    if exclusive:
        return np.where(empty, -1, marks.argmax(axis=1)).astype(np.int16)
    marks[empty] = NOT_LABELLED
    return marks


def _one_spelling_each(rows: Sequence[Sequence[str]]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The rows with one spelling for labels that differ in case and spaces alone."""
    texts, changed = one_spelling([label for row in rows for label in row])
    if not changed:
        return [tuple(row) for row in rows], []
    before = [label for row in rows for label in row]
    told = dict.fromkeys(f"'{before[place]}' as '{texts[place]}'" for place in changed)
    left = iter(texts)
    made = [tuple(dict.fromkeys(next(left) for _label in row)) for row in rows]
    return made, [f"Labels that differ in case or spaces alone were taken as one: {', '.join([*told][:10])}."]


def _refuse_labels(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not any(rows):
        raise DataError(f"None of the {len(rows)} rows has a label of the task.", "Is it the right --label-map?")
    if len(labels) < 2:
        raise DataError(
            f"All labelled rows carry the one label '{labels[0]}': there is nothing to learn.",
            "A task has two labels at least.",
        )
    if len(labels) > MOST_LABELS:
        raise DataError(
            f"The rows carry {len(labels)} different labels, {MOST_LABELS} at most; the first is {labels[0]!r}.",
            "Measurements and texts are no labels: group them with --label-map.",
        )


def _rests_on_voltage(label: str) -> bool:
    """Whether a SCP code or superclass is read from the ST segment, T and Q waves or voltages."""
    return label in VOLTAGE_FORMS or SUPERCLASS_OF.get(label, label) in VOLTAGE_CLASSES


def _order(label: str) -> tuple[float, str]:
    """Numbers by size, then words."""
    number = number_of(label)
    return math.inf if number is None else number, label
