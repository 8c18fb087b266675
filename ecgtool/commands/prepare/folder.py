"""``ecg prepare folder``: own recordings, and a list of labels beside them, to a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.commands.prepare.own import InputColumns, KeyFile, Positive, key_of, store_name
from ecgtool.console import Result

Directory = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Recordings, and labels.json, labels.csv or REFERENCE.csv beside them.",
        show_default=False,
    ),
]
TaskName = Annotated[str, typer.Option("--task", help="What to call the task.")]
Map = Annotated[
    str,
    typer.Option("--label-map", help="What labels become: a file (JSON, or CSV from,to) or scp-superdiagnostic."),
]
FoldColumn = Annotated[
    str,
    typer.Option("--fold-column", help="Column of the list that states the splits; the last fold is test."),
]
Leads = Annotated[str, typer.Option("--leads", help="For example I,II,V1; those of all recordings if not given.")]

KeepNames = Annotated[
    bool,
    typer.Option(
        "--keep-names",
        help="Call items after their files, where no name of a file or folder says who a person is. Without it they "
        "are called after their rows in the list: line12.",
    ),
]


@shared_options(out="")
def folder(
    directory: Directory,
    task: TaskName = "label",
    label_map: Map = "",
    fold_column: FoldColumn = "",
    leads: Leads = "",
    positive: Positive = "",
    inputs: InputColumns = "",
    key: KeyFile = None,
    *,
    keep_names: KeepNames = False,
    shared: Shared,
) -> Result:
    """Make a store of a folder of recordings, labelled by a list that lies in it.

    Neither ids nor names of files or folders get into the store, unless --keep-names says so.
    """
    from ecgtool.datasets.folder import Choices, Folder
    from ecgtool.datasets.folder_survey import chosen_leads
    from ecgtool.datasets.inputs import chosen_columns
    from ecgtool.errors import ConfigError
    from ecgtool.files import valid_name

    if fold_column and shared.division():
        raise ConfigError("--fold-column states the splits already.", "Leave out --splits and --folds.")
    if shared.missing == "mask" and not leads:
        raise ConfigError("--missing mask needs to know which leads are missing.", "For example --leads I,II,V1,V5")
    choices = Choices(
        task=valid_name(task, "task"),
        label_map=label_map,
        fold_column=fold_column,
        leads=chosen_leads(leads) if leads else (),
        division=shared.division(),
        windows=shared.window_s is not None,
        centre=shared.fit == "centre",
        inputs=chosen_columns(inputs),
        keep_names=keep_names,
        positive=positive,
    )
    name = store_name(directory.expanduser().resolve().name, "folder")
    corpus = Folder(directory, name, key_of(key), choices)
    return replace(shared, out=shared.out or name).prepare(corpus, [task], learn="--arch cnn1d")
