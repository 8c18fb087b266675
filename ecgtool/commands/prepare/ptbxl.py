"""``ecg prepare ptbxl``: PTB-XL to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options, task_names
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


@shared_options(out="ptbxl")
def ptbxl(
    folder: Folder,
    task: Tasks = None,
    source_fs: SourceFs = 100,
    likelihood: Likelihood = "any",
    manifests: Manifests = None,
    *,
    shared: Shared,
) -> Result:
    """Make a store of PTB-XL. The published folds are its splits: 1-8 train, 9 val, 10 test."""
    from ecgtool.datasets.ptbxl import PTBXL

    tasks = task_names(task, "superdiagnostic")
    division = shared.division()
    corpus = PTBXL(folder, tasks, source_fs=source_fs, likelihood=likelihood, division=division, manifests=manifests)
    return shared.prepare(corpus, tasks)
