"""``ecg evaluate``: a run or a model on a split of a store, with intervals, figures and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.catalog.bundle import Bundle
    from ecgtool.evaluation import Evaluation, Options
    from ecgtool.metrics import Metrics
    from ecgtool.metrics.beat_documents import BeatMetrics
    from ecgtool.report.comparison import Pair
    from ecgtool.store import Store

Aggregate = Annotated[
    Literal["mean", "max", "noisy-or"] | None,
    typer.Option("--aggregate", help="How recordings become a patient's prediction; mean of the logits by default."),
]
RuleName = Annotated[
    str,
    typer.Option(
        "--rule",
        help="What picks a run's thresholds on its validation split: f1 (the default), youden, sensitivity=0.9 or "
        "specificity=0.9.",
    ),
]

Beats = Annotated[
    Literal["annotated", "detected"],
    typer.Option(
        "--beats",
        help="Of heartbeats: detected also finds the beats anew, as ecg predict does, and counts missed and extra ones "
        "beside the classes, as EC57 has it.",
    ),
]


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A run, a registered model (NAME, NAME@7) or a bundle's folder.", show_default=False)
    ],
    other: Annotated[
        str,
        typer.Argument(
            metavar="[RUN_B]", help="Another one to compare it with, on the same items.", show_default=False
        ),
    ] = "",
    dataset: Annotated[
        str, typer.Option("--dataset", help="Another store to evaluate on; the one it was trained on by default.")
    ] = "",
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    by_patient: Annotated[
        bool, typer.Option("--by-patient", help="One prediction per patient, thresholds chosen for patients.")
    ] = False,
    aggregate: Aggregate = None,
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
    rule: RuleName = "",
    beats: Beats = "annotated",
) -> Result:
    """Measure a run or a model, or compare two: AUROC, AUPRC, F1 and more with 95 % intervals by patient, a report."""
    from ecgtool.evaluation import Options
    from ecgtool.files import refuse_existing
    from ecgtool.report import HOLDS, write_report
    from ecgtool.store import Store

    store = Store.open(dataset) if dataset else None
    how = (aggregate or "mean") if by_patient or aggregate else None
    options = Options(device, batch, bootstrap, rule or None, how, whole=not other)
    if beats == "detected":
        _refuse_found(model, other)
    name = _name(store, split, by_patient=bool(how))
    folder, inside = _folder(model, f"comparison-{_model_name(other)}-{name}" if other else f"evaluation-{name}")
    force = force or (inside and out is None)  # an evaluation inside a run is made anew
    if other:
        return _compared((model, other), store, split, options, (out or folder, force))
    refuse_existing(out or folder, force=force, holds=HOLDS)
    found = _measured(model, store, split, options)
    found = _with_found_beats(found, model, store, split) if beats == "detected" else found
    write_report(found, out or folder, force=force)
    following = f"ecg export {model} --format all" if inside else f"ecg predict {model} FILE"
    return Result({**found.document, "report": str(out or folder)}, _said(found, out or folder), [following])


def _compared(
    models: tuple[str, str], store: Store | None, split: str, options: Options, place: tuple[Path, bool]
) -> Result:
    """The comparison of two models, in a folder that may be there."""
    from ecgtool.files import refuse_existing
    from ecgtool.report.comparison import HOLDS, pair, write_comparison

    folder, force = place
    refuse_existing(folder, force=force, holds=HOLDS)
    first, second = (_measured(model, store, split, options) for model in models)
    compared = pair(first, second, options.bootstrap)
    write_comparison(compared, folder, force=force)
    following = [f"ecg evaluate {model}" for model in models]
    return Result({**compared.document, "report": str(folder)}, _said_of_two(compared, folder), following)


def _name(store: Store | None, split: str, *, by_patient: bool) -> str:
    """What was evaluated, in the name of a report's folder."""
    parts = [*([store.path.name] if store else []), split, *(["patients"] if by_patient else [])]
    return "-".join(parts)


def _folder(model: str, name: str) -> tuple[Path, bool]:
    """Where a report goes unless told, and whether that is inside a run."""
    from ecgtool.catalog import find_run

    run = find_run(model)
    return (run / name, True) if run is not None else (Path(f"{_bundle(model).path.name}-{name}"), False)


def _model_name(model: str) -> str:
    """The name of a run or of a model's bundle, for the name of a folder."""
    from ecgtool.catalog import find_run

    run = find_run(model)
    return run.name if run is not None else _bundle(model).path.name


def _measured(model: str, store: Store | None, split: str, options: Options) -> Evaluation:
    """The evaluation of a run or a model."""
    from ecgtool.catalog import find_run

    run = find_run(model)
    if run is not None:
        from ecgtool.run import Run
        from ecgtool.training.evaluate import measure

        return measure(Run.open(run), store, split, options)
    from ecgtool.serving.evaluate import measure_bundle

    return measure_bundle(_bundle(model), store, split, options)


def _refuse_found(model: str, other: str) -> None:
    """Refuse to find beats where no beat is asked for, before anything is measured."""
    from ecgtool.catalog import find_run
    from ecgtool.errors import ConfigError
    from ecgtool.run import Run

    run = find_run(model)
    task = (Run.open(run).lineage if run is not None else _bundle(model).manifest).task
    if task.of != "beat":
        raise ConfigError(f"The task '{task.name}' of {model} is not of heartbeats.", "Leave out --beats.")
    if other:
        raise ConfigError("Two models are compared on annotated beats.", "Leave out --beats, or evaluate one by one.")


def _with_found_beats(found: Evaluation, model: str, store: Store | None, split: str) -> Evaluation:
    """The evaluation with the beats that the model finds itself: those of its bundle, which a run is exported as."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from ecgtool.catalog import find_run
    from ecgtool.serving.evaluate import own_store
    from ecgtool.serving.found_beats import compare_found

    run, beats = find_run(model), found.metrics.beats
    with TemporaryDirectory() as folder:
        bundle = _bundle(model) if run is None else _exported(run, store, Path(folder))
        held = store if store is not None else own_store(bundle)
        compared = compare_found(bundle, held, split, beats.bootstrap.resamples if beats else 0)
    whole = beats and beats.model_copy(update={"ec57": compared})
    return replace(found, metrics=found.metrics.model_copy(update={"beats": whole}))


def _exported(run: Path, store: Store | None, folder: Path) -> Bundle:
    from ecgtool.export.export import export_run
    from ecgtool.run import Run

    return export_run(Run.open(run), folder / run.name, store=store)


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


def _said(found: Evaluation, folder: Path) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable, table
    from ecgtool.report import beats, waves, words
    from ecgtool.report.page import EXACT, MARK, marked, number

    metrics = found.metrics
    rows = [(name, number(value.value), marked(value)) for name, value, _, _ in words.overall_rows(metrics)]
    tables = [table(("figure", "value", "95 % interval"), rows, f"{words.title(metrics)}: {words.numbers(found)}")]
    if len(metrics.per_label) > 1:
        tables.append(table(("label", "positives", "AUROC", "95 % interval", *_HEADS, "threshold"), _label_rows(found)))
    tables += _beat_tables(metrics)
    tables += [table(waves.COLUMNS, waves.rows_of(metrics.waves), "Boundaries of waves")] if metrics.waves else []
    said = (
        f"Decision: {words.decided(metrics)}.",
        f"Time per record: {words.spoken_time(metrics)}",
        f"Report: {folder}/report.html",
        DISCLAIMER,
    )
    notes = [
        *(beats.in_words(metrics.beats) if metrics.beats else []),
        *(waves.in_words(metrics.waves) if metrics.waves else []),
        *words.in_short(metrics),
        *words.label_notes(metrics),
        *words.interval_notes(metrics),
    ]
    notes += [*words.threshold_notes(metrics), *([EXACT] if any(MARK in row[2] for row in rows) else []), *said]
    return Group(*tables, *(Text(printable(note)) for note in notes))


def _beat_tables(metrics: Metrics) -> list[RenderableType]:
    """Classes of heartbeats and the AAMI table; none of another task."""
    from ecgtool.console import table
    from ecgtool.metrics.beat_counts import AAMI_QUANTITIES, CLASS_QUANTITIES
    from ecgtool.report.beats import SHORT
    from ecgtool.report.page import number, spoken

    if metrics.beats is None:
        return []
    rows = [
        (label, str(each.beats), *(spoken(each.gross[name]) for name in CLASS_QUANTITIES))
        for label, each in metrics.beats.per_class.items()
    ]
    made = [table(("class", "beats", *(SHORT[name] for name in CLASS_QUANTITIES)), rows, "Heartbeats, gross")]
    ectopic = [
        (name, str(row.beats), *(number(row.aami[part].value) for part in AAMI_QUANTITIES))
        for name, row in metrics.beats.aami.items()
    ]
    heads = ("AAMI", "beats", *(SHORT[name] for name in AAMI_QUANTITIES))
    return [*made, *([table(heads, ectopic)] if ectopic else []), *_found_tables(metrics.beats)]


def _found_tables(beats: BeatMetrics) -> list[RenderableType]:
    """The matrix of found beats and its figures; none where they were not asked for."""
    from ecgtool.console import table
    from ecgtool.report import ec57
    from ecgtool.report.page import spoken

    if beats.ec57 is None:
        return []
    rows = [[cell if isinstance(cell, str) else spoken(cell) for cell in row] for row in ec57.figure_rows(beats.ec57)]
    matrix = table(ec57.matrix_heads(beats.ec57), ec57.matrix_rows(beats.ec57), ec57.titled(beats.ec57))
    return [matrix, table(ec57.FIGURE_HEADS, rows)]


def _said_of_two(compared: Pair, folder: Path) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable, table
    from ecgtool.report import comparison, words

    heads = ("figure", *compared.names, "difference (95 % interval)", "p")
    areas = ("AUROC of", "pos. patients", *compared.names, "difference (95 % interval)", "p (DeLong)")
    classes = ("class", *heads)
    of_beats = bool(compared.found.classes)
    cautions = dict.fromkeys(note for each in compared[:2] for note in words.cautions(each.metrics))
    notes = [
        comparison.in_short(compared),
        *cautions,
        *compared.found.notes,
        f"Report: {folder}/report.html",
        DISCLAIMER,
    ]
    return Group(
        table(heads, comparison.rows(compared), comparison.title_of(compared)),
        table(classes, comparison.class_rows(compared)) if of_beats else table(areas, comparison.delong_rows(compared)),
        *(Text(printable(note)) for note in notes),
    )


_HEADS = ("AUPRC", "F1", "sens.", "spec.")


def _label_rows(found: Evaluation) -> list[tuple[str, ...]]:
    from ecgtool.report import words
    from ecgtool.report.page import interval, number

    rows = []
    for label, each in found.metrics.per_label.items():
        figures = [number(each.values[name].value) for name in ("auprc", "f1", "sensitivity", "specificity")]
        area = each.values["auroc"]
        marked = f"{label} *" if each.few else label
        cut = words.threshold(found.metrics, label)
        rows.append((marked, str(each.positives), number(area.value), interval(area), *figures, cut))
    return rows
