"""Evaluation: what every way of running a model shares when it is held against a store.

A model is here what it says of items, so that torch and onnxruntime are measured alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.config import checked
from ecgtool.console import log
from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics import Metrics, Source, Timing
from ecgtool.metrics.beat_documents import BeatMetrics
from ecgtool.metrics.beats import BeatCalls, beat_metrics
from ecgtool.metrics.detection import detection
from ecgtool.metrics.logits import activated
from ecgtool.metrics.patients import How, at_level, is_number, known
from ecgtool.metrics.predictions import Predictions
from ecgtool.metrics.subgroups import MOST_GROUPS, Subgroups, age_band, subgroups
from ecgtool.settings import Preprocessing
from ecgtool.store import ITEM_COLUMNS, Store
from ecgtool.task import Task
from ecgtool.views.judged import detections, judged

Indices = npt.NDArray[np.int64]
Predict = Callable[[Indices], npt.NDArray[np.float32]]
"""What a model says of items of a store, [items, labels]."""

MOST = 100_000
"""Decisions within items that figures are made of; samples next to each other say the same."""

_REPEATS, _SECONDS = 20, 2.0
_GRADES, _OFTEN = 5, 10  # numbers that are groups: so few, each so often


@dataclass(frozen=True)
class Options:
    """How to evaluate.

    Args:
        device: ``auto``, ``cuda`` or ``cpu``.
        batch: Items at a time.
        bootstrap: Resamples of the intervals; 0 for none.
        rule: What picks the thresholds on the validation split; None keeps the run's, or ``f1``.
        aggregate: How the recordings of a patient become one prediction; None: recordings count.
        whole: Everything a report tells: subgroups, the members of an ensemble, patients beside recordings.
    """

    device: str = "cpu"
    batch: int = 64
    bootstrap: int = 1000
    rule: str | None = None
    aggregate: How | None = None
    whole: bool = False


class Said(NamedTuple):
    """What a model says of items, or of positions in them: of each decision that the task asks for."""

    logits: npt.NDArray[np.float32]
    """float32 [decisions, labels]."""
    items: Indices
    """The item of each decision, ascending; int64 [decisions]."""
    targets: npt.NDArray[Any]
    """As the task says of items, a row per decision."""
    positions: Indices | None = None
    """Where in its item each is, int64 [decisions]; None where an item is one decision."""


@dataclass(frozen=True)
class Recordings:
    """What a model says of each recording, and where the recordings lie.

    Args:
        store: Holds them, as the model reads it.
        items: The item of each prediction.
        predictions: What it says.
        positions: Where in its item each is; None where an item is one prediction.
    """

    store: Store
    items: Indices
    predictions: Predictions
    positions: Indices | None = None


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Args:
        metrics: The figures.
        predictions: What they come from: recordings, or patients.
        recordings: The recordings themselves; None where they are not at hand.
        subgroups: The figures of groups of the same predictions.
        patients: The same by patient, beside that by recording.
        members: The figures of each member of an ensemble, without intervals.
    """

    metrics: Metrics
    predictions: Predictions
    recordings: Recordings | None = None
    subgroups: Subgroups | None = None
    patients: Evaluation | None = None
    members: Mapping[str, Metrics] = field(default_factory=dict)

    @property
    def temperature(self) -> float:
        """What the logits were divided by."""
        return self.metrics.source.temperature if self.metrics.source else 1.0

    @property
    def comparable(self) -> bool:
        """Whether dividing these very logits is all that the temperature did: recordings, or means of theirs."""
        return self.metrics.source is None or self.metrics.source.aggregate in ("", "mean")

    @property
    def document(self) -> dict[str, Any]:
        """Everything that was found, as JSON holds it."""
        return {
            **self.metrics.model_dump(mode="json"),
            "subgroups": self.subgroups and self.subgroups.model_dump(mode="json"),
            "by_patient": self.patients and self.patients.metrics.model_dump(mode="json"),
            "by_member": {name: metrics.model_dump(mode="json") for name, metrics in self.members.items()},
            "notes": list(self.predictions.notes),
        }


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


def recordings_of(store: Store, task: Task, split: str, said: Said) -> Recordings:
    """Predictions beside targets and what the store knows of each item.

    Args:
        store: Where the items lie.
        task: What was predicted.
        split: What the items are.
        said: Of the items of the split. Where they are more than :data:`MOST` decisions, every so-manieth counts.

    Raises:
        DataError: There is no item.
    """
    said, note = _thinned(said)
    items = said.items
    if not len(items):
        raise DataError(
            f"{store.path} has no item labelled for task '{task.name}' in split {split}.", "Choose another --split."
        )
    rows = store.items.iloc[items]
    further = {name: rows[name].tolist() for name in rows.columns if name not in ITEM_COLUMNS}
    names = rows["id"] if said.positions is None else store.places(items, said.positions)
    predictions = Predictions(
        task=task,
        ids=tuple(names),
        patients=tuple(rows["patient"]),
        split=split,
        targets=said.targets,
        probabilities=activated(task, said.logits),
        logits=said.logits,
        metadata={name: tuple(map(_sex, column) if name == "sex" else column) for name, column in further.items()},
        notes=(note,) if note else (),
    )
    return Recordings(store, items, predictions, said.positions)


def _thinned(said: Said) -> tuple[Said, str]:
    """At most :data:`MOST` decisions, evenly spread, and a note where some are left out."""
    step = -(-len(said.items) // MOST)
    if step <= 1 or said.positions is None:
        return said, ""
    kept = slice(None, None, step)
    thin = Said(said.logits[kept], said.items[kept], said.targets[kept], said.positions[kept])
    return thin, f"one in {step} of {len(said.items):,} decisions is counted"


def _sex(value: object) -> object:
    """A store's number for a sex in words."""
    return "male" if value == 0 else "female" if value == 1 else value


def concluded(recordings: Recordings, thresholds: Mapping[str, float], source: Source, options: Options) -> Evaluation:
    """The figures of recordings, or of patients where they are to be brought together."""
    predictions = leveled(recordings.predictions, options)
    metrics = predictions.metrics(thresholds, options.bootstrap)
    said = source.model_copy(update={"aggregate": options.aggregate or ""})
    beats = beat_figures(recordings, thresholds, options) if predictions.task.of == "beat" else None
    metrics = metrics.model_copy(update={"source": said, "beats": beats})
    for note in predictions.notes if options.whole else ():
        log.warning("%s", note)
    columns = grouping_columns(recordings.predictions)
    groups = subgroups(predictions, thresholds, columns, options.bootstrap) if options.whole else None
    return Evaluation(metrics, predictions, recordings, groups)


def beat_figures(recordings: Recordings, thresholds: Mapping[str, float], options: Options) -> BeatMetrics:
    """The figures of heartbeats by record and class; with everything a report tells, how well beats are found too."""
    predictions = recordings.predictions
    seen = judged(recordings.store, recordings.items, recordings.positions)
    outcomes = predictions.outcomes(thresholds)
    calls = BeatCalls(
        labels=predictions.task.labels,
        true=np.asarray(predictions.targets, np.int64),
        called=outcomes.choice,
        records=seen.records,
        patients=predictions.patients,
        times_s=seen.times_s,
    )
    figures = beat_metrics(calls, options.bootstrap)
    if not options.whole:
        return figures
    found = detection(detections(seen.base, seen.within), bootstrap=options.bootstrap)
    return figures.model_copy(update={"detection": found})


def grouping_columns(recordings: Predictions) -> tuple[str, ...]:
    """The columns whose values are groups of people: ages, words, and numbers that are few and often the same."""
    told = {"symbol"} if recordings.task.of == "beat" else set()  # of the beat, not of the person
    return tuple(name for name, column in recordings.metadata.items() if name not in told and _groups(name, column))


def _groups(name: str, column: tuple[Any, ...]) -> bool:
    """Whether a column makes from two to a few groups."""
    values = {age_band(value) if name == "age" else value for value in column if known(value)}
    few = not any(map(is_number, values)) or (len(values) <= _GRADES and len(column) >= _OFTEN * len(values))
    return few and 2 <= len(values) <= MOST_GROUPS


def leveled(predictions: Predictions, options: Options) -> Predictions:
    """The recordings as they are, or brought together by patient.

    Raises:
        ConfigError: Heartbeats are to be brought together.
    """
    if options.aggregate and predictions.task.of == "beat":
        raise ConfigError(
            "The heartbeats of a patient have no class in common.",
            "Leave out --by-patient: a report tells each record.",
        )
    return at_level(predictions, "patient" if options.aggregate else "item", options.aggregate or "mean")


def several_each(found: Evaluation) -> bool:
    """Whether some patient has more than one of the recordings, so that figures by patient say something new."""
    whole = found.metrics.task.of == "item" and (found.recordings is None or found.recordings.positions is None)
    return whole and found.metrics.level == "item" and found.metrics.patients < found.metrics.items


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
