"""Splits that a list of labels states itself, in a column of folds or of the names of splits."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from ecgtool.datasets.folder_labels import Listed, number_of
from ecgtool.errors import ConfigError, NotFound, did_you_mean
from ecgtool.store import SPLITS

_WORDS = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
        **dict.fromkeys(("test", "testing"), "test"),
    }
)


def stated_folds(
    rows: Sequence[Listed], column: str, patients: Sequence[str]
) -> tuple[list[tuple[str, int]], list[str]]:
    """Split and fold of each row, as a column says: the last fold is test, the one before val.

    Args:
        rows: Of the list.
        column: Holds whole numbers, or the words train, val and test.
        patients: Of each row.

    Returns:
        Split and fold (0 where the column holds words), and what is to be said of them.

    Raises:
        NotFound: No row has the column.
        FormatError: A row has none, or what it has is neither.
        ConfigError: There are fewer than three folds.
    """
    if not any(column in row.cells for row in rows):
        known = [name for row in rows for name in row.cells]
        raise NotFound(f"The list of labels has no column '{column}'.", did_you_mean(column, known))
    words = [_WORDS.get(str(row.cells.get(column)).strip().lower()) for row in rows]
    if any(words):
        dealt = [(word or _refuse(row, column), 0) for row, word in zip(rows, words, strict=True)]
        notes = [f"The splits are those of the column '{column}'."]
    else:
        dealt, notes = _by_number([_fold(row, column) for row in rows], column)
    held: dict[str, set[str]] = {}
    for patient, (split, _fold_number) in zip(patients, dealt, strict=True):
        held.setdefault(patient, set()).add(split)
    straddling = sum(len(splits) > 1 for splits in held.values())
    if straddling:
        notes.append(f"{straddling} patients are in more than one split: figures on these splits will be too good.")
    return dealt, notes


def _by_number(folds: Sequence[int], column: str) -> tuple[list[tuple[str, int]], list[str]]:
    order = sorted(set(folds))
    if len(order) < len(SPLITS):
        raise ConfigError(
            f"The column '{column}' holds {len(order)} folds; train, val and test need {len(SPLITS)}.",
            "Give --splits 70,15,15 to divide by patient instead.",
        )
    split_of = {fold: SPLITS[max(0, place - len(order) + len(SPLITS))] for place, fold in enumerate(order)}
    note = f"Folds of the column '{column}': {order[-1]} is test, {order[-2]} val, the {len(order) - 2} others train."
    return [(split_of[fold], fold) for fold in folds], [note]


def _fold(row: Listed, column: str) -> int:
    number = number_of(row.cells.get(column))
    return int(number) if number is not None and number.is_integer() else int(_refuse(row, column))


def _refuse(row: Listed, column: str) -> str:
    raise row.unfit(column, row.cells.get(column, ""), "Give each row a whole number, or train, val or test.")
