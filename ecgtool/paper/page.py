"""Where each lead goes on a page of electrocardiograph paper; lengths in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgtool.console import printable
from ecgtool.errors import DataError
from ecgtool.record import LEADS_12, Record

MM_PER_S = 25.0
LONGEST_S = 80.0
"""What a page holds at most: eight rows of ten seconds, of a single lead."""

_LONGEST_ROW_S, _MOST_LEADS = 10.0, 16
_COLUMN_S = 2.5


@dataclass(frozen=True)
class Strip:
    """A piece of one lead in its place on the page.

    Args:
        lead: The lead's name, written beside it.
        begin: First sample.
        end: Sample after the last.
        row: Row from the top.
        x_mm: Where it begins, from the left edge of the grid.
    """

    lead: str
    begin: int
    end: int
    row: int
    x_mm: float


@dataclass(frozen=True)
class Layout:
    """Where everything goes on a page.

    Args:
        strips: Every piece of every lead.
        rows: Number of rows.
        row_mm: Height of a row.
        width_mm: Width of the longest row.
    """

    strips: tuple[Strip, ...]
    rows: int
    row_mm: float
    width_mm: float

    @property
    def samples(self) -> int:
        """How far the page goes into the recording."""
        return max(strip.end for strip in self.strips)

    @property
    def leads(self) -> tuple[str, ...]:
        """What is drawn, each lead once."""
        return tuple(dict.fromkeys(strip.lead for strip in self.strips))


def layout_of(record: Record) -> Layout:
    """Where everything goes: as much of the recording's beginning as one page holds.

    Twelve leads of ten seconds are drawn as three rows of four columns with lead II below; shorter ones in fewer
    columns; a single lead as rows of ten seconds; anything else one lead to a row.

    Raises:
        DataError: The recording has no sample.
    """
    if not record.signal.size:
        raise DataError(f"Record '{printable(record.id)}' has no sample to draw.")
    return _columns(record) if set(LEADS_12) <= set(record.leads) or _derivable(record) else _rows(record)


def _derivable(record: Record) -> bool:
    chest = set(LEADS_12[6:]) <= set(record.leads)
    return chest and len({"I", "II", "III"} & set(record.leads)) >= 2


def _columns(record: Record) -> Layout:
    """Twelve leads in the classic order, in as many columns of 2.5 s as the recording fills, lead II below."""
    shown = min(record.seconds, _LONGEST_ROW_S)
    columns = 4 if shown >= 4 * _COLUMN_S else 2 if shown >= 2 * _COLUMN_S else 1
    rows = len(LEADS_12) // columns
    edges = [round(column * shown / columns * record.fs) for column in range(columns + 1)]
    strips = [
        Strip(lead, edges[index // rows], edges[index // rows + 1], index % rows, _mm(edges[index // rows], record))
        for index, lead in enumerate(LEADS_12)
    ]
    if columns > 1:
        strips.append(Strip("II", 0, edges[-1], rows, 0.0))
        rows += 1
    row_mm = {4: 38.0, 2: 26.0, 1: 20.0}[columns]
    return Layout(tuple(strips), rows, row_mm, _width(shown))


def _rows(record: Record) -> Layout:
    """One lead to a row; a single lead goes on in the next."""
    per_row = round(_LONGEST_ROW_S * record.fs)
    samples = record.signal.shape[1]
    if len(record.leads) == 1:
        begins = range(0, min(samples, round(LONGEST_S * record.fs)), per_row)
        strips = [Strip(record.leads[0], at, min(at + per_row, samples), row, 0.0) for row, at in enumerate(begins)]
    else:
        leads = record.leads[:_MOST_LEADS]
        strips = [Strip(lead, 0, min(per_row, samples), row, 0.0) for row, lead in enumerate(leads)]
    longest = max(strip.end - strip.begin for strip in strips)
    return Layout(tuple(strips), len(strips), 30.0 if len(strips) < 8 else 20.0, _width(longest / record.fs))


def _mm(sample: int, record: Record) -> float:
    return sample / record.fs * MM_PER_S


def _width(seconds: float) -> float:
    """Width of the grid in mm: whole large squares, and room for the words around it."""
    return max(float(np.ceil(seconds * MM_PER_S / 5 - 1e-6) * 5), 120.0)
