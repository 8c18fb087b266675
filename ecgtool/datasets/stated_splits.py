"""Splits that a list states itself, in a column of folds or of the names of splits."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from ecgtool.datasets.cells import Places, number_of, unfit
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError
from ecgtool.store import SPLITS

_WORDS = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
        **dict.fromkeys(("test", "testing"), "test"),
    }
)

Dealt = list[tuple[str, int]]


def split_rows(
    column: str,
    cells: Sequence[object],
    places: Places,
    patients: Sequence[str],
    marks: npt.NDArray[Any],
    division: Division | None,
) -> tuple[Dealt, list[str]]:
    """Split and fold of each row: as a column of the list says, if one is named, or by patient.

    Args:
        column: That states splits; empty where none does.
        cells: Of that column, as :func:`stated_splits` takes them.
        places: Where the rows stand.
        patients: Of each row.
        marks: Which labels each row carries; bool [rows, labels].
        division: How to divide where no column says; None for 70, 15 and 15 per cent.

    Raises:
        EcgError: As :func:`stated_splits` and :meth:`~ecgtool.datasets.splits.Division.deal`.
    """
    if column:
        return stated_splits(cells, column, places, patients)
    return (division or Division()).deal(patients, marks), []


def stated_splits(
    cells: Sequence[object], column: str, places: Places, patients: Sequence[str]
) -> tuple[Dealt, list[str]]:
    """Split and fold of each row, as a column says: the last fold is test, the one before val.

    Args:
        cells: Of the column: whole numbers, or the words train, val and test.
        column: Its name.
        places: Where the rows stand.
        patients: Of each row.

    Returns:
        Split and fold (0 where the column holds words), and what is to be said of them.

    Raises:
        FormatError: A row has none, or what it has is neither.
        ConfigError: There are fewer than three folds.
    """
    words = [_WORDS.get(str(cell).strip().lower()) for cell in cells]
    if any(words):
        dealt = [(word or _refuse(places.where(row), column, cells[row]), 0) for row, word in enumerate(words)]
        counted = ", ".join(f"{split} {words.count(split)}" for split in SPLITS)
        notes = [f"The splits are those of the column '{column}': {counted}."]
    else:
        folds = [_fold(places.where(row), column, cell) for row, cell in enumerate(cells)]
        dealt, notes = _by_number(folds, column)
    held: dict[str, set[str]] = {}
    for patient, (split, _number) in zip(patients, dealt, strict=True):
        held.setdefault(patient, set()).add(split)
    straddling = sum(len(splits) > 1 for splits in held.values())
    if straddling:
        notes.append(f"{straddling} patients are in more than one split: figures on these splits will be too good.")
    return dealt, notes


def _by_number(folds: Sequence[int], column: str) -> tuple[Dealt, list[str]]:
    order = sorted(set(folds))
    if len(order) < len(SPLITS):
        raise ConfigError(
            f"The column '{column}' holds {len(order)} folds; train, val and test need {len(SPLITS)}.",
            "Give --splits 70,15,15 to divide by patient instead.",
        )
    split_of = {fold: SPLITS[max(0, place - len(order) + len(SPLITS))] for place, fold in enumerate(order)}
    note = f"Folds of the column '{column}': {order[-1]} is test, {order[-2]} val, the {len(order) - 2} others train."
    return [(split_of[fold], fold) for fold in folds], [note]


def _fold(where: str, column: str, cell: object) -> int:
    number = number_of(cell)
    return int(number) if number is not None and number.is_integer() else int(_refuse(where, column, cell))


def _refuse(where: str, column: str, cell: object) -> str:
    raise unfit(where, column, cell, "Give each row a whole number, or train, val or test.")
