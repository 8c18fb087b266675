"""unet1d: a small U-Net that says of every sample of a lead what it is part of.

The shape is that of Ronneberger, Fischer and Brox 2015 (arXiv:1505.04597), over time in place of an image, as
Moskalenko, Zolotykh and Osipov 2020 (arXiv:2001.04689) first did for the waves of an ECG: stages that halve the rate
see ever more of the rhythm, stages that double it again carry that back to single samples, beside what was seen there
on the way down. The first convolution already halves the rate and the last one restores it, so that no stage works on
all samples.

Time is the second of two dimensions, the first has one row: convolutions over one dimension and these are the same, but
onnxruntime has its fast kernels, which keep channels in blocks, for two.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from ecgtool.models.cnn1d import Stage
from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.settings import Section


class UNet1DOptions(Section):
    """Options of ``unet1d``; the defaults have about a third of a million parameters and see several seconds."""

    widths: tuple[int, ...] = Field(
        (24, 32, 48, 64, 64, 64),
        description="Channels of each stage; the first works at half the signal's rate, each further one at half that.",
        min_length=2,
        max_length=10,
    )
    reach: int = Field(3, description="Samples a convolution sees to either side.", ge=1, le=31)
    stem_reach: int = Field(7, description="The same for the first convolution.", ge=1, le=127)
    dropout: float = Field(0.1, description="Dropout of whole channels at the lowest rate.", ge=0, lt=1)
    standardise: bool = Field(
        True, description="Bring each item to mean 0 and deviation 1 first, so that neither offset nor gain matters."
    )


class Convolution(nn.Sequential):
    """Convolution over the samples, batch normalisation, rectifier."""

    def __init__(self, before: int, after: int, reach: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, after, (1, 2 * reach + 1), (1, stride), padding=(0, reach), bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )


class Up(nn.Module):
    """Twice as many samples, joined with what was seen at that rate on the way down, and refined."""

    def __init__(self, below: int, beside: int, reach: int) -> None:
        super().__init__()
        self.join = Convolution(below + beside, beside, 0)
        self.refine = Convolution(beside, beside, reach)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Features [batch, beside, 1, samples] of ``below`` [batch, below, 1, samples / 2] and ``beside``."""
        joined: Tensor = self.join(torch.cat([interpolate(below, scale_factor=(1.0, 2.0)), beside], dim=1))
        return joined + self.refine(joined)


class Network(nn.Module):
    """Stages down, stages up, logits per sample."""

    def __init__(self, options: UNet1DOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        widths = (inputs.leads, *options.widths)
        reaches = (options.stem_reach, *[options.reach] * (len(options.widths) - 1))
        self.standardise = options.standardise
        self.step = 2 ** len(options.widths)
        self.down = nn.ModuleList(
            Stage(before, after, options.reach, first, Convolution)
            for before, after, first in zip(widths[:-1], widths[1:], reaches, strict=True)
        )
        self.dropout = nn.Dropout2d(options.dropout)
        self.up = nn.ModuleList(
            Up(below, beside, options.reach)
            for below, beside in zip(options.widths[:0:-1], options.widths[-2::-1], strict=True)
        )
        self.out = nn.ConvTranspose2d(options.widths[0], outputs, (1, 4), stride=(1, 2), padding=(0, 1))

    def forward(self, signal: Tensor, **_: Tensor | None) -> Tensor:
        """Logits [batch, outputs, samples] of ``signal`` [batch, leads, samples]."""
        samples = signal.shape[-1]
        if self.standardise:
            deviation, mean = torch.std_mean(signal, dim=-1, keepdim=True, correction=0)
            signal = (signal - mean) / (deviation + 1e-3)
        features = pad(signal, (0, -samples % self.step), mode="replicate").unsqueeze(2)
        seen = []
        for stage in self.down:
            features = stage(features)
            seen.append(features)
        features = self.dropout(seen.pop())
        for stage in self.up:
            features = stage(features, seen.pop())
        logits: Tensor = self.out(features).squeeze(2)
        return logits[..., :samples]


UNET1D = ModelSpec(
    name="unet1d",
    summary="Small U-Net that labels every sample of a lead: none, P, QRS or T.",
    paper="Ronneberger et al. 2015, arXiv:1505.04597; Moskalenko, Zolotykh and Osipov 2020, arXiv:2001.04689",
    reads=("signal",),
    Config=UNet1DOptions,
    build=Network,
    per_sample=True,
)
