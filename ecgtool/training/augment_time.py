"""Augmentations of time: all leads of an item move together."""

from __future__ import annotations

import torch
from torch import Tensor

from ecgtool.training.augment import Source


def shift(signal: Tensor, source: Source) -> Tensor:
    """Time shift by whole samples, either way; the end that opens repeats its last sample."""
    most = source.config.shift
    moved = source.uniform(-most - 0.5, most + 0.5, len(signal), 1, 1).round().clamp(-most, most).long()
    places = torch.arange(signal.shape[-1], device=signal.device) - moved
    return _taken(signal, places)


def stretch(signal: Tensor, source: Source) -> Tensor:
    """Time scaling about the item's middle: the heart beats faster or slower.

    Between samples, cubic interpolation (Catmull and Rom 1974); where the item becomes too short, its ends repeat their
    last sample.
    """
    spread = source.config.stretch
    pace = source.uniform(1 - spread, 1 + spread, len(signal), 1, 1)
    middle = (signal.shape[-1] - 1) / 2
    times = (torch.arange(signal.shape[-1], device=signal.device) - middle) * pace + middle
    before = times.floor()
    part, first = times - before, before.long()
    one, two, three, four = (_taken(signal, first + offset) for offset in (-1, 0, 1, 2))
    slope = three - one
    curve = 2 * one - 5 * two + 4 * three - four
    twist = 3 * (two - three) + four - one
    smooth = two + 0.5 * part * (slope + part * (curve + part * twist))
    nearest = torch.where(part < 0.5, two, three)
    return torch.where(source.recorded > 0, smooth, nearest)  # a channel that is no lead takes no values between


def crop(signal: Tensor, source: Source) -> Tensor:
    """Random crop: a stretch of the item stays where it is, the rest becomes zero, as where a recording is padded."""
    samples = signal.shape[-1]
    length = (source.uniform(source.config.crop, 1, len(signal), 1, 1) * samples).ceil()
    begin = (source.uniform(0, 1, len(signal), 1, 1) * (samples - length)).round()
    places = torch.arange(samples, device=signal.device)
    return signal * ((places >= begin) & (places < begin + length))


def _taken(signal: Tensor, places: Tensor) -> Tensor:
    """The samples [batch, leads, samples] at these places [batch, 1, samples] of every lead."""
    inside = places.clamp(0, signal.shape[-1] - 1)
    return signal.gather(2, inside.expand(signal.shape))
