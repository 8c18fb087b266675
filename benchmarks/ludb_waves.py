"""How well methods find the waves of LUDB: on its test split, which no training or choice has seen.

    python benchmarks/ludb_waves.py DIR [--methods unet1d,wavelet] [--split test] [--neurokit PYTHON]

All leads of a recording are given together, beats are found rather than given, and boundaries are held against the
experts' within 150 ms, in the span that they marked. ``--neurokit`` names a Python that has NeuroKit2: its ``dwt`` and
``prominence`` are scored on the same recordings beside ours, each lead on its own R peaks as its documentation has it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.ludb import FS, LUDB
from ecgtool.delineation import METHODS, delineate
from ecgtool.metrics.waves import figures, tally
from ecgtool.record import Record
from ecgtool.report.waves import rows_of
from ecgtool.waves import UNKNOWN, Wave, Waves

PEER = """
import json, sys, warnings
import neurokit2 as nk
import numpy as np
warnings.simplefilter("ignore")
folder, method = sys.argv[1:]
answer = {}
for name, signal in np.load(folder + "/signals.npz").items():
    answer[name] = []
    for lead in signal:
        found = {}
        try:
            clean = nk.ecg_clean(lead.astype(float), sampling_rate=500)
            peaks = nk.ecg_peaks(clean, sampling_rate=500)[1]["ECG_R_Peaks"]
            found = nk.ecg_delineate(clean, peaks, sampling_rate=500, method=method)[1]
        except Exception as error:
            print(name, repr(error)[:100], file=sys.stderr)
        keys = [f"ECG_{w}_{e}" for w in "PRT" for e in ("Onsets", "Offsets")]
        answer[name].append([[float(v) for v in found.get(key, []) if v == v] for key in keys])
json.dump(answer, open(folder + "/answer.json", "w"))
"""


def ours(method: str) -> Callable[[dict[str, Record]], dict[str, Waves]]:
    """One of the toolkit's methods, over recordings."""
    return lambda records: {
        name: delineate(record.signal, record.fs, record.leads, method) for name, record in records.items()
    }


def neurokit(python: str, method: str) -> Callable[[dict[str, Record]], dict[str, Waves]]:
    """A method of NeuroKit2, over recordings."""

    def find(records: dict[str, Record]) -> dict[str, Waves]:
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/signals.npz", **{name: record.signal for name, record in records.items()})
            subprocess.run([python, "-c", PEER, folder, method], check=True)
            answer = json.loads(Path(folder, "answer.json").read_text())
        return {name: as_waves(answer[name], record) for name, record in records.items()}

    return find


def as_waves(leads: Sequence[Sequence[Sequence[float]]], record: Record) -> Waves:
    """The boundaries that a peer found, each as a wave of its own with one known end."""
    rows = []
    for number, edges in enumerate(leads):
        for column, times in enumerate(edges):
            kind, end = list(Wave)[column // 2], column % 2
            for at in map(round, times):
                rows.append((number, UNKNOWN, kind, UNKNOWN if end else at, UNKNOWN, at if end else UNKNOWN))
    table = np.array(rows, np.int64).reshape(-1, 6)
    return Waves(record.fs, record.leads, np.empty(0, np.int64), table)


def show(name: str, find: Callable[[dict[str, Record]], dict[str, Waves]], corpus: LUDB, entries: list[Entry]) -> None:
    """Print the figures of one method."""
    records = {entry.id: corpus.read(entry) for entry in entries}
    start = time.perf_counter()
    found = find(records)
    seconds = (time.perf_counter() - start) / len(records)
    made = figures([tally(corpus.reference(entry), found[entry.id]) for entry in entries], 1000)
    print(f"\n{name}: mean F1 {made.mean_f1:.4f}, {1000 * seconds:.0f} ms a recording")
    for row in rows_of(made):
        print("  {:<11} n {:>5}  Se {}  +P {}  F1 {}  error {:>14} ms  F1 {}  sd {}".format(*row))


def main() -> None:
    """Score methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--split", default="test")
    parser.add_argument("--neurokit", default="")
    args = parser.parse_args()
    corpus = LUDB(args.folder, FS)
    entries = [entry for entry in corpus.entries if entry.split == args.split]
    print(f"{len(entries)} recordings of the split {args.split}: {', '.join(entry.id for entry in entries)}")
    for method in filter(None, args.methods.split(",")):
        show(method, ours(method), corpus, entries)
    for method in ("dwt", "prominence") if args.neurokit else ():
        show(f"NeuroKit2 {method}", neurokit(args.neurokit, method), corpus, entries)


if __name__ == "__main__":
    main()
