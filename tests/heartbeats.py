"""A miniature of the MIT-BIH Arrhythmia Database: records by their real names, with beats that the test knows."""

import numpy as np
import wfdb

from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record

FS, SECONDS = 360.0, 650_000 / 360
PERIOD = 3600
"""Samples between two of the few beats that a record has."""


def marks(seed=0, beats=180):
    """Samples and symbols of a record's annotations: a rhythm mark, then beats of which some are ectopic."""
    random = np.random.default_rng(seed)
    samples = 900 + PERIOD * np.arange(beats) + random.integers(-300, 300, beats)
    symbols = random.choice(list("NNNNNNLAVFQ"), beats)
    symbols[:5] = list("NAVF/")
    return np.r_[18, samples], np.r_[["+"], symbols]


def write_record(folder, name, *, leads=("MLII", "V1"), seed=0, annotated=True):
    """Write one record: a flat line with a spike at each beat, upwards in MLII, downwards in the other lead."""
    samples, symbols = marks(seed)
    signal = np.zeros((2, 650_000), np.float32)
    signal[leads.index("MLII") if "MLII" in leads else 0, samples[1:]] = 1.0
    signal[leads.index("MLII") - 1 if "MLII" in leads else 1, samples[1:]] = -0.5
    write_wfdb(Record(signal, FS, leads, name), folder, name)
    if annotated:
        wfdb.wrann(name, "atr", samples, symbols.tolist(), aux_note=["(N"] + [""] * (len(samples) - 1),
                   write_dir=str(folder))  # fmt: skip
    return folder / f"{name}.hea"


def write_few(folder, names=("100", "101", "108", "201", "202", "209")):
    """A folder of a few records, each with beats of its own."""
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(names):
        write_record(folder, name, seed=seed)
    return folder
