"""The samples of each word of a sentence: cut out of the signal at a fixed number of points, then embedded by a U-Net.

The cut is made where the model runs, from the signal and the span of each word, so that no further array is stored and
an exported model takes the signal as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def spans(signal: Tensor, onset: Tensor, end: Tensor, points: int) -> Tensor:
    """Each word's stretch of the signal at evenly spread points, by linear interpolation.

    Args:
        signal: float [batch, leads, samples].
        onset: int64 [batch, words], the first sample of each word; what lies outside of the signal is moved into it.
        end: int64 [batch, words], one past the last sample.
        points: How many points; the first lies on the first sample, the last on the last.

    Returns:
        [batch, words, leads, points].
    """
    samples = signal.shape[-1]
    share = torch.linspace(0, 1, points, device=signal.device, dtype=signal.dtype)
    first = onset.to(signal.dtype).unsqueeze(-1)
    last = (end - 1).to(signal.dtype).unsqueeze(-1)
    place = (first + (last - first).clamp(min=0) * share).clamp(0, samples - 1)  # [batch, words, points]
    below = place.floor()
    beyond = (below + 1).clamp(max=samples - 1)
    low, high = _at(signal, below.long()), _at(signal, beyond.long())
    return torch.lerp(low, high, (place - below).unsqueeze(1)).transpose(1, 2)


def _at(signal: Tensor, place: Tensor) -> Tensor:
    """Values [batch, leads, words, points] at the places [batch, words, points]."""
    batch, leads, _ = signal.shape
    flat = place.reshape(batch, 1, -1).expand(batch, leads, place.shape[1] * place.shape[2])
    return signal.gather(2, flat).reshape(batch, leads, place.shape[1], place.shape[2])


class Convolutions(nn.Sequential):
    """Two convolutions of reach 1 with rectifiers; the first may halve the points."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv1d(before, after, 3, stride, padding=1),
            nn.ReLU(),
            nn.Conv1d(after, after, 3, padding=1),
            nn.ReLU(),
        )


class WaveEncoder(nn.Module):
    """A U-Net (Ronneberger, Fischer and Brox 2015, arXiv:1505.04597) over the points of a word, pooled to one vector.

    Two halvings and two doublings with the features of the way down joined in on the way up; what is at the bottom and
    what comes out at full resolution are averaged over the points and joined with the word's length, which resampling
    takes away.

    Args:
        leads: Rows of the signal.
        channels: Features at full resolution; twice and four times as many below.
        width: Of the embedding.
    """

    def __init__(self, leads: int, channels: int, width: int) -> None:
        super().__init__()
        self.top = Convolutions(leads, channels)
        self.middle = Convolutions(channels, 2 * channels, stride=2)
        self.bottom = Convolutions(2 * channels, 4 * channels, stride=2)
        self.up_middle = nn.ConvTranspose1d(4 * channels, 2 * channels, 2, stride=2)
        self.join_middle = Convolutions(4 * channels, 2 * channels)
        self.up_top = nn.ConvTranspose1d(2 * channels, channels, 2, stride=2)
        self.join_top = Convolutions(2 * channels, channels)
        self.out = nn.Linear(4 * channels + 2 * channels + 1, width)

    def forward(self, waves: Tensor, length: Tensor) -> Tensor:
        """Embeddings [words, width] of ``waves`` [words, leads, points] and their ``length`` [words] in seconds.

        ``points`` must be a multiple of 4.
        """
        top = self.top(waves)
        middle = self.middle(top)
        bottom = self.bottom(middle)
        middle = self.join_middle(torch.cat([self.up_middle(bottom), middle], dim=1))
        top = self.join_top(torch.cat([self.up_top(middle), top], dim=1))
        log_length = (length.clamp(min=0) + _SHORTEST_S).log().unsqueeze(1)
        embedding: Tensor = self.out(torch.cat([bottom.mean(-1), top.mean(-1), top.amax(-1), log_length], dim=1))
        return embedding


_SHORTEST_S = 0.01
"""Added to lengths before their logarithm, so that an empty word has one."""
