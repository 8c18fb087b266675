"""HL7 annotated ECG, the XML of drug trials (root element ``AnnotatedECG``; ANSI/HL7 V3 ECG, R1-2004).

A file holds series: rhythms (recordings) and representative beats. The longest rhythm is read; a beat only where there
is no rhythm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.reading import age_at, age_of, sex_of, units_per_mv
from ecgtool.formats.xml_document import load_xml, number, root_name, text_at
from ecgtool.formats.xml_leads import AGAIN, Lead, Span, checked_rate, leads_record, numbers_in
from ecgtool.record import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_RHYTHM = "RHYTHM"
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
_REPORTED_AGE = "21612-7"  # LOINC
_PER_YEAR = {"a": 1.0, "mo": 12.0, "wk": 52.18, "d": 365.25}  # UCUM
_FILTERS = {"LOW_PASS": "low-pass", "HIGH_PASS": "high-pass", "NOTCH": "notch"}
_FILTER = "MDC_ECG_CTL_VBL_ATTR_FILTER_"
_MOMENT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2}))?")
_SHORTFALL_S = 0.1


class _Part(NamedTuple):
    """A set of sequences recorded together, and the series that it belongs to."""

    series: Element
    sequences: list[Element]
    code: str

    @property
    def size(self) -> int:
        return sum(len(sequence.findtext("value/digits") or "") for sequence in self.sequences)


def sniff(path: Path, head: bytes) -> bool:
    """Whether the root element is AnnotatedECG."""
    return root_name(path, head) == "annotatedecg"


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the longest rhythm of an annotated ECG.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, or holds no waveform.
        ConfigError: The range begins after the end of the recording.
    """
    root = load_xml(path).root
    parts = list(_parts(root))
    if not parts:
        raise FormatError(f"{path} holds no waveform.", "An annotated ECG needs a series with lead sequences.")
    part = max(parts, key=lambda part: (part.code == _RHYTHM, part.size))
    leads = [_lead(path, sequence) for sequence in part.sequences if not _code(sequence).startswith("TIME_")]
    fs, head = _time(path, part)
    warnings = tuple(_warnings(part, parts, max((len(lead.counts) for lead in leads), default=0) / fs))
    start = _moment(head) or _moment(_value(part.series, "effectiveTime/low"))
    meta = {
        **_person(root, start or ""),
        "device": text_at(part.series, "author/seriesAuthor/manufacturedSeriesDevice/manufacturerModelName") or None,
        "start": start,
        "filters": _filters(part.series) or None,
        "warnings": warnings or None,
    }
    return leads_record(path, leads, fs, Span(start_s, seconds), meta, _patient(root))


def _parts(root: Element) -> Iterator[_Part]:
    for tag in ("series", "derivedSeries"):
        for series in root.iter(tag):
            for group in series.findall("component/sequenceSet"):
                sequences = group.findall("component/sequence")
                if any(sequence.find("value/digits") is not None for sequence in sequences):
                    yield _Part(series, sequences, _code(series))


def _code(element: Element) -> str:
    code = element.find("code")
    return "" if code is None else code.get("code", "")


def _value(element: Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get("value", "")


def _lead(path: Path, sequence: Element) -> Lead:
    """``origin + scale * digits`` (SLIST_PQ); digits without a unit (SLIST_INT) are not calibrated."""
    name = _code(sequence)
    digits = sequence.findtext("value/digits") or ""
    scale, origin = sequence.find("value/scale"), sequence.find("value/origin")
    step = 1.0 if scale is None else number(scale.get("value"))
    unit = "" if scale is None else scale.get("unit", "")
    zero = 0.0 if origin is None else number(origin.get("value"))
    if step is None or zero is None or not step:
        raise FormatError(f"{path}: the scale or origin of lead {name[:40]} is no number.", AGAIN)
    per_mv = units_per_mv(unit)
    of_zero = None if origin is None else units_per_mv(origin.get("unit", ""))
    if per_mv and of_zero:
        zero *= per_mv / of_zero
    return Lead(name, numbers_in(path, digits, f"lead {name[:40]}"), step, per_mv, zero, unit)


def _time(path: Path, part: _Part) -> tuple[float, str]:
    """The rate in Hz, and when the first sample was taken where that is stated."""
    for sequence in part.sequences:
        increment = sequence.find("value/increment")
        if not _code(sequence).startswith("TIME_") or increment is None:
            continue
        step, per_second = number(increment.get("value")), _PER_SECOND.get(increment.get("unit", ""))
        if step and per_second and step > 0:
            absolute = _code(sequence) == "TIME_ABSOLUTE"
            fs = checked_rate(path, round(per_second / step, 6), "increment")
            return fs, _value(sequence, "value/head") if absolute else ""
    return checked_rate(path, None, "the increment of its time sequence"), ""


def _warnings(part: _Part, parts: list[_Part], held_s: float) -> Iterator[str]:
    """What the file promises and does not hold, and what it holds beside what is read."""
    if part.code != _RHYTHM:
        yield f"The file holds no rhythm, only a series of type {part.code[:40] or 'unknown'}."
    others = sum(other.code == _RHYTHM for other in parts) - 1
    if others > 0:
        yield f"The file holds {others} further rhythm{'s' if others > 1 else ''}; the longest is read."
    low, high = (_seconds(_value(part.series, f"effectiveTime/{end}")) for end in ("low", "high"))
    if low and high and (high - low).total_seconds() > held_s + _SHORTFALL_S:
        yield f"The file promises {(high - low).total_seconds():g} s and holds {held_s:g} s."


def _seconds(text: str) -> datetime | None:
    moment = _moment(text)
    return datetime.fromisoformat(moment) if moment and "T" in moment else None


def _moment(text: str) -> str | None:
    """HL7's ``YYYYMMDDHHMMSS.mmm`` as ISO 8601."""
    match = _MOMENT.match(text)
    if not match:
        return None
    year, month, day, *clock = (int(part) for part in match.groups() if part is not None)
    hour, minute, second = clock or (0, 0, 0)
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    return moment.isoformat() if clock else moment.date().isoformat()


def _filters(series: Element) -> tuple[str, ...]:
    lines = []
    for control in series.findall("controlVariable/controlVariable"):
        kind = _FILTERS.get(_code(control).removeprefix(_FILTER))
        for cutoff in control.findall("component/controlVariable"):
            if kind and _code(cutoff).endswith("_FREQ") and (value := number(_value(cutoff, "value"))):
                lines.append(f"{kind} {value:g} Hz")
    return tuple(lines)


def _person(root: Element, start: str) -> dict[str, Any]:
    """The sex, and the age as reported or else as it follows from the birth date."""
    person = root.find(".//trialSubject/subjectDemographicPerson")
    if person is None:
        return {"age": _age(root)}
    gender, reported = person.find("administrativeGenderCode"), _age(root)
    age = age_at(_value(person, "birthTime"), start) if reported is None else reported
    return {"age": age, "sex": None if gender is None else sex_of(gender.get("code", ""))}


def _age(root: Element) -> float | None:
    for control in root.findall("controlVariable/relatedObservation"):
        value = control.find("value")
        if _code(control) != _REPORTED_AGE or value is None:
            continue
        age, per_year = number(value.get("value")), _PER_YEAR.get(value.get("unit", "a"))
        return None if age is None or per_year is None else age_of(f"{age / per_year:.6g}")
    return None


def _patient(root: Element) -> str:
    person = root.find(".//trialSubject/id")
    return "" if person is None else person.get("extension") or person.get("root") or ""


AECG = Format("aecg", "HL7 annotated ECG", (".xml", ".aecg"), sniff, read, rebuild="ecgtool.deidentify.xml_tables:AECG")
