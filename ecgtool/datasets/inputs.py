"""Tabular inputs from the columns of somebody's list: what is a number, what a category, and what must stay out.

What can say who a person is never becomes an input: names, ids, dates, free text. An explicit choice of columns
overrules what a column's name suggests, but not what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.columns import categories, category_column
from ecgtool.console import inert
from ecgtool.datasets.cells import Places, known, number_of, tidy, unfit, with_points
from ecgtool.datasets.spellings import one_spelling
from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.formats.reading import age_of, sex_of
from ecgtool.store import ITEM_COLUMNS

AGE, SEX = "age", "sex"
OLDEST = 89
"""Ages over it become ``OLDEST + 1``: they may say who a person is."""
MOST_CATEGORIES, LONGEST_CATEGORY = 20, 40
NONE = "none"

_PTBXL_OVER_89 = 300.0
_LARGEST = 1e30
_DIVIDING = ("fold", "split")
_DATE = re.compile(r"(19|20)\d\d[-./]?\d\d?[-./]?\d\d?([T ].*)?|\d\d?[-./]\d\d?[-./](\d\d)?\d\d([T ].*)?")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WHO = re.compile(
    "(sur|first|last|fore|file|full)?names?|initials|patient|mrn|ssn|pid|ids?|u?uid|guid|dob|birth(day|date)?|address"
    "|street|city|zip(code)?|postcode|phone|telephone|mobile|e?mail|fax|accession|insurance|physician|doctor"
    "|technician|operator|nurse|referrer|comments?|notes?|remarks?|reports?|file|path|date"
)

Column = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """What a model is told beside the signal.

    Args:
        columns: Names, a category as one column per value: see :mod:`ecgtool.columns`.
        values: float32 [rows, columns], NaN where unknown.
        notes: What was left out or changed, without anything that is written there.
    """

    columns: tuple[str, ...]
    values: npt.NDArray[np.float32]
    notes: tuple[str, ...]

    def metadata(self) -> list[dict[str, Any]]:
        """The columns of ``items.csv``, for each row: a number, or the name of a category; None where unknown."""
        groups = categories(self.columns)
        made: list[dict[str, Any]] = []
        for values in self.values.tolist():
            held = dict(zip(self.columns, values, strict=True))
            row: dict[str, Any] = {name: tidy(value) for name, value in held.items() if "=" not in name}
            row |= {
                name: next((value for value in among if held[category_column(name, value)] == 1), None)
                for name, among in groups.items()
            }
            made.append(row)
        return made


class _Unfit(Exception):
    """A column that cannot be an input, and why."""


def chosen_columns(text: str) -> tuple[str, ...] | None:
    """Columns as the command line says them: with commas, ``none``, or empty for all that are fit.

    >>> chosen_columns("age, sex"), chosen_columns("none"), chosen_columns("")
    (('age', 'sex'), (), None)
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    return () if names == (NONE,) else names or None


def make_inputs(columns: Mapping[str, Sequence[object]], places: Places, chosen: Sequence[str] | None = None) -> Inputs:
    """The further columns of a list as numbers.

    Args:
        columns: Of each its cells, one for each row; None where a row has none.
        places: Where the rows stand.
        chosen: The columns to take; None takes all that are fit.

    Raises:
        ConfigError: A chosen column is not there, or holds what cannot be an input.
        FormatError: An age or a sex that cannot be; the message names the row.
    """
    unknown = next((name for name in chosen or () if name not in columns), None)
    if unknown is not None:
        raise ConfigError(f"{places.source} has no further column '{unknown}'.", did_you_mean(unknown, columns))
    made: dict[str, Column] = {}
    notes: list[str] = []
    for name in columns if chosen is None else chosen:
        try:
            if chosen is None:
                _refuse_who(name)
            made |= _columns(name, columns[name], places, notes)
        except _Unfit as reason:
            if chosen is not None:
                raise ConfigError(f"Column '{name}' cannot be an input: it {reason}.", "Leave it out.") from None
            notes.append(f"Column '{name}' is no input: it {reason}.")
    values = np.stack(list(made.values()), axis=1) if made else np.empty((len(places.numbers), 0), np.float32)
    return Inputs(tuple(made), values, tuple(notes))


def capped(age: float) -> float:
    """An age as a store may hold it.

    >>> capped(89), capped(97)
    (89, 90.0)
    """
    return OLDEST + 1.0 if age > OLDEST else age


def _columns(name: str, cells: Sequence[object], places: Places, notes: list[str]) -> dict[str, Column]:
    """A column as one of numbers, or as one per category.

    Raises:
        _Unfit: It cannot be an input.
        FormatError: An age or a sex that cannot be.
    """
    odd = not name.isprintable() or "=" in name or inert(name) != name or len(name) > LONGEST_CATEGORY
    if odd or name in ITEM_COLUMNS:
        raise _Unfit("has a name that no input can have")
    cells = with_points(cells) if places.commas else cells
    said = {row: cell for row, cell in enumerate(cells) if known(cell)}
    if not said:
        raise _Unfit("is empty")
    if name == SEX:
        return {name: _array({row: _sex(places.where(row), cell) for row, cell in said.items()}, cells)}
    if name == AGE:
        return {name: _array(_ages(said, places, notes), cells)}
    if any(isinstance(cell, list | dict) for cell in said.values()):
        raise _Unfit("holds lists")
    texts = {row: str(cell).strip() for row, cell in said.items()}
    if all(_DATE.fullmatch(text) for text in texts.values()):
        raise _Unfit("holds dates")
    numbers = {row: number for row, text in texts.items() if (number := _number(text)) is not None}
    if len(numbers) > 0.8 * len(texts):
        return {name: _array(_numeric(name, numbers, texts, places, notes), cells)}
    return _categories(name, texts, cells, places, notes)


def _refuse_who(name: str) -> None:
    if name in _DIVIDING:
        raise _Unfit("divides the recordings rather than describing them")
    if any(_WHO.fullmatch(word.lower()) for word in _WORDS.findall(name)):
        raise _Unfit("may say who a person is; --inputs takes it all the same")


def _numeric(
    name: str, numbers: Mapping[int, float], texts: Mapping[int, str], places: Places, notes: list[str]
) -> Mapping[int, float]:
    if any(re.fullmatch(r"0\d+", text) for text in texts.values()) or _all_ids(numbers):
        raise _Unfit("holds ids")
    if len(set(numbers.values())) == 1:
        raise _Unfit("holds one value alone")
    odd = texts.keys() - numbers.keys()
    if odd:
        notes.append(f"Column '{name}' holds no number in {places.said(odd)}: unknown there.")
    return numbers


def _ages(said: Mapping[int, object], places: Places, notes: list[str]) -> dict[int, float]:
    """Ages in years; PTB-XL writes 300 for all over 89.

    Raises:
        FormatError: One that cannot be.
    """
    ages: dict[int, float] = {}
    for row, cell in said.items():
        number = number_of(cell)
        age = None if number is None else number if number == _PTBXL_OVER_89 else age_of(str(number))
        if age is None:
            raise unfit(places.where(row), AGE, cell, "Give years, or leave it empty where unknown.")
        ages[row] = age
    over = sum(age > OLDEST for age in ages.values())
    if over:
        notes.append(f"{over} ages over {OLDEST} are kept as {OLDEST + 1}: they can say who a person is.")
    return {row: capped(age) for row, age in ages.items()}


def _all_ids(numbers: Mapping[int, float]) -> bool:
    """Whether these are the numbers of something: whole, six digits or more, none twice."""
    distinct = set(numbers.values())
    return len(distinct) == len(numbers) > 1 and all(value.is_integer() and value >= 1e5 for value in distinct)


def _sex(where: str, cell: object) -> float:
    """0 male, 1 female.

    Raises:
        FormatError: The cell says neither.
    """
    said, number = sex_of(str(cell)), number_of(cell)
    if said is None and number not in (0, 1):
        raise unfit(where, SEX, cell, "Give M or F (or 0 male, 1 female), or leave it empty where unknown.")
    return number or 0.0 if said is None else float(said == "F")


def _categories(
    name: str, said: Mapping[int, str], cells: Sequence[object], places: Places, notes: list[str]
) -> dict[str, Column]:
    """A column per value, 1 where it holds, NaN where none is known.

    Raises:
        _Unfit: So many values, or such, that they are no categories.
    """
    texts, changed = one_spelling(list(said.values()))
    values = sorted(set(texts))
    if len(values) > min(MOST_CATEGORIES, len(said) // 2):
        raise _Unfit(f"holds {len(values)} different texts in {len(said)} rows, so they are no categories")
    if any(len(value) > LONGEST_CATEGORY or not value.isprintable() for value in values):
        raise _Unfit("holds free text")
    if len(values) == 1:
        raise _Unfit("holds one value alone")
    if changed:
        rows = list(said)
        notes.append(
            f"Column '{name}' writes a value in more than one way (case or spaces); they were taken as one: "
            f"{places.said(rows[place] for place in changed)}."
        )
    of = dict(zip(said, texts, strict=True))
    return {
        category_column(name, value): _array({row: float(text == value) for row, text in of.items()}, cells)
        for value in values
    }


def _number(text: str) -> float | None:
    value = number_of(text)
    return value if value is not None and abs(value) < _LARGEST else None


def _array(said: Mapping[int, float], cells: Sequence[object]) -> Column:
    return np.array([said.get(row, np.nan) for row in range(len(cells))], np.float32)
