"""What all figures of a report share: colours, style, panels, files; matplotlib figures, never a global state.

Text that comes from data (labels) is drawn as it is, never as mathematics or markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgtool.console import printable

# Okabe and Ito (2008): told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933", "#882255", "#44AA99")
BLUE, ORANGE = COLOURS[:2]
QUIET, GREY = "#BBBBBB", "#666666"

BESIDE = 4
"""Lines from which on their names stand beside the plot."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#EEEEEE",
    "axes.axisbelow": True,
    "legend.edgecolor": "white",
    "legend.framealpha": 0.85,
    "svg.hashsalt": "ecgtool",
    "text.parse_math": False,
}


def image(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """The figure as a file; the same figure gives the same bytes, whichever kind was drawn before."""
    made = BytesIO()
    with mpl.rc_context(STYLE):
        engine = figure.get_layout_engine()
        if engine is not None:  # for the first file alone: laying out takes longest
            figure.set_dpi(72)
            engine.execute(figure)
            engine.execute(figure)  # plots that stay square find their place in the second
            figure.set_layout_engine("none")
        figure.savefig(made, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return made.getvalue()


def square(across: str, up: str, title: str, lines: int = 1) -> tuple[Figure, Axes]:
    """A figure of one square plot from 0 to 1 both ways, with room beside it for the names of several lines."""
    figure = Figure(figsize=(5.0 if lines < BESIDE else 6.0, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=across, ylabel=up, title=title)
    axes.set_box_aspect(1)
    return figure, axes


def named(figure: Figure, axes: Axes, title: str, inside: Literal["lower right", "lower left", "upper left"]) -> None:
    """The legend: inside the plot where it is short, beside it where it would hide the curves."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) < BESIDE:
        axes.legend(loc=inside, title=title)
    else:
        figure.legend(handles, labels, loc="outside right upper", title=title, fontsize=8)


def panels(number: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """Small multiples, five to a row; panels without a label stay empty."""
    columns = min(max(number, 1), 5)
    rows = max(-(-number // columns), 1)
    figure = Figure(figsize=(max(width * columns, 3.6), height * rows + 0.5), layout="constrained")
    made = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for spare in made[number:]:
        spare.set_axis_off()
    return figure, made


def worded(label: str, longest: int = 40) -> str:
    """A label as matplotlib draws it: on one line, not endless, and no underscore first, which hides it in legends."""
    shown = printable(label).replace("\n", " ")
    shown = f" {shown}" if shown.startswith("_") else shown
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
