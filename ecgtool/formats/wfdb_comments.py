"""Age and sex from the comments of WFDB headers, which every database writes in its own way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ecgtool.formats.reading import age_of, sex_of

_FIELD = re.compile(r"<?\b(age|sex|gender)\b>?\s*[:=]\s*([^\s<,;]+)", re.IGNORECASE)
_MIT_BIH = re.compile(r"(-?\d{1,3})\s+([MF])\b")


def person(comments: Sequence[str]) -> dict[str, Any]:
    """``age`` (years) and ``sex`` ("M" or "F"), each only where a comment states it.

    Understood are ``Age: 78``, ``<age>: 25  <sex>: M`` and MIT-BIH's ``69 M 1085 1629 x1``.

    >>> person(["<age>: 51", "<sex>: F"])
    {'age': 51.0, 'sex': 'F'}
    """
    found: dict[str, str] = {}
    for comment in comments:
        for key, value in _FIELD.findall(comment[:1000]):
            found.setdefault("age" if key.lower() == "age" else "sex", value)
    first = _MIT_BIH.match(comments[0]) if comments and not found else None
    if first:
        found = {"age": first[1], "sex": first[2]}
    known = {"age": age_of(found.get("age", "")), "sex": sex_of(found.get("sex", ""))}
    return {key: value for key, value in known.items() if value is not None}
