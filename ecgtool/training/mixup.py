"""Mixup: pairs of training items and their targets blended (Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ecgtool.settings import TrainingConfig
from ecgtool.training.data import seeded
from ecgtool.training.losses import Loss

_MIXUP = 3
"""Tells these random numbers from the others of an epoch."""


@dataclass(frozen=True)
class Blend:
    """How the items of one batch are blended.

    Args:
        share: Of each item in what it becomes; the rest is its partner's.
        partner: int64 [batch]: which item that is.
    """

    share: float
    partner: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """The values [batch, ...], blended; what is not known of either (NaN) is not known."""
        return self.share * values + (1 - self.share) * values[self.partner]

    def loss(self, loss: Loss, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of the logits of blended items.

        It is the same blend of the losses with each target. Losses that are linear in the target (``ce``, ``bce``)
        come to the same with the blended target; of ``focal`` this is the definition.
        """
        return self.share * loss(logits, target) + (1 - self.share) * loss(logits, target[self.partner])


class Mixup:
    """Draws how each batch is blended.

    Args:
        alpha: Of the Beta distribution of shares: small values leave most items almost as they are, 1 makes all shares
            equally probable.
        seed: Decides what is drawn, together with the epoch and the process.
    """

    def __init__(self, alpha: float, seed: int) -> None:
        self.alpha, self.seed = alpha, seed
        self.begin(0, 0)

    def begin(self, epoch: int, rank: int) -> None:
        """Start an epoch. Shares are those of all processes; partners are found within each one's part of a batch."""
        self._shares = seeded(self.seed, epoch, 0, _MIXUP)
        self._partners = seeded(self.seed, epoch, 1 + rank, _MIXUP)

    def draw(self, items: int, device: torch.device) -> Blend:
        """How the next batch is blended."""
        share = float(self._shares.beta(self.alpha, self.alpha))
        partner: np.ndarray = self._partners.permutation(items)
        return Blend(share, torch.from_numpy(partner).to(device))


def mixup_of(training: TrainingConfig) -> Mixup | None:
    """What the settings ask for; None where they ask for none."""
    return Mixup(training.mixup, training.seed) if training.mixup else None
