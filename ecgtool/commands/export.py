"""``ecg export``: a run becomes a bundle that predicts without torch."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.catalog.bundle import Bundle


def export(
    run: Annotated[str, typer.Argument(help="A run: a path, or a name in ECG_HOME.", show_default=False)],
    format: Annotated[
        Literal["onnx", "torchscript", "all"], typer.Option("--format", help="What to write into the bundle.")
    ] = "onnx",
    out: Annotated[
        str, typer.Option("--out", help="The bundle: a path, or a name in ECG_HOME.", show_default="the run's name")
    ] = "",
    dataset: Annotated[
        str, typer.Option("--dataset", help="The store to compare on.", show_default="the run's own")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle of that name.")] = False,
) -> Result:
    """Export a run as ONNX (and TorchScript); nothing is written unless it says what the trained model says."""
    from ecgtool.console import log
    from ecgtool.export.export import FORMATS, export_run
    from ecgtool.home import place
    from ecgtool.run import Run
    from ecgtool.store import Store
    from ecgtool.training.history import unfinished

    source = Run.open(run)
    if stopped := unfinished(source):
        log.warning("Not trained to the end: %s; go on with: ecg train --resume %s", ", ".join(stopped), run)
    formats = tuple(FORMATS) if format == "all" else (format,)
    store = Store.open(dataset) if dataset else None
    bundle = export_run(source, place("bundles", out or source.name), formats, store, force=force)
    return _said(bundle)


def _said(bundle: Bundle) -> Result:
    from ecgtool.console import table
    from ecgtool.home import portable

    parity = bundle.manifest.parity
    sizes = {name: (bundle.path / name).stat().st_size for name in sorted(bundle.manifest.digests)}
    differences = parity.max_difference if parity else {}
    rows = [(name, f"{size / 1e6:.2f} MB", _exponent(differences.get(name))) for name, size in sizes.items()]
    records = parity.records if parity else 0
    title = f"Bundle {bundle.path}, compared with the trained model on {records} recordings"
    return Result(
        data={
            "bundle": str(bundle.path),
            "name": bundle.manifest.name,
            "digest": bundle.digest,
            "opset": bundle.manifest.opset,
            "files": sizes,
            "parity": parity.model_dump(mode="json") if parity else None,
        },
        text=table(("file", "size", "largest difference"), rows, title=title),
        next=(f"ecg register {shlex.quote(portable(bundle.path))} --name {bundle.manifest.name}",),
    )


def _exponent(value: float | None) -> str | None:
    return None if value is None else f"{value:.1e}"
