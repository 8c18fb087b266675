"""Schiller's EDI: the XML of Schiller's electrocardiographs (root element ``...SchillerEDI``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.reading import age_at, sex_of, units_per_mv
from ecgtool.formats.xml_document import load_xml, number_at, root_name, text_at
from ecgtool.formats.xml_leads import Lead, Span, checked_rate, leads_record, numbers_in
from ecgtool.record import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_RHYTHMS = "ECG_RHYTHMS"
_UNDATED = "19700101"
_FILTERS = {
    "HIGHPASS_CUTOFF_FREQ": "high-pass",
    "LOWPASS_CUTOFF_FREQ": "low-pass",
    "MAINS": "notch",
}


def sniff(path: Path, head: bytes) -> bool:
    """Whether the root element is SchillerEDI, with or without the package that it belongs to."""
    return root_name(path, head).rpartition(".")[2] == "schilleredi"


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a Schiller recording.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, or holds no waveform.
        ConfigError: The range begins after the end of the recording.
    """
    root = load_xml(path).root
    waves = [wave for wave in root.iter("wavedata") if wave.find("channel") is not None]
    if not waves:
        raise FormatError(f"{path} holds no waveform.", "It may be a report without its recording; export it again.")
    wave = max(waves, key=lambda wave: (text_at(wave, "type") == _RHYTHMS, _size(wave)))
    stated, power = (number_at(wave, f"resolution/samplerate/{what}") for what in ("value", "exponent"))
    fs = checked_rate(path, stated if power in (None, 0.0, 1.0) else None, "samplerate")  # 500 Hz are 500 ** 1
    warnings = tuple(_warnings(wave, waves))
    leads = [_lead(path, wave, channel) for channel in wave.findall("channel")]
    meta = {**_person(root), **_exam(root), "filters": _filters(root) or None, "warnings": warnings or None}
    return leads_record(path, leads, fs, Span(start_s, seconds), meta, text_at(root, "patdata/id"))


def _size(wave: Element) -> int:
    return sum(len(channel.findtext("data") or "") for channel in wave.findall("channel"))


def _warnings(wave: Element, waves: list[Element]) -> Iterator[str]:
    if text_at(wave, "type") != _RHYTHMS:
        yield "The file holds an average beat only, not the recording that it was made from."
    others = sum(text_at(other, "type") == _RHYTHMS for other in waves) - 1
    if others > 0:
        yield f"The file holds {others} further recording{'s' if others > 1 else ''}; the longest is read."


def _lead(path: Path, wave: Element, channel: Element) -> Lead:
    name = text_at(channel, "name")
    coding = text_at(channel, "datastype")
    if coding not in ("", "COMMASEPARATE"):
        raise FormatError(
            f"{path}: lead {name[:40]} is stored as {coding[:40]}; only COMMASEPARATE is known.",
            "Export it as DICOM or SCP-ECG.",
        )
    counts = numbers_in(path, channel.findtext("data") or "", f"lead {name[:40]}")
    promised = number_at(channel, "samplecount")
    if promised is not None and promised != len(counts):
        raise FormatError(
            f"{path}: lead {name[:40]} has {len(counts):,} samples, not the {promised:,.0f} it promises.",
            "The file was cut or changed; export it again.",
        )
    step, unit = number_at(wave, "resolution/yres/unitperbit"), text_at(wave, "resolution/yres/units")
    return Lead(name, counts, step or 1.0, units_per_mv(unit) if step else None, unit=unit if step else "")


def _person(root: Element) -> dict[str, Any]:
    """The sex, and the age that follows from the birth date."""
    day = text_at(root, "examdescript/startdatetime/date")
    birth = "" if day == _UNDATED else text_at(root, "patdata/birthdate")
    return {"age": age_at(birth, day), "sex": sex_of(text_at(root, "patdata/gender"))}


def _exam(root: Element) -> dict[str, Any]:
    """The device, and when the recording was made."""
    hardware = "examdescript/aquiringdevice/hardware"
    device = " ".join(filter(None, (text_at(root, f"{hardware}/{field}") for field in ("vendor", "model"))))
    day, moment = (text_at(root, f"examdescript/startdatetime/{what}") for what in ("date", "time"))
    try:
        start = datetime.strptime(f"{day} {moment[:6]}", "%Y%m%d %H%M%S").isoformat()
    except ValueError:
        start = None
    return {"device": device or None, "start": None if day == _UNDATED else start}


def _filters(root: Element) -> tuple[str, ...]:
    """What was filtered out of the samples, rather than out of the printed page."""
    lines = []
    for stated in root.findall("eventdata/event/filters_data/filter"):
        name, value = _FILTERS.get(text_at(stated, "name")), number_at(stated, "value")
        if name and value:
            lines.append(f"{name} {value:g} Hz")
    return tuple(lines)


SCHILLER = Format(
    "schiller", "Schiller EDI XML", (".xml",), sniff, read, rebuild="ecgtool.deidentify.xml_tables:SCHILLER"
)
