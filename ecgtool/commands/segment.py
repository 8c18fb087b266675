"""``ecg segment``: where the P waves, QRS complexes and T waves of recordings lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
        typer.Option("--beats", help="Find the beats, or take those that a store has annotated, if not given."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Of the waves in the store; the method's if not given.")] = "",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Recordings at a time.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace waves or files that are there.")] = False,
) -> Result:
    """Find P waves, QRS complexes and T waves: of a store, which gains them; of recordings, to see or to write."""
    from ecgtool.delineation.walk_files import summarise, write_folder, write_table
    from ecgtool.delineation.walk_many import Ask, store_of
    from ecgtool.files import expanded

    ask = Ask(tuple(filter(None, map(str.strip, leads.split(",")))), method, beats or "")
    store = store_of(targets)
    kind = format or ("csv" if out.lower().endswith(".csv") else "" if store else "wfdb")
    if store and not (out and kind):
        return _into_store(store, targets[0], out, ask, name, workers, force=force)
    _refuse(name, format, out)
    given, path = store or targets, expanded(out)
    if not out:
        return _told(targets, summarise(given, ask, workers), ask, None)
    if kind == "csv":
        path = path / "waves.csv" if path.is_dir() else path
        return _told(targets, write_table(path, given, ask, workers, force=force), ask, path)
    return _told(targets, write_folder(path, given, ask, workers, force=force), ask, path)


def _refuse(name: str, format: str | None, out: str) -> None:
    """Raise where an option does not fit what is done."""
    from ecgtool.errors import ConfigError

    if name:
        raise ConfigError("--name is of waves in a store.", "Leave it out.")
    if format and not out:
        raise ConfigError(f"--format {format} needs --out.", "For example --out waves" + (".csv" * (format == "csv")))


def _into_store(store: Store, given: str, out: str, ask: Ask, name: str, workers: int, *, force: bool) -> Result:
    """Add a set of waves to a store, or to a copy of it."""
    from ecgtool.console import counted, log, table
    from ecgtool.delineation.stored import add_waves, copied
    from ecgtool.delineation.walk_many import of_store
    from ecgtool.home import place

    beats_from, find = ask.beats_of(store), of_store(store, ask, workers)
    if beats_from == "reference" and not ask.beats:
        log.info("The beats are those that %s has annotated; --beats detected finds them anew.", store.path.name)
    if out:
        store, given = copied(store, place("stores", out), force=force), out
    named = name or ask.method
    made = add_waves(store, named, find, method=ask.method, beats_from=beats_from, leads=ask.leads, force=force)
    held, kinds = made.wave_set(named), made.wave_counts(named)
    title = f"{made.path.name}: waves '{named}' of {counted(held.beats, 'beat')} ({beats_from})"
    data = {"store": str(made.path), **held.model_dump(mode="json"), "kinds": kinds}
    following = (f"ecg plot {shlex.quote(f'{given}:0')} --waves", f"ecg sentences {shlex.quote(given)}")
    return Result(data, table(("wave", "all leads together"), list(kinds.items()), title), following)


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

    heads = ("record", "seconds", "leads", "beats", "rate", "P", "QRS", "T")
    rows = [(it.record, it.seconds, it.leads, it.beats, it.rate, *it.waves.values()) for it in summaries[:SHOWN]]
    rest = len(summaries) - SHOWN
    notes = [f"... and {rest} more; --json tells all."] if rest > 0 else []
    notes += [f"Waves: {out}"] if out else []
    return Group(table(heads, rows), *(Text(printable(note)) for note in (*notes, DISCLAIMER)))


def _next(targets: Sequence[str], taken: Taken, out: Path | None) -> tuple[str, ...]:
    first = taken.summaries[0].file if taken.summaries else targets[0]
    plot = f"ecg plot {shlex.quote(first)} --waves"
    if out:
        return (plot,)
    named = " ".join(map(shlex.quote, targets)) if len(targets) < 4 else "FILE..."
    return f"ecg segment {named} --out waves.csv", plot
