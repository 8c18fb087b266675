"""Evaluate a run: its best checkpoint on one split of a store, with thresholds chosen on its validation split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgtool.config import checked
from ecgtool.console import log
from ecgtool.curves import Rule
from ecgtool.errors import ConfigError, DataError, IntegrityError, NotFound
from ecgtool.files import digest, write_json
from ecgtool.metrics import Metrics, Source, Timing, choose_thresholds
from ecgtool.models.contract import Normalised, load_run
from ecgtool.predictions import Predictions
from ecgtool.run import Lineage, Run
from ecgtool.store import Store
from ecgtool.training.inference import pick_device, probabilities, time_per_record


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


def evaluate_run(
    run: Run, store: Store | None = None, split: str = "test", device: str = "cpu", *, bootstrap: int = 1000
) -> Metrics:
    """The figures of a run on one split; see :func:`measure`."""
    return measure(run, store, split, Options(device=device, bootstrap=bootstrap)).metrics


def measure(run: Run, store: Store | None = None, split: str = "test", options: Options | None = None) -> Evaluation:
    """Predict a split and compare with its targets.

    On the run's own store the figures are written into the run as ``metrics_SPLIT.json``; so are those of the
    validation split, where the thresholds are chosen, if they are not there yet.

    Args:
        run: A run with a finished epoch.
        store: Another store to evaluate on; the run's own when None.
        split: ``train``, ``val`` or ``test``.
        options: How.

    Raises:
        NotFound: The run has no checkpoint, or its store is gone.
        IntegrityError: The run's store has changed since training, or the checkpoint is damaged.
        DataError: The store does not fit the run, or has no labelled item in the split.
    """
    options = options or Options()
    data = own_store(run) if store is None else fitting(run.lineage, store)
    model = load_run(run)
    predictions, timing = _predict(run, model, data, split, options)
    if store is None and split == "val":
        rule = options.rule or _kept_rule(run) or "f1"
        thresholds = choose_thresholds(run.lineage.task, predictions.targets, predictions.probabilities, rule)
    else:
        thresholds, rule = validation_thresholds(run, options)
    source = _source(run, data, predictions, rule, timing)
    metrics = predictions.metrics(thresholds, options.bootstrap).model_copy(update={"source": source})
    if store is None:
        write_json(run.path / f"metrics_{split}.json", metrics.model_dump(mode="json"))
    return Evaluation(metrics, predictions)


def validation_thresholds(run: Run, options: Options) -> tuple[dict[str, float], Rule]:
    """The thresholds of a run and the rule that picked them; the validation split is evaluated where it was not yet.

    Raises:
        EcgError: As :func:`measure`, for the validation split of the run's own store.
    """
    kept = _kept(run)
    if kept is None or kept.source is None or options.rule not in (None, kept.source.threshold_rule):
        kept = measure(run, None, "val", options).metrics
    return kept.thresholds, kept.source.threshold_rule if kept.source else "f1"


def _kept(run: Run) -> Metrics | None:
    document = run.metrics("val")
    return None if document is None else checked(Metrics, document, "metrics_val.json")


def _kept_rule(run: Run) -> Rule | None:
    kept = _kept(run)
    return kept.source.threshold_rule if kept and kept.source else None


def own_store(run: Run) -> Store:
    """The store a run was trained on, unchanged.

    Raises:
        NotFound: It is gone.
        IntegrityError: It has been prepared anew since.
    """
    try:
        store = Store.open(run.lineage.store)
    except NotFound:
        raise NotFound(
            f"The store {run.lineage.store} that run {run.name} was trained on is gone.", "Name one with --dataset."
        ) from None
    if digest(store.path / "manifest.json") != run.lineage.store_digest:
        raise IntegrityError(
            f"Store {store.path} has changed since run {run.name} was trained on it.",
            f"To evaluate on it as it is now: --dataset {store.path}",
        )
    return store


def fitting(lineage: Lineage, store: Store) -> Store:
    """The store itself, if a model of this lineage can read it as it reads its own.

    Raises:
        DataError: Task, labels, leads, rate, length, calibration or tabular inputs differ; the first is named.
    """
    held = store.manifest
    try:
        task = store.task(lineage.task.name)
    except ConfigError as error:
        raise DataError(f"{store.path} does not fit the run: {error.message}", error.hint) from None
    pairs = {
        "kind of task": (lineage.task.kind, task.kind),
        "labels": (lineage.task.labels, task.labels),
        "leads": (lineage.leads, held.leads),
        "sampling rate": (lineage.fs, held.fs),
        "samples": (lineage.samples, held.samples),
        "calibrated": (lineage.calibrated, held.calibrated),
        "tabular inputs": (lineage.tabular, held.tabular),
    }
    for what, (needed, there) in pairs.items():
        if needed != there:
            raise DataError(
                f"{store.path} does not fit the run: {what} {_said(there)}, the run was trained with {_said(needed)}.",
                "Prepare the data with the options of the run's own store.",
            )
    if lineage.preprocessing != held.preprocessing.model_dump(mode="json"):
        log.warning("%s was prepared with other filters than the run's own store.", store.path)
    return store


def _said(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _predict(run: Run, model: Normalised, store: Store, split: str, options: Options) -> tuple[Predictions, Timing]:
    task, device = run.lineage.task, pick_device(options.device)
    indices = store.indices(split, task)
    if not len(indices):
        raise DataError(
            f"{store.path} has no item labelled for task '{task.name}' in split {split}.", "Choose another --split."
        )
    chances = probabilities(model, store, indices, task, batch=options.batch, device=device)
    timing = time_per_record(model, store, indices, task, batch=options.batch, device=device)
    rows = store.items.iloc[indices]
    predictions = Predictions(
        task=task,
        ids=tuple(rows["id"]),
        patients=tuple(rows["patient"]),
        split=split,
        targets=np.array(store.targets(task)[indices]),
        probabilities=chances,
    )
    return predictions, timing


def _source(run: Run, store: Store, predictions: Predictions, rule: Rule, timing: Timing) -> Source:
    held, lineage = store.manifest, run.lineage
    seen = set(predictions.patients) & set(lineage.train_patients) if held.dataset == lineage.dataset else set()
    if seen and predictions.split != "train":
        log.warning("The run was trained on %d of the %s patients: figures are too good.", len(seen), predictions.split)
    return Source(
        model=run.name,
        arch=run.config.arch,
        dataset=held.dataset,
        store=str(store.path),
        store_digest=digest(store.path / "manifest.json"),
        split=predictions.split,
        fs=held.fs,
        leads=held.leads,
        samples=held.samples,
        threshold_rule=rule,
        seen_patients=len(seen),
        timing=timing,
    )
