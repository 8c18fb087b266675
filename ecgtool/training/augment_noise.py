"""Augmentations that add noise: from the amplifier, the electrodes, the mains and the muscles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgtool.errors import NotFound
from ecgtool.files import expanded
from ecgtool.formats import read_record
from ecgtool.signals.resample import resample
from ecgtool.training.augment import Source

NSTDB = {"wander": "bw", "muscle": "ma"}
"""Augmentation -> the record of the MIT-BIH Noise Stress Test Database (Moody, Muldrow and Mark 1984) that it adds."""
MUSCLE_HZ = (20.0, 150.0)
WANDER_HZ = (0.05, 0.5)
_WAVES = 4


def noise(signal: Tensor, source: Source) -> Tensor:
    """Gaussian noise, independent in every sample; its deviation is a share of that of the lead."""
    low, high = source.config.noise
    size = source.uniform(low, high, len(signal), 1, 1) * source.std_mv * source.recorded
    return signal + size * source.normal(*signal.shape)


def wander(signal: Tensor, source: Source) -> Tensor:
    """Baseline wander of every electrode: recorded (``bw`` of the noise stress test database), or slow waves."""
    items, electrodes = len(signal), source.mixing.shape[1]
    if "wander" in source.noises:
        made = _excerpts(source.noises["wander"], source, items, electrodes, signal.shape[-1])
    else:
        times = torch.arange(signal.shape[-1], device=signal.device) / source.fs
        rate = source.uniform(*WANDER_HZ, items, electrodes, _WAVES, 1)
        phase = source.uniform(0, 1, items, electrodes, _WAVES, 1)
        size = source.normal(items, electrodes, _WAVES, 1) * (2 / _WAVES) ** 0.5
        made = (size * torch.sin(2 * math.pi * (rate * times + phase))).sum(dim=2)
    return _added(signal, made, source.config.wander_mv, source)


def powerline(signal: Tensor, source: Source) -> Tensor:
    """Hum of the mains: one phase for all electrodes, each catching its own share, and some of its third harmonic."""
    items, electrodes = len(signal), source.mixing.shape[1]
    rate = source.config.mains_hz
    times = torch.arange(signal.shape[-1], device=signal.device) / source.fs
    angle = 2 * math.pi * (rate * times + source.uniform(0, 1, items, 1, 1))
    wave = torch.sin(angle)
    if 3 * rate < source.fs / 2:
        wave = wave + source.uniform(0, 0.3, items, 1, 1) * torch.sin(3 * angle)
    made = 2**0.5 * source.normal(items, electrodes, 1) * wave
    return _added(signal, made, source.config.powerline_mv, source)


def muscle(signal: Tensor, source: Source) -> Tensor:
    """Muscle artefact of every electrode: recorded (``ma`` of the same database), or bursts at 20-150 Hz."""
    items, electrodes, samples = len(signal), source.mixing.shape[1], signal.shape[-1]
    if "muscle" in source.noises:
        made = _excerpts(source.noises["muscle"], source, items, electrodes, samples)
    else:
        spectrum = torch.fft.rfft(source.normal(items, electrodes, samples))
        rates = torch.fft.rfftfreq(samples, 1 / source.fs, device=signal.device)
        heard = (rates >= MUSCLE_HZ[0]) & (rates <= MUSCLE_HZ[1])
        share = heard.float().mean().clamp(min=1 / max(len(rates), 1))
        made = torch.fft.irfft(spectrum * heard, n=samples) / share.sqrt()
        made = made * _bursts(items, samples, source)
    return _added(signal, made, source.config.muscle_mv, source)


def recorded_noises(folder: Path | None, names: Sequence[str], fs: float) -> dict[str, Tensor]:
    """The recorded noises that augmentations of these names add, at ``fs`` Hz, with a deviation of 1.

    Args:
        folder: The noise stress test database; None where noise is to be made.
        names: Of augmentations.
        fs: Wanted rate in Hz.

    Returns:
        By augmentation, float32 [channels, samples].

    Raises:
        NotFound: The folder lacks a record.
        EcgError: A record is damaged.
    """
    if folder is None:
        return {}
    folder = expanded(folder)
    found = {}
    for name in [name for name in NSTDB if name in names]:
        path = folder / f"{NSTDB[name]}.hea"
        if not path.is_file():
            raise NotFound(f"{folder} has no {path.name}.", "Fetch it: ecg download nstdb --to DIR")
        record = read_record(path)
        signal = resample(np.nan_to_num(record.signal), record.fs, fs)
        signal = signal - signal.mean(axis=1, keepdims=True)
        found[name] = torch.from_numpy(signal / np.maximum(signal.std(axis=1, keepdims=True), 1e-6))
    return found


def _excerpts(recorded: Tensor, source: Source, items: int, electrodes: int, samples: int) -> Tensor:
    """Random stretches of a recorded noise, one for each electrode: [items, electrodes, samples]."""
    channels, length = recorded.shape
    begin = (source.uniform(0, 1, items, electrodes, 1) * max(length - samples, 0)).long()
    channel = (source.uniform(0, 1, items, electrodes, 1) * channels).long().clamp(max=channels - 1)
    places = (begin + torch.arange(samples, device=recorded.device)) % length
    return recorded.flatten()[channel * length + places]


def _bursts(items: int, samples: int, source: Source) -> Tensor:
    """An envelope [items, 1, samples] that comes and goes within seconds."""
    times = torch.arange(samples, device=source.generator.device) / source.fs
    rate = source.uniform(0.1, 0.5, items, 1, 1)
    return 2**0.5 * torch.sin(2 * math.pi * (rate * times + source.uniform(0, 1, items, 1, 1)))


def _added(signal: Tensor, potentials: Tensor, largest_mv: float, source: Source) -> Tensor:
    """The signal with the noise of its electrodes [items, electrodes, samples], up to a size."""
    size = source.uniform(0, largest_mv, len(signal), 1, 1)
    return signal + size * (source.mixing @ potentials)
