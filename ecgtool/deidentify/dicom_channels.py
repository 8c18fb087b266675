"""The channels of a DICOM waveform, built anew: codes and names of leads, units, and numbers."""

from __future__ import annotations

import re

from ecgtool.deidentify.contract import Ledger
from ecgtool.deidentify.dicom_encoding import Values, sequence, text, whole
from ecgtool.deidentify.words import known_signal, known_unit
from ecgtool.formats.dicom_elements import DataSet, Elements
from ecgtool.formats.lead_codes import lead_of_code

_CODE, _SCHEME, _SCHEME_VERSION, _MEANING = 0x00080100, 0x00080102, 0x00080103, 0x00080104
_DEFINITIONS, _LABEL, _STATUS = 0x003A0200, 0x003A0203, 0x003A0205
_SOURCE, _DERIVATION, _UNITS, _BITS = 0x003A0208, 0x003A020C, 0x003A0211, 0x003A021A
# Sensitivity, its correction factor, baseline, time and sample skew, offset, filters; DS all of them.
_NUMBERS = (0x003A0210, 0x003A0212, 0x003A0213, 0x003A0214, 0x003A0215, 0x003A0218,
            0x003A0220, 0x003A0221, 0x003A0222, 0x003A0223)  # fmt: skip
_STATES = ("OK", "TEST DATA", "DISCONNECTED", "QUESTIONABLE", "INVALID", "UNCALIBRATED", "UNZEROED")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LEAD_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,4})", re.ASCII)
_SCHEMES = ("SCPECG", "MDC", "UCUM", "DCM", "99SDM")
_VERSION = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,2}", re.ASCII)
_NO_NAME = "unknown"


def definitions(elements: Elements, item: DataSet, ledger: Ledger) -> list[Values]:
    """The definition of every channel of a multiplex group."""
    channels = enumerate(elements.items(item, _DEFINITIONS), start=1)
    return [_definition(elements, channel, number, ledger) for number, channel in channels]


def number_text(elements: Elements, data_set: DataSet, tag: int) -> str:
    """A decimal string that is a number; empty where it is none."""
    number = elements.text(data_set, tag)
    return number if len(number) <= 16 and _NUMBER.fullmatch(number) else ""


def _definition(elements: Elements, channel: DataSet, number: int, ledger: Ledger) -> Values:
    numbers = {tag: text("DS", value) for tag in _NUMBERS if (value := number_text(elements, channel, tag))}
    made: dict[int, tuple[str, bytes]] = {
        0x003A0202: text("IS", str(number)),
        **numbers,
        _SOURCE: sequence([_source(elements, channel, number, ledger)]),
    }
    label = elements.text(channel, _LABEL)
    if label:
        made[_LABEL] = text("SH", _name(label, number, ledger))
    status = elements.text(channel, _STATUS)
    if status in _STATES:
        made[_STATUS] = text("CS", status)
    units = elements.items(channel, _UNITS)
    if units:
        made[_UNITS] = sequence([_unit(elements, units[0], ledger)])
    bits = elements.whole(channel, _BITS)
    if bits is not None and bits <= 64:
        made[_BITS] = whole("US", bits)
    if _DERIVATION in channel:  # that a channel was derived is told by the field being there
        made[_DERIVATION] = text("LO", "derived")
        ledger.remove("Channel Derivation Description")
    return made


def _source(elements: Elements, channel: DataSet, number: int, ledger: Ledger) -> Values:
    """The code of what a channel recorded, with a meaning of our own words."""
    sources = elements.items(channel, _SOURCE)
    stated = elements.text(sources[0], _CODE) if sources else ""
    found = _LEAD_CODE.fullmatch(stated)
    lead = lead_of_code(int(found[1])) if found else ""
    if lead:
        return _coded(elements, sources[0], stated, f"Lead {lead}")
    meaning = elements.text(sources[0], _MEANING) if sources else ""
    name = _name(meaning, number, ledger) if meaning else _NO_NAME
    ledger.remove("code of no known lead", bool(stated))
    return {_CODE: text("SH", f"channel {number}"), _SCHEME: text("SH", "99ECGTOOL"), _MEANING: text("LO", name)}


def _unit(elements: Elements, item: DataSet, ledger: Ledger) -> Values:
    stated = elements.text(item, _CODE)
    unit = known_unit(stated)
    ledger.remove("unit that is no known unit", unit != stated)
    return _coded(elements, item, unit.replace("µ", "u").replace("μ", "u"), unit.replace("µ", "u").replace("μ", "u"))


def _coded(elements: Elements, item: DataSet, code: str, meaning: str) -> Values:
    """A code with its scheme, as far as that is a known one."""
    scheme, version = elements.text(item, _SCHEME), elements.text(item, _SCHEME_VERSION)
    made = {_CODE: text("SH", code), _SCHEME: text("SH", scheme if scheme in _SCHEMES else "UCUM")}
    if _VERSION.fullmatch(version):
        made[_SCHEME_VERSION] = text("SH", version)
    return {**made, _MEANING: text("LO", meaning)}


def _name(stated: str, number: int, ledger: Ledger) -> str:
    """A lead's name, if it is one, without what stands behind it in brackets."""
    plain = re.split(r"[,(]", stated)[0].strip()
    if known_signal(plain):
        ledger.remove("text behind the name of a lead", plain != stated)
        return plain
    ledger.remove("signal name that is no known lead")
    return f"signal {number}"
