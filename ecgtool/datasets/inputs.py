"""Tabular inputs from the columns of somebody's table: what is a number, what a category, and what must stay out.

What can say who a person is never becomes an input: names, ids, dates, free text. An explicit choice of columns
overrules what a column's name suggests, but not what it holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgtool.columns import category_column
from ecgtool.console import inert
from ecgtool.datasets.manifest_rows import Listed, lines
from ecgtool.datasets.spellings import one_spelling
from ecgtool.errors import ConfigError, FormatError, did_you_mean
from ecgtool.store import ITEM_COLUMNS

OLDEST, OLDEST_AGE = 89, 120.0
MOST_CATEGORIES, LONGEST_CATEGORY = 20, 40
NONE = "none"

_UNKNOWN = frozenset(("", "na", "n/a", "nan", "null", "none", "unknown", "?", "-", "."))
_SEX = {"m": 0.0, "male": 0.0, "0": 0.0, "f": 1.0, "female": 1.0, "1": 1.0}
_DATE = re.compile(r"(19|20)\d\d[-./]?\d\d?[-./]?\d\d?([T ].*)?|\d\d?[-./]\d\d?[-./](\d\d)?\d\d([T ].*)?")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WHO = re.compile(
    "(sur|first|last|fore|file|full)?names?|initials|patient|mrn|ssn|pid|ids?|u?uid|guid|dob|birth(day|date)?|address"
    "|street|city|zip(code)?|postcode|phone|telephone|mobile|e?mail|fax|accession|insurance|physician|doctor"
    "|technician|operator|nurse|referrer|comments?|notes?|remarks?|reports?|file|path|date"
)


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


class _Unfit(Exception):
    """A column that cannot be an input, and why."""


def chosen_columns(text: str) -> tuple[str, ...] | None:
    """Columns as the command line says them: with commas, ``none``, or empty for all that are fit.

    >>> chosen_columns("age, sex"), chosen_columns("none"), chosen_columns("")
    (('age', 'sex'), (), None)
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    return () if names == (NONE,) else names or None


def make_inputs(rows: Sequence[Listed], names: Sequence[str], chosen: Sequence[str] | None = None) -> Inputs:
    """The further columns of a manifest as numbers.

    Args:
        rows: Of the manifest.
        names: Its further columns.
        chosen: The columns to take; None takes all that are fit.

    Raises:
        ConfigError: A chosen column is not there, or holds what cannot be an input.
        FormatError: An age or a sex that cannot be.
    """
    unknown = next((name for name in chosen or () if name not in names), None)
    if unknown is not None:
        raise ConfigError(f"The manifest has no further column '{unknown}'.", did_you_mean(unknown, names))
    made: dict[str, npt.NDArray[np.float32]] = {}
    notes: list[str] = []
    for name in names if chosen is None else chosen:
        cells = {row.line: row.further[name] for row in rows}
        try:
            if chosen is None:
                _refuse_who(name)
            made |= _columns(name, cells, notes)
        except _Unfit as reason:
            if chosen is not None:
                raise ConfigError(f"Column '{name}' cannot be an input: it {reason}.", "Leave it out.") from None
            notes.append(f"Column '{name}' is no input: it {reason}.")
    values = np.stack(list(made.values()), axis=1) if made else np.empty((len(rows), 0), np.float32)
    return Inputs(tuple(made), values, tuple(notes))


def _columns(name: str, cells: Mapping[int, str], notes: list[str]) -> dict[str, npt.NDArray[np.float32]]:
    """A column as one of numbers, or as one per category.

    Raises:
        _Unfit: It cannot be an input.
    """
    odd = not name.isprintable() or "=" in name or inert(name) != name or len(name) > LONGEST_CATEGORY
    if odd or name in ITEM_COLUMNS:
        raise _Unfit("has a name that no input can have")
    known = {line: text for line, text in cells.items() if text.lower() not in _UNKNOWN}
    if not known:
        raise _Unfit("is empty")
    if name == "sex":
        return {name: _array({line: _sex(line, text) for line, text in known.items()}, cells)}
    if all(_DATE.fullmatch(text) for text in known.values()):
        raise _Unfit("holds dates")
    numbers = {line: number for line, text in known.items() if (number := _number(text)) is not None}
    if name == "age" or len(numbers) > 0.8 * len(known):
        return {name: _array(_numeric(name, numbers, known, notes), cells)}
    return _categories(name, known, cells, notes)


def _refuse_who(name: str) -> None:
    if name == "fold":
        raise _Unfit("divides the recordings; a column 'split' with train, val and test does")
    if any(_WHO.fullmatch(word.lower()) for word in _WORDS.findall(name)):
        raise _Unfit("may say who a person is; --inputs takes it all the same")


def _numeric(name: str, numbers: dict[int, float], known: Mapping[int, str], notes: list[str]) -> dict[int, float]:
    odd = known.keys() - numbers.keys()
    if name == "age":
        _refuse_ages(numbers, odd)
        over = [line for line, age in numbers.items() if age > OLDEST]
        if over:
            notes.append(f"{len(over)} ages over {OLDEST} are kept as {OLDEST + 1}: they can say who a person is.")
        return {line: OLDEST + 1.0 if age > OLDEST else age for line, age in numbers.items()}
    if any(re.fullmatch(r"0\d+", text) for text in known.values()) or _all_ids(numbers):
        raise _Unfit("holds ids")
    if len(set(numbers.values())) == 1:
        raise _Unfit("holds one value alone")
    if odd:
        notes.append(f"Column '{name}' holds no number in {lines(odd)}: unknown there.")
    return numbers


def _refuse_ages(ages: Mapping[int, float], odd: set[int]) -> None:
    wrong = odd | {line for line, age in ages.items() if not 0 <= age <= OLDEST_AGE}
    if wrong:
        raise FormatError(
            f"The manifest's {lines(wrong)}: age must be 0 to {OLDEST_AGE:g} years.", "Leave it empty where unknown."
        )


def _all_ids(numbers: Mapping[int, float]) -> bool:
    """Whether these are the numbers of something: whole, six digits or more, none twice."""
    distinct = set(numbers.values())
    return len(distinct) == len(numbers) > 1 and all(value.is_integer() and value >= 1e5 for value in distinct)


def _sex(line: int, text: str) -> float:
    """0 male, 1 female.

    Raises:
        FormatError: The text says neither.
    """
    if text.lower() not in _SEX:
        raise FormatError(f"The manifest's line {line}: sex must be M or F (or 0 male, 1 female).", "Or empty.")
    return _SEX[text.lower()]


def _categories(
    name: str, known: Mapping[int, str], cells: Mapping[int, str], notes: list[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """A column per value, 1 where it holds, NaN where none is known.

    Raises:
        _Unfit: So many values, or such, that they are no categories.
    """
    texts, changed = one_spelling(list(known.values()))
    values = sorted(set(texts))
    if len(values) > min(MOST_CATEGORIES, len(known) // 2):
        raise _Unfit(f"holds {len(values)} different texts in {len(known)} rows, so they are no categories")
    if any(len(value) > LONGEST_CATEGORY or not value.isprintable() for value in values):
        raise _Unfit("holds free text")
    if len(values) == 1:
        raise _Unfit("holds one value alone")
    if changed:
        places = list(known)
        notes.append(
            f"Column '{name}' writes a value in more than one way (case or spaces); they were taken as one: "
            f"{lines(places[place] for place in changed)}."
        )
    of = dict(zip(known, texts, strict=True))
    return {
        category_column(name, value): _array({line: float(text == value) for line, text in of.items()}, cells)
        for value in values
    }


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e30 else None


def _array(known: Mapping[int, float], cells: Mapping[int, str]) -> npt.NDArray[np.float32]:
    return np.array([known.get(line, np.nan) for line in cells], np.float32)
