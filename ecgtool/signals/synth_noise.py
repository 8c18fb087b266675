"""What is recorded beside the heart: fibrillating atria seen as waves, muscles, electrodes, the mains.

Noise arises at the nine electrodes and reaches the leads through the same differences as the heart's signal, so that
a noisy electrode shows in the leads that use it and the limb-lead identities still hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgtool.signals.synth_dipole import INDEPENDENT_FROM_ELECTRODES, Floats
from ecgtool.signals.synth_rhythm import Breath

_ELECTRODES = 9
_MUSCLE_HZ = (20.0, 150.0)


@dataclass(frozen=True)
class Noise:
    """How noisy a recording is; amplitudes are standard deviations at one electrode in mV.

    Args:
        wander_mv: Baseline wander below 0.6 Hz: respiration and drifting electrode potentials.
        muscle_mv: Muscle activity between 20 and 150 Hz; a lower sampling rate sees its share.
        mains_mv: The mains and its harmonics, below 0.45 of the sampling rate.
        motion: Expected number of electrode movements in ten seconds.
        mains_hz: 50 or 60.
    """

    wander_mv: float = 0.05
    muscle_mv: float = 0.012
    mains_mv: float = 0.004
    motion: float = 0.2
    mains_hz: float = 50.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Noise:
        """A clinical recording: most are clean, some are poor."""
        level = float(rng.lognormal(0, 0.5))
        return cls(0.045 * level, 0.008 * level, 0.004 * level, 0.15 * level, float(rng.choice([50.0, 60.0])))


CLINICAL = Noise()
SILENT = Noise(0.0, 0.0, 0.0, 0.0)


def leads_noise(noise: Noise, breath: Breath, fs: float, samples: int, rng: np.random.Generator) -> Floats:
    """Noise of the eight independent leads in mV; [8, samples]."""
    seconds = np.arange(samples) / fs
    parts = (
        _wander(noise, breath, seconds, rng),
        _muscle(noise, fs, samples, rng),
        _mains(noise, fs, seconds, rng),
        _motion(noise, seconds, rng),
    )
    return INDEPENDENT_FROM_ELECTRODES @ sum(parts, start=np.zeros((_ELECTRODES, samples)))


def fibrillatory_waves(amplitude_mv: float, fs: float, samples: int, rng: np.random.Generator) -> Floats:
    """The dipole of fibrillating atria in mV; [3, samples].

    Two wandering saw-teeth of 5 to 8 Hz with modulated rate and height (Stridh and Sornmo, IEEE TBME 2001), one seen
    best in V1 and V2, one in the inferior leads.

    Args:
        amplitude_mv: Height in V1.
        fs: Sampling rate in Hz.
        samples: Length.
        rng: Source of chance.
    """
    seconds = np.arange(samples) / fs
    directions = np.array([[-0.42, 0.12, -0.72], [0.05, 0.60, -0.10]])
    rate = rng.uniform(5.0, 8.0)
    waves = np.stack([_sawtooth(rate + rng.normal(0, 0.3), seconds, rng) for _ in directions])
    return amplitude_mv * directions.T @ waves


def _sawtooth(rate_hz: float, seconds: Floats, rng: np.random.Generator) -> Floats:
    slow, slower, start = rng.uniform(0, 2 * np.pi, 3)
    phase = 2 * np.pi * rate_hz * seconds + 2.5 * np.sin(2 * np.pi * 0.23 * seconds + slow) + start
    height = 1 + 0.4 * np.sin(2 * np.pi * 0.41 * seconds + slower)
    return height * sum(np.sin(order * phase) / order for order in (1, 2, 3)) / 1.3


def _wander(noise: Noise, breath: Breath, seconds: Floats, rng: np.random.Generator) -> Floats:
    frequencies = rng.uniform(0.03, 0.6, 8)
    angles = 2 * np.pi * frequencies[:, None] * seconds
    bases = np.vstack([np.sin(angles), np.cos(angles), breath(seconds)])
    weights = rng.normal(size=(_ELECTRODES, len(bases))) / np.sqrt(16)
    weights[:, :-1] /= np.tile(1 + frequencies / 0.15, 2)
    weights[:, -1] = 0.8 * rng.normal(size=_ELECTRODES)
    return noise.wander_mv * weights @ bases


def _muscle(noise: Noise, fs: float, samples: int, rng: np.random.Generator) -> Floats:
    """Band-limited noise that swells and fades; its density per Hz does not depend on the sampling rate."""
    if noise.muscle_mv == 0 or fs <= 2 * _MUSCLE_HZ[0]:
        return np.zeros((_ELECTRODES, samples))
    white = rng.standard_normal((_ELECTRODES, samples))
    spectrum = np.fft.rfft(white)
    frequencies = np.fft.rfftfreq(samples, 1 / fs)
    edges = 1 / (1 + np.exp(-(frequencies - _MUSCLE_HZ[0]) / 4)) / (1 + np.exp((frequencies - _MUSCLE_HZ[1]) / 15))
    density = np.sqrt(fs / 2 / (_MUSCLE_HZ[1] - _MUSCLE_HZ[0]))
    seconds = np.arange(samples) / fs
    swell = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * seconds + rng.uniform(0, 2 * np.pi))
    level = noise.muscle_mv * rng.lognormal(0, 0.4, (_ELECTRODES, 1))
    return level * density * swell * np.fft.irfft(spectrum * edges, samples)


def _mains(noise: Noise, fs: float, seconds: Floats, rng: np.random.Generator) -> Floats:
    """The fundamental and its odd harmonics that pass the recorder's anti-aliasing filter."""
    drawn = np.zeros((_ELECTRODES, len(seconds)))
    for order in (1, 3, 5):
        phase = rng.uniform(0, 2 * np.pi)
        coupling = rng.normal(size=(_ELECTRODES, 1)) / order**1.5
        if order * noise.mains_hz < 0.45 * fs:
            drawn += coupling * np.sin(2 * np.pi * order * noise.mains_hz * seconds + phase)
    return np.sqrt(2) * noise.mains_mv * drawn


def _motion(noise: Noise, seconds: Floats, rng: np.random.Generator) -> Floats:
    """An electrode is touched: a quick step of its potential that decays within a second or two."""
    drawn = np.zeros((_ELECTRODES, len(seconds)))
    length = seconds[-1] if len(seconds) else 0.0
    for _ in range(rng.poisson(noise.motion * length / 10)):
        since = (seconds - rng.uniform(0, length)).clip(0)
        height = rng.normal(0, 0.35)
        drawn[rng.integers(_ELECTRODES)] += height * (1 - np.exp(-since / 0.04)) * np.exp(-since / rng.uniform(0.3, 1))
    return drawn
