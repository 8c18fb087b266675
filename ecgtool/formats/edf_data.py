"""The records of an EDF or BDF file: counts to millivolts, and the gaps between records of a discontinuous one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.edf_header import Header, Signal, calibration
from ecgtool.formats.reading import units_per_mv
from ecgtool.formats.source import Source

Millivolts = npt.NDArray[np.float32]

_PIECE = 2**20  # bytes converted at a time
_ONSET = re.compile(rb"([+-]\d{1,10}(?:\.\d{0,12})?)\x14")
# Sparse signals that are held, and gaps, could claim any amount of memory.
_MOST_HELD, _SMALL = 64, 2**19
_MOST_GAPS = 2**16
_FAR = 2**13  # bytes between two times that are not worth reading
_CLOCK = "The times of its records are wrong; export it again, as EDF+C."


class Run(NamedTuple):
    """Records without a gap between them."""

    at: int  # the sample of the recording that the first begins at
    first: int  # record
    last: int  # the record after the last


def room(header: Header, kept: Sequence[Signal], length: int, records: int) -> Millivolts:
    """An array [signals, samples] for a range of the recording, full of NaN.

    Args:
        header: Of the file.
        kept: Its rows.
        length: Samples of the range.
        records: Records that the range takes its samples from.

    Raises:
        FormatError: The range is almost only gaps, or the rates of its signals lie too far apart.
    """
    if len(kept) * length > max(_SMALL, _MOST_HELD * header.samples * records):
        raise FormatError(
            f"{header.path}: this range is almost only gaps, or its signals' rates differ too much.",
            "Read a shorter range.",
        )
    return np.full((len(kept), length), np.nan, np.float32)


def read_run(source: Source, header: Header, kept: Sequence[Signal], run: Run, out: Millivolts, begin: int) -> None:
    """Millivolts of a run of records into ``out``, whose first column is sample ``begin`` of the recording.

    A signal sparser than the densest one kept is held until its next sample. What lies outside ``out`` is dropped.
    """
    spr = max(signal.spr for signal in kept)
    scales = [_per_count(signal, header) for signal in kept]
    step = max(1, _PIECE // (header.samples * header.width))
    first = max(run.first, run.first + (begin - run.at) // spr)
    last = min(run.last, run.first - (run.at - begin - out.shape[1]) // spr)
    for record in range(first, last, step):
        count = min(step, last - record)
        counts = _counts(source, header, record, count)
        at = run.at + (record - run.first) * spr - begin
        left, right = max(at, 0), min(at + count * spr, out.shape[1])
        for row, (signal, (scale, offset)) in enumerate(zip(kept, scales, strict=True)):
            values = counts[:, signal.at : signal.at + signal.spr] * scale + offset
            if signal.spr != spr:
                values = values[:, np.arange(spr) * signal.spr // spr]
            out[row, left:right] = values.reshape(-1)[left - at : right - at]


def _per_count(signal: Signal, header: Header) -> tuple[float, float]:
    """Millivolts per count and of count 0; in its own unit where that is no voltage."""
    scale, offset = calibration(signal, header.width, header.path)
    per_mv = units_per_mv(signal.unit) or 1.0
    return scale / per_mv, offset / per_mv


def _counts(source: Source, header: Header, record: int, count: int) -> npt.NDArray[np.integer]:
    """Counts [records, samples of all signals]."""
    size = header.samples * header.width
    data = source.read(header.at + record * size, count * size)
    if header.width == 2:
        return np.frombuffer(data, "<i2").reshape(count, -1)
    low = np.frombuffer(data, np.uint8).reshape(count, -1, 3)
    high = low[:, :, 2].view(np.int8).astype(np.int32)
    return high << 16 | low[:, :, 1].astype(np.int32) << 8 | low[:, :, 0]


def runs(source: Source, header: Header, fs: Fraction) -> list[Run]:
    """The runs of a recording, by the time that every record of a discontinuous one states.

    Raises:
        FormatError: A record states no time, or one before the end of the record before it; there are more gaps than
            any recording has.
    """
    if not header.discontinuous:
        return [Run(0, 0, header.records)]
    spr, rate = round(header.duration * fs), float(fs)
    found: list[Run] = []
    at, first, origin = 0, 0, 0.0  # sample and record that the current run begins at; when the recording begins
    for record, onset in enumerate(_onsets(source, header)):
        origin = origin if record else onset
        expected, begun = at + (record - first) * spr, round((onset - origin) * rate)
        if begun < expected:
            raise FormatError(f"{header.path}: record {record + 1} begins before the one before it ends.", _CLOCK)
        if begun > expected:
            found.append(Run(at, first, record))
            at, first = begun, record
        if len(found) > _MOST_GAPS:
            raise FormatError(f"{header.path} has more than {_MOST_GAPS:,} gaps, more than any recording.", _CLOCK)
    return [*found, Run(at, first, header.records)]


def _onsets(source: Source, header: Header) -> Iterator[float]:
    """When each record begins, by the first annotation of its first annotation signal, in seconds."""
    signal = next((signal for signal in header.signals if signal.annotations), None)
    if signal is None:
        raise FormatError(f"{header.path} says that it has gaps, yet holds no annotations that say where.", _CLOCK)
    size, start = header.samples * header.width, signal.at * header.width
    length = min(signal.spr * header.width, 64)
    step = max(1, _PIECE // size) if size < _FAR else 1  # small records are read many at a time
    for record in range(0, header.records, step):
        count = min(step, header.records - record)
        data = source.read(header.at + record * size + start, (count - 1) * size + length)
        for number in range(count):
            onset = _ONSET.match(data, number * size, number * size + length)
            if onset is None:
                raise FormatError(f"{header.path}: record {record + number + 1} does not say when it begins.", _CLOCK)
            yield float(onset[1])
