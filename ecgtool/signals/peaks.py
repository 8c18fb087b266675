"""R peaks: when the heart beats, from one lead or from all of them together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

REFRACTORY_S = 0.2
"""No second beat so soon after one (Pan and Tompkins 1985)."""
T_WAVE_S = 0.36
"""So long after a beat, a hump less than half as steep is its T wave (Pan and Tompkins 1985)."""
MISSED = 1.66
"""A gap of so many usual RR intervals is searched for a smaller beat (Pan and Tompkins 1985)."""
SHARE = 0.35
"""A beat is at least this share of the beats around it."""


def r_peaks(signal: Signal, fs: float) -> Samples:
    """Find the heart beats of a recording.

    Args:
        signal: float32 [leads, samples]; millivolt or any other unit; what is not finite is a gap.
        fs: Its rate in Hz, 20 to 100,000.

    Returns:
        int64 [beats], ascending; none where there are none.
    """
    from scipy.ndimage import maximum_filter1d

    if not signal.size:
        return np.empty(0, np.int64)
    step = max(1, int(fs // 120))
    rate = fs / step
    coarse = _coarse(signal, step)
    level = _steepness(coarse, rate)
    if level.size < 3 or not level.any():
        return np.empty(0, np.int64)
    reach = max(1, round(REFRACTORY_S * rate))
    near = maximum_filter1d(level, 2 * reach + 1, mode="constant")
    at = np.flatnonzero((level == near) & (level > 0))
    usual = _usual(level, rate)
    kept = _kept(at, level[at], usual[at], rate)
    return _snapped(signal, kept, step, fs)


def _coarse(signal: Signal, step: int) -> Floats:
    """Means of so many samples; gaps hold the last value before them."""
    finite = np.isfinite(signal)
    if not finite.all():
        signal = np.where(finite, signal, 0)
    if step == 1:
        return signal
    whole = signal.shape[1] // step
    return signal[:, : whole * step].reshape(len(signal), whole, step).mean(axis=2)


def _steepness(signal: Floats, rate: float) -> Floats:
    """How steep and large the signal is around each sample, over all leads; [samples]."""
    from scipy.ndimage import uniform_filter1d

    lag = max(1, round(0.035 * rate))
    if signal.shape[1] <= 2 * lag:
        return np.zeros(signal.shape[1], np.float32)
    bent = np.zeros_like(signal)
    bent[:, lag:-lag] = np.abs(2 * signal[:, lag:-lag] - signal[:, : -2 * lag] - signal[:, 2 * lag :])
    smooth = uniform_filter1d(bent, max(1, round(0.1 * rate)), axis=1, mode="constant")
    largest = np.percentile(smooth, 95, axis=1, keepdims=True)
    return (smooth / np.where(largest > 0, largest, 1)).mean(axis=0) * (largest.max() > 0)


def _usual(level: Floats, rate: float) -> Floats:
    """How large a beat is hereabouts: the median over 15 s of the largest in 1.5 s; [samples]."""
    from scipy.ndimage import median_filter

    block = max(1, round(1.5 * rate))
    blocks = max(1, len(level) // block)
    highest = np.maximum.reduceat(level, np.arange(blocks) * block)
    middle = median_filter(highest, 9, mode="nearest")
    return np.repeat(middle, block)[np.minimum(np.arange(len(level)), blocks * block - 1)]


def _kept(at: Samples, height: Floats, usual: Floats, rate: float) -> Samples:
    """The candidates that are beats."""
    sure = height >= SHARE * usual
    at_sure, high_sure = at[sure], height[sure]
    if len(at_sure) < 2:
        return at_sure
    gap = np.diff(at_sure, prepend=-(10**9))
    t_wave = (gap < T_WAVE_S * rate) & (high_sure < 0.5 * np.roll(high_sure, 1))
    return at_sure[~t_wave]


def _snapped(signal: Signal, at: Samples, step: int, fs: float) -> Samples:
    """The true extremum near each."""
    if not len(at):
        return at.astype(np.int64)
    reach = max(1, round(0.06 * fs))
    window = np.clip(at[:, None] * step + np.arange(-reach, reach + 1), 0, signal.shape[1] - 1)
    around = np.nan_to_num(signal)[:, window]
    away = np.abs(around - np.median(around, axis=2, keepdims=True)).sum(axis=0)
    peaks = window[np.arange(len(at)), away.argmax(axis=1)]
    return np.unique(peaks).astype(np.int64)
