"""``ecg prepare manifest``: own recordings listed in a CSV file to a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.commands.prepare.own import InputColumns, KeyFile, Positive, key_of, store_name
from ecgtool.console import Result

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="Columns patient_id, path_xml (or path) and label; further columns become tabular inputs.",
        show_default=False,
    ),
]
Leads = Annotated[int, typer.Option("--leads", help="8 (I, II, V1-V6) or 12.")]
Length = Annotated[int, typer.Option("--length", min=1, help="Samples of an item.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", help="The folder that recordings lie in; that of FILE.csv if not given."),
]


@shared_options(out="", fs=500.0, fit="centre")
def manifest(
    file: File,
    leads: Leads = 8,
    length: Length = 5000,
    root: Root = None,
    positive: Positive = "",
    inputs: InputColumns = "",
    key: KeyFile = None,
    *,
    shared: Shared,
) -> Result:
    """Make a store of the recordings that a manifest lists: 10 s at 500 Hz of 8 leads unless asked otherwise.

    Neither paths nor ids nor names get into the store: items are called after their lines in the manifest, patients
    by pseudonyms.
    """
    from ecgtool.datasets.inputs import chosen_columns
    from ecgtool.datasets.manifest import FS, Manifest, Shape

    corpus = Manifest(
        file,
        key_of(key),
        root=root,
        shape=Shape(leads, length, shared.fs or FS),
        inputs=chosen_columns(inputs),
        division=shared.division(),
        positive=positive,
    )
    name = store_name(file.stem, "manifest")
    return replace(shared, out=shared.out or name).prepare(corpus, [corpus.tasks[0].name], learn="--arch cnn1d")
