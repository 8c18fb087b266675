"""Samples of Philips' Sierra ECG, as many as the leads have; recorders store channels behind them that have no name."""

from __future__ import annotations

import base64

import numpy as np

from ecgtool.deidentify.contract import Refused
from ecgtool.deidentify.xml_tree import Work
from ecgtool.errors import FormatError
from ecgtool.formats.philips_leads import is_compressed, lead_names, stored_rows
from ecgtool.formats.philips_xli import strip_xli, unpack_xli
from ecgtool.formats.xml_document import number, text_at
from ecgtool.formats.xml_leads import checked_rate, decoded_base64


def samples(text: str, work: Work) -> str:
    """The samples of the leads, in base64 or numbers as they were, and nothing between or behind them.

    Raises:
        Refused: They cannot be told from what is stored beside them.
    """
    try:
        kept = _kept(text, work)
    except FormatError:
        raise Refused("A lead has more samples than it promises, or fewer.", "Export it again.") from None
    work.ledger.remove("bytes that are no samples", len("".join(kept.split())) < len("".join(text.split())))
    return kept


def _kept(text: str, work: Work) -> str:
    path, wave = work.source, work.root.find("waveforms/parsedwaveforms")
    if wave is None:
        raise FormatError(f"{path} holds no waveform.")
    signal = work.root.find("dataacquisition/signalcharacteristics")
    acquired = {} if signal is None else {child.tag: text_at(child, ".") for child in signal}
    fs = checked_rate(path, number(wave.get("samplespersecond") or acquired.get("samplingrate")), "samplingrate")
    leads = len(lead_names(path, work.root, wave, acquired))
    rows = stored_rows(path, wave, leads, fs)
    if is_compressed(wave):
        data = decoded_base64(path, text, "the waveform")
        unpack_xli(path, data, leads, len(rows[0]))  # refuses leads that are longer than that
        return base64.b64encode(strip_xli(path, data, leads)).decode("ascii")
    counts = np.concatenate(rows)
    if (wave.get("dataencoding") or "").lower() == "base64":
        return base64.b64encode(counts.astype("<i2").tobytes()).decode("ascii")
    return " ".join(map(str, counts.tolist()))
