"""Export: a run becomes a bundle that predicts without torch."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import __version__
from ecgtool.catalog.bundle import HOLDS, Bundle, BundleManifest, Origin, Parity, write_bundle
from ecgtool.config import checked
from ecgtool.console import log, progress
from ecgtool.errors import ConfigError, DataError, IntegrityError, NotFound, did_you_mean
from ecgtool.export import parity
from ecgtool.export.onnx import OPSET, to_onnx
from ecgtool.export.props import metadata_props
from ecgtool.export.served import Served
from ecgtool.export.torchscript import to_torchscript
from ecgtool.files import read_json, refuse_existing, valid_name
from ecgtool.home import portable
from ecgtool.models.contract import load_run, viewed
from ecgtool.report import ATTRIBUTIONS
from ecgtool.run import VOCABULARY, Run
from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.settings import Preprocessing
from ecgtool.store import Store

_PACKAGES = ("torch", "onnx", "onnxruntime", "onnxscript", "numpy")


@dataclass(frozen=True)
class Format:
    """One form of the exported model.

    Args:
        file: Its name in the bundle.
        write: Makes it.
        read: Opens it, to compare it with the trained model.
    """

    file: str
    write: Callable[[Served, BundleManifest], bytes]
    read: Callable[[bytes, BundleManifest], parity.Predict]


FORMATS = {
    "onnx": Format("model.onnx", lambda model, manifest: to_onnx(model, metadata_props(manifest)), parity.of_onnx),
    "torchscript": Format("model.ts.pt", lambda model, _: to_torchscript(model), parity.of_torchscript),
}
"""Forms by name, as ``--format`` takes them."""


def export_run(
    run: Run, out: Path, formats: Sequence[str] = ("onnx",), store: Store | None = None, *, force: bool = False
) -> Bundle:
    """Write the best checkpoint of a run as a bundle, after comparing it with the trained model on real recordings.

    Args:
        run: A run with a finished epoch, evaluated on its validation split; or an ensemble, whose mean is one model.
        out: The folder to make.
        formats: Keys of :data:`FORMATS`.
        store: The recordings to compare on; the run's own when None.
        force: Replace an older bundle.

    Raises:
        ConfigError: ``out`` exists and is not to be replaced, or there is no such format.
        NotFound: The run has no checkpoint or no thresholds, or its store is gone.
        IntegrityError: An exported model differs from the trained one; nothing is written.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ConfigError(f"There is no format '{''.join(unknown[:1])}'.", did_you_mean("".join(unknown[:1]), FORMATS))
    valid_name(run.name, "bundle name")
    refuse_existing(out, force=force, holds=HOLDS)
    manifest = describe(run, opset=OPSET if "onnx" in formats else None)
    model = served(run, manifest)
    data = _fitting(manifest, viewed(run, store or _own_store(run)))
    items = parity.records(data)
    models = vocabulary_of(run)
    differences: dict[str, float] = {}
    with progress("exporting", len(formats)) as advance:
        for made in (FORMATS[name] for name in formats):
            models[made.file] = made.write(model, manifest)
            differences[made.file] = _checked(made, models[made.file], model, manifest, data, items)
            advance(1)
    found = Parity(records=len(items), limit=parity.LIMIT, max_difference=differences)
    return write_bundle(out, manifest.model_copy(update={"parity": found}), models, force=force)


def served(run: Run, manifest: BundleManifest) -> Served:
    """The trained model behind the inputs and outputs that its bundle says."""
    words, metadata = manifest.words, manifest.input_shapes.get("metadata", ())
    return Served(
        load_run(run),
        manifest.task,
        manifest.samples,
        len(manifest.tabular),
        words=words.longest if words else 0,
        each=len(metadata) > 2,
    )


def vocabulary_of(run: Run) -> dict[str, bytes]:
    """The words that a run reads, as a file of its bundle; none where it reads no sentences.

    Raises:
        IntegrityError: The run lacks its vocabulary, or has another one than it was trained with.
    """
    words, path = run.lineage.words, run.path / VOCABULARY
    if words is None:
        return {}
    vocabulary = Vocabulary.read(path)
    if vocabulary.digest != words.vocabulary:
        raise IntegrityError(f"{path} is not the vocabulary that the run was trained with.", "Restore the file.")
    return {VOCABULARY: vocabulary.text().encode()}


def describe(run: Run, opset: int | None) -> BundleManifest:
    """What the bundle of a run will say of it.

    Raises:
        NotFound: The run was not evaluated on its validation split, so that there are no thresholds.
    """
    lineage, thresholds, tested = run.lineage, _thresholds(run), run.metrics("test")
    if tested is None:
        log.warning("Run %s has no test metrics, as its card will say; ecg evaluate %s", run.name, portable(run.path))
    return BundleManifest(
        name=run.name,
        arch=run.config.arch,
        task=lineage.task,
        fs=lineage.fs,
        leads=lineage.leads,
        samples=lineage.samples,
        calibrated=lineage.calibrated,
        tabular=lineage.tabular if run.config.data.tabular else (),
        beats=run.config.data.beats if lineage.task.of == "beat" else None,
        words=lineage.words,
        waves=lineage.waves,
        preprocessing=checked(Preprocessing, lineage.preprocessing),
        thresholds=thresholds,
        threshold_rule=_rule(run),
        patient_thresholds=_patient_thresholds(run),
        metrics=tested,
        run=_origin(run),
        opset=opset,
        versions=_versions(),
        attribution=ATTRIBUTIONS.get(lineage.dataset, lineage.dataset),
    )


def _checked(
    made: Format,
    content: bytes,
    model: Served,
    manifest: BundleManifest,
    store: Store,
    items: npt.NDArray[np.int64],
) -> float:
    found = parity.difference(store, items, model, made.read(content, manifest))
    log.info("%s differs from the trained model by at most %.1e over %d recordings.", made.file, found, len(items))
    return parity.refuse_different(made.file, found)


def _thresholds(run: Run) -> dict[str, float]:
    chosen = run.metrics("val")
    if chosen is None:
        raise NotFound(
            f"Run {run.name} has no thresholds: it was not evaluated on its validation split.",
            f"First: ecg evaluate {portable(run.path)} --split val",
        )
    return {str(label): float(value) for label, value in dict(chosen.get("thresholds") or {}).items()}


def _rule(run: Run) -> str:
    """What picked the thresholds; runs of former versions do not say."""
    source = (run.metrics("val") or {}).get("source") or {}
    return str(source.get("threshold_rule") or "")


def _patient_thresholds(run: Run) -> dict[str, float]:
    """Those for the mean of a patient's logits, where they were chosen."""
    chosen = run.metrics("val_patients") or {}
    mean = (chosen.get("source") or {}).get("aggregate") == "mean"
    return {str(label): float(value) for label, value in dict(chosen.get("thresholds") or {}).items()} if mean else {}


def _origin(run: Run) -> Origin:
    """Where the run comes from.

    A bundle travels: stores and parents are named without the folders they lay in, and the command, whose values the
    configuration has, is left out.
    """
    config, lineage = run.config.model_dump(mode="json"), run.lineage.model_dump(mode="json")
    config["data"]["dataset"] = Path(config["data"]["dataset"]).name
    lineage |= {"store": Path(lineage["store"]).name, "parents": [Path(parent).name for parent in lineage["parents"]]}
    environment: dict[str, Any] = read_json(run.path / "environment.json")
    kept = {key: value for key, value in environment.items() if key not in ("lineage", "command")}
    return Origin(
        run=run.name,
        config=config,
        lineage=lineage,
        environment=kept,
        temperature=run.calibration.temperature,
        members={member.path.name: member.calibration.temperature for member in run.members},
    )


def _own_store(run: Run) -> Store:
    try:
        return Store.open(run.lineage.store)
    except NotFound:
        raise NotFound(
            f"The store {run.lineage.store} that run {run.name} was trained on is gone.", "Name one with --dataset."
        ) from None


def _fitting(manifest: BundleManifest, store: Store) -> Store:
    held = store.manifest
    wanted = (manifest.leads, manifest.samples, manifest.fs)
    if (held.leads, held.samples, held.fs) != wanted or (manifest.tabular and held.tabular != manifest.tabular):
        raise DataError(
            f"{store.path} has other leads, samples, rate or tabular columns than the run was trained with.",
            "Name a store that fits with --dataset.",
        )
    if held.words != manifest.words:
        raise DataError(
            f"{store.path} has other sentences than the run was trained with.",
            f"Make them again with its words: ecg sentences {store.path.name} --vocabulary {VOCABULARY} --force",
        )
    return store


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in _PACKAGES}
    return {"ecgtool": __version__, "python": platform.python_version(), **packages}
