"""DICOM waveforms, built anew: a data set of the attributes listed here, with identifiers derived from the key.

What de-identification asks for beyond the waveform: DICOM PS3.15, annex E. Its table leaves waveform annotations out;
here nothing is copied that is not listed, so neither they nor private attributes nor free text can come along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder
from ecgtool.deidentify.dicom_channels import definitions, number_text
from ecgtool.deidentify.dicom_encoding import Values, dicom_file, sequence, text, whole
from ecgtool.deidentify.words import date_of
from ecgtool.deidentify.writing import write_bytes
from ecgtool.formats.dicom_elements import DataSet, Elements
from ecgtool.formats.dicom_file import opened_elements
from ecgtool.formats.dicom_waveform import WAVEFORMS, Group, load_group
from ecgtool.formats.source import opened

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WAVEFORM_CLASS = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.9(?:\.\d{1,3}){2}")
_GENERAL_ECG = "1.2.840.10008.5.1.4.1.1.9.1.2"
_DATES = (0x00080020, 0x00080021, 0x00080022, 0x00080023)
_TIMES = (0x00080030, 0x00080031, 0x00080032, 0x00080033)
_MOMENT = 0x0008002A
_TIME = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d{1,6})?")
_MODALITY, _MODALITIES = 0x00080060, ("ECG", "HD", "EPS")
_GROUP_LABEL = re.compile(
    r"(?:RHYTHM|MEDIAN(?: BEAT)?|REPRESENTATIVE(?: BEAT)?|AVERAGE(?: BEAT)?|TEMPLATE)(?: ?\d{1,2})?", re.I
)
_ORIGINALITY, _LABEL, _RATE, _OFFSETS = 0x003A0004, 0x003A0020, 0x003A001A, (0x00181068, 0x00181069)
_METHOD = "ecgtool: rebuilt from a list of what may stay"
_NAMES = {
    0x00080050: "Accession Number", 0x00080070: "Manufacturer", 0x00080080: "Institution Name",
    0x00080081: "Institution Address", 0x00080090: "Referring Physician's Name", 0x00081010: "Station Name",
    0x00081030: "Study Description", 0x0008103E: "Series Description", 0x00081040: "Institutional Department Name",
    0x00081050: "Performing Physician's Name", 0x00081060: "Name of Physician(s) Reading Study",
    0x00081070: "Operators' Name", 0x00081090: "Manufacturer's Model Name", 0x00100010: "Patient's Name",
    0x00100020: "Patient ID", 0x00100030: "Patient's Birth Date", 0x00100040: "Patient's Sex",
    0x00101000: "Other Patient IDs", 0x00101001: "Other Patient Names", 0x00101010: "Patient's Age",
    0x00101020: "Patient's Size", 0x00101030: "Patient's Weight", 0x00101040: "Patient's Address",
    0x00102154: "Patient's Telephone Numbers", 0x00102160: "Ethnic Group", 0x00104000: "Patient Comments",
    0x00181000: "Device Serial Number", 0x00181020: "Software Versions", 0x00200010: "Study ID",
    0x00204000: "Image Comments", 0x00321030: "Reason for Study", 0x00321032: "Requesting Physician",
    0x00380010: "Admission ID", 0x00380300: "Current Patient Location", 0x00384000: "Visit Comments",
    0x00400555: "Acquisition Context Sequence", 0x00401002: "Reason for the Requested Procedure",
    0x0040A730: "Content Sequence", 0x0040B020: "Waveform Annotation Sequence",
}  # fmt: skip


def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write a data set of what is listed."""
    with opened(source) as original:
        elements, begin, coding = opened_elements(original)
        found, _ = elements.data_set(begin, elements.source.size, coding, until=WAVEFORMS + 1)
        made = _identity(elements, found, disguise) | _moments(elements, found, disguise, ledger)
        groups = [_group(elements, item, ledger) for item in elements.items(found, WAVEFORMS)]
        stated = elements.text(found, _SOP_CLASS)
    made[WAVEFORMS] = sequence(groups)
    _account(found, made, ledger)
    sop_class = stated if _WAVEFORM_CLASS.fullmatch(stated) else _GENERAL_ECG
    made[_SOP_CLASS] = text("UI", sop_class)
    ledger.person(disguise)
    instance = made[_SOP_INSTANCE][1].decode("ascii")
    return write_bytes(folder / f"{disguise.record}.dcm", dicom_file(sop_class, instance, made))


def _identity(elements: Elements, found: DataSet, disguise: Disguise) -> dict[int, tuple[str, bytes]]:
    """Who and what the object is: pseudonyms, identifiers from the key, and that it was de-identified."""
    modality = elements.text(found, _MODALITY)
    empty = {0x00080050: "SH", 0x00080090: "PN", 0x00100030: "DA", 0x00200010: "SH", 0x00400555: "SQ"}
    return {
        **{tag: (kind, b"") for tag, kind in empty.items()},
        _SOP_INSTANCE: text("UI", _uid(elements, found, _SOP_INSTANCE, disguise)),
        _STUDY: text("UI", _uid(elements, found, _STUDY, disguise)),
        _SERIES: text("UI", _uid(elements, found, _SERIES, disguise)),
        _MODALITY: text("CS", modality if modality in _MODALITIES else "ECG"),
        0x00100010: text("PN", disguise.patient),
        0x00100020: text("LO", disguise.patient),
        0x00100040: text("CS", disguise.sex or ""),
        **({} if disguise.age is None else {0x00101010: text("AS", f"{disguise.age:03d}Y")}),
        0x00120062: text("CS", "YES"),
        0x00120063: text("LO", _METHOD),
        0x00200011: text("IS", "1"),
        0x00200013: text("IS", "1"),
        0x00280303: text("CS", "MODIFIED"),
    }


def _uid(elements: Elements, found: DataSet, tag: int, disguise: Disguise) -> str:
    """The same identifier for the same one, so that what belongs together still does."""
    return disguise.key.uid(f"{tag:08X} {elements.text(found, tag) or disguise.record}")


def _moments(elements: Elements, found: DataSet, disguise: Disguise, ledger: Ledger) -> dict[int, tuple[str, bytes]]:
    """Dates moved, times of day as they are; time zones are left out."""
    made: dict[int, tuple[str, bytes]] = {}
    for tag in _DATES:
        day = date_of(elements.text(found, tag)[:8], "%Y%m%d")
        if day is not None:
            made[tag] = text("DA", f"{disguise.moved(day):%Y%m%d}")
    for tag in _TIMES:
        time = _TIME.match(elements.text(found, tag))
        if time:
            made[tag] = text("TM", time[0])
    moment = elements.text(found, _MOMENT)
    day, time = date_of(moment[:8], "%Y%m%d"), _TIME.match(moment[8:])
    if day is not None:
        made[_MOMENT] = text("DT", f"{disguise.moved(day):%Y%m%d}{time[0] if time else ''}")
    ledger.dates += sum(kind in ("DA", "DT") for kind, _ in made.values())
    return made


def _group(elements: Elements, item: DataSet, ledger: Ledger) -> Values:
    """One multiplex group: its numbers, its channels, and the bytes of as many samples as it states."""
    group = load_group(elements, item)
    label = group.label if _GROUP_LABEL.fullmatch(group.label) else ""
    ledger.remove("Multiplex Group Label", label != group.label)
    kept = {tag: text("DS", number) for tag in _OFFSETS if (number := number_text(elements, item, tag))}
    rest = group.data.end - group.data.begin - _size(group)
    ledger.remove("bytes after the samples", rest > 1)
    kind = "OB" if group.dtype.itemsize == 1 else "OW"
    padding = {} if group.padding is None else {0x5400100A: (kind, _bytes(np.array([group.padding], group.dtype)))}
    return {
        **kept,
        **padding,
        _ORIGINALITY: text("CS", "ORIGINAL" if group.original else "DERIVED"),
        0x003A0005: whole("US", len(group.channels)),
        0x003A0010: whole("UL", group.samples),
        _RATE: text("DS", number_text(elements, item, _RATE)),
        **({_LABEL: text("SH", label)} if label else {}),
        0x003A0200: sequence(definitions(elements, item, ledger)),
        0x54001004: whole("US", 8 * group.dtype.itemsize),
        0x54001006: text("CS", elements.text(item, 0x54001006)),
        0x54001010: (kind, _bytes(np.frombuffer(elements.source.read(group.data.begin, _size(group)), group.dtype))),
    }


def _size(group: Group) -> int:
    return group.samples * len(group.channels) * group.dtype.itemsize


def _bytes(counts: np.ndarray[tuple[int], np.dtype[np.integer]]) -> bytes:
    """Counts, the lowest byte first."""
    return counts.astype(counts.dtype.newbyteorder("<")).tobytes()


def _account(found: DataSet, made: Values, ledger: Ledger) -> None:
    """Account for attributes that are there and not as they were in the output."""
    same = {*_DATES, *_TIMES, _MOMENT, _MODALITY, _SOP_CLASS, WAVEFORMS}
    for tag in _gone(found, same & set(made)):
        private = tag >> 16 & 1
        ledger.remove("private attribute" if private else _NAMES.get(tag, "other DICOM attribute"))


def _gone(found: DataSet, same: set[int]) -> Iterator[int]:
    return (tag for tag, element in found.items() if tag not in same and element.end > element.begin)


REBUILDER = Rebuilder(rebuild)
