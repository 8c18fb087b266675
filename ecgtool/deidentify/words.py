"""The words that may stay: names of leads and channels, units, rhythms, dates and times. Others are not copied."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

from ecgtool.formats.lead_codes import lead_of_code
from ecgtool.formats.reading import units_per_mv

_LEADS = (
    "i|ii|iii|avr|-avr|avl|avf|v[1-9]r?|v[1-9]-v[1-9]|vx|vy|vz|[xyz]|d[1-3]|ml(?:i{1,3}|[1-6])|mv[1-6]|mcl[1-6]|cm[1-7]|"
    r"cc5|cb5|cs5|es|as|ai|mod[._ ]?v[1-6]|lead \d{1,3}"
)
_CHANNELS = (
    "ecg|ekg|eeg|eog|emg|ch|chan|channel|signal|sig|lead|value|val|adc|raw|mv|uv|v|sample|abp|art|bp|cvp|pap|icp|"
    "resp|respiration|impedance|pleth|ppg|spo2|temp|temperature|co2|acc|noise|pulse|flow|pressure|unknown|crc16|status"
)
_SIGNAL = re.compile(
    rf"(?:mdc_ecg_lead_|lead[ _-]?|ecg[ _-]?|ekg[ _-]?)?(?:{_LEADS})|(?:{_CHANNELS})(?:[ _.-]?\d{{1,2}})?",
    re.IGNORECASE,
)
_CODED = frozenset(lead_of_code(code).lower() for code in range(256)) - {""}
_OTHER_UNITS = {
    unit.lower(): unit
    for unit in ("mmHg", "cmH2O", "bpm", "deg", "degC", "C", "K", "%", "NU", "adu", "Ohm", "kOhm", "l/min", "ml", "l",
                 "g", "m/s2", "Hz", "s", "ms", "nd", "au", "pm")
}  # fmt: skip
_RHYTHM = re.compile(
    r"\((?:AB|AF|AFIB|AFL|B|BI{1,3}|IVR|N|NOD|P|PREX|SBR|SVTA|T|VF|VFIB|VFL|VT|ASYS|AT|J|MAT|PAT|SVT)"
    r"|[(A]?(?:S?T)\d?[+-]{1,2}\d{0,4}\)?|TS|M|MISSB|PSE",
)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]?\d)(?::([0-5]?\d)(\.\d{1,6})?)?")
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m-%d-%Y", "%Y%m%d", "%d.%m.%Y", "%d-%b-%Y")
_OLDEST, _LATEST = date(1900, 1, 1), date(2200, 1, 1)


def known_signal(name: str) -> bool:
    """Whether a signal's name says what was measured, and nothing else.

    >>> known_signal("MLII"), known_signal("ECG of J. Doe")
    (True, False)
    """
    plain = name.strip()
    return len(plain) <= 32 and (plain.lower() in _CODED or _SIGNAL.fullmatch(plain) is not None)


def known_unit(unit: str) -> str:
    """The unit, if it is one; ``NU``, which stands for none, otherwise.

    >>> known_unit("mV"), known_unit("John")
    ('mV', 'NU')
    """
    plain = unit.strip()
    if units_per_mv(plain) is not None:
        return plain
    return _OTHER_UNITS.get(plain.lower(), "NU")


def known_rhythm(text: str) -> bool:
    """Whether the text of an annotation is the name of a rhythm or an ST or T change, as PhysioNet writes them."""
    return _RHYTHM.fullmatch(text.strip("\0 ")) is not None


def time_of(text: str) -> str:
    """A time of day as ``HH:MM:SS`` and its fraction; empty where the text is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return ""
    hour, minute, second, fraction = found.groups()
    return f"{int(hour):02d}:{int(minute):02d}:{int(second or 0):02d}{fraction or ''}"


def date_of(text: str, *formats: str) -> date | None:
    """The date that a text is; None where it is none, or none that a recording can have.

    Args:
        text: The date alone.
        formats: How it may be written, as ``strptime`` spells it; the usual ways if none are given.
    """
    for form in formats or _DATES:
        try:
            day = datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
        return day if _OLDEST < day < _LATEST else None
    return None


def moved_start(text: str, move: Callable[[date], date]) -> str:
    """A date and time in ISO order, the date moved; empty where the text is not both.

    >>> moved_start("2020-05-01T12:00:01", lambda day: day.replace(year=2018))
    '2018-05-01T12:00:01'
    """
    day_text, _, rest = text.strip().replace(" ", "T").partition("T")
    day, time = date_of(day_text), time_of(rest.removesuffix("Z"))
    return f"{move(day).isoformat()}T{time}" if day is not None and time else ""
