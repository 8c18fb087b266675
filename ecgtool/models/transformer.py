"""Transformer encoder: every token looks at every other one (Vaswani et al. 2017, arXiv:1706.03762).

Normalised before each half rather than after it, which trains without a warm-up (Xiong et al. 2020, arXiv:2002.04745).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Attention of several heads over the real tokens.

    Args:
        width: Of a token.
        heads: Heads; they share the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """[batch, tokens, width] of ``tokens`` and ``real`` bool [batch, 1, 1, tokens], at least one of each item."""
        batch, length, width = tokens.shape
        parts = self.project(tokens).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # each [batch, heads, tokens, width / heads]
        seen = scaled_dot_product_attention(query, key, value, attn_mask=real)
        joined: Tensor = self.out(seen.transpose(1, 2).reshape(batch, length, width))
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
