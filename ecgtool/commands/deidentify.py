"""``ecg deidentify``: recordings without what may identify a person, and the list of what was removed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.deidentify import Report

_MOST_ROWS = 20


def deidentify(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of recordings.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.", show_default=False)],
    keep: Annotated[str, typer.Option("--keep", help="What stays beside the ECG: age, sex, or age,sex.")] = "",
    to: Annotated[
        str, typer.Option("--to", help="Convert to wfdb, npy or edf; each recording's own format if not given.")
    ] = "",
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Key of an earlier run, for the same pseudonyms; deidentify.key beside --out."),
    ] = None,
    patients: Annotated[
        Path | None,
        typer.Option("--patients", help="CSV with columns file and patient: whose each recording is."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Write which file became which: keep that as safe as the key.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier run wrote.")] = False,
) -> Result:
    """Rebuild recordings from what may stay: no names, no free text. An ECG itself can still identify a person."""
    from ecgtool.console import log
    from ecgtool.deidentify import Policy
    from ecgtool.deidentify import deidentify as run

    kept = frozenset(name.strip() for name in keep.split(",") if name.strip())
    report = run(source, out, Policy(kept, to, key, patients, map_file, force))
    for path, error in report.failed:
        log.error("%s: %s %s", path, error.message, error.hint)
    data = {"out": str(report.out), "key": str(report.key), "map": map_file and str(map_file), **report.audit}
    return Result(data, _said(report), _next(report), code=1 if report.failed else 0)


def _said(report: Report) -> RenderableType:
    """What was done, as tables: by recording, then by kind of field."""
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import table

    audit = report.audit
    files = audit["files"]
    rows = [_row(entry) for entry in files[:_MOST_ROWS]]
    title = f"{audit['recordings']} recordings of {audit['patients']} patients: {report.out}"
    heads = ("recording", "format", "samples", "fields removed", "dates moved", "kept")
    lines = [f"… and {len(files) - _MOST_ROWS} more recordings, in deidentify.json."] if len(files) > _MOST_ROWS else []
    lines += _not_copied(audit["not_copied"])
    lines += [f"Key: {report.key}. Keep it apart from the output, and safe.", audit["caution"], audit["disclaimer"]]
    most = sorted(audit["removed"].items(), key=lambda kind: (-kind[1], kind[0]))
    removed = table(("removed", "times"), most[:_MOST_ROWS])
    if len(most) > _MOST_ROWS:
        lines.insert(0, f"… and {len(most) - _MOST_ROWS} more kinds of field, in deidentify.json.")
    return Group(table(heads, rows, title), removed, *(Text(line) for line in lines))


def _row(entry: dict[str, Any]) -> tuple[object, ...]:
    step = entry["largest_difference_uv"]
    same = "identical" if not step else f"within {step:.3g} µV"
    kept = ", ".join(f"{name} (capped)" if name == "age" and entry["age_capped"] else name for name in entry["kept"])
    return entry["file"], entry["format"], same, sum(entry["removed"].values()), entry["dates"], kept or "–"


def _not_copied(left: dict[str, Any]) -> list[str]:
    """A line on what was left where it is; none where that is nothing."""
    others = [f"{number} {ending}" for ending, number in left["others"].items()]
    told = {"unreadable": "unreadable", "duplicates": "there twice", "links": "links"}
    counted = [f"{left[name]} {words}" for name, words in told.items() if left[name]]
    return [f"Not copied: {', '.join((*counted, *others))}."] if counted or others else []


def _next(report: Report) -> list[str]:
    files = report.audit["files"]
    return [f"ecg info {shlex.quote(str(report.out / files[0]['file']))}"] if files else []
