"""Before how many beats methods tell a P wave in drawn recordings, by rhythm, beside how many were drawn.

    python benchmarks/drawn_p_waves.py [--methods unet1d,wavelet] [--records 60] [--seeds 0,5,7,13,42]

Recordings of 10 s at 500 Hz, as ``ecg prepare synthetic`` draws them; no method was trained on them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from ecgtool import console
from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import METHODS, delineate
from ecgtool.waves import Wave


def counts(method: str, records: int, seeds: list[int]) -> dict[str, list[int]]:
    """By rhythm: recordings, beats that were found, P waves that were drawn, beats with a P wave that was found."""
    made: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for seed in seeds:
        corpus = Synthetic(records, 10, seed, 500.0)
        for entry in corpus.entries:
            drawing = corpus.drawing(entry)
            record, truth = drawing.record, drawing.truth
            waves = delineate(record.signal, record.fs, record.leads, method)
            drawn = sum(wave.wave == "P" for wave in truth.waves("II"))
            told = len(np.unique(waves.of(kind=Wave.P)[:, 1]))
            one = (1, len(waves.beats), drawn, told)
            made[truth.rhythm] = [sum(pair) for pair in zip(made[truth.rhythm], one, strict=True)]
    return made


def main() -> None:
    """Count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--records", type=int, default=60)
    parser.add_argument("--seeds", default="0,5,7,13,42")
    args = parser.parse_args()
    console.log.setLevel("ERROR")
    for method in args.methods.split(","):
        for rhythm, row in sorted(counts(method, args.records, list(map(int, args.seeds.split(",")))).items()):
            recordings, beats, drawn, told = row
            print(f"{method:<8} {rhythm:<12} {recordings:>4} recordings {beats:>5} beats, P drawn {drawn}, told {told}")


if __name__ == "__main__":
    main()
