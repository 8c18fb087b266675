"""Cells of somebody's list, and where its rows stand: what all lists of recordings have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecgtool.errors import FormatError

NAMED = 10
"""How many rows or recordings a note names."""
LONGEST_TEXT = 200
"""Characters of a label, an identity or a name of a column."""

_UNKNOWN = frozenset(("", "na", "n/a", "nan", "null", "none", "unknown", "?", "-", "."))
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_PLURAL = {"line": "lines", "entry": "entries"}


@dataclass(frozen=True)
class Places:
    """Where the rows of a list stand, which is also what they are called: whoever has the list finds them.

    Args:
        source: The list's name.
        numbers: Of each row.
        what: These are numbers of: ``line`` or ``entry``.
        commas: Whether numbers in its cells may have decimal commas.
    """

    source: str
    numbers: Sequence[int]
    what: str = "line"
    commas: bool = False

    def name(self, row: int) -> str:
        """What the item of a row is called: ``line12``."""
        return f"{self.what}{self.numbers[row]}"

    def where(self, row: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.source} {self.what} {self.numbers[row]}"

    def said(self, rows: Iterable[int]) -> str:
        """Rows in words, the first ten.

        >>> Places("a.csv", (2, 3, 5)).said([2, 0]), Places("a.json", (1, 2), "entry").said([1])
        ('lines 2, 5', 'entry 2')
        """
        return numbered((self.numbers[row] for row in set(rows)), self.what)


def numbered(numbers: Iterable[int], what: str = "line") -> str:
    """Numbers of lines or entries in words, the first ten.

    >>> numbered([3]), numbered([9, 3], "entry")
    ('line 3', 'entries 3, 9')
    """
    ordered = sorted(numbers)
    shown = ", ".join(str(number) for number in ordered[:NAMED])
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return f"{_PLURAL[what] if len(ordered) > 1 else what} {shown}{more}"


def first_few(names: Sequence[str], between: str = ", ") -> str:
    """The first few of names, and how many more there are.

    >>> first_few(["a", "b"])
    'a, b'
    """
    more = f"{between}and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{between.join(names[:NAMED])}{more}"


def told(names: Sequence[str], what: str, between: str = ", ") -> list[str]:
    """A note that counts and names the first few; none where there are none.

    >>> told(["a", "b"], "are missing")
    ['2 are missing: a, b.']
    """
    return [f"{len(names)} {what}: {first_few(names, between)}."] if names else []


def unfit(where: str, field: str, value: object, hint: str = "Correct it.") -> FormatError:
    """The error that says what is wrong with a cell."""
    return FormatError(f"{where}: {field} holds {str(value)[:60]!r}.", hint)


def text_of(where: str, field: str, value: object, longest: int = LONGEST_TEXT) -> str:
    """A cell as text; empty where it is null.

    Raises:
        FormatError: It is nested, too long, or has characters that drive a terminal rather than say something.
    """
    if value is None or value != value:  # NaN is what tables with gaps make of an empty cell
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # and this of whole numbers
    if isinstance(value, str | int | float):
        text = str(value).strip() if isinstance(value, str) or abs(value) < 1e30 else "\0"
        if len(text) <= longest and text.isprintable():
            return text
    raise unfit(where, field, value, f"Give a text of up to {longest} characters.")


def number_of(value: object) -> float | None:
    """A cell as a finite number; None where it is none.

    >>> number_of("63"), number_of(" "), number_of(True)
    (63.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def with_points(cells: Sequence[object]) -> Sequence[object]:
    """The cells of a column, its decimal commas as points; as they are where it has points, for then they part digits.

    >>> with_points(["62,5", "63", "n/a"]), with_points(["1,250", "0.5"])
    (['62.5', '63', 'n/a'], ['1,250', '0.5'])
    """
    if any(isinstance(cell, str) and "." in cell and number_of(cell) is not None for cell in cells):
        return cells
    return [cell.replace(",", ".") if isinstance(cell, str) and _COMMA.fullmatch(cell) else cell for cell in cells]


def known(value: object) -> bool:
    """Whether a cell says anything.

    >>> known("63"), known(" N/A"), known(None)
    (True, False, False)
    """
    return value is not None and str(value).strip().lower() not in _UNKNOWN


def tidy(value: float | None) -> float | int | None:
    """A number as it is written in a table: whole ones without a point, with as many digits as a float32 has."""
    if value is None or math.isnan(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.7g}")
