"""Forest plots: figures with their intervals below each other, of groups and of differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from ecgtool.evaluation import Evaluation
from ecgtool.metrics import Value
from ecgtool.report.drawing import BLUE, QUIET, worded
from ecgtool.report.words import LEVELS


class Row(NamedTuple):
    """A line of a forest plot: what it is, its figure, whether to distrust it; a heading has no figure."""

    name: str
    value: Value | None = None
    few: bool = False


def by_subgroup(found: Evaluation) -> Figure | None:
    """AUROC of every group with its 95 % interval, columns below each other; None where there are no groups."""
    if found.subgroups is None or not found.subgroups.groupings:
        return None
    rows = []
    for grouping in found.subgroups.groupings:
        rows.append(Row(grouping.column))
        rows += [
            Row(f"{worded(name, 28)} ({group.items})", group.values["macro_auroc"], bool(group.few))
            for name, group in grouping.groups.items()
        ]
    what = "AUROC" if len(found.metrics.per_label) == 1 else "Mean AUROC of the labels"
    said = f"{what} with 95 % interval; in brackets the {LEVELS[found.metrics.level]}s"
    return forest(rows, said, found.metrics.values["macro_auroc"])


def forest(rows: Sequence[Row], across: str, whole: Value | None = None, *, middle: float | None = None) -> Figure:
    """Dots and lines, the first row on top.

    Args:
        rows: What to draw; hollow where it is to be distrusted.
        across: What the figure is.
        whole: Drawn as a band behind all: the figure of everybody.
        middle: Where there is nothing to see: no difference.
    """
    figure = Figure(figsize=(6.4, 1.2 + 0.24 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    if whole is not None and whole.low is not None and whole.high is not None:
        axes.axvspan(whole.low, whole.high, color=BLUE, alpha=0.1, linewidth=0)
    if middle is not None:
        axes.axvline(middle, color=QUIET, linestyle="--", linewidth=1)
    for height, (_name, value, few) in enumerate(reversed(rows)):
        if value is None or value.value is None:
            continue
        if value.low is not None and value.high is not None:
            axes.plot([value.low, value.high], [height, height], color=BLUE, linewidth=1.4)
        axes.plot([value.value], [height], "o", color=BLUE, markerfacecolor="white" if few else BLUE, markersize=5)
    names = [worded(row.name) for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), names)
    for tick, row in zip(axes.get_yticklabels(), reversed(rows), strict=True):
        tick.set_fontweight("bold" if row.value is None else "normal")
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel(across)
    return figure
