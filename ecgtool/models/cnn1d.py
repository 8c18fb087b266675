"""cnn1d: a small convolutional network that trains in minutes on a laptop.

Each stage halves the samples with one convolution and refines what it has with a second one whose result is added
(He et al. 2016, arXiv:1512.03385). Average and maximum over time make it independent of the length, down to a single
beat.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field
from torch import Tensor, nn

from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.models.head import PooledHead
from ecgtool.settings import Section


class CNN1DOptions(Section):
    """Options of ``cnn1d``; the defaults have about half a million parameters."""

    width: int = Field(
        32, description="Channels of the first stage; doubled per stage, at most to 4 times as many.", ge=1
    )
    stages: int = Field(4, description="Stages; each halves the number of samples.", ge=1, le=8)
    reach: int = Field(3, description="Samples a convolution sees to either side.", ge=1, le=31)
    stem_reach: int = Field(7, description="The same for the first convolution.", ge=1, le=127)
    dropout: float = Field(0.2, description="Dropout before the last layer.", ge=0, lt=1)
    tabular_dim: int = Field(16, description="Width of the embedding of the tabular inputs.", ge=1)


class Convolution(nn.Sequential):
    """Convolution over the samples, batch normalisation, rectifier."""

    def __init__(self, before: int, after: int, reach: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv1d(before, after, 2 * reach + 1, stride, padding=reach, bias=False),
            nn.BatchNorm1d(after),
            nn.ReLU(),
        )


class Stage(nn.Module):
    """Half as many samples, then refined by a second convolution whose result is added.

    Args:
        before: Channels that come in.
        after: Channels that go out.
        reach: Samples the second convolution sees to either side.
        first_reach: The same for the first one.
        convolution: Makes each from channels, reach and stride; over more dimensions where features have more.
    """

    def __init__(
        self,
        before: int,
        after: int,
        reach: int,
        first_reach: int,
        convolution: Callable[[int, int, int, int], nn.Module] = Convolution,
    ) -> None:
        super().__init__()
        self.halve = convolution(before, after, first_reach, 2)
        self.refine = convolution(after, after, reach, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features [batch, after, ..., samples / 2] of ``features`` [batch, before, ..., samples]."""
        halved: Tensor = self.halve(features)
        return halved + self.refine(halved)


class Network(nn.Module):
    """Stages, then the pooled head."""

    def __init__(self, options: CNN1DOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        widths = [inputs.leads] + [options.width * min(2**stage, 4) for stage in range(options.stages)]
        reaches = [options.stem_reach] + [options.reach] * (options.stages - 1)
        self.stages = nn.Sequential(
            *(
                Stage(before, after, options.reach, first)
                for before, after, first in zip(widths[:-1], widths[1:], reaches, strict=True)
            )
        )
        self.head = PooledHead(widths[-1], outputs, inputs.tabular, options.tabular_dim, options.dropout)

    def forward(self, signal: Tensor, tabular: Tensor | None = None, **_: Tensor | None) -> Tensor:
        """Logits [batch, outputs] of ``signal`` [batch, leads, samples] and ``tabular`` [batch, columns]."""
        logits: Tensor = self.head(self.stages(signal), tabular)
        return logits


CNN1D = ModelSpec(
    name="cnn1d",
    summary="Small residual convolutional network, half a million parameters; trains in minutes on a laptop.",
    paper="",
    reads=("signal", "tabular"),
    Config=CNN1DOptions,
    build=Network,
)
