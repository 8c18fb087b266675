"""What a trained model says of the items of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics.logits import activated
from ecgtool.models.contract import Trained, load_run
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.folds import is_own, split_items


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


def predicted(
    run: Run, store: Store, split: str, *, device: str = "cpu", batch: int = 64
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """What a run or an ensemble says of a split of a store.

    On the validation split of its own store each item is predicted by the members of an ensemble that are validated on
    it: by all where they differ in the seed alone, by the one that has not seen it where they are folds.

    Args:
        run: A run with a finished epoch, or an ensemble of such.
        store: The run's own, or one that fits it.
        split: ``train``, ``val`` or ``test``; see :func:`ecgtool.training.folds.split_items`.
        device: ``cpu`` or ``cuda``.
        batch: Items at a time; does not change the result.

    Returns:
        Logits over the run's temperature, float32 [items, labels], and the item numbers, ascending.

    Raises:
        NotFound: A run has no checkpoint.
        DataError: The store lacks the tabular inputs the model reads.
    """
    task = run.lineage.task
    items = split_items(run, store, task, split)
    if not run.members or split != "val" or not is_own(run, store):
        return logits(load_run(run, device=device), store, items, task, batch=batch, device=device), items
    total, voices = np.zeros((len(items), len(task.labels)), np.float32), np.zeros((len(items), 1), np.float32)
    for member in run.members:
        said, own = predicted(member, store, split, device=device, batch=batch)
        rows = np.searchsorted(items, own)
        total[rows] += said
        voices[rows] += 1
    return total / voices / np.float32(run.calibration.temperature), items


def logits(
    model: Trained,
    store: Store,
    indices: npt.NDArray[np.int64],
    task: Task,
    *,
    batch: int = 64,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """What a model says of some items; its mode and device are as before afterwards.

    Args:
        model: Takes millivolts and raw tabular values.
        store: Where the items lie.
        indices: Item numbers.
        task: Names the labels.
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
            made[first : first + batch] = said(model, store, indices[first : first + batch], device)
    return made


def probabilities(
    model: Trained,
    store: Store,
    indices: npt.NDArray[np.int64],
    task: Task,
    *,
    batch: int = 64,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """As :func:`logits`, behind the activation of a task."""
    return activated(task, logits(model, store, indices, task, batch=batch, device=device))


def forward(
    model: Trained, store: Store, indices: npt.NDArray[np.int64], task: Task, device: str
) -> npt.NDArray[np.float32]:
    """Probabilities of one batch, from a model that is on the device and in ``eval()`` mode already."""
    return activated(task, said(model, store, indices, device))


def said(model: Trained, store: Store, indices: npt.NDArray[np.int64], device: str) -> npt.NDArray[np.float32]:
    """Logits of one batch, from a model that is on the device and in ``eval()`` mode already."""
    signal = torch.from_numpy(store.signals[indices]).to(device).float() * (store.manifest.scale_uv / 1000)
    return np.asarray(model(signal, _tabular(model, store, indices, device)).float().cpu().numpy())


@contextmanager
def _ready(model: Trained, device: str) -> Iterator[None]:
    """The model on the device, in ``eval()`` mode and without gradients, for the length of a block."""
    modes, home = [(module, module.training) for module in model.modules()], model.temperature.device
    model.to(device).eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.to(home)
        for module, training in modes:
            module.training = training


def _tabular(model: Trained, store: Store, indices: npt.NDArray[np.int64], device: str) -> Tensor | None:
    columns = model.columns
    if not columns:
        return None
    if len(store.manifest.tabular) != columns:
        raise DataError(
            f"The model reads {columns} tabular inputs, {store.path.name} has {len(store.manifest.tabular)}."
        )
    return torch.from_numpy(store.tabular[indices]).to(device)
