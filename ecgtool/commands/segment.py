"""``ecg segment``: where the P waves, QRS complexes and T waves of recordings lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.delineation.walk_files import Summary, Taken
    from ecgtool.delineation.walk_many import Ask
    from ecgtool.store import Store

SHOWN = 40
"""Recordings in the table on the screen; ``--json`` and files have all."""


def segment(
    targets: Annotated[list[str], typer.Argument(help="A store, or recordings.", show_default=False)],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            help="waves.csv: a table; of recordings, a folder: WFDB annotations; of a store, another store.",
        ),
    ] = "",
    format: Annotated[
        Literal["csv", "wfdb"] | None, typer.Option("--format", help="What --out is, where its name does not say.")
    ] = None,
    leads: Annotated[str, typer.Option("--leads", help="Leads to look at, e.g. MLII,II; all if not given.")] = "",
    method: Annotated[str, typer.Option("--method", help="unet1d or wavelet; the better one if not given.")] = "",
    beats: Annotated[
        Literal["detected", "reference"] | None,
        typer.Option("--beats", help="Find beats, or take those of a store (the default there) or of REC.atr."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Of the waves in the store; the method's if not given.")] = "",
    measurements: Annotated[
        Path | None, typer.Option("--measurements", help="Write rate, intervals and amplitudes per recording as CSV.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Recordings at a time.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace waves or files that are there.")] = False,
) -> Result:
    """Find P waves, QRS complexes and T waves: of a store, which gains them; of recordings, to see or to write."""
    from ecgtool.console import log
    from ecgtool.delineation.files_measured import of_stored, write_measurements
    from ecgtool.delineation.walk_many import Ask, store_of
    from ecgtool.files import refuse_existing

    if measurements:
        refuse_existing(measurements, force=force)
    ask = Ask(tuple(filter(None, map(str.strip, leads.split(",")))), method, beats or "")
    store = store_of(targets)
    kind = format or ("csv" if out.lower().endswith(".csv") else "" if store else "wfdb")
    if store and not (out and kind):
        made, name = _added(store, out, ask, name, workers, force=force)
        summaries: Sequence[Summary] = of_stored(made, name) if measurements else ()
        result = _gained(made, name, out or targets[0])
    else:
        _refuse(name, format, out)
        taken, path = _taken(store or targets, out, ask, kind, workers, force=force)
        summaries, result = taken.summaries, _told(targets, taken, ask, path)
    if measurements:
        write_measurements(measurements, summaries, force=force)
        log.info("Measurements: %s", measurements)
    return replace(result, data={**result.data, "measurements": measurements and str(measurements)})


def _refuse(name: str, format: str | None, out: str) -> None:
    """Raise where an option does not fit what is done."""
    from ecgtool.errors import ConfigError

    if name:
        raise ConfigError("--name is of waves in a store.", "Leave it out.")
    if format and not out:
        raise ConfigError(f"--format {format} needs --out.", "For example --out waves" + (".csv" * (format == "csv")))


def _added(store: Store, out: str, ask: Ask, name: str, workers: int, *, force: bool) -> tuple[Store, str]:
    """The store, or a copy of it, with a set of waves more; and the name of the set."""
    from ecgtool.console import log
    from ecgtool.delineation.stored import add_waves, copied
    from ecgtool.delineation.walk_many import of_store
    from ecgtool.home import place
    from ecgtool.signals.peaks import rough

    beats_from, find = ask.beats_of(store), of_store(store, ask, workers)
    if beats_from == "reference" and not ask.beats:
        log.info("The beats are those that %s has annotated; --beats detected finds them anew.", store.path.name)
    for line in rough(store.manifest.fs):
        log.warning("%s: %s", store.path.name, line)
    if out:
        store = copied(store, place("stores", out), force=force)
    name = name or ask.method
    made = add_waves(store, name, find, method=ask.method, beats_from=beats_from, leads=ask.leads, force=force)
    return made, name


def _gained(store: Store, name: str, given: str) -> Result:
    """What a store gained; ``given`` is what the user calls it."""
    from ecgtool.console import counted, table

    held, kinds = store.wave_set(name), store.wave_counts(name)
    title = f"{store.path.name}: waves '{name}' of {counted(held.beats, 'beat')} ({held.beats_from})"
    data = {"store": str(store.path), **held.model_dump(mode="json"), "kinds": kinds}
    following = (f"ecg plot {shlex.quote(f'{given}:0')} --waves", f"ecg sentences {shlex.quote(given)}")
    return Result(data, table(("wave", "all leads together"), list(kinds.items()), title), following)


def _taken(
    given: Store | Sequence[str], out: str, ask: Ask, kind: str, workers: int, *, force: bool
) -> tuple[Taken, Path | None]:
    """What became of recordings, and the file or folder that was written."""
    from ecgtool.delineation.walk_files import summarise, write_folder, write_table
    from ecgtool.files import expanded

    if not out:
        return summarise(given, ask, workers), None
    path = expanded(out)
    if kind == "csv":
        path = path / "waves.csv" if path.is_dir() else path
        return write_table(path, given, ask, workers, force=force), path
    return write_folder(path, given, ask, workers, force=force), path


def _told(targets: Sequence[str], taken: Taken, ask: Ask, out: Path | None) -> Result:
    """What was found in each recording, and what failed."""
    from ecgtool.console import DISCLAIMER, log

    for failure in taken.failed:
        named = "" if failure.target in failure.error.message else f"{failure.target}: "
        log.error("%s%s %s", named, failure.error.message, failure.error.hint)
    for summary in taken.summaries:
        for line in summary.warnings:
            log.warning("%s: %s", summary.record, line)
    if taken.done:
        log.info("%d of them had been done before and are left as they are; --force does them anew.", taken.done)
    data = {
        "method": ask.method,
        "recordings": [it.document() for it in taken.summaries],
        "failed": [{"file": it.target, "error": it.error.message, "hint": it.error.hint} for it in taken.failed],
        "done_before": taken.done,
        "out": out and str(out),
        "disclaimer": DISCLAIMER,
    }
    return Result(data, _table(taken.summaries, out), _next(targets, taken, out), code=1 if taken.failed else 0)


def _table(summaries: Sequence[Summary], out: Path | None) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable, table

    heads = ("record", "seconds", "leads", "beats", "rate", "P waves", "PR ms", "QRS ms", "QT ms", "QTc ms")
    rows = [_row(summary) for summary in summaries[:SHOWN]]
    rest = len(summaries) - SHOWN
    notes = [f"... and {rest} more; --json and --measurements tell all."] if rest > 0 else []
    notes += ["Medians; P waves: beats that have one; QTc by Fridericia's formula."] if rows else []
    notes += [f"Waves: {out}"] if out else []
    told = [Text(printable(note)) for note in (*notes, DISCLAIMER)]
    return Group(*([table(heads, rows)] if rows else []), *told)  # all may have been done before


def _row(summary: Summary) -> tuple[object, ...]:
    """One recording; the share of beats with a P wave in percent, QT corrected by Fridericia's formula."""
    found = summary.measured
    intervals = (value and round(value.median) for value in (found.pr_ms, found.qrs_ms, found.qt_ms))
    corrected = found.qtc_ms and round(found.qtc_ms["fridericia"])
    share = None if found.p_share is None else f"{found.p_share:.0%}"
    told = (summary.record, summary.seconds, summary.leads, found.beats, found.heart_rate, share)
    return (*told, *intervals, corrected)


def _next(targets: Sequence[str], taken: Taken, out: Path | None) -> tuple[str, ...]:
    first = taken.summaries[0].file if taken.summaries else targets[0]
    plot = f"ecg plot {shlex.quote(first)} --waves"
    if out:
        return (plot,)
    named = " ".join(map(shlex.quote, targets)) if len(targets) < 4 else "FILE..."
    return f"ecg segment {named} --out waves.csv", plot
