"""What every architecture promises, and the wrapper that turns millivolts into what it sees.

An architecture is a ``torch.nn.Module`` called as ``network(signal, mask=None, tabular=None, tokens=None,
other_signal=None)`` with ``signal`` float32 [batch, leads, samples] (normalised), ``tabular`` float32 [batch, columns]
(standardised, 0 where unknown), and returns logits [batch, outputs]. Words it has no use for it ignores. An item's
result does not depend on its batch neighbours; ``eval()`` makes it deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ecgtool.config import Section, checked
from ecgtool.models import ARCHITECTURES
from ecgtool.run import NormStats, Run

Options = TypeVar("Options", bound=Section)


@dataclass(frozen=True)
class Inputs:
    """Shapes an architecture is built for.

    Args:
        leads: Rows of ``signal``.
        samples: Columns of ``signal`` the store holds; most architectures accept any number.
        fs: Sampling rate in Hz.
        tabular: Columns of ``tabular``; 0 where there are none.
    """

    leads: int
    samples: int
    fs: float
    tabular: int = 0


@dataclass(frozen=True)
class ModelSpec(Generic[Options]):
    """One registered name: what it is, its options, and how to build it.

    Args:
        name: As in the table.
        summary: One line for listings.
        paper: Source, or empty.
        reads: The words of the contract it uses, e.g. ``("signal", "tabular")``.
        Config: Its options.
        build: Makes the network from its options, the input shapes and the number of outputs.
        preset: Option values of this name that differ from the defaults of ``Config``.
    """

    name: str
    summary: str
    paper: str
    reads: tuple[str, ...]
    Config: type[Options]
    build: Callable[[Options, Inputs, int], nn.Module]
    preset: Mapping[str, Any] = field(default_factory=dict)

    def options(self, values: Mapping[str, Any]) -> Options:
        """The options with ``values`` over the preset over the defaults.

        Raises:
            ConfigError: An unknown option or a value out of range.
        """
        return checked(self.Config, {**self.preset, **values}, "model")


class Normalised(nn.Module):
    """A network behind its normalisation: takes millivolts and raw tabular values, returns logits.

    The statistics are buffers, so that a checkpoint and an exported model carry them.
    """

    mean: Tensor
    std: Tensor
    tabular_mean: Tensor
    tabular_std: Tensor

    def __init__(self, network: nn.Module, stats: NormStats) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(stats.mean_mv).reshape(-1, 1))
        self.register_buffer("std", torch.tensor(stats.std_mv).reshape(-1, 1))
        self.register_buffer("tabular_mean", torch.tensor(stats.tabular_mean))
        self.register_buffer("tabular_std", torch.tensor(stats.tabular_std))

    def forward(self, signal: Tensor, tabular: Tensor | None = None) -> Tensor:
        """Logits [batch, outputs] of ``signal`` [batch, leads, samples] in mV and raw ``tabular`` (NaN = unknown)."""
        if tabular is not None:
            tabular = torch.nan_to_num((tabular - self.tabular_mean) / self.tabular_std)
        logits: Tensor = self.network((signal - self.mean) / self.std, tabular=tabular)
        return logits


def build(arch: str, options: Mapping[str, Any], inputs: Inputs, outputs: int) -> nn.Module:
    """The network of a registered name.

    Raises:
        ConfigError: Unknown name or option.
    """
    spec: ModelSpec[Any] = ARCHITECTURES.load(arch)
    return spec.build(spec.options(options), inputs, outputs)


def load_run(run: Run, which: str = "best", device: str = "cpu") -> Normalised:
    """The trained model of a run, in ``eval()`` mode: built from the run's own config, weights loaded safely.

    Raises:
        NotFound: The run has no such checkpoint.
        IntegrityError: The checkpoint does not fit the run's configuration.
    """
    from ecgtool.models.checkpoint import load_weights

    model = new_model(run)
    load_weights(model, run.checkpoint(which))
    return model.to(device).eval()


def new_model(run: Run) -> Normalised:
    """An untrained model of a run's configuration and statistics."""
    lineage = run.lineage
    columns = len(lineage.tabular) if run.config.data.tabular else 0
    inputs = Inputs(len(lineage.leads), lineage.samples, lineage.fs, columns)
    return Normalised(build(run.config.arch, run.config.model, inputs, len(lineage.task.labels)), run.norm_stats)
