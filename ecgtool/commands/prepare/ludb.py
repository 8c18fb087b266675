"""``ecg prepare ludb``: the Lobachevsky University Database to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.console import Result

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Holds data/1.hea and the others.", show_default=False)]


@shared_options(out="ludb", without=("window_s", "fit", "missing", "stand_in"))
def ludb(directory: Directory, *, shared: Shared) -> Result:
    """Make a store of LUDB: 12 leads, 10 s at 250 Hz, the experts' P, QRS and T waves in every lead."""
    from ecgtool.commands.prepare.reference import with_reference
    from ecgtool.datasets.ludb import LUDB, STORE_FS

    fs = STORE_FS if shared.fs is None else shared.fs
    return with_reference(LUDB(directory, fs, shared.division()), shared, fs)
