"""What a model may be told beside the signal: age, sex and other columns, from the user or the recording's file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecgtool.errors import ConfigError, did_you_mean

OLDEST = 120.0
"""Years. PTB-XL writes 300 for ages over 89; that is no age."""

_SEX = {"m": 0.0, "male": 0.0, "0": 0.0, "0.0": 0.0, "f": 1.0, "female": 1.0, "1": 1.0, "1.0": 1.0}


def read_metadata(
    columns: Sequence[str], given: Mapping[str, str | float], stated: Mapping[str, Any]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The value of each column, NaN where unknown, and notes on what is unknown.

    Args:
        columns: What the model takes, e.g. ``("age", "sex")``.
        given: By the user; it wins.
        stated: By the recording's file (``Record.meta``).

    Returns:
        Column -> value (age in years; sex 0 male, 1 female), and the notes.

    Raises:
        ConfigError: The user gave a column the model does not take, or a value that cannot be.
    """
    for name in given:
        if name not in columns:
            hint = did_you_mean(name, columns) or "It takes the signal alone."
            raise ConfigError(f"The model takes no '{name}'.", hint)
    values, notes = {}, []
    for name in columns:
        value = metadata_value(name, given[name]) if name in given else _stated(name, stated.get(name))
        values[name] = value
        if math.isnan(value) and name not in given:
            notes.append(f"{name} is unknown")
    return values, tuple(notes)


def metadata_value(name: str, value: str | float) -> float:
    """A value as the model takes it; an empty text or ``unknown`` is NaN.

    >>> metadata_value("sex", "Female"), metadata_value("age", "63")
    (1.0, 63.0)

    Raises:
        ConfigError: It cannot be.
    """
    text = str(value).strip().lower()
    if text in ("", "unknown", "nan"):
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


def _stated(name: str, value: object) -> float:
    """What a file states, NaN where it makes no sense: nobody at hand can correct it."""
    try:
        return math.nan if value is None else metadata_value(name, str(value))
    except ConfigError:
        return math.nan
