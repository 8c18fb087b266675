"""What slow sampling costs: R peaks and waves at the recordings' own rate, and brought down to lower ones.

    ECG_TEST_DATA=DIR python benchmarks/low_rates.py [--methods wavelet] [--split val]

R peaks: the recordings of DIR/mitdb by lead MLII, beats within 150 ms, and how far the peaks lie from those found at
the recording's own rate. Waves: the split of DIR/ludb, all leads, boundaries within 150 ms.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from r_peaks import FS, recordings

from ecgtool import console
from ecgtool.datasets.ludb import FS as LUDB_FS
from ecgtool.datasets.ludb import LUDB
from ecgtool.delineation import METHODS, delineate
from ecgtool.metrics.detection import match_beats
from ecgtool.metrics.waves import figures, tally
from ecgtool.signals.peaks import r_peaks
from ecgtool.signals.resample import resample
from ecgtool.waves import UNKNOWN, Waves

RATES = (360.0, 250.0, 180.0, 125.0, 100.0, 80.0, 60.0, 50.0, 40.0, 30.0, 25.0, 20.0)


def peaks(folder: Path) -> None:
    """R peaks of MIT-BIH at every rate."""
    known = recordings(folder)
    own = {name: r_peaks(each.signal[[each.lead]], FS) for name, each in known.items()}
    for rate in RATES:
        beats = found = hits = 0
        away = []
        for name, each in known.items():
            signal = resample(each.signal[[each.lead]], FS, rate)
            at = np.rint(r_peaks(signal, rate) * (FS / rate)).astype(np.int64)
            beats, found = beats + len(each.beats), found + len(at)
            hits += len(match_beats(np.sort(each.beats), at, FS).found)
            pairs = match_beats(own[name], at, FS)
            away.append(own[name][pairs.reference] - at[pairs.found])
        spread = 1000 * np.concatenate(away).std() / FS
        print(f"  {rate:5g} Hz  F1 {2 * hits / (beats + found):.4f}  missed {beats - hits:5d}  extra {found - hits:5d}"
              f"  SD {spread:4.1f} ms")  # fmt: skip


def at_rate(waves: Waves, rate: float) -> Waves:
    """The same waves in samples of another rate."""
    table, scale = waves.table.copy(), rate / waves.fs
    times = table[:, 3:]
    times[times != UNKNOWN] = np.rint(times[times != UNKNOWN] * scale).astype(np.int64)
    return Waves(rate, waves.leads, np.rint(waves.beats * scale).astype(np.int64), table)


def waves(folder: Path, method: str, split: str) -> None:
    """Boundaries of LUDB at every rate."""
    corpus = LUDB(folder, LUDB_FS)
    entries = [entry for entry in corpus.entries if entry.split == split]
    print(f"LUDB, {len(entries)} recordings of the split {split}, {method}")
    for rate in (LUDB_FS, *RATES[1:]):
        tallies = []
        for entry in entries:
            record = corpus.read(entry)
            made = delineate(resample(record.signal, record.fs, rate), rate, record.leads, method)
            tallies.append(tally(corpus.reference(entry), at_rate(made, record.fs)))
        total = figures(tallies).total
        told = "  ".join(f"{name} {each.f1 or 0:.3f} ±{each.sd_ms or 0:3.0f}" for name, each in total.items())
        print(f"  {rate:5g} Hz  {told}")


def main() -> None:
    """Measure at every rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--split", default="val")
    args = parser.parse_args()
    console.log.setLevel("ERROR")
    root = Path(os.environ["ECG_TEST_DATA"])
    print("MIT-BIH, lead MLII; SD: how far peaks lie from those found at 360 Hz")
    peaks(root / "mitdb")
    for method in args.methods.split(","):
        waves(root / "ludb", method, args.split)


if __name__ == "__main__":
    main()
