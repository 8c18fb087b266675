"""What every architecture promises, and the wrapper that turns millivolts into what it sees.

An architecture is a ``torch.nn.Module`` called as ``network(signal, mask=None, tabular=None, tokens=None,
other_signal=None)`` with ``signal`` float32 [batch, leads, samples] (normalised), ``tabular`` float32 [batch, columns]
(standardised, 0 where unknown), and returns logits [batch, outputs]. Words it has no use for it ignores. Of the words
of a sentence ``tokens`` is int64 [batch, words, columns] (:data:`ecgtool.words.TOKEN_COLUMNS`) and ``tabular`` may be
[batch, words, columns]; logits of words, or of samples, are [batch, outputs, positions]. An item's
result does not depend on its batch neighbours; ``eval()`` makes it deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from ecgtool.config import checked
from ecgtool.models import ARCHITECTURES
from ecgtool.models.crops import Crops, crops_of
from ecgtool.run import NormStats, Run
from ecgtool.settings import Section, TrainConfig, Words
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.views import view

Options = TypeVar("Options", bound=Section)


@dataclass(frozen=True)
class Inputs:
    """Shapes an architecture is built for.

    Args:
        leads: Rows of ``signal``.
        samples: Columns of ``signal`` the store holds; most architectures accept any number.
        fs: Sampling rate in Hz.
        tabular: Columns of ``tabular``; 0 where there are none.
        words: What its sentences are made of; None where there are none.
        each: Whether every word has logits of its own; else the sentence has them.
    """

    leads: int
    samples: int
    fs: float
    tabular: int = 0
    words: Words | None = None
    each: bool = False


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
        per_sample: Whether it says of every sample what that is part of: logits [batch, outputs, samples].
    """

    name: str
    summary: str
    paper: str
    reads: tuple[str, ...]
    Config: type[Options]
    build: Callable[[Options, Inputs, int], nn.Module]
    preset: Mapping[str, Any] = field(default_factory=dict)
    per_sample: bool = False

    def options(self, values: Mapping[str, Any]) -> Options:
        """The options with ``values`` over the preset over the defaults.

        Raises:
            ConfigError: An unknown option or a value out of range.
        """
        return checked(self.Config, {**self.preset, **values}, "model")


class Normalised(nn.Module):
    """A network behind its normalisation: takes millivolts and raw tabular values, returns logits.

    The statistics are buffers, so that a checkpoint and an exported model carry them. So is the temperature that the
    logits are divided by; it is fitted after training, so that no checkpoint has it: 1 until :func:`load_run` sets it.
    Crops and a single logit have no weights: those of the network have the same names with and without them.

    Args:
        network: An architecture.
        stats: What to normalise by.
        crops: Where the network reads crops of an item; see :class:`ecgtool.models.crops.Crops`.
        positive: Where the network has one output: which of two labels it is of. The other one's logit is 0, so that
            the softmax of both is the sigmoid of it.
    """

    mean: Tensor
    std: Tensor
    tabular_mean: Tensor
    tabular_std: Tensor
    temperature: Tensor

    def __init__(
        self, network: nn.Module, stats: NormStats, crops: Crops | None = None, positive: Literal[0, 1] | None = None
    ) -> None:
        super().__init__()
        self.network, self.crops, self.positive = network, crops, positive
        self.register_buffer("mean", torch.tensor(stats.mean_mv).reshape(-1, 1))
        self.register_buffer("std", torch.tensor(stats.std_mv).reshape(-1, 1))
        self.register_buffer("tabular_mean", torch.tensor(stats.tabular_mean))
        self.register_buffer("tabular_std", torch.tensor(stats.tabular_std))
        self.register_buffer("temperature", torch.tensor(1.0), persistent=False)

    @property
    def leads(self) -> int:
        """Rows of the signal."""
        return self.mean.shape[0]

    @property
    def columns(self) -> int:
        """Tabular columns it reads."""
        return self.tabular_mean.numel()

    def forward(self, signal: Tensor, tabular: Tensor | None = None, tokens: Tensor | None = None) -> Tensor:
        """Logits [batch, labels], or [batch, labels, positions].

        Args:
            signal: [batch, leads, samples] in mV.
            tabular: Raw, NaN where unknown; [batch, columns], or [batch, words, columns].
            tokens: [batch, words, columns], where it reads sentences.
        """
        if self.crops is not None:
            signal, tabular = self.crops(signal), None if tabular is None else self.crops.repeated(tabular)
        if tabular is not None:
            tabular = torch.nan_to_num((tabular - self.tabular_mean) / self.tabular_std)
        logits: Tensor = self.network((signal - self.mean) / self.std, tabular=tabular, tokens=tokens)
        if self.crops is not None:
            logits = self.crops.joined(logits)
        logits = logits if self.positive is None else beside_zero(logits, self.positive)
        return logits / self.temperature


class Ensemble(nn.Module):
    """The mean of the logits of several models, over a temperature of its own.

    Args:
        members: Of the same inputs and labels, each with its own statistics and temperature.
    """

    temperature: Tensor

    def __init__(self, members: Sequence[Normalised]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.leads, self.columns = members[0].leads, members[0].columns
        self.register_buffer("temperature", torch.tensor(1.0), persistent=False)

    def forward(self, signal: Tensor, tabular: Tensor | None = None, tokens: Tensor | None = None) -> Tensor:
        """The mean logits of the members; see :meth:`Normalised.forward`."""
        said = torch.stack([member(signal, tabular, tokens) for member in self.members])
        return said.mean(dim=0) / self.temperature


Trained = Normalised | Ensemble
"""What a run or an ensemble becomes: takes millivolts and raw tabular values, returns logits."""


def beside_zero(logits: Tensor, positive: Literal[0, 1]) -> Tensor:
    """Logits [batch, 2, ...] of two labels from those of one of them, [batch, 1, ...]."""
    zeros = torch.zeros_like(logits)
    return torch.cat([zeros, logits] if positive else [logits, zeros], dim=1)


def build(arch: str, options: Mapping[str, Any], inputs: Inputs, outputs: int) -> nn.Module:
    """The network of a registered name.

    Raises:
        ConfigError: Unknown name or option.
    """
    spec: ModelSpec[Any] = ARCHITECTURES.load(arch)
    return spec.build(spec.options(options), inputs, outputs)


def load_run(run: Run, which: str = "best", device: str = "cpu") -> Trained:
    """The trained model of a run, in ``eval()`` mode: built from the run's own config, weights loaded safely.

    That of an ensemble is the mean of its members' logits. The temperatures that were fitted are in it.

    Raises:
        NotFound: The run, or a member of it, has no such checkpoint.
        IntegrityError: The checkpoint does not fit the run's configuration, or a ``calibration.json`` is damaged.
    """
    members = [_loaded(member, which) for member in run.members]
    model = Ensemble(members) if members else _loaded(run, which)
    model.temperature.fill_(run.calibration.temperature)
    return model.to(device).eval()


def _loaded(run: Run, which: str) -> Normalised:
    from ecgtool.models.checkpoint import load_weights

    model = new_model(run)
    load_weights(model, run.checkpoint(which))
    model.temperature.fill_(run.calibration.temperature)
    return model


def viewed(run: Run, store: Store | None = None) -> Store:
    """A store as a run reads it; the run's own where none is given. One that lacks the run's task stays as it is.

    Raises:
        NotFound: The store is gone.
        DataError: It lacks what the architecture reads: beats, or sentences.
    """
    opened = Store.open(run.lineage.store) if store is None else store
    task = next((held for held in opened.manifest.tasks if held.name == run.lineage.task.name), None)
    return opened if task is None else as_read(run.config, opened, task)


def as_read(config: TrainConfig, store: Store, task: Task) -> Store:
    """A store as the architecture of a configuration reads it for a task.

    Raises:
        ConfigError: There is no such architecture.
        DataError: The store lacks what it reads: beats, or sentences.
    """
    spec: ModelSpec[Any] = ARCHITECTURES.load(config.arch)
    return view(store, task, spec.reads, config.data)


def new_model(run: Run) -> Normalised:
    """An untrained model of a run's configuration and statistics."""
    lineage = run.lineage
    columns = len(lineage.tabular) if run.config.data.tabular else 0
    inputs = Inputs(len(lineage.leads), lineage.samples, lineage.fs, columns, lineage.words)
    return assembled(run.config, lineage.task, inputs, run.norm_stats)


def assembled(config: TrainConfig, task: Task, inputs: Inputs, stats: NormStats) -> Normalised:
    """An untrained model: the architecture, on crops and with a single logit where the configuration asks for them.

    Args:
        config: Names the architecture, its options, the crops and the loss.
        task: What the logits are of. ``bce`` of a binary task is of a single logit.
        inputs: Shapes of whole items.
        stats: What to normalise by.

    Raises:
        ConfigError: Unknown name or option, or a crop longer than an item.
    """
    crops = crops_of(config.training, inputs.samples, inputs.fs)
    if crops is not None:
        inputs = replace(inputs, samples=crops.length)
    positive = _single(task) if config.training.loss == "bce" else None
    outputs = len(task.labels) if positive is None else 1
    inputs = replace(inputs, each=task.kind == "tokens" or task.of == "beat")
    return Normalised(build(config.arch, config.model, inputs, outputs), stats, crops, positive)


def _single(task: Task) -> Literal[0, 1] | None:
    """Which label of a binary task its single logit is of."""
    if not task.binary:
        return None
    return 0 if task.asked[0] == task.labels[0] else 1
