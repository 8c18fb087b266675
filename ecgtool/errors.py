"""The errors a user can act on.

::

    EcgError                 anything a user can act on: one line, and a hint
    ├── NotFound             a file, folder, name or column that is not there
    ├── FormatError          a file that is not what it says it is
    ├── ConfigError          an option, recipe or setting that cannot be
    ├── DataError            data that cannot serve what was asked of it
    └── IntegrityError       a digest or checksum that does not match

Library code raises them; only ``ecgtool.cli`` prints them and exits. Whatever else is raised is a bug and keeps
its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EcgError(Exception):
    """An error the user can act on.

    Args:
        message: What is wrong and where (file and field), in one line.
        hint: What to do about it, in one line; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        self.hint = " ".join(hint.split())

    def __reduce__(self) -> tuple[type[EcgError], tuple[str, str]]:
        """Survive the way back from a worker process."""
        return type(self), (self.message, self.hint)


class NotFound(EcgError):
    """A file, folder, name or column that is not there."""


class FormatError(EcgError):
    """A file that is not what it says it is."""


class ConfigError(EcgError):
    """An option, recipe or setting that cannot be."""


class DataError(EcgError):
    """Data that cannot serve what was asked of it."""


class IntegrityError(EcgError):
    """A digest or checksum that does not match."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known spelling, or lists what is known.

    >>> did_you_mean("xlsm", ["cnn1d", "xlstm"])
    "Did you mean 'xlstm'?"
    """
    choices = sorted({name if len(name) <= 64 else f"{name[:64]}..." for name in known})
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(choices)}." if choices else ""
