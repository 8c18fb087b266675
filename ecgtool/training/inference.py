"""What a trained model says of the items of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ecgtool.errors import ConfigError, DataError
from ecgtool.evaluation import Said
from ecgtool.metrics.logits import activated
from ecgtool.models.contract import Trained, load_run
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.task import Task, asked_of
from ecgtool.training.data import Items
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


def predicted(run: Run, store: Store, split: str, *, device: str = "cpu", batch: int = 64) -> Said:
    """What a run or an ensemble says of a split of a store, its logits over the run's temperature.

    On the validation split of its own store each item is predicted by the members of an ensemble that are validated on
    it: by all where they differ in the seed alone, by the one that has not seen it where they are folds.

    Args:
        run: A run with a finished epoch, or an ensemble of such.
        store: The run's own, or one that fits it; as its architecture reads it.
        split: ``train``, ``val`` or ``test``; see :func:`ecgtool.training.folds.split_items`.
        device: ``cpu`` or ``cuda``.
        batch: Items at a time; does not change the result.

    Raises:
        NotFound: A run has no checkpoint.
        DataError: The store lacks the tabular inputs the model reads.
    """
    task = run.lineage.task
    items = split_items(run, store, task, split)
    if not run.members or split != "val" or not is_own(run, store):
        return decided(load_run(run, device=device), store, items, task, batch=batch, device=device)
    parts = [predicted(member, store, split, device=device, batch=batch) for member in run.members]
    places = [_places(part) for part in parts]
    every, first = np.unique(np.concatenate(places), return_index=True)
    total, voices = np.zeros((len(every), len(task.labels)), np.float32), np.zeros((len(every), 1), np.float32)
    for part, place in zip(parts, places, strict=True):
        rows = np.searchsorted(every, place)
        total[rows] += part.logits
        voices[rows] += 1
    return Said(
        total / voices / np.float32(run.calibration.temperature),
        np.concatenate([part.items for part in parts])[first],
        np.concatenate([part.targets for part in parts])[first],
        None if parts[0].positions is None else np.concatenate([part.positions for part in parts])[first],
    )


def _places(said: Said) -> npt.NDArray[np.int64]:
    """A number for each decision that tells it from all others, ascending."""
    return said.items if said.positions is None else (said.items << 32) + said.positions


def decided(
    model: Trained,
    store: Store,
    indices: npt.NDArray[np.int64],
    task: Task,
    *,
    batch: int = 64,
    device: str = "cpu",
) -> Said:
    """What a model says of some items, or of what is asked in them; its mode and device are as before afterwards.

    Args:
        model: Takes millivolts, raw tabular values and tokens.
        store: Where the items lie.
        indices: Item numbers.
        task: Names the labels.
        batch: Items at a time; does not change the result.
        device: ``cpu`` or ``cuda``.

    Returns:
        In the order of ``indices``; a logit is NaN only where the model itself is broken.

    Raises:
        DataError: The store lacks the tabular inputs the model reads.
    """
    targets = store.targets(task)
    several, labels = task.several(targets), len(task.labels)
    made, rows, asked = [np.empty((0, labels), np.float32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    truth = [np.asarray(targets[:0]).reshape(-1) if several else np.asarray(targets[:0])]
    with _ready(model, device):
        for first in range(0, len(indices), batch):
            some = indices[first : first + batch]
            answer, wanted = _answered(model, store, some, task, device, trim=True)
            found = asked_of(wanted) if several else None
            made.append(answer if found is None else np.moveaxis(answer, 1, -1)[found.item, found.position])
            rows.append(some if found is None else some[found.item])
            asked.append(np.empty(0, np.int64) if found is None else found.position)
            truth.append(wanted if found is None else found.targets)
    positions = np.concatenate(asked) if several else None
    return Said(np.concatenate(made), np.concatenate(rows), np.concatenate(truth), positions)


def logits(
    model: Trained,
    store: Store,
    indices: npt.NDArray[np.int64],
    task: Task,
    *,
    batch: int = 64,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """The logits of :func:`decided`, float32 [decisions, labels]."""
    return decided(model, store, indices, task, batch=batch, device=device).logits


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
    return activated(task, _answered(model, store, indices, task, device)[0])


def _answered(
    model: Trained, store: Store, indices: npt.NDArray[np.int64], task: Task, device: str, *, trim: bool = False
) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """Logits of one batch as the model gives them, and its targets; without the padding that no sentence needs."""
    _refuse_columns(model, store)
    batch = Items(store, store.targets(task), model.columns, trim=trim)[indices]
    tabular = batch.tabular.to(device) if model.columns else None
    tokens = None if batch.tokens is None else batch.tokens.to(device)
    signal = batch.signal.to(device).float() * (store.manifest.scale_uv / 1000)
    return np.asarray(model(signal, tabular, tokens).float().cpu().numpy()), batch.target.numpy()


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


def _refuse_columns(model: Trained, store: Store) -> None:
    if model.columns and len(store.manifest.tabular) != model.columns:
        raise DataError(
            f"The model reads {model.columns} tabular inputs, {store.path.name} has {len(store.manifest.tabular)}."
        )
