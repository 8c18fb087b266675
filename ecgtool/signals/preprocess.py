"""What is done to a record before a model sees it: the same steps in ``prepare`` and in ``predict``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.record import Record
from ecgtool.settings import Preprocessing
from ecgtool.signals.highpass import linear_phase_highpass, reach_s
from ecgtool.signals.leads import MASK, choose
from ecgtool.signals.offset import remove_offset

Signal = npt.NDArray[np.float32]

SETTLING_S = 15.0
"""What every filter but a slow high-pass settles within."""


class Prepared(NamedTuple):
    """A record as a model takes it.

    ``signal`` is float32 [leads, samples] at ``steps.fs``, in millivolt unless ``steps.normalise`` says otherwise or
    the record is not calibrated: then it is brought to about the size of one that is (:func:`to_usual_size`); the lead
    :data:`~ecgtool.signals.leads.MASK` is a share from 0 to 1. ``invalid`` counts the samples that their source marked
    as invalid and that were filled, ``imputed`` names the leads that were not recorded, and ``begin_s`` is where in the
    record the signal begins: below 0 where it was put between zeros. ``stand_ins`` says which modified lead served for
    which.
    """

    signal: Signal
    invalid: int
    imputed: tuple[str, ...] = ()
    begin_s: float = 0.0
    stand_ins: Mapping[str, str] = MappingProxyType({})


def channels(leads: Sequence[str], steps: Preprocessing) -> tuple[str, ...]:
    """What the rows of a prepared signal are, for a corpus of these leads."""
    return (*leads, MASK) if steps.missing == "mask" else tuple(leads)


def preprocess(record: Record, leads: tuple[str, ...], steps: Preprocessing, samples: int | None = None) -> Prepared:
    """The record after the steps, in the order that :class:`~ecgtool.settings.Preprocessing` states.

    Args:
        record: At any rate, with any leads.
        leads: The rows of the result, as :func:`channels` names them; limb leads are derived where two others allow
            it.
        steps: What to do.
        samples: Of an item: with ``fit="centre"`` the result is as long. Otherwise the record's length is kept.

    Raises:
        DataError: A lead that is neither there nor derivable, no samples, a filter edge too high for the rate, or a
            high-pass edge that is not below the low-pass edge.
    """
    masked = steps.missing == "mask"
    names = leads[:-1] if masked and leads[-1:] == (MASK,) else leads
    signal, recorded, stand_ins = choose(record, names, impute=masked, stand_in=steps.stand_in)
    if not signal.shape[1]:
        raise DataError(f"Record '{record.id}' has no samples.")
    gaps = np.isnan(signal)
    invalid = int(np.count_nonzero(gaps[recorded]))
    shares = _shares(gaps, recorded, record.fs, steps.fs) if len(names) < len(leads) else None
    if invalid:
        signal = fill(signal, gaps)
    signal = _resampled(_filtered(signal, record.fs, steps), record.fs, steps.fs)
    ahead = (signal.shape[1] - samples) // 2 if samples is not None and steps.fit == "centre" else 0
    wanted = signal.shape[1] if samples is None or steps.fit != "centre" else samples
    signal = remove_offset(_cropped(signal, ahead, wanted))
    if not record.calibrated:
        signal = to_usual_size(signal)
    signal = normalise(signal, steps.normalise)
    if shares is not None:
        signal = np.concatenate([signal, _cropped(shares, ahead, wanted)])
    imputed = tuple(name for name, held in zip(names, recorded, strict=True) if not held)
    return Prepared(_padded(signal, ahead, wanted), invalid, imputed, ahead / steps.fs, stand_ins)


def settling_s(steps: Preprocessing) -> float:
    """Seconds to either side of a stretch that decide it, so that it comes out as if the whole had been prepared.

    The linear-phase high-pass then differs by nothing, a Butterworth by under a microvolt.
    """
    if steps.highpass is None:
        return SETTLING_S
    return max(SETTLING_S, reach_s(steps.highpass) if steps.highpass_filter == "fir" else 3 / steps.highpass)


def _shares(gaps: npt.NDArray[np.bool_], recorded: npt.NDArray[np.bool_], fs: float, to: float) -> Signal:
    """The mask channel: the share of the leads that were recorded and valid at each sample, float32 [1, samples]."""
    held = np.count_nonzero(~gaps[recorded], axis=0) / np.float32(len(gaps))
    samples = round(held.size * to / fs)
    nearest = np.rint(np.arange(samples) * (fs / to)).astype(np.int64).clip(0, held.size - 1)
    return np.asarray(held[nearest][None], np.float32)


def _cropped(signal: Signal, ahead: int, wanted: int) -> Signal:
    """The samples from ``ahead``, at most ``wanted`` of them."""
    return signal[:, max(ahead, 0) : max(ahead, 0) + wanted]


def _padded(signal: Signal, ahead: int, wanted: int) -> Signal:
    """The signal with ``-ahead`` zeros in front, and as many behind as make ``wanted`` samples."""
    if signal.shape[1] >= wanted:
        return signal
    before = max(-ahead, 0)
    return np.pad(signal, ((0, 0), (before, wanted - before - signal.shape[1])))


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
    if steps.highpass is not None and steps.lowpass is not None and steps.highpass >= steps.lowpass:
        edges = f"A high-pass edge of {steps.highpass:g} Hz must lie below the low-pass edge of {steps.lowpass:g} Hz."
        raise DataError(edges, "Lower the one, raise the other, or leave one out.")
    linear = steps.highpass if steps.highpass_filter == "fir" else None
    butterworth = steps.highpass if steps.highpass_filter == "butterworth" else None
    if steps.baseline != "none":
        from ecgtool.signals.filters import remove_baseline  # as above

        signal = remove_baseline(signal, fs, steps.baseline)
    if linear is not None:
        signal = linear_phase_highpass(signal, fs, linear)
    if (butterworth, steps.lowpass, steps.notch) == (None, None, None):
        return signal
    from ecgtool.signals import filters  # as above

    if butterworth is not None or steps.lowpass is not None:
        signal = filters.butterworth(signal, fs, butterworth, steps.lowpass)
    return signal if steps.notch is None else filters.notch(signal, fs, steps.notch)
