"""What a thing looks like: a recording on paper, a run's learning curves, a bundle's figures per label."""

from __future__ import annotations

import csv
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecgtool import paper
from ecgtool.catalog import Bundle
from ecgtool.config import checked
from ecgtool.console import DISCLAIMER, printable
from ecgtool.delineation.shown import annotated_part, waves_of_item_part, waves_of_part
from ecgtool.describe import locate
from ecgtool.errors import ConfigError, DataError, EcgError, NotFound
from ecgtool.files import explained
from ecgtool.formats import read_record
from ecgtool.metrics import Metrics
from ecgtool.paper.beats import name_beats
from ecgtool.paper.page import LONGEST_S, layout_of
from ecgtool.paper.waves import draw_waves
from ecgtool.record import Record
from ecgtool.report.drawing import COLOURS
from ecgtool.report.figures import label_intervals
from ecgtool.run import Run
from ecgtool.settings import Preprocessing
from ecgtool.signals.checks import check
from ecgtool.store import Store
from ecgtool.waves import Wave, Waves

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,
    "svg.hashsalt": "ecgtool",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#EEEEEE",
    "legend.frameon": False,
}
_LOSSES = ("train_loss", "val_loss")


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows.

    Args:
        kind: ``recording``, ``item``, ``run`` or ``bundle``.
        name: What to call its file, without a suffix.
        title: What it is called in the picture.
        figure: The figure.
        facts: What is shown, for machines.
        more: The command that draws what comes after, or empty.
    """

    kind: str
    name: str
    title: str
    figure: Figure
    facts: dict[str, Any]
    more: str = ""


def picture(target: str, start_s: float = 0.0, seconds: float | None = None, *, waves: bool = False) -> Picture:
    """Draw a recording, an item of a store (``STORE:ITEM``), a run, a bundle or a registered model.

    Args:
        target: A path or a name.
        start_s: Where in a recording to start.
        seconds: How much of it to draw; a page at most, and a page where not given.
        waves: Whether to draw its waves.

    Raises:
        NotFound: There is nothing of that path or name, or the store has no such item.
        ConfigError: A range was asked of what has none, or one that cannot be.
        EcgError: It is there but damaged, or holds nothing to draw.
    """
    store, item = _store_and_item(target)
    path = locate(store)
    if (path / "manifest.json").is_file():
        return of_item(Store.open(path), store, item or "0", start_s, seconds, waves=waves)
    if start_s or seconds is not None or waves:
        _refuse_range(path, "--waves" if waves else "--start and --seconds")
    if (path / "config.yaml").is_file():
        return of_run(Run.open(path))
    if (path / "bundle.json").is_file():
        return of_bundle(Bundle.open(path))
    if path.is_dir():
        raise EcgError(f"{path} is a folder, but not a store, a run or a bundle.", "Name a recording in it.")
    return of_recording(path, start_s, seconds, waves=waves)


def of_recording(path: Path, start_s: float = 0.0, seconds: float | None = None, *, waves: bool = False) -> Picture:
    """A page of a recording, with its waves if asked."""
    record = read_record(path, start_s, LONGEST_S if seconds is None else min(seconds, LONGEST_S))
    layout = layout_of(record)
    title = record.id or path.stem
    end = start_s + layout.samples / record.fs
    whole = record.whole_s
    flag = " --waves" if waves else ""
    more = f"ecg plot {shlex.quote(str(path))} --start {end:g}{flag}" if end < whole - 1 / record.fs else ""
    warnings = (*record.meta.get("warnings", ()), *check(record))
    facts = {**_facts(record, start_s, end), "warnings": list(warnings)}
    figure = paper.draw(record, title=title, note=" ".join(warnings))
    if waves:
        facts["waves"] = _draw_waves(figure, record, *waves_of_part(path, start_s, end - start_s, layout.leads))
    return Picture("recording", _file_name(title, start_s), title, figure, facts, more)


def of_item(
    store: Store, name: str, item: str, start_s: float = 0.0, seconds: float | None = None, *, waves: bool = False
) -> Picture:
    """An item of a store, with its labels, and with its waves and beats if asked.

    Args:
        store: The store.
        name: What the user calls it.
        item: Id or number.
        start_s: Where in the item to start.
        seconds: How much of it to draw; a page where not given.
        waves: Whether to draw its waves, and the symbols of the beats that the corpus annotates.
    """
    number = store.find_item(item)
    record = _cut(store.record(number), start_s, seconds)
    tasks = [task for task in store.manifest.tasks if task.of == "item" and task.kind not in ("waves", "tokens")]
    labels = {task.name: list(store.labels_of(number, task)) for task in tasks}
    said = [f"{task}: {', '.join(held) or 'none'}" for task, held in labels.items()]
    recorded = record.meta.get("recorded", 1.0)
    said += [f"{recorded:.0%} of the leads were recorded, the others are imputed"] if recorded < 1 else []
    title = f"{store.path.name}: {record.id}"
    figure = paper.draw(record, title=title, note="; ".join(said), filters=_filters(store.manifest.preprocessing))
    end = start_s + layout_of(record).samples / record.fs
    facts = {"item": number, "labels": labels, **_facts(record, start_s, end)}
    following = _item_name(store, number + 1) if number + 1 < store.manifest.items else ""
    more = f"ecg plot {shlex.quote(f'{name}:{following}')}{' --waves' if waves else ''}" if following else ""
    if waves:
        facts["waves"] = _draw_waves(figure, record, *waves_of_item_part(store, number, start_s, end - start_s))
        if store.manifest.beats:
            name_beats(figure, record, *annotated_part(store, number, start_s))
    return Picture("item", _file_name(f"{store.path.name}-{record.id}", start_s), title, figure, facts, more)


def _draw_waves(figure: Figure, record: Record, waves: Waves, found: str) -> dict[str, Any]:
    """Draw waves on a page; what is drawn, for machines."""
    draw_waves(figure, record, waves, found)
    kinds = {kind.name: len(waves.of(kind=kind)) for kind in Wave}
    return {"found_by": found, "beats": len(waves.beats), **kinds}


def _item_name(store: Store, number: int) -> str:
    """What to type for an item: its number, or its id where an id of the store reads like that number."""
    return str(number) if store.find_item(str(number)) == number else store.column("id")[number]


def of_run(run: Run) -> Picture:
    """Losses and the metric that picks the best epoch, epoch by epoch; of an ensemble, those of each member.

    Raises:
        NotFound: The run has no finished epoch.
        DataError: Its ``metrics.csv`` is damaged.
    """
    curves = {trained.path.name: _epochs(trained.path / "metrics.csv") for trained in run.members or (run,)}
    epochs = next(iter(curves.values()))
    scored = [name for name in epochs if name.startswith("val_") and name not in _LOSSES]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        if run.members:
            _members(left, curves, "val_loss")
            _members(right, curves, scored[0] if scored else "val_loss")
        else:
            _curves(left, epochs, [name for name in _LOSSES if name in epochs], "Loss")
            _curves(right, epochs, scored, "Validation")
        figure.suptitle(_line(f"{run.name}: {run.config.arch} on {run.lineage.dataset}, task {run.lineage.task.name}"))
        figure.supxlabel(DISCLAIMER, fontsize=7)
    facts = {"run": run.name, "epochs": max(len(each["epoch"]) for each in curves.values()), "columns": list(epochs)}
    if run.members:
        facts["members"] = list(curves)
    return Picture("run", _file_name(run.name), run.name, figure, facts, f"ecg evaluate {shlex.quote(str(run.path))}")


def of_bundle(bundle: Bundle) -> Picture:
    """AUROC of every label on the test split with its interval; where a bundle was not evaluated, its thresholds."""
    held = bundle.manifest
    document = held.metrics
    metrics = checked(Metrics, document, "metrics") if document else None
    with mpl.rc_context(_STYLE):
        figure = label_intervals(metrics) if metrics else _thresholds(held.thresholds)
        found = "test split" if metrics else "not evaluated; its thresholds"
        figure.suptitle(_line(f"{held.name}: {held.arch}, task {held.task.name}, {found}"))
        figure.supxlabel(DISCLAIMER, fontsize=7)
    facts = {"model": held.name, "task": held.task.name, "evaluated": metrics is not None}
    return Picture(
        "bundle", _file_name(bundle.path.name), held.name, figure, facts, f"ecg info {shlex.quote(str(bundle.path))}"
    )


def _store_and_item(target: str) -> tuple[str, str]:
    """``STORE:ITEM`` in its parts; the whole target where it has no item, or is itself a path."""
    store, colon, item = target.rpartition(":")
    if not colon or not store or Path(target).exists():
        return target, ""
    path = locate(store)
    if not (path / "manifest.json").is_file():
        raise NotFound(f"{path} is not a store, so '{printable(item[:80])}' cannot be an item of it.", "Leave it out.")
    return store, item


def _refuse_range(path: Path, options: str) -> None:
    if path.is_dir():
        raise ConfigError(f"{path} is not a recording: {options} cannot apply.", "Leave them out.")


def _cut(record: Record, start_s: float, seconds: float | None) -> Record:
    if not 0 <= start_s < record.seconds or (seconds is not None and not seconds > 0):
        asked = f"{seconds:g} s" if seconds is not None else "What comes"
        raise ConfigError(f"{asked} from {start_s:g} s cannot be drawn: the item lasts {record.seconds:g} s.")
    first = round(start_s * record.fs)
    last = record.signal.shape[1] if seconds is None or math.isinf(seconds) else first + round(seconds * record.fs)
    meta = {**record.meta, "start_s": start_s, "duration_s": record.seconds}
    return Record(record.signal[:, first:last], record.fs, record.leads, record.id, record.patient, meta)


def _facts(record: Record, start_s: float, end_s: float) -> dict[str, Any]:
    return {"record": record.id, "leads": list(record.leads), "fs": record.fs, "start_s": start_s, "end_s": end_s}


def _filters(steps: Preprocessing) -> str:
    """What was done to a store's recordings, in words."""
    said = [f"high-pass {steps.highpass:g} Hz"] if steps.highpass else []
    said += [f"low-pass {steps.lowpass:g} Hz"] if steps.lowpass else []
    said += [f"notch {steps.notch:g} Hz"] if steps.notch else []
    said += [f"baseline {steps.baseline}"] if steps.baseline != "none" else []
    said += [f"normalised {steps.normalise}"] if steps.normalise != "none" else []
    return ", ".join(said)


def _epochs(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        raise NotFound(f"{path} does not exist: the run has no finished epoch.", "Go on with: ecg train --resume")
    with explained(path), path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    try:
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
        return {"epoch": columns.pop("epoch"), **columns}
    except (IndexError, KeyError, TypeError, ValueError):
        raise DataError(f"{path} is not a table of epochs.", "Is it damaged, or edited?") from None


def _curves(axes: Axes, epochs: dict[str, list[float]], names: list[str], title: str) -> None:
    for name, colour in zip(names, COLOURS, strict=False):
        axes.plot(epochs["epoch"], epochs[name], "o-", color=colour, markersize=3.5, linewidth=1.3, label=_line(name))
    axes.set(xlabel="epoch", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if names:
        axes.legend()


def _members(axes: Axes, curves: Mapping[str, Mapping[str, list[float]]], column: str) -> None:
    """One line per member; the first ones in colours of their own and named, as far as there are any."""
    for number, (name, epochs) in enumerate(curves.items()):
        values = epochs.get(column, [math.nan] * len(epochs["epoch"]))
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(epochs["epoch"], values, "o-", color=colour, markersize=2.5, linewidth=1.1, label=_line(name))
    axes.set(xlabel="epoch", title=_line(column))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=7, ncols=1 + len(curves) // 9)


def _thresholds(thresholds: dict[str, float]) -> Figure:
    figure = Figure(figsize=(6.4, 1.4 + 0.24 * max(len(thresholds), 2)), layout="constrained")
    axes = figure.subplots()
    axes.plot(list(thresholds.values()), range(len(thresholds)), "o", color=COLOURS[0], markersize=5)
    axes.set_yticks(range(len(thresholds)), [_line(label) for label in thresholds])
    axes.set(xlim=(0, 1), ylim=(-0.7, len(thresholds) - 0.3), xlabel="threshold")
    return figure


def _line(text: str) -> str:
    """One line that matplotlib draws as it is; a legend hides names that begin with an underscore."""
    shown = printable(" ".join(text.split()))[:90]
    return f" {shown}" if shown.startswith("_") else shown


def _file_name(text: str, start_s: float = 0.0) -> str:
    """A name for a file, whatever the thing is called."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:64] or "recording"
    return f"{name}-{start_s:g}s" if start_s else name
