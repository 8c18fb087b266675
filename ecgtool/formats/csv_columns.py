"""What the columns of a table are: time, leads with their units, and what is neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from ecgtool.formats.csv_body import Body, first_and_last
from ecgtool.formats.csv_dialect import CLOCK, DATED, Dialect, NotTable
from ecgtool.formats.reading import units_per_mv
from ecgtool.record import LEADS_12, MAX_FS, MIN_FS, lead_name

_TIMES = ("time", "t", "times", "timestamp", "elapsed time", "seconds", "sec", "s", "ms", "us", "millis", "micros")
_INDEXES = ("", "index", "sample", "sample #", "sample number", "sample no", "samples", "n", "#", "unnamed: 0")
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "hh:mm:ss.mmm", "mm:ss.mmm"), 1.0),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "micros", "microsecond", "microseconds"), 1e-6),
}
_BRACKETS = re.compile(r"(.*?)\s*[\[(]\s*([^\[\](),;]{1,20}?)\s*[\])]\s*")
_TAIL = re.compile(r"(.+?)[ _/]([munµμ]?V|[muµμ]?s)", re.IGNORECASE)
_NO_UNIT = ("", "-", "a.u.", "au", "counts", "count", "adu", "nu", "n/a", "raw", "adc", "lsb")

# Rates that recordings have; a step of time without a unit is in that unit which gives such a rate. At most one does.
_SLOWEST, _FASTEST = 25.0, 20_000.0
_INFERRED = {1.0: "", 1e-3: "milliseconds", 1e-6: "microseconds"}  # numbers with decimals are seconds beyond doubt
_ROUNDING = 1e-9  # of a rate, that the decimals of its times leave open


class Columns(NamedTuple):
    """The columns of a table by what they are."""

    time: int | None
    unit_s: float | None  # seconds in 1 of the time column, where it says so
    leads: tuple[int, ...]
    names: tuple[str, ...]  # of the leads; empty without a header
    units: tuple[str, ...]  # of the leads; "" where none is given
    left_out: dict[str, str]  # signals that are no voltage, and their unit


def columns_of(dialect: Dialect) -> Columns:
    """What each column is, by its name and, where it has none, by its numbers.

    Raises:
        NotTable: No column is a signal.
    """
    titles = [_title(dialect, column) for column in range(dialect.columns)]
    time = next((at for at, (name, unit) in enumerate(titles) if _is_time(dialect, at, name, unit)), None)
    signals = [at for at, (name, _) in enumerate(titles) if at != time and not _is_other(dialect, at, name)]
    units = [titles[at][1] for at in signals]
    voltage = any(units_per_mv(unit) for unit in units)
    foreign = {at for at, unit in zip(signals, units, strict=True) if voltage and _is_foreign(unit)}
    leads = tuple(at for at in signals if at not in foreign)
    if not leads:
        raise NotTable("has no column of samples")
    return Columns(
        time,
        None if time is None else _seconds(titles[time]),
        leads,
        tuple(titles[at][0] for at in leads) if dialect.names else (),
        tuple(unit if units_per_mv(unit := titles[at][1]) else "" for at in leads),
        {titles[at][0]: titles[at][1] for at in foreign},
    )


def _title(dialect: Dialect, column: int) -> tuple[str, str]:
    """Name and unit of a column: ``II (mV)``, ``MLII [uV]``, ``time_ms``, or the unit in a line of its own."""
    name = dialect.names[column] if dialect.names else ""
    if dialect.units:
        return name, dialect.units[column].strip("()[] ")
    found = _BRACKETS.fullmatch(name) or _TAIL.fullmatch(name)
    if found is None:
        return name, ""
    return found[1].strip(), found[2].strip()


def _is_time(dialect: Dialect, column: int, name: str, unit: str) -> bool:
    """Whether a column is the time: by its name; in the first column of several also by its numbers."""
    values = [row[column] for row in dialect.rows]
    if any(CLOCK.fullmatch(value) for value in values):
        return True
    if dialect.names and name:
        plain = name.lower()
        counts = not unit and plain in ("time", "t", "timestamp") and _step(dialect, column) == 1.0
        known = plain in _TIMES or (plain.startswith("time") and _seconds((name, unit)) is not None)
        other = units_per_mv(unit) is not None or lead_name(name) in LEADS_12
        return not counts and (known or (_rises(dialect, column) and not other))
    return _rises(dialect, column)


def _rises(dialect: Dialect, column: int) -> bool:
    """Whether a column is the first of several and rises evenly, other than by ones."""
    return column == 0 and dialect.columns > 1 and _step(dialect, column) not in (None, 1.0)


def _is_other(dialect: Dialect, column: int, name: str) -> bool:
    """Whether a column is no signal: it counts the samples, or is the empty one after a last delimiter."""
    if all(row[column] == "" for row in dialect.rows) and not name:
        return True
    counts = column == 0 and dialect.columns > 1 and _step(dialect, column) == 1.0
    return counts and (not dialect.names or name.lower() in (*_INDEXES, *_TIMES))


def _is_foreign(unit: str) -> bool:
    return units_per_mv(unit) is None and unit.lower() not in _NO_UNIT


def _step(dialect: Dialect, column: int) -> float | None:
    """The constant step of a column's first numbers; None where they have none."""
    if len(dialect.rows) < 3:
        return None
    texts = [row[column] for row in dialect.rows]
    numbers = [dialect.number(text) for text in texts]
    values = np.array([np.nan if number is None else number for number in numbers])
    if not np.isfinite(values).all():
        return None
    step = float(values[-1] - values[0]) / (len(values) - 1)
    ideal = values[0] + step * np.arange(len(values))
    return step if step > 0 and float(np.abs(values - ideal).max()) <= 1.01 * _resolution(dialect, texts) else None


def _resolution(dialect: Dialect, texts: Sequence[str]) -> float:
    """The last decimal of some numbers; 1e-9 of them at least, where they are in scientific notation."""
    mantissas = [text.lower().partition("e")[0].partition(dialect.decimal)[2] for text in texts]
    scientific = any("e" in text.lower() for text in texts)
    largest = max(abs(dialect.number(text) or 0.0) for text in texts)
    return largest * 1e-6 if scientific else max(10.0 ** -max(map(len, mantissas)), largest * 1e-12)


def _seconds(title: tuple[str, str]) -> float | None:
    """Seconds in a step of 1 of a time column, by its unit or its name; None where neither says."""
    name, unit = (text.lower().replace("µ", "u").replace("μ", "u") for text in title)
    return _SECONDS.get(unit) or _SECONDS.get(name)


class Timing(NamedTuple):
    """What the time column says."""

    column: int
    fs: float
    start: float  # time of the first sample, in the column's own unit
    step: float  # from one sample to the next
    resolution: float  # to which the times are written
    clock: bool  # as times of day rather than numbers
    inferred: str  # the unit, where nothing but the size of the step says it; "" where it is stated or seconds


def timing(body: Body, columns: Columns) -> Timing | None:
    """Rate and start by the first and last time and the number of lines; None without a column of times.

    Raises:
        NotTable: The times do not rise evenly, or the unit of their step is not clear.
    """
    if columns.time is None or body.lines < 2:
        return None
    texts = [fields[columns.time] for fields in first_and_last(body)]
    first, last = (time_of(body.dialect, text) for text in texts)
    step = (last - first) / (body.lines - 1)
    if not step > 0:
        raise NotTable("has times that do not rise")
    clock = CLOCK.fullmatch(texts[0]) is not None
    unit = 1.0 if clock else columns.unit_s or _likely_unit(step)
    inferred = "" if clock or columns.unit_s else _INFERRED[unit]
    rows = [row[columns.time] for row in body.dialect.rows]
    resolution = 1e-3 if clock else _resolution(body.dialect, rows)
    if abs(time_of(body.dialect, rows[-1]) - first - step * (len(rows) - 1)) > 0.1 * step + 2 * resolution:
        raise NotTable("has times that do not rise evenly")
    fs = _plain(1.0 / (step * unit), resolution / (last - first) + _ROUNDING)
    return Timing(columns.time, fs, first, step, resolution, clock, inferred)


def time_of(dialect: Dialect, text: str) -> float:
    """A time as a number, a time of day in seconds.

    Raises:
        NotTable: It is none.
    """
    number = dialect.number(text)
    if number is None and DATED.fullmatch(text):
        number = _since_epoch(text)
    elif number is None and CLOCK.fullmatch(text):
        parts = text.strip("[]").partition(" ")[0].replace(",", ".").split(":")
        number = sum(float(part) * 60**power for power, part in enumerate(reversed(parts)))
    if number is None or not np.isfinite(number):
        raise NotTable(f"has {text[:30]!r} in its column of times")
    return number


def _since_epoch(text: str) -> float | None:
    """Seconds of a date and time, whatever the zone; None where it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _likely_unit(step: float) -> float:
    """The unit in which a step of time is that of a recording."""
    fitting = [unit for unit in _INFERRED if _SLOWEST <= 1.0 / (step * unit) <= _FASTEST]
    if len(fitting) != 1:
        raise NotTable(
            f"has times {step:g} apart, in a unit that is not given; name the column 'time (s)' or 'time_ms'"
        )
    return fitting[0]


def _plain(fs: float, error: float) -> float:
    """The roundest rate within what rounded times leave open."""
    if not MIN_FS <= fs <= MAX_FS:
        raise NotTable(f"has times that mean {fs:g} Hz, outside 1-100,000 Hz")
    rounded = (round(fs, digits) for digits in range(-1, 7))
    return next((rate for rate in rounded if rate > 0 and abs(rate - fs) <= fs * error), fs)
