"""Macro AUROC on fold 10 of PTB-XL over several seeds, and the same with shuffled labels.

    ECG_TEST_DATA=... python benchmarks/ptbxl_accuracy.py [--recipe ptbxl-xlstm] [--seeds 42,123,456] [--skip-shuffled]

Trains on folds 1-8, picks the epoch and the thresholds on fold 9, scores fold 10. Intervals are 95 %, by bootstrap
over patients; the one over all seeds is of the mean of their macro AUROC, under the same resamples. With shuffled
labels 0.5 must lie inside.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool import cli, console
from ecgtool.config import read_recipe, resolve
from ecgtool.metrics.bootstrap import interval, patient_codes, resamples
from ecgtool.metrics.outcomes import Counted
from ecgtool.metrics.predictions import Predictions
from ecgtool.training.evaluate import measure
from ecgtool.training.fit import fit

RESAMPLES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="ptbxl-xlstm")
    parser.add_argument("--seeds", default="42,123,456")
    parser.add_argument("--skip-shuffled", action="store_true")
    given = parser.parse_args()
    console.setup_logging(-1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ECG_HOME"] = folder
        source = Path(os.environ["ECG_TEST_DATA"]) / "ptbxl"
        if cli.run(["prepare", "ptbxl", str(source), "--task", "superdiagnostic", "--highpass", "0", "-q"]):
            raise SystemExit(1)
        seeds = [int(seed) for seed in given.seeds.split(",")]
        for shuffled in (False,) if given.skip_shuffled else (False, True):
            print(f"\n{given.recipe}, fold 10{', labels of folds 1-9 shuffled' if shuffled else ''}")
            tell([train(given.recipe, seed, shuffled) for seed in seeds])


def train(recipe: str, seed: int, shuffled: bool) -> Predictions:
    """Train one seed, print its figure and give its predictions of fold 10."""
    start = time.perf_counter()
    over = {"training": {"seed": seed}, "data": {"dataset": "ptbxl", "shuffle_labels": shuffled}}
    run = fit(resolve([read_recipe(recipe), over]), f"seed-{seed}{'-shuffled' if shuffled else ''}")
    seconds = time.perf_counter() - start
    found = measure(run, split="test")
    value = found.metrics.values["macro_auroc"]
    print(f"  seed {seed:5d}  macro AUROC {value.value:.3f} ({value.low:.3f}-{value.high:.3f})  {seconds:.0f} s")
    return found.predictions


def tell(predictions: Sequence[Predictions]) -> None:
    """Print the mean over the seeds with its interval."""
    codes = patient_codes(predictions[0].patients)
    point = np.mean([macro(each, np.ones((len(codes), 1))) for each in predictions])
    drawn = [np.mean([macro(each, weights) for each in predictions], axis=0) for weights in resamples(codes, RESAMPLES)]
    low, high = interval(np.concatenate(drawn))
    print(f"  mean of {len(predictions)} seeds  {point:.3f} ({low:.3f}-{high:.3f})  {len(codes)} items")


def macro(predictions: Predictions, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Macro AUROC under each set of weights, [resamples]."""
    counted = Counted(predictions.outcomes({}), weights)
    return counted.macro(counted.auroc())


if __name__ == "__main__":
    main()
