"""The high-pass that keeps the ST segment: linear phase, and at once.

A high-pass of 0.05 Hz is the signal less a very smooth low-pass of it. The low-pass here is a finite impulse response
in the shape of a Gaussian: symmetric, hence of linear phase and, as its delay is taken off, of none; without overshoot
of its own; 25 s to either side at 0.05 Hz. A recording of 10 s is shorter than that, so it has to be continued beyond
its ends: its straight line is taken off, and the rest is mirrored. A mirrored signal is a sum of cosines, of which such
a low-pass leaves a handful; so the filter is two small matrix products, the same as the convolution to seven digits.

Why 0.05 Hz: a recording for diagnosis has its lower cut-off (-3 dB) there (IEC 60601-2-25; Kligfield et al. 2007,
recommendations of AHA, ACC and HRS), because a higher one bends the ST segment, unless its phase is zero, where up to
0.67 Hz is allowed for routine use.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError

Signal = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SPREAD = float(np.sqrt(-np.log(1 - np.sqrt(0.5)) / 2) / np.pi)
"""Standard deviation of the kernel times the edge: the high-pass is at -3 dB there."""
REACH = 5.0
"""The kernel ends after so many standard deviations; what would lie beyond weighs under a millionth."""
SHORT_S = 5.0
"""Below this length a beat or two would decide the slope of a recording, so only its mean is taken off."""
_NOTHING = 1e-8
_OPERATOR_VALUES = 2**21


def linear_phase_highpass(signal: Signal, fs: float, edge: float) -> Signal:
    """The signal without what lies below an edge, by a linear-phase FIR whose delay is taken off.

    -3 dB at the edge, -26 dB at a fifth of it, nothing left of an offset or a straight line; at ten times the edge and
    above the signal is untouched. Beyond its ends the signal is continued by its mirror image about its own straight
    line (about its mean where it is shorter than :data:`SHORT_S`).

    Args:
        signal: [..., samples], without NaN.
        fs: Its sampling rate in Hz.
        edge: The edge in Hz.

    Returns:
        float32, same shape.

    Raises:
        DataError: The edge is at or over half the rate.
    """
    if not 0 < edge < fs / 2:
        raise DataError(
            f"A filter edge of {edge:g} Hz needs a sampling rate over {2 * edge:g} Hz, not {fs:g} Hz.",
            "Lower the edge, or leave the filter out.",
        )
    samples = signal.shape[-1]
    if samples * _modes(samples, fs, edge) > _OPERATOR_VALUES:
        return through_mirrors(levelled(signal, fs), 1 - _gain(mirror_frequencies(samples, fs), edge))
    level = np.asarray(signal - signal.mean(axis=-1, keepdims=True), np.float32)
    analysis, synthesis = _operator(samples, fs, edge)
    return np.asarray(level - level @ analysis @ synthesis, np.float32)


def levelled(signal: Signal, fs: float) -> Signal:
    """The signal without its mean and, unless it is shorter than :data:`SHORT_S`, its straight line (least squares).

    Args:
        signal: [..., samples], without NaN.
        fs: Its sampling rate in Hz.
    """
    level = np.asarray(signal - signal.mean(axis=-1, keepdims=True), np.float32)
    slope = _slope(level.shape[-1], fs).astype(np.float32)
    return level - (level @ slope)[..., None] * slope


def mirror_frequencies(samples: int, fs: float) -> Floats:
    """The frequencies in Hz, from 0 to half the rate, of the cosines that a mirrored signal consists of; [samples]."""
    return np.arange(samples) * fs / (2 * samples)


def through_mirrors(signal: Signal, gains: Floats) -> Signal:
    """The signal after a filter without phase, continued by its mirror image without end.

    Args:
        signal: [..., samples], without NaN.
        gains: The filter's, at each of :func:`mirror_frequencies`.

    Returns:
        float32, same shape.
    """
    from scipy.fft import dct, idct  # takes a third of a second to import, and short signals do without

    cosines = dct(np.asarray(signal, np.float32), axis=-1)
    cosines *= gains.astype(np.float32)
    return np.asarray(idct(cosines, axis=-1, overwrite_x=True), np.float32)


def reach_s(edge: float) -> float:
    """Seconds to either side of a sample that decide it."""
    return REACH * SPREAD / edge


def kernel(fs: float, edge: float) -> Floats:
    """The impulse response of the high-pass: symmetric, of odd length, with a sum of 0.

    Args:
        fs: Sampling rate in Hz.
        edge: The edge in Hz.
    """
    side = int(reach_s(edge) * fs)
    times = np.arange(-side, side + 1) / fs
    smooth = np.exp(-0.5 * (times * edge / SPREAD) ** 2)
    response = -smooth / smooth.sum()
    response[side] += 1
    return response


def _gain(frequency: Floats, edge: float) -> Floats:
    """The low-pass's gain at a frequency: the Fourier transform of its kernel."""
    return np.asarray(np.exp(-2 * (np.pi * SPREAD * frequency / edge) ** 2))


def _modes(samples: int, fs: float, edge: float) -> int:
    """How many cosines of a mirrored signal the low-pass leaves, the constant not counted."""
    highest = edge * np.sqrt(-np.log(_NOTHING) / 2) / (np.pi * SPREAD)
    return min(int(highest * 2 * samples / fs), samples - 1)


@lru_cache(maxsize=4)
def _slope(samples: int, fs: float) -> Floats:
    """The straight line of norm 1 and mean 0, [samples]; zeros for a signal too short to have one."""
    line = np.arange(samples) - (samples - 1) / 2
    return line / np.linalg.norm(line) if samples >= SHORT_S * fs else np.zeros(samples)


@lru_cache(maxsize=4)
def _operator(samples: int, fs: float, edge: float) -> tuple[Signal, Signal]:
    """Two matrices, [samples, modes] and [modes, samples], whose product is the low-pass of signals of mean 0."""
    numbers = np.arange(1, _modes(samples, fs, edge) + 1)
    phases = np.pi * np.outer(numbers, np.arange(samples) + 0.5) / samples
    cosines = np.cos(phases) * np.sqrt(2 / samples)  # [modes, samples], orthonormal
    slope = _slope(samples, fs)[None]
    weights = _gain(numbers * fs / (2 * samples), edge)[:, None]
    analysis = np.concatenate([slope, cosines - (cosines @ slope.T) @ slope])
    synthesis = np.concatenate([slope, weights * cosines])
    return np.ascontiguousarray(analysis.T, np.float32), np.ascontiguousarray(synthesis, np.float32)
