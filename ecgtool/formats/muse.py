"""GE MUSE: the XML that MUSE exports of a resting ECG (root element ``RestingECG``).

Eight leads are stored; III, aVR, aVL and aVF follow from I and II. Beside the rhythm (the recording) a file holds a
median beat, which is read only where there is no rhythm.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.muse_write import write_muse
from ecgtool.formats.reading import age_of, sex_of, units_per_mv
from ecgtool.formats.xml_document import load_xml, number_at, root_name, text_at
from ecgtool.formats.xml_leads import Lead, Span, checked_rate, decoded_base64, int16_samples, leads_record
from ecgtool.record import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_EXPONENT = 9
_PER_YEAR = {"YEARS": 1.0, "MONTHS": 12.0, "WEEKS": 52.18, "DAYS": 365.25, "HOURS": 8766.0}
_MOMENTS = ("%m-%d-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M:%S")


def sniff(path: Path, head: bytes) -> bool:
    """Whether the root element is RestingECG."""
    return root_name(path, head) == "restingecg"


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a MUSE recording, in twelve leads where I and II are there.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, or holds no waveform.
        ConfigError: The range begins after the end of the recording.
    """
    root = load_xml(path).root
    wave, others = _best_waveform(path, root)
    warnings: list[str] = []
    if others:
        warnings.append(f"The file holds {others} further rhythm{'s' if others > 1 else ''}; the longest is read.")
    if _is_median(wave):
        warnings.append("The file holds a median beat only, not the recording that it was made from.")
    leads = [_lead(path, element, warnings) for element in wave.findall("LeadData")]
    promised = number_at(wave, "NumberofLeads")
    if promised is not None and promised != len(leads):
        warnings.append(f"The file promises {promised:g} leads and holds {len(leads)}.")
    meta = {**_person(root), **_test(root), "filters": _filters(wave) or None, "warnings": tuple(warnings) or None}
    patient = text_at(root, "PatientDemographics/PatientID")
    return leads_record(path, leads, _rate(path, wave), Span(start_s, seconds), meta, patient)


def _best_waveform(path: Path, root: Element) -> tuple[Element, int]:
    """The rhythm with the most samples, the median beat where there is none, and how many further rhythms there are."""
    waves = [wave for wave in root.iter("Waveform") if wave.find("LeadData") is not None]
    if not waves:
        raise FormatError(f"{path} holds no waveform.", "It may be a report without its recording; export it again.")
    best = max(waves, key=lambda wave: (not _is_median(wave), _size(wave)))
    return best, sum(not _is_median(wave) for wave in waves if wave is not best)


def _is_median(wave: Element) -> bool:
    return text_at(wave, "WaveformType").lower() == "median"


def _size(wave: Element) -> int:
    return sum(len(text_at(lead, "WaveFormData")) for lead in wave.findall("LeadData"))


def _rate(path: Path, wave: Element) -> float:
    """``SampleBase * 10 ** SampleExponent`` in Hz."""
    base, exponent = number_at(wave, "SampleBase"), number_at(wave, "SampleExponent") or 0.0
    stated = None if base is None or abs(exponent) > _MOST_EXPONENT else base * 10.0**exponent
    return checked_rate(path, stated, "SampleBase, SampleExponent")


def _lead(path: Path, element: Element, warnings: list[str]) -> Lead:
    name = text_at(element, "LeadID")
    label = f"lead {name[:40]}"
    size = number_at(element, "LeadSampleSize")
    if size not in (None, 2.0):
        raise FormatError(f"{path}: {label} has samples of {size:g} bytes; only 2 are known.", "Export it as DICOM.")
    data = decoded_base64(path, text_at(element, "WaveFormData"), label)
    warnings.extend(_broken_promises(path, element, data, label))
    scale = number_at(element, "LeadAmplitudeUnitsPerBit")
    unit = text_at(element, "LeadAmplitudeUnits")
    per_mv = units_per_mv(unit) if scale else None
    return Lead(name, int16_samples(path, data, label), scale or 1.0, per_mv, unit=unit if scale else "")


def _broken_promises(path: Path, element: Element, data: bytes, label: str) -> Iterator[str]:
    """What a lead says of itself and does not hold.

    Raises:
        FormatError: There are fewer samples than it says.
    """
    samples, stored = number_at(element, "LeadSampleCountTotal"), len(data) // 2
    begin = label[0].upper() + label[1:]
    if samples is not None and stored < samples:
        raise FormatError(
            f"{path}: {label} has {stored:,} samples, not the {samples:,.0f} it promises: it was cut.",
            "Copy or export it again.",
        )
    if samples is not None and stored > samples:
        yield f"{begin} has {stored:,} samples, {stored - samples:,.0f} more than it promises."
    if number_at(element, "LeadByteCountTotal") not in (None, float(len(data))):
        yield f"{begin} has {len(data):,} bytes, not as many as it promises."
    checksum = number_at(element, "LeadDataCRC32")
    if checksum and checksum != zlib.crc32(data):
        yield f"The checksum of {label} is not the one that the file states."
    if number_at(element, "LeadTimeOffset") or number_at(element, "LeadOffsetFirstSample"):
        yield f"{begin} does not begin with the others; it is read as if it did."
    if text_at(element, "LeadOff").upper() == "TRUE":
        yield f"The electrode of {label} was off."


def _filters(wave: Element) -> tuple[str, ...]:
    """What the device filtered; the high-pass is stored in hundredths of a hertz."""
    told = (("high-pass", "HighPassFilter", 0.01), ("low-pass", "LowPassFilter", 1.0), ("notch", "ACFilter", 1.0))
    values = [(name, number_at(wave, tag), unit) for name, tag, unit in told]
    return tuple(f"{name} {value * unit:g} Hz" for name, value, unit in values if value)


def _person(root: Element) -> dict[str, Any]:
    age = age_of(text_at(root, "PatientDemographics/PatientAge"))
    units = text_at(root, "PatientDemographics/AgeUnits").upper() or "YEARS"
    per_year = _PER_YEAR.get(units)
    return {
        "age": None if age is None or per_year is None else age / per_year,
        "sex": sex_of(text_at(root, "PatientDemographics/Gender")),
    }


def _test(root: Element) -> dict[str, Any]:
    """The device, and when the recording was made."""
    date, time = (text_at(root, f"TestDemographics/Acquisition{what}") for what in ("Date", "Time"))
    for form in _MOMENTS:
        try:
            start = datetime.strptime(f"{date} {time}", form).isoformat()
            break
        except ValueError:
            continue
    else:
        start = None
    return {"device": text_at(root, "TestDemographics/AcquisitionDevice") or None, "start": start}


MUSE = Format("muse", "GE MUSE XML", (".xml",), sniff, read, write_muse, rebuild="ecgtool.deidentify.xml_tables:MUSE")
