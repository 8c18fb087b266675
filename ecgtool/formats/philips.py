"""Philips Sierra ECG: the XML of PageWriter, HeartStart and TraceMaster (root element ``restingecgdata``).

Read are the document versions 1.03 and 1.04 and their revisions, with samples compressed (XLI), as base64 or as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.philips_leads import lead_names, pulse_length, stored_leads
from ecgtool.formats.reading import age_at, age_of, sex_of
from ecgtool.formats.xml_document import load_xml, number, number_at, root_name, text_at
from ecgtool.formats.xml_leads import Lead, Span, checked_rate, leads_record
from ecgtool.record import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TYPES = ("SierraECG", "PhilipsECG")
_VERSIONS = ("1.03", "1.04")
_UV_PER_MV = 1000.0
_FILTERS = (
    ("high-pass", ("hipass",), ("highpassfiltersetting",)),
    ("low-pass", ("lowpass",), ("lowpassfiltersetting",)),
    ("notch", ("notchfilterfreqs",), ("notchfiltersetting",)),
)


def sniff(path: Path, head: bytes) -> bool:
    """Whether the root element is restingecgdata."""
    return root_name(path, head) == "restingecgdata"


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a Sierra ECG recording, without the calibration pulse that the device puts at the end.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, of another document type or version, or holds no waveform.
        ConfigError: The range begins after the end of the recording.
    """
    root = load_xml(path).root
    _check_version(path, root)
    wave = root.find("waveforms/parsedwaveforms")
    if wave is None:
        raise FormatError(f"{path} holds no waveform.", "It may be a report without its recording; export it again.")
    signal = root.find("dataacquisition/signalcharacteristics")
    acquired = {} if signal is None else {child.tag: text_at(child, ".") for child in signal}
    fs = checked_rate(path, number(wave.get("samplespersecond") or acquired.get("samplingrate")), "samplingrate")
    step_uv = number(wave.get("resolution") or acquired.get("resolution") or acquired.get("signalresolution"))
    stored = stored_leads(path, wave, lead_names(path, root, wave, acquired), fs)
    pulse = pulse_length(stored, fs, _UV_PER_MV / step_uv) if step_uv else 0
    zero = number(wave.get("signaloffset") or acquired.get("signaloffset")) or 0.0
    per_mv, unit, step = (_UV_PER_MV, "uV", step_uv) if step_uv else (None, "", 1.0)
    leads = [
        Lead(name, values[: len(values) - pulse], step, per_mv, -zero * step, unit) for name, values in stored.items()
    ]
    left_out = {"calibration pulse": f"{pulse / fs:g} s at the end"} if pulse else None
    meta = {**_person(root), **_acquisition(root), "filters": _filters(root, wave) or None, "left_out": left_out}
    patient = text_at(root, "patient/generalpatientdata/patientid")
    return leads_record(path, leads, fs, Span(start_s, seconds), meta, patient)


def _check_version(path: Path, root: Element) -> None:
    kind, version = (text_at(root, f"documentinfo/document{what}") for what in ("type", "version"))
    if kind not in _TYPES or not version.startswith(_VERSIONS):
        raise FormatError(
            f"{path} is a document of type '{kind[:40]}' version '{version[:20]}', not Sierra ECG 1.03 or 1.04.",
            "Export it again as Sierra ECG 1.04.",
        )


def _person(root: Element) -> dict[str, Any]:
    years, birth = (text_at(root, f"patient/generalpatientdata/age/{what}") for what in ("years", "dateofbirth"))
    acquired = root.find("dataacquisition")
    age = age_of(years) if years or acquired is None else age_at(birth, acquired.get("date", ""))
    return {"age": age, "sex": sex_of(text_at(root, "patient/generalpatientdata/sex"))}


def _acquisition(root: Element) -> dict[str, Any]:
    """The device, and when the recording was made."""
    acquired = root.find("dataacquisition")
    if acquired is None:
        return {}
    day, moment = acquired.get("date", ""), acquired.get("time", "")
    return {"device": text_at(acquired, "machine") or None, "start": f"{day}T{moment}" if day and moment else None}


def _filters(root: Element, wave: Element) -> tuple[str, ...]:
    """What is in the samples; the settings of the printed page where the samples say nothing."""
    page = root.find("reportinfo/reportbandwidth")
    lines = []
    for name, attributes, tags in _FILTERS:
        stated = [number(wave.get(key)) for key in attributes]
        if stated == [None] and page is not None:
            stated = [number_at(page, tag) for tag in tags]
        lines += [f"{name} {value:g} Hz" for value in stated if value]
    return tuple(lines)


PHILIPS = Format(
    "philips", "Philips Sierra ECG XML", (".xml",), sniff, read, rebuild="ecgtool.deidentify.xml_tables:PHILIPS"
)
