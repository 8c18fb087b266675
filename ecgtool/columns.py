"""Columns of tabular inputs: a number each, or one value of a category, named ``column=value`` and holding 0 or 1.

>>> categories(("age", "device=GE", "device=Philips"))
{'device': ('GE', 'Philips')}
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def category_column(name: str, value: str) -> str:
    """The column that says whether ``name`` has this value."""
    return f"{name}={value}"


def split_column(column: str) -> tuple[str, str]:
    """The name and value of a category's column; the column itself and nothing where it is a number."""
    name, _, value = column.partition("=")
    return name, value


def categories(columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The values of each category among the columns, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in map(split_column, columns):
        if value:
            found[name] = (*found.get(name, ()), value)
    return found


def folded(text: str) -> str:
    """The text without what people write differently when they mean the same: case, spaces, width of letters.

    >>> folded("ge  MAC5000") == folded("GE MAC 5000")
    True
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
