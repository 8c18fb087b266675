"""Words below the beats of a drawn recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ecgtool.paper import _LEFT, _PAPER, _TOP, _WORDS
from ecgtool.paper.page import MM_PER_S, layout_of
from ecgtool.record import Record

COLOURS = {"V": "#B00020", "S": "#1F4E9E", "F": "#8A3FA0", "Q": "#6B6B6B"}
"""Colour of a class that stands out; every other one is written in that of all words."""
_BELOW_MM = 2.5  # where QRS complexes seldom reach


def name_beats(figure: Figure, record: Record, samples: npt.NDArray[np.int64], words: Sequence[str]) -> Figure:
    """Write a word below each beat that is on the page.

    Args:
        figure: As :func:`ecgtool.paper.draw` made it of this very record.
        record: What is drawn.
        samples: int64 [beats], R peaks in samples of the record, ascending.
        words: [beats], a short word for each: its class.
    """
    layout = layout_of(record)
    (axes,) = figure.axes
    for strip in layout.strips:
        first, last = np.searchsorted(samples, [strip.begin, strip.end]).tolist()
        y = _TOP + (strip.row + 1) * layout.row_mm - _BELOW_MM
        for at in range(first, last):
            x = _LEFT + strip.x_mm + (samples[at] - strip.begin) / record.fs * MM_PER_S
            word = axes.text(x, y, words[at][:8], fontsize=8, ha="center", va="center")
            word.set(color=COLOURS.get(words[at], _WORDS), path_effects=[withStroke(linewidth=2, foreground=_PAPER)])
    return figure
