"""What every reader needs: the range it was asked for, the unit, and who the person is, in the words of a Record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.record import LEADS_12, MAX_FS, MIN_FS, Record, lead_name

_PER_MV = {"mv": 1.0, "millivolt": 1.0, "millivolts": 1.0, "v": 1e-3, "volt": 1e-3, "volts": 1e-3}
_PER_MV |= {"mvolt": 1.0, "milliv": 1.0, "uvolt": 1e3, "microv": 1e3, "nvolt": 1e6, "nanov": 1e6}
_PER_MV |= {"uv": 1e3, "microvolt": 1e3, "microvolts": 1e3, "nv": 1e6, "nanovolt": 1e6, "nanovolts": 1e6}
_SEX = {"m": "M", "male": "M", "f": "F", "female": "F"}
_OLDEST = 130.0


def units_per_mv(unit: str) -> float | None:
    """Steps of a unit of voltage in a millivolt; None where it is not one.

    >>> units_per_mv("µV"), units_per_mv("mmHg")
    (1000.0, None)
    """
    return _PER_MV.get(unit.strip().replace("µ", "u").replace("μ", "u").lower())


def sample_range(path: Path, total: int, fs: float, start_s: float, seconds: float | None) -> tuple[int, int]:
    """The first sample of a range of seconds, and the one after its last.

    Args:
        path: Of the recording, for the message.
        total: Samples that the recording has.
        fs: Its rate in Hz.
        start_s: Where the range begins.
        seconds: Its length; None to the end. What lies beyond the end is cut.

    Raises:
        FormatError: The recording has no samples, or a rate that no recording can have.
        ConfigError: The range is empty: it begins after the end.
    """
    if not MIN_FS <= fs <= MAX_FS:
        raise FormatError(
            f"{path} has a sampling rate of {fs:g} Hz, outside 1-100,000 Hz.",
            "The file is damaged, or was written wrongly; export it again.",
        )
    if total < 1:
        raise FormatError(f"{path} holds no samples.", "The file was cut, or never written; copy or export it again.")
    begin = round(start_s * fs)
    end = total if seconds is None else min(total, round((start_s + seconds) * fs))
    if begin >= end:
        raise ConfigError(
            f"{path} is {total / fs:g} s long; {start_s:g} s to {end / fs:g} s is empty.", "Choose a range within it."
        )
    return begin, end


def make_record(
    path: Path, signal: npt.NDArray[np.float32], fs: float, leads: Sequence[str], meta: Mapping[str, Any], **names: str
) -> Record:
    """A record named after its file, what makes none told with the file's name.

    Args:
        path: The file.
        signal: float32 [leads, samples] in millivolt.
        fs: Rate in Hz.
        leads: A name per row.
        meta: As docs/formats.md lists it; what is None is left out.
        names: ``id`` and ``patient``, where the file has better ones than its own name.

    Raises:
        FormatError: A shape, rate or lead names that no record can have.
    """
    known = {key: value for key, value in meta.items() if value is not None}
    try:
        return Record(
            signal, fs, tuple(leads), id=names.get("id") or path.stem, patient=names.get("patient", ""), meta=known
        )
    except DataError as error:
        raise FormatError(f"{path}: {error.message}", error.hint) from None


def distinct_names(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """Names of the signals of a file, each once: those that several share, or that are missing, are numbered.

    Raises:
        FormatError: A standard lead is there twice, so that which is which cannot be told.
    """
    if "" not in names and len({name.lower() for name in names}) == len(names):
        return tuple(names)
    shared = {name for name, count in Counter(map(lead_name, names)).items() if count > 1}
    twice = sorted(shared & set(LEADS_12))
    if twice:
        raise FormatError(
            f"{path} names lead {twice[0]} more than once.",
            "Which of them is meant cannot be told; correct the names where it was written.",
        )
    return tuple(
        f"{name or 'signal'} {number}" if lead_name(name) in shared or not name else name
        for number, name in enumerate(names, start=1)
    )


def filters_told(by_lead: Mapping[str, str]) -> str | None:
    """What the device says it filtered in each lead, in one line; once where it is the same in all, None where nothing.

    >>> filters_told({"I": "0.05-150 Hz", "II": "0.05-150 Hz"}), filters_told({"I": "50 Hz", "V1": ""})
    ('0.05-150 Hz', 'I: 50 Hz')
    """
    if len(set(by_lead.values())) == 1:
        return next(iter(by_lead.values())) or None
    return "; ".join(f"{lead}: {text}" for lead, text in by_lead.items() if text) or None


def age_of(text: str) -> float | None:
    """An age in years; None where the text is none.

    >>> age_of("63"), age_of("unknown")
    (63.0, None)
    """
    try:
        age = float(text)
    except ValueError:
        return None
    return age if 0 <= age <= _OLDEST else None


def age_at(birth: str, recorded: str) -> float | None:
    """The age in whole years at a recording; None where a date is none.

    Args:
        birth: ``YYYYMMDD``, with or without dashes; what follows is not looked at.
        recorded: Likewise.

    >>> age_at("1953-05-08", "20021122091000"), age_at("", "20021122")
    (49.0, None)
    """
    try:
        born, then = (date.fromisoformat(text.strip().replace("-", "")[:8]) for text in (birth, recorded))
    except ValueError:
        return None
    return age_of(str(then.year - born.year - ((then.month, then.day) < (born.month, born.day))))


def sex_of(text: str) -> str | None:
    """``"M"`` or ``"F"``; None where the text says neither.

    >>> sex_of("FEMALE"), sex_of("?")
    ('F', None)
    """
    return _SEX.get(text.strip().lower())
