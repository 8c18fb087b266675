"""Evaluation: what every way of running a model shares when it is held against a store.

A model is here a function from item numbers to probabilities, so that torch and onnxruntime are measured alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.config import Preprocessing, checked
from ecgtool.console import log
from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics import Metrics, Source, Timing
from ecgtool.metrics.curves import Rule
from ecgtool.metrics.predictions import Predictions
from ecgtool.store import Store
from ecgtool.task import Task

Indices = npt.NDArray[np.int64]
Predict = Callable[[Indices], npt.NDArray[np.float32]]
"""Probabilities [items, labels] of items of a store."""

_REPEATS, _SECONDS = 20, 2.0


@dataclass(frozen=True)
class Options:
    """How to evaluate.

    Args:
        device: ``auto``, ``cuda`` or ``cpu``.
        batch: Items at a time.
        bootstrap: Resamples of the intervals; 0 for none.
        rule: What picks the thresholds on the validation split; None keeps the run's, or ``f1``.
    """

    device: str = "cpu"
    batch: int = 64
    bootstrap: int = 1000
    rule: Rule | None = None


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found: the figures, and the predictions they come from."""

    metrics: Metrics
    predictions: Predictions


class Reads(Protocol):
    """What a model takes and gives, as a run's lineage or a bundle's manifest tells it."""

    @property
    def task(self) -> Task:
        """Task and labels."""

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""

    @property
    def leads(self) -> tuple[str, ...]:
        """Rows of the signal."""

    @property
    def samples(self) -> int:
        """Columns of the signal."""

    @property
    def calibrated(self) -> bool:
        """Whether it needs millivolts."""

    @property
    def tabular(self) -> tuple[str, ...]:
        """Columns of the tabular inputs."""

    @property
    def preprocessing(self) -> Preprocessing | dict[str, Any]:
        """What was done to the recordings."""


def fitting(model: Reads, store: Store) -> Store:
    """The store itself, if the model can read it as it read what it was trained on.

    Raises:
        DataError: Task, labels, leads, rate, length, calibration or tabular inputs differ; the first is named.
    """
    held = store.manifest
    try:
        task = store.task(model.task.name)
    except ConfigError as error:
        raise DataError(f"{store.path} does not fit the model: {error.message}", error.hint) from None
    pairs: dict[str, tuple[object, object]] = {
        "kind of task": (model.task.kind, task.kind),
        "labels": (model.task.labels, task.labels),
        "leads": (model.leads, held.leads),
        "sampling rate": (model.fs, held.fs),
        "samples": (model.samples, held.samples),
        "calibrated": (model.calibrated, held.calibrated),
        "tabular inputs": (model.tabular, held.tabular if model.tabular else ()),
    }
    for what, (needed, there) in pairs.items():
        if needed != there:
            raise DataError(
                f"{store.path} does not fit the model: {what} {_said(there)}, trained with {_said(needed)}.",
                "Prepare the data with the options of the store it was trained on.",
            )
    if _steps(model.preprocessing) != held.preprocessing:
        log.warning("%s was prepared with other filters than the store of the training.", store.path)
    return store


def predict_split(store: Store, task: Task, split: str, predict: Predict) -> tuple[Predictions, Indices]:
    """Predictions for every labelled item of a split, and their item numbers.

    Raises:
        DataError: There is none.
    """
    indices = store.indices(split, task)
    if not len(indices):
        raise DataError(
            f"{store.path} has no item labelled for task '{task.name}' in split {split}.", "Choose another --split."
        )
    rows = store.items.iloc[indices]
    predictions = Predictions(
        task=task,
        ids=tuple(rows["id"]),
        patients=tuple(rows["patient"]),
        split=split,
        targets=np.array(store.targets(task)[indices]),
        probabilities=predict(indices),
    )
    return predictions, indices


def source_of(store: Store, predictions: Predictions, model: str, arch: str, seen: int | None) -> Source:
    """What was evaluated, on what; a model that has seen the patients is pointed out.

    Args:
        store: Where the items lie.
        predictions: Of one split of it.
        model: The model's name.
        arch: Its architecture.
        seen: How many of the patients it was trained on; None where nobody can tell.
    """
    if seen and predictions.split != "train":
        log.warning("The model was trained on %d of these patients: the figures are too good.", seen)
    held = store.manifest
    return Source(
        model=model,
        arch=arch,
        dataset=held.dataset,
        store=store.path.name,
        store_digest=store.digest(predictions.task),
        split=predictions.split,
        fs=held.fs,
        leads=held.leads,
        samples=held.samples,
        seen_patients=seen,
    )


def time_per_record(predict: Predict, indices: Indices, batch: int, device: str, threads: int) -> Timing:
    """Median time per record, from counts in memory to probabilities, one by one and in batches.

    Args:
        predict: The model.
        indices: Items to time with.
        batch: Items per batch, at most as many as ``indices``.
        device: What computes, in words.
        threads: How many threads it may use.
    """
    batch = min(batch, len(indices))
    single, batched = (_median_seconds(predict, indices[:size]) / size for size in (1, batch))
    return Timing(
        single_ms=round(1000 * single, 3),
        batched_ms=round(1000 * batched, 3),
        batch=batch,
        device=device,
        threads=threads,
    )


def _median_seconds(predict: Predict, indices: Indices) -> float:
    """Median over a few repeats, after one to warm up."""
    taken: list[float] = []
    predict(indices)
    while len(taken) < _REPEATS and sum(taken) < _SECONDS:
        start = time.perf_counter()
        predict(indices)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def _steps(given: Preprocessing | dict[str, Any]) -> Preprocessing:
    return given if isinstance(given, Preprocessing) else checked(Preprocessing, given, "preprocessing")


def _said(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
