"""What the comment lines of a table say: ``# fs=250``, ``# Sampling rate: 250 Hz``, ``# Labels:= ECG``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecgtool.formats.reading import age_of, sex_of, units_per_mv

_RATE = re.compile(
    r"\b(?:fs|sampling[ _-]*(?:rate|frequency)|sample[ _-]*(?:rate|frequency)|sfreq)\b[\"']?"
    r"\s*(?:[(\[]\s*(k?hz)\s*[)\]])?\s*(?::=|[:=])\s*[\"']?(\d+(?:[.,]\d+)?)\s*(k?hz)?",
    re.IGNORECASE | re.ASCII,
)
_PAIR = re.compile(r"\s*([A-Za-z][A-Za-z ]{0,20}?)\s*(?::=|[:=])\s*(.{1,400}?)\s*", re.ASCII)
_FIELD = {"labels": "leads", "units": "unit"}
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_LINES = 200


def said_in(comments: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the comments say, in the words of a sidecar (and ``samples``), and those that say none of it.

    >>> said_in(["Sampling Rate (Hz):= 1000.00", "age=63", "a free remark"])
    ({'fs': 1000.0, 'age': 63.0}, ('a free remark',))
    """
    said: dict[str, Any] = {}
    free = []
    for number, comment in enumerate(comments):
        found = _rate(comment) or _pair(comment) if number < _LINES else {}
        said = {**found, **said}
        if not found:
            free.append(comment)
    return said, tuple(free)


def _rate(comment: str) -> Mapping[str, Any]:
    found = _RATE.search(comment[:400])
    if found is None:
        return {}
    kilo = (found[1] or found[3] or "").lower().startswith("k")
    return {"fs": float(found[2].replace(",", ".")) * (1000 if kilo else 1)}


def _pair(comment: str) -> Mapping[str, Any]:
    found = _PAIR.fullmatch(comment[:450])
    return _field(found[1].lower(), found[2]) if found else {}


def _field(name: str, text: str) -> Mapping[str, Any]:
    field = _FIELD.get(name, name)
    meanings: dict[str, Any] = {
        "leads": tuple(re.split(r"\s*[,;\t]\s*", text)),
        "unit": text if units_per_mv(text) or text.lower() in ("adc", "zscore", "unknown") else None,
        "age": age_of(text),
        "sex": sex_of(text),
        "calibrated": _TRUTH.get(text.lower()),
        "samples": int(text) if text.isdecimal() and len(text) < 16 else None,
        **dict.fromkeys(("start", "device", "patient"), text[:64]),
    }
    return {field: meanings[field]} if meanings.get(field) is not None else {}
