"""ecgtool: from a raw electrocardiogram to a served model.

The names below are the whole public library; each is loaded when first used, so that ``import ecgtool`` is instant.
Research software. Not a medical device; not for diagnosis or treatment.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "EcgError": "ecgtool.errors",
    "Record": "ecgtool.record",
    "Run": "ecgtool.run",
    "Store": "ecgtool.store",
    "Task": "ecgtool.task",
    "read_record": "ecgtool.formats",
}

__all__ = ["EcgError", "Record", "Run", "Store", "Task", "__version__", "read_record"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'ecgtool' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)
