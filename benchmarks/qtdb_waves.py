"""How well methods find the waves of the QT Database, which none of them has seen: sensitivity and errors.

    python benchmarks/qtdb_waves.py DIR [--methods unet1d,wavelet]

The first expert's marks (.q1c) hold for both leads: of each boundary the better lead counts, as is usual there. Between
beats that were marked others may lie, so that nothing can be said of what is found too much.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ecgtool.datasets.qtdb import FS, QTDB
from ecgtool.delineation import METHODS
from ecgtool.delineation.walk import of_record, waves_of
from ecgtool.metrics.values import WINDOW_S
from ecgtool.metrics.waves import BOUNDARIES, edges

ROW = "  {:<11} n {:>4}  Se {:.4f}  error {:+5.1f} ± {:4.1f} ms"


def show(method: str, corpus: QTDB) -> None:
    """Print the figures of one method."""
    errors: dict[str, list[float]] = {name: [] for name in BOUNDARIES}
    marked = dict.fromkeys(BOUNDARIES, 0)
    for entry in corpus.entries:
        truth = edges(corpus.reference(entry), 0)
        found = waves_of(of_record(corpus.read(entry)), method)
        both = [edges(found, lead) for lead in range(len(found.leads))]
        for name, times in truth.items():
            marked[name] += len(times)
            there = np.concatenate([of_lead[name] for of_lead in both])
            away = there - times[:, None] if len(there) else np.full((len(times), 1), np.inf)
            best = away[np.arange(len(away)), np.abs(away).argmin(axis=1)]
            errors[name] += best[np.abs(best) <= WINDOW_S].tolist()
    shares = [len(errors[name]) / marked[name] for name in BOUNDARIES]
    print(f"\n{method}: mean sensitivity {np.mean(shares):.4f}")
    for name, share in zip(BOUNDARIES, shares, strict=True):
        away = 1000 * np.array(errors[name])
        print(ROW.format(name, marked[name], share, away.mean(), away.std()))


def main() -> None:
    """Score methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args()
    corpus = QTDB(args.folder, FS)
    print(f"{len(corpus.entries)} recordings")
    for method in args.methods.split(","):
        show(method, corpus)


if __name__ == "__main__":
    main()
