"""Report: an evaluation as a folder that a person can read and send.

::

    metrics.json      every figure, for machines
    report.html       one self-contained page, figures inside, nothing loaded from anywhere
    report.md         the same for a repository or a notebook
    predictions.csv   one row per item
    by_record.csv     of heartbeats: one row per record
    ec57.csv          of heartbeats that were found: one row per record
    figures/          each figure as PNG and SVG

Both pages are the same list of sections (:mod:`ecgtool.report.sections`), rendered twice (:mod:`ecgtool.report.page`).
"""

from __future__ import annotations

from pathlib import Path

from ecgtool.evaluation import Evaluation
from ecgtool.files import refuse_existing, staged_folder, write_json, write_text
from ecgtool.report.beats import write_records
from ecgtool.report.ec57 import write_ec57
from ecgtool.report.figures import charts
from ecgtool.report.mistakes import pictures
from ecgtool.report.page import as_html, as_markdown, save_images
from ecgtool.report.sections import ATTRIBUTIONS, sections
from ecgtool.report.words import title

__all__ = ["ATTRIBUTIONS", "HOLDS", "write_report"]

HOLDS = frozenset(
    ("metrics.json", "report.html", "report.md", "predictions.csv", "by_record.csv", "ec57.csv", "figures")
)
"""What a report's folder holds: one with anything else in it is never replaced."""


def write_report(found: Evaluation, out: Path, *, force: bool = False) -> Path:
    """Write the whole folder, or nothing.

    Args:
        found: What was found, and what it was found from.
        out: The folder to make.
        force: Replace a report that is there.

    Raises:
        ConfigError: The folder is there and ``force`` is not given, or it holds something else.
    """
    refuse_existing(out, force=force, holds=HOLDS)
    images = {**charts(found), **pictures(found)}
    name, parts = title(found.metrics), sections(found)
    with staged_folder(out, force=force, holds=HOLDS) as folder:
        save_images(folder / "figures", images)
        write_json(folder / "metrics.json", found.document)
        found.predictions.save_csv(folder / "predictions.csv", found.metrics.thresholds)
        if found.metrics.beats is not None:
            write_records(folder / "by_record.csv", found.metrics.beats)
            if found.metrics.beats.ec57 is not None:
                write_ec57(folder / "ec57.csv", found.metrics.beats.ec57)
        write_text(folder / "report.md", as_markdown(name, parts, images))
        write_text(folder / "report.html", as_html(name, parts, images))
    return out
