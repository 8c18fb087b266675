"""Write a Record as EDF+C: one file, 16 bit, without gaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.files import write_file
from ecgtool.formats.edf_header import ANNOTATIONS, EDF_MAGIC, FIELDS, FIXED, FIXED_FIELDS
from ecgtool.formats.edf_signals import lead_of
from ecgtool.formats.reading import sex_of
from ecgtool.record import Record

# What one count may be, the finest first: in µV, and in the unknown unit of what is not calibrated. The largest are
# those whose range 8 characters can still state.
_STEPS_UV = tuple(map(Fraction, ("0.1", "1", "2", "5", "10", "20", "50", "100")))
_STEPS_RAW = tuple(map(Fraction, ("0.0001", "0.001", "0.01", "0.1", "1", "10", "100")))
_LOWEST, _HIGHEST = -(2**15), 2**15 - 1
_MOST_RECORD = 10 * 2**20  # bytes that other readers accept in a record
_PIECE = 2**20
_TRANSDUCER = "ECG electrode"  # by which a lead of any name is known for an ECG
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def write_edf(record: Record, path: Path) -> Path:
    """Write a record as EDF+C.

    One count is 0.1 µV where the lead stays within ±3.27 mV, 1 µV within ±32.7 mV, and so on. Beside the signal, the
    patient's code, sex, age, start, device and filters are written; EDF+ has a field for the birth date alone, so that
    the age is one of the additional subfields that it allows.

    Args:
        record: What to write.
        path: Where to.

    Returns:
        The path.

    Raises:
        DataError: What EDF cannot hold: NaN, a lead beyond 3,276 mV, a name that is not ASCII or longer than 16
            characters, a length for which no record of a decimal number of seconds fits the rate.
        EcgError: The file cannot be written.
    """
    spr, duration = _layout(record)
    steps = [_step(record, row) for row in range(len(record.leads))]
    stamps = _stamps(record.signal.shape[1] // spr, duration)
    header = _header(record, steps, spr, duration, stamps)

    def fill(file: BinaryIO) -> None:
        file.write(header)
        for data in _records(record, steps, spr, stamps):
            file.write(data)

    return write_file(path, fill)


def _layout(record: Record) -> tuple[int, Fraction]:
    """Samples per record and its duration in seconds: whole records alone, the nearest to one second.

    Raises:
        DataError: There is none.
    """
    total = record.signal.shape[1]
    if total == 0 or np.isnan(record.signal).any():
        raise DataError(f"Record '{record.id}' is empty or has gaps (NaN), which EDF cannot hold.", "Write WFDB.")
    fs = Fraction(record.fs).limit_denominator(10**6)
    found = [
        (abs(math.log(spr / fs)), spr)
        for divisor in range(1, math.isqrt(total) + 1)
        if total % divisor == 0
        for spr in (divisor, total // divisor)
        if _decimal(spr / fs) and 2 * spr * len(record.leads) <= _MOST_RECORD
    ]
    if not found or float(fs) != record.fs:
        raise DataError(
            f"EDF cannot hold {total:,} samples at {record.fs:g} Hz: no record of a decimal number of seconds fits.",
            "Write WFDB, or cut the recording to whole seconds.",
        )
    spr = min(found)[1]
    return spr, spr / fs


def _step(record: Record, row: int) -> Fraction:
    """The unit of a lead's counts, in µV (of the unknown unit where it is not calibrated).

    Raises:
        DataError: Even the coarsest does not fit.
    """
    largest = float(np.abs(record.signal[row]).max()) * _per_unit(record)
    for step in _STEPS_UV if record.calibrated else _STEPS_RAW:
        if largest / float(step) < _HIGHEST:
            return step
    raise DataError(f"Lead {record.leads[row]} reaches {largest:g} {_unit(record)}, which EDF cannot hold.")


def _unit(record: Record) -> str:
    return "uV" if record.calibrated else ""


def _per_unit(record: Record) -> float:
    return 1000.0 if record.calibrated else 1.0


def _stamps(records: int, duration: Fraction) -> npt.NDArray[np.uint8]:
    """The annotation of each record that states when it begins: bytes [records, even width]."""
    texts = [f"+{_decimal(number * duration, 20)}\x14\x14\0".encode() for number in range(records)]
    width = 2 * -(-max(map(len, texts)) // 2)
    return np.array(texts, f"S{width}").view(np.uint8).reshape(records, width)


def _records(record: Record, steps: list[Fraction], spr: int, stamps: npt.NDArray[np.uint8]) -> Iterator[bytes]:
    """The records' bytes, a piece of the file at a time."""
    scale = np.array([[_per_unit(record) / float(step)] for step in steps])
    count = max(1, _PIECE // (2 * spr * len(steps)))
    for first in range(0, len(stamps), count):
        piece = record.signal[:, first * spr : (first + count) * spr]
        counts = np.rint(piece * scale).astype("<i2").reshape(len(steps), -1, spr)
        samples = np.ascontiguousarray(counts.transpose(1, 0, 2)).view(np.uint8)
        yield np.hstack([samples.reshape(len(samples), -1), stamps[first : first + count]]).tobytes()


def _header(
    record: Record, steps: list[Fraction], spr: int, duration: Fraction, stamps: npt.NDArray[np.uint8]
) -> bytes:
    signals = len(steps) + 1
    patient, recording, date, time = _people_and_time(record)
    records, seconds = str(len(stamps)), _decimal(duration)
    fixed = (patient, recording, date, time, str(FIXED * (signals + 1)), "EDF+C", records, seconds, str(signals))
    rows = [_signal(record, row, step, spr) for row, step in enumerate(steps)]
    rows.append((ANNOTATIONS[0], "", "", "-1", "1", str(_LOWEST), str(_HIGHEST), "", str(stamps.shape[1] // 2), ""))
    texts = [*zip(fixed, FIXED_FIELDS, strict=True)]
    for column, width in zip(zip(*rows, strict=True), FIELDS, strict=True):
        texts += [(text, width) for text in column]
    return EDF_MAGIC + b"".join(_field(text, width) for text, width in texts)


def _signal(record: Record, row: int, step: Fraction, spr: int) -> tuple[str, ...]:
    """The fields of a lead."""
    low, high = _decimal(step * _LOWEST), _decimal(step * _HIGHEST)
    filters = _short(str(record.meta.get("filters", "")), 80)
    label = _label(record.leads[row])
    return label, _TRANSDUCER, _unit(record), low, high, str(_LOWEST), str(_HIGHEST), filters, str(spr), ""


def _label(lead: str) -> str:
    """How a lead is called in the file: as the standard asks, ``ECG II``, where that is read back as ``II``."""
    label = f"ECG {lead}" if lead_of(f"ECG {lead}") == lead else lead
    if not lead or not _short(label, 16):
        raise DataError(f"The lead name {lead[:40]!r} cannot stand in an EDF header: 16 ASCII characters at most.")
    return label


def _people_and_time(record: Record) -> tuple[str, str, str, str]:
    """The fields patient, recording, date and time."""
    start = _start(record.meta)
    day = f"{start.day:02d}-{_MONTHS[start.month - 1]}-{start.year}" if start else "X"
    code = _short("_".join(record.patient.split()), 40) or "X"
    device = _short("_".join(str(record.meta.get("device", "")).split()), 40) or "X"
    age = f" age:{record.meta['age']:g}" if "age" in record.meta else ""
    patient = f"{code} {sex_of(str(record.meta.get('sex', ''))) or 'X'} X X{age}"
    recording = f"Startdate {day} X X {device}"
    if start is None:
        return patient, recording, "01.01.85", "00.00.00"
    return patient, recording, start.strftime("%d.%m.%y"), start.strftime("%H.%M.%S")


def _start(meta: Any) -> datetime | None:
    """When the recording began, where that is known in full and EDF can say it (1985 to 2084)."""
    try:
        start = datetime.fromisoformat(str(meta.get("start", "")))
    except ValueError:
        return None
    return start if 1985 <= start.year <= 2084 else None


def _short(text: str, width: int) -> str:
    """The text if a field of this width can hold it, else nothing."""
    return text if len(text) <= width and text.isascii() and text.isprintable() else ""


def _field(text: str, width: int) -> bytes:
    return text.encode("ascii").ljust(width)


def _decimal(value: Fraction, most: int = 8) -> str:
    """A number in decimal characters, at most so many; nothing where that cannot be, exactly."""
    for places in range(7):
        if (value * 10**places).denominator == 1:
            text = f"{float(value):.{places}f}"
            return text if len(text) <= most else ""
    return ""
