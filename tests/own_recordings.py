"""Folders as labs have them: recordings of several formats, and a list of labels, written by hand."""

import csv
import json

import numpy as np
import pytest

from ecgtool.datasets.folder import Choices, Folder
from ecgtool.deidentify.key import Key
from ecgtool.errors import EcgError
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record

FS = 100.0
LEADS = ("I", "II", "V1")


def millivolts(number, seconds=4.0, fs=FS, leads=LEADS):
    """float32 [leads, samples]: a wave per lead that tells recordings apart, whole microvolts."""
    times = np.arange(round(seconds * fs)) / fs
    waves = [np.sin(2 * np.pi * (1 + number % 5 + 0.5 * row) * times) for row in range(len(leads))]
    return np.round(np.stack(waves) * (200 + 10 * number)).astype(np.float32) / 1000


def write_wfdb_recording(folder, name, number, *, seconds=4.0, fs=FS, leads=LEADS, **meta):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wfdb(Record(millivolts(number, seconds, fs, leads), fs, leads, meta=meta), path.parent, path.name)
    return f"{name}.hea"


def write_npy_recording(folder, name, number, *, seconds=4.0, fs=FS, leads=LEADS, said=True):
    path = folder / f"{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, millivolts(number, seconds, fs, leads))
    if said:
        document = {"fs": fs, "leads": leads, "unit": "mV", "layout": "leads,samples"}
        (folder / f"{name}.meta.json").write_text(json.dumps(document))
    return f"{name}.npy"


def write_csv_recording(folder, name, number, *, seconds=4.0, fs=FS, leads=LEADS):
    path = folder / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = millivolts(number, seconds, fs, leads)
    rows = [["time", *leads]]
    for sample, values in enumerate(signal.T):
        rows.append([f"{sample / fs:.4f}", *(f"{value:.3f}" for value in values)])
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    (folder / f"{name}.meta.json").write_text(json.dumps({"unit": "mV"}))
    return f"{name}.csv"


WRITERS = (write_wfdb_recording, write_npy_recording, write_csv_recording)


def write_recordings(folder, number=12, **how):
    """Recordings ``r000`` ... of WFDB, NumPy and CSV in turn; their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    return [WRITERS[each % len(WRITERS)](folder, f"r{each:03d}", each, **how) for each in range(number)]


def write_json(folder, rows):
    (folder / "labels.json").write_text(json.dumps(rows))


def write_csv(folder, rows, name="labels.csv", delimiter=","):
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def write_lab(folder, number=12, labels=("AF", "normal"), **how):
    """Recordings and ``labels.json``: two recordings to a patient, labels in turn."""
    files = write_recordings(folder, number, **how)
    rows = [
        {"file": file, "label": labels[place // 2 % len(labels)], "patient_id": f"P{place // 2}"}
        for place, file in enumerate(files)
    ]
    write_json(folder, rows)
    return rows


KEY = Key(bytes(32))


def corpus(folder, key=KEY, **choices):
    """The folder as a corpus."""
    return Folder(folder, "lab", key, Choices(**choices))


def refusal(folder, **choices):
    """The error that says why there is no corpus: of one line."""
    with pytest.raises(EcgError) as caught:
        corpus(folder, **choices)
    assert "\n" not in caught.value.message
    return caught.value


def note(made, words):
    """What a corpus says in these words."""
    found = [each for each in made.notes if words in each]
    assert found, made.notes
    return found[0]
