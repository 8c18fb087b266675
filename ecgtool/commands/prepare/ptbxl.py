"""``ecg prepare ptbxl``: PTB-XL to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare import options
from ecgtool.console import Result

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder with ptbxl_database.csv.", show_default=False)]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        help="superdiagnostic (the default), subdiagnostic, diagnostic, form, rhythm, all or hierarchical; several "
        "with commas or repeated.",
    ),
]
SourceFs = Annotated[int, typer.Option("--source-fs", help="Read the recordings at 100 or at 500 Hz.")]
Likelihood = Annotated[str, typer.Option("--likelihood", help="Statements that count: any, gt0 or eq100.")]
Manifests = Annotated[
    Path | None,
    typer.Option("--manifests", help="Folder with train, val and test lists (.csv with ecg_id, or .txt) as splits."),
]


def ptbxl(
    folder: Folder,
    task: Tasks = None,
    source_fs: SourceFs = 100,
    likelihood: Likelihood = "any",
    manifests: Manifests = None,
    out: options.Out = "",
    force: options.Force = False,
    workers: options.Workers = 1,
    fs: options.Fs = None,
    window_s: options.WindowS = None,
    highpass: options.Highpass = None,
    lowpass: options.Lowpass = None,
    notch: options.Notch = None,
    baseline: options.Baseline = "none",
    normalise: options.Normalise = "none",
    splits: options.Splits = "",
    folds: options.Folds = None,
    split_seed: options.SplitSeed = 42,
) -> Result:
    """Make a store of PTB-XL. The published folds are its splits: 1-8 train, 9 val, 10 test."""
    from ecgtool.datasets.prepare import prepare
    from ecgtool.datasets.ptbxl import PTBXL
    from ecgtool.datasets.splits import Division
    from ecgtool.home import place

    tasks = options.task_names(task, "superdiagnostic")
    steps = options.preprocessing(source_fs if fs is None else fs, highpass, lowpass, notch, baseline, normalise)
    division = Division.of(splits, folds, split_seed) if splits or folds is not None else None
    corpus = PTBXL(folder, tasks, source_fs=source_fs, likelihood=likelihood, division=division, manifests=manifests)
    store = prepare(
        corpus, place("stores", out or "ptbxl"), steps=steps, window_s=window_s, workers=workers, force=force
    )
    return options.prepared(store, tasks)
