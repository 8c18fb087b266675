"""What a model may be told beside the signal: age, sex and other columns, from the user or the recording's file.

A category (``device`` with the columns ``device=GE`` and ``device=Philips``) is given by its name and one of its
values: ``device=GE``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecgtool.columns import categories, category_column, folded, split_column
from ecgtool.errors import ConfigError, did_you_mean

OLDEST = 120.0
"""Years. PTB-XL writes 300 for ages over 89; that is no age."""

_SEX = {"m": 0.0, "male": 0.0, "0": 0.0, "0.0": 0.0, "f": 1.0, "female": 1.0, "1": 1.0, "1.0": 1.0}
_UNKNOWN = ("", "unknown", "nan")


def read_metadata(
    columns: Sequence[str], given: Mapping[str, str | float], stated: Mapping[str, Any]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The value of each column, NaN where unknown, and notes on what is unknown.

    Args:
        columns: What the model takes, e.g. ``("age", "sex", "device=GE", "device=Philips")``.
        given: By the user, by name: ``{"age": 63, "device": "GE"}``; it wins.
        stated: By the recording's file (``Record.meta``).

    Returns:
        Column -> value (age in years; sex 0 male, 1 female; 1 in the column of the value that a category has and 0 in
        its others), and the notes.

    Raises:
        ConfigError: The user gave what the model does not take, or a value that cannot be.
    """
    groups = categories(columns)
    names = tuple(dict.fromkeys(split_column(column)[0] for column in columns))
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or "It takes the signal alone."
            raise ConfigError(f"The model takes no '{name}'.", hint)
    values: dict[str, float] = {}
    notes = []
    for name in names:
        made = _values(name, groups.get(name), given, stated)
        values |= made
        if name not in given and all(math.isnan(value) for value in made.values()):
            notes.append(f"{name} is unknown")
    return values, tuple(notes)


def _values(
    name: str, known: Sequence[str] | None, given: Mapping[str, str | float], stated: Mapping[str, Any]
) -> dict[str, float]:
    """The columns of one name: what the user gave, else what the file states, NaN where that makes no sense."""
    if name in given:
        return _columns(name, known, given[name])
    try:
        return _columns(name, known, "" if stated.get(name) is None else str(stated[name]))
    except ConfigError:  # nobody at hand can correct a file
        return _columns(name, known, "")


def _columns(name: str, known: Sequence[str] | None, value: str | float) -> dict[str, float]:
    return {name: metadata_value(name, value)} if known is None else category_values(name, known, str(value))


def category_values(name: str, known: Sequence[str], text: str) -> dict[str, float]:
    """The columns of a category: 1 for the value it has, 0 for the others; all NaN where it is unknown.

    >>> category_values("device", ("GE", "Philips"), "ge")
    {'device=GE': 1.0, 'device=Philips': 0.0}

    Args:
        name: Of the category.
        known: Its values.
        text: The value, whatever its case and spaces; empty or ``unknown`` where it is not known.

    Raises:
        ConfigError: The model does not know the value.
    """
    if text.strip().lower() in _UNKNOWN:
        return {category_column(name, value): math.nan for value in known}
    if folded(text) not in map(folded, known):
        hint = f"{did_you_mean(text, known)} Leave it out if it is another."
        raise ConfigError(f"{name} cannot be {text[:40]!r}: the model was trained on others.", hint)
    return {category_column(name, value): float(folded(value) == folded(text)) for value in known}


def metadata_value(name: str, value: str | float) -> float:
    """A value as the model takes it; an empty text or ``unknown`` is NaN.

    >>> metadata_value("sex", "Female"), metadata_value("age", "63")
    (1.0, 63.0)

    Raises:
        ConfigError: It cannot be.
    """
    text = str(value).strip().lower()
    if text in _UNKNOWN:
        return math.nan
    if name == "sex":
        if text not in _SEX:
            raise ConfigError(f"sex cannot be {str(value)[:40]!r}.", "Give M or F (or 0 male, 1 female).")
        return _SEX[text]
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"{name} cannot be {str(value)[:40]!r}: it must be a number.")
    if name == "age" and not 0 <= number <= OLDEST:
        raise ConfigError(f"age cannot be {number:g}: it must be 0 to {OLDEST:g} years.", "Leave it out if unknown.")
    return number
