"""The times of a log as its device's clock meant them: counted on where it wrapped, each moment once, in seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError, FormatError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
_UNITS = {
    "us": r"\b(?:us|µs|μs|usec\w*|micros\w*)\b",
    "ms": r"\b(?:ms|msec\w*|millis\w*)\b",
    "samples": r"\b(?:n?seq|counter|count|sample|index|idx|packet\w*|frame\w*|nr|no|n)\b",
    "s": r"\b(?:s|sec|secs|seconds?)\b",
}
_NAMED_TIME = re.compile(r"\b(?:t|time\w*|timestamp\w*|elapsed|clock|date)\b", re.IGNORECASE)

# Rates at which electrocardiograms are sampled by what prints lines; in no two units can one step be within them.
_SLOWEST, _FASTEST = 40.0, 8000.0

# A 4-bit and an 8-bit sequence number, 16 bits, millis() and micros() of 32 bits, the latter two also as printed
# after a division by 1,000 or 1,000,000; and midnight.
_WRAPS = (16.0, 256.0, 65536.0, 2.0**32 / 1e6, 86400.0, 2.0**32 / 1e3, 2.0**32)
_NEAR = 64
_REPEATED = 64
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Times:
    """When each line was.

    Args:
        seconds: float64 [kept], rising strictly, from 0.
        kept: bool [lines]: False where a line repeats another, or its time is a slip.
        unit: Of the column: one of s, ms, us, samples.
        found: How the unit was known.
        tick_s: The clock's resolution; 0 where it cannot be seen.
        wraps: How often the clock wrapped.
        repeated: Lines left out because they repeat the one before, or a few before.
        slips: Lines left out because their time jumps away and back.
        restarts_s: Where the clock began anew, after a pause of unknown length.
    """

    seconds: Floats
    kept: Mask
    unit: str
    found: str
    tick_s: float
    wraps: int
    repeated: int
    slips: int
    restarts_s: tuple[float, ...]


def named_unit(name: str) -> str | None:
    """The unit that a column's name says; None where it says none.

    >>> named_unit("time_ms"), named_unit("timestamp"), named_unit("nSeq")
    ('ms', None, 'samples')
    """
    words = name.lower().replace("_", " ")
    return next((unit for unit, pattern in _UNITS.items() if re.search(pattern, words)), None)


def names_time(name: str) -> bool:
    """Whether a column's name says that it holds times, or counts samples."""
    return bool(_NAMED_TIME.search(name.replace("_", " "))) or named_unit(name) is not None


def advances(column: Floats) -> bool:
    """Whether a column rises as times and counters do, but for a wrap or a slip now and then."""
    steps = np.diff(column[np.isfinite(column)])
    forward = steps[steps > 0]
    if len(steps) < 3 or len(forward) < 0.1 * len(steps) or (steps < 0).sum() > 0.1 * len(forward):
        return False
    return bool((forward <= 4 * np.median(forward)).mean() > 0.8)


def read_times(path: Path, column: Floats, values: Floats, fs: float | None, told: tuple[str | None, str]) -> Times:
    """When each line was, from its time column.

    Args:
        path: Of the log, for messages.
        column: float64 [lines], finite, in the unit of the log.
        values: float64 [lines, leads], to know repeated lines from several samples in one tick.
        fs: Rate in Hz, without which a counter of samples says nothing.
        told: The unit, where user or header say it, and which of them.

    Raises:
        FormatError: The column does not advance, or its unit cannot be recognised.
        DataError: A counter of samples without a rate.
    """
    counted, wraps = _unwrapped(path, column)
    kept, counted, repeated, slips, restarts = _sorted(path, counted, values)
    typical = _typical(counted)
    unit, found = told if told[0] else _plausible(path, typical, fs)
    if unit == "samples" and fs is None:
        raise DataError(f"{path} counts samples, but says no rate.", "Give --fs.")
    per_second = fs if unit == "samples" and fs else PER_SECOND[str(unit)]
    counted = _paused(restarts, counted, max(round(_PAUSE_S * per_second / typical), 1) * typical)
    tick = _tick(counted)
    spread = _spread(counted)
    seconds = (spread - spread[0]) / per_second
    begun = tuple(float(seconds[at]) for at in restarts)
    return Times(seconds, kept, str(unit), found, tick / per_second, wraps, repeated, slips, begun)


def _typical(column: Floats) -> float:
    forward = np.diff(column)
    return float(np.median(forward[forward > 0])) if (forward > 0).any() else 0.0


def _unwrapped(path: Path, column: Floats) -> tuple[Floats, int]:
    """The column, counted on where its clock wrapped, and how often it did."""
    steps = np.diff(column)
    typical = _typical(column)
    back = np.flatnonzero(steps < 0)
    if not typical or len(back) > 0.2 * len(steps):
        raise FormatError(f"{path}: the time column does not advance.", "Check --time-col; -1 says that there is none.")
    best: Indices = back[:0]
    size = 0.0
    for wrap in _WRAPS:
        near = min(_NEAR * typical, wrap / 2)
        before, after = column[back], column[back + 1]
        fits = back[(before < wrap) & (wrap - before <= near) & (after >= 0) & (after <= near)]
        if len(fits) > len(best):
            best, size = fits, wrap
    turns = np.zeros(len(column))
    turns[best + 1] = size
    return column + np.cumsum(turns), len(best)


def _sorted(path: Path, times: Floats, values: Floats) -> tuple[Mask, Floats, int, int, list[int]]:
    """Which lines to keep so that times never go back, their times, and what was found.

    Returns:
        kept, times of the kept, repeated lines, slips, and the kept lines at which the clock began anew.
    """
    kept = np.ones(len(times), np.bool_)
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back) > 5 + 0.02 * len(times):
        raise FormatError(f"{path}: its times go back at {len(back):,} lines.", "Check --time-col.")
    near = _NEAR * _typical(times)
    restarts, slips, done = [], 0, 0
    for at in back:
        if at < done:
            continue
        if at == 0 or (0 < times[at + 1] - times[at - 1] <= near < times[at] - times[at - 1]):
            kept[at], slips = False, slips + 1
            continue
        ahead = np.flatnonzero(times[at + 1 : at + 2 + _REPEATED] > times[at])
        if len(ahead):
            done = int(at + 1 + ahead[0])
            kept[at + 1 : done] = False
        else:
            restarts.append(int(at) + 1)
    repeated = int((~kept).sum()) - slips
    same = _same(times, values) & kept
    kept &= ~same
    before: Indices = np.cumsum(kept) - kept
    return kept, times[kept], repeated + int(same.sum()), slips, [int(before[at]) for at in restarts]


def _same(times: Floats, values: Floats) -> Mask:
    """Which lines repeat the one before them; none where the clock is too coarse to tell lines apart."""
    ties = np.diff(times, prepend=np.nan) == 0
    equal = np.zeros(len(times), np.bool_)
    equal[1:] = ((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))).all(axis=1)
    equal &= ties
    return equal if equal.sum() > 0.5 * ties.sum() else np.zeros(len(times), np.bool_)


def _plausible(path: Path, typical: float, fs: float | None) -> tuple[str, str]:
    """The unit in which the usual step makes a rate at which electrocardiograms are sampled."""
    if typical == 1.0:
        if fs is not None:
            return "samples", "it steps by 1, and --fs or the header says the rate"
        raise FormatError(
            f"{path}: its first column steps by 1: samples counted, or milliseconds at 1000 Hz.",
            "Give --fs for a count of samples, or --time-unit ms.",
        )
    for unit, per_second in PER_SECOND.items():
        if _SLOWEST <= per_second / typical <= _FASTEST:
            return unit, f"recognised from its usual step of {typical:g}"
    raise FormatError(
        f"{path}: its times step by {typical:g}, which is no usual rate in s, ms or µs.",
        "Give --time-unit s, ms, us or samples, or --time-col -1 where no column is a time.",
    )


def _paused(restarts: list[int], times: Floats, pause: float) -> Floats:
    """The times, those from each restart on coming a pause after those before."""
    later = np.zeros(len(times))
    at = np.array(restarts, np.intp)
    later[at] = times[at - 1] + pause - times[at]
    return times + np.cumsum(later)


def _tick(times: Floats) -> float:
    """The resolution of the times: the power of ten (or whole unit) of which they are multiples; 0 where none is."""
    some = times[:10_000] - np.floor(times[0])
    for digits in range(7):
        scaled = some * 10**digits
        if np.allclose(scaled, np.rint(scaled), rtol=0, atol=1e-3):
            return float(10.0**-digits)
    return 0.0


def _spread(times: Floats) -> Floats:
    """Times that rise strictly: lines of one tick are spread evenly until the next."""
    begins = np.flatnonzero(np.diff(times, prepend=-np.inf) > 0)
    lengths = np.diff(begins, append=len(times))
    if len(begins) == len(times):
        return times
    usual = _typical(times)
    widths = np.diff(times[begins], append=times[-1] + usual)
    place = np.arange(len(times)) - np.repeat(begins, lengths)
    return times + place * np.repeat(np.minimum(widths, usual) / lengths, lengths)
