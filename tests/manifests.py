"""Manifests and the clinical XML they list: synthetic hearts in GE MUSE files full of what identifies a person."""

import csv
from pathlib import Path

import numpy as np
from formats.xml_files import EIGHT, muse, muse_lead, muse_wave

from ecgtool.datasets.synthetic import Synthetic

SECRETS = (
    *("Rosenfeld", "Wilhelmine", "19530207", "4711-0", "1953-02"),
    *("Zimtstern", "P-7", "01-02-1960", "04-29-2023", "Lungenheim"),
)
"""In the file names, ids, XML and cells of :func:`write_manifest`; no store may have any of them."""

DEVICES = ("MAC5000", "Cardiograph 7", "mac5000")


def write_muse(path, record, leads=EIGHT):
    """Write a record as a GE MUSE file, with a name, a birth date and a number in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = np.round(record.select(leads).signal * 1000 / 4.88).astype(np.int64)
    rows = [muse_lead(name, row) for name, row in zip(leads, counts, strict=True)]
    path.write_text(muse([muse_wave(rows, fs=round(record.fs))]), encoding="latin-1")
    return path


def rows_of(folder, records=24, *, seconds=4.0, fs=250.0, lacking=()):
    """Write recordings and return the rows of a manifest of them; the recordings of ``lacking`` have no V6."""
    corpus = Synthetic(records, seconds, fs=fs)
    rows = []
    for number, entry in enumerate(corpus.entries):
        person = int(entry.patient[1:])
        name = f"ecg/Rosenfeld_Wilhelmine_19530207_{number}.xml"
        write_muse(folder / name, corpus.read(entry), EIGHT[:-1] if number in lacking else EIGHT)
        rows.append(
            {
                "patient_id": f"4711-{person:03d} Rosenfeld",
                "path_xml": name,
                "label": "1" if entry.metadata["condition"] in ("normal", "atrial") else "0",
                "age": str(entry.metadata["age"]),
                "sex": "MF"[entry.metadata["sex"]],
                "device": DEVICES[number % 3],
                "lvef": f"{40 + number / 3:.3f}",
                "full name": f"Wilhelmine Rosenfeld {number}",
                "seen": f"1953-02-{1 + number % 27:02d}",
                "ward": f"Lungenheim {number}",
            }
        )
    return rows


def write_manifest(folder, rows=None, name="cohort.csv"):
    """Write a manifest of the rows, or of two dozen recordings."""
    rows = rows_of(folder) if rows is None else rows
    path = Path(folder) / name
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path
