"""``ecg prepare synthetic``: a corpus that is drawn, with no data at all."""

from __future__ import annotations

from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, Tasks, shared_options, task_names
from ecgtool.console import Result

Records = Annotated[int, typer.Option("--records", help="Recordings to draw; a patient has one to four.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Length of each recording.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same recordings.")]
Rate = Annotated[float, typer.Option("--fs", help="Sampling rate in Hz; drawn at it, not resampled to it.")]


@shared_options(out="synthetic", without=("fs",))
def synthetic(
    records: Records = 200,
    seconds: Seconds = 10.0,
    seed: Seed = 42,
    task: Tasks = None,
    fs: Rate = 100.0,
    *,
    shared: Shared,
) -> Result:
    """Draw synthetic twelve-lead electrocardiograms, labelled, and make a store of them.

    Tasks: diagnosis (several findings at once; the default) and rhythm (one of five).
    """
    from ecgtool.datasets.splits import Division
    from ecgtool.datasets.synthetic import Synthetic

    tasks = task_names(task, "diagnosis")
    corpus = Synthetic(records, seconds, seed, fs, tasks, shared.division() or Division(seed=shared.split_seed))
    return shared.prepare(corpus, tasks, arch="cnn1d")
