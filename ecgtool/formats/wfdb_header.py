"""WFDB headers: text to numbers, every field checked.

The format: https://physionet.org/physiotools/wag/header-5.htm. A damaged header is one :class:`FormatError` that names
the line; nothing here allocates what a header claims.
"""

from __future__ import annotations

import math
import os
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn

from ecgtool.errors import FormatError
from ecgtool.files import explained
from ecgtool.formats.reading import units_per_mv
from ecgtool.record import MAX_FS, MIN_FS

HEADER_LIMIT = 2**22
DEFAULT_FS = 250.0
DEFAULT_GAIN = 200.0
_MAX_SIGNALS = 1024
_MAX_COUNT = 2**40
_MAX_SPF = 10_000

# Steps of each unit in a millivolt.

# A signal line's fields where it ends early: file, storage, gain, resolution, zero, initial, checksum, block, name.
_ABSENT = ("", "", "0", "0", "0", "0", "", "0", "")

_STORAGE = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?", re.ASCII)
_NUMBER = re.compile(r"[-+.,;\de]+", re.ASCII)
_CALIBRATION = re.compile(r"([^(/]+)(?:\(([^)/]+)\))?(?:/(.+))?")


class Signal(NamedTuple):
    """One signal line."""

    file: str
    fmt: int
    spf: int  # samples per frame
    skew: int  # frames this signal lags behind the first
    offset: int  # bytes before the first sample
    gain: float  # counts per unit
    baseline: int  # count that means 0
    unit: str
    per_mv: float | None  # steps of the unit in a millivolt; None where it is not a voltage
    calibrated: bool  # False where the header gives no gain
    initial: int
    checksum: int | None  # None where the header has none, or the 0 of those who never computed it
    name: str


class Header(NamedTuple):
    """A whole header."""

    name: str
    fs: float  # frames per second
    frames: int | None  # None where the header does not say
    start: str
    signals: tuple[Signal, ...]
    segments: tuple[tuple[str, int], ...]  # name and frames; empty for an ordinary record
    comments: tuple[str, ...]
    cut: bool  # the text ends in the middle of a line


def looks_like_header(head: str) -> bool:
    """Whether the text begins as a header does: a record line, then a signal or segment line."""
    lines = (line.split(None, 2) for line in _lines(head) if line.strip() and not line.lstrip().startswith("#"))
    record, body = next(lines, []), next(lines, [])
    if len(record) < 2 or len(body) < 2 or not record[1].isdecimal():
        return False
    storage = _STORAGE.fullmatch(body[1])
    return storage is not None and not _NUMBER.fullmatch(body[0])


def load_header(path: Path) -> Header:
    """Read and parse a header.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged.
    """
    return parse_header(header_text(path), path)


def header_text(path: Path) -> str:
    """A header's text: UTF-8, or Latin-1 where it is not (older files write µ so).

    Raises:
        NotFound: There is no such file.
        FormatError: It is not a file, or larger than any header.
    """
    with explained(path):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > HEADER_LIMIT:
                raise FormatError(f"{path} is too large to be a WFDB header, or not a file.")
            data = os.read(handle, status.st_size)
        finally:
            os.close(handle)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_header(text: str, path: Path) -> Header:
    """The header's fields.

    Args:
        text: Its content.
        path: Named in errors.

    Raises:
        FormatError: A field that is missing or cannot be.
    """
    lines: list[tuple[int, str]] = []
    comments: list[str] = []
    for number, raw in enumerate(_lines(text), start=1):
        line = raw.strip()
        if line.startswith("#"):
            comments.append(line.lstrip("# \t"))
        elif line:
            lines.append((number, line))
    if not lines:
        raise FormatError(f"{path} is empty: a WFDB header has a record line.", "Copy or download it again.")
    try:
        return _parse(lines, tuple(comments), _ends_early(text, lines))
    except _BadField as error:
        raise FormatError(f"{path}: {error}.", "The header is damaged, or not a WFDB header.") from None


class _BadField(ValueError):
    """A field that cannot be; becomes a FormatError that names the file."""


def _bad(number: int, what: str, value: object) -> NoReturn:
    raise _BadField(f"line {number}: {what} cannot be {str(value)[:40]!r}")


def _parse(lines: list[tuple[int, str]], comments: tuple[str, ...], cut: bool) -> Header:
    number, record = lines[0]
    words = record.split()
    if len(words) < 2:
        _bad(number, "the record line", record)
    name, slash, segment_count = words[0].partition("/")
    count = _whole(words[1], number, "the number of signals", 1, _MAX_SIGNALS)
    fs = _rate(words[2], number) if len(words) > 2 else DEFAULT_FS
    frames = _whole(words[3], number, "the number of samples", 0, _MAX_COUNT) if len(words) > 3 else 0
    expected = _whole(segment_count, number, "the number of segments", 1, 10**6) if slash else count
    body = lines[1 : expected + 1]
    if len(body) < expected:
        raise _BadField(f"the record line promises {expected} {'segments' if slash else 'signals'}, {len(body)} follow")
    return Header(
        name=name,
        fs=fs,
        frames=frames or None,
        start=_start(words[4:6]),
        signals=() if slash else tuple(_signal(line, number) for number, line in body),
        segments=tuple(_segment(line, number) for number, line in body) if slash else (),
        comments=comments,
        cut=cut,
    )


def _signal(line: str, number: int) -> Signal:
    words = line.split(None, 8)
    if len(words) < 2:
        _bad(number, "a signal line", line)
    file, storage, calibration, _, zero, initial, checksum, _, name = (*words, *_ABSENT[len(words) :])
    try:
        fmt, spf, skew, offset = _storage(storage)
        gain, baseline, unit, per_mv, calibrated = _calibration(calibration)
        zero_count = _count(zero)
        return Signal(
            file, fmt, spf, skew, offset, gain, zero_count if baseline is None else baseline, unit, per_mv, calibrated,
            _count(initial), _count(checksum or "0") or None, name,
        )  # fmt: skip
    except _BadField as error:
        raise _BadField(f"line {number}: {error}") from None


def _segment(line: str, number: int) -> tuple[str, int]:
    words = line.split()
    if len(words) < 2:
        _bad(number, "a segment line", line)
    return words[0], _whole(words[1], number, "the length of a segment", 0, _MAX_COUNT)


@lru_cache(maxsize=1024)
def _storage(word: str) -> tuple[int, int, int, int]:
    """``FORMAT[xSAMPLES_PER_FRAME][:SKEW][+BYTE_OFFSET]`` as numbers."""
    found = _STORAGE.fullmatch(word) if len(word) < 64 else None
    if found is None:
        raise _BadField(f"the storage format cannot be {word[:40]!r}")
    fmt, spf, skew, offset = (int(part) if part else 0 for part in found.groups())
    if spf > _MAX_SPF or max(skew, offset) > _MAX_COUNT or (spf == 0 and found[2]):
        raise _BadField(f"the storage format cannot be {word[:40]!r}")
    return fmt, spf or 1, skew, offset


@lru_cache(maxsize=4096)
def _calibration(word: str) -> tuple[float, int | None, str, float | None, bool]:
    """``GAIN[(BASELINE)][/UNIT]``: counts per unit, baseline, unit, steps per mV, whether a gain was given."""
    found = _CALIBRATION.fullmatch(word) if len(word) < 128 else None
    if found is None:
        raise _BadField(f"the gain cannot be {word[:40]!r}")
    try:
        gain = float(found[1])
    except ValueError:
        raise _BadField(f"the gain cannot be {word[:40]!r}") from None
    unit = found[3] or "mV"
    per_mv = units_per_mv(unit)
    if gain != 0 and not 1e-12 < abs(gain) < 1e15:
        raise _BadField(f"the gain cannot be {word[:40]!r}")
    baseline = _count(found[2]) if found[2] else None
    return gain or DEFAULT_GAIN, baseline, unit, per_mv, gain != 0


def _rate(word: str, number: int) -> float:
    """Frames per second from ``FS[/COUNTER_FREQUENCY[(BASE)]]``."""
    try:
        fs = float(word.partition("/")[0])
    except ValueError:
        fs = math.nan
    if not MIN_FS <= fs <= MAX_FS:
        _bad(number, "the sampling rate", word)
    return fs


def _whole(word: str, number: int, what: str, least: int, most: int) -> int:
    value = int(word) if word.isdecimal() and len(word) < 20 else -1
    if not least <= value <= most:
        _bad(number, what, word)
    return value


def _count(word: str) -> int:
    """A whole number of counts, perhaps written ``0.0``."""
    try:
        value = int(word)
    except ValueError:
        value = _rounded(word)
    if not -_MAX_COUNT <= value <= _MAX_COUNT:
        raise _BadField(f"a number of counts cannot be {word[:40]!r}")
    return value


def _rounded(word: str) -> int:
    try:
        if float(word).is_integer():
            return int(float(word))
    except ValueError:
        pass
    raise _BadField(f"a number of counts cannot be {word[:40]!r}")


def _start(words: list[str]) -> str:
    """Date and time of the first sample as the header gives them, in ISO order where both are there."""
    date = time = ""
    for word in words:
        if ":" in word:
            time = word.strip("[]")
        elif "/" in word:
            day, _, rest = word.partition("/")
            month, _, year = rest.partition("/")
            date = f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}"
        elif "-" in word:
            date = word
    return f"{date}T{time}" if date and time else date or time


def _ends_early(text: str, lines: list[tuple[int, str]]) -> bool:
    """Whether the text breaks off in its last signal line: it is the end, and the line has none."""
    return _lines(text)[-1].strip() == lines[-1][1]


def _lines(text: str) -> list[str]:
    """The text's lines; ``str.splitlines`` would also break at characters that older comments hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
