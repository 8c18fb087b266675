"""A task from labels of a list: one of several names, or any number of them at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.cells import Places, number_of, text_of
from ecgtool.datasets.label_map import LabelMap
from ecgtool.datasets.positive import ordered
from ecgtool.datasets.ptbxl_labels import TIMED, VOLTAGE_CLASSES, VOLTAGE_FORMS
from ecgtool.datasets.scp_codes import SCP, SUPERCLASS_OF
from ecgtool.datasets.spellings import one_spelling
from ecgtool.errors import ConfigError, DataError
from ecgtool.task import NOT_LABELLED, Task

LABEL = "label"
MOST_LABELS = 256

_SEVERAL = re.compile(r"[;|]")
_WHOLE = re.compile(r"^([+-]?\d+)\.0*$")

Labels = tuple[str, ...] | None
"""What a row carries: labels, none of them (empty), or nothing that is known (None)."""


def split_labels(where: str, cell: str) -> Labels:
    """The labels of a cell: several are parted by ``;`` or ``|``, such a mark alone says that none holds.

    Args:
        where: The list and the row, for messages.
        cell: As it is written.

    Raises:
        FormatError: One that cannot be.

    >>> split_labels("", "AF; LVH"), split_labels("", ";"), split_labels("", " ")
    (('AF', 'LVH'), (), None)
    """
    return checked_labels(where, _SEVERAL.split(cell)) or (() if _SEVERAL.search(cell) else None)


def checked_labels(where: str, given: Sequence[object]) -> Labels:
    """Labels, each once, whole numbers as such (``1.0`` is ``1``); None where there is none.

    Raises:
        FormatError: One that cannot be.
    """
    texts = [_WHOLE.sub(r"\1", text_of(where, LABEL, label)) for label in given]
    return tuple(dict.fromkeys(filter(None, texts))) or None


def make_task(
    name: str,
    rows: Sequence[Labels],
    places: Places,
    mapping: LabelMap | None = None,
    system: str = "",
    positive: str = "",
) -> tuple[Task, npt.NDArray[Any], list[str]]:
    """The task that labels state, and the target of each row.

    It is multiclass where every labelled row has exactly one label, unless the map decides what labels there are.

    Args:
        name: Of the task.
        rows: The labels of each.
        places: Where the rows stand.
        mapping: What labels become; None leaves them as they are.
        system: What the labels are taken from: ``scp``, or empty where that is not known.
        positive: Of two labels the one that figures are of; empty for the one that is no obvious "no".

    Returns:
        The task, its labels in order (numbers by size; of two the positive one last); targets as
        :class:`~ecgtool.task.Task` has them; what is to be said of it.

    Raises:
        ConfigError: ``positive`` is no label of the task, or the task is not one of two labels.
        DataError: There is nothing to learn, or so many labels that they are none.
    """
    mapped, notes = _mapped(rows, mapping)
    spelt, more = _one_spelling_each(mapped, places)
    fixed = mapping.labels if mapping else ()
    labels = fixed or tuple(sorted({label for row in spelt for label in row or ()}, key=_order))
    _refuse_labels(labels, spelt)
    exclusive = not fixed and all(row is None or len(row) == 1 for row in spelt)
    binary = exclusive and len(labels) == 2
    if positive and not binary:
        raise ConfigError(
            f"--positive is for a task of two labels of which one holds; this one has {len(labels)}"
            f"{'' if exclusive else ', any of which may hold'}.",
            "Leave it out.",
        )
    labels = ordered(labels, positive) if binary else labels
    scp = system == SCP or bool(fixed)
    task = Task(
        name=name,
        kind="multiclass" if exclusive else "multilabel",
        labels=labels,
        metric="macro_f1" if exclusive and not binary else "macro_auroc",
        positive=labels[1] if binary else "",
        timed_labels=tuple(label for label in labels if scp and label in TIMED),
        voltage_labels=tuple(label for label in labels if scp and _rests_on_voltage(label)),
    )
    said = f"Task {name}: {'one of' if exclusive else 'any of'} {len(labels)} labels"
    said += f", {labels[0]} and {labels[1]}; {labels[1]} is the positive one." if binary else "."
    empty = [place for place, row in enumerate(rows) if row is None]
    without = [f"{len(empty)} rows have no label; they are kept without one: {places.said(empty)}."] if empty else []
    return task, _targets(spelt, labels, exclusive=exclusive), [*notes, *without, *more, said]


def marks_of(task: Task, targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which labels each row carries; bool [rows, labels]."""
    return np.asarray(targets[:, None] == np.arange(len(task.labels)) if task.exclusive else targets == 1)


def _mapped(rows: Sequence[Labels], mapping: LabelMap | None) -> tuple[list[Labels], list[str]]:
    """The rows after the map; one of which it leaves nothing is not labelled."""
    if mapping is None:
        return list(rows), []
    made, notes = mapping.apply([row or () for row in rows])
    return [new or (None if old else old) for old, new in zip(rows, made, strict=True)], notes


def _one_spelling_each(rows: Sequence[Labels], places: Places) -> tuple[list[Labels], list[str]]:
    """The rows with one spelling for labels that differ in case and spaces alone."""
    placed = [(place, label) for place, row in enumerate(rows) for label in row or ()]
    texts, changed = one_spelling([label for _place, label in placed])
    if not changed:
        return list(rows), []
    left = iter(texts)
    made = [None if row is None else tuple(dict.fromkeys(next(left) for _label in row)) for row in rows]
    pairs = dict.fromkeys(f"'{placed[number][1]}' as '{texts[number]}'" for number in changed)
    where = places.said(placed[number][0] for number in changed)
    return made, [
        f"Labels written in more than one way (case or spaces) were taken as one: {', '.join([*pairs][:10])} ({where})."
    ]


def _targets(rows: Sequence[Labels], labels: Sequence[str], *, exclusive: bool) -> npt.NDArray[Any]:
    column = {label: place for place, label in enumerate(labels)}
    if exclusive:
        return np.array([column[row[0]] if row else -1 for row in rows], np.int16)
    marks = np.zeros((len(rows), len(labels)), np.uint8)
    for place, row in enumerate(rows):
        marks[place, [column[label] for label in row or ()]] = 1
    marks[[row is None for row in rows]] = NOT_LABELLED
    return marks


def _refuse_labels(labels: Sequence[str], rows: Sequence[Labels]) -> None:
    if not any(rows):
        raise DataError(
            f"None of the {len(rows)} rows has a label of the task: there is nothing to learn.",
            "Is it the right list, and the right --label-map?",
        )
    if len(labels) < 2:
        raise DataError(
            f"All labelled rows carry the one label '{labels[0]}': there is nothing to learn.",
            "A task has two labels at least.",
        )
    if len(labels) > MOST_LABELS:
        raise DataError(
            f"The rows carry {len(labels)} different labels, {MOST_LABELS} at most; the first is {labels[0]!r}.",
            "Measurements and texts are no labels: group them.",
        )


def _rests_on_voltage(label: str) -> bool:
    """Whether a SCP code or superclass is read from the ST segment, T and Q waves or voltages."""
    return label in VOLTAGE_FORMS or SUPERCLASS_OF.get(label, label) in VOLTAGE_CLASSES


def _order(label: str) -> tuple[float, str]:
    """Numbers by size, then words."""
    number = number_of(label)
    return math.inf if number is None else number, label
