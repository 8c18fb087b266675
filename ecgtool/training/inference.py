"""Probabilities of a trained model for the items of a store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics import Timing
from ecgtool.models.contract import Normalised
from ecgtool.store import Store
from ecgtool.task import Task

Indices = npt.NDArray[np.int64]


def pick_device(name: str = "auto") -> str:
    """``cuda`` or ``cpu``; ``auto`` takes CUDA where there is one.

    Raises:
        ConfigError: CUDA is asked for and not there, or the name is unknown.
    """
    if name not in ("auto", "cuda", "cpu"):
        raise ConfigError(f"There is no device '{name}'.", "Known: auto, cuda, cpu.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("There is no CUDA device.", "Use --device cpu.")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def probabilities(
    model: Normalised, store: Store, indices: Indices, task: Task, *, batch: int = 64, device: str = "cpu"
) -> npt.NDArray[np.float32]:
    """What the model says of some items; its mode and device are as before afterwards.

    Args:
        model: Takes millivolts and raw tabular values.
        store: Where the items lie.
        indices: Item numbers.
        task: Decides between sigmoid and softmax.
        batch: Items at a time; does not change the result.
        device: ``cpu`` or ``cuda``.

    Returns:
        float32 [items, labels] in the order of ``indices``; NaN only where the model itself is broken.

    Raises:
        DataError: The store lacks the tabular inputs the model reads.
    """
    made = np.empty((len(indices), len(task.labels)), np.float32)
    with _ready(model, device):
        for first in range(0, len(indices), batch):
            part = indices[first : first + batch]
            made[first : first + batch] = _predict(model, store, part, task, device).cpu().numpy()
    return made


def time_per_record(
    model: Normalised, store: Store, indices: Indices, task: Task, *, batch: int = 64, device: str = "cpu"
) -> Timing:
    """Median time per record, from counts in memory to probabilities, one by one and in batches.

    Args:
        model: As for :func:`probabilities`.
        store: Where the items lie.
        indices: Items to time with; a few are enough.
        task: Decides between sigmoid and softmax.
        batch: Items per batch, at most as many as ``indices``.
        device: ``cpu`` or ``cuda``.
    """
    batch = min(batch, len(indices))
    with _ready(model, device):
        single = _median_seconds(model, store, indices[:1], task, device)
        batched = _median_seconds(model, store, indices[:batch], task, device) / batch
    return Timing(
        single_ms=round(1000 * single, 3),
        batched_ms=round(1000 * batched, 3),
        batch=batch,
        device=torch.cuda.get_device_name() if device == "cuda" else "cpu",
        threads=torch.get_num_threads(),
    )


@contextmanager
def _ready(model: Normalised, device: str) -> Iterator[None]:
    """The model on the device, in ``eval()`` mode and without gradients, for the length of a block."""
    modes, home = [(module, module.training) for module in model.modules()], model.mean.device
    model.to(device).eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.to(home)
        for module, training in modes:
            module.training = training


def _predict(model: Normalised, store: Store, indices: Indices, task: Task, device: str) -> Tensor:
    """Probabilities [items, labels] of one batch."""
    counts = torch.from_numpy(store.signals[indices]).to(device)
    signal = counts.float() * (store.manifest.scale_uv / 1000)
    logits = model(signal, _tabular(model, store, indices, device)).float()
    return logits.softmax(dim=1) if task.exclusive else logits.sigmoid()


def _tabular(model: Normalised, store: Store, indices: Indices, device: str) -> Tensor | None:
    columns = model.tabular_mean.numel()
    if not columns:
        return None
    if len(store.manifest.tabular) != columns:
        raise DataError(
            f"The model reads {columns} tabular inputs, {store.path.name} has {len(store.manifest.tabular)}."
        )
    return torch.from_numpy(store.tabular[indices]).to(device)


def _median_seconds(model: Normalised, store: Store, indices: Indices, task: Task, device: str) -> float:
    """Median over at most 20 repeats or two seconds, after one to warm up."""
    taken: list[float] = []
    _predict(model, store, indices, task, device).cpu()
    while len(taken) < 20 and sum(taken) < 2.0:
        start = time.perf_counter()
        _predict(model, store, indices, task, device).cpu()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))
