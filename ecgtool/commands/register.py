"""``ecg register``: a bundle becomes a model of the catalog, NAME@VERSION."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.catalog.bundle import Bundle


def register(
    bundle: Annotated[
        str, typer.Argument(help="A bundle or a run: a path, or a name in ECG_HOME.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="What to call the model; an old name gains a version.")],
    alias: Annotated[
        list[str] | None, typer.Option("--alias", "--stage", help="A word for this version, e.g. champion.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What to say of it.")] = "",
) -> Result:
    """Copy a bundle into the catalog, where it is known as NAME@VERSION. A run is exported as ONNX first."""
    from ecgtool.catalog import Catalog
    from ecgtool.commands.models import facts

    with _opened(bundle) as source:
        entry = Catalog.open().register(source, name, aliases=alias or (), note=note)
    return Result(
        entry.document,
        facts(entry),
        (f"ecg predict {entry.reference} FILE", "ecg models list"),
    )


@contextmanager
def _opened(source: str) -> Iterator[Bundle]:
    """The bundle itself, or that of a run, exported for the occasion; an exported run's name means its bundle."""
    from ecgtool.catalog import find_bundle, find_run
    from ecgtool.home import members

    run = find_run(source)
    if run is None or (source in members("bundles") and not Path(source).exists()):
        yield find_bundle(source)
        return
    from ecgtool.export.export import export_run
    from ecgtool.run import Run

    with tempfile.TemporaryDirectory(prefix="ecgtool-") as folder:
        yield export_run(Run.open(run), Path(folder) / run.name)
