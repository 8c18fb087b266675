"""Miniature corpora on disk: recordings whose every microvolt is known, and a folder laid out as PTB-XL."""

import csv
import hashlib

import numpy as np

from ecgtool.datasets import prepare as loop
from ecgtool.datasets.corpus import Entry
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record
from ecgtool.settings import Preprocessing
from ecgtool.store import SPLITS
from ecgtool.task import NOT_LABELLED, Task

TOY = Task(name="toy", kind="multilabel", labels=("A", "B"))
BEATS = Task(name="beats", kind="multiclass", labels=("N", "S", "V"))


class Few:
    """A corpus of WFDB files ``r000``, ``r001`` ... in one folder; two recordings to a patient.

    With more entries than ``files``, they take turns at the files.
    """

    name = "few"
    fs = 100.0
    leads = ("I", "II")
    samples = 200
    tabular = ("age",)
    notes = ()

    def __init__(self, folder, records=12, *, tasks=(TOY,), files=0, options=None):
        self.folder = folder
        self.options = options or {}
        self.sources = {"list.csv": f"sha256:{hashlib.sha256(str(records).encode()).hexdigest()}"}
        self.tasks = tuple(tasks)
        self.entries = [self._entry(row, row % (files or records)) for row in range(records)]
        rows = np.arange(records)
        marks = np.stack([rows % 2, rows // 2 % 2], axis=1).astype(np.uint8)
        marks[rows % 7 == 0] = NOT_LABELLED
        self.targets = {"toy": marks, "beats": np.where(rows % 5 == 0, -1, rows % 3).astype(np.int16)}
        self.tabular_values = np.where(rows % 4 == 0, np.nan, 20 + rows)[:, None].astype(np.float32)

    def _entry(self, row, file):
        split = SPLITS[(0, 0, 0, 1, 2)[row // 2 % 5]]
        return Entry(f"e{row:04d}", f"p{row // 2}", f"r{file:03d}", split, row // 2 % 5 + 1, {"site": row % 3})

    def read(self, entry):
        return read_record(self.folder / f"{entry.record}.hea")


def write_few(folder, records=12, *, samples=200, leads=Few.leads, seed=0):
    """Write ``r000`` ... and return their counts in microvolt: int [records, leads, samples], with an offset each."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(-900, 900, (records, len(leads), samples)) + rng.integers(-300, 300, (records, len(leads), 1))
    for number, each in enumerate(counts):
        write_counts(folder, f"r{number:03d}", each, leads=leads)
    return counts


def write_counts(folder, name, microvolts, *, leads=Few.leads, fs=100.0, calibrated=True):
    """Write one WFDB record."""
    signal = (microvolts / 1000).astype(np.float32)
    return write_wfdb(Record(signal, fs, tuple(leads), name, "", {"calibrated": calibrated}), folder, name)


def prepare(corpus, out, **options):
    """Prepare with the corpus's rate unless steps are given."""
    steps = options.pop("steps", None) or Preprocessing(fs=corpus.fs)
    return loop.prepare(corpus, out, steps=steps, **options)


def contents(folder):
    """Every file of a folder: its path in it, and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


STATEMENTS = {  # code: diagnostic, form, rhythm, superclass, subclass
    "NORM": (1, 0, 0, "NORM", "NORM"),
    "IMI": (1, 0, 0, "MI", "IMI"),
    "ASMI": (1, 0, 0, "MI", "AMI"),
    "LVH": (1, 0, 0, "HYP", "LVH"),
    "CLBBB": (1, 0, 0, "CD", "CLBBB"),
    "NDT": (1, 1, 0, "STTC", "STTC"),
    "LVOLT": (0, 1, 0, "", ""),
    "SR": (0, 0, 1, "", ""),
    "AFIB": (0, 0, 1, "", ""),
}

PTBXL_CODES = (
    {"NORM": 100.0, "SR": 0.0},
    {"NORM": 80.0, "LVOLT": 0.0, "SR": 0.0},
    {"IMI": 15.0, "ASMI": 100.0, "SR": 0.0},
    {"LVH": 0.0, "NDT": 50.0, "AFIB": 0.0},
    {"CLBBB": 100.0, "LVH": 100.0},
    {"SR": 0.0},
    {},
    {"NDT": 100.0, "UNHEARD": 100.0},
)


def ptbxl_rows(records=20):
    """Rows of ``ptbxl_database.csv``, with all the free text that the table of the release has."""
    return [_ptbxl_row(row) for row in range(records)]


def _ptbxl_row(row):
    number = row + 1
    return {
        "ecg_id": str(number),
        "patient_id": f"{1000 + row // 2}.0",
        "age": "300.0" if row == 3 else "" if row == 4 else f"{30 + row}.0",
        "sex": str(row % 2),
        "height": "" if row % 2 else "171.0",
        "weight": "63.5",
        "nurse": "7.0",
        "site": "2.0",
        "device": "CS-12   E",
        "recording_date": "1984-11-09 09:17:34",
        "report": "herr mustermann, sinusrhythmus",
        "scp_codes": repr(PTBXL_CODES[row % len(PTBXL_CODES)]),
        "heart_axis": "LAD",
        "validated_by": "Dr. Beispiel",
        "strat_fold": str(row // 2 % 10 + 1),
        "filename_lr": f"records100/00000/{number:05d}_lr",
        "filename_hr": f"records500/00000/{number:05d}_hr",
    }


def write_ptbxl(folder, rows=None, *, rates=(100, 500), signals=True):
    """Write PTB-XL in miniature: both tables, and a recording of 10 s per row at each rate."""
    rows = ptbxl_rows() if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "ptbxl_database.csv", rows)
    lines = [["", "description", "diagnostic", "form", "rhythm", "diagnostic_class", "diagnostic_subclass"]]
    for code, (*kinds, superclass, subclass) in STATEMENTS.items():
        lines.append([code, f"what {code} is", *("1.0" if kind else "" for kind in kinds), superclass, subclass])
    with (folder / "scp_statements.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    for fs in rates if signals else ():
        for row in rows:
            path = folder / row["filename_lr" if fs == 100 else "filename_hr"]
            rng = np.random.default_rng(int(row["ecg_id"]))
            counts = rng.integers(-900, 900, (12, 10 * fs))
            write_counts(path.parent, path.name, counts, leads=LEADS_12, fs=float(fs))
    return folder


def write_table(path, rows):
    """Write rows, all with the same columns, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
