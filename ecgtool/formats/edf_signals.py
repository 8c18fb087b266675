"""Which signals of an EDF file are an ECG, what their leads are called, and what the header says of the person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from ecgtool.formats.edf_header import Header, Signal
from ecgtool.formats.reading import age_of, filters_told, sex_of, units_per_mv
from ecgtool.record import LEADS_12, lead_name

_ECG = re.compile(r"(?<![a-z])(?:ECG|EKG)|electrocardiogra", re.IGNORECASE)
# "ECG II", "EKG V2-Ref": the type of signal, the lead, and what it was measured against.
_TYPED = re.compile(r"(?:ECG|EKG)[ _:-]*(\S.*?)(?:\s*-\s*ref)?", re.IGNORECASE)
# Leads beyond the twelve: posterior, right-sided, orthogonal, and the modified ones of monitors and Holters.
_FURTHER = re.compile(r"V[1-9]R?|[XYZ]|ML?(?:I|II|III|V[1-6])|M?CL[1-6]|C[MCSRH]\d|ES|AS|AI", re.IGNORECASE)
_CLOCK = re.compile(r"([01]\d|2[0-3])\.([0-5]\d)\.([0-5]\d)", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_UNKNOWN = ("", "X")


def ecg_signals(signals: Sequence[Signal]) -> tuple[Signal, ...]:
    """The signals that are an ECG: those that label or transducer call so, or that bear a lead's name.

    Where none does it is all that are a voltage, and where none is, all. Annotations are never among them.
    """
    sampled = [signal for signal in signals if not signal.annotations]
    voltages = [signal for signal in sampled if units_per_mv(signal.unit) is not None]
    named = [signal for signal in sampled if is_ecg(signal)]
    both = [signal for signal in named if signal in voltages]
    return tuple(both or named or voltages or sampled)


def is_ecg(signal: Signal) -> bool:
    """Whether the header calls a signal an ECG."""
    label = lead_of(signal.label)
    return bool(_ECG.search(f"{signal.label} {signal.transducer}")) or label in LEADS_12 or _is_further(label)


def lead_of(label: str) -> str:
    """The lead that a label names; the label itself where it names none that is known.

    >>> lead_of("ECG II"), lead_of("EKG V2-Ref"), lead_of("EKG1")
    ('II', 'V2', 'EKG1')
    """
    typed = _TYPED.fullmatch(label.strip())
    if typed and (lead_name(typed[1]) in LEADS_12 or _is_further(typed[1])):
        return lead_name(typed[1])
    return lead_name(label)


def _is_further(name: str) -> bool:
    return len(name) > 1 and _FURTHER.fullmatch(name) is not None


def filters_of(signals: Sequence[Signal]) -> str | None:
    """What the header says was filtered, once where it is the same in all leads."""
    stated = {lead_of(signal.label): signal.filters for signal in signals}
    return filters_told({lead: "" if "not recorded" in text.lower() else text for lead, text in stated.items()})


def person_and_device(header: Header) -> tuple[str, dict[str, Any]]:
    """The patient's code, and ``start``, ``age``, ``sex`` and ``device``, each where the header states it.

    Only EDF+ has fields for them: code, sex, birth date and name of the patient; start date, administration code,
    technician and equipment. Name, birth date and technician stay in the file.
    """
    if not header.plus:
        return "", {"start": _start(header, _short_date(header.date))}
    code, sex, born, _, *others = (*header.patient.split(), "X", "X", "X", "X")
    _, day, _, _, equipment, *_ = (*header.recording.split(), *("X",) * 5)
    began, birth = _long_date(day), _long_date(born)
    meta = {
        "start": _start(header, began),
        "sex": sex_of(sex),
        "age": _age(birth, began, others),
        "device": None if equipment in _UNKNOWN else equipment.replace("_", " "),
    }
    return "" if code in _UNKNOWN else code, meta


def _age(birth: date | None, began: date | None, others: Sequence[str]) -> float | None:
    """Years: as an additional subfield ``age:63`` states them, or from birth to the start of the recording."""
    stated = next((text[4:] for text in others if text.startswith("age:")), "")
    if stated:
        return age_of(stated)
    if birth is None or began is None or birth > began:
        return None
    return age_of(f"{(began - birth).days / 365.25:.1f}")


def _start(header: Header, day: date | None) -> str | None:
    """Date and time of the first sample; None where the date is not known."""
    if day is None:
        return None
    clock = _CLOCK.fullmatch(header.time)
    return f"{day.isoformat()}T{':'.join(clock.groups())}" if clock else day.isoformat()


def _short_date(text: str) -> date | None:
    """``dd.mm.yy``, where 85 to 99 are of the last century."""
    day, month, year = (*text.split("."), "", "", "")[:3]
    if not (day.isdecimal() and month.isdecimal() and year.isdecimal() and len(year) == 2):
        return None
    return _date(int(year) + (1900 if int(year) >= 85 else 2000), int(month), int(day))


def _long_date(text: str) -> date | None:
    """``dd-MMM-yyyy``."""
    day, month, year = (*text.split("-"), "", "", "")[:3]
    if not (day.isdecimal() and year.isdecimal() and len(year) == 4 and month.upper() in _MONTHS):
        return None
    return _date(int(year), _MONTHS.index(month.upper()) + 1, int(day))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
