"""Parallel xLSTM: an sLSTM branch beside an mLSTM branch over the same embedding, fused.

::

    signal [batch, leads, samples] -> embedding -> tokens [batch, tokens, embedding_dim]
                                        |-- sLSTM block x num_blocks --|
                                        |-- mLSTM block x num_blocks --|-- fuse -- mean and max over time --|
    tabular [batch, columns] ------------------------------------------------- embedding -------------------|-- head

Source: Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", for cells and blocks.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.models.xlstm_blocks import MLSTMBlock, SLSTMBlock
from ecgtool.settings import Section

PAPER = "Beck et al. 2024, xLSTM: Extended Long Short-Term Memory"


class XLSTMOptions(Section):
    """Options of the parallel xLSTM."""

    embedding_dim: int = Field(128, description="Width of the tokens and of the residual stream.", ge=1)
    slstm_hidden_size: int = Field(256, description="Width of an sLSTM cell, per direction.", ge=1)
    mlstm_hidden_size: int = Field(256, description="Width of an mLSTM cell, per direction.", ge=1)
    num_heads: int = Field(4, description="Heads of each cell, per direction.", ge=1)
    dropout: float = Field(0.3, description="Share of activations dropped in training.", ge=0, lt=1)
    num_blocks: int = Field(2, description="Blocks in each branch.", ge=1)
    patch: int = Field(1, description="Samples per token; 1 is every sample.", ge=1)
    bidirectional: bool = Field(False, description="Read from last to first too, with heads of their own.")

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        for name in ("embedding_dim", "slstm_hidden_size", "mlstm_hidden_size"):
            if getattr(self, name) % self.num_heads:
                raise ValueError(f"{name} must be a multiple of num_heads")
        return self


class ParallelXLSTM(nn.Module):
    """The network: normalised signal to logits.

    Args:
        options: Its options.
        inputs: Shapes; any number of leads, any number of samples from one patch up, any number of tabular columns.
        outputs: Columns of the logits.
    """

    def __init__(self, options: XLSTMOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        width, directions = options.embedding_dim, 2 if options.bidirectional else 1
        shared = (options.num_heads, options.dropout, directions)
        self.embedding = Embedding(inputs.leads, width, options.patch)
        self.slstm = nn.Sequential(
            *(SLSTMBlock(width, options.slstm_hidden_size, *shared) for _ in range(options.num_blocks))
        )
        self.mlstm = nn.Sequential(
            *(MLSTMBlock(width, options.mlstm_hidden_size, *shared) for _ in range(options.num_blocks))
        )
        self.fuse = nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, width), nn.GELU())
        columns = width // 4 if inputs.tabular else 0
        self.tabular = nn.Sequential(nn.Linear(inputs.tabular, columns), nn.GELU()) if inputs.tabular else None
        self.head = nn.Sequential(
            nn.Dropout(options.dropout),
            nn.Linear(2 * width + columns, width),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(width, outputs),
        )
        self.columns = inputs.tabular

    def forward(self, signal: Tensor, mask: Tensor | None = None, tabular: Tensor | None = None, **_: Any) -> Tensor:
        """Logits [batch, outputs].

        Args:
            signal: float32 [batch, leads, samples], normalised.
            mask: bool [batch, samples], true where the signal is real; what is false reads as 0 and is not pooled.
            tabular: float32 [batch, columns], standardised; unknown (0) where left out.
        """
        if mask is not None:
            signal = signal * mask.unsqueeze(1)
        tokens = self.embedding(signal)  # [batch, tokens, width]
        fused = self.fuse(torch.cat([self.slstm(tokens), self.mlstm(tokens)], dim=-1))
        features = [_pooled(fused, None if mask is None else self.embedding.real(mask))]
        if self.tabular is not None:
            known = signal.new_zeros(len(signal), self.columns) if tabular is None else tabular
            features.append(self.tabular(known))
        logits: Tensor = self.head(torch.cat(features, dim=-1))
        return logits


class Embedding(nn.Module):
    """Patches of ``patch`` samples of all leads to tokens; a last patch that is not full is filled with 0."""

    def __init__(self, leads: int, width: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.conv = nn.Conv1d(leads, width, patch, stride=patch)

    def forward(self, signal: Tensor) -> Tensor:
        """[batch, leads, samples] -> [batch, tokens, width]."""
        out: Tensor = self.conv(nn.functional.pad(signal, (0, -signal.shape[-1] % self.patch))).mT
        return out

    def real(self, mask: Tensor) -> Tensor:
        """[batch, samples] -> [batch, tokens]: whether a token holds at least one real sample."""
        padded = nn.functional.pad(mask, (0, -mask.shape[-1] % self.patch))
        return padded.reshape(len(mask), -1, self.patch).any(-1)


def _pooled(tokens: Tensor, real: Tensor | None) -> Tensor:
    """Mean and maximum over time: [batch, tokens, width] -> [batch, 2 * width]."""
    if real is None:
        return torch.cat([tokens.mean(1), tokens.amax(1)], dim=-1)
    real = real.unsqueeze(-1)
    mean = (tokens * real).sum(1) / real.sum(1).clamp(min=1)
    return torch.cat([mean, tokens.masked_fill(~real, -1e4).amax(1)], dim=-1)


XLSTM = ModelSpec(
    name="xlstm",
    summary="sLSTM beside mLSTM, sized for a laptop",
    paper=PAPER,
    reads=("signal", "mask", "tabular"),
    Config=XLSTMOptions,
    build=ParallelXLSTM,
    preset={"patch": 8, "num_blocks": 1},
)

XLSTM_LARGE = ModelSpec(
    name="xlstm-large",
    summary="sLSTM beside mLSTM, both directions, 15-20 million parameters",
    paper=PAPER,
    reads=("signal", "mask", "tabular"),
    Config=XLSTMOptions,
    build=ParallelXLSTM,
    preset={
        "embedding_dim": 512,
        "slstm_hidden_size": 512,
        "mlstm_hidden_size": 512,
        "num_blocks": 4,
        "patch": 4,
        "bidirectional": True,
    },
)
