"""What the accuracy benchmarks share: a recipe trained with several seeds, told as rows of a Markdown table.

Intervals are 95 %, by bootstrap over patients. All rows of a table are of the same resamples: that of the mean is of
the mean of the seeds' figures, that of the ensemble of the mean of their logits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool import cli, console
from ecgtool.evaluation import Options
from ecgtool.metrics.bootstrap import interval, patient_codes, resamples
from ecgtool.metrics.logits import activated
from ecgtool.metrics.outcomes import Counted
from ecgtool.metrics.predictions import Predictions
from ecgtool.settings import TrainConfig
from ecgtool.training.evaluate import measure
from ecgtool.training.fit import fit

RESAMPLES = 1000
Figure = Callable[[Counted], npt.NDArray[np.float64]]
"""What is told of counted outcomes, [resamples]."""

MACRO_AUROC: Mapping[str, Figure] = {"macro AUROC": lambda counted: counted.macro(counted.auroc())}
MACRO_F1: Mapping[str, Figure] = {"macro F1": lambda counted: counted.macro(counted.f1())}


@dataclass(frozen=True)
class Trained:
    """A training: its seed, what it says of the items that are reported, and how long it took."""

    seed: int
    predictions: Predictions
    seconds: float


def parser(documentation: str | None, recipe: str) -> argparse.ArgumentParser:
    """The options all these benchmarks have."""
    made = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--recipe", default=recipe)
    made.add_argument("--seeds", default="42,123,456", type=lambda text: [int(seed) for seed in text.split(",")])
    made.add_argument("--set", action="append", default=[], dest="sets", help="section.option=value over the recipe")
    return made


@contextmanager
def prepared(*arguments: str) -> Iterator[Path]:
    """A folder for stores and runs, with the store that ``ecg prepare`` makes of these arguments; gone afterwards."""
    console.setup_logging(-1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ECG_HOME"] = folder
        if cli.run(["prepare", *arguments, "-q"]):
            raise SystemExit(1)
        yield Path(folder)


def recordings(folder: str) -> str:
    """A folder of the real recordings."""
    return str(Path(os.environ["ECG_TEST_DATA"]) / folder)


def train(config: TrainConfig, name: str, split: str = "test", options: Options | None = None) -> Trained:
    """Train a run of this name, and predict a split of its store."""
    start = time.perf_counter()
    run = fit(config, name)
    seconds = time.perf_counter() - start
    return Trained(config.training.seed, measure(run, None, split, options).predictions, seconds)


def ensemble(several: Sequence[Predictions]) -> Predictions:
    """What trainings say together: the mean of their logits."""
    logits = np.mean([each.logits for each in several], axis=0, dtype=np.float32)
    return replace(several[0], logits=logits, probabilities=activated(several[0].task, logits))


def tell(runs: Sequence[Trained], figures: Mapping[str, Figure] = MACRO_AUROC) -> None:
    """Print a row for each seed, their mean and their ensemble."""
    items = runs[0].predictions
    print(
        f"\n{len(items.ids)} {'patients' if items.level == 'patient' else 'recordings'}; load {os.getloadavg()[1]:.1f}"
    )
    print(f"| | {' | '.join(figures)} | seconds |\n|---|{'---|' * len(figures)}---|")
    for run in runs:
        print(_row(f"seed {run.seed}", [run.predictions], figures, f"{run.seconds:.0f}"))
    if len(runs) > 1:
        print(_row(f"mean of the {len(runs)}", [run.predictions for run in runs], figures))
        print(_row(f"ensemble of the {len(runs)}", [ensemble([run.predictions for run in runs])], figures))


def tell_one(name: str, predictions: Predictions, figures: Mapping[str, Figure] = MACRO_AUROC) -> None:
    """Print the row of what is no training."""
    print(_row(name, [predictions], figures))


def _row(name: str, several: Sequence[Predictions], figures: Mapping[str, Figure], seconds: str = "") -> str:
    cells = [f"{point:.3f} ({low:.3f}–{high:.3f})" for point, low, high in _estimates(several, figures)]
    return f"| {name} | {' | '.join(cells)} | {seconds} |"


def _estimates(several: Sequence[Predictions], figures: Mapping[str, Figure]) -> list[tuple[float, float, float]]:
    """Each figure, the mean over the predictions, with its interval."""
    codes, outcomes = patient_codes(several[0].patients), [each.outcomes({}) for each in several]

    def values(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Each figure under each resample, [figures, resamples]."""
        counted = [Counted(each, weights) for each in outcomes]
        return np.array([np.mean([figure(each) for each in counted], axis=0) for figure in figures.values()])

    points = values(np.ones((len(codes), 1)))[:, 0]
    low, high = interval(np.concatenate([values(weights) for weights in resamples(codes, RESAMPLES)], axis=1))
    return list(zip(points.tolist(), low.tolist(), high.tolist(), strict=True))
