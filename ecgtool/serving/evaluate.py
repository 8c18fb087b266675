"""Evaluate a bundle: the exported model in onnxruntime on one split of a store, with the bundle's own thresholds."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import Bundle, BundleManifest
from ecgtool.console import log
from ecgtool.errors import ConfigError, DataError, NotFound
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
from ecgtool.home import portable
from ecgtool.metrics.logits import logits_of
from ecgtool.run import VOCABULARY
from ecgtool.serving.model import probabilities_of
from ecgtool.serving.predictor import thresholds_of
from ecgtool.settings import BeatConfig, DataConfig
from ecgtool.store import Store
from ecgtool.task import asked_of
from ecgtool.views import view
from ecgtool.words import PAD

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


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
    data = fitting(manifest, viewed(manifest, store if store is not None else own_store(bundle)))
    threads = os.cpu_count() or 1
    session = bundle.session(threads)
    items = data.indices(split, manifest.task)
    recordings = recordings_of(data, manifest.task, split, _said(session, manifest, data, items, options.batch))
    predict = partial(_predict, session, manifest, data)
    timing = time_per_record(predict, items, options.batch, "cpu (onnxruntime)", threads)
    seen = _seen(bundle, data, split)
    source = source_of(data, recordings.predictions, bundle.path.name, manifest.arch, seen)
    source = source.model_copy(update={"timing": timing})
    found = concluded(recordings, _thresholds(manifest, options), source, options)
    if options.whole and several_each(found):
        beside = replace(options, aggregate="mean", whole=False)
        found = replace(found, patients=concluded(recordings, _thresholds(manifest, beside), source, beside))
    return found


def viewed(manifest: BundleManifest, store: Store) -> Store:
    """A store as a model reads it: recordings, heartbeats or sentences.

    Raises:
        DataError: It lacks what the model reads, or has sentences of other words.
        ConfigError: It lacks the model's task.
    """
    reads = ("signal", "tokens") if manifest.words is not None else ("signal",)
    made = view(store, manifest.task, reads, DataConfig(beats=manifest.beats or BeatConfig()))
    _refuse_words(manifest, made)
    return made


def _refuse_words(manifest: BundleManifest, store: Store) -> None:
    """Refuse sentences of other words than the model learned, or of more of them than it takes.

    Raises:
        DataError: They are.
    """
    learned, held = manifest.words, store.manifest.words
    if learned is None or held is None:
        return
    name = shlex.quote(portable(store.path))
    if learned.vocabulary != held.vocabulary:
        raise DataError(
            f"The sentences of {store.path.name} are of another vocabulary than the model's: they mean nothing to it.",
            f"Make them again with its words: ecg sentences {name} --vocabulary BUNDLE/{VOCABULARY} --force",
        )
    if held.longest > learned.longest:
        raise DataError(
            f"The sentences of {store.path.name} have up to {held.longest} words, the model takes {learned.longest}.",
            f"Evaluate its run, which takes any number of them: ecg evaluate RUN --dataset {name}",
        )


def _thresholds(manifest: BundleManifest, options: Options) -> Mapping[str, float]:
    """The bundle's thresholds, for patients those that were chosen for them; else those for recordings serve both."""
    if not manifest.task.thresholded:
        return {}
    if options.aggregate == "mean" and manifest.patient_thresholds:
        return manifest.patient_thresholds
    if options.aggregate and options.whole:
        log.warning("The bundle has no thresholds for patients: those for recordings are used.")
    return thresholds_of(manifest, None)


def own_store(bundle: Bundle) -> Store:
    """The store that a bundle's run was trained on.

    Raises:
        NotFound: It is not here.
    """
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


def _said(session: InferenceSession, manifest: BundleManifest, store: Store, items: Indices, batch: int) -> Said:
    """What the model says of items, or of what is asked in them."""
    task, targets = manifest.task, store.targets(manifest.task)
    several = task.several(targets)
    parts = [items[first : first + batch] for first in range(0, len(items), batch)]
    made, rows, asked = [np.empty((0, len(task.labels)), np.float32)], [items[:0]], [items[:0]]
    for part in parts:
        chances = _predict(session, manifest, store, part)
        found = asked_of(np.asarray(targets[part])) if several else None
        made.append(chances if found is None else np.moveaxis(chances, 1, -1)[found.item, found.position])
        rows.append(part if found is None else part[found.item])
        asked.append(items[:0] if found is None else found.position)
    owners, positions = np.concatenate(rows), np.concatenate(asked)
    truth = targets[owners, positions] if several else targets[owners]
    return Said(logits_of(task, np.concatenate(made)), owners, np.array(truth), positions if several else None)


def _predict(
    session: InferenceSession, manifest: BundleManifest, store: Store, items: Indices
) -> npt.NDArray[np.float32]:
    """Probabilities of items of a store, [items, labels] or [items, labels, positions]."""
    scale = np.float32(store.manifest.scale_uv / 1000)
    feeds: dict[str, Any] = {"signal": store.signals[items].astype(np.float32) * scale}
    longest = manifest.words.longest if manifest.words is not None else 0
    tokens = store.tokens(items)
    if longest and tokens is not None:
        feeds["tokens"] = _lengthened(tokens, longest, PAD)
    if manifest.tabular:
        values = np.ascontiguousarray(store.tabular[items])
        feeds["metadata"] = _lengthened(values, longest, np.nan) if values.ndim > 2 else values
    labels, *positions = manifest.output_shapes["probabilities"][1:]
    shape = (len(items), *(int(size) for size in (labels, *positions)))
    said = probabilities_of(session, feeds, shape)
    return said[..., : store.manifest.words.longest] if positions and store.manifest.words is not None else said


def _lengthened(table: npt.NDArray[Any], longest: int, fill: float) -> npt.NDArray[Any]:
    """A table [sentences, words, columns] with as many words as a model takes: ``fill`` behind those that there are."""
    return np.pad(table, ((0, 0), (0, longest - table.shape[1]), (0, 0)), constant_values=fill)
