"""The proof: a clean recording is read back and held against the original."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgtool.deidentify.words import known_signal
from ecgtool.errors import EcgError, IntegrityError
from ecgtool.formats import read_record
from ecgtool.record import Record

_PIECE_S = 600.0


class Compared(NamedTuple):
    """What was compared, and the largest difference of a sample, in millivolt."""

    leads: int
    samples: int
    largest_mv: float


def compare(original: Path, clean: Path, *, exact: bool = True) -> Compared:
    """Compare two recordings, piece by piece.

    Args:
        original: As it was.
        clean: As it is now.
        exact: Whether the samples must be the same to the last bit; otherwise within one step of what 16 bits hold.

    Raises:
        IntegrityError: Rate, leads, scale, length or samples differ.
    """
    largest, leads, samples = 0.0, 0, 0
    for before, after in zip_longest(_pieces(original), _pieces(clean)):
        if isinstance(before, str) and before == after:
            continue
        if not isinstance(before, Record) or not isinstance(after, Record):
            raise IntegrityError("What was written is not as long as the recording.")
        what = _facts_that_differ(before, after)
        if what:
            raise IntegrityError(f"What was written does not have the recording's {what}.")
        largest = max(largest, _difference(before, after, exact=exact))
        leads, samples = len(before.leads), samples + before.signal.shape[1]
    return Compared(leads, samples, largest)


def _facts_that_differ(before: Record, after: Record) -> str:
    if before.fs != after.fs:
        return "sampling rate"
    if before.signal.shape != after.signal.shape:
        return "number of leads or samples"
    pairs = zip(before.leads, after.leads, strict=True)
    if any(old != new and known_signal(old) for old, new in pairs):
        return "leads"
    return "" if before.calibrated == after.calibrated else "scale"


def _difference(before: Record, after: Record, *, exact: bool) -> float:
    old, new = before.signal, after.signal
    if np.array_equal(old, new, equal_nan=True):
        return 0.0
    if exact:
        raise IntegrityError("What was written does not have the recording's samples.")
    invalid = np.isnan(old)
    if (invalid != np.isnan(new)).any():
        raise IntegrityError("What was written marks other samples as invalid than the recording does.")
    differences = np.where(invalid, 0, np.abs(old.astype(np.float64) - new))
    # A step is a microvolt, or the 16-bit share of the lead's range where that is more (gains come in steps of 2.5).
    allowed = np.maximum(1e-3, 3 * np.where(invalid, 0, np.abs(old)).max(axis=1) / 2**15)
    if (differences > allowed[:, None]).any():
        raise IntegrityError("What was written is not the recording's samples within one step.")
    return float(differences.max())


def _pieces(path: Path) -> Iterator[Record | str]:
    """A recording in pieces; a word in place of one that cannot be read, as the middle of a long gap cannot."""
    done, fs, duration = 0.0, 0.0, np.inf
    while done == 0 or done < duration - 0.5 / fs:
        try:
            piece = read_record(path, done, _PIECE_S)
        except EcgError:
            if not fs:
                raise
            yield "unreadable"
            done += _PIECE_S
            continue
        yield piece
        fs = piece.fs
        duration = piece.whole_s
        done = round(done * fs + piece.signal.shape[1]) / fs
