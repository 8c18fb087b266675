"""Zero-phase filters on signals [leads, samples] (or any array whose last axis is time)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy import signal as scipy_signal

from ecgtool.errors import DataError
from ecgtool.signals.highpass import levelled, mirror_frequencies, through_mirrors

Signal = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

ORDER = 4
NOTCH_QUALITY = 30.0
BASELINE_HZ = 0.5
# De Chazal, O'Dwyer & Reilly 2004: 200 ms takes out P waves and QRS complexes, 600 ms then T waves.
BASELINE_WINDOWS_S = (0.2, 0.6)


def butterworth(
    signal: Signal, fs: float, highpass: float | None = None, lowpass: float | None = None, order: int = ORDER
) -> Signal:
    """A Butterworth high-pass, low-pass or (with both) band-pass, run forwards and backwards.

    Twice through doubles the order and squares the gain: an edge lies at -6 dB. High-pass and low-pass are run one
    after the other, each with the continuation beyond the ends that suits it. For a low-pass that is point-symmetric.
    For a high-pass it is the mirror image about the straight line through the signal: point-symmetric, a QRS complex
    on the last sample would move the baseline of the last second by a millivolt.

    Args:
        signal: [..., samples], without NaN.
        fs: Its sampling rate in Hz.
        highpass: What lies below this edge in Hz is taken out; None for no such edge.
        lowpass: What lies above this edge in Hz is taken out; None for no such edge.
        order: Of the filter, before it is run twice.

    Returns:
        float32, same shape.

    Raises:
        DataError: An edge at or over half the rate, or edges in the wrong order.
    """
    if highpass is None and lowpass is None:
        return np.asarray(signal, np.float32)
    if highpass is not None and lowpass is not None and highpass >= lowpass:
        raise DataError(f"A high-pass edge of {highpass:g} Hz must lie below the low-pass edge of {lowpass:g} Hz.")
    if highpass is not None:
        gains = _highpass_gains(signal.shape[-1], order, _edge(highpass, fs), fs)
        signal = through_mirrors(levelled(signal, fs), gains)
    if lowpass is not None:
        signal = _both_ways(_lowpass(order, _edge(lowpass, fs), fs), signal, 3 * fs / lowpass)
    return signal


def notch(signal: Signal, fs: float, frequency: float, quality: float = NOTCH_QUALITY) -> Signal:
    """Take out one frequency, such as the mains' 50 or 60 Hz.

    Args:
        signal: [..., samples], without NaN.
        fs: Its sampling rate in Hz.
        frequency: What to take out, in Hz.
        quality: Frequency over the width of the notch.

    Returns:
        float32, same shape.

    Raises:
        DataError: The frequency is at or over half the rate.
    """
    sections = _notch(_edge(frequency, fs), quality, fs)
    return _both_ways(sections, signal, quality * fs / frequency)


def remove_baseline(signal: Signal, fs: float, method: Literal["median", "highpass"] = "median") -> Signal:
    """Take out baseline wander.

    Args:
        signal: [..., samples], without NaN.
        fs: Its sampling rate in Hz.
        method: ``median``: subtract a median over 200 ms, then one over 600 ms of that (de Chazal et al. 2004), which
            leaves sharp waves as they are. ``highpass``: a zero-phase high-pass at 0.5 Hz.

    Returns:
        float32, same shape.

    Raises:
        DataError: The rate is too low for the high-pass.
    """
    if method == "highpass":
        return butterworth(signal, fs, highpass=BASELINE_HZ)
    widths = [round(seconds * fs) // 2 * 2 + 1 for seconds in BASELINE_WINDOWS_S]
    return np.apply_along_axis(_without_medians, -1, np.asarray(signal, np.float32), widths)


def _without_medians(lead: Signal, widths: Sequence[int]) -> Signal:
    """One lead [samples] less its running median; lead by lead, scipy's running median is some 40 times faster."""
    baseline = lead
    for width in widths:
        baseline = ndimage.median_filter(baseline, size=width, mode="nearest")
    return lead - baseline


def _edge(frequency: float, fs: float) -> float:
    if not 0 < frequency < fs / 2:
        raise DataError(
            f"A filter edge of {frequency:g} Hz needs a sampling rate over {2 * frequency:g} Hz, not {fs:g} Hz.",
            "Lower the edge, or leave the filter out.",
        )
    return frequency


def _both_ways(sections: Floats, signal: Signal, settle: float) -> Signal:
    """The filter run forwards and backwards over the signal, continued point-symmetrically by ``settle`` samples."""
    padding = min(signal.shape[-1] - 1, max(int(settle), 12))
    return scipy_signal.sosfiltfilt(sections, signal, axis=-1, padtype="odd", padlen=padding).astype(np.float32)


@lru_cache(maxsize=4)
def _highpass_gains(samples: int, order: int, edge: float, fs: float) -> Floats:
    """Of a digital Butterworth high-pass (bilinear, its edge where it is asked for) run both ways."""
    frequencies = np.minimum(mirror_frequencies(samples, fs), 0.4999 * fs)
    power = (np.tan(np.pi * frequencies / fs) / np.tan(np.pi * edge / fs)) ** (2 * order)
    return np.asarray(power / (1 + power))


@lru_cache(maxsize=64)
def _lowpass(order: int, edge: float, fs: float) -> Floats:
    return np.asarray(scipy_signal.butter(order, edge, "lowpass", fs=fs, output="sos"))


@lru_cache(maxsize=64)
def _notch(frequency: float, quality: float, fs: float) -> Floats:
    return np.asarray(scipy_signal.tf2sos(*scipy_signal.iirnotch(frequency, quality, fs=fs)))
