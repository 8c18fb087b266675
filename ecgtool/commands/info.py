"""``ecg info``: what is in a thing, in words and numbers; alone, what is installed and where things are."""

from __future__ import annotations

from typing import Annotated

import typer

from ecgtool.console import Result


def info(
    target: Annotated[
        str,
        typer.Argument(help="A recording, store, run or bundle: a path, or a name in ECG_HOME.", show_default=False),
    ] = "",
) -> Result:
    """Say what is in a recording, store, run or bundle; alone, versions, CUDA and where things are."""
    raise NotImplementedError
