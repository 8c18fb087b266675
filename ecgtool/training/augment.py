"""Augmentation: training items changed in ways that leave their labels true, a batch at a time, on the device.

Every augmentation keeps the shape and keeps the leads in step: what moves or stretches time does so in all leads alike,
and what is added comes from the electrodes, so that limb leads still obey Einthoven and Goldberger. What is drawn
follows from the seed, the epoch and the process alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.registry import Registry
from ecgtool.settings import AugmentConfig
from ecgtool.signals.leads import MASK
from ecgtool.task import Task

AUGMENTATIONS = Registry(
    "augmentations",
    {
        "fibrillation": "ecgtool.training.augment_waves:fibrillation",
        "hurry": "ecgtool.training.augment_waves:hurry",
        "stretch": "ecgtool.training.augment_time:stretch",
        "shift": "ecgtool.training.augment_time:shift",
        "scale": "ecgtool.training.augment_size:scale",
        "flip": "ecgtool.training.augment_size:flip",
        "wander": "ecgtool.training.augment_noise:wander",
        "powerline": "ecgtool.training.augment_noise:powerline",
        "muscle": "ecgtool.training.augment_noise:muscle",
        "noise": "ecgtool.training.augment_noise:noise",
        "drop": "ecgtool.training.augment_size:drop",
        "crop": "ecgtool.training.augment_time:crop",
    },
    "Changes to training items that leave their labels true; applied in this order.",
)


@dataclass(frozen=True)
class Source:
    """What an augmentation knows of the items and what it draws from.

    Args:
        config: Strengths.
        fs: Rate of the items in Hz.
        mixing: float32 [leads, electrodes]: how the noise of electrodes appears in leads; see :func:`mixing`.
        std_mv: float32 [leads, 1]: deviation of each lead in the training items, in millivolt.
        recorded: float32 [leads, 1]: 0 for the channel that says what was recorded, 1 for leads.
        noises: Recorded noise by name, float32 [channels, samples] at ``fs`` with a deviation of 1 millivolt; empty
            where noise is made.
        generator: Random numbers, on the items' device.
        targets: Whether the last channel is what is asked of the samples, one more than its label's number.
    """

    config: AugmentConfig
    fs: float
    mixing: Tensor
    std_mv: Tensor
    recorded: Tensor
    noises: Mapping[str, Tensor]
    generator: torch.Generator
    targets: bool = False

    def beside(self) -> Source:
        """The same with a further channel behind the others: the targets of the samples."""
        row = self.mixing.new_zeros(1, self.mixing.shape[1])
        none = self.std_mv.new_zeros(1, 1)
        return replace(
            self,
            mixing=torch.cat([self.mixing, row]),
            std_mv=torch.cat([self.std_mv, none]),
            recorded=torch.cat([self.recorded, none]),
            targets=True,
        )

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers evenly spread from ``low`` to ``high``."""
        drawn = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * drawn

    def normal(self, *shape: int) -> Tensor:
        """Numbers of a standard normal distribution."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)


class Augmentation:
    """The augmentations of a training.

    Args:
        config: Which, and how strong.
        leads: Names of the items' leads.
        fs: Rate of the items in Hz.
        std_mv: Deviation of each lead in the training items, in millivolt.
        noises: Recorded noise; see :func:`ecgtool.training.augment_noise.recorded_noises`.

    Raises:
        ConfigError: There is no such augmentation.
    """

    def __init__(
        self,
        config: AugmentConfig,
        leads: Sequence[str],
        fs: float,
        std_mv: Sequence[float],
        noises: Mapping[str, Tensor] | None = None,
    ) -> None:
        check_names(config.use)
        self.config, self.fs, self.noises = config, fs, dict(noises or {})
        self.steps = [AUGMENTATIONS.load(name) for name in AUGMENTATIONS if name in config.use]
        self.mixing = mixing(leads)
        self.std_mv = torch.tensor(std_mv, dtype=torch.float32).reshape(-1, 1)
        self.recorded = torch.tensor([[float(lead != MASK)] for lead in leads])
        self._source: Source | None = None

    def begin(self, seed: int, device: torch.device | str) -> Source:
        """Start an epoch: draw from this seed on, on this device."""
        generator = torch.Generator(device).manual_seed(seed)
        noises = {name: values.to(device) for name, values in self.noises.items()}
        tensors = (self.mixing.to(device), self.std_mv.to(device), self.recorded.to(device))
        self._source = Source(self.config, self.fs, *tensors, noises, generator)
        return self._source

    def with_targets(self, signal: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The items as :meth:`__call__` has them, and the targets of their samples, moved as the samples are.

        Targets go along as a channel that is no lead: whole numbers, of which none is drawn between two. Where an end
        repeats its last sample it repeats that one's target; what a crop leaves out is asked no longer.

        Args:
            signal: [batch, leads, samples] in millivolt.
            target: int64 [batch, samples], -1 where nothing is asked.
        """
        if not self.steps:
            return signal, target
        source = self._source or self.begin(0, signal.device)
        joined = self._changed(torch.cat([signal, target[:, None] + 1.0], dim=1), source.beside())
        return joined[:, :-1], joined[:, -1].round().long() - 1

    def __call__(self, signal: Tensor) -> Tensor:
        """The items [batch, leads, samples] in millivolt, each augmentation applied to a share of them."""
        if not self.steps:
            return signal
        return self._changed(signal, self._source or self.begin(0, signal.device))

    @torch.no_grad()
    def _changed(self, signal: Tensor, source: Source) -> Tensor:
        with torch.autocast(signal.device.type, enabled=False):  # in bfloat16 limb leads would fall out of step
            for step in self.steps:
                chosen = source.uniform(0, 1, len(signal), 1, 1) < self.config.probability
                signal = torch.where(chosen, step(signal, source), signal)
        return signal


def check_names(names: Sequence[str]) -> None:
    """Refuse names that are no augmentation's.

    Raises:
        ConfigError: There is one.
    """
    unknown = next((name for name in names if name not in AUGMENTATIONS), None)
    if unknown is not None:
        raise ConfigError(f"There is no augmentation '{unknown}'.", did_you_mean(unknown, AUGMENTATIONS))


def refuse_unfit(config: AugmentConfig, task: Task, fs: float) -> None:
    """Refuse augmentations that would make labels untrue, or that the items' rate cannot hold.

    Raises:
        ConfigError: Time is stretched although labels are defined by a rate or an interval; or the mains' frequency
            is not below half the rate.
    """
    check_names(config.use)
    if "stretch" in config.use and task.timed_labels:
        shown = ", ".join(task.timed_labels[:5])
        raise ConfigError(
            f"Stretching time would make labels of the task '{task.name}' untrue: {shown}.", "Leave out stretch."
        )
    if "powerline" in config.use and config.mains_hz >= fs / 2:
        raise ConfigError(
            f"Mains of {config.mains_hz:g} Hz cannot be in items of {fs:g} Hz, which hold less than {fs / 2:g} Hz.",
            "Leave out powerline.",
        )


# Each lead as a combination of the potentials of electrodes (Einthoven 1908; Goldberger 1942; Wilson 1934).
_LIMBS = ("RA", "LA", "LL")
_LIMB_LEADS = {
    "I": (-1.0, 1.0, 0.0),
    "II": (-1.0, 0.0, 1.0),
    "III": (0.0, -1.0, 1.0),
    "aVR": (1.0, -0.5, -0.5),
    "aVL": (-0.5, 1.0, -0.5),
    "aVF": (-0.5, -0.5, 1.0),
}
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")


def mixing(leads: Sequence[str]) -> Tensor:
    """How the potentials of electrodes appear in leads: float32 [leads, electrodes].

    Limb leads are differences of three electrodes, precordial ones are against Wilson's terminal; any other lead has
    an electrode of its own. Scaled so that independent noise of deviation 1 at every electrode has a deviation of 1 in
    I, II and III. The channel that says what was recorded has no electrode.
    """
    others = [lead for lead in leads if lead not in _LIMB_LEADS and lead != MASK]
    rows = []
    for lead in leads:
        own = [float(lead == other) for other in others]
        wilson = [-1 / 3] * 3 if lead in _CHEST else [0.0] * 3
        rows.append([*_LIMB_LEADS.get(lead, wilson), *own])
    return torch.tensor(rows).reshape(len(leads), len(_LIMBS) + len(others)) / 2**0.5
