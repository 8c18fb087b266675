"""Predictor: a bundle and recordings in, probabilities out; onnxruntime and numpy alone, no torch.

A recording goes through the steps its bundle names (see :mod:`ecgtool.signals.preprocess`), is cut into windows of the
model's length, one after the other, the last one ending with the recording, and its logits are the mean of its
windows', as a patient's are that of the recordings. Where the bundle says ``fit="centre"``, the model saw one piece of
every recording, and so it does here: the middle of a longer one, a shorter one between zeros. A recording of over a
quarter of an hour goes through the steps in stretches of that length (see :mod:`ecgtool.serving.spans`), so that a day
fits into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import Bundle, BundleManifest
from ecgtool.errors import ConfigError, DataError
from ecgtool.formats import read_record
from ecgtool.record import Record
from ecgtool.serving.metadata import read_metadata
from ecgtool.serving.model import probabilities_of, refuse_scale
from ecgtool.serving.spans import STRETCH_S, Span, flat_leads, middle, spans
from ecgtool.settings import Preprocessing
from ecgtool.signals.checks import check
from ecgtool.signals.leads import MASK
from ecgtool.signals.preprocess import Prepared, preprocess
from ecgtool.signals.windows import onsets
from ecgtool.store import Store
from ecgtool.task import Task

Floats = npt.NDArray[np.float32]

BATCH = 32
KINDS = ("multilabel", "multiclass", "hierarchical")
DEFAULT_THRESHOLD = 0.5
_EDGE = 2.0**-24  # nearer to 0 or 1 float32 cannot tell probabilities apart


@dataclass(frozen=True)
class Prediction:
    """What a model says of one recording.

    Args:
        file: As it was given.
        record: The recording's own name.
        task: Labels and how they combine.
        thresholds: What each label must reach; where one of two holds, the positive one alone has one, and where one of
            three or more does, none need have.
        fs: Rate of the recording in Hz.
        seconds: Its duration.
        onsets_s: float64 [windows], where each window begins.
        window_s: Duration of a window.
        windows: float32 [windows, labels], probabilities of each.
        metadata: What the model was told beside the signal; NaN where unknown.
        notes: What a reader of the result should know.
    """

    file: str
    record: str
    task: Task
    thresholds: Mapping[str, float]
    fs: float
    seconds: float
    onsets_s: npt.NDArray[np.float64]
    window_s: float
    windows: Floats
    metadata: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @cached_property
    def probabilities(self) -> Floats:
        """float32 [labels]: those of the mean of the windows' logits."""
        return self.windows[0] if len(self.windows) == 1 else _together(self.task, self.windows)

    def label(self, probabilities: Floats) -> str:
        """The label called: the most probable one; of two the positive one where it reaches its threshold."""
        if self.task.binary:
            return next(iter(self.passing(probabilities)), self.negative)
        return self.task.labels[int(np.argmax(probabilities))]

    def passing(self, probabilities: Floats) -> tuple[str, ...]:
        """The labels that reach their threshold; where exactly one of several holds, the most probable if it does."""
        chances = self.chances(probabilities)
        several = self.task.exclusive and not self.task.binary
        candidates = (self.label(probabilities),) if several else self.task.asked
        return tuple(label for label in candidates if chances[label] >= self.thresholds.get(label, 0.0))

    def chances(self, probabilities: Floats) -> dict[str, float]:
        """Label -> probability."""
        return dict(zip(self.task.labels, probabilities.tolist(), strict=True))

    @property
    def negative(self) -> str:
        """The label of a binary task that holds where the positive one does not."""
        return next(label for label in self.task.labels if label not in self.task.asked)


class Told(NamedTuple):
    """What a model is told beside the signal: by column, notes on what is unknown, and as float32 [columns]."""

    values: Mapping[str, float]
    notes: tuple[str, ...]
    columns: Floats


class Stretch(NamedTuple):
    """What came of a part of a recording: where its windows begin (in samples of the model's rate), and the rest."""

    onsets: npt.NDArray[np.int64]
    probabilities: Floats
    flat: tuple[str, ...]
    invalid: int = 0
    imputed: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = MappingProxyType({})

    def of(self, prepared: Prepared, begins: npt.NDArray[np.int64]) -> Self:
        """The same with what became of the signal, and with other beginnings of the windows."""
        return self._replace(
            onsets=begins, invalid=prepared.invalid, imputed=prepared.imputed, stand_ins=prepared.stand_ins
        )


class Predictor:
    """A bundle ready to predict.

    Args:
        bundle: Opened, hence with every digest checked.
        threshold: What every label must reach instead of its own threshold.
        threads: Threads of one operator; 0 lets onnxruntime choose.

    Raises:
        ConfigError: The threshold is not a probability, or the task is of a kind this cannot predict.
        FormatError: The model is unsafe or does not fit its manifest.
    """

    def __init__(self, bundle: Bundle, *, threshold: float | None = None, threads: int = 0) -> None:
        manifest = bundle.manifest
        if manifest.task.kind not in KINDS:
            raise ConfigError(f"{bundle.path} answers a {manifest.task.kind} task, which predict cannot do.")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigError(f"A threshold of {threshold:g} is not a probability.", "Give one from 0 to 1.")
        self.manifest = manifest
        self.leads = tuple(lead for lead in manifest.leads if lead != MASK)
        self.thresholds = thresholds_of(manifest, threshold)
        self.session = bundle.session(threads)

    @property
    def columns(self) -> tuple[str, ...]:
        """What the model is told beside the signal."""
        return self.manifest.tabular

    def predict_file(self, path: str | Path, given: Mapping[str, str | float] | None = None) -> Prediction:
        """Read a recording and predict.

        Args:
            path: The file, in any format, with any lead order, rate and unit.
            given: Metadata by column (``age``, ``sex`` ...), over what the file says.

        Raises:
            EcgError: The file cannot be read, or does not fit the model; the message says why.
        """
        first = read_record(path, 0.0, STRETCH_S)
        duration = first.whole_s
        if duration - first.seconds < 1 / first.fs:
            return self.predict(first, given, file=str(path))
        told = self._told(first, given)
        centred = self.manifest.preprocessing.fit == "centre"
        parts = [middle(self.manifest, duration)] if centred else spans(self.manifest, duration)
        stretches = [self._stretch(read_record(path, span.read_from_s, span.read_s), span, told) for span in parts]
        return self._prediction(str(path), first, duration, told, stretches)

    def predict(self, record: Record, given: Mapping[str, str | float] | None = None, *, file: str = "") -> Prediction:
        """Predict from a recording in memory; see :meth:`predict_file`."""
        told = self._told(record, given)
        stretch = self._stretch(record, None, told)
        return self._prediction(file or record.id, record, record.seconds, told, [stretch])

    def predict_item(
        self, store: Store, item: int, given: Mapping[str, str | float] | None = None, *, file: str = ""
    ) -> Prediction:
        """Predict from an item of a store that was prepared as the model's was, or not at all.

        Raises:
            DataError: It was prepared otherwise, or lacks a lead that the model takes.
        """
        held, record = store.manifest, store.record(item)
        if held.preprocessing == Preprocessing(fs=held.fs):
            return self.predict(record, given, file=file)
        if held.preprocessing != self.manifest.preprocessing:
            raise DataError(
                f"{store.path.name} holds filtered recordings, other than the model's, and it would filter them again.",
                "Name the recording's own file.",
            )
        missing = [lead for lead in self.manifest.leads if lead not in held.leads]
        if missing:
            raise DataError(f"{store.path.name} has no lead {', '.join(missing)}, which the model takes.")
        told = self._told(record, given)
        signal = store.millivolts(item)[[held.leads.index(lead) for lead in self.manifest.leads]]
        stretch = self._judged(self._long_enough(signal, record), told, flat_leads(record))
        return self._prediction(file or record.id, record, record.seconds, told, [stretch])

    def _told(self, record: Record, given: Mapping[str, str | float] | None) -> Told:
        """What the model is told beside the signal, once the recording's scale is known to fit."""
        values, notes = read_metadata(self.manifest.tabular, given or {}, record.meta)
        refuse_scale(self.manifest, record)
        return Told(values, notes, np.array([values[name] for name in self.manifest.tabular], np.float32))

    def _stretch(self, record: Record, span: Span | None, told: Told) -> Stretch:
        """The windows of a recording, or of the part of it that the span means."""
        manifest, stand_in = self.manifest, self.manifest.preprocessing.stand_in
        if manifest.preprocessing.missing == "refuse":
            record = record.select(manifest.leads, stand_in=stand_in)  # once, for all that follows
        prepared = preprocess(record, manifest.leads, manifest.preprocessing, manifest.samples)
        signal = self._long_enough(prepared.signal, record)
        recorded = [lead for lead in self.leads if lead not in prepared.imputed]
        held = record.select(recorded, stand_in=stand_in)
        if span is None:
            made = self._judged(signal, told, flat_leads(held))
            first = round(prepared.begin_s * manifest.fs)
            return made.of(prepared, made.onsets + first)
        ahead = round(float(record.meta["start_s"]) * manifest.fs)
        at = (span.onsets - ahead).clip(0, signal.shape[1] - manifest.samples)
        made = self._judged(signal, told, flat_leads(held), at)
        return made.of(prepared, span.onsets)

    def _judged(
        self, signal: Floats, told: Told, flat: tuple[str, ...], at: npt.NDArray[np.int64] | None = None
    ) -> Stretch:
        """What the model says of a prepared signal: of the windows ``at``, or one after the other."""
        samples = self.manifest.samples
        begins = onsets(signal.shape[1], samples, samples, cover=True) if at is None else at
        every = np.lib.stride_tricks.sliding_window_view(signal, samples, axis=-1)
        windows = np.ascontiguousarray(every[:, begins].swapaxes(0, 1))
        return Stretch(begins, self.probabilities(windows, told.columns), flat)

    def _prediction(
        self, file: str, record: Record, seconds: float, told: Told, stretches: Sequence[Stretch]
    ) -> Prediction:
        imputed = [lead for lead in self.leads if all(lead in stretch.imputed for stretch in stretches)]
        silent = [lead for lead in self.leads if all(lead in (*part.flat, *part.imputed) for part in stretches)]
        if len(silent) == len(self.leads):
            raise DataError(f"Record '{record.id}' is flat in every lead: there is no signal.", "Check the recording.")
        flat = [lead for lead in silent if lead not in imputed]
        invalid = sum(stretch.invalid for stretch in stretches)
        stand_ins = {name: other for stretch in stretches for name, other in stretch.stand_ins.items()}
        return Prediction(
            file=file,
            record=record.id,
            task=self.manifest.task,
            thresholds=self.thresholds,
            fs=record.fs,
            seconds=seconds,
            onsets_s=np.concatenate([stretch.onsets for stretch in stretches]) / self.manifest.fs,
            window_s=self.manifest.seconds,
            windows=np.concatenate([stretch.probabilities for stretch in stretches]),
            metadata=told.values,
            notes=(
                *told.notes,
                *_stand_in_notes(stand_ins),
                *signal_notes(record, flat, invalid, imputed),
                *self._length_notes(seconds),
            ),
        )

    def probabilities(self, windows: Floats, metadata: Floats) -> Floats:
        """float32 [windows, labels] of ``windows`` [windows, leads, samples] in mV and ``metadata`` [columns].

        Raises:
            DataError: The model cannot compute them, or gives something that is no probability.
        """
        made = [self.batch(windows[begin : begin + BATCH], metadata) for begin in range(0, len(windows), BATCH)]
        return np.concatenate(made)

    def batch(self, windows: Floats, metadata: Floats) -> Floats:
        """The same for one batch; ``metadata`` may also be [windows, columns], a row for each window.

        Raises:
            DataError: As :meth:`probabilities`.
        """
        feeds: dict[str, Any] = {"signal": windows}
        if self.manifest.tabular:
            shape = (len(windows), len(self.manifest.tabular))
            feeds["metadata"] = np.ascontiguousarray(np.broadcast_to(metadata, shape))
        return probabilities_of(self.session, feeds, (len(windows), len(self.manifest.task.labels)))

    def _length_notes(self, seconds: float) -> tuple[str, ...]:
        """What was done to a recording of another length, where its middle is all that is judged."""
        wanted = self.manifest.seconds
        if self.manifest.preprocessing.fit != "centre" or abs(seconds - wanted) < 1.5 / self.manifest.fs:
            return ()
        if seconds > wanted:
            return (f"only the middle {wanted:.4g} s of {seconds:.4g} s were judged",)
        return (f"{seconds:.4g} s were put between zeros to make {wanted:.4g} s",)

    def _long_enough(self, signal: Floats, record: Record) -> Floats:
        """The signal, if it fills a window; a sample lost to rounding at the end is repeated.

        Raises:
            DataError: It is too short.
        """
        missing = self.manifest.samples - signal.shape[1]
        if missing > 1:
            raise DataError(
                f"Record '{record.id}' lasts {record.seconds:.4g} s; the model needs {self.manifest.seconds:.4g} s.",
                "Give a longer recording, or a model trained on shorter ones.",
            )
        return np.pad(signal, ((0, 0), (0, missing)), mode="edge") if missing == 1 else signal


def _together(task: Task, windows: Floats) -> Floats:
    """Probabilities float32 [labels] of the mean of the logits of windows [windows, labels].

    That is their geometric mean, against that of the other labels or of not having the label; the same digits as
    :mod:`ecgtool.metrics.logits` gives, without scipy.
    """
    chances = np.clip(windows.astype(np.float64), _EDGE, 1 - _EDGE)
    holds = np.exp(np.log(chances).mean(axis=0))
    against = holds.sum() if task.exclusive else holds + np.exp(np.log1p(-chances).mean(axis=0))
    return np.asarray(holds / against, dtype=np.float32)


def thresholds_of(manifest: BundleManifest, threshold: float | None) -> dict[str, float]:
    """What each label must reach: as given, as chosen on validation, or a half; none where the most probable is called.

    Of a binary task the positive label alone has a threshold.
    """
    labels = manifest.task.asked
    if threshold is not None:
        return dict.fromkeys(labels, threshold)
    if not manifest.task.thresholded:
        return {}
    return {label: manifest.thresholds.get(label, DEFAULT_THRESHOLD) for label in labels}


def _stand_in_notes(stand_ins: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{other} was taken for lead {name}" for name, other in stand_ins.items())


def signal_notes(record: Record, flat: Sequence[str], invalid: int, imputed: Sequence[str]) -> tuple[str, ...]:
    """What a reader should know of the signal: leads that hold none, samples that were filled, what looks wrong."""
    notes = {
        f"lead {', '.join(imputed)} was not recorded": bool(imputed),
        f"lead {', '.join(flat)} is flat": bool(flat),
        f"{invalid} invalid samples were bridged": invalid > 0,
        "the file holds less than it promises": bool(record.meta.get("truncated")),
    }
    said = tuple(note for note, holds in notes.items() if holds)
    return (*record.meta.get("warnings", ()), *check(record), *said)
