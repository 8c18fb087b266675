"""The parts of a report on heartbeats that a model found itself: one matrix with missed and extra ones, its figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecgtool.console import counted, inert
from ecgtool.evaluation import Evaluation
from ecgtool.files import write_text
from ecgtool.metrics.beat_documents import Ec57
from ecgtool.metrics.ec57 import figures_of
from ecgtool.report.beats import SHORT
from ecgtool.report.page import DASH, Cell, Section

NONE = "O"
"""What EC57 calls the class of a beat that is not there, or was not found."""
_QUANTITIES = ("sensitivity", "ppv", "fpr")
FIGURE_HEADS = ("", *(SHORT[name] for name in _QUANTITIES), *(f"mean {SHORT[name]}" for name in _QUANTITIES))
"""Heads of the table of figures: gross, then the mean of records."""


def matrix(found: Evaluation) -> Section | None:
    """The beats that the model found and called, by what they are."""
    held = found.metrics.beats.ec57 if found.metrics.beats else None
    if held is None:
        return None
    text = [
        "Nothing of the annotations was given here: the model's own detector found the beats, and the model called "
        "them. A row is what beats are, a column what they were called; a found beat is an annotated one within "
        f"{1000 * held.window_s:g} ms. Column {NONE}: missed. Row {NONE}: extra, found where there is no beat.",
    ]
    return Section(titled(held), text, matrix_heads(held), matrix_rows(held))


def figures(found: Evaluation) -> Section | None:
    """Sensitivity and positive predictivity of finding beats and of finding ectopic ones."""
    held = found.metrics.beats.ec57 if found.metrics.beats else None
    if held is None:
        return None
    notes = [
        "A missed ectopic beat lowers the sensitivity of its class, an extra beat that is called ectopic the positive "
        "predictivity. Gross: of all beats together. Mean: of the records in which the figure is defined. By record: "
        "ec57.csv."
    ]
    return Section("Found beats: figures", (), FIGURE_HEADS, figure_rows(held), notes=notes)


def titled(held: Ec57) -> str:
    """What the matrix is of, and which part of the records."""
    part = f"without the first {held.skipped_s / 60:g} minutes" if held.skipped_s else "whole"
    return f"Found beats beside annotated ones (EC57), {counted(held.records, 'record')}, {part}"


def matrix_heads(held: Ec57) -> tuple[str, ...]:
    """Heads of the matrix."""
    return ("", *(f"called {label}" for label in held.labels), NONE)


def matrix_rows(held: Ec57) -> list[list[str]]:
    """The matrix with the class of each row before it."""
    rows = [[label, *map(str, counts)] for label, counts in zip((*held.labels, NONE), held.matrix, strict=True)]
    rows[-1][-1] = DASH  # what is neither there nor found nobody can count
    return rows


def figure_rows(held: Ec57) -> list[list[Cell]]:
    """A row each of beats of any class, ventricular and supraventricular ectopic ones."""
    return [
        [row, *(part[row].get(name, DASH) for part in (held.gross, held.average) for name in _QUANTITIES)]
        for row in held.gross
    ]


def write_ec57(path: Path, held: Ec57) -> Path:
    """Write one row per record: its matrix, ``TRUE/CALLED`` a column, then its figures, empty where undefined."""
    classes = (*held.labels, NONE)
    cells = [(true, called) for true in classes for called in classes if (true, called) != (NONE, NONE)]
    names = [f"{row} {SHORT[name]}" for row, values in held.gross.items() for name in values]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(inert(head) for head in ("record", *("/".join(cell) for cell in cells), *names))
    for each in held.by_record:
        counts = [count for row in each.matrix for count in row][:-1]
        writer.writerow([inert(each.record), *counts, *_figures(held.labels, each.matrix)])
    return write_text(path, text.getvalue())


def _figures(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.4f}" for _row, _name, value in figures_of(labels, counts)]
