"""xresnet1d: residual networks with the "bag of tricks" of He et al. (2019, arXiv:1812.01187), over time.

The tricks: a stem of three small convolutions instead of a large one, the stride of a bottleneck in its wide
convolution instead of its first, shortcuts that average before they halve, and residual branches that start at zero.
Taken to one dimension with convolutions of five samples and a head of average and maximum over time, as in Strodthoff
et al. (2021, "Deep learning for ECG analysis: benchmarks and insights from PTB-XL", doi:10.1109/JBHI.2020.3022989).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.models.head import PooledHead
from ecgtool.settings import Section

PAPER = "He et al. 2019, arXiv:1812.01187; Strodthoff et al. 2021, doi:10.1109/JBHI.2020.3022989"
BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of each stage by depth (He et al. 2016, table 1)."""
EXPANSION = 4
"""Width of a bottleneck's result over that of its middle."""


class XResNet1DOptions(Section):
    """Options of ``xresnet1d``."""

    depth: Literal[18, 50, 101] = Field(18, description="Layers; 50 and 101 are made of bottlenecks.")
    width: int = Field(64, description="Channels of the first stage, before the expansion of a bottleneck.", ge=2)
    growth: Literal[1, 2] = Field(
        2, description="Factor on the channels from stage to stage; 1 keeps the network thin."
    )
    reach: int = Field(2, description="Samples a convolution sees to either side.", ge=1, le=31)
    dropout: float = Field(0.5, description="Dropout before the last layer.", ge=0, lt=1)
    tabular_dim: int = Field(16, description="Width of the embedding of the tabular inputs.", ge=1)


class Convolution(nn.Sequential):
    """Convolution over the samples, batch normalisation, rectifier."""

    def __init__(self, before: int, after: int, reach: int, stride: int = 1) -> None:
        super().__init__(*_linear(before, after, reach, stride), nn.ReLU())


class Residual(nn.Module):
    """A shortcut and a branch that starts at zero, added.

    Args:
        branch: The layers of the branch; the last one is the batch normalisation that makes it start at zero.
        before: Channels of the input.
        after: Channels of the result.
        stride: 2 halves the number of samples.
    """

    def __init__(self, branch: Sequence[nn.Module], before: int, after: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.AvgPool1d(stride, ceil_mode=True, count_include_pad=False))
        if before != after:
            self.shortcut.extend(_linear(before, after, 0))
        self.rectify = nn.ReLU()
        nn.init.zeros_(self.branch[-1].get_parameter("weight"))

    def forward(self, features: Tensor) -> Tensor:
        """Features [batch, after, samples / stride] of ``features`` [batch, before, samples]."""
        rectified: Tensor = self.rectify(self.shortcut(features) + self.branch(features))
        return rectified


def basic(before: int, width: int, reach: int, stride: int) -> Residual:
    """A block of two convolutions."""
    branch = [Convolution(before, width, reach, stride), *_linear(width, width, reach)]
    return Residual(branch, before, width, stride)


def bottleneck(before: int, width: int, reach: int, stride: int) -> Residual:
    """A block that narrows, convolves (here is the stride) and widens."""
    after = EXPANSION * width
    branch = [
        Convolution(before, width, 0),
        Convolution(width, width, reach, stride),
        *_linear(width, after, 0),
    ]
    return Residual(branch, before, after, stride)


def stem(leads: int, width: int, reach: int) -> nn.Sequential:
    """Three convolutions and a maximum: a quarter of the samples, ``width`` channels."""
    return nn.Sequential(
        Convolution(leads, width // 2, reach, stride=2),
        Convolution(width // 2, width // 2, reach),
        Convolution(width // 2, width, reach),
        nn.MaxPool1d(3, stride=2, padding=1),
    )


class Network(nn.Module):
    """Stem, four stages of blocks, pooled head.

    Args:
        options: Its options.
        inputs: The shapes it is built for; any number of samples is accepted.
        outputs: Number of logits.
    """

    def __init__(self, options: XResNet1DOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        block, expansion = (basic, 1) if options.depth == 18 else (bottleneck, EXPANSION)
        self.stem = stem(inputs.leads, options.width, options.reach)
        self.stages = nn.Sequential()
        channels = options.width
        for stage, blocks in enumerate(BLOCKS[options.depth]):
            width = options.width * options.growth**stage
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                self.stages.append(block(channels, width, options.reach, stride))
                channels = expansion * width
        self.head = PooledHead(channels, outputs, inputs.tabular, options.tabular_dim, options.dropout)

    def forward(self, signal: Tensor, tabular: Tensor | None = None, **_: Tensor | None) -> Tensor:
        """Logits [batch, outputs] of ``signal`` [batch, leads, samples] and ``tabular`` [batch, columns]."""
        logits: Tensor = self.head(self.stages(self.stem(signal)), tabular)
        return logits


def _linear(before: int, after: int, reach: int, stride: int = 1) -> list[nn.Module]:
    """Convolution and batch normalisation, for what is added to something before it is rectified."""
    convolution = nn.Conv1d(before, after, 2 * reach + 1, stride, padding=reach, bias=False)
    return [convolution, nn.BatchNorm1d(after)]


def _spec(name: str, summary: str, depth: int) -> ModelSpec[XResNet1DOptions]:
    return ModelSpec(
        name=name,
        summary=summary,
        paper=PAPER,
        reads=("signal", "tabular"),
        Config=XResNet1DOptions,
        build=Network,
        preset={"depth": depth},
    )


XRESNET1D = _spec("xresnet1d", "Residual network with 18 layers; --set model.depth=50|101 for deeper ones.", 18)
XRESNET1D50 = _spec("xresnet1d50", "Residual network with 50 layers.", 50)
XRESNET1D101 = _spec("xresnet1d101", "Residual network with 101 layers.", 101)
