"""``ecg prepare synthetic``: a corpus that is drawn, with no data at all."""

from __future__ import annotations

from typing import Annotated

import typer

from ecgtool.commands.prepare.options import (
    Baseline,
    Folds,
    Force,
    Highpass,
    Lowpass,
    Normalise,
    Notch,
    Out,
    Splits,
    SplitSeed,
    Tasks,
    WindowS,
    Workers,
    prepared,
    preprocessing,
    task_names,
)
from ecgtool.console import Result

Records = Annotated[int, typer.Option("--records", help="Recordings to draw; a patient has one to four.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Length of each recording.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same recordings.")]
Rate = Annotated[float, typer.Option("--fs", help="Sampling rate in Hz; drawn at it, not resampled to it.")]


def synthetic(
    records: Records = 200,
    seconds: Seconds = 10.0,
    seed: Seed = 42,
    task: Tasks = None,
    fs: Rate = 100.0,
    window_s: WindowS = None,
    highpass: Highpass = None,
    lowpass: Lowpass = None,
    notch: Notch = None,
    baseline: Baseline = "none",
    normalise: Normalise = "none",
    splits: Splits = "",
    folds: Folds = None,
    split_seed: SplitSeed = 42,
    out: Out = "synthetic",
    workers: Workers = 1,
    force: Force = False,
) -> Result:
    """Draw synthetic twelve-lead electrocardiograms, labelled, and make a store of them.

    Tasks: diagnosis (several findings at once; the default) and rhythm (one of five).
    """
    from ecgtool.datasets.prepare import prepare
    from ecgtool.datasets.splits import Division
    from ecgtool.datasets.synthetic import Synthetic
    from ecgtool.home import place

    tasks = task_names(task, "diagnosis")
    corpus = Synthetic(records, seconds, seed, fs, tasks, Division.of(splits, folds, split_seed))
    steps = preprocessing(fs, highpass, lowpass, notch, baseline, normalise)
    store = prepare(corpus, place("stores", out), steps=steps, window_s=window_s, workers=workers, force=force)
    return prepared(store, tasks, arch="cnn1d")
