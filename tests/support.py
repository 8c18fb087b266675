"""A store written by hand, byte by byte as ``ecgtool.store`` documents it: small, learnable, made in milliseconds."""

import json

import numpy as np

from ecgtool.manifest import SCHEMA
from ecgtool.record import LEADS_12
from ecgtool.store import Store
from ecgtool.task import NOT_LABELLED, Task

MULTILABEL = Task(name="toy", kind="multilabel", labels=("SLOW", "FAST", "STEP"), metric="macro_auroc")
MULTICLASS = Task(name="beats", kind="multiclass", labels=("N", "S", "V"), metric="macro_f1")


def make_store(
    path,
    items=60,
    leads=2,
    samples=64,
    task=MULTILABEL,
    *,
    fs=100.0,
    tabular=("age", "sex"),
    unlabelled=2,
    seed=0,
    dataset="toy",
    highpass=None,
    lowpass=None,
):
    """Write a store and open it.

    Each label adds a wave of its own to the noise (label k: k + 2 periods in every lead), so a small network learns
    it in a few epochs. Two items per patient; patients 0-5, 6-7 and 8-9 of every ten are train, val and test. The
    last ``unlabelled`` items carry no label.
    """
    rng = np.random.default_rng(seed)
    path.mkdir(parents=True)
    marks = _marks(task, items, rng)
    signals = _signals(marks, leads, samples, rng)
    np.save(path / "signals.npy", signals)
    (path / "targets").mkdir()
    np.save(path / "targets" / f"{task.name}.npy", _targets(task, marks, unlabelled))
    split = [("train", "val", "test")[np.searchsorted((6, 8), item // 2 % 10, "right")] for item in range(items)]
    ages = rng.integers(20, 90, items).astype(np.float32)
    ages[::7] = np.nan
    sexes = rng.integers(0, 2, items).astype(np.float32)
    if tabular:
        np.save(path / "tabular.npy", np.stack([ages, sexes], axis=1))
    _write_items(path / "items.csv", split, ages, sexes)
    manifest = {
        "schema_version": SCHEMA,
        "kind": "records",
        "dataset": dataset,
        "tasks": [task.model_dump(mode="json")],
        "fs": fs,
        "leads": list(LEADS_12[:leads]),
        "samples": samples,
        "items": items,
        "patients": (items + 1) // 2,
        "preprocessing": {"fs": fs, "highpass": highpass, "lowpass": lowpass},
        "tabular": list(tabular),
        "splits": {name: split.count(name) for name in ("train", "val", "test")},
        "made_by": "tests",
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    return Store.open(path)


def _marks(task, items, rng):
    """bool [items, labels]: which labels hold."""
    if task.exclusive:
        return np.eye(len(task.labels), dtype=bool)[rng.integers(0, len(task.labels), items)]
    return rng.random((items, len(task.labels))) < 0.4


def _signals(marks, leads, samples, rng):
    """int16 [items, leads, samples] in microvolt: a wave per label, then noise."""
    phase = np.arange(samples) / samples
    waves = np.stack([np.sin(2 * np.pi * (label + 2) * phase) for label in range(marks.shape[1])])
    gain = 1 + 0.2 * np.arange(leads).reshape(1, -1, 1)
    signal = gain * (marks @ waves)[:, None] + rng.normal(0, 0.3, (len(marks), leads, samples))
    return np.round(400 * signal).astype(np.int16)


def _targets(task, marks, unlabelled):
    targets = marks.argmax(axis=1).astype(np.int16) if task.exclusive else marks.astype(np.uint8)
    if unlabelled:
        targets[-unlabelled:] = -1 if task.exclusive else NOT_LABELLED
    return targets


def _write_items(path, split, ages, sexes):
    rows = ["id,patient,record,onset_s,split,fold,age,sex"]
    for item, (name, age, sex) in enumerate(zip(split, ages, sexes, strict=True)):
        years = "" if np.isnan(age) else f"{age:g}"
        rows.append(f"{item:05d},p{item // 2:04d},r{item:05d},0,{name},{item // 2 % 10 + 1},{years},{sex:g}")
    path.write_text("\n".join(rows) + "\n")
