"""Small tables of numbers in the ways that people and programs write them."""

import json

import numpy as np

from ecgtool.formats.csv_write import write_csv
from ecgtool.record import Record

SAMPLES = 120


def values(samples=SAMPLES, leads=2):
    """float64 [samples, leads] in mV, to three decimals."""
    return np.sin(np.arange(samples * leads).reshape(samples, leads) / 9).round(3)


def table(header, rows, delimiter=",", decimal=".", end="\n"):
    """The text of a table; numbers to three decimals."""
    lines = [*header, *(delimiter.join(f"{value:.3f}" for value in row).replace(".", decimal) for row in rows)]
    return end.join(lines) + end


def timed(rows, fs=250.0):
    """The rows with a first column of seconds."""
    return np.column_stack([np.arange(len(rows)) / fs, rows])


def write_samples(folder):
    """A table of each kind: delimiters, decimal commas, comments, PhysioNet's header, sidecar, our own."""
    rows = values()
    texts = {
        "comma.csv": table(["time (s),II (mV),V1 (uV)"], timed(rows)),
        "bom.csv": "\ufeff" + table(["# fs=250", "II (mV),V1 (mV)"], rows, end="\r\n"),
        "tabs.tsv": table(["time_ms\tII [mV]\tV1 [mV]"], timed(rows, 0.25), "\t"),
        "semicolon.csv": table(["Time [s];II;V1"], timed(rows), ";", ","),
        "blanks.txt": table(["# Sampling Rate (Hz):= 500.00", "# Labels:= II, V1"], rows, " "),
        "physionet.csv": table(["'Elapsed time','MLII','V5'", "'seconds','mV','mV'"], timed(rows, 360.0)),
        "single.txt": table([], rows[:, :1]),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    (folder / "single.meta.json").write_text(json.dumps({"fs": 100, "leads": ["I"], "unit": "mV", "age": 50}))
    signal = rows.T.astype(np.float32)
    record = Record(signal, 300.0, ("I", "aVF"), meta={"age": 63.0, "sex": "F"})
    return [*(folder / name for name in texts), write_csv(record, folder / "ours.csv")]
