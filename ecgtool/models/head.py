"""The end that the convolutional networks share: pooled over time, joined with the tabular values, one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PooledHead(nn.Module):
    """Average and maximum over time, beside the embedded tabular values, to logits.

    Args:
        channels: Channels of the features.
        outputs: Number of logits.
        tabular: Columns of ``tabular``; 0 where there are none.
        tabular_dim: Width of their embedding.
        dropout: Share of the joined values dropped while training.
    """

    def __init__(self, channels: int, outputs: int, tabular: int, tabular_dim: int, dropout: float) -> None:
        super().__init__()
        self.columns = tabular
        self.embed = nn.Sequential(nn.Linear(tabular, tabular_dim), nn.ReLU()) if tabular else None
        joined = 2 * channels + (tabular_dim if tabular else 0)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(joined, outputs))

    def forward(self, features: Tensor, tabular: Tensor | None = None) -> Tensor:
        """Logits [batch, outputs] of ``features`` [batch, channels, tokens].

        A head built for tabular values and given none takes them as unknown (0 after standardising).
        """
        pooled = [features.mean(dim=-1), features.amax(dim=-1)]
        if self.embed is not None:
            known = features.new_zeros(features.shape[0], self.columns) if tabular is None else tabular
            pooled.append(self.embed(known))
        logits: Tensor = self.out(torch.cat(pooled, dim=1))
        return logits
