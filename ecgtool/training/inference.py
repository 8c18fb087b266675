"""Probabilities of a trained model for the items of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ecgtool.errors import ConfigError, DataError
from ecgtool.models.contract import Normalised
from ecgtool.store import Store
from ecgtool.task import Task


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
    model: Normalised,
    store: Store,
    indices: npt.NDArray[np.int64],
    task: Task,
    *,
    batch: int = 64,
    device: str = "cpu",
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
            made[first : first + batch] = forward(model, store, part, task, device)
    return made


def forward(
    model: Normalised, store: Store, indices: npt.NDArray[np.int64], task: Task, device: str
) -> npt.NDArray[np.float32]:
    """Probabilities of one batch, from a model that is on the device and in ``eval()`` mode already."""
    signal = torch.from_numpy(store.signals[indices]).to(device).float() * (store.manifest.scale_uv / 1000)
    logits = model(signal, _tabular(model, store, indices, device)).float()
    chances = logits.softmax(dim=1) if task.exclusive else logits.sigmoid()
    return np.asarray(chances.cpu().numpy())


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


def _tabular(model: Normalised, store: Store, indices: npt.NDArray[np.int64], device: str) -> Tensor | None:
    columns = model.tabular_mean.numel()
    if not columns:
        return None
    if len(store.manifest.tabular) != columns:
        raise DataError(
            f"The model reads {columns} tabular inputs, {store.path.name} has {len(store.manifest.tabular)}."
        )
    return torch.from_numpy(store.tabular[indices]).to(device)
