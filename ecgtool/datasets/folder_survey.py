"""What the files of a folder say of themselves, from the beginning of each: rate, leads, length, person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgtool import console
from ecgtool.datasets.cells import unfit
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, IntegrityError, NotFound
from ecgtool.formats import read_record
from ecgtool.formats.sidecar import Sidecar, checked, stated
from ecgtool.record import Record, lead_name

_GLANCE_S = 0.5
SAID = ("fs", "leads", "unit", "layout", "gain", "baseline", "calibrated")
"""Fields of a list that say of a recording what its file cannot."""

_LISTS = ("leads", "unit", "gain", "baseline")
_PARTING = re.compile(r"[;|,\s]+")
_EITHER = re.compile(r"\s*[+-]?\d+,\d+\s*")  # a number with a decimal comma, or two numbers: nobody can tell
_SAME_RATE = 0.005
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a recording says of itself.

    Args:
        fs: Rate in Hz.
        leads: Names, in its order.
        seconds: Length of all of it.
        patient: Who it is of, as the file names them; empty where it does not.
        age: In years, None where unknown.
        sex: ``"M"`` or ``"F"``, None where unknown.
    """

    fs: float
    leads: tuple[str, ...]
    seconds: float
    patient: str
    age: float | None
    sex: str | None

    @property
    def offers(self) -> frozenset[str]:
        """The leads that can be had of it: its own, and limb leads that follow from two of them."""
        derived = _LIMB if sum(lead in self.leads for lead in ("I", "II", "III")) >= 2 else ()
        return frozenset((*self.leads, *derived))


def said_of(where: str, cells: Mapping[str, Any]) -> Sidecar:
    """What a row of a list says that files cannot: rate, leads, unit, layout, gain, baseline.

    Args:
        where: File and row, for messages.
        cells: The fields of the row; several values in a text are parted by spaces, commas, ``;`` or ``|``.

    Raises:
        FormatError: A value cannot be; the message names row and field.
    """
    given = {name: cells[name] for name in SAID if cells.get(name) not in (None, "")}
    for name in _LISTS:
        if isinstance(given.get(name), str):
            if _EITHER.fullmatch(given[name]):
                raise unfit(where, name, given[name], "Write one number with a point, or two parted by a semicolon.")
            given[name] = [part for part in _PARTING.split(given[name]) if part]
    return checked(given, Path(where))


def read_said(path: Path, said: Sidecar, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A recording, as :func:`~ecgtool.formats.read_record` reads it with what a list says of it.

    Raises:
        EcgError: It is missing or damaged, or of another rate than the list says.
    """
    with stated(said):
        record = read_record(path, start_s, seconds)
    if said.fs is not None and abs(record.fs - said.fs) > _SAME_RATE * said.fs:
        raise DataError(
            f"{path.name} has a rate of {record.fs:g} Hz, but its row says {said.fs:g}.", "Correct the row."
        )
    return record


def survey(paths: Mapping[str, tuple[Path, Sidecar]]) -> tuple[dict[str, Seen], dict[str, EcgError]]:
    """Look at recordings, reading no more of each than its beginning.

    Args:
        paths: Of each recording by its name, with what a list says of it.

    Returns:
        What was seen of each that can be read; and of each other why it cannot.

    Raises:
        EcgError: The file system fails.
    """
    seen: dict[str, Seen] = {}
    unreadable: dict[str, EcgError] = {}
    with console.progress("Looking at recordings", len(paths)) as advance:
        for name, (path, said) in paths.items():
            try:
                seen[name] = _look(path, said)
            except (NotFound, FormatError, DataError, IntegrityError) as error:
                unreadable[name] = error
            advance(1)
    return seen, unreadable


def _look(path: Path, said: Sidecar) -> Seen:
    try:
        record = read_said(path, said, seconds=_GLANCE_S)
    except (FormatError, ConfigError):
        record = read_said(path, said)  # a recording may begin with a gap
    seconds = record.meta.get("duration_s")
    if seconds is None:
        seconds = read_said(path, said).seconds
    meta = record.meta
    return Seen(record.fs, record.leads, float(seconds), record.patient, meta.get("age"), meta.get("sex"))


def usual_rate(seen: Iterable[Seen]) -> tuple[float, list[str]]:
    """The commonest rate in Hz (of equally common ones the highest), and a note where there are others."""
    counts = Counter(each.fs for each in seen)
    fs = max(counts, key=lambda rate: (counts[rate], rate))
    others = ", ".join(f"{rate:g} Hz ({counts[rate]})" for rate in sorted(counts) if rate != fs)
    return fs, [f"{counts[fs]} recordings have {fs:g} Hz, the commonest rate; others: {others}."] if others else []


def common_leads(seen: Mapping[str, Seen]) -> tuple[tuple[str, ...], list[str]]:
    """The leads that every recording offers, in the order of the first one, and a note where others have more.

    Raises:
        DataError: There is none.
    """
    first = next(iter(seen.values()))
    common = first.offers
    for name, each in seen.items():
        if common.isdisjoint(each.offers):
            raise DataError(
                f"The recordings have no lead in common: {name} has {_list(each.leads)}, those before it share "
                f"{_list([lead for lead in first.leads if lead in common])}.",
                "Choose leads with --leads, or prepare them as two stores.",
            )
        common &= each.offers
    leads = tuple(lead for lead in (*first.leads, *_LIMB) if lead in common)
    leads = tuple(dict.fromkeys(leads)) if common.isdisjoint(first.leads) else leads[: len(common & set(first.leads))]
    richer = [each for each in seen.values() if not set(each.leads) <= set(leads)]
    if not richer:
        return leads, []
    name = min(seen, key=lambda name: len(seen[name].offers))
    return leads, [
        f"Leads are those that all recordings have: {_list(leads)}. {len(richer)} have more, such as "
        f"{_list([lead for lead in richer[0].leads if lead not in leads])}; {name} has only {_list(seen[name].leads)}."
    ]


def chosen_leads(text: str) -> tuple[str, ...]:
    """The leads of ``--leads I,II,V1``, in their standard spelling.

    Raises:
        ConfigError: There is none, or one is there twice.
    """
    leads = tuple(lead_name(part) for part in re.split(r"[,;]", text) if part.strip())
    if not leads or len(set(leads)) != len(leads):
        raise ConfigError(f"--leads {text!r} cannot be.", "Name leads once each, for example --leads I,II,V1")
    return leads


def common_length(lengths: Mapping[str, float], fs: float, *, windows: bool, centre: bool) -> tuple[float, list[str]]:
    """How long an item is, in seconds, unless windows are cut: then how long the longest recording is.

    Args:
        lengths: Of each recording, in seconds.
        fs: Rate in Hz: lengths that differ by a sample are the same.
        windows: Whether windows are cut.
        centre: Whether recordings of another length are cropped or padded, to the commonest length.

    Returns:
        The length, and a note where it is not that of all.

    Raises:
        DataError: Lengths differ, and nothing says what to do.
    """
    shortest, longest = min(lengths.values()), max(lengths.values())
    if windows:
        return longest, []
    if longest - shortest <= 1.5 / fs:
        return longest, []
    if not centre:
        raise DataError(
            f"Recordings last from {shortest:.4g} to {longest:.4g} s, and an item has one length.",
            "Give --window-s 5 to cut windows of 5 s, or --fit centre to crop and pad to the commonest length.",
        )
    counts = Counter(round(seconds, 2) for seconds in lengths.values())
    usual = max(counts, key=lambda seconds: (counts[seconds], seconds))
    return usual, [f"{counts[usual]} of {len(lengths)} recordings last {usual:g} s, the commonest length."]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
