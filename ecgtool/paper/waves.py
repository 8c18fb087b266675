"""P waves, QRS complexes and T waves on a drawn recording: shaded, with a mark at each R peak and a legend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ecgtool.paper import _INCH, _LEFT, _WORDS, MM_PER_MV, _baseline, _gain, _middle, _robust_height, _signal, _size
from ecgtool.paper.page import MM_PER_S, Layout, Strip, layout_of
from ecgtool.record import Record
from ecgtool.waves import UNKNOWN, Wave, Waves

COLOURS = {Wave.P: "#0072B2", Wave.QRS: "#E69F00", Wave.T: "#009E73"}
"""Colour of each kind, told apart by colour-blind readers too."""
NAMES = {Wave.P: "P wave", Wave.QRS: "QRS complex", Wave.T: "T wave"}

_PEAK = "#B00020"
_SHADE = 0.28  # of the paper's colour is replaced
_UP, _DOWN = 0.40, 0.36  # how far a shade reaches from the baseline, as a share of the row
_BETWEEN_GRID_AND_TRACE = 1.5
_LEGEND_MM, _STEP_MM = 4.5, 27.0  # height of its line; from one entry to the next


def draw_waves(figure: Figure, record: Record, waves: Waves, found: str = "") -> Figure:
    """Shade the waves of each lead that is on the page and mark its R peaks.

    Args:
        figure: As :func:`ecgtool.paper.draw` made it of this very record.
        record: What is drawn.
        waves: Its waves, in samples of the record; leads by name. A wave without onset or offset is not shaded.
        found: What found them, for the legend.
    """
    layout = layout_of(record)
    (axes,) = figure.axes
    numbers = {lead: number for number, lead in enumerate(waves.leads)}
    signal, gain = _signal(record, layout), _gain(record, layout)
    scale = gain if record.calibrated else MM_PER_MV / _robust_height(signal)
    for strip in layout.strips:
        if strip.lead in numbers:
            rows = waves.of(lead=numbers[strip.lead])
            _shade(axes, layout, strip, rows, record.fs)
            values = signal[layout.leads.index(strip.lead)]
            _mark(axes, strip, rows, record.fs, _baseline(layout, strip.row) - (values - _middle(values)) * scale)
    _legend(figure, axes, layout, found)
    return figure


def _shade(axes: Axes, layout: Layout, strip: Strip, rows: npt.NDArray[np.int64], fs: float) -> None:
    """One translucent span per wave, as far as it is known, cut at the ends of the strip."""
    level = _baseline(layout, strip.row)
    top, bottom = level - _UP * layout.row_mm, level + _DOWN * layout.row_mm
    for kind, colour in COLOURS.items():
        times = rows[rows[:, 2] == kind, 3:]
        offset = times.max(axis=1, initial=UNKNOWN)
        onset = np.where(times == UNKNOWN, offset[:, None], times).min(axis=1, initial=strip.end)
        seen = (offset >= strip.begin) & (onset < strip.end)
        left, right = (_x(strip, np.clip(at[seen], strip.begin, strip.end - 1), fs) for at in (onset, offset))
        spans = np.stack([np.stack([x, np.full_like(x, y)], -1) for x, y in _corners(left, right, top, bottom)], 1)
        shade = PolyCollection(list(spans), facecolors=colour, alpha=_SHADE, linewidths=0)
        shade.set_zorder(_BETWEEN_GRID_AND_TRACE)
        axes.add_collection(shade, autolim=False)


def _corners(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], top: float, bottom: float
) -> tuple[tuple[npt.NDArray[np.float64], float], ...]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _mark(axes: Axes, strip: Strip, rows: npt.NDArray[np.int64], fs: float, height: npt.NDArray[np.float32]) -> None:
    """A dot on the trace at the peak of each QRS complex; ``height`` is where the trace is, sample by sample."""
    peak = rows[rows[:, 2] == Wave.QRS, 4]
    peak = peak[(peak >= strip.begin) & (peak < strip.end)]
    axes.plot(_x(strip, peak, fs), height[peak], "o", color=_PEAK, markersize=2.6, markeredgewidth=0)


def _x(strip: Strip, samples: npt.NDArray[np.int64], fs: float) -> npt.NDArray[np.float64]:
    """Where samples of a strip are on the page, in mm."""
    return _LEFT + strip.x_mm + (samples - strip.begin) / fs * MM_PER_S


def _legend(figure: Figure, axes: Axes, layout: Layout, found: str) -> None:
    """The kinds and their colours, in a line that the page gains below the others."""
    width, height = _size(layout)
    figure.set_size_inches(width / _INCH, (height + _LEGEND_MM) / _INCH)
    axes.set_ylim(height + _LEGEND_MM, 0)
    x, y = 6.0, height + 0.4
    for kind, colour in COLOURS.items():
        axes.add_patch(Rectangle((x, y - 1.2), 4.0, 2.4, facecolor=colour, alpha=_SHADE, linewidth=0))
        axes.text(x + 5.0, y, NAMES[kind], fontsize=7.5, color=_WORDS, va="center")
        x += _STEP_MM
    axes.plot([x + 2.0], [y], "o", color=_PEAK, markersize=2.6, markeredgewidth=0)
    axes.text(x + 4.0, y, "R peak", fontsize=7.5, color=_WORDS, va="center")
    if found:
        axes.text(width - 6, y, f"waves: {found[:40]}", fontsize=7.5, color=_WORDS, va="center", ha="right")
