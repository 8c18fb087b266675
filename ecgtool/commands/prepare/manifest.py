"""``ecg prepare manifest``: own recordings listed in a CSV file to a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.deidentify.key import Key

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
InputColumns = Annotated[
    str,
    typer.Option("--inputs", help="Columns that become inputs, with commas, or none; all that are fit if not given."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", help="File with the key of pseudonyms, as of ecg deidentify; the one in ECG_HOME if not given."
    ),
]


@shared_options(out="", fs=500.0, fit="centre")
def manifest(
    file: File,
    leads: Leads = 8,
    length: Length = 5000,
    root: Root = None,
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
    from ecgtool.datasets.manifest import FS, Manifest

    corpus = Manifest(
        file,
        _key(key),
        root=root,
        leads=leads,
        samples=length,
        fs=shared.fs or FS,
        inputs=chosen_columns(inputs),
        division=shared.division(),
    )
    return replace(shared, out=shared.out or _store_name(file)).prepare(corpus, [corpus.tasks[0].name], arch="cnn1d")


def _key(given: Path | None) -> Key:
    """The key of pseudonyms: the given one, or this user's own, which is made and told the first time."""
    from ecgtool.console import log
    from ecgtool.deidentify.key import KEY_NAME, load_key, own_key
    from ecgtool.home import home

    if given is not None:
        return load_key(given)
    known = (home() / KEY_NAME).exists()
    key, path = own_key(home())
    if not known:
        log.info("Patients get pseudonyms by a new key: %s. Keep it, and keep it to yourself.", path)
    return key


def _store_name(file: Path) -> str:
    """The manifest's own name, where a store can have it."""
    from ecgtool.errors import ConfigError
    from ecgtool.files import valid_name

    try:
        return valid_name(file.stem, "store")
    except ConfigError:
        return "manifest"
