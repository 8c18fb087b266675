"""Samples at the times of a log -> samples at a uniform rate, its gaps left as gaps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError
from ecgtool.record import MAX_FS, MIN_FS

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_USUAL = (
    50,
    100,
    125,
    128,
    200,
    240,
    250,
    256,
    300,
    320,
    360,
    400,
    480,
    500,
    512,
    600,
    720,
    800,
    860,
    1000,
    1024,
    2000,
)
_MOST_EMPTY = 20_000_000
_EQUAL = 1e-3
_CLOSE = 0.05


@dataclass(frozen=True)
class Grid:
    """A uniformly sampled log.

    Args:
        values: float64 [samples, leads], NaN where there is no value.
        fs: Rate in Hz.
        measured: Rate in Hz as the times have it.
        jitter_s: Standard deviation of the usual steps.
        regular: Whether values stand as logged, at the times of a regular clock; else they were interpolated.
        filled: Samples that were missing and are interpolated.
        gaps: Where samples are missing for longer: second, length in seconds.
    """

    values: Floats
    fs: float
    measured: float
    jitter_s: float
    regular: bool
    filled: int
    gaps: tuple[tuple[float, float], ...]


def to_grid(path: Path, seconds: Floats, values: Floats, tick_s: float, how: tuple[float | None, str, float]) -> Grid:
    """Put values on a uniform grid.

    Times that lie within a tick (or a fiftieth of a step) of a regular clock are taken as that clock's, so that the
    values stay as they are; between others, values are interpolated.

    Args:
        path: Of the log, for messages.
        seconds: float64 [lines], rising strictly.
        values: float64 [lines, leads].
        tick_s: Resolution of the times.
        how: The rate that is wanted (None: as measured), the interpolation, and the longest gap that is filled, in
            seconds.

    Raises:
        DataError: Fewer than three lines, a rate outside 1-100,000 Hz, or almost only gaps.
        ConfigError: The rate that is wanted is not that of the times.
    """
    fs, interpolate, longest = how
    if len(seconds) < 3:
        raise DataError(f"{path} holds {len(seconds)} lines of data; a rate needs three.")
    steps = np.diff(seconds)
    if not (steps > 0).all():
        raise DataError(f"{path}: its times differ by less than numbers of their size can.", "Check --time-col.")
    typical = float(np.quantile(steps, 0.5, method="lower"))
    usual = steps[(steps > 0.5 * typical) & (steps < 1.5 * typical)]
    period, jitter = float(usual.mean()), float(usual.std())
    places = np.concatenate(([0], np.cumsum(np.maximum(1, np.rint(steps / period)).astype(np.intp))))
    period, residual = _fitted(seconds, places, steps > max(longest, 2 * period))
    measured = 1 / period
    _check(path, measured, fs, float(seconds[-1]), len(seconds))
    allowed = 1.05 * max(tick_s / 2, 0.02 * period)
    regular = residual <= allowed and (fs is None or abs(fs / measured - 1) <= _EQUAL)
    if regular:
        rate = fs or _rounded(measured, 1e-4 + 2 * allowed / max(float(seconds[-1]), period))
        made, filled = _placed(places, values, longest * rate, interpolate)
    else:
        rate = fs or _nominal(measured)
        made, filled = _interpolated(seconds, values, rate, (interpolate, max(longest, 1.5 * typical)))
    gaps = _gaps(places / rate if regular else seconds, max(longest, 1.5 / rate if regular else 1.5 * typical))
    return Grid(made, rate, measured, jitter, regular, filled, gaps)


def _fitted(seconds: Floats, places: Indices, breaks: Mask) -> tuple[float, float]:
    """The period that fits best between gaps, and how far from a regular clock any time lies, both in seconds."""
    begins = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    lengths = np.diff(begins, append=len(seconds))
    x, y = (column - np.repeat(_means(column, begins, lengths), lengths) for column in (places, seconds))
    period = float((x * y).sum() / max((x * x).sum(), 1e-300))
    away = y - period * x
    middle = (np.maximum.reduceat(away, begins) + np.minimum.reduceat(away, begins)) / 2
    return period, float(np.abs(away - np.repeat(middle, lengths)).max())


def _means(column: npt.NDArray[np.generic], begins: Indices, lengths: Indices) -> Floats:
    return np.asarray(np.add.reduceat(column.astype(np.float64), begins) / lengths, np.float64)


def _check(path: Path, measured: float, fs: float | None, seconds: float, lines: int) -> None:
    """Refuse what cannot be put on a grid, before any memory is taken for it."""
    if not MIN_FS <= measured <= MAX_FS:
        raise DataError(f"{path}: its times make {measured:g} Hz, outside 1-100,000 Hz.", "Check --time-unit.")
    if fs is not None and abs(fs / measured - 1) > _CLOSE:
        raise ConfigError(
            f"{path}: --fs {fs:g} contradicts its times, which make {measured:.6g} Hz.",
            "Leave --fs out or check --time-unit; `ecg prepare --fs` changes the rate of recordings.",
        )
    if seconds * (fs or measured) > lines + _MOST_EMPTY:
        raise DataError(
            f"{path}: its times span {seconds:,.0f} s, of which its {lines:,} lines fill next to nothing.",
            "Check --time-col and --time-unit, or split the log at its pause.",
        )


def _rounded(rate: float, uncertainty: float) -> float:
    """The rate as a whole number where it is one within its uncertainty, else to a thousandth."""
    whole = round(rate)
    return float(whole) if abs(rate / whole - 1) <= uncertainty else round(rate, 3)


def _nominal(rate: float) -> float:
    """The usual rate within 2 %, else the nearest whole number."""
    nearest = min(_USUAL, key=lambda usual: abs(usual / rate - 1))
    return float(nearest if abs(nearest / rate - 1) <= 0.02 else max(round(rate), 1))


def _placed(places: Indices, values: Floats, longest: float, interpolate: str) -> tuple[Floats, int]:
    """Values at their places of a regular clock; what is missing between them interpolated where it is short."""
    missing = np.diff(places) - 1
    if not missing.any():
        return values, 0
    made = np.full((int(places[-1]) + 1, values.shape[1]), np.nan)
    made[places] = values
    short = (missing > 0) & (missing + 1 <= longest * (1 + 1e-9))
    wanted = _ranges(places[:-1][short] + 1, missing[short])
    if len(wanted):
        made[wanted] = _between(places.astype(np.float64), values, wanted.astype(np.float64), interpolate)
    return made, len(wanted)


def _interpolated(seconds: Floats, values: Floats, rate: float, how: tuple[str, float]) -> tuple[Floats, int]:
    """Values between the times, on a grid that begins at the first; NaN within gaps."""
    interpolate, longest = how
    grid = np.arange(int(np.floor(seconds[-1] * rate + 1e-6)) + 1) / rate
    made = _between(seconds, values, grid, interpolate)
    for begin, length in _gaps(seconds, longest):
        inside = slice(*np.searchsorted(grid, [begin + 1e-9, begin + length - 1e-9]))
        made[inside] = np.nan
    lost = np.rint(np.diff(seconds) * rate) - 1
    return made, int(lost[(lost > 0) & (np.diff(seconds) <= longest)].sum())


def _between(at: Floats, values: Floats, wanted: Floats, interpolate: str) -> Floats:
    """Values at other times, lead by lead; NaN where either neighbour is NaN."""
    from scipy.interpolate import CubicSpline

    made = np.empty((len(wanted), values.shape[1]))
    for lead, column in enumerate(values.T):
        valid = np.isfinite(column)
        if valid.sum() < 2:
            made[:, lead] = np.nan
            continue
        if interpolate == "spline":
            made[:, lead] = CubicSpline(at[valid], column[valid])(wanted)
        else:
            made[:, lead] = np.interp(wanted, at[valid], column[valid])
        if not valid.all():
            made[np.interp(wanted, at, (~valid).astype(np.float64)) > 0, lead] = np.nan
    return made


def _ranges(begins: Indices, lengths: Indices) -> Indices:
    """begins[0], begins[0] + 1 ... of every range, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(begins - before, lengths)


def _gaps(seconds: Floats, longest: float) -> tuple[tuple[float, float], ...]:
    """Where times are further apart than allowed, and how far."""
    steps = np.diff(seconds)
    return tuple((float(seconds[at]), float(steps[at])) for at in np.flatnonzero(steps > longest * (1 + 1e-9)))
