"""EDF and BDF recordings, built anew: numbers and known words of the header, the records' samples, times of records."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder, Refused
from ecgtool.deidentify.edf_annotations import (
    begins_with_time,
    holds_annotations,
    rebuild_annotations,
    time_of_record,
)
from ecgtool.deidentify.words import date_of, known_signal, known_unit, time_of
from ecgtool.files import write_unpublished
from ecgtool.formats.edf_header import BDF_MAGIC, EDF_MAGIC, FIELDS, FIXED, FIXED_FIELDS, Header, Signal, load_header
from ecgtool.formats.edf_signals import is_ecg, lead_of
from ecgtool.formats.source import Source, opened

_PIECE = 2**20
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIRST, _LAST = date(1985, 1, 1), date(2084, 12, 31)  # what two digits of a year can say
_UNKNOWN_DATE = "01.01.85"
_AGAIN = "Get it again from where it was exported."
_MISPLACED = "It holds text where its header has samples, or the other way round."
_TRANSDUCER = "ECG electrode"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
_FILTERS = re.compile(
    r"(?:(?:HP|LP|N|BP|NOTCH|HIGH-PASS|LOW-PASS)[: ]{0,2}(?:DC|\d{1,5}(?:\.\d{1,5})?) ?(?:m?Hz)?[ ,;]{0,2}){1,8}",
    re.IGNORECASE,
)


def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the header with its fields alone, and every record's samples as they are."""
    with opened(source) as original:
        header = load_header(original)
        fields = [*_fixed(header, disguise, ledger), *_signals(header, ledger)]
        magic = EDF_MAGIC if header.width == 2 else BDF_MAGIC
        target = folder / f"{disguise.record}{'.edf' if header.width == 2 else '.bdf'}"
        write_unpublished(target, partial(_fill, original, header, magic + b"".join(fields), ledger))
    ledger.remove("bytes after the last record", bool(header.rest))
    return target


def _fixed(header: Header, disguise: Disguise, ledger: Ledger) -> list[bytes]:
    """The header's fields for the whole recording, without the first."""
    ledger.remove("local patient identification")
    ledger.remove("local recording identification")
    day = _day(header)
    moved = None if day is None else disguise.moved(day)
    told = moved is not None and _FIRST <= moved <= _LAST
    if day is not None:
        ledger.dates += told
        ledger.remove("date out of the format's range", not told)
    start = f"{moved.day:02d}-{_MONTHS[moved.month - 1]}-{moved.year}" if told and moved else "X"
    age = f" age:{disguise.age}" if disguise.age is not None else ""
    ledger.person(disguise)
    clock = time_of(header.time.replace(".", ":"))
    texts = (
        f"{disguise.patient} {disguise.sex or 'X'} X X{age}",
        f"Startdate {start} X X X",
        f"{moved:%d.%m.%y}" if told else _UNKNOWN_DATE,
        clock[:8].replace(":", ".") or "00.00.00",
        str(FIXED * (len(header.signals) + 1)),
        header.kind,
        str(header.records),
        _duration(header),
        str(len(header.signals)),
    )
    return [_field(text, width) for text, width in zip(texts, FIXED_FIELDS, strict=True)]


def _day(header: Header) -> date | None:
    """The day the recording began, as EDF+ states it with its century, else as EDF does with two digits."""
    words = header.recording.split()
    if header.plus and len(words) > 1:
        long = date_of(words[1], "%d-%b-%Y")
        if long is not None:
            return long
    short = header.date.rpartition(".")
    if header.date == _UNKNOWN_DATE or not (short[2].isdecimal() and len(short[2]) == 2):
        return None
    century = 1900 if int(short[2]) >= 85 else 2000
    return date_of(f"{short[0]}.{century + int(short[2])}", "%d.%m.%Y")


def _duration(header: Header) -> str:
    """Seconds of a record in at most eight characters that mean just that."""
    whole, rest = divmod(header.duration, 1)
    digits = f"{float(rest):.12f}"[1:].rstrip("0").rstrip(".")
    return f"{int(whole)}{digits}" if whole else f"0{digits}"


def _signals(header: Header, ledger: Ledger) -> list[bytes]:
    rows = [_signal(signal, number, ledger) for number, signal in enumerate(header.signals, start=1)]
    columns = zip(zip(*rows, strict=True), FIELDS, strict=True)
    return [_field(text, width) for column, width in columns for text in column]


def _signal(signal: Signal, number: int, ledger: Ledger) -> tuple[str, ...]:
    if signal.annotations:
        return signal.label, "", "", "-1", "1", *(_number(text) for text in signal.digital), "", str(signal.spr), ""
    name = lead_of(signal.label)
    if not known_signal(name):
        ledger.remove("signal name that is no known lead")
        name = f"signal {number}"
    transducer = _TRANSDUCER if is_ecg(signal) else ""
    ledger.remove("transducer", signal.transducer not in ("", transducer))
    unit = signal.unit and known_unit(signal.unit)
    ledger.remove("unit that is no known unit", unit != signal.unit)
    filters = signal.filters if _FILTERS.fullmatch(signal.filters) else ""
    ledger.remove("prefiltering that is no filter", filters != signal.filters)
    ranges = (_number(text) for text in (*signal.physical, *signal.digital))
    return name, transducer, unit.replace("µ", "u").replace("μ", "u"), *ranges, filters, str(signal.spr), ""


def _number(text: str) -> str:
    """The text, if it is a number; 0, which no reader takes for a range, otherwise."""
    point = text.replace(",", ".")
    return point if _NUMBER.fullmatch(point) else "0"


def _field(text: str, width: int) -> bytes:
    return text.encode("ascii", "replace")[:width].ljust(width)


def _fill(source: Source, header: Header, fields: bytes, ledger: Ledger, made: BinaryIO) -> None:
    made.write(fields)
    size, end_s = header.samples * header.width, _end(source, header)
    step = max(1, _PIECE // size)
    for record in range(0, header.records, step):
        count = min(step, header.records - record)
        rows = np.frombuffer(source.read(header.at + record * size, count * size), np.uint8).reshape(count, -1)
        made.write(_clean(rows, header, ledger, end_s))


def _end(source: Source, header: Header) -> float:
    """When the recording ends, in seconds: after its last record, which may come after gaps."""
    begin = (header.records - 1) * header.duration
    times = next((signal for signal in header.signals if signal.annotations), None)
    if times is None or not header.discontinuous:
        return float(begin + header.duration)
    at = header.at + (header.records - 1) * header.samples * header.width + times.at * header.width
    return time_of_record(source.read(at, times.spr * header.width)) + float(header.duration)


def _clean(rows: npt.NDArray[np.uint8], header: Header, ledger: Ledger, end_s: float) -> bytes:
    """Records [records, bytes] whose annotations are rebuilt.

    Raises:
        Refused: Annotations are not where the header has them: text would pass for samples.
    """
    made, first = rows.copy(), header.plus
    for signal in header.signals:
        place = slice(signal.at * header.width, (signal.at + signal.spr) * header.width)
        if signal.annotations:
            for row in made:
                data = row[place].tobytes()
                if first and not begins_with_time(data):
                    raise Refused(_MISPLACED, _AGAIN)
                row[place] = np.frombuffer(rebuild_annotations(data, ledger, end_s), np.uint8)
            first = False
        elif not known_signal(lead_of(signal.label)) and holds_annotations(rows[:, place].tobytes()):
            raise Refused(_MISPLACED, _AGAIN)
    return made.tobytes()


REBUILDER = Rebuilder(rebuild)
