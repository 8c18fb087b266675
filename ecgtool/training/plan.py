"""What a configuration means for a store: the task, the metric, the items. Everything that can be refused is, early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.console import log
from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics import ALIASES, find_metric
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import ModelSpec, as_read
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training import trackers
from ecgtool.training.augment import refuse_unfit
from ecgtool.training.contradictions import (
    refuse_contradictions,
    refuse_of_positions,
    refuse_unfit_network,
    refuse_unfit_rhythms,
    refuse_unfit_shares,
)
from ecgtool.training.data import Indices, chosen


@dataclass(frozen=True)
class Plan:
    """A configuration and the data it applies to.

    Args:
        config: Everything that decides the run.
        store: The data.
        task: What is learnt.
        metric: Name of the metric that picks the best epoch.
        train: Training items.
        val: Validation items.
        tabular: Whether the model reads the tabular columns.
    """

    config: TrainConfig
    store: Store
    task: Task
    metric: str
    train: Indices
    val: Indices
    tabular: bool

    @property
    def columns(self) -> int:
        """Tabular columns the model reads."""
        return len(self.store.manifest.tabular) if self.tabular else 0


def make_plan(config: TrainConfig, store: Store | None = None) -> Plan:
    """The plan of a configuration.

    Args:
        config: The configuration.
        store: Its data; opened by name when None.

    Raises:
        ConfigError: No such architecture, option, task, metric or augmentation, or one that the labels do not bear.
        NotFound: No such store.
        DataError: A split is empty, no label can be learnt or judged, or the store was prepared otherwise.
    """
    if not config.arch:
        raise ConfigError("No architecture is given.", "Name one with --arch, or a --recipe; see: ecg train --list")
    spec: ModelSpec[Any] = ARCHITECTURES.load(config.arch)
    options = spec.options(config.model)
    trackers.refuse_unfit(config.tracking)
    if store is None:
        if not config.data.dataset:
            raise ConfigError("No dataset is given.", "Name a store with --dataset; make one with: ecg prepare")
        store = Store.open(config.data.dataset)
    _check_preparation(config, store)
    if "tokens" in spec.reads:
        _check_sentences(store)
    task = store.task(config.data.task)
    given = config.training.val_metric or task.metric
    metric = ALIASES.get(given, given)
    find_metric(metric)
    refuse_unfit_network(config.arch, task, per_sample=spec.per_sample)
    refuse_unfit_shares(options, task)
    store = as_read(config, store, task)
    train, val = chosen(store, task, "train", config), chosen(store, task, "val", config)
    _check_labels(store, task, metric, train, val)
    refuse_unfit(config.augment, task, store.manifest.fs)
    refuse_unfit_rhythms(config, store)
    refuse_contradictions(config.training, task)
    if task.several(store.targets(task)):
        refuse_of_positions(config.training, task)
    tabular = config.data.tabular and "tabular" in spec.reads
    return Plan(config, store, task, metric, train, val, tabular)


def _check_preparation(config: TrainConfig, store: Store) -> None:
    """Refuse a store whose filters are not those the configuration states."""
    wanted = {"highpass": config.data.highpass, "lowpass": config.data.lowpass}
    made = store.manifest.preprocessing
    wrong = [name for name, edge in wanted.items() if edge is not None and edge != getattr(made, name)]
    if not wrong:
        return
    edges = {name: getattr(made, name) if edge is None else edge for name, edge in wanted.items()}
    options = " ".join(f"--{name} {edge:g}" for name, edge in edges.items() if edge is not None)
    suffix = "-".join(f"{edge:g}" for edge in edges.values() if edge is not None)
    name = f"{store.manifest.dataset}-{suffix}"
    said = ", ".join(f"{name} {wanted[name]:g} Hz but has {getattr(made, name) or 'none'}" for name in wrong)
    raise DataError(
        f"The store '{store.path.name}' does not suit this configuration: it needs {said}.",
        f"Make one that does: ecg prepare {store.manifest.dataset} DIR {options} --out {name}"
        f" and give --dataset {name}",
    )


def _check_sentences(store: Store) -> None:
    """Refuse a store without sentences, before its tasks are looked at: one of them comes with the sentences."""
    if not store.manifest.sentences:
        hint = "" if store.manifest.waves else f"ecg segment {store.path.name} && "
        raise DataError(
            f"{store.path.name} has no sentences.", f"Make them with: {hint}ecg sentences {store.path.name}"
        )


def _check_labels(store: Store, task: Task, metric: str, train: Indices, val: Indices) -> None:
    """Refuse splits from which nothing can be learnt or judged; name the labels that never occur in training."""
    targets = store.targets(task)
    carried = {split: _carried(task, np.asarray(targets[items])) for split, items in (("train", train), ("val", val))}
    for (split, (some, every)), items in zip(carried.items(), (train, val), strict=True):
        if not (some & ~every)[[task.labels.index(label) for label in task.asked]].any():
            raise DataError(
                f"No label of the task '{task.name}' has items with and without it in the split '{split}'"
                f" ({len(items)} items), so {metric} cannot be computed.",
                "Prepare more records, other --splits, or raise --limit.",
            )
    missing = [label for label, there in zip(task.labels, carried["train"][0], strict=True) if not there]
    if missing:
        log.warning("no training item has the label %s", ", ".join(missing[:10]))


def _carried(task: Task, targets: npt.NDArray[Any]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which labels some decision carries, and which all of them do; bool [labels] each."""
    rows = task.flat(targets)
    if not task.exclusive:
        return (rows == 1).any(axis=0), (rows == 1).all(axis=0)
    counts = np.bincount(rows[rows >= 0].astype(np.int64), minlength=len(task.labels))
    return counts > 0, counts == counts.sum()
