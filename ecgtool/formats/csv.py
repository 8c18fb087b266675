"""Tables of numbers as text: CSV, TSV, semicolons or white space; samples down, leads across.

The rate comes from a column of times, from a comment such as ``# fs=250``, or from ``NAME.meta.json`` or
``dataset.json``; units from names such as ``II (mV)``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.arrays import oriented, rate, to_record
from ecgtool.formats.contract import Format
from ecgtool.formats.csv_body import Body, body_of, read_lines
from ecgtool.formats.csv_columns import Columns, Timing, columns_of, time_of, timing
from ecgtool.formats.csv_dialect import DATED, HoldsText, NotTable, dialect_of
from ecgtool.formats.csv_write import write_csv
from ecgtool.formats.reading import sample_range
from ecgtool.formats.regular import regular_file
from ecgtool.formats.sidecar import Sidecar, described, overriding
from ecgtool.record import Record

_HEAD = 2**18
_TABLES = "Labels go to ecg prepare folder or manifest; ecg convert-serial reads logs with stray lines."
_SHAPE = "A recording as text (UTF-8) has a line per sample, its leads beside each other."
_SETTLE = 'Say {"fs": ...} in NAME.meta.json beside it to settle it.'
_UNEVEN = "ecg convert-serial puts irregular samples on an even grid."
_UNEVEN_CLOCK = "Write the times in seconds; ecg convert-serial then puts the samples on an even grid."
_THOUSANDS = "Write numbers without a mark between thousands."
_OFTEN_WHOLE = 0.02  # how many of the numbers are whole where thousands are parted; of three decimals 1 in 1,000
_AGREE = 0.005  # by how much of each other two rates may differ that say the same
_ROUNDING = 1e-4  # by how much the times of a table may miss the rate that its header states, written with few decimals


def sniff(_path: Path, head: bytes) -> bool:
    """Whether the file is text, and the lines below its comments and header are as many numbers each."""
    try:
        return len(dialect_of(head, whole=len(head) < 4096).rows) > 1
    except NotTable:
        return False


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the recording that a table holds.

    Args:
        path: The file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: It is no table of numbers, a line is not like the others, or nothing says its rate.
        ConfigError: The range begins after the end of the recording.
    """
    with regular_file(path) as (file, size):
        head = file.read(_HEAD)
    try:
        dialect = dialect_of(head, whole=size <= len(head))
        said = described(path, {key: value for key, value in dialect.said.items() if key != "leads"})
        body = body_of(path, dialect)
        if said.layout == "leads,samples":
            return _of_rows(body, said, start_s, seconds)
        return _of_columns(body, columns_of(dialect), start_s, seconds)
    except NotTable as error:
        raise FormatError(f"{path} {error}.", _TABLES if isinstance(error, HoldsText) else _SHAPE) from None


def _of_columns(body: Body, columns: Columns, start_s: float, seconds: float | None) -> Record:
    """The record of a table with samples down and leads across."""
    path, times = body.path, timing(body, columns)
    said = described(path, _inside(body, columns, times))
    axes = oriented(path, (body.lines, len(columns.leads)), said.model_copy(update={"layout": "samples,leads"}))
    span = sample_range(path, axes.samples, rate(path, said), start_s, seconds)
    wanted = sorted(columns.leads if times is None else (*columns.leads, times.column))
    convert = {times.column: partial(time_of, body.dialect)} if times is not None and times.clock else {}
    places = [wanted.index(lead) for lead in columns.leads]
    signal, at = np.empty((axes.leads, span[1] - span[0])), 0
    for rows in read_lines(body, *span, wanted, convert):
        if times is not None:
            _refuse_uneven(path, rows[:, wanted.index(times.column)], times, span[0] + at)
        signal[:, at : at + len(rows)] = rows[:, places].T
        at += len(rows)
    _refuse_thousands(path, signal)
    meta = _meta(body, times) | ({"left_out": columns.left_out} if columns.left_out else {})
    return to_record(path, signal, said, (*span, axes.samples), meta)


def _of_rows(body: Body, said: Sidecar, start_s: float, seconds: float | None) -> Record:
    """The record of a table that is said to have a lead in each line."""
    values = np.concatenate([*read_lines(body, 0, body.lines, range(body.dialect.columns))])
    axes = oriented(body.path, values.shape, said)
    begin, end = sample_range(body.path, axes.samples, rate(body.path, said), start_s, seconds)
    return to_record(body.path, values[:, begin:end], said, (begin, end, axes.samples), _meta(body))


def _inside(body: Body, columns: Columns, times: Timing | None) -> dict[str, Any]:
    """What the table says of itself, in the words of a sidecar.

    Raises:
        FormatError: Its times and its comments say different rates, and no document of its own settles it.
    """
    said, count = dict(body.dialect.said), len(columns.leads)
    stated = said.get("fs")
    if times is not None:
        settled = overriding(body.path).fs is not None
        if stated and not settled and abs(times.fs - stated) > _AGREE * stated:
            raise FormatError(f"{body.path}: its times mean {times.fs:g} Hz, its header says {stated:g} Hz.", _SETTLE)
        said["fs"] = stated if stated and abs(times.fs - stated) <= _ROUNDING * stated else times.fs
        begin = body.dialect.rows[0][times.column]
        said |= {"start": begin} if DATED.fullmatch(begin) else {}
    if columns.names:
        said["leads"] = [name or f"ECG {number}" for number, name in enumerate(columns.names, start=1)]
    elif len(said.get("leads", ())) != count:
        said.pop("leads", None)
    if any(columns.units):
        said["unit"] = [unit or said.get("unit", "unknown") for unit in columns.units]
    return said


def _refuse_uneven(path: Path, column: npt.NDArray[np.float64], times: Timing, first: int) -> None:
    """Refuse times that are not where evenly spaced ones would be.

    Raises:
        FormatError: One is over half a sample away, missing or there twice.
    """
    expected = times.start + times.step * np.arange(first, first + len(column))
    allowed = 0.5 * times.step + times.resolution
    uneven = ~(np.abs(column - expected) <= allowed)
    uneven[1:] |= np.abs(np.diff(column) - times.step) > allowed
    if uneven.any():
        number, hint = first + int(np.argmax(uneven)) + 1, _UNEVEN_CLOCK if times.clock else _UNEVEN
        raise FormatError(f"{path}: the time of sample {number:,} is not where an even rate has it.", hint)


def _refuse_thousands(path: Path, signal: npt.NDArray[np.float64]) -> None:
    """Refuse numbers such as 598 and 1.204 in one column, whose mark parts thousands rather than decimals.

    Decimals are as often below 1 as above, and three of them are seldom all zero.

    Raises:
        FormatError: A lead holds such numbers.
    """
    for row in signal:
        values = np.abs(row[np.isfinite(row)])
        whole = values == np.rint(values)
        parts = values[~whole]
        if not len(parts) or parts.min() < 1 or np.mean(whole) < _OFTEN_WHOLE or values[whole].max() < 100:
            continue
        exact = [np.mean(np.abs(parts * power - np.rint(parts * power)) < 1e-6) for power in (100, 1000)]
        if exact[1] == 1 and exact[0] < 0.5:
            example = f"{values[whole].max():.0f} and {parts[0]:.3f}"
            raise FormatError(f"{path} holds numbers such as {example}: are these thousands?", _THOUSANDS)


def _meta(body: Body, times: Timing | None = None) -> dict[str, Any]:
    """What is to be said beside the samples."""
    promised = body.dialect.said.get("samples", body.lines)
    warnings = []
    if times is not None and times.inferred and body.dialect.said.get("fs", overriding(body.path).fs) is None:
        warnings.append(f"The unit of the times is not stated; as {times.inferred} they mean {times.fs:g} Hz.")
    if body.lines != promised:
        warnings.append(f"The table has {body.lines:,} samples; its header promises {promised:,}.")
    if body.cut:
        warnings.append("The last line is cut short; it is left out.")
    if body.unended:
        warnings.append("The last line has no end; its last value may be cut.")
    meta: dict[str, Any] = {"comments": body.dialect.comments} if body.dialect.comments else {}
    if warnings:
        meta["warnings"] = tuple(warnings)
    if body.cut or body.lines < promised:
        meta["truncated"] = True
    return meta


CSV = Format(
    "csv",
    "Tables of numbers: CSV, TSV, text",
    (".csv", ".tsv", ".txt"),
    sniff,
    read,
    write_csv,
    rebuild="ecgtool.deidentify.tables:TABLE",
)
