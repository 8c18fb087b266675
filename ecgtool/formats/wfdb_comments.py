"""Age and sex from the comments of WFDB headers, which every database writes in its own way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_OLDEST = 130.0
_FIELD = re.compile(r"<?\b(age|sex|gender)\b>?\s*[:=]\s*([^\s<,;]+)", re.IGNORECASE)
_MIT_BIH = re.compile(r"(-?\d{1,3})\s+([MF])\b")
_SEX = {"m": "M", "male": "M", "f": "F", "female": "F"}


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
    return {**_age(found.get("age", "")), **_sex(found.get("sex", ""))}


def _age(text: str) -> dict[str, float]:
    try:
        age = float(text)
    except ValueError:
        return {}
    return {"age": age} if 0 <= age <= _OLDEST else {}


def _sex(text: str) -> dict[str, str]:
    return {"sex": _SEX[text.lower()]} if text.lower() in _SEX else {}
