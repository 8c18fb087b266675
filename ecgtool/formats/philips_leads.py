"""The leads of Philips' Sierra ECG: their names, their samples, and the calibration pulse behind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.philips_xli import unpack_xli
from ecgtool.formats.xml_document import number, text_at
from ecgtool.formats.xml_leads import AGAIN, MOST_SAMPLES, decoded_base64, int16_samples, numbers_in
from ecgtool.record import LEADS_12, lead_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Samples = npt.NDArray[np.int64]

_MOST_LEADS = 32
_PULSE_WITHIN_S, _PULSE_S = 1.5, 0.05


def lead_names(path: Path, root: Element, wave: Element, acquired: dict[str, str]) -> list[str]:
    """The leads in the order in which they are stored.

    Version 1.03 names none: they are those of the page, as many as there are channels.

    Raises:
        FormatError: There are no names for them, or one is there twice.
    """
    count = number(wave.get("numberofleads") or acquired.get("numberchannelsvalid"))
    stated = (wave.get("leadlabels") or "").split()
    if not stated:
        page = text_at(root, "reportinfo/reportformat/waveformformat/mainwaveformformat").split()
        stated = page if count == len(page) else list(LEADS_12)
    if not 0 < len(stated) <= _MOST_LEADS or (count is not None and count not in range(1, len(stated) + 1)):
        raise FormatError(f"{path} has {count or 0:g} leads and names for {len(stated)}.", "The file is damaged.")
    names = [lead_name(name) for name in stated][: int(count or len(stated))]
    if len(set(names)) < len(names):
        raise FormatError(f"{path} names a lead more than once.", AGAIN)
    return names


def stored_leads(path: Path, wave: Element, names: list[str], fs: float) -> dict[str, Samples]:
    """The samples of every lead, of the length that the file states.

    Args:
        path: The file, for messages.
        wave: The element ``parsedwaveforms``.
        names: Of the leads, in the order stored.
        fs: Rate in Hz.

    Returns:
        int64 [samples] in counts by lead; limb leads that are stored as differences are restored.

    Raises:
        FormatError: The samples are damaged, fewer than stated, or stored in a way that is not known.
    """
    rows = stored_rows(path, wave, len(names), fs)
    stored = {name: row.astype(np.int64) for name, row in zip(names, rows, strict=True)}
    if is_compressed(wave):
        _restore_limb_leads(stored)
    return stored


def stored_rows(path: Path, wave: Element, leads: int, fs: float) -> list[npt.NDArray[np.int16]]:
    """As :func:`stored_leads`, as the device stored them: int16 [samples] for each lead.

    Raises:
        FormatError: The samples are damaged, fewer than stated, or stored in a way that is not known.
    """
    duration = number(wave.get("durationperchannel"))
    most = MOST_SAMPLES // leads
    if duration is not None and not 1000 / fs <= duration <= 1000 / fs * most:
        raise FormatError(f"{path} claims to be {duration:g} ms long, which no resting ECG is.", AGAIN)
    promised = None if duration is None else round(duration * fs / 1000)
    rows = _rows(path, wave, leads, 2 * promised if promised else most)
    shortest = min(len(row) for row in rows)
    if promised is not None and shortest < promised:
        raise FormatError(
            f"{path}: a lead has {shortest:,} samples, not the {promised:,} it promises: it was cut.", AGAIN
        )
    return [row[: promised or shortest] for row in rows]


def is_compressed(wave: Element) -> bool:
    """Whether the samples are compressed (XLI)."""
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
            f"{path} stores samples in a way that is not known: {coding[:20]}, {method[:20]}, {bits} bits.",
            "Export it as Sierra ECG 1.04 with XLI or without compression.",
        )
    if is_compressed(wave):
        return unpack_xli(path, decoded_base64(path, text, "the waveform"), leads, most)
    if coding == "base64":
        values = int16_samples(path, decoded_base64(path, text, "the waveform"), "the waveform")
    else:
        values = _plain(path, text)
    return list(values[: len(values) // leads * leads].reshape(leads, -1))


def _plain(path: Path, text: str) -> npt.NDArray[np.int16]:
    values = numbers_in(path, text, "the waveform")
    if np.abs(values).max(initial=0) > 2**15:
        raise FormatError(f"{path}: the samples of the waveform exceed 16 bits.", AGAIN)
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


def pulse_length(stored: Mapping[str, Samples], fs: float, millivolt: float) -> int:
    """How many samples at the end are the device's calibration pulse rather than the heart.

    Args:
        stored: The leads.
        fs: Rate in Hz.
        millivolt: Counts in a millivolt, which is the height of the pulse.

    Returns:
        The length of the part at the end in which all leads are the same, either 0 or 1 mV, and both; 0 without one.
    """
    tail = np.stack(list(stored.values()))[:, -int(_PULSE_WITHIN_S * fs) :]
    if len(tail) < 2:
        return 0
    high = np.abs(tail - millivolt) < 1
    alike = (tail == tail[0]).all(axis=0) & (high | (tail == 0)).all(axis=0)
    differing = np.flatnonzero(~alike)
    begin = int(differing[-1]) + 1 if len(differing) else 0
    pulse = np.count_nonzero(high[0, begin:])
    return tail.shape[1] - begin if begin and pulse >= _PULSE_S * fs else 0
