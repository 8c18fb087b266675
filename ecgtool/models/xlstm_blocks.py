"""Residual blocks around the two cells of Beck et al. 2024 (figures 10, 11): norm, convolution, cell, projection.

All take and return [batch, tokens, width]. With two directions a second set of heads reads the tokens from last to
first; both run in the same scan, so the second direction costs width and no extra steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgtool.models.mlstm import mlstm_chunkwise
from ecgtool.models.slstm import slstm_scan

_KERNEL = 4
"""Tokens that the convolution before the gates sees: the newest and three before it."""


class CausalConv(nn.Module):
    """Depthwise convolution over the newest tokens in reading order, one set of weights per direction, then SiLU.

    It is written in two dimensions because only there does torch keep the channels last, as the tokens have them: half
    the time of one dimension, which goes through transposed copies.
    """

    def __init__(self, width: int, directions: int) -> None:
        super().__init__()
        kernel = (1, _KERNEL)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, kernel, groups=width) for _ in range(directions))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Per direction [batch, tokens, width], both in the order of time."""
        pads = ((0, 0, _KERNEL - 1, 0), (0, 0, 0, _KERNEL - 1))
        padded = (functional.pad(x, pad).mT.unsqueeze(2) for pad in pads)  # [batch, width, 1, tokens + 3] each
        return [functional.silu(conv(x)).squeeze(2).mT for conv, x in zip(self.convs, padded, strict=False)]


class HeadNorm(nn.Module):
    """Normalises each head by itself, so that no head drowns the others, and scales every channel."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(heads, head_dim))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, heads, head_dim] -> [batch, tokens, heads * head_dim]."""
        return (functional.layer_norm(x, x.shape[-1:]) * self.weight).flatten(-2)


class SLSTMBlock(nn.Module):
    """sLSTM: memory mixing within each head, then a gated feed-forward layer.

    Input and forget gate read the convolved tokens, cell and output gate the tokens themselves; every head reads its
    own part of the stream, as in the paper.

    Args:
        width: Of the residual stream.
        hidden: Of the cell, per direction.
        heads: Blocks of the recurrence, per direction.
        dropout: Before each residual addition.
        directions: 1, or 2 to read backwards too.
    """

    def __init__(self, width: int, hidden: int, heads: int, dropout: float, directions: int = 1) -> None:
        super().__init__()
        head_dim, all_heads = hidden // heads, heads * directions
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.conv = CausalConv(width, directions)
        part = width // heads
        self.when = nn.Parameter(torch.randn(all_heads, part, 2 * head_dim) / part**0.5)
        self.what = nn.Parameter(torch.randn(all_heads, part, 2 * head_dim) / part**0.5)
        self.recurrent = nn.Parameter(torch.randn(all_heads, head_dim, 4 * head_dim) * 0.5 / head_dim**0.5)
        # The input gate has no bias: added to all steps of a unit, it cancels in the normalised cell.
        self.forget_bias = nn.Parameter(torch.linspace(1.0, 5.0, head_dim).repeat(all_heads, 1, 1))
        self.what_bias = nn.Parameter(torch.zeros(all_heads, 1, 2 * head_dim))
        self.cell_norm = HeadNorm(all_heads, head_dim)
        self.out = nn.Linear(hidden * directions, width)
        self.ffn = FeedForward(width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same."""
        return self.ffn(x + self.dropout(self.out(self.cell_norm(self.cell(self.norm(x))))))

    def cell(self, x: Tensor) -> Tensor:
        """The scan alone: [batch, tokens, width] -> [batch, tokens, heads, head_dim]."""
        batch, tokens, _ = x.shape
        seen = self._by_head(self.conv(x))  # [heads, tokens * batch, width / heads]
        plain = self._by_head([x] * (len(self.recurrent) // self.heads))
        when_bias = functional.pad(self.forget_bias, (self.forget_bias.shape[-1], 0))
        when, what = torch.baddbmm(when_bias, seen, self.when), torch.baddbmm(self.what_bias, plain, self.what)
        gates = torch.cat([when, what], dim=-1)  # [heads, tokens * batch, 4 * head_dim]
        gates = gates.reshape(len(self.recurrent), tokens, batch, -1).transpose(0, 1)
        hidden = slstm_scan(gates, self.recurrent)[0]  # [tokens, heads, batch, head_dim]
        return turned(hidden.permute(2, 0, 1, 3), self.heads)

    def _by_head(self, directions: list[Tensor]) -> Tensor:
        """Tokens of each direction, [batch, tokens, width], in its reading order: [heads, tokens * batch, part]."""
        x = torch.stack(directions, dim=2)  # [batch, tokens, directions, width]
        x = turned(x.reshape(*x.shape[:2], len(self.recurrent), -1), self.heads)  # [batch, tokens, heads, part]
        return x.permute(2, 1, 0, 3).flatten(1, 2)


class MLSTMBlock(nn.Module):
    """mLSTM: up-projection, matrix memory, gated output, down-projection.

    Args:
        width: Of the residual stream.
        hidden: Of the cell, per direction.
        heads: Matrix memories, per direction.
        dropout: Before the residual addition.
        directions: 1, or 2 to read backwards too.
    """

    def __init__(self, width: int, hidden: int, heads: int, dropout: float, directions: int = 1) -> None:
        super().__init__()
        head_dim, all_heads = hidden // heads, heads * directions
        self.heads, self.head_dim = heads, head_dim
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * hidden)
        self.conv = CausalConv(hidden, directions)
        self.query = nn.Parameter(torch.randn(all_heads, head_dim, head_dim) / head_dim**0.5)
        self.key = nn.Parameter(torch.randn(all_heads, head_dim, head_dim) / head_dim**0.5)
        self.value = nn.Parameter(torch.randn(heads, head_dim, head_dim) / head_dim**0.5)
        self.gates = nn.Parameter(torch.randn(all_heads, head_dim, 2) * 0.1 / head_dim**0.5)
        self.bias = nn.Parameter(torch.stack([torch.zeros(all_heads), torch.linspace(3.0, 6.0, all_heads)], dim=-1))
        self.skip = nn.Parameter(torch.ones(all_heads * head_dim))
        self.cell_norm = HeadNorm(all_heads, head_dim)
        self.out = nn.Linear(hidden * directions, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same."""
        inner, gate = self.up(self.norm(x)).chunk(2, dim=-1)  # [batch, tokens, hidden] each
        seen = torch.cat(self.conv(inner), dim=-1)  # [batch, tokens, directions * hidden]
        h = self.cell_norm(self.cell(seen, inner)) + self.skip * seen
        gate = functional.silu(gate).repeat(1, 1, h.shape[-1] // gate.shape[-1])
        return x + self.dropout(self.out(h * gate))

    def cell(self, seen: Tensor, inner: Tensor) -> Tensor:
        """The memory alone: queries and keys from ``seen``, values from ``inner``; [batch, tokens, heads, head_dim]."""
        seen = seen.reshape(*seen.shape[:2], -1, self.head_dim)
        inner = inner.reshape(*inner.shape[:2], -1, self.head_dim)
        query, key = per_head(seen, self.query), per_head(seen, self.key)
        value = per_head(inner, self.value)
        value = value.repeat(1, 1, query.shape[2] // value.shape[2], 1)
        gates = per_head(seen, self.gates) + self.bias  # [batch, tokens, heads, 2]
        words = (turned(word, self.heads).transpose(1, 2) for word in (query, key, value, gates))
        query, key, value, gates = words  # [batch, heads, tokens, ...] each
        gates = gates.float()  # logarithms of weights need the precision, under autocast too
        h = mlstm_chunkwise(query, key, value, gates[..., 0], gates[..., 1])
        return turned(h.transpose(1, 2), self.heads)


class FeedForward(nn.Module):
    """Gated feed-forward layer with its residual, 4/3 as wide as the stream."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        inner = -(-4 * width // 3 // 8) * 8
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * inner)
        self.down = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same."""
        inner, gate = self.up(self.norm(x)).chunk(2, dim=-1)
        return x + self.dropout(self.down(functional.gelu(gate) * inner))


def turned(x: Tensor, heads: int) -> Tensor:
    """[batch, tokens, heads, ...] with the heads after the first ``heads`` in the other order of time."""
    if x.shape[2] == heads:
        return x
    return torch.cat([x[:, :, :heads], x[:, :, heads:].flip(1)], dim=2)


def per_head(x: Tensor, weight: Tensor) -> Tensor:
    """[batch, tokens, heads, in] by [heads, in, out] -> [batch, tokens, heads, out]."""
    return (x.transpose(1, 2) @ weight).transpose(1, 2)
