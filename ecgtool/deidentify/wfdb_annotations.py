"""WFDB annotation files, built anew: every mark and its time, of the texts only the names of rhythms.

The format (MIT): https://physionet.org/physiotools/wag/annot-5.htm. Words of 16 bits, the lowest byte first: six bits
of code, ten bits of time; some codes have a payload.
"""

from __future__ import annotations

import re
from pathlib import Path

from ecgtool.deidentify.contract import Ledger
from ecgtool.deidentify.words import known_rhythm
from ecgtool.deidentify.writing import write_bytes
from ecgtool.errors import FormatError
from ecgtool.files import explained

ANNOTATORS = (
    "atr", "ari", "qrs", "wqrs", "gqrs", "ecg", "man", "q1c", "q2c", "qt1", "qt2", "pu", "pu0", "pu1", "pwave", "pqrst",
    "aami", "st-", "stf", "i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6",
)  # fmt: skip
"""Endings of annotation files, as PhysioNet's databases use them; the name of an annotator may be a person's."""

_SKIP, _TEXT = 59, 63
_MOST_KINDS, _FEW = 4, 16
_MOST_BYTES = 2**28
_RESOLUTION = re.compile(r"## time resolution: \d{1,6}(?:\.\d{1,9})?")


def rebuild_annotations(source: Path, target: Path, ledger: Ledger) -> Path:
    """Write the annotations of a file.

    Raises:
        FormatError: It is no annotation file in MIT's format, or damaged.
        EcgError: It cannot be read, or the other not written.
    """
    with explained(source), source.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise FormatError(f"{source} is too large to be annotations.")
    return write_bytes(target, _rebuilt(data, source, ledger))


def _rebuilt(data: bytes, source: Path, ledger: Ledger) -> bytes:
    made = bytearray()
    place, marks = 0, bytearray()
    while True:
        word = int.from_bytes(data[place : place + 2], "little")
        if word == 0 and place + 2 <= len(data):
            _refuse_text(bytes(marks), source)
            ledger.remove("bytes after the annotations", bool(data[place + 2 :].strip(b"\0")))
            return bytes(made + b"\0\0")
        code, low = word >> 10, word & 0x3FF
        size = 2 + {_SKIP: 4, _TEXT: low + low % 2}.get(code, 0)
        whole = data[place : place + size]
        if len(whole) < size or code == 0:
            raise FormatError(f"{source} ends within its annotations.")
        marks.append(word >> 8)
        if code != _TEXT or _may_stay(whole[2 : 2 + low]):
            made += whole[: 2 + low] + b"\0" * (low % 2) if code == _TEXT else whole
        else:
            ledger.remove("text of an annotation")
        place += size


def _refuse_text(marks: bytes, source: Path) -> None:
    """Raise where the words are written language: printable nearly all, letters many of them, of many kinds.

    Of an annotator's codes few are letters (rhythms, waves, artefacts), and beats are mostly not even printable.

    Args:
        marks: The high byte of each word.
        source: Named in the error.
    """
    printable = sum(0x20 <= byte < 0x7F for byte in marks)
    letters = sum(byte < 0x80 and chr(byte).isalpha() for byte in marks)
    kinds = len({byte >> 2 for byte in marks})
    if printable > 0.9 * len(marks) and letters > 0.3 * len(marks) and (kinds >= _MOST_KINDS or len(marks) < _FEW):
        raise FormatError(f"{source} is text rather than annotations.")


def _may_stay(text: bytes) -> bool:
    words = text.decode("latin-1")
    return known_rhythm(words) or _RESOLUTION.fullmatch(words.strip("\0 ")) is not None
