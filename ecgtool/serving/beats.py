"""BeatPredictor: a bundle and recordings in, a class for every heartbeat out; onnxruntime and numpy alone, no torch.

Beats are found in the leads that the model reads, over the whole recording first, for the intervals between them are
part of what the model is told; then the signal around each goes through the steps of the bundle and into the model. A
recording of over three quarters of an hour is walked in stretches of half an hour, twice, so that a day fits into
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import Bundle, BundleManifest
from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.record import Record
from ecgtool.serving.beat_answer import BeatAnswer
from ecgtool.serving.beat_leads import notes_of, rows_of, serving, there
from ecgtool.serving.beat_source import Found, Recording, find_beats, of_file, of_item, of_record
from ecgtool.serving.metadata import read_metadata
from ecgtool.serving.model import probabilities_of, refuse_scale
from ecgtool.serving.predictor import signal_notes, thresholds_of
from ecgtool.settings import BeatConfig, Preprocessing
from ecgtool.signals import rr
from ecgtool.signals.beats import columns, features, windows
from ecgtool.signals.leads import MASK
from ecgtool.signals.peaks import rough
from ecgtool.signals.preprocess import preprocess, settling_s
from ecgtool.store import Store

Floats = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

BATCH = 256


class Stretch(NamedTuple):
    """The beats of a part of a recording, as a model takes them.

    Attributes:
        signal: float32 [leads, samples] in millivolt, prepared; with enough around the beats on both sides.
        peaks: int64 [beats], in samples of that signal.
        features: float32 [beats, columns], named by :func:`ecgtool.signals.beats.columns`; NaN where unknown.
    """

    signal: Floats
    peaks: Samples
    features: Floats


Judge = Callable[[Stretch], Floats]
"""Probabilities [beats, labels] of the beats of a stretch; NaN where the model has nothing to say of one."""


class BeatPredictor:
    """A bundle of a task of heartbeats, ready to predict.

    Args:
        bundle: Opened, hence with every digest checked.
        threshold: What the positive one of two classes must reach, instead of its own threshold.
        threads: Threads of one operator; 0 lets onnxruntime choose.

    Raises:
        ConfigError: The threshold is not a probability, or the most probable class of several is called anyway.
        FormatError: The model is unsafe or does not fit its manifest.
    """

    def __init__(self, bundle: Bundle, *, threshold: float | None = None, threads: int = 0) -> None:
        self.bundle, self.manifest = bundle, bundle.manifest
        if threshold is not None and not self.manifest.task.thresholded:
            raise ConfigError(
                f"{bundle.path.name} calls each beat its most probable class: there is no threshold.",
                "Leave out --threshold.",
            )
        _refuse_features(self.manifest)
        self.thresholds = thresholds_of(self.manifest, threshold)
        self.leads = tuple(lead for lead in self.manifest.leads if lead != MASK)
        self.session = bundle.session(threads)
        self.judge = self._judge()

    @property
    def config(self) -> BeatConfig:
        """What the model is shown of each beat."""
        return self.manifest.beats or BeatConfig()

    @property
    def columns(self) -> tuple[str, ...]:
        """What the model is told by whoever asks: nothing, for all it is told beside the signal is of the beats."""
        return ()

    def predict_file(self, path: str | Path, given: Mapping[str, str | float] | None = None) -> BeatAnswer:
        """Read a recording and judge its beats.

        Args:
            path: The file, in any format, with any leads and rate.
            given: Metadata by column, over what the file says.

        Raises:
            EcgError: The file cannot be read, or is on another scale than the model's.
        """
        return self._answer(of_file(path), given)

    def predict(self, record: Record, given: Mapping[str, str | float] | None = None, *, file: str = "") -> BeatAnswer:
        """Judge the beats of a recording in memory; see :meth:`predict_file`."""
        return self._answer(of_record(record, file), given)

    def predict_item(
        self, store: Store, item: int, given: Mapping[str, str | float] | None = None, *, file: str = ""
    ) -> BeatAnswer:
        """Judge the beats of an item of a store that was prepared as the model's was, or not at all.

        Raises:
            DataError: It was prepared otherwise.
        """
        held = store.manifest.preprocessing
        if held not in (self.manifest.preprocessing, Preprocessing(fs=held.fs)):
            raise DataError(
                f"{store.path.name} holds filtered recordings, other than the model's, and it would filter them again.",
                "Take the recordings' own files, or a store that was prepared as the model's.",
            )
        return self._answer(of_item(store, item, file, prepared=held == self.manifest.preprocessing), given)

    def _judge(self) -> Judge:
        """What the model says of a stretch: beat by beat, or word by word."""
        if self.manifest.item == "sentence":
            from ecgtool.serving.beat_words import WordJudge

            return WordJudge(self.bundle, self.session)
        return self._of_windows

    def _answer(self, recording: Recording, given: Mapping[str, str | float] | None) -> BeatAnswer:
        read_metadata(self.columns, given or {}, {})
        refuse_scale(self.manifest, recording.first)
        served = serving(there(recording.first), self.leads)
        found = find_beats(recording, served)
        parts = [self.judge(part) for part in self._stretches(recording, served, found)]
        chances = np.concatenate([np.empty((0, len(self.manifest.task.labels)), np.float32), *parts])
        known = np.isfinite(chances).all(axis=1)
        return BeatAnswer(
            file=recording.file,
            record=recording.first.id,
            task=self.manifest.task,
            fs=recording.fs,
            seconds=recording.seconds,
            samples=found.beats[known],
            probabilities=chances[known],
            called=self._called(chances[known]),
            gaps=found.gaps,
            leads=served,
            notes=(*self._notes(recording, served, found), *_counted(known)),
        )

    def _stretches(self, recording: Recording, served: tuple[str, ...], found: Found) -> Iterator[Stretch]:
        """The beats of a recording, prepared as the model takes them."""
        steps, config, scale = self.manifest.preprocessing, self.config, self.manifest.fs / recording.fs
        margin = round((settling_s(steps) + config.before_s + config.after_s) * recording.fs)
        intervals = rr.features(found.beats, recording.fs, config.features)
        for begin, end in recording.stretches():
            first, last = np.searchsorted(found.beats, [begin, end]).tolist()
            if first == last:
                continue
            ahead = max(begin - margin, 0)
            record = recording.read(ahead, min(end + margin, recording.samples))
            signal = self._prepared(record, served, done=recording.prepared)
            near = slice(*np.searchsorted(found.beats, [ahead, min(end + margin, recording.samples)]).tolist())
            peaks = np.rint((found.beats[near] - ahead) * scale).astype(np.int64).clip(0, signal.shape[1] - 1)
            own = slice(first - near.start, last - near.start)
            made = features(signal, self.manifest.fs, peaks, config)[own]
            made[:, : len(config.features)] = intervals[first:last]  # of the whole recording, not of the stretch
            yield Stretch(signal, peaks[own], made)

    def _prepared(self, record: Record, served: tuple[str, ...], *, done: bool) -> Floats:
        """A stretch after the bundle's steps, which may be done already, its rows those of the model."""
        rows = rows_of(record, self.leads, served)
        if done:
            return rows.signal
        named = Record(rows.signal, record.fs, self.leads, record.id, record.patient, record.meta)
        return preprocess(named, self.manifest.leads, self.manifest.preprocessing).signal

    def _of_windows(self, part: Stretch) -> Floats:
        """What the model says of the windows around beats, [beats, labels]."""
        made = []
        for begin in range(0, len(part.peaks), BATCH):
            some = slice(begin, begin + BATCH)
            shown = windows(part.signal, self.manifest.fs, part.peaks[some], self.config)
            feeds = {"signal": shown} | ({"metadata": part.features[some]} if self.manifest.tabular else {})
            made.append(probabilities_of(self.session, feeds, (len(shown), len(self.manifest.task.labels))))
        return np.concatenate(made)

    def _called(self, chances: Floats) -> Samples:
        """The class of each beat: the most probable one; of two the positive one where it reaches its threshold."""
        task = self.manifest.task
        if not task.binary:
            return np.asarray(chances.argmax(axis=1), np.int64)
        asked = task.labels.index(task.asked[0])
        return np.where(chances[:, asked] >= self.thresholds[task.asked[0]], asked, 1 - asked).astype(np.int64)

    def _notes(self, recording: Recording, served: tuple[str, ...], found: Found) -> tuple[str, ...]:
        first = recording.first
        coarse = first.fs < self.manifest.fs / 2
        slow = (f"{first.fs:g} Hz is coarse: the model learned from {self.manifest.fs:g} Hz",) if coarse else ()
        scaled = () if first.calibrated else ("the recording is not calibrated: its scale was guessed from its size",)
        nothing = () if len(found.beats) else ("no heartbeat was found",)
        return (
            *nothing,
            *notes_of(self.leads, served),
            *slow,
            *rough(first.fs),
            *scaled,
            *signal_notes(first, found.flat, found.invalid, ()),
        )


def _refuse_features(manifest: BundleManifest) -> None:
    """Refuse a model that is told what this version does not compute of a heartbeat.

    Raises:
        FormatError: It is.
    """
    known = columns(manifest.beats or BeatConfig())
    if manifest.tabular and manifest.tabular != known:
        other = next(iter(sorted(set(manifest.tabular) ^ set(known))), "an order")
        raise FormatError(
            f"{manifest.name} needs other features of heartbeats than this version computes: {other} is not in both.",
            "Train and export it again.",
        )


def _counted(known: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """A note on beats that the model could not judge."""
    lost = int((~known).sum())
    return (f"{lost} of {len(known)} beats could not be judged and are left out",) if lost else ()
