"""Which items a split means: those the store says, or a fold dealt anew from its training and validation items.

Folds follow from the store's patients and labels, ``data.folds`` and ``data.fold_seed`` alone. The test split is the
store's, always.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.splits import stratified
from ecgtool.errors import ConfigError, IntegrityError
from ecgtool.run import Run
from ecgtool.settings import DataConfig, TrainConfig
from ecgtool.store import Store
from ecgtool.task import Task

Indices = npt.NDArray[np.int64]


def split_items(source: Run | TrainConfig, store: Store, task: Task, split: str) -> Indices:
    """The items of a split that are labelled in a task, ascending.

    Args:
        source: A configuration that trains on the store; or a run, for which a store other than its own has the splits
            it was prepared with. Of an ensemble of folds both ``train`` and ``val`` are all items that are dealt.
        store: The data.
        task: The task.
        split: ``train``, ``val`` or ``test``.

    Raises:
        ConfigError: Not the name of a split, or there are fewer patients than folds.
        IntegrityError: The validation items of a run have patients that it was trained on.
    """
    if isinstance(source, TrainConfig):
        return _items(source.data, store, task, split)
    if not is_own(source, store):
        return store.indices(split, task)
    items = _items(source.config.data, store, task, split)
    if split == "val" and source.config.data.fold is not None:
        _refuse_seen(source, store, items)
    return items


def is_own(run: Run, store: Store) -> bool:
    """Whether a store has the very items, labels and splits that a run was trained on, wherever it lies now."""
    task = run.lineage.task
    there = task.name in {held.name for held in store.manifest.tasks}
    return there and store.digest(task) == run.lineage.store_digest


def seen_patients(run: Run, store: Store, split: str) -> frozenset[str]:
    """The patients of a split whose recordings have shaped the very weights that predict them.

    On the validation split of an ensemble's own store these are the members validated on them; see
    :func:`ecgtool.training.inference.predicted`.
    """
    if run.members and split == "val" and is_own(run, store):
        return frozenset().union(*(seen_patients(member, store, split) for member in run.members))
    items = split_items(run, store, run.lineage.task, split)
    patients = frozenset(store.items["patient"].to_numpy()[items].tolist()) - {""}
    return patients & run.lineage.seen().get(store.manifest.dataset, frozenset())


def fold_of(store: Store, task: Task, data: DataConfig) -> tuple[Indices, Indices]:
    """The items that are dealt into ``data.folds`` folds, ascending, and the fold of each, from 1 on.

    Patients stay together, an item without one is a person of its own, and every fold gets its share of the items and
    of each label; see :func:`ecgtool.datasets.splits.stratified`.

    Raises:
        ConfigError: There are fewer patients than folds.
    """
    items, folds = _dealt(store, task), data.folds or 1
    patients = persons(store, items)
    people = len(set(patients))
    if people < folds:
        raise ConfigError(f"{people} patients cannot make {folds} folds.", "Give fewer --folds.")
    return items, stratified(patients, marks(store, task)[items], (1.0,) * folds, data.fold_seed) + 1


def marks(store: Store, task: Task) -> npt.NDArray[np.bool_]:
    """Which items of the store carry which label; bool [items, labels]."""
    return task.marks(np.asarray(store.targets(task)))


def persons(store: Store, items: Indices) -> list[str]:
    """Who each of these items is of; an item without a patient is a person of its own."""
    named = store.items["patient"].to_numpy()[items].tolist()
    return [f"patient {name}" if name else f"item {item}" for name, item in zip(named, items, strict=True)]


def _items(data: DataConfig, store: Store, task: Task, split: str) -> Indices:
    if data.folds is None or split not in ("train", "val"):
        return store.indices(split, task)
    if data.fold is None:
        return _dealt(store, task)
    items, fold = fold_of(store, task, data)
    return items[(fold == data.fold) == (split == "val")]


def _dealt(store: Store, task: Task) -> Indices:
    return np.sort(np.concatenate([store.indices("train", task), store.indices("val", task)]))


def _refuse_seen(run: Run, store: Store, items: Indices) -> None:
    """Refuse to validate on patients whose recordings have shaped the weights."""
    held_out = set(store.items["patient"].to_numpy()[items].tolist()) - {""}
    shared = held_out & set(run.lineage.train_patients)
    if shared:
        raise IntegrityError(
            f"{run.path}: {len(shared)} patients of its validation fold are among those it says it was trained on.",
            "The run is damaged, or was made by a version that dealt the folds otherwise. Train it again.",
        )
