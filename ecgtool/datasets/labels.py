"""A task from a column of labels: one of several names, or with ``;`` between them any number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.manifest_rows import Listed, lines
from ecgtool.datasets.spellings import one_spelling
from ecgtool.errors import DataError, FormatError
from ecgtool.task import NOT_LABELLED, Task

SEPARATOR = ";"
MOST, LONGEST = 256, 80


def make_labels(rows: Sequence[Listed], name: str = "label") -> tuple[Task, npt.NDArray[Any], list[str]]:
    """The task that the labels of a manifest state, and the target of each row.

    Args:
        rows: Of the manifest.
        name: Of the task.

    Returns:
        The task, labels in sorted order (numbers by size); targets as :class:`~ecgtool.task.Task` has them; notes.

    Raises:
        DataError: All rows carry the same label, or so many are different that they are no labels.
        FormatError: A label that cannot be.
    """
    several = any(SEPARATOR in row.label for row in rows)
    cells = [row.label.split(SEPARATOR) if several else [row.label] for row in rows]
    placed = [(place, _checked(text.strip(), rows[place].line)) for place, cell in enumerate(cells) for text in cell]
    placed = [(place, text) for place, text in placed if text]
    texts, changed = one_spelling([_plain(text) for _place, text in placed])
    labels = tuple(sorted(set(texts), key=_order))
    _refuse_labels(labels, len(rows))
    task = Task(name=name, kind="multilabel" if several else "multiclass", labels=labels)
    marks = np.zeros((len(rows), len(labels)), np.uint8)
    for (place, _text), text in zip(placed, texts, strict=True):
        marks[place, labels.index(text)] = 1
    empty = np.array([not row.label for row in rows])
    notes = [f"{empty.sum()} rows have no label: {lines(row.line for row in rows if not row.label)}."] * bool(
        empty.any()
    )
    if changed:
        where = lines({rows[placed[number][0]].line for number in changed})
        notes.append(f"Labels written in more than one way (case or spaces) were taken as one: {where}.")
    return task, _targets(marks, empty, exclusive=task.exclusive), notes


def _targets(marks: npt.NDArray[np.uint8], empty: npt.NDArray[np.bool_], *, exclusive: bool) -> npt.NDArray[Any]:
    if exclusive:
        return np.where(empty, -1, marks.argmax(axis=1)).astype(np.int16)
    marks[empty] = NOT_LABELLED
    return marks


def _checked(text: str, line: int) -> str:
    if len(text) > LONGEST or not text.isprintable():
        raise FormatError(
            f"The manifest's line {line}: a label is one line of at most {LONGEST} letters.", "Shorten it."
        )
    return text


def _refuse_labels(labels: Sequence[str], rows: int) -> None:
    if len(labels) < 2:
        said = f"the one label '{labels[0]}'" if labels else "no label"
        raise DataError(f"The manifest's rows carry {said}: there is nothing to learn.", "Two labels at least.")
    if len(labels) > MOST:
        raise DataError(
            f"The manifest's column 'label' holds {len(labels)} different values in {rows} rows; {MOST} at most.",
            "Measurements are no labels: group them.",
        )


def _plain(text: str) -> str:
    """A whole number as such: ``1.0`` is ``1``."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
