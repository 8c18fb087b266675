"""Heartbeats of MIT-BIH between patients: F1 of S and V and accuracy of a recipe, beside calling every beat N.

    ECG_TEST_DATA=... python benchmarks/mitdb_accuracy.py [--recipe mitdb-beat-cnn] [--seeds 42,123,456]

Trained and validated on DS1, reported on what is there of DS2, every beat annotation, whole records. Intervals are
95 %, by bootstrap over records: a class that one record holds is a figure on one person. A figure on a part of DS2 is
none on DS2.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from accuracy import RESAMPLES, parser, prepared, recordings

from ecgtool.config import compose
from ecgtool.evaluation import Options
from ecgtool.metrics.beat_counts import CLASS_QUANTITIES, BeatCounts, accuracy, of_classes
from ecgtool.metrics.bootstrap import interval, resamples
from ecgtool.run import Run
from ecgtool.settings import TrainConfig
from ecgtool.training.evaluate import measure
from ecgtool.training.fit import fit

Floats = npt.NDArray[np.float64]
SHOWN = (("V", "f1"), ("V", "sensitivity"), ("V", "ppv"), ("S", "f1"), ("S", "sensitivity"), ("S", "ppv"), ("F", "f1"))
NAMES = {"f1": "F1", "sensitivity": "Se", "ppv": "+P"}


def main() -> None:
    options = parser(__doc__, "mitdb-beat-cnn")
    options.add_argument("--split", default="test", choices=("val", "test"))
    given = options.parse_args()
    with prepared("mitdb", recordings("mitdb"), "--task", "aami5"):
        runs = []
        for seed in given.seeds:
            flags = {"data": {"dataset": "mitdb", "task": "aami5"}, "training": {"seed": seed}}
            start = time.perf_counter()
            counts = counted(compose(given.recipe, flags=flags, sets=given.sets), f"seed-{seed}", given.split)
            runs.append((seed, counts, time.perf_counter() - start))
        tell(given.recipe, runs)


def counted(config: TrainConfig, name: str, split: str) -> BeatCounts:
    """Train a run, and count the beats of a split by true and called class, record by record."""
    return counted_of(fit(config, name), split)


def counted_of(run: Run, split: str) -> BeatCounts:
    """Count the beats of a split by true class and by the one that a run calls, record by record."""
    found = measure(run, None, split, Options(bootstrap=0))
    beats = found.metrics.beats
    if beats is None:
        raise SystemExit("the task is none of heartbeats")
    matrices = np.array([record.confusion for record in beats.by_record], np.float64)
    names = tuple(record.record for record in beats.by_record)
    return BeatCounts(beats.labels, names, np.arange(len(names)), matrices)


def tell(recipe: str, runs: Sequence[tuple[int, BeatCounts, float]]) -> None:
    """Print a row for each seed, one of their mean, and that of calling every beat N."""
    first = runs[0][1]
    beats = dict(zip(first.labels, first.total(first.once)[0].sum(axis=1).astype(int).tolist(), strict=True))
    print(f"\n{recipe} on {' '.join(first.names)}; beats {beats}; load {os.getloadavg()[1]:.1f}")
    heads = ["accuracy", *(f"{label} {NAMES[quantity]}" for label, quantity in SHOWN)]
    print(f"| | {' | '.join(heads)} | seconds |\n|---|{'---|' * len(heads)}---|")
    for seed, counts, seconds in runs:
        print(_row(f"seed {seed}", [counts], f"{seconds:.0f}"))
    if len(runs) > 1:
        print(_row(f"mean of the {len(runs)}", [counts for _, counts, _ in runs]))
    print(_row("every beat N", [first.constant("N")]))
    total = sum(counts.total(counts.once)[0] for _, counts, _ in runs)
    print(f"\nconfusion, the seeds together (rows: {' '.join(first.labels)}):\n{np.asarray(total).astype(int)}")


def _row(name: str, several: Sequence[BeatCounts], seconds: str = "") -> str:
    point = _figures(several, several[0].once)[:, 0]
    drawn = [_figures(several, weights) for weights in resamples(several[0].patients, RESAMPLES)]
    low, high = interval(np.concatenate(drawn, axis=1))
    cells = [
        f"{value:.3f} ({under:.3f}–{over:.3f})" if np.isfinite(value) else "–"
        for value, under, over in zip(point, low, high, strict=True)
    ]
    return f"| {name} | {' | '.join(cells)} | {seconds} |"


def _figures(several: Sequence[BeatCounts], weights: Floats) -> Floats:
    """Accuracy and :data:`SHOWN`, the mean over trainings, under each resample: [figures, resamples]."""
    made = []
    for counts in several:
        matrices = counts.total(weights)
        each = of_classes(matrices)
        places = [(CLASS_QUANTITIES.index(quantity), counts.labels.index(label)) for label, quantity in SHOWN]
        made.append([accuracy(matrices), *(each[quantity, label] for quantity, label in places)])
    return np.asarray(np.mean(made, axis=0))


if __name__ == "__main__":
    main()
