"""Files of several named arrays: which of them is the recording, and what the others say of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

SIGNAL = ("signal", "ecg", "val", "data", "arr_0")
"""Names of the array that is the recording; the first that is there."""

_SAID = {
    "fs": ("fs", "Fs", "FS", "sampling_rate", "sfreq"),
    "leads": ("leads", "lead_names"),
    "unit": ("unit", "units"),
    **{name: (name,) for name in ("layout", "gain", "baseline", "calibrated", "start", "device", "age", "sex")},
    "patient": ("patient",),
}
SAYING = frozenset(name for names in _SAID.values() for name in names)
"""Names of arrays that say something of the recording."""

_LISTS = ("leads", "unit", "gain", "baseline")
_FREE = 2**24  # bytes that an array may unpack to, however small it was packed
_RATIO = 50  # how many times its packed size a larger one may have: recordings have 2 to 10, a bomb 1,000


def said_by(names: Collection[str], value_of: Callable[[str], Any]) -> dict[str, Any]:
    """What arrays of known names say, in the words of a sidecar.

    Args:
        names: Of all arrays in the file.
        value_of: Gives one of them as a number, a text or a list of such.
    """
    said = {}
    for field, spellings in _SAID.items():
        found = next((name for name in spellings if name in names), None)
        if found is not None:
            value = value_of(found)
            while isinstance(value, list) and len(value) == 1 and (field not in _LISTS or isinstance(value[0], list)):
                value = value[0]
            said[field] = value
    return said


def unpacks_to_too_much(packed: int, size: int) -> bool:
    """Whether so many bytes out of so few are a bomb rather than a recording."""
    return size > max(_FREE, _RATIO * packed)
