"""Do augmentations keep the length, and the leads in step?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ecgtool.signals.leads import MASK
from ecgtool.training.augment import AUGMENTATIONS as KNOWN
from ecgtool.training.augment import Augmentation
from ecgtool.training.augment_noise import recorded_noises
from ecgtool.training.checks.contract import Check, Finding, Subject, listed

ITEMS = 8
LOUDNESS = 100.0
"""How many times the largest noise the probe is, so that noise of single leads does not hide leads out of step."""

APART = 0.05
"""Leads that were the same and differ by this share of themselves have not moved together."""


def ask(subject: Subject) -> Finding:
    """Apply each that is used, to items whose leads are all the same."""
    used = subject.config.augment.use
    if not used:
        return Finding("passed", "none is used")
    probe, wrong = _probe(subject), []
    for name in used:
        problem = _problem(probe, _augmented(name, probe, subject), subject)
        wrong += [f"{name} {problem}"] if problem else []
    return Finding("failed", listed(wrong)) if wrong else Finding("passed", f"{', '.join(used)}: length and leads kept")


def _probe(subject: Subject) -> Tensor:
    """Items [items, leads, samples] in mV whose leads are the same noise, in which any shift shows."""
    held, config = subject.store.manifest, subject.config.augment
    size = LOUDNESS * max(*subject.stats.std_mv, config.wander_mv, config.powerline_mv, config.muscle_mv, 1e-3)
    random = torch.Generator().manual_seed(0)
    probe = size * torch.randn(ITEMS, 1, held.samples, generator=random).repeat(1, len(held.leads), 1)
    probe[:, [lead == MASK for lead in held.leads]] = 1.0
    return probe


def _augmented(name: str, probe: Tensor, subject: Subject) -> Tensor:
    held = subject.store.manifest
    config = subject.config.augment
    noises = recorded_noises(Path(config.nstdb) if config.nstdb else None, (name,), held.fs)
    source = Augmentation(config, held.leads, held.fs, subject.stats.std_mv, noises).begin(0, "cpu")
    made: Tensor = KNOWN.load(name)(probe.clone(), source)
    return made


def _problem(probe: Tensor, made: Tensor, subject: Subject) -> str:
    """What is wrong with an augmentation; nothing where all is well."""
    if made.shape != probe.shape:
        return f"changes the shape {tuple(probe.shape)} to {tuple(made.shape)}"
    if not torch.isfinite(made).all():
        return "makes values that are not finite"
    mask = np.array([lead == MASK for lead in subject.store.manifest.leads])
    values = made.double().numpy()
    if mask.any() and not ((values[:, mask] >= 0) & (values[:, mask] <= 1)).all():
        return "changes the channel that says what was recorded"
    return "moves leads apart" if any(_apart(item) for item in values[:, ~mask]) else ""


def _apart(leads: npt.NDArray[np.float64]) -> bool:
    """Whether leads [leads, samples] that were the same differ; one that was taken away does not count."""
    size = np.linalg.norm(leads, axis=1)
    live = leads[size > 0]
    return bool(len(live)) and bool(np.linalg.norm(live - live[0], axis=1).max() > APART * size.max())


AUGMENTATIONS = Check("Do augmentations keep the length, and the leads in step?", ask, quick=True)
