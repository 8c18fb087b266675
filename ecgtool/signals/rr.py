"""RR intervals: what the times of heartbeats alone say of each, by which premature beats and irregular rhythms show.

Every feature is computed from R peaks, of an annotation or of a detector. One is causal where it uses no beat after
its own, so that it is known as soon as the beat is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.waves import Samples

Values = npt.NDArray[np.float64]

LOCAL = 10
"""Intervals that the local rhythm is judged by."""
STEADY = 0.04
"""Irregularity of a steady rhythm, about: what is added to it where it divides."""
SAME = 0.05
"""Change of an interval, as a share of the median, below which it is called the same."""
NEAR, FAR = 10, 30
"""Beats on both sides that the context of a beat reaches."""


@dataclass(frozen=True)
class Feature:
    """One number per beat.

    Args:
        what: In words.
        causal: Whether it uses no beat after its own.
        of: Computes it, [beats], from the intervals before each beat in seconds [beats], the first of them NaN.
    """

    what: str
    causal: bool
    of: Callable[[Values], Values]


def intervals(peaks: Samples, fs: float) -> Values:
    """The interval before each beat in seconds, float64 [beats]; NaN before the first."""
    return np.diff(peaks / fs, prepend=np.nan) if len(peaks) else np.empty(0)


def features(peaks: Samples, fs: float, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Features of beats, float32 [beats, features]; NaN where too few beats are near.

    Args:
        peaks: R peaks in samples, ascending.
        fs: Their rate in Hz.
        names: Of :data:`FEATURES`.

    Raises:
        ConfigError: A name that is none.
    """
    unknown = next((name for name in names if name not in FEATURES), None)
    if unknown is not None:
        raise ConfigError(f"There is no RR feature '{unknown}'.", did_you_mean(unknown, FEATURES))
    before = intervals(peaks, fs)
    before[before <= 0] = np.nan  # two marks on one sample: no interval
    made = np.empty((len(peaks), len(names)), np.float32)
    for column, name in enumerate(names):
        made[:, column] = FEATURES[name].of(before)
    return made


def moved(values: Values, beats: int) -> Values:
    """The value of the beat so many later (or earlier, below 0); NaN beyond the ends."""
    made = np.full_like(values, np.nan)
    if abs(beats) < len(values):
        made[max(-beats, 0) : len(values) - max(beats, 0)] = values[max(beats, 0) : len(values) + min(beats, 0)]
    return made


def _windows(values: Values, before: int, after: int) -> Values:
    """The values from ``before`` beats earlier to ``after`` beats later: [beats, before + 1 + after], NaN beyond."""
    padded = np.pad(values, (before, after), constant_values=np.nan)
    if not len(values):
        return np.empty((0, before + 1 + after))
    return np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after)


def _median(values: Values) -> Values:
    """The median of each row; NaN where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows of NaN alone
        return np.asarray(np.nanmedian(values, axis=1)) if len(values) else np.empty(0)


def _local(before: Values) -> Values:
    """Median of the ten intervals before a beat's own, so that an early beat is compared with what was usual."""
    return _median(_windows(moved(before, -1), LOCAL - 1, 0))


def _around(before: Values) -> Values:
    """Median of the intervals from ten before a beat to ten after it."""
    return _median(_windows(before, LOCAL, LOCAL))


def _running(before: Values) -> Values:
    """Mean of all intervals up to a beat."""
    known = np.isfinite(before)
    total, number = np.cumsum(np.where(known, before, 0.0)), np.cumsum(known)
    return np.divide(total, number, out=np.full(len(before), np.nan), where=number > 0)


def _irregularity(before: Values) -> Values:
    """Median change from interval to interval over their median, from ten beats before to ten after.

    A median, so that a few ectopic beats in a regular rhythm leave it small, while fibrillation makes it large.
    """
    change = _median(_windows(np.abs(np.diff(before, prepend=np.nan)), LOCAL, LOCAL))
    return change / _around(before)


def _beside(logs: Values, irregular: Values) -> Values:
    """A log of two intervals beside how irregular the rhythm is near, on a logarithmic scale with its sign.

    An interval shorter by a third is an event in a regular rhythm, and nothing in fibrillation.
    """
    share = logs / (irregular + STEADY)
    return np.asarray(np.sign(share) * np.log1p(np.abs(share)))


def _ratio(before: Values) -> Values:
    return np.asarray(np.log(before / _local(before)))


def _next_ratio(before: Values) -> Values:
    return np.asarray(np.log(moved(before, 1) / _local(before)))


def _against_around(before: Values) -> Values:
    return np.asarray(np.log(before / _around(before)))


def _others(before: Values, reach: int) -> Values:
    """The intervals from ``reach`` beats before to ``reach`` after, but a beat's own and the next: what it is among."""
    made = _windows(before, reach, reach).copy()
    made[:, reach : reach + 2] = np.nan
    return made


def _changes(before: Values, reach: int) -> Values:
    """The changes from interval to interval there, in shares of the median interval, but those close to the beat."""
    made = _windows(np.abs(np.diff(before, prepend=np.nan)), reach, reach).copy()
    made[:, reach - 1 : reach + 3] = np.nan
    return np.asarray(made / _median(_windows(before, reach, reach))[:, None])


def _quantile(rows: Values, share: float) -> Values:
    """A quantile of what is known of each row, between two values a share of the way; NaN where nothing is."""
    if not len(rows):
        return np.empty(0)
    ordered = np.sort(rows, axis=1)  # NaN is last
    place = share * (np.isfinite(rows).sum(axis=1) - 1).clip(0)
    under, over = (
        np.take_along_axis(ordered, end(place).astype(np.int64)[:, None], 1)[:, 0] for end in (np.floor, np.ceil)
    )
    return np.asarray(under + (place - np.floor(place)) * (over - under))


def _share(holds: npt.NDArray[np.bool_], rows: Values) -> Values:
    """The share of what is known of each row for which something holds; NaN where nothing is known."""
    known = np.isfinite(rows)
    number = known.sum(axis=1)
    return np.divide((holds & known).sum(axis=1), number, out=np.full(len(rows), np.nan), where=number > 0)


def _rank(before: Values, reach: int) -> Values:
    """The share of the other intervals that are shorter."""
    others = _others(before, reach)
    return np.where(np.isfinite(before), _share(others < before[:, None], others), np.nan)


def _spread(before: Values, reach: int) -> Values:
    """Log of the upper quartile of the other intervals over the lower one."""
    others = _others(before, reach)
    return np.asarray(np.log(_quantile(others, 0.75) / _quantile(others, 0.25)))


def _above(before: Values, reach: int, share: float) -> Values:
    """Log of a beat's interval over a quantile of the others."""
    return np.asarray(np.log(before / _quantile(_others(before, reach), share)))


def _beside_spread(before: Values, reach: int) -> Values:
    """Log of a beat's interval over the median near, beside how far the others are spread."""
    logs = np.log(before / _median(_windows(before, reach, reach)))
    return _beside(logs, _spread(before, reach))


def _context(reach: int) -> dict[str, Feature]:
    """What a beat's interval is among those of its neighbours, itself and the pause after it not counted.

    Where the neighbours are as short now and then, as in fibrillation, a short interval is no event.
    """
    others = f"the other intervals within {reach} beats"
    changes = f"the other changes between intervals within {reach} beats / the median interval"
    return {
        f"over_shortest_{reach}": Feature(
            f"log of previous / the shortest of {others}", False, lambda before: _above(before, reach, 0.0)
        ),
        f"over_quartile_{reach}": Feature(
            f"log of previous / the lower quartile of {others}", False, lambda before: _above(before, reach, 0.25)
        ),
        f"rank_{reach}": Feature(f"share of {others} that are shorter", False, lambda before: _rank(before, reach)),
        f"spread_{reach}": Feature(
            f"log of the upper quartile / the lower one of {others}", False, lambda before: _spread(before, reach)
        ),
        f"around_spread_{reach}": Feature(
            f"log of previous / median within {reach} beats, beside spread_{reach}",
            False,
            lambda before: _beside_spread(before, reach),
        ),
        f"change_{reach}": Feature(
            f"median of {changes}", False, lambda before: _quantile(_changes(before, reach), 0.5)
        ),
        f"steady_{reach}": Feature(
            f"share of {changes} that are below {SAME}",
            False,
            lambda before: _share(_changes(before, reach) < SAME, _changes(before, reach)),
        ),
    }


def _whole(before: Values) -> Values:
    """The median interval of the recording."""
    return np.full(len(before), _median(before[None])[0] if len(before) else np.nan)


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "previous": Feature("interval before the beat, in seconds", True, lambda before: before),
        "next": Feature("interval after the beat, in seconds", False, lambda before: moved(before, 1)),
        "local": Feature("median of the ten intervals before its own, in seconds", True, _local),
        "ratio": Feature("log of previous / local", True, _ratio),
        "next_ratio": Feature("log of next / local", False, _next_ratio),
        "turn": Feature("log of next / previous", False, lambda before: np.log(moved(before, 1) / before)),
        "earlier": Feature(
            "log of the interval before previous / local",
            True,
            lambda before: np.log(moved(before, -1) / _local(before)),
        ),
        "later": Feature(
            "log of the interval after next / local", False, lambda before: np.log(moved(before, 2) / _local(before))
        ),
        "running": Feature("log of previous / mean so far", True, lambda before: np.log(before / _running(before))),
        "around": Feature("log of previous / median from ten beats before to ten after", False, _against_around),
        "record": Feature(
            "log of previous / the recording's median", False, lambda before: np.log(before / _whole(before))
        ),
        "irregularity": Feature("median change between intervals near the beat / their median", False, _irregularity),
        "ratio_beside": Feature(
            "ratio beside the irregularity", False, lambda before: _beside(_ratio(before), _irregularity(before))
        ),
        "next_ratio_beside": Feature(
            "next_ratio beside the irregularity",
            False,
            lambda before: _beside(_next_ratio(before), _irregularity(before)),
        ),
        "around_beside": Feature(
            "around beside the irregularity",
            False,
            lambda before: _beside(_against_around(before), _irregularity(before)),
        ),
        **_context(NEAR),
        **_context(FAR),
    }
)
"""Name -> feature."""
