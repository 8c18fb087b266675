"""Write a Record as the XML that GE MUSE exports of a resting ECG (root element ``RestingECG``).

As in files of the recorder, the samples are 16-bit counts of ``LeadAmplitudeUnitsPerBit`` microvolt in base64, the four
limb leads that follow from I and II are not stored, and a median beat may stand before the rhythm.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.files import write_file
from ecgtool.formats.reading import sex_of
from ecgtool.formats.xml_leads import MOST_SAMPLES, derive_limb_leads
from ecgtool.record import LIMB_WEIGHTS, Record

DEVICE_STEP_UV = 4.88
"""Microvolt per count of the recorders themselves."""
_STEPS_UV = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_HIGHEST = 2**15 - 1
_MOST_DECIMALS = 9  # of a rate
_LONGEST_NAME = 64  # of a lead
_SEX = {"M": "MALE", "F": "FEMALE"}

Fields = Mapping[str, Any]
"""Elements by name: text, a number, a further mapping, or a list of one of these for an element that is repeated."""


@dataclass(frozen=True)
class MuseDetails:
    """What a MUSE file says beside the recording.

    Args:
        blocks: Further elements of the root by name; what names a block that the record fills (``PatientDemographics``,
            ``TestDemographics``) joins it.
        median: A median beat in mV, float32 [leads, samples] with the leads and the rate of the record; None for none.
        step_uv: Microvolt per count; the finest whose range holds the recording where None.
    """

    blocks: Fields = field(default_factory=dict)
    median: npt.NDArray[np.float32] | None = None
    step_uv: float | None = None


_PLAIN = MuseDetails()


def write_muse(record: Record, path: Path, details: MuseDetails = _PLAIN) -> Path:
    """Write a record as MUSE XML.

    One count is 1 µV where the leads stay within ±32.7 mV, 2 µV within ±65.5 mV, and so on, so that what is read back
    is the signal to half a count. III, aVR, aVL and aVF are left out where they follow from I and II, from which every
    reader derives them. Patient, age, sex, start and device are written.

    Args:
        record: What to write.
        path: Where to.
        details: What else to write.

    Returns:
        The path.

    Raises:
        DataError: What such a file cannot hold: NaN, amplitudes beyond the coarsest count, a lead name or text with
            characters that XML has not, a rate of more than nine decimals.
        EcgError: The file cannot be written.
    """
    text = "".join(_document(record, details))
    return write_file(path, lambda file: file.write(text.encode("iso-8859-1", "xmlcharrefreplace")))


def _document(record: Record, details: MuseDetails) -> Iterator[str]:
    kept = _stored_leads(record)
    step = _step(record, kept, details)
    yield '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>\n'
    own = {"PatientDemographics": _person(record), "TestDemographics": _test(record)}
    further = {name: value for name, value in details.blocks.items() if name not in own}
    yield from _elements({name: {**fields, **details.blocks.get(name, {})} for name, fields in own.items()}, 1)
    yield from _elements(further, 1)
    if details.median is not None:
        yield from _elements({"Waveform": _waveform("Median", details.median[kept], record, kept, step)}, 1)
    yield from _elements({"Waveform": _waveform("Rhythm", record.signal[kept], record, kept, step)}, 1)
    yield "</RestingECG>\n"


def _stored_leads(record: Record) -> list[int]:
    """Rows of the leads that are stored: not those that follow from I and II to half a microvolt.

    Raises:
        DataError: There is nothing to store, too much of it, or a name that cannot be.
    """
    samples = record.signal.shape[1]
    if samples == 0 or not np.isfinite(record.signal).all():
        raise DataError(f"Record '{record.id}' is empty or has gaps (NaN), which MUSE XML cannot hold.", "Write WFDB.")
    if record.signal.size > MOST_SAMPLES:
        raise DataError(f"Record '{record.id}' is too long for MUSE XML: {samples:,} samples.", "Write EDF or WFDB.")
    for lead in record.leads:
        if not lead.strip() or len(lead) > _LONGEST_NAME or not lead.isprintable():
            raise DataError(f"The lead name {lead[:40]!r} cannot stand in MUSE XML.", "Give the lead another name.")
    if not {"I", "II"} <= set(record.leads):
        return list(range(len(record.leads)))
    rows = {lead: record.select([lead]).signal[0].astype(np.float64) for lead in ("I", "II")}
    derive_limb_leads(rows)
    return [
        row
        for row, lead in enumerate(record.leads)
        if lead not in LIMB_WEIGHTS or lead in ("I", "II") or np.abs(record.signal[row] - rows[lead]).max() > 0.0005
    ]


def _step(record: Record, kept: Sequence[int], details: MuseDetails) -> float:
    """The value of a count: in microvolt, or in the unknown unit of what is not calibrated.

    Raises:
        DataError: No count is coarse enough.
    """
    shown = [record.signal[kept]] + ([] if details.median is None else [details.median[kept]])
    largest = max(float(np.abs(part).max(initial=0)) for part in shown)
    if not record.calibrated:
        return float(f"1e{np.ceil(np.log10(largest / _HIGHEST)):.0f}") if largest else 1.0
    steps = _STEPS_UV if details.step_uv is None else (details.step_uv,)
    found = next((step for step in steps if 1000 * largest / step <= _HIGHEST), None)
    if found is None:
        raise DataError(f"Record '{record.id}' reaches {largest:g} mV, which MUSE XML cannot hold.", "Write WFDB.")
    return found


def _person(record: Record) -> Fields:
    age, sex = record.meta.get("age"), sex_of(str(record.meta.get("sex", "")))
    known = {"PatientID": record.patient or None}
    known |= {} if age is None else {"PatientAge": f"{age:g}", "AgeUnits": "YEARS"}
    return known | ({"Gender": _SEX[sex]} if sex else {})


def _test(record: Record) -> Fields:
    """The device, and when the recording was made."""
    device = record.meta.get("device")
    known = {"DataType": "RESTING", "AcquisitionDevice": device or None}
    try:
        start = datetime.fromisoformat(str(record.meta.get("start", "")))
    except ValueError:
        return known
    return known | {"AcquisitionTime": f"{start:%H:%M:%S}", "AcquisitionDate": f"{start:%m-%d-%Y}"}


def _waveform(
    kind: str, signal: npt.NDArray[np.float32], record: Record, kept: Sequence[int], step: float
) -> dict[str, Any]:
    base, exponent = _rate(record)
    counts = np.rint(signal.astype(np.float64) * ((1000 if record.calibrated else 1) / step)).astype("<i2")
    unit = "MICROVOLTS" if record.calibrated else ""
    return {
        "WaveformType": kind,
        "WaveformStartTime": 0,
        "NumberofLeads": len(kept),
        "SampleType": "CONTINUOUS_SAMPLES",
        "SampleBase": base,
        "SampleExponent": exponent,
        "LeadData": [_lead(record.leads[row], unit, step, lead) for row, lead in zip(kept, counts, strict=True)],
    }


def _lead(name: str, unit: str, step: float, counts: npt.NDArray[np.int16]) -> dict[str, Any]:
    data = counts.tobytes()
    return {
        "LeadByteCountTotal": len(data),
        "LeadTimeOffset": 0,
        "LeadSampleCountTotal": len(counts),
        "LeadAmplitudeUnitsPerBit": f"{step:g}",
        "LeadAmplitudeUnits": unit,
        "LeadHighLimit": _HIGHEST,
        "LeadLowLimit": -_HIGHEST - 1,
        "LeadID": name,
        "LeadOffsetFirstSample": 0,
        "FirstSampleBaseline": 0,
        "LeadSampleSize": 2,
        "LeadOff": "FALSE",
        "BaselineSway": "FALSE",
        "LeadDataCRC32": zlib.crc32(data),
        "WaveFormData": f"\n{base64.encodebytes(data).decode()}",
    }


def _rate(record: Record) -> tuple[int, int]:
    """The rate in Hz as a whole number and a power of ten.

    Raises:
        DataError: It has too many decimals.
    """
    exact = Decimal(repr(record.fs))
    exponent = min(int(exact.normalize().as_tuple().exponent), 0)
    if exponent < -_MOST_DECIMALS:
        raise DataError(f"MUSE XML cannot hold the rate {record.fs!r} Hz.", "Write WFDB, or resample it.")
    return int(exact.scaleb(-exponent)), exponent


def _elements(fields: Fields, depth: int) -> Iterator[str]:
    """Elements of a mapping, indented; nothing for what is None.

    Raises:
        DataError: A text has a character that XML has not.
    """
    space = "   " * depth
    for name, given in fields.items():
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, Mapping):
                yield f"{space}<{name}>\n"
                yield from _elements(value, depth + 1)
                yield f"{space}</{name}>\n"
            elif value is not None:
                yield f"{space}<{name}>{escape(_spoken(name, str(value)))}</{name}>\n"


def _spoken(name: str, text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise DataError(f"{name} {text[:40]!r} cannot stand in MUSE XML.", "Leave out what is no text.")
    return text
