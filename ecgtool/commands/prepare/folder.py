"""``ecg prepare folder``: own recordings, and a list of labels beside them, to a store."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
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


@shared_options(out="")
def folder(
    directory: Directory,
    task: TaskName = "label",
    label_map: Map = "",
    fold_column: FoldColumn = "",
    leads: Leads = "",
    *,
    shared: Shared,
) -> Result:
    """Make a store of a folder of recordings, labelled by a list that lies in it."""
    from ecgtool.datasets.folder import Choices, Folder
    from ecgtool.datasets.folder_survey import chosen_leads
    from ecgtool.deidentify.key import own_key
    from ecgtool.errors import ConfigError
    from ecgtool.files import valid_name
    from ecgtool.home import home

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
    )
    name = _store_name(directory)
    corpus = Folder(directory, name, own_key(home())[0], choices)
    return replace(shared, out=shared.out or name).prepare(corpus, [task], arch="cnn1d")


def _store_name(directory: Path) -> str:
    """The folder's own name, as far as a store can have it."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", directory.expanduser().resolve().name).lstrip("._-")[:64]
    return name or "folder"
