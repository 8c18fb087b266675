"""Evaluate a run: its best checkpoint on one split of a store, with thresholds chosen on its validation split."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from ecgtool.config import checked
from ecgtool.errors import IntegrityError, NotFound
from ecgtool.evaluation import Evaluation, Indices, Options, fitting, predict_split, source_of, time_per_record
from ecgtool.files import write_json
from ecgtool.metrics import Metrics, Timing, choose_thresholds
from ecgtool.metrics.curves import Rule
from ecgtool.metrics.predictions import Predictions
from ecgtool.models.contract import Trained, load_run
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.inference import forward, pick_device, probabilities


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
    task, device = run.lineage.task, pick_device(options.device)
    model = load_run(run, device=device)
    predict = partial(probabilities, model, data, task=task, batch=options.batch, device=device)
    predictions, indices = predict_split(data, task, split, predict)
    if store is None and split == "val":
        rule = options.rule or _kept_rule(run) or "f1"
        thresholds = choose_thresholds(task, predictions.targets, predictions.probabilities, rule)
    else:
        thresholds, rule = validation_thresholds(run, options)
    timing = _timing(model, data, indices, task, replace(options, device=device))
    source = source_of(data, predictions, run.name, run.config.arch, _seen(run, data, predictions)).model_copy(
        update={"timing": timing, "threshold_rule": rule}
    )
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
    return kept.thresholds, (kept.source.threshold_rule if kept.source else None) or "f1"


def own_store(run: Run) -> Store:
    """The store a run was trained on.

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
    if store.digest(run.lineage.task) != run.lineage.store_digest:
        raise IntegrityError(
            f"Store {store.path} has changed since run {run.name} was trained on it.",
            f"To evaluate on it as it is now: --dataset {store.path}",
        )
    return store


def _timing(model: Trained, store: Store, indices: Indices, task: Task, options: Options) -> Timing:
    named = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    with torch.inference_mode():
        predict = partial(forward, model, store, task=task, device=options.device)
        return time_per_record(predict, indices, options.batch, named, torch.get_num_threads())


def _kept(run: Run) -> Metrics | None:
    document = run.metrics("val")
    return None if document is None else checked(Metrics, document, "metrics_val.json")


def _kept_rule(run: Run) -> Rule | None:
    kept = _kept(run)
    return kept.source.threshold_rule if kept and kept.source else None


def _seen(run: Run, store: Store, predictions: Predictions) -> int:
    """How many of the patients have shaped the weights."""
    return len(set(predictions.patients) & run.lineage.seen().get(store.manifest.dataset, frozenset()))
