"""What of each XML format may stay: the waveform, how it is to be read, when it was recorded, and a pseudonym."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgtool.deidentify.contract import Refused
from ecgtool.deidentify.philips import samples
from ecgtool.deidentify.xml_tree import (
    Rule,
    Table,
    age,
    clock,
    if_age,
    lead,
    leads,
    moved,
    moved_moment,
    number,
    numbers,
    packed,
    patient,
    pattern,
    rebuilder,
    sex,
    unpacked,
    words,
)
from ecgtool.formats.xml_document import number_at, text_at

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MUSE_LEAD = "Waveform/LeadData"
_MUSE: dict[str, Rule] = {
    "PatientDemographics/PatientID": patient,
    "PatientDemographics/PatientAge": age,
    "PatientDemographics/AgeUnits": if_age("YEARS"),
    "PatientDemographics/Gender": sex("MALE", "FEMALE"),
    "TestDemographics/AcquisitionDate": moved("%m-%d-%Y", "%Y-%m-%d", "%m/%d/%Y"),
    "TestDemographics/AcquisitionTime": clock,
    "Waveform/WaveformType": words("Rhythm", "Median"),
    **{
        f"Waveform/{name}": number
        for name in ("WaveformStartTime", "NumberofLeads", "SampleBase", "SampleExponent", "HighPassFilter",
                     "LowPassFilter", "ACFilter")
    },
    **{
        f"{_MUSE_LEAD}/{name}": number
        for name in ("LeadByteCountTotal", "LeadTimeOffset", "LeadSampleCountTotal", "LeadAmplitudeUnitsPerBit",
                     "LeadHighLimit", "LeadLowLimit", "LeadOffsetFirstSample", "FirstSampleBaseline", "LeadSampleSize",
                     "LeadDataCRC32")
    },
    f"{_MUSE_LEAD}/LeadAmplitudeUnits": words("MICROVOLTS", "MILLIVOLTS", "VOLTS", "uV", "mV", "V"),
    f"{_MUSE_LEAD}/LeadID": lead,
    f"{_MUSE_LEAD}/LeadOff": words("TRUE", "FALSE"),
    f"{_MUSE_LEAD}/WaveFormData": packed,
}  # fmt: skip


def _refuse_longer(root: Element) -> None:
    """Raise where a lead of MUSE's, of the rhythm or the median beat, holds more than its samples.

    Raises:
        Refused: One does.
    """
    for held in root.iterfind(_MUSE_LEAD):
        count, data = number_at(held, "LeadSampleCountTotal"), unpacked(text_at(held, "WaveFormData"))
        if count is not None and data is not None and len(data) > 2 * count:
            raise Refused(
                "A lead has more samples than it promises: text may lie among them.",
                "Get it again from where it was exported.",
            )


_ACQUIRED = "dataacquisition/signalcharacteristics"
_PARSED = "waveforms/parsedwaveforms"
_PHILIPS: dict[str, Rule] = {
    "documentinfo/documenttype": words("SierraECG", "PhilipsECG"),
    "documentinfo/documentversion": pattern(r"\d{1,2}(?:\.\d{1,2}){1,3}"),
    "patient/generalpatientdata/patientid": patient,
    "patient/generalpatientdata/age/years": age,
    "patient/generalpatientdata/sex": sex("Male", "Female"),
    "dataacquisition@date": moved("%Y-%m-%d"),
    "dataacquisition@time": clock,
    **{
        f"{_ACQUIRED}/{name}": number
        for name in ("samplingrate", "resolution", "signalresolution", "bitspersample", "signaloffset",
                     "numberchannelsvalid", "numberchannelsallocated", "hipass", "lowpass", "notchfilterfreqs")
    },
    f"{_ACQUIRED}/signalsigned": words("True", "False"),
    **{f"{_ACQUIRED}/{name}": pattern(r"STD-\d{1,2}") for name in ("acquisitiontype", "leadset")},
    "reportinfo/reportformat/waveformformat/mainwaveformformat": leads,
    **{
        f"reportinfo/reportbandwidth/{name}filtersetting": number for name in ("highpass", "lowpass", "notch")
    },
    **{
        f"{_PARSED}@{name}": number
        for name in ("samplespersecond", "resolution", "durationperchannel", "nbitspersample", "bitspersample",
                     "numberofleads", "hipass", "lowpass", "notchfilterfreqs")
    },
    f"{_PARSED}@compressflag": words("True", "False"),
    **{f"{_PARSED}@{name}": words("XLI", "None", "Uncompressed") for name in ("compression", "compressmethod")},
    f"{_PARSED}@dataencoding": words("Base64", "Plain"),
    f"{_PARSED}@leadlabels": leads,
    _PARSED: samples,
}  # fmt: skip

_SERIES = ("component/series", "component/series/derivation/derivedSeries")
_FILTER = words(*(
    f"MDC_ECG_CTL_VBL_ATTR_FILTER_{name}"
    for name in ("LOW_PASS", "HIGH_PASS", "NOTCH", "CUTOFF_FREQ", "NOTCH_FREQ", "NOTCH_BANDWIDTH")
))  # fmt: skip
_UNITS = words("uV", "mV", "V", "nV", "s", "ms", "us", "Hz")
_TYPES = words("PQ", "TS", "GLIST_TS", "GLIST_PQ", "SLIST_PQ", "SLIST_INT", "SLIST_REAL")
_TIMES = words("TIME_ABSOLUTE", "TIME_RELATIVE")


def _aecg() -> dict[str, Rule]:
    person = "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject"
    reported = "controlVariable/relatedObservation"
    rules: dict[str, Rule] = {
        "effectiveTime/center@value": moved_moment,
        f"{person}/id@extension": patient,
        f"{person}/subjectDemographicPerson/administrativeGenderCode@code": sex("M", "F"),
        f"{reported}/code@code": if_age("21612-7"),
        f"{reported}/value@value": age,
        f"{reported}/value@unit": if_age("a"),
    }
    for series in _SERIES:
        sequence = f"{series}/component/sequenceSet/component/sequence"
        control = f"{series}/controlVariable/controlVariable"
        rules |= {
            f"{series}/code@code": words("RHYTHM", "REPRESENTATIVE_BEAT"),
            **{f"{series}/effectiveTime/{end}@value": moved_moment for end in ("low", "high")},
            f"{control}/code@code": _FILTER,
            f"{control}/component/controlVariable/code@code": _FILTER,
            f"{control}/component/controlVariable/value@value": number,
            f"{control}/component/controlVariable/value@unit": _UNITS,
            f"{sequence}/code@code": lambda text, work: _TIMES(text, work) or lead(text, work),
            f"{sequence}/value@xsi:type": _TYPES,
            f"{sequence}/value/head@value": lambda text, work: moved_moment(text, work) or number(text, work),
            f"{sequence}/value/digits": numbers,
        }
        for name in ("head", "increment", "origin", "scale"):
            rules[f"{sequence}/value/{name}@unit"] = _UNITS
        for name in ("increment", "origin", "scale"):
            rules[f"{sequence}/value/{name}@value"] = number
    return rules


_UNDATED = "19700101"
_WAVE = "eventdata/event/wavedata"
_SCHILLER: dict[str, Rule] = {
    "patdata/id": patient,
    "patdata/gender": sex("MALE", "FEMALE"),
    "examdescript/startdatetime/date": lambda text, work: None if text == _UNDATED else moved("%Y%m%d")(text, work),
    "examdescript/startdatetime/time": pattern(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\d{0,3}"),
    f"{_WAVE}/type": words("ECG_RHYTHMS", "ECG_AVERAGES"),
    f"{_WAVE}/resolution/samplerate/value": number,
    f"{_WAVE}/resolution/samplerate/exponent": number,
    f"{_WAVE}/resolution/yres/unitperbit": number,
    f"{_WAVE}/resolution/yres/units": words("UV", "MV", "NV", "V", "uV", "mV", "nV"),
    f"{_WAVE}/channel/name": lead,
    f"{_WAVE}/channel/data": numbers,
    f"{_WAVE}/channel/datastype": words("COMMASEPARATE"),
    f"{_WAVE}/channel/samplecount": number,
    "eventdata/event/filters_data/filter/name": words("HIGHPASS_CUTOFF_FREQ", "LOWPASS_CUTOFF_FREQ", "MAINS"),
    "eventdata/event/filters_data/filter/value": number,
}

MUSE = rebuilder(Table("RestingECG", _MUSE, refuse=_refuse_longer))
PHILIPS = rebuilder(Table("restingecgdata", _PHILIPS))
AECG = rebuilder(Table("AnnotatedECG", _aecg()))
SCHILLER = rebuilder(Table("", _SCHILLER, r"(?:com\.xiriuz\.sema\.xml\.schillerEDI\.)?SchillerEDI"))
