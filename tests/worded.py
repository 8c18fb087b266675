"""Tiny stores with heartbeats, waves and sentences, made without any detector."""

import json

import numpy as np
from support import make_store

from ecgtool.delineation.stored import add_waves
from ecgtool.sentences.fit import fit
from ecgtool.sentences.making import make
from ecgtool.sentences.stored import add
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.waves import Waves

BEATS = Task(name="beats", kind="multiclass", labels=("N", "V"), of="beat", metric="macro_f1")
RECORDS = Task(name="records", kind="multiclass", labels=("calm", "wild"))
CLUSTERS = {"P": 2, "QRS": 2, "T": 2, "BG": 3}
_WAVES = ((0, -14, -11, -8, 30), (1, -4, 0, 5, 150), (2, 12, 20, 28, 50))
"""Kind, onset, peak and offset in samples from the R peak, and amplitude in microvolt."""


def worded_store(path, *, items=20, leads=2, samples=1200, seed=0, clusters=None):
    """A store at 100 Hz whose beats lie 0.8 s apart; every third one is wide and without a P wave."""
    store = make_store(path, items, leads, samples, RECORDS, tabular=(), unlabelled=0, seed=seed)
    np.save(path / "targets" / "records.npy", (np.arange(items) % 2).astype(np.int16))
    peaks = np.arange(60, samples - 40, 80)
    kinds = np.random.default_rng(seed).random((items, len(peaks))) < 0.33
    signals = np.load(path / "signals.npy") // 20
    for item in range(items):
        for peak, wild in zip(peaks, kinds[item], strict=True):
            for row in _waves(peak, wild):
                signals[item, :, row[1] : row[3] + 1] += _bump(row, wild)
    np.save(path / "signals.npy", signals)
    _add_beats(path, peaks, kinds)
    store = add_waves(Store.open(path), "made", lambda chosen: (_of_item(store, peaks, kinds[i]) for i in chosen))
    return with_sentences(store, clusters=clusters)


def with_sentences(store, *, clusters=None, seed=0):
    """The store with sentences of a vocabulary of its own."""
    return add(store.path, make(store, fit(store, clusters=clusters or CLUSTERS, seed=seed)))


def _waves(peak, wild):
    chosen = _WAVES[1:] if wild else _WAVES
    stretch = 2 if wild else 1
    return [(kind, peak + stretch * on, peak + at, peak + off, size) for kind, on, at, off, size in chosen]


def _bump(row, wild):
    _, onset, _, offset, size = row
    shape = np.hanning(offset - onset + 1) * size * (-2 if wild else 1)
    return shape.astype(np.int16)


def _of_item(store, peaks, wild):
    rows = [
        (lead, beat, kind, onset, at, offset)
        for lead in range(len(store.manifest.leads))
        for beat, peak in enumerate(peaks)
        for kind, onset, at, offset, _ in _waves(peak, wild[beat])
    ]
    return Waves(store.manifest.fs, store.manifest.leads, peaks.astype(np.int64), np.array(rows, np.int64))


def _add_beats(path, peaks, kinds):
    items = len(kinds)
    table = np.stack([np.repeat(np.arange(items), len(peaks)), np.tile(peaks, items), kinds.ravel()], axis=1)
    np.save(path / "beats.npy", table.astype(np.int32))
    np.save(path / "targets" / "beats.npy", kinds.ravel().astype(np.int16))
    manifest = json.loads((path / "manifest.json").read_text())
    tasks = [*manifest["tasks"], BEATS.model_dump(mode="json")]
    manifest |= {"beats": len(table), "symbols": ["N", "V"], "tasks": tasks}
    (path / "manifest.json").write_text(json.dumps(manifest))
