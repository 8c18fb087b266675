"""``ecg prepare cinc2021``: the recordings of the PhysioNet/CinC Challenge 2021 to a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ecgtool.commands.prepare.options import Shared, shared_options
from ecgtool.console import Result

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Headers and .mat files, also in folders below.", show_default=False)
]
Leads = Annotated[str, typer.Option("--leads", help="For example I,II,V2; all twelve if not given.")]


@shared_options(out="cinc2021", fs=500.0, fit="centre")
def cinc2021(directory: Directory, leads: Leads = "", *, shared: Shared) -> Result:
    """Make a store of the Challenge's recordings: 10 s at 500 Hz, with the 26 classes that it scores."""
    from ecgtool.datasets.cinc2021 import TASK, CinC2021
    from ecgtool.datasets.folder_survey import chosen_leads
    from ecgtool.record import LEADS_12

    windows = shared.window_s is not None
    corpus = CinC2021(
        directory, chosen_leads(leads) if leads else LEADS_12, windows=windows, division=shared.division()
    )
    if windows:  # a window needs no fitting
        shared = replace(shared, fit="refuse")
    return shared.prepare(corpus, [TASK.name], learn="--arch xresnet1d")
