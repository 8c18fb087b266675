"""Crops: a network that reads short stretches of an item, a random one in training and several of them afterwards.

A short stretch trains several times as fast as the whole item, and another one in every epoch is an augmentation.
Averaging over stretches makes up for what one of them misses (Strodthoff et al. 2021,
doi:10.1109/JBHI.2020.3022989, train on 2.5 s of 10 s).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgtool.errors import ConfigError
from ecgtool.settings import TrainingConfig

LONG_S = 10.0
"""Seconds of a crop where the configuration leaves it to us: what a clinical recording lasts."""


class Crops(nn.Module):
    """Cuts items into crops, and makes one answer of those of an item. Has no weights.

    In training an item gives one crop at random, drawn from torch's generator. In ``eval()`` it gives ``number`` crops,
    the first at its beginning, the last at its end and the others evenly between them, and their logits are averaged.
    All leads are cut alike, the channel that says what was recorded too.

    Args:
        samples: Samples of an item.
        length: Samples of a crop.
        number: Crops of an item; as many as overlap by half where None.

    Raises:
        ConfigError: A crop is longer than an item, or has no sample.
    """

    def __init__(self, samples: int, length: int, number: int | None = None) -> None:
        super().__init__()
        if not 1 <= length <= samples:
            raise ConfigError(
                f"training.crop_s asks for crops of {length} samples, and the store's items have {samples}.",
                f"Give a {'shorter' if length else 'longer'} --set training.crop_s, or null for whole items.",
            )
        self.length = length
        self.starts = spread(samples, length, number)

    def forward(self, signal: Tensor) -> Tensor:
        """Crops [batch * crops, leads, length] of ``signal`` [batch, leads, samples], those of an item together.

        In training, what is as short as a crop has been cut before (so that only crops are augmented) and stays.
        """
        if self.training:
            return signal if signal.shape[-1] == self.length else random_crops(signal, self.length)
        parts = [signal[..., start : start + self.length] for start in self.starts]
        return torch.stack(parts, dim=1).flatten(0, 1)

    def repeated(self, values: Tensor) -> Tensor:
        """``values`` [batch, columns] of items, for their crops [batch * crops, columns]."""
        return values if self.training else values.repeat_interleave(len(self.starts), dim=0)

    def joined(self, logits: Tensor) -> Tensor:
        """Logits [batch, outputs] of items: the mean of those of their crops [batch * crops, outputs]."""
        return logits if self.training else logits.reshape(-1, len(self.starts), logits.shape[-1]).mean(dim=1)


def crops_of(training: TrainingConfig, samples: int, fs: float) -> Crops | None:
    """The crops that a configuration asks for of items of ``samples`` at ``fs`` Hz; None: whole items.

    Raises:
        ConfigError: A crop is longer than an item.
    """
    asked = training.crop_s
    if asked == "auto":
        asked = LONG_S if samples > LONG_S * fs else None
    return None if asked is None else Crops(samples, round(asked * fs), training.crops)


def spread(samples: int, length: int, number: int | None = None) -> list[int]:
    """First samples of crops from the beginning to the end; one crop alone lies in the middle."""
    last = samples - length
    if number is None:
        number = -(-2 * last // length) + 1
    if number == 1:
        return [last // 2]
    return [round(last * index / (number - 1)) for index in range(number)]


def random_crops(signal: Tensor, length: int) -> Tensor:
    """One stretch [batch, leads, length] of each item, every one as likely."""
    batch, leads, samples = signal.shape
    starts = torch.randint(samples - length + 1, (batch, 1, 1), device=signal.device)
    index = (starts + torch.arange(length, device=signal.device)).expand(-1, leads, -1)
    return signal.gather(2, index)
