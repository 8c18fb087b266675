"""Augmentations that know which waves an item's samples are part of: for networks that label samples."""

from __future__ import annotations

import torch
from torch import Tensor

from ecgtool.training.augment import Source

_NONE, _P, _T = 1, 2, 4  # labels of a task of waves as targets go along: one more, 0 is where nothing is asked


def hurry(signal: Tensor, source: Source) -> Tensor:
    """A faster heart, as a body has it: waves last as long as before, the pause from T wave to P wave does not.

    It is squeezed to a share of its length, so that the P wave follows on the T wave at last. Behind the item's end,
    which comes sooner, the last sample is repeated and nothing is asked. Items without targets of samples stay as they
    are: nobody knows where their pauses lie.
    """
    if not source.targets:
        return signal
    labels = signal[:, -1].round().long()
    pause = (labels == _NONE) & (_last_wave(labels) == _T) & (_last_wave(labels.flip(1)).flip(1) == _P)
    share = source.uniform(1 - source.config.hurry, 1, len(signal), 1)
    ends = torch.where(pause, share, torch.ones_like(share)).cumsum(dim=1)
    wanted = torch.arange(1, labels.shape[1] + 1, device=signal.device, dtype=ends.dtype).expand_as(ends)
    after = torch.searchsorted(ends, wanted.contiguous()).clamp(max=labels.shape[1] - 1)
    before = (after - 1).clamp(min=0)
    first, second = ends.gather(1, before), ends.gather(1, after)
    part = ((wanted - first) / (second - first).clamp(min=1e-6)).clamp(0, 1)
    left, right = (signal.gather(2, places[:, None].expand(signal.shape)) for places in (before, after))
    part = part[:, None]
    nearest = torch.where(part < 0.5, left, right)
    made = torch.where(source.recorded > 0, torch.lerp(left, right, part), nearest)
    made[:, -1] = torch.where(wanted > ends[:, -1:], 0.0, made[:, -1])
    return made


def _last_wave(labels: Tensor) -> Tensor:
    """The label of the last sample, up to each, that is not of none."""
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    last = torch.where(labels == _NONE, torch.zeros_like(places), places).cummax(dim=1).values
    return labels.gather(1, last)
