"""Philips Sierra ECG: the XML of PageWriter, HeartStart and TraceMaster (root element ``restingecgdata``).

Read are the document versions 1.03 and 1.04 and their revisions, with samples compressed (XLI), as base64 or as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.philips_xli import unpack_xli
from ecgtool.formats.reading import age_of, sex_of
from ecgtool.formats.xml_document import load_xml, number, number_at, root_name, text_at
from ecgtool.formats.xml_leads import (
    MOST_SAMPLES,
    Lead,
    Span,
    decoded_base64,
    int16_samples,
    leads_record,
    numbers_in,
)
from ecgtool.record import LEADS_12, Record, lead_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Samples = npt.NDArray[np.int64]

_TYPES = ("SierraECG", "PhilipsECG")
_VERSIONS = ("1.03", "1.04")
_UV_PER_MV = 1000.0
_MOST_LEADS = 32
_FILTERS = (
    ("high-pass", ("hipass",), ("highpassfiltersetting",)),
    ("low-pass", ("lowpass",), ("lowpassfiltersetting",)),
    ("notch", ("notchfilterfreqs",), ("notchfiltersetting",)),
)


def sniff(path: Path, head: bytes) -> bool:
    """Whether the root element is restingecgdata."""
    return root_name(path, head) == "restingecgdata"


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a Sierra ECG recording.

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
    fs = number(wave.get("samplespersecond") or acquired.get("samplingrate"))
    step_uv = number(wave.get("resolution") or acquired.get("resolution") or acquired.get("signalresolution"))
    if fs is None:
        raise FormatError(f"{path} does not say how many samples a second has (samplingrate).")
    names = _lead_names(path, root, wave, acquired)
    zero = number(wave.get("signaloffset") or acquired.get("signaloffset")) or 0.0
    per_mv, unit, step = (_UV_PER_MV, "uV", step_uv) if step_uv else (None, "", 1.0)
    stored = _stored(path, wave, names, fs)
    leads = [Lead(name, values, step, per_mv, -zero * step, unit) for name, values in stored.items()]
    meta = {**_person(root), **_acquisition(root), "filters": _filters(root, wave) or None}
    patient = text_at(root, "patient/generalpatientdata/patientid")
    return leads_record(path, leads, fs, Span(start_s, seconds), meta, patient)


def _check_version(path: Path, root: Element) -> None:
    kind, version = (text_at(root, f"documentinfo/document{what}") for what in ("type", "version"))
    if kind not in _TYPES or not version.startswith(_VERSIONS):
        raise FormatError(
            f"{path} is a document of type '{kind[:40]}' version '{version[:20]}', not Sierra ECG 1.03 or 1.04.",
            "Export it again as Sierra ECG 1.04.",
        )


def _lead_names(path: Path, root: Element, wave: Element, acquired: dict[str, str]) -> list[str]:
    """The leads in the order in which they are stored.

    Version 1.03 names none: they are those of the page, as many as there are channels.
    """
    count = number(wave.get("numberofleads") or acquired.get("numberchannelsvalid"))
    stated = (wave.get("leadlabels") or "").split()
    if not stated:
        page = text_at(root, "reportinfo/reportformat/waveformformat/mainwaveformformat").split()
        stated = page if count == len(page) else list(LEADS_12)
    if not 0 < len(stated) <= _MOST_LEADS or (count is not None and not 0 < count <= len(stated)):
        raise FormatError(f"{path} has {count or 0:g} leads and names for {len(stated)}.", "The file is damaged.")
    names = [lead_name(name) for name in stated][: int(count or len(stated))]
    if len(set(names)) < len(names):
        raise FormatError(f"{path} names a lead more than once.")
    return names


def _stored(path: Path, wave: Element, names: list[str], fs: float) -> dict[str, Samples]:
    """The samples of every lead as stored, cut to the length that the file states."""
    duration = number(wave.get("durationperchannel"))
    promised = None if duration is None else round(duration * fs / 1000)
    most = MOST_SAMPLES // len(names)
    if promised is not None and not 0 < promised <= most:
        raise FormatError(f"{path} claims to be {duration:g} ms long, which no resting ECG is.")
    rows = _rows(path, wave, len(names), 2 * promised if promised else most)
    shortest = min(len(row) for row in rows)
    if promised is not None and shortest < promised:
        raise FormatError(f"{path}: a lead has {shortest:,} samples, not the {promised:,} it promises: it was cut.")
    stored = {name: row[: promised or shortest].astype(np.int64) for name, row in zip(names, rows, strict=True)}
    if _compressed(wave):
        _restore_limb_leads(stored)
    return stored


def _compressed(wave: Element) -> bool:
    method = (wave.get("compression") or wave.get("compressmethod") or "").lower()
    return method == "xli" and (wave.get("compressflag") or "true").lower() == "true"


def _rows(path: Path, wave: Element, leads: int, most: int) -> list[npt.NDArray[np.int16]]:
    """Samples of each lead, as many as there are."""
    coding = (wave.get("dataencoding") or "").lower()
    method = (wave.get("compression") or wave.get("compressmethod") or "").lower()
    text = wave.text or ""
    bits = number(wave.get("bitspersample") or wave.get("nbitspersample"))
    if (
        bits not in (None, 16.0)
        or method not in ("", "xli", "none", "uncompressed")
        or coding not in ("base64", "plain")
    ):
        raise FormatError(
            f"{path} stores samples in a way that is not known: {coding[:20]}, {method[:20]}, {bits} bits."
        )
    if _compressed(wave):
        return unpack_xli(path, decoded_base64(path, text, "the waveform"), leads, most)
    if coding == "base64":
        values = int16_samples(path, decoded_base64(path, text, "the waveform"), "the waveform")
    else:
        values = _plain(path, text)
    return list(values[: len(values) // leads * leads].reshape(leads, -1))


def _plain(path: Path, text: str) -> npt.NDArray[np.int16]:
    values = numbers_in(path, text, "the waveform")
    if np.abs(values).max(initial=0) > 2**15:
        raise FormatError(f"{path}: the samples of the waveform exceed 16 bits.")
    return values.astype(np.int16)


def _restore_limb_leads(stored: dict[str, Samples]) -> None:
    """Turn what is stored of III, aVR, aVL and aVF, the difference from what I and II predict, into the leads."""
    if not {"I", "II", "III", "aVR", "aVL", "aVF"} <= set(stored):
        return
    one, two = stored["I"], stored["II"]
    three = stored["III"] = two - one - stored["III"]
    stored["aVR"] = -((one + two) >> 1) - stored["aVR"]
    stored["aVL"] = ((one - three) >> 1) - stored["aVL"]
    stored["aVF"] = ((two + three) >> 1) - stored["aVF"]


def _person(root: Element) -> dict[str, Any]:
    years = text_at(root, "patient/generalpatientdata/age/years")
    return {"age": age_of(years), "sex": sex_of(text_at(root, "patient/generalpatientdata/sex"))}


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


PHILIPS = Format("philips", "Philips Sierra ECG XML", (".xml",), sniff, read)
