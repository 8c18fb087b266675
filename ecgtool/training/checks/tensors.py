"""Are the tensors finite, of the stated shape and type?"""

from __future__ import annotations

import numpy as np
import torch

from ecgtool.console import counted
from ecgtool.signals.leads import MASK
from ecgtool.task import NOT_LABELLED
from ecgtool.training.checks.contract import Check, Finding, Subject, listed
from ecgtool.training.data import Batch, Items

SAMPLE = 256
"""Items whose signals are read."""

SATURATED = 0.01
"""Share of samples at the ends of int16 from which on it is told."""


def ask(subject: Subject) -> Finding:
    """Read a batch as a training does; look at every target and tabular value."""
    items = subject.spread(SAMPLE)
    batch = Items(subject.store, np.array(subject.store.targets(subject.task)), subject.plan.columns)[items]
    wrong = [*_of_the_batch(batch, len(items), subject), *_of_the_targets(subject), *_of_the_numbers(subject)]
    if wrong:
        return Finding("failed", listed(wrong))
    odd = _odd(batch, subject)
    shape = " x ".join(map(str, batch.signal.shape[1:]))
    read = f"{len(items)} of {counted(sum(map(len, subject.splits.values())), 'item')} read"
    return Finding("warning", listed(odd)) if odd else Finding("passed", f"int16, {shape}, finite; {read}")


def _of_the_batch(batch: Batch, items: int, subject: Subject) -> list[str]:
    held, task = subject.store.manifest, subject.task
    places = subject.store.targets(task).shape[1:] if task.exclusive else ()  # of words or samples, where there are any
    words = subject.store.tabular.shape[1:-1]
    wanted = {
        "signal": (torch.int16, (items, len(held.leads), held.samples)),
        "tabular": (torch.float32, (items, *words, subject.plan.columns)),
        "target": (torch.int64, (items, *places)) if task.exclusive else (torch.uint8, (items, len(task.labels))),
    }
    parts = {"signal": batch.signal, "tabular": batch.tabular, "target": batch.target}
    return [
        f"{name} is {parts[name].dtype} {tuple(parts[name].shape)}, not {dtype} {shape}"
        for name, (dtype, shape) in wanted.items()
        if (parts[name].dtype, tuple(parts[name].shape)) != (dtype, shape)
    ]


def _of_the_targets(subject: Subject) -> list[str]:
    """Values that are no label's: in no training would they be noticed."""
    targets, labels = np.asarray(subject.store.targets(subject.task)), len(subject.task.labels)
    if subject.task.exclusive:
        strange = ((targets < -1) | (targets >= labels)).reshape(len(targets), -1).any(axis=1)
    else:
        partly = (targets == NOT_LABELLED).any(axis=1) & ~(targets == NOT_LABELLED).all(axis=1)
        strange = ~np.isin(targets, (0, 1, NOT_LABELLED)).all(axis=1) | partly
    return [f"targets of {counted(int(strange.sum()), 'item')} are none of the task's"] if strange.any() else []


def _of_the_numbers(subject: Subject) -> list[str]:
    """Infinite tabular values, and statistics that turn anything into what is not a number."""
    store, stats = subject.store, subject.stats
    infinite = np.isinf(store.tabular).sum(axis=tuple(range(store.tabular.ndim - 1)))
    wrong = [
        f"column '{name}' has {counted(int(number), 'infinite value')}"
        for name, number in zip(store.manifest.tabular, infinite, strict=True)
        if number
    ]
    for name in ("mean_mv", "std_mv", "tabular_mean", "tabular_std"):
        values = np.array(getattr(stats, name))
        if not np.isfinite(values).all() or (name.endswith("std_mv") and not (values > 0).all()):
            wrong.append(f"the statistics have a {name} that is not finite and above 0")
    return wrong


def _odd(batch: Batch, subject: Subject) -> list[str]:
    """Items without a signal, and clipped ones."""
    rows = [index for index, lead in enumerate(subject.store.manifest.leads) if lead != MASK]
    counts = batch.signal.numpy()[:, rows]
    flat = int((counts == counts[..., :1]).all(axis=(1, 2)).sum())
    ends = np.isin(counts, (np.iinfo(np.int16).min, np.iinfo(np.int16).max)).mean()
    odd = [f"{flat} of {counted(len(counts), 'item')} read are constant in every lead"] if flat else []
    return odd + ([f"{ends:.1%} of the samples are at the ends of int16: clipped"] if ends > SATURATED else [])


TENSORS = Check("Are the tensors finite, of the stated shape and type?", ask, quick=True)
