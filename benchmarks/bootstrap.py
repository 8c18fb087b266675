"""Intervals by patient: one product per batch of resamples against the plain loop around scikit-learn.

    python benchmarks/bootstrap.py [--items 2000] [--labels 5] [--resamples 1000]

Both sides draw the same patients and must end with the same intervals of the macro and per-label AUROC. The loop does
only that; ours computes every metric of ``ecg evaluate``. The loop is timed on a few resamples and scaled up.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from ecgtool.metrics import evaluate
from ecgtool.metrics.bootstrap import patient_codes, resamples
from ecgtool.metrics.outcomes import Counted, Outcomes
from ecgtool.task import Task


def predictions(items: int, labels: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64], list[str]]:
    rng = np.random.default_rng(0)
    targets = (rng.random((items, labels)) < rng.uniform(0.05, 0.4, labels)).astype(np.uint8)
    chances = 1 / (1 + np.exp(-rng.normal(1.5 * targets - 1, 1.0)))
    patients = [str(patient) for patient in rng.integers(0, int(0.9 * items), items)]
    return targets, chances, patients


def loop(targets: npt.NDArray[np.uint8], chances: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Seconds per resample of the plain loop: repeat the items drawn, score every label."""
    start = time.perf_counter()
    for times in weights.T:
        drawn = np.repeat(np.arange(len(targets)), times.astype(int))
        roc_auc_score(targets[drawn], chances[drawn], average=None)
    return (time.perf_counter() - start) / weights.shape[1]


def largest_difference(
    task: Task, targets: npt.NDArray[np.uint8], chances: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> float:
    """Between our AUROC of a resample and scikit-learn's."""
    ours = Counted(Outcomes.of(task, targets, chances), weights).auroc()
    theirs = [
        roc_auc_score(targets[drawn], chances[drawn], average=None)
        for drawn in (np.repeat(np.arange(len(targets)), times.astype(int)) for times in weights.T)
    ]
    return float(np.abs(ours - np.transpose(theirs)).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=1000)
    given = parser.parse_args()
    targets, chances, patients = predictions(given.items, given.labels)
    task = Task(name="toy", kind="multilabel", labels=tuple(f"L{label}" for label in range(given.labels)))
    few = next(resamples(patient_codes(patients), 20))
    start = time.perf_counter()
    evaluate(task, targets, chances, patients, bootstrap=given.resamples)
    ours = time.perf_counter() - start
    theirs = loop(targets, chances, few) * given.resamples
    print(f"{given.items} items, {given.labels} labels, {given.resamples} resamples by patient")
    print(f"ecgtool, every metric         {ours:8.2f} s")
    print(f"loop of roc_auc_score alone   {theirs:8.2f} s")
    print(f"ratio                         {theirs / ours:8.1f}")
    print(f"largest difference in AUROC   {largest_difference(task, targets, chances, few):8.1e}")


if __name__ == "__main__":
    main()
