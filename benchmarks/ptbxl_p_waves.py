"""Before how many beats methods tell a P wave, by the rhythm that PTB-XL states: none where the atria fibrillate.

    python benchmarks/ptbxl_p_waves.py DIR [--methods unet1d,wavelet]

Recordings of 100 Hz. In those of the four sinus rhythms that are also stated to fibrillate, flutter or be paced nothing
is counted. Beside each method is what it tells before P waves in fibrillation are dropped (``alone``).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecgtool import console
from ecgtool.datasets.ptbxl import PTBXL
from ecgtool.delineation import METHODS, Method, delineate
from ecgtool.delineation.consistency import consistent
from ecgtool.record import Record
from ecgtool.signals.peaks import r_peaks
from ecgtool.waves import Wave, Waves

RHYTHMS = ("AFIB", "AFLT", "STACH", "SARRH", "SBRAD", "SR")
SINUS, OTHER = RHYTHMS[2:], ("AFIB", "AFLT", "PACE")


def alone(record: Record, method: str) -> Waves:
    """The waves as a method and the leads together tell them."""
    beats = r_peaks(record.signal, record.fs)
    if not len(beats):
        return Waves.none(record.fs, record.leads)
    find: Method = METHODS.load(method)
    return consistent(find(record.signal, record.fs, record.leads, beats))


def number(waves: Waves, kind: Wave) -> int:
    """How many beats have a wave."""
    return len(np.unique(waves.of(kind=kind)[:, 1]))


def row(name: str, ids: Sequence[str], found: Sequence[Waves]) -> str:
    """One rhythm's line: its beats, the share with a P wave, and the recordings with any, few of them by name."""
    beats = [number(waves, Wave.QRS) for waves in found]
    with_p = [number(waves, Wave.P) for waves in found]
    some = [f"{each} {few}/{all_}" for each, few, all_ in zip(ids, with_p, beats, strict=True) if few]
    shown = ", ".join(some) if len(some) <= 8 else "..."
    share = sum(with_p) / max(sum(beats), 1)
    return (
        f"  {name:<6} {len(ids):>4} recordings {sum(beats):>6} beats, with P {share:.4f}; any P in {len(some)}: {shown}"
    )


def main() -> None:
    """Count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args()
    console.log.setLevel("ERROR")
    corpus = PTBXL(args.folder, ("rhythm",))
    stated = dict(zip(corpus.tasks[0].labels, (corpus.targets["rhythm"] == 1).T, strict=True))
    other = np.any([stated[name] for name in OTHER], axis=0)
    for method in args.methods.split(","):
        for rhythm in RHYTHMS:
            chosen = stated[rhythm] & ~other if rhythm in SINUS else stated[rhythm]
            entries = [corpus.entries[item] for item in np.flatnonzero(chosen).tolist()]
            records = [corpus.read(entry) for entry in entries]
            ids = [entry.id for entry in entries]
            told = [delineate(record.signal, record.fs, record.leads, method) for record in records]
            print(f"{method:<15}{row(rhythm, ids, told)}")
            print(
                f"{method + ' alone':<15}{row(rhythm, ids, [alone(record, method) for record in records])}", flush=True
            )


if __name__ == "__main__":
    main()
