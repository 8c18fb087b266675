"""Evaluate a bundle: the exported model in onnxruntime on one split of a store, with the bundle's own thresholds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import Bundle
from ecgtool.console import log
from ecgtool.errors import ConfigError, NotFound
from ecgtool.evaluation import (
    Evaluation,
    Indices,
    Options,
    Said,
    concluded,
    fitting,
    recordings_of,
    several_each,
    source_of,
    time_per_record,
)
from ecgtool.metrics.logits import logits_of
from ecgtool.serving.predictor import Predictor
from ecgtool.store import Store


def measure_bundle(
    bundle: Bundle, store: Store | None = None, split: str = "test", options: Options | None = None
) -> Evaluation:
    """Predict a split with an exported model and compare with its targets.

    Args:
        bundle: Opened, hence with every digest checked.
        store: What to evaluate on; the store its run was trained on when None.
        split: ``train``, ``val`` or ``test``.
        options: How; the device is the processor, and the thresholds are the bundle's.

    Raises:
        NotFound: The store of its run is not here.
        DataError: The store does not fit the model, or has no labelled item in the split.
    """
    options = options or Options()
    if options.rule:
        raise ConfigError(
            f"{bundle.path.name} carries its thresholds; --rule picks those of runs.", "Leave out --rule."
        )
    manifest = bundle.manifest
    data = fitting(manifest, store if store is not None else _own_store(bundle))
    threads = os.cpu_count() or 1
    predictor = Predictor(bundle, threads=threads)
    predict = partial(_predict, predictor, data, options.batch)
    items = data.indices(split, manifest.task)
    made = logits_of(manifest.task, predict(items)) if len(items) else np.empty((0, 0), np.float32)
    said = Said(made, items, np.array(data.targets(manifest.task)[items]))
    recordings = recordings_of(data, manifest.task, split, said)
    timing = time_per_record(predict, items, options.batch, "cpu (onnxruntime)", threads)
    seen = _seen(bundle, data, split)
    source = source_of(data, recordings.predictions, bundle.path.name, manifest.arch, seen)
    source = source.model_copy(update={"timing": timing})
    found = concluded(recordings, _thresholds(predictor, options), source, options)
    if options.whole and several_each(found):
        beside = replace(options, aggregate="mean", whole=False)
        found = replace(found, patients=concluded(recordings, _thresholds(predictor, beside), source, beside))
    return found


def _thresholds(predictor: Predictor, options: Options) -> Mapping[str, float]:
    """The bundle's thresholds, for patients those that were chosen for them; else those for recordings serve both."""
    manifest = predictor.manifest
    if not manifest.task.thresholded:
        return {}
    if options.aggregate == "mean" and manifest.patient_thresholds:
        return manifest.patient_thresholds
    if options.aggregate and options.whole:
        log.warning("The bundle has no thresholds for patients: those for recordings are used.")
    return predictor.thresholds


def _own_store(bundle: Bundle) -> Store:
    name = str(bundle.manifest.run.lineage.get("store", ""))
    try:
        return Store.open(name)
    except NotFound:
        raise NotFound(
            f"The store '{name}' that {bundle.path.name} was trained on is not here.", "Name one with --dataset."
        ) from None


def _seen(bundle: Bundle, store: Store, split: str) -> int | None:
    """None of the patients of the run's own held-out splits; elsewhere a bundle, which names no person, cannot tell."""
    lineage = bundle.manifest.run.lineage
    own = lineage.get("store_digest") == store.digest(bundle.manifest.task) and split != "train"
    return 0 if own or lineage.get("dataset", store.manifest.dataset) != store.manifest.dataset else None


def _predict(predictor: Predictor, store: Store, batch: int, indices: Indices) -> npt.NDArray[np.float32]:
    """Probabilities [items, labels] of items of a store."""
    scale = np.float32(store.manifest.scale_uv / 1000)
    parts = [indices[first : first + batch] for first in range(0, len(indices), batch)]
    return np.concatenate(
        [predictor.batch(store.signals[part].astype(np.float32) * scale, store.tabular[part]) for part in parts]
    )
