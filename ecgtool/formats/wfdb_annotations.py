"""WFDB annotation files in MIT's format: marks at samples, each with a symbol, perhaps a channel, a number and a text.

https://physionet.org/physiotools/wag/annot-5.htm: words of 16 bits, the lowest byte first, six bits of code over ten of
time since the mark before; the codes from 59 on say more of the mark they follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgtool.errors import FormatError
from ecgtool.files import explained
from ecgtool.waves import Samples

SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j", 12: "/", 13: "Q",
    14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B", 26: "^", 27: "t",
    28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(",
    40: ")", 41: "r",
}  # fmt: skip
"""Code of an annotation -> its symbol, as PhysioBank writes it."""

BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Symbols that mark a beat; the others mark rhythms, signal quality, waves and notes."""

_SKIP, _NUM, _SUB, _CHAN, _AUX = 59, 60, 61, 62, 63
_MOST_BYTES = 2**28
_RESOLUTION = re.compile(r"## time resolution: (\d{1,6}(?:\.\d{1,9})?)")


class Annotations(NamedTuple):
    """The marks of a recording, in the order of the file.

    Attributes:
        sample: int64 [marks], in samples from the recording's beginning.
        symbol: Of each, as :data:`SYMBOLS` has it; empty for a code that has none.
        subtype: int64 [marks].
        chan: int64 [marks], the signal each is of.
        num: int64 [marks].
        aux: The text of each; empty where it has none.
        fs: The rate of the sample numbers in Hz, where the file states one; None: that of the signals.
    """

    sample: Samples
    symbol: tuple[str, ...]
    subtype: Samples
    chan: Samples
    num: Samples
    aux: tuple[str, ...]
    fs: float | None


def read_annotations(path: Path) -> Annotations:
    """Read an annotation file.

    Raises:
        NotFound: There is none.
        FormatError: It is damaged, cut off, or no annotation file.
    """
    with explained(path), path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise FormatError(f"{path} is too large to be annotations.")
    return _gathered(list(_marks(data, path)))


class _Mark(NamedTuple):
    sample: int
    symbol: str
    subtype: int
    chan: int
    num: int
    aux: str


def _gathered(marks: list[_Mark]) -> Annotations:
    """The marks as arrays, less the one in front that states a rate."""
    stated = _RESOLUTION.match(marks[0].aux) if marks else None
    kept = marks[1:] if stated else marks
    numbers = np.array([(mark.sample, mark.subtype, mark.chan, mark.num) for mark in kept], np.int64).reshape(-1, 4)
    symbols, texts = tuple(mark.symbol for mark in kept), tuple(mark.aux for mark in kept)
    fs = float(stated[1]) or None if stated else None
    return Annotations(numbers[:, 0], symbols, numbers[:, 1], numbers[:, 2], numbers[:, 3], texts, fs)


def _marks(data: bytes, path: Path) -> Iterator[_Mark]:
    """The marks of a file's bytes; number and channel hold until others are given, the rest for one mark alone.

    Raises:
        FormatError: A mark lies before the recording's beginning; or as :func:`_words`.
    """
    sample, mark = 0, None
    num = chan = 0
    for code, low, payload in _words(data, path):
        if code == _SKIP:
            sample += _long(payload)
        elif code < _SKIP:
            if mark is not None:
                num, chan = mark.num, mark.chan
                yield mark
            sample += low
            if sample < 0:
                raise FormatError(f"{path} has an annotation before the recording begins.")
            mark = _Mark(sample, SYMBOLS.get(code, ""), 0, chan, num, "") if code else None  # 0: nothing, at a time
        elif mark is not None:
            mark = _told(mark, code, low, payload)
    if mark is not None:
        yield mark


def _told(mark: _Mark, code: int, low: int, payload: bytes) -> _Mark:
    """A mark with what a word behind it says of it."""
    if code == _NUM:
        return mark._replace(num=_signed(low))
    if code == _SUB:
        return mark._replace(subtype=_signed(low))
    if code == _CHAN:
        return mark._replace(chan=low & 0xFF)
    return mark._replace(aux=payload[:low].split(b"\0")[0].decode("latin-1"))


def _words(data: bytes, path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Code, number and payload of each word, up to the one that ends the file.

    Raises:
        FormatError: The bytes end before that.
    """
    place = 0
    while True:
        word = int.from_bytes(data[place : place + 2], "little")
        code, low = word >> 10, word & 0x3FF
        size = 2 + {_SKIP: 4, _AUX: low + low % 2}.get(code, 0)
        if len(data) < place + size:
            raise FormatError(f"{path} ends within its annotations, or is no annotation file.")
        if word == 0:
            return
        yield code, low, data[place + 2 : place + size]
        place += size


def _long(payload: bytes) -> int:
    """A signed number of 32 bits, its high word first, each word the lowest byte first."""
    return int.from_bytes(payload[2:4] + payload[:2], "little", signed=True)


def _signed(low: int) -> int:
    """A signed number of 8 bits."""
    return (low & 0x7F) - (low & 0x80)
