"""What is done to a record before a model sees it: the same steps in ``prepare`` and in ``predict``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.config import Preprocessing
from ecgtool.errors import DataError
from ecgtool.record import Record
from ecgtool.signals.offset import remove_offset

Signal = npt.NDArray[np.float32]


class Prepared(NamedTuple):
    """A record as a model takes it.

    ``signal`` is float32 [leads, samples] at ``steps.fs``, in millivolt unless ``steps.normalise`` says otherwise or
    the record is not calibrated: then it is brought to about the size of one that is (:func:`to_usual_size`);
    ``invalid`` counts the samples that their source marked as invalid and that were filled.
    """

    signal: Signal
    invalid: int


def preprocess(record: Record, leads: Sequence[str], steps: Preprocessing) -> Prepared:
    """The record after the steps, in the order that :class:`~ecgtool.config.Preprocessing` states.

    Args:
        record: At any rate, with any leads.
        leads: The leads of the result, in this order; limb leads are derived where two others allow it.
        steps: What to do.

    Raises:
        DataError: A lead that is neither there nor derivable, no samples, or a filter edge too high for the rate.
    """
    signal = record.select(leads).signal
    if not signal.shape[1]:
        raise DataError(f"Record '{record.id}' has no samples.")
    gaps = np.isnan(signal)
    invalid = int(np.count_nonzero(gaps))
    if invalid:
        signal = fill(signal, gaps)
    signal = remove_offset(_resampled(_filtered(signal, record.fs, steps), record.fs, steps.fs))
    if not record.calibrated:
        signal = to_usual_size(signal)
    return Prepared(normalise(signal, steps.normalise), invalid)


def fill(signal: Signal, gaps: npt.NDArray[np.bool_]) -> Signal:
    """The signal with ``gaps`` bridged by straight lines, held at both ends; a lead that is all gap becomes 0.

    Args:
        signal: [leads, samples].
        gaps: The samples to replace, same shape.
    """
    filled = signal.copy()
    times = np.arange(signal.shape[1])
    for row in np.flatnonzero(gaps.any(axis=1)):
        gap = gaps[row]
        filled[row, gap] = 0.0 if gap.all() else np.interp(times[gap], times[~gap], signal[row, ~gap])
    return filled


def to_usual_size(signal: Signal) -> Signal:
    """A signal of unknown scale, all leads by one factor, so that 99 % of its samples lie within 1: robust to spikes.

    A recording in millivolts lies about there too, but the result is not in millivolts, nor comparable to one that is.
    """
    size = np.percentile(np.abs(signal), 99)
    if not size > 0:
        size = np.abs(signal).max()
    return np.divide(signal, np.float32(size), dtype=np.float32) if size > 0 else signal


def normalise(signal: Signal, how: str) -> Signal:
    """Each lead scaled by itself: ``none``, ``zscore`` (mean 0, deviation 1) or ``peak`` (largest magnitude 1).

    A flat lead becomes 0.
    """
    if how == "none":
        return signal
    if how == "zscore":
        signal = signal - signal.mean(axis=-1, keepdims=True)
        scale = signal.std(axis=-1, keepdims=True)
    else:
        scale = np.abs(signal).max(axis=-1, keepdims=True)
    return np.divide(signal, scale, out=np.zeros_like(signal), where=scale > 0)


def _resampled(signal: Signal, fs: float, to: float) -> Signal:
    if fs == to:
        return signal
    from ecgtool.signals.resample import resample  # scipy takes half a second to import: only where it is used

    return resample(signal, fs, to)


def _filtered(signal: Signal, fs: float, steps: Preprocessing) -> Signal:
    if (steps.baseline, steps.highpass, steps.lowpass, steps.notch) == ("none", None, None, None):
        return signal
    from ecgtool.signals import filters  # as above

    if steps.baseline != "none":
        signal = filters.remove_baseline(signal, fs, steps.baseline)
    if steps.highpass is not None or steps.lowpass is not None:
        signal = filters.butterworth(signal, fs, steps.highpass, steps.lowpass)
    return signal if steps.notch is None else filters.notch(signal, fs, steps.notch)
