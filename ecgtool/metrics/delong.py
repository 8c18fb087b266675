"""DeLong's test: whether two areas under the ROC curve of the same persons differ.

DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837, with the structural components taken from midranks (Sun and
Xu 2014, IEEE Signal Processing Letters 21:1389), O(n log n) instead of O(n^2). One score per person: it knows nothing
of persons with several items.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.special import ndtri
from scipy.stats import norm, rankdata

from ecgtool.errors import DataError
from ecgtool.metrics.bootstrap import LEVEL
from ecgtool.settings import Section

Floats = npt.NDArray[np.float64]


class DeLong(Section):
    """Two areas on the same persons, and the test of their difference; null where it is undefined."""

    positives: int
    negatives: int
    a: float | None = Field(None, description="Area of the first scores.")
    b: float | None = Field(None, description="Area of the second scores.")
    difference: float | None = Field(None, description="First less second.")
    low: float | None = Field(None, description="Lower end of the 95 % interval of the difference, by the normal.")
    high: float | None = None
    z: float | None = None
    p: float | None = Field(None, description="Two-sided; 1 where the scores rank alike.")


def delong(truth: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> DeLong:
    """Compare two scores of the same persons.

    Args:
        truth: bool [persons].
        a: float [persons]; higher where more likely positive.
        b: The other score, float [persons].

    Returns:
        Areas, difference and p. Nothing but the areas with fewer than two persons on a side, or where the difference
        varies with no person and yet is not 0; not even those without both classes.

    Raises:
        DataError: Lengths differ, or a score is not finite.
    """
    held, given = np.asarray(truth, dtype=bool), [np.asarray(part, dtype=np.float64) for part in (a, b)]
    if any(part.shape != held.shape or not np.isfinite(part).all() for part in given):
        raise DataError(f"DeLong's test needs a finite score of each model for each of {held.size} persons.")
    scores = np.stack(given)
    positives, negatives = int(held.sum()), int((~held).sum())
    if not (positives and negatives):
        return DeLong(positives=positives, negatives=negatives)
    areas, covariance = areas_and_covariance(held, scores)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    known = {"positives": positives, "negatives": negatives, "a": float(areas[0]), "b": float(areas[1])}
    if min(positives, negatives) < 2:
        return DeLong(**known, difference=difference)
    return DeLong(**known, difference=difference, **_tested(difference, variance))


def areas_and_covariance(truth: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Areas under the ROC curve and their estimated covariance.

    Args:
        truth: bool [persons], with both classes.
        scores: float [scores, persons].

    Returns:
        Areas [scores], covariance [scores, scores]; NaN with one person on a side.
    """
    inside, outside = scores[:, truth], scores[:, ~truth]
    positives, negatives = inside.shape[1], outside.shape[1]
    ranks = rankdata(scores, axis=1)
    above = (ranks[:, truth] - rankdata(inside, axis=1)) / negatives  # of the negatives, the share below a positive
    below = 1 - (ranks[:, ~truth] - rankdata(outside, axis=1)) / positives  # of the positives, the share above
    return above.mean(axis=1), _covariance(above) / positives + _covariance(below) / negatives


def _covariance(components: Floats) -> Floats:
    """The sample covariance of components [scores, persons]."""
    number = components.shape[1]
    if number < 2:
        return np.full((len(components),) * 2, np.nan)
    centred = components - components.mean(axis=1, keepdims=True)
    return np.asarray(centred @ centred.T / (number - 1))


def _tested(difference: float, variance: float) -> dict[str, float]:
    """Interval, z and p of a difference; of scores that rank alike p is 1."""
    error = float(np.sqrt(max(variance, 0.0)))
    if error < 1e-12:  # rounding: the components differ by nothing, or all by the same
        return {"low": 0.0, "high": 0.0, "z": 0.0, "p": 1.0} if abs(difference) < 1e-12 else {}
    z = difference / error
    half = float(ndtri((1 + LEVEL) / 2)) * error
    return {"low": difference - half, "high": difference + half, "z": z, "p": float(2 * norm.sf(abs(z)))}
