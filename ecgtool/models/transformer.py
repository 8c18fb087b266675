"""Transformer encoder: every token looks at every other one (Vaswani et al. 2017, arXiv:1706.03762).

Normalised before each half rather than after it, which trains without a warm-up (Xiong et al. 2020, arXiv:2002.04745).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FARTHEST = 16
"""Tokens that are farther apart count as so far."""
_SPREAD = 0.5
"""Deviation of the numbers of distances at the beginning, which tells left from right."""
_NOT_SEEN = -1e4


class Attention(nn.Module):
    """Attention of several heads over the real tokens.

    How far apart two tokens are counts by a number of its own for each head and distance (Raffel et al. 2020,
    arXiv:1910.10683); at the beginning it falls with the distance, faster in one head than in the next (Press, Smith
    and Lewis 2022, arXiv:2108.12409), so that neighbours need not be found first.

    Args:
        width: Of a token.
        heads: Heads; they share the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        slopes = 2.0 ** -torch.arange(heads).unsqueeze(1)
        distances = torch.arange(-FARTHEST, FARTHEST + 1).abs()
        self.distance = nn.Parameter(_SPREAD * torch.randn(heads, 2 * FARTHEST + 1) - slopes * distances)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """[batch, tokens, width] of ``tokens`` and ``real`` bool [batch, 1, 1, tokens], at least one of each item."""
        batch, length, width = tokens.shape
        parts = self.project(tokens).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # each [batch, heads, tokens, width / heads]
        place = torch.arange(length, device=tokens.device)
        apart = (place - place.unsqueeze(1)).clamp(-FARTHEST, FARTHEST) + FARTHEST
        scores = query @ key.mT * key.shape[-1] ** -0.5 + self.distance[:, apart]
        seen = scores.masked_fill(~real, _NOT_SEEN).softmax(dim=-1) @ value
        joined: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return joined


class Block(nn.Module):
    """Attention, then two layers per token, each added to what came in.

    Args:
        width: Of a token.
        heads: Heads of the attention.
        growth: The inner layer is so many times as wide.
        dropout: Share of each half dropped while training.
    """

    def __init__(self, width: int, heads: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.before_attention, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.each = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, growth * width), nn.GELU(), nn.Linear(growth * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """[batch, tokens, width] of the same; see :class:`Attention`."""
        tokens = tokens + self.dropout(self.attention(self.before_attention(tokens), real))
        refined: Tensor = tokens + self.dropout(self.each(tokens))
        return refined


class Encoder(nn.Module):
    """Blocks one after another, normalised at the end.

    Args:
        layers: Blocks.
        width: Of a token; a multiple of ``heads``.
        heads: Heads of the attention.
        growth: The inner layer of a block is so many times as wide.
        dropout: Share dropped while training.
    """

    def __init__(self, layers: int, width: int, heads: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, growth, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """[batch, tokens, width] of the same and ``real`` bool [batch, tokens]: what is no padding."""
        seen = real[:, None, None, :]
        for block in self.blocks:
            tokens = block(tokens, seen)
        out: Tensor = self.norm(tokens)
        return out
