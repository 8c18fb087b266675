"""The part of a report on waves: how well their boundaries are found."""

from __future__ import annotations

from ecgtool.console import counted
from ecgtool.evaluation import Evaluation
from ecgtool.metrics.waves import Boundary, WaveFigures
from ecgtool.report.page import DASH, Cell, Section

COLUMNS = ("boundary", "marked", "Se", "+P", "F1", "error, ms", "F1, 95 %", "deviation, 95 %")


def boundaries(found: Evaluation) -> Section | None:
    """The figures of each boundary, all leads together, and the F1 of each lead."""
    waves = found.metrics.waves
    if waves is None:
        return None
    rows: list[list[Cell]] = [[*row] for row in rows_of(waves)]
    rows += [[f"mean, lead {lead}", "", "", "", _number(mean), "", "", ""] for lead, mean in lead_means(waves).items()]
    notes = [
        f"Found within {waves.window_ms:g} ms of the expert's, each once, in the span that was marked. "
        "Se: sensitivity. +P: positive predictivity. Error: mean ± standard deviation, above 0 too late. "
        "Intervals: records drawn anew."
    ]
    return Section("Boundaries of waves", in_words(waves), COLUMNS, rows, notes=notes)


def rows_of(waves: WaveFigures) -> list[tuple[str, ...]]:
    """A row for each boundary, as :data:`COLUMNS` names them."""
    return [(name, *_cells(each)) for name, each in waves.total.items()]


def in_words(waves: WaveFigures) -> list[str]:
    """The figures in a sentence."""
    return [f"Boundaries of waves in {counted(waves.records, 'record')}: mean F1 {_number(waves.mean_f1)}."]


def lead_means(waves: WaveFigures) -> dict[str, float | None]:
    """The mean F1 of the boundaries that are marked in each lead."""
    held = {
        lead: [each.f1 for each in of_lead.values() if each.f1 is not None] for lead, of_lead in waves.by_lead.items()
    }
    return {lead: sum(known) / len(known) if known else None for lead, known in held.items()}


def _cells(each: Boundary) -> tuple[str, ...]:
    known = each.mean_ms is not None and each.sd_ms is not None
    error = f"{each.mean_ms:+.1f} ± {each.sd_ms:.1f}" if known else DASH
    low_high = "{:.4f} – {:.4f}".format(*each.f1_interval) if each.f1_interval else DASH
    deviation = "{:.1f} – {:.1f}".format(*each.sd_interval) if each.sd_interval else DASH
    shares = map(_number, (each.sensitivity, each.ppv, each.f1))
    return (str(each.marked), *shares, error, low_high, deviation)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"
