"""Detection: beats that were found beside those that are there, as ANSI/AAMI EC57 counts them.

A found beat is one of the reference where it lies within 150 ms of it, one for one, the nearest first. Beats of the
reference that are left are missed, found ones that are left are extra. Sensitivity and positive predictivity are told
gross, of all beats together, and on average, of the records' own figures; EC57 leaves out the first five minutes of
each record, in which a detector may learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.beat_counts import record_mean, share
from ecgtool.metrics.beat_documents import Detected, Detection
from ecgtool.metrics.bootstrap import each_once_and_resampled
from ecgtool.metrics.estimates import estimated
from ecgtool.metrics.values import WINDOW_S, Resampling
from ecgtool.waves import Samples, nearest

LEARNING_S = 300.0
"""What EC57 leaves out at the beginning of each record, in seconds."""
QUANTITIES = ("sensitivity", "ppv", "f1")

Floats = npt.NDArray[np.float64]


class Matched(NamedTuple):
    """Pairs of beats: places in the reference and among those found, int64 [pairs] each, the former ascending."""

    reference: Samples
    found: Samples


def match_beats(reference: npt.ArrayLike, found: npt.ArrayLike, fs: float, window_s: float = WINDOW_S) -> Matched:
    """Pair the beats that were found with those of a reference, one for one, the nearest pair first.

    >>> match_beats([100, 200, 300], [105, 290, 400], fs=100)
    Matched(reference=array([0, 2]), found=array([0, 1]))

    Args:
        reference: Samples of the beats that are there, [beats], ascending.
        found: Samples of those that were found, [beats], ascending.
        fs: Rate of both, in Hz.
        window_s: How far apart a pair may be.

    Raises:
        DataError: Samples are not ascending.
    """
    there, seen = (np.asarray(samples, dtype=np.int64) for samples in (reference, found))
    if (np.diff(there) < 0).any() or (np.diff(seen) < 0).any():
        raise DataError("Beats to be matched must be in the order of time.")
    window = int(window_s * fs + 1e-6)
    left, right = np.arange(len(there)), np.arange(len(seen))
    pairs: list[npt.NDArray[np.int64]] = []
    while len(left) and len(right):
        # Two beats that are each other's nearest are the nearest pair hereabouts; what is left may pair up anew.
        towards, back = nearest(there[left], seen[right]), nearest(seen[right], there[left])
        near = np.abs(there[left] - seen[right][towards]) <= window
        taken = near & (back[towards] == np.arange(len(left)))
        if not taken.any():
            break
        pairs.append(np.stack([left[taken], right[towards[taken]]]))
        left, right = left[~taken], np.delete(right, towards[taken])
    together = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), np.int64)
    order = np.argsort(together[0], kind="stable")
    return Matched(together[0][order], together[1][order])


def detected(
    name: str,
    reference: npt.ArrayLike,
    found: npt.ArrayLike,
    fs: float,
    *,
    patient: str = "",
    window_s: float = WINDOW_S,
    skip_s: float = 0.0,
) -> Detected:
    """Count the beats of one record.

    Args:
        name: Of the record.
        reference: Samples of the beats that are there, ascending.
        found: Samples of those that were found, ascending.
        fs: Rate of both, in Hz.
        patient: Whose record it is.
        window_s: How far apart a pair may be.
        skip_s: What to leave out at the beginning; :data:`LEARNING_S` as EC57 does.

    Raises:
        DataError: Samples are not ascending.
    """
    there, seen = (np.asarray(samples, dtype=np.int64) for samples in (reference, found))
    pairs = match_beats(there, seen, fs, window_s)
    begins = skip_s * fs
    # A pair across the border counts by the beat that is there, so that neither half is missed or extra.
    matched = int((there[pairs.reference] >= begins).sum())
    extra = int((np.delete(seen, pairs.found) >= begins).sum())
    counted = int((there >= begins).sum())
    return Detected(name=name, patient=patient, reference=counted, found=matched + extra, matched=matched)


def detection(
    records: Sequence[Detected],
    window_s: float = WINDOW_S,
    skipped_s: float = 0.0,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Detection:
    """The figures of all records, with 95 % intervals resampled by patient.

    Args:
        records: Their counts.
        window_s: How far apart pairs were allowed to be.
        skipped_s: What was left out at the beginning of each record.
        bootstrap: Resamples; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Raises:
        DataError: There is no record.
    """
    if not records:
        raise DataError("There is no record whose beats could be counted.")
    counts = np.array([(each.reference, each.found, each.matched) for each in records], dtype=np.float64)
    weights = each_once_and_resampled([each.patient for each in records], bootstrap, seed)
    gross = [_figures(counts.T @ drawn) for drawn in weights]
    average = [_average(counts, drawn) for drawn in weights]
    reference, found, matched = (int(total) for total in counts.sum(axis=0))
    return Detection(
        window_s=window_s,
        skipped_s=skipped_s,
        total=Detected(name="all", reference=reference, found=found, matched=matched),
        gross=dict(zip(QUANTITIES, estimated(gross[0], gross[1:], [False] * len(QUANTITIES)), strict=True)),
        average=dict(zip(QUANTITIES, estimated(average[0], average[1:], [False] * len(QUANTITIES)), strict=True)),
        by_record=tuple(records),
        bootstrap=Resampling(resamples=bootstrap, seed=seed),
    )


def _figures(counts: Floats) -> Floats:
    """Sensitivity, positive predictivity and F1 [3, resamples] of beats there, found and both [3, resamples]."""
    reference, found, matched = counts
    parts = np.stack([matched, matched, 2 * matched])
    whole = np.stack([reference, found, reference + found])
    return share(parts, whole)


def _average(counts: Floats, weights: Floats) -> Floats:
    """The mean of the records' own figures, [3, resamples]; a record that has none counts in no mean."""
    return record_mean(_figures(counts.T), weights)
