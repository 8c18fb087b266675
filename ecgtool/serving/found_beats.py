"""A model of heartbeats as a device: the beats that it finds in the recordings of a store, and what it calls them.

A task of heartbeats asks of annotated beats, as all published work does. Here nothing of the annotations is given: the
model's bundle finds the beats, computes its features from them and judges them, as ``ecg predict`` does, and what it
says is held against the annotations, beat by beat.
"""

from __future__ import annotations

import numpy as np

from ecgtool.catalog.bundle import Bundle
from ecgtool.console import progress
from ecgtool.errors import DataError
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.metrics.beat_documents import Ec57
from ecgtool.metrics.detection import LEARNING_S
from ecgtool.metrics.ec57 import Classed, compared, ec57, joined
from ecgtool.serving.beats import BeatPredictor
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.waves import UNKNOWN


def compare_found(bundle: Bundle, store: Store, split: str = "test", bootstrap: int = 1000) -> Ec57:
    """The beats that a model finds and calls in the recordings of a split, against the annotated ones.

    The first five minutes of each recording are left out, as EC57 has it, unless no annotated beat comes later.

    Args:
        bundle: Of a task of heartbeats.
        store: Holds annotated beats.
        split: ``train``, ``val`` or ``test``.
        bootstrap: Resamples of the intervals; 0 for none.

    Raises:
        DataError: The store has no annotated beat in the split, or was prepared otherwise than the model's.
    """
    predictor, task = BeatPredictor(bundle), bundle.manifest.task
    chosen = [item for item, held in enumerate(store.column("split")) if held == split]
    truth = {item: beats for item in chosen if ((beats := _annotated(store, task, item)).classes != UNKNOWN).any()}
    if not truth:
        raise DataError(f"{store.path} has no annotated beat in split {split}.", "Choose another --split.")
    names, patients, fs = store.column("record"), store.column("patient"), store.manifest.fs
    onset_s = [float(onset) for onset in store.column("onset_s")]
    last_s = max(onset_s[item] + beats.samples[beats.classes != UNKNOWN][-1] / fs for item, beats in truth.items())
    skip_s = LEARNING_S if last_s >= LEARNING_S else 0.0
    made = []
    with progress("Finding beats", len(truth)) as advance:
        for item, beats in truth.items():
            said = predictor.predict_item(store, item)
            found, skip = Classed(said.samples, said.called), max(skip_s - onset_s[item], 0)
            made.append(compared(names[item], beats, found, fs, task.labels, patient=patients[item], skip_s=skip))
            advance(1)
    return ec57(task.labels, joined(made), skip_s, bootstrap)  # windows of a recording are parts of one record


def _annotated(store: Store, task: Task, item: int) -> Classed:
    """The beats of an item, without marks that are none, though a map of symbols may count them as a class."""
    beats = store.beats
    first, last = np.searchsorted(beats.item, [item, item + 1])
    real = np.isin(beats.symbols, sorted(BEATS))[beats.symbol[first:last]]
    classes = np.asarray(store.targets(task))[first:last]
    return Classed(beats.sample[first:last][real].astype(np.int64), classes[real].astype(np.int64))
