"""Augmentations of size: how large an item's waves are, and which leads there are."""

from __future__ import annotations

import torch
from torch import Tensor

from ecgtool.training.augment import Source


def scale(signal: Tensor, source: Source) -> Tensor:
    """Amplitude scaling, by one factor for all leads of an item, so that they keep their proportions."""
    spread = source.config.scale
    factor = source.uniform(1 - spread, 1 + spread, len(signal), 1, 1)
    return torch.where(source.recorded > 0, signal * factor, signal)


def flip(signal: Tensor, source: Source) -> Tensor:
    """Polarity reversed in all leads of an item, as where electrodes are swapped; a lead has no sign of its own then.

    For models of single leads, which see a wave upright in one and inverted in another.
    """
    return torch.where(source.recorded > 0, -signal, signal)


def drop(signal: Tensor, source: Source) -> Tensor:
    """Lead dropout: leads set to zero, as after an electrode fell off; one lead at least stays."""
    items, leads, _ = signal.shape
    kept = source.uniform(0, 1, items, leads, 1) >= source.config.drop
    stays = (source.uniform(0, 1, items, leads, 1) * source.recorded).argmax(dim=1, keepdim=True)
    kept = kept.scatter(1, stays, True) | (source.recorded == 0)
    share = (kept * source.recorded).sum(dim=1, keepdim=True) / source.recorded.sum()
    return signal * torch.where(source.recorded > 0, kept.float(), share)
