"""Synthetic stores whose waves are known because they were drawn: what sentences are made of."""

import json

import numpy as np

from ecgtool.datasets.prepare import prepare
from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation.stored import add_waves
from ecgtool.settings import Preprocessing
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.waves import Wave, Waves

KIND = {"P": Wave.P, "QRS": Wave.QRS, "T": Wave.T}
FS = 250.0
BEATS = Task(name="classes", kind="multiclass", labels=("N", "S", "V", "F"), of="beat", metric="macro_f1")


def drawn_waves(truth, fs, leads, samples):
    """The waves of a drawn recording, lead by lead."""
    rows = [
        (number, wave.beat, KIND[wave.wave], *(round(s * fs) for s in (wave.onset_s, wave.peak_s, wave.offset_s)))
        for number, lead in enumerate(leads)
        for wave in truth.waves(lead)
    ]
    table = np.array([row for row in rows if row[5] < samples], np.int64).reshape(-1, 6)
    peaks = np.sort(np.round(truth.beat_s * fs).astype(np.int64))
    return Waves(fs, leads, peaks, table)


def spoken(folder, records=14, seconds=10.0, name="store"):
    """A synthetic store with the set of waves ``drawn``."""
    corpus = Synthetic(records=records, seconds=seconds, seed=5, fs=FS)
    store = prepare(corpus, folder / name, steps=Preprocessing(fs=FS))
    truths = {entry.id: corpus.truth(entry) for entry in corpus.entries}
    ids = store.column("id")

    def find(items):
        return (drawn_waves(truths[ids[i]], FS, store.manifest.leads, store.manifest.samples) for i in items)

    return add_waves(store, "drawn", find, method="truth")


def beating(store):
    """The same store with an annotated beat for every beat of its waves, and a task of their classes."""
    rows = [(item, sample, 0) for item in range(store.manifest.items) for sample in store.waves(item).beats.tolist()]
    table = np.array(rows, np.int32)
    np.save(store.path / "beats.npy", table)
    np.save(store.path / "targets" / "classes.npy", (np.arange(len(table)) % 4).astype(np.int16))
    manifest = json.loads((store.path / "manifest.json").read_text())
    manifest["tasks"].append(BEATS.model_dump(mode="json"))
    manifest |= {"beats": len(table), "symbols": ["N"]}
    (store.path / "manifest.json").write_text(json.dumps(manifest))
    return Store.open(store.path)
