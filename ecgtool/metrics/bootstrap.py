"""Bootstrap by patient: how far a figure would move with other patients of the same kind (Efron 1979).

Recordings of one person resemble each other, so persons are drawn, with all their items, not items. A resample is a
weight per item (how often its patient was drawn); nothing is copied or sorted again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

LEVEL = 0.95
_AT_ONCE = 64  # resamples whose weights fit the processor's cache together


def patient_codes(patients: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """A number per person, [items]; an item whose patient is unknown (empty) counts as a person of its own."""
    names = np.asarray(patients, dtype=str)
    _, codes = np.unique(names, return_inverse=True)
    unknown = names == ""
    codes[unknown] = len(names) + np.arange(int(unknown.sum()))
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64)


def resamples(codes: npt.NDArray[np.int64], number: int, seed: int = 0) -> Iterator[npt.NDArray[np.float64]]:
    """Draw as many patients as there are, with replacement, again and again.

    Args:
        codes: A number per person as :func:`patient_codes` gives, [items].
        number: Resamples in all.
        seed: The same seed draws the same patients.

    Yields:
        Weights float64 [items, resamples], a few resamples at a time.
    """
    generator = np.random.default_rng(seed)
    people = int(codes.max()) + 1
    for first in range(0, number, _AT_ONCE):
        batch = min(_AT_ONCE, number - first)
        drawn = generator.integers(0, people, size=(batch, people)) + people * np.arange(batch)[:, None]
        times = np.bincount(drawn.ravel(), minlength=batch * people).reshape(batch, people)
        yield times.T.astype(np.float64)[codes]


def each_once_and_resampled(patients: npt.ArrayLike, number: int, seed: int = 0) -> list[npt.NDArray[np.float64]]:
    """Weights of all items as they are, [items, 1], then those of :func:`resamples`.

    Args:
        patients: Of each item, as of :func:`patient_codes`.
        number: Resamples in all.
        seed: The same seed draws the same patients.
    """
    codes = patient_codes(patients)
    return [np.ones((len(codes), 1)), *resamples(codes, number, seed)]


def interval(values: npt.NDArray[np.float64], level: float = LEVEL) -> npt.NDArray[np.float64]:
    """The percentile interval over the last axis; resamples in which a figure is undefined are left out.

    Args:
        values: float [..., resamples].
        level: Share of the resamples inside.

    Returns:
        [2, ...]: lower and upper end; NaN where no resample defines the figure.
    """
    ends = np.full((2, *values.shape[:-1]), np.nan)
    defined = np.isfinite(values).any(axis=-1)
    ends[:, defined] = np.nanquantile(values[defined], [(1 - level) / 2, (1 + level) / 2], axis=-1)
    return ends


def exact_interval(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a proportion by Clopper and Pearson (1934): never too narrow, also at 0 and 1.

    Args:
        successes: How often, from 0 to ``trials``.
        trials: Independent ones; at least 1.
        level: Its least coverage.
    """
    tail = (1 - level) / 2
    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high
