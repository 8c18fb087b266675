"""``ecg download``: a public corpus, verified file by file."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ecgtool.console import Result


def download(
    corpus: Annotated[str, typer.Argument(help="ptbxl, mitdb, ludb, qtdb or nstdb.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="Folder for its files; made when missing.")],
    url: Annotated[str | None, typer.Option("--url", help="A mirror, instead of PhysioNet; https only.")] = None,
    only: Annotated[str | None, typer.Option("--only", help="A part: for ptbxl 100 or 500, the rate in Hz.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=16, help="Files at a time.")] = 4,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are not those of the corpus.")] = False,
) -> Result:
    """Download a public corpus: goes on where it broke off, and verifies every file by its SHA-256."""
    from ecgtool.commands.prepare import PREPARE
    from ecgtool.console import facts, progress
    from ecgtool.download.corpora import CITE_PHYSIONET, corpus_called
    from ecgtool.download.everything import Request
    from ecgtool.download.everything import download as fetch_all

    known = corpus_called(corpus)
    request = Request(known, to, url, only, force, workers)
    made = fetch_all(request, partial(progress, f"Downloading {known.name}"))
    pairs = {
        "files": f"{made.files:,}, every digest right",
        "fetched now": f"{made.fetched:,} ({made.bytes / 1e6:,.1f} MB)",
        "licence": known.licence,
        "cite": known.cite,
        "and": CITE_PHYSIONET,
    }
    data = {"corpus": known.name, "version": known.version, "folder": str(to), "files": made.files}
    data |= {"fetched": made.fetched, "bytes": made.bytes, "licence": known.licence, "cite": known.cite}
    folder = shlex.quote(str(to))
    following = f"ecg prepare {known.name} {folder}" if known.name in PREPARE else f"ecg segment {folder}/*.hea"
    return Result(data, facts(pairs, f"{known.title}, version {known.version}"), [following])
