"""Annotations of EDF+ and BDF+, built anew: when each record begins, and events that a machine wrote.

The format: https://www.edfplus.info/specs/edfplus.html, section 2.2. A list of ``+onset[0x15 duration]0x14 text 0x14
[text 0x14 ...] 0x00``, padded with zeros.
"""

from __future__ import annotations

import re

from ecgtool.deidentify.contract import Ledger
from ecgtool.deidentify.words import known_rhythm

_TIMES = re.compile(rb"([+-]\d{1,10}(?:\.\d{0,12})?)(?:\x15(\d{1,10}(?:\.\d{0,12})?))?")
_STAMP = re.compile(rb"([+-]\d{1,10}(?:\.\d{0,12})?)\x14")
_ANNOTATION = re.compile(rb"[+-]\d{1,10}(?:\.\d{0,12})?(?:\x15[\d.]{1,20})?\x14{1,2}[ -~\x80-\xff]{3,500}\x14")
_EVENT = re.compile(
    r"(?:recording|start|stop) ?(?:starts?|ends?|recording)?|pause|resume|leads? (?:off|on)|lights (?:off|on)"
    r"|calibration|pace(?:maker)?|(?:event )?button|marker|artifact|noise|qrs|beat|[nvasfq]",
    re.IGNORECASE,
)


def begins_with_time(data: bytes) -> bool:
    """Whether the annotations of a record begin as those of every record must: with when it begins."""
    return _STAMP.match(data) is not None


def time_of_record(data: bytes) -> float:
    """When a record begins, in seconds; 0 where its annotations do not say."""
    found = _STAMP.match(data)
    return float(found[1]) if found else 0.0


def holds_annotations(data: bytes) -> bool:
    """Whether there is an annotation with a text anywhere in some bytes."""
    return _ANNOTATION.search(data) is not None


def rebuild_annotations(data: bytes, ledger: Ledger, end_s: float) -> bytes:
    """The annotations of one record that may stay, as many bytes as there were.

    Args:
        data: The annotations.
        ledger: Told what is left out.
        end_s: When the recording ends; what is said to happen later is no event of it.
    """
    kept = [made for entry in data.split(b"\0") if entry and (made := _kept(entry, ledger, end_s))]
    return b"".join(kept)[: len(data)].ljust(len(data), b"\0")


def _kept(entry: bytes, ledger: Ledger, end_s: float) -> bytes:
    """One annotation with its end, or nothing."""
    times, _, rest = entry.partition(b"\x14")
    found = _TIMES.fullmatch(times)
    if found is None:
        ledger.remove("annotation")
        return b""
    texts = rest.split(b"\x14")[:-1]
    within = max(abs(float(found[1])), float(found[2] or 0)) <= end_s
    known = [text for text in texts if not text or (within and _may_stay(text))]
    ledger.remove("annotation", len(texts) - len(known))
    return times + b"\x14" + b"".join(text + b"\x14" for text in known) + b"\0" if known else b""


def _may_stay(text: bytes) -> bool:
    words = text.decode("utf-8", "replace")
    return _EVENT.fullmatch(words.strip()) is not None or known_rhythm(words)
