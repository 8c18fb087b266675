"""Headers of EDF, EDF+, BDF and BDF+: ASCII fields to numbers, every one checked against the file's size.

The formats: Kemp et al. 1992, Electroencephalogr. Clin. Neurophysiol. 82:391 (EDF); Kemp and Olivan 2003, Clin.
Neurophysiol. 114:1755 (EDF+); https://www.edfplus.info/specs and https://www.biosemi.com/faq/file_format.htm (BDF:
24 bit). A header of 256 bytes, then 256 for each signal, field by field; then records, each with a run of samples of
every signal.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from ecgtool.errors import FormatError
from ecgtool.formats.source import Source

EDF_MAGIC, BDF_MAGIC = b"0       ", b"\xffBIOSEMI"
FIXED = 256  # bytes of the fixed header, and of each signal's
FIXED_FIELDS = (80, 80, 8, 8, 8, 44, 8, 8, 4)  # widths of its fields after the first
FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # widths of a signal's fields
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")

_MAX_SIGNALS = 4096
_MAX_SPR = 10**8
_WHOLE = re.compile(r"[+-]?\d{1,15}(?:\.0*)?", re.ASCII)
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)


class Signal(NamedTuple):
    """One signal as the header describes it."""

    label: str
    transducer: str
    unit: str
    physical: tuple[str, str]  # minimum and maximum, in the unit
    digital: tuple[str, str]  # the counts that mean them
    filters: str
    spr: int  # samples per record
    at: int  # samples of other signals before its own within a record

    @property
    def annotations(self) -> bool:
        """Whether it holds text rather than samples."""
        return self.label in ANNOTATIONS


class Header(NamedTuple):
    """A whole header, and what the file holds of what it promises."""

    path: Path
    width: int  # bytes per sample
    patient: str
    recording: str
    date: str
    time: str
    kind: str  # "", "EDF+C", "EDF+D", "BDF+C", "BDF+D"
    records: int  # whole records in the file
    promised: int  # records that the header states; -1 or 0 where the recording was never closed
    rest: int  # bytes after the last record that counts
    duration: Fraction  # seconds per record
    signals: tuple[Signal, ...]

    @property
    def at(self) -> int:
        """Where the first record begins, in bytes."""
        return FIXED * (len(self.signals) + 1)

    @property
    def samples(self) -> int:
        """Samples of all signals in a record."""
        return sum(signal.spr for signal in self.signals)

    @property
    def plus(self) -> bool:
        """Whether the free fields follow EDF+."""
        return bool(self.kind)

    @property
    def discontinuous(self) -> bool:
        """Whether there may be gaps between records."""
        return self.kind.endswith("D")

    @property
    def truncated(self) -> bool:
        """Whether there are fewer records than promised, or the recording was never closed."""
        return self.promised <= 0 or self.records < self.promised


def looks_like_header(head: bytes) -> bool:
    """Whether the bytes begin as a header of EDF or BDF does."""
    return head[:8] in (EDF_MAGIC, BDF_MAGIC) and _WHOLE.fullmatch(head[184:192].decode("latin-1").strip()) is not None


def load_header(source: Source) -> Header:
    """Read and check a header.

    Raises:
        FormatError: It is damaged, or the file holds not even one record.
    """
    try:
        return _load(source)
    except _BadField as error:
        raise FormatError(
            f"{source.path}: {error}.", "The header is damaged, or the file is not EDF or BDF; copy it again."
        ) from None


class _BadField(ValueError):
    """A field that cannot be; becomes a FormatError that names the file."""


def _load(source: Source) -> Header:
    if source.size < FIXED:
        raise _BadField(f"the file has {source.size} bytes, a header of EDF has at least {FIXED}")
    fixed = source.read(0, FIXED)
    if fixed[:8] not in (EDF_MAGIC, BDF_MAGIC):
        raise _BadField("the first field is not that of EDF or BDF")
    texts = _split(fixed[8:], FIXED_FIELDS)
    patient, recording, date, time, length, reserved, promised, duration, count = texts
    signals = _signals(source, _whole(count, "the number of signals", 1, _MAX_SIGNALS))
    if _whole(length, "the header's length", 0, 2**40) != FIXED * (len(signals) + 1):
        raise _BadField(f"the header's length cannot be '{length}' with {len(signals)} signals")
    if all(signal.annotations for signal in signals):
        raise FormatError(f"{source.path} holds annotations alone, no signal.", "Give the recording they belong to.")
    width = 2 if fixed[:8] == EDF_MAGIC else 3
    room = source.size - FIXED * (len(signals) + 1)
    size = width * sum(signal.spr for signal in signals)
    stated = _whole(promised, "the number of records", -1, 2**40)
    records = room // size if stated <= 0 else min(stated, room // size)  # 0 is what some recorders begin with
    if records == 0:
        raise _BadField(f"it holds not one whole record of {size:,} bytes")
    kind = reserved[:5] if reserved[:5] in ("EDF+C", "EDF+D", "BDF+C", "BDF+D") else ""
    rest = room - records * size
    seconds = _seconds(duration)
    return Header(
        source.path, width, patient, recording, date, time, kind, records, stated, rest, seconds, tuple(signals)
    )


def _signals(source: Source, count: int) -> list[Signal]:
    if source.size < FIXED * (count + 1):
        raise _BadField(f"the file ends within the header of its {count} signals")
    data = source.read(FIXED, FIXED * count)
    columns, start = [], 0
    for width in FIELDS:
        columns.append(_split(data[start : start + count * width], (width,) * count))
        start += count * width
    signals: list[Signal] = []
    at = 0
    for label, transducer, unit, low, high, first, last, filters, spr, _ in zip(*columns, strict=True):
        samples = _whole(spr, f"the samples per record of '{label}'", 1, _MAX_SPR)
        signals.append(Signal(label, transducer, unit, (low, high), (first, last), filters, samples, at))
        at += samples
    return signals


def calibration(signal: Signal, width: int, path: Path) -> tuple[float, float]:
    """What a signal's counts mean: units per count, and the value of count 0 in the unit.

    Raises:
        FormatError: Its physical or digital range is empty or none.
    """
    try:
        low, high = (_real(text, f"the physical range of '{signal.label}'") for text in signal.physical)
        limit = 2 ** (8 * width - 1)
        first, last = (_whole(text, f"the digital range of '{signal.label}'", -limit, limit) for text in signal.digital)
        if first >= last:
            raise _BadField(f"the digital range of '{signal.label}' is empty: {first} to {last}")
        scale = (high - low) / (last - first)
        if not 1e-12 < abs(scale) < 1e12:
            raise _BadField(f"the physical range of '{signal.label}' cannot be {low:g} to {high:g}")
    except _BadField as error:
        raise FormatError(
            f"{path}: {error}.", "The header is damaged; without this field voltages mean nothing."
        ) from None
    return scale, low - first * scale


def _split(data: bytes, widths: tuple[int, ...]) -> list[str]:
    """Fields of text; ASCII by the standard, yet a µ may be there in UTF-8 or Latin-1."""
    texts, start = [], 0
    for width in widths:
        field = data[start : start + width]
        try:
            texts.append(field.decode("utf-8").strip(" \0"))
        except UnicodeDecodeError:
            texts.append(field.decode("latin-1").strip(" \0"))
        start += width
    return texts


def _whole(text: str, what: str, least: int, most: int) -> int:
    value = int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else least - 1
    if not least <= value <= most:
        raise _BadField(f"{what} cannot be {text[:40]!r}")
    return value


def _real(text: str, what: str) -> float:
    """A number; some writers set a comma for the point."""
    point = text.replace(",", ".")
    value = float(point) if _REAL.fullmatch(point) else math.nan
    if not math.isfinite(value):
        raise _BadField(f"{what} cannot be {text[:40]!r}")
    return value


def _seconds(text: str) -> Fraction:
    point = text.replace(",", ".")
    value = Fraction(point) if _REAL.fullmatch(point) else Fraction(0)
    if not 0 < value < 10**8:
        raise _BadField(f"the duration of a record cannot be {text[:40]!r}")
    return value
