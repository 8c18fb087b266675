"""``ecg prepare qtdb``: the QT Database to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.console import Result

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Holds sel100.hea and the others.", show_default=False)]


@shared_options(out="qtdb", without=("window_s", "fit", "missing", "stand_in", "splits", "folds", "split_seed"))
def qtdb(directory: Directory, *, shared: Shared) -> Result:
    """Make a store of the QT Database: two leads, 15 min at 250 Hz, an expert's waves of some 30 beats; all test."""
    from ecgtool.commands.prepare.reference import with_reference
    from ecgtool.datasets.qtdb import FS, QTDB

    fs = FS if shared.fs is None else shared.fs
    return with_reference(QTDB(directory, fs), shared, fs)
