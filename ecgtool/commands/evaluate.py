"""``ecg evaluate``: a run or a model on a split of a store, with intervals, figures and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.catalog.bundle import Bundle
    from ecgtool.metrics import Metrics


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A run, a registered model (NAME, NAME@7) or a bundle's folder.", show_default=False)
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Another store to evaluate on; the one it was trained on by default.")
    ] = "",
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report; by default inside the run, or here for a model."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that is there.")] = False,
    device: Annotated[
        Literal["auto", "cuda", "cpu"], typer.Option("--device", help="Where a run computes; models use the CPU.")
    ] = "auto",
    batch: Annotated[int, typer.Option("--batch", min=1, help="Items at a time.")] = 64,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamples of the intervals; 0 for none.")
    ] = 1000,
    rule: Annotated[
        Literal["f1", "youden"] | None,
        typer.Option("--rule", help="What picks a run's thresholds on its validation split; f1 by default."),
    ] = None,
) -> Result:
    """Measure a run or a model: AUROC, AUPRC, F1 and more with 95 % intervals by patient, figures and a report."""
    from ecgtool.catalog import find_run
    from ecgtool.evaluation import Options
    from ecgtool.files import refuse_existing
    from ecgtool.report import HOLDS, write_report
    from ecgtool.store import Store

    store = Store.open(dataset) if dataset else None
    options = Options(device, batch, bootstrap, rule)
    name = "-".join(["evaluation", *([store.path.name] if store else []), split])
    run = find_run(model)
    if run is not None:
        from ecgtool.run import Run
        from ecgtool.training.evaluate import measure

        folder, force = out or run / name, force or out is None  # an evaluation inside a run is made anew
        refuse_existing(folder, force=force, holds=HOLDS)
        found = measure(Run.open(run), store, split, options)
    else:
        from ecgtool.serving.evaluate import measure_bundle

        bundle = _bundle(model)
        folder = out or Path(f"{bundle.path.name}-{name}")
        refuse_existing(folder, force=force, holds=HOLDS)
        found = measure_bundle(bundle, store, split, options)
    write_report(found.metrics, found.predictions, folder, force=force)
    data = {**found.metrics.model_dump(mode="json"), "report": str(folder)}
    following = f"ecg export {model} --format all" if run else f"ecg predict {model} FILE"
    return Result(data, _said(found.metrics, folder), [following])


def _bundle(model: str) -> Bundle:
    """The bundle of a model; a name that is nothing may be a run's, misspelt."""
    from ecgtool.catalog import Catalog, find_bundle
    from ecgtool.errors import NotFound, did_you_mean
    from ecgtool.home import is_path, members

    try:
        return find_bundle(model)
    except NotFound:
        if is_path(model):
            raise
        known = {*members("runs"), *members("bundles"), *(entry.name for entry in Catalog.open().entries())}
        hint = did_you_mean(model, known) or "Make one with: ecg train"
        raise NotFound(f"There is no run or model '{model}'.", hint) from None


def _said(metrics: Metrics, folder: Path) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable, table
    from ecgtool.report import label_notes, overview, spoken_time, title

    rows, label_rows = overview(metrics)
    heads = ("label", "positives", "AUROC", "95 % interval", "AUPRC", "F1", "threshold")
    said = (f"Time per record: {spoken_time(metrics)}", f"Report: {folder}/report.html", DISCLAIMER)
    return Group(
        table(("metric", "value", "95 % interval"), rows, f"{title(metrics)}: {metrics.items} items"),
        table(heads, label_rows),
        *(Text(printable(note)) for note in (*label_notes(metrics), *said)),
    )
