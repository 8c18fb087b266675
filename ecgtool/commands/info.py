"""``ecg info``: what is in a thing, in words and numbers; alone, what is installed and where things are."""

from __future__ import annotations

from typing import Annotated

import typer

from ecgtool.console import Result


def info(
    target: Annotated[
        str,
        typer.Argument(help="A recording, store, run, bundle or model: a path, or a name.", show_default=False),
    ] = "",
) -> Result:
    """Say what is in a recording, store, run or bundle; alone, versions, CUDA and where things are."""
    from rich.console import Group

    from ecgtool.console import facts, table
    from ecgtool.describe import describe

    found = describe(target)
    said = facts(found.facts, f"{found.kind} {found.name}")
    text = Group(said, table(found.columns, found.rows)) if found.rows else said
    data = {"kind": found.kind, "name": found.name, **found.facts, **found.details}
    data["parts"] = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return Result(data, text, found.next)
