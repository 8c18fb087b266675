"""``ecg prepare mitdb``: the MIT-BIH Arrhythmia Database to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options, task_names
from ecgtool.console import Result

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder with 100.hea, 100.dat, 100.atr ...", show_default=False)
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", help="aami5 (N S V F Q; the default) or binary; several with commas or repeated."),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        help="ds1ds2 (de Chazal 2004; the default): trained and validated on DS1, tested on DS2; patient: a fifth of "
        "the patients is test.",
    ),
]
Symbols = Annotated[
    str,
    typer.Option(
        "--symbols", help="Which annotations are which class: aami, or ecgbert, which also counts + and ~ as N."
    ),
]
Skip = Annotated[
    float,
    typer.Option(
        "--skip-s", min=0, help="Beats of the first seconds are no targets; EC57 skips 300. The signal stays."
    ),
]
Leads = Annotated[str, typer.Option("--leads", help="MLII,chest if not given; MLII for that lead alone.")]
Drop = Annotated[
    str, typer.Option("--drop", help="Records to leave out, with commas: 202, which is of the same person as 201.")
]


@shared_options(out="mitdb")
def mitdb(
    directory: Directory,
    task: Tasks = None,
    split: Split = "",
    symbols: Symbols = "aami",
    skip_s: Skip = 0.0,
    leads: Leads = "",
    drop: Drop = "",
    *,
    shared: Shared,
) -> Result:
    """Make a store of the MIT-BIH Arrhythmia Database: whole records, every heartbeat a target."""
    from ecgtool.datasets.mitdb import MITDB, PATIENTS, SPLITS, Choices, chosen_leads
    from ecgtool.datasets.mitdb_beats import AAMI5
    from ecgtool.errors import ConfigError

    tasks, division = task_names(task, "aami5"), shared.division()
    if split and division is not None:
        raise ConfigError(f"--split {split} comes with a division of its own.", "Leave out --splits and --folds.")
    if split == "patient":
        division = type(PATIENTS)(PATIENTS.shares, seed=shared.split_seed)
    dropped = tuple(part.strip() for part in drop.split(",") if part.strip())
    choices = Choices(split or SPLITS[0], symbols, skip_s, chosen_leads(leads), dropped, division)
    learn = "--recipe mitdb-beat-cnn" if tasks[0] == AAMI5.name else "--arch beat-cnn"  # which is for that task
    return shared.prepare(MITDB(directory, tasks, choices), tasks, learn=learn)
