"""DICOM waveforms: 12-lead, general, ambulatory, haemodynamic and electrophysiological ECG.

Read by code of our own, which looks at nothing but the waveform and a few fields: annotations, names, private tags and
free text stay in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.dicom_elements import DataSet, Elements
from ecgtool.formats.dicom_file import looks_like_dicom, opened_elements
from ecgtool.formats.dicom_waveform import WAVEFORMS, Channel, Group, load_group, read_group
from ecgtool.formats.reading import (
    age_of,
    distinct_names,
    filters_told,
    make_record,
    sample_range,
    sex_of,
    units_per_mv,
)
from ecgtool.formats.source import opened
from ecgtool.record import Record, lead_name

_ACQUIRED = ((0x0008002A, 0), (0x00080022, 0x00080032), (0x00080023, 0x00080033), (0x00080020, 0x00080030))
_MAKER, _MODEL = 0x00080070, 0x00081090
_PATIENT, _BORN, _SEX, _AGE = 0x00100020, 0x00100030, 0x00100040, 0x00101010
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}


def sniff(_path: Path, head: bytes) -> bool:
    """Whether the bytes begin a DICOM file."""
    return looks_like_dicom(head)


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the ECG of a DICOM file.

    Of several multiplex groups it is the recorded rhythm rather than a median beat, then the longest.

    Args:
        path: The file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, or holds no waveform.
        ConfigError: The range begins after the end of the recording.
    """
    with opened(path) as source:
        elements, begin, coding = opened_elements(source)
        found, _ = elements.data_set(begin, elements.source.size, coding, until=WAVEFORMS + 1)
        groups = [load_group(elements, item) for item in elements.items(found, WAVEFORMS)]
        if not groups:
            raise FormatError(f"{path} holds no waveform.", "Pictures and reports of DICOM hold no values to read.")
        group = max(groups, key=lambda group: group.rank)
        kept = _voltages(group) or group.channels
        first, last = sample_range(path, group.samples, group.fs, start_s, seconds)
        values = read_group(elements, group, kept, first, last)
        patient = elements.text(found, _PATIENT)
        meta = _person(elements, found) | _describe(group, kept, groups)
    meta |= {"duration_s": group.samples / group.fs, "start_s": first / group.fs}
    names = distinct_names([channel.lead for channel in kept], path)
    return make_record(path, values, group.fs, names, meta, patient=patient)


def _voltages(group: Group) -> tuple[Channel, ...]:
    """The channels measured in a voltage."""
    return tuple(channel for channel in group.channels if units_per_mv(channel.unit) is not None)


def _describe(group: Group, kept: Sequence[Channel], groups: Sequence[Group]) -> dict[str, Any]:
    """What the file says of the waveform; see docs/formats.md for the keys."""
    calibrated = all(units_per_mv(channel.unit) is not None for channel in kept)
    left_out = {channel.lead: channel.unit for channel in group.channels if channel not in kept}
    for number, other in enumerate(groups, start=1):
        if other is not group:
            length = f"{len(other.channels)} channels of {other.samples / other.fs:g} s"
            left_out[other.label or f"group {number}"] = length
    derived = tuple(lead_name(channel.lead) for channel in kept if channel.derived or not group.original)
    return {
        "calibrated": calibrated,
        "units": None if calibrated else {channel.lead: channel.unit for channel in kept},
        "left_out": left_out or None,
        "derived": derived or None,
        "filters": filters_told({channel.lead: channel.filters for channel in kept}),
        "warnings": tuple(_warnings(group, kept, groups)) or None,
    }


def _warnings(group: Group, kept: Sequence[Channel], groups: Sequence[Group]) -> Iterator[str]:
    """What of the channels is not as one would expect: their times, and leads that other groups alone hold."""
    skews = [channel.skew for channel in kept]
    apart = max(skews) - min(skews)
    if apart >= 1:
        yield f"Channels are up to {apart:g} samples apart; they are not aligned."
    read = {channel.lead for channel in kept}
    recordings = [other for other in groups if other is not group and not other.template]
    others = dict.fromkeys(channel.lead for other in recordings for channel in _voltages(other))
    beyond = [lead for lead in others if lead not in read]
    if beyond:
        yield f"Further leads lie in other groups and are not read: {', '.join(beyond[:16])}."


def _person(elements: Elements, found: DataSet) -> dict[str, Any]:
    """Start, age, sex and device."""
    moments = (elements.text(found, day) + elements.text(found, time) for day, time in _ACQUIRED)
    began = next((moment for moment in moments if _day(moment)), "")
    device = " ".join(filter(None, (elements.text(found, _MAKER), elements.text(found, _MODEL))))
    age = _age(elements.text(found, _AGE))
    if age is None:
        age = _years(_day(elements.text(found, _BORN)), _day(began))
    return {
        "start": _moment(began),
        "age": age,
        "sex": sex_of(elements.text(found, _SEX)),
        "device": device or None,
    }


def _age(text: str) -> float | None:
    """Years of an age such as ``063Y`` or ``018M``."""
    if len(text) != 4 or not text[:3].isdecimal() or text[3] not in _PER_YEAR:
        return None
    return age_of(str(int(text[:3]) / _PER_YEAR[text[3]]))


def _years(born: date | None, began: date | None) -> float | None:
    if born is None or began is None or born > began:
        return None
    return age_of(f"{(began - born).days / 365.25:.1f}")


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _moment(text: str) -> str | None:
    """Date and time of ``YYYYMMDDHHMMSS.FFFFFF``, as far as they are stated."""
    day, time = _day(text), text[8:14]
    if day is None:
        return None
    if not (time.isdecimal() and len(time) == 6):
        return day.isoformat()
    return f"{day.isoformat()}T{time[:2]}:{time[2:4]}:{time[4:]}"


DICOM = Format(
    "dicom", "DICOM waveforms", (".dcm", ".dicom"), sniff, read, rebuild="ecgtool.deidentify.dicom:REBUILDER"
)
