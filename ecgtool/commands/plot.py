"""``ecg plot``: a picture of a recording, an item of a store, a run or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgtool.console import Result


def plot(
    target: Annotated[str, typer.Argument(help="A recording, STORE:ITEM, run, bundle or model.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Picture: .png, .pdf, .svg or .html; NAME.png if not given.")
    ] = None,
    start: Annotated[float, typer.Option("--start", help="Where in the recording to start, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option("--seconds", help="How much to draw; a page if not given.")] = None,
    waves: Annotated[bool, typer.Option("--waves", help="Draw P waves, QRS complexes and T waves.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
) -> Result:
    """Draw a recording on ECG paper (25 mm/s, 10 mm/mV), a run's learning curves, or a bundle's figures per label."""
    from ecgtool.console import log
    from ecgtool.files import refuse_existing
    from ecgtool.paper import check_name, write
    from ecgtool.picture import picture

    if out:
        check_name(out)
        refuse_existing(out, force=force)
    drawn = picture(target, start, seconds, waves=waves)
    path = out or Path(f"{drawn.name}.png")
    refuse_existing(path, force=force)
    write(drawn.figure, path, drawn.title)
    for line in drawn.facts.get("warnings", ()):
        log.warning("%s", line)
    data = {"picture": str(path), "kind": drawn.kind, **drawn.facts}
    return Result(data, f"Picture of {drawn.kind} {drawn.title}: {path}", [drawn.more] if drawn.more else [])
