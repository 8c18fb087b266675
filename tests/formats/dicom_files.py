"""DICOM waveforms made with pydicom, and what takes them apart at their tags."""

import re
import warnings

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    TwelveLeadECGWaveformStorage,
    generate_uid,
)
from recorded import ecg_like

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
NUMBERS = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64} | {f"V{n}": n + 2 for n in range(1, 7)}
TYPES = {"SB": "i1", "UB": "u1", "SS": "<i2", "US": "<u2", "SL": "<i4"}


def code(value, scheme, meaning):
    """A code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def channel(lead, *, unit="uV", sensitivity="2.5", correction="1", baseline="0", source=True, **fields):
    """A channel's definition; ``fields`` are further attributes by keyword."""
    item = Dataset()
    if source:
        item.ChannelSourceSequence = code(f"5.6.3-9-{NUMBERS.get(lead, 0)}", "SCPECG", f"Lead {lead}")
    if unit:
        item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor = sensitivity, correction
        item.ChannelSensitivityUnitsSequence = code(unit, "UCUM", unit)
        item.ChannelBaseline = baseline
    item.ChannelSampleSkew = "0"
    item.WaveformBitsStored = 16
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    return item


def group(counts, channels, fs=500, *, kind="SS", label="RHYTHM", originality="ORIGINAL", big=False, **fields):
    """A multiplex group of counts [channels, samples]."""
    item = Dataset()
    item.MultiplexGroupLabel, item.WaveformOriginality = label, originality
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = counts.shape
    item.SamplingFrequency = str(fs)
    item.ChannelDefinitionSequence = channels
    data = np.ascontiguousarray(counts.T).astype(TYPES[kind])
    item.WaveformBitsAllocated = 8 * data.itemsize
    item.WaveformSampleInterpretation = kind
    item.WaveformData = (data.byteswap() if big else data).tobytes()
    item["WaveformData"].VR = "OB" if data.itemsize == 1 else "OW"
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    return item


def make_dicom(path, groups, syntax="explicit", *, preamble=True, undefined=True, **fields):
    """Write groups as a 12-lead ECG; ``fields`` are further attributes of the file by keyword."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    meta.TransferSyntaxUID = SYNTAXES[syntax]
    data = FileDataset(
        str(path),
        {},
        file_meta=meta,
        preamble=b"\0" * 128 if preamble else None,
        is_implicit_VR=syntax == "implicit",
        is_little_endian=syntax != "big",
    )
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientName, data.PatientID = "ECG", "Doe^Jane", "P17"
    data.PatientBirthDate, data.PatientSex, data.PatientAge = "19500102", "F", "063Y"
    data.AcquisitionDateTime = "20130405060708"
    data.Manufacturer, data.ManufacturerModelName = "ACME", "Five"
    data.WaveformSequence = groups
    for keyword, value in fields.items():
        setattr(data, keyword, value)
    if undefined:
        data["WaveformSequence"].is_undefined_length = True
        for item in groups:
            item.is_undefined_length_sequence_item = True
            item["ChannelDefinitionSequence"].is_undefined_length = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(path, enforce_file_format=preamble)
    return path


def counts_of(record, step_mv=0.0025):
    """Counts [leads, samples] of a record, so many millivolts each."""
    return np.rint(record.signal / step_mv).astype(int)


def write_samples(folder):
    """A rhythm and a median beat in each transfer syntax; 8 bits without a preamble; a pressure beside the leads."""
    record = ecg_like(2.0, 100.0)
    counts = counts_of(record)
    paths = []
    for syntax in SYNTAXES:
        channels = [channel(lead, FilterLowFrequency="0.05") for lead in record.leads]
        beats = [channel(lead) for lead in record.leads]
        big = syntax == "big"
        rhythm = group(counts, channels, 100, big=big)
        beat = group(counts[:, :60], beats, 100, label="MEDIAN BEAT", originality="DERIVED", big=big)
        paths.append(make_dicom(folder / f"{syntax}.dcm", [beat, rhythm], syntax, undefined=syntax != "implicit"))
    small = group(counts[:2] // 16, [channel(lead, sensitivity="40") for lead in ("I", "II")], 100, kind="SB")
    paths.append(make_dicom(folder / "small.dcm", [small], "implicit", preamble=False))
    mixed = [channel("V1", unit="mV", sensitivity="0.0025"), channel("ART", unit="mm[Hg]", source=False)]
    paths.append(make_dicom(folder / "mixed.dcm", [group(counts[:2], mixed, 100)]))
    return paths


_TAGS = re.compile(rb"(?:\x3a\x00|\x00\x54|\xfe\xff|\x08\x00|\x10\x00|\x02\x00)[\x00-\xff]{2}", re.DOTALL)
VALUES = (0, 1, 2, 3, 7, 8, 12, 13, 16, 32, 255, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
WORDS = (b"nan ", b"inf ", b"-1  ", b"0   ", b"1e99", b"1e-9", b"SS", b"UB", b"SL", b"MB", b"uV", b"mV", b"V ", b"999Y")


def mutate(data, rng):
    """The file with the length or the value after one of its tags replaced, or the tag itself."""
    seams = [found.start() for found in _TAGS.finditer(data)] or [0]
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at, kind = seams[rng.integers(len(seams))], rng.integers(6)
        if kind == 0:
            data[at + 4 : at + 8] = int(VALUES[rng.integers(len(VALUES))]).to_bytes(4, "little")
        elif kind == 1:
            data[at + 6 : at + 8] = int(VALUES[rng.integers(len(VALUES))] & 0xFFFF).to_bytes(2, "little")
        elif kind == 2:
            data[at + 8 : at + 12] = int(VALUES[rng.integers(len(VALUES))]).to_bytes(4, "little")
        elif kind == 3:
            word = WORDS[rng.integers(len(WORDS))]
            data[at + 8 : at + 8 + len(word)] = word
        elif kind == 4:
            data[at : at + 4] = data[seams[rng.integers(len(seams))] :][:4]
        else:
            data[at + 4 : at + 6] = (b"SQ", b"UN", b"OB", b"  ", b"\0\0")[rng.integers(5)]
    return bytes(data)
