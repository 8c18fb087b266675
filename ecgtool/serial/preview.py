"""A picture of a converted log by which a technician can judge it: ten seconds on paper, and all of it below."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ecgtool import paper
from ecgtool.record import Record

SHOWN_S = 10.0
_INCH, _STRIP_INCHES, _MOST_STRIPS = 25.4, 0.55, 8
_BINS = 2000
_INK, _WORDS, _GAP = "#101018", "#202028", "#B00020"


def write_preview(record: Record, path: Path, note: str = "") -> Path:
    """Draw a recording: its first ten seconds on paper (25 mm/s, 10 mm/mV), and an overview of the whole below.

    Args:
        record: What to draw; counts, where it is not calibrated, are scaled to be visible and marked so.
        path: Of the PNG.
        note: A line of the header.

    Raises:
        EcgError: The picture cannot be written.
    """
    return paper.write(draw_preview(record, note), path, record.id)


def draw_preview(record: Record, note: str = "") -> Figure:
    """The picture that :func:`write_preview` writes."""
    samples = round(SHOWN_S * record.fs)
    meta = {**record.meta, "duration_s": record.seconds}
    first = replace(record, signal=record.signal[:, :samples], meta=meta)
    figure = paper.draw(first, note=note)
    width, height = figure.get_size_inches()
    strips = min(len(record.leads), _MOST_STRIPS)
    below = 0.5 + strips * _STRIP_INCHES
    figure.set_size_inches(width, height + below)
    (page,) = figure.axes
    page.set_position((0, below / (height + below), 1, height / (height + below)))
    left, right = 16 / _INCH / width, 1 - 6 / _INCH / width
    tall = _STRIP_INCHES / (height + below)
    said = "whole recording, in seconds; shaded: drawn above; red: no samples"
    figure.text(right, 0.02 / (height + below), said, fontsize=6, color=_WORDS, ha="right", va="bottom")
    for row in range(strips):
        bottom = (below - 0.05 - (row + 1) * _STRIP_INCHES) / (height + below)
        _strip(figure, record, row, (left, bottom, right - left, 0.92 * tall))
    return figure


def envelope(signal: npt.NDArray[np.float32], bins: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The lowest and highest value in each of some equal parts of a signal, NaN where a part has none.

    Args:
        signal: float32 [samples].
        bins: Parts; fewer where there are fewer samples.
    """
    edges = np.linspace(0, len(signal), min(bins, len(signal)) + 1).astype(np.intp)[:-1]
    low, high = np.fmin.reduceat(signal, edges), np.fmax.reduceat(signal, edges)
    return low, high


def _strip(figure: Figure, record: Record, row: int, box: tuple[float, float, float, float]) -> None:
    """One lead over the whole recording; parts without a value are marked at the bottom."""
    axes = figure.add_axes(box)
    values = record.signal[row]
    low, high = envelope(values, _BINS)
    seconds = np.arange(len(low)) * record.seconds / len(low)
    axes.fill_between(seconds, low, high, color=_INK, linewidth=0.4)
    seen = values[np.isfinite(values)]
    bottom, top = np.percentile(seen, [0.2, 99.8]) if seen.size else (0.0, 1.0)
    margin = 0.15 * (top - bottom) or 1.0
    axes.set_xlim(0, record.seconds)
    axes.set_ylim(bottom - margin, top + margin)
    lost = np.isnan(low)
    axes.fill_between(seconds, 0, 0.12, where=lost, color=_GAP, transform=axes.get_xaxis_transform(), step="post")
    axes.axvspan(0, min(SHOWN_S, record.seconds), color="#F8D9D6", zorder=0)
    axes.tick_params(labelsize=6, colors=_WORDS, length=2, labelbottom=row == min(len(record.leads), _MOST_STRIPS) - 1)
    axes.set_yticks([])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    name = "".join(char for char in record.leads[row] if char.isprintable())[:12]
    axes.set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center", color=_WORDS, parse_math=False)
