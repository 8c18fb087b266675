"""``ecg evaluate``: a run on a split of a store, with intervals, figures and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.metrics import Metrics


def evaluate(
    run: Annotated[str, typer.Argument(help="A run: its name or folder.", show_default=False)],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Another store to evaluate on; the run's own by default.")
    ] = "",
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the report; by default inside the run.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder given with --out.")] = False,
    device: Annotated[Literal["auto", "cuda", "cpu"], typer.Option("--device", help="Where to compute.")] = "auto",
    batch: Annotated[int, typer.Option("--batch", min=1, help="Items at a time.")] = 64,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamples of the intervals; 0 for none.")
    ] = 1000,
    rule: Annotated[
        Literal["f1", "youden"] | None,
        typer.Option("--rule", help="What picks the thresholds on the validation split; f1 by default."),
    ] = None,
) -> Result:
    """Measure a run: AUROC, AUPRC, F1 and more with 95 % intervals by patient, figures and a report."""
    from ecgtool.evaluation import Options
    from ecgtool.files import refuse_existing
    from ecgtool.report import write_report
    from ecgtool.run import Run
    from ecgtool.store import Store
    from ecgtool.training.evaluate import measure

    opened = Run.open(run)
    store = Store.open(dataset) if dataset else None
    folder = out or opened.path / "-".join(["evaluation", *([store.path.name] if store else []), split])
    refuse_existing(folder, force=force or out is None)
    found = measure(opened, store, split, Options(device, batch, bootstrap, rule))
    write_report(found.metrics, found.predictions, folder, force=force or out is None)
    data = {**found.metrics.model_dump(mode="json"), "report": str(folder)}
    following = f"ecg export {run} --format all" if split == "test" else f"ecg evaluate {run}"
    return Result(data, _said(found.metrics, folder), [following])


def _said(metrics: Metrics, folder: Path) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable, table
    from ecgtool.report import label_notes, overview, spoken_time, title

    rows, label_rows = overview(metrics)
    notes = [
        *label_notes(metrics),
        f"Time per record: {spoken_time(metrics)}",
        f"Report: {folder}/report.html",
        DISCLAIMER,
    ]
    return Group(
        table(("metric", "value", "95 % interval"), rows, f"{title(metrics)}: {metrics.items} items"),
        table(("label", "positives", "AUROC", "95 % interval", "AUPRC", "F1", "threshold"), label_rows),
        *(Text(printable(note)) for note in notes),
    )
