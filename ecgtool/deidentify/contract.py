"""What turns the recordings of one format into clean ones, and what it is told and tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from ecgtool.deidentify.key import Key
from ecgtool.errors import DataError


class Refused(DataError):
    """A recording that cannot be made clean, for a reason that quotes nothing of it."""


@dataclass(frozen=True)
class Disguise:
    """Who a recording is of, in the output.

    Args:
        patient: Pseudonym of the person.
        record: Name of the recording, and of its files.
        days: By how many days its dates move into the past.
        age: In whole years, at most 90; None where it is not kept or not known.
        sex: ``"M"`` or ``"F"``; None where it is not kept or not known.
        key: Replaces further identifiers that a format cannot do without.
    """

    patient: str
    record: str
    days: int
    age: int | None
    sex: str | None
    key: Key

    def moved(self, day: date) -> date:
        """The date that stands in the output for a date of the recording."""
        return day - timedelta(days=self.days)


@dataclass
class Ledger:
    """What was done to a recording, in words of this package's own: never a value, never a name of the file's."""

    removed: Counter[str] = field(default_factory=Counter)
    dates: int = 0
    kept: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def remove(self, field_name: str, number: int = 1) -> None:
        """Account for fields that are not in the output."""
        if number > 0:
            self.removed[field_name] += number

    def person(self, disguise: Disguise) -> None:
        """Account for an age and a sex that are written."""
        self.kept |= {"age"} if disguise.age is not None else set()
        self.kept |= {"sex"} if disguise.sex is not None else set()


def alone(path: Path) -> tuple[Path, ...]:
    """The files of a recording that is one file."""
    return (path,)


@dataclass(frozen=True)
class Rebuilder:
    """How a format's recordings are built anew from what may be kept.

    Args:
        rebuild: ``rebuild(source, folder, disguise, ledger)`` writes the clean recording into a folder, under
            ``disguise.record``, and gives the file to read it back from. It raises EcgError alone.
        parts: ``parts(path)`` lists the files that a recording is made of, first the one that it is read from;
            ``path`` is any of them that the format knows. It raises EcgError alone.
    """

    rebuild: Callable[[Path, Path, Disguise, Ledger], Path]
    parts: Callable[[Path], tuple[Path, ...]] = alone
