"""Figures of an evaluation: curves, intervals, calibration, decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgtool.evaluation import Evaluation
from ecgtool.metrics import Metrics
from ecgtool.metrics.curves import Counts
from ecgtool.report.drawing import BLUE, COLOURS, QUIET, STYLE, image, named, panels, square, worded
from ecgtool.report.forest import by_subgroup
from ecgtool.report.page import Image
from ecgtool.report.reliability import calibrated
from ecgtool.report.shown import shown

_DECIDED = {"f1": "F1", "sensitivity": "sensitivity", "specificity": "specificity", "precision": "PPV"}


@dataclass(frozen=True)
class Chart:
    """A figure of the report.

    Args:
        draw: Makes it; None where it has no meaning for what was evaluated.
        caption: What it shows, in a sentence or two.
    """

    draw: Callable[[Evaluation], Figure | None]
    caption: str


def roc(found: Evaluation) -> Figure:
    """ROC curves, one per label, the area in the legend; the dot is where the threshold decides."""
    figure, axes = square("1 - specificity", "Sensitivity", "ROC", len(shown(found.metrics)))
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    for label, colour, counts in _counts(found):
        falsely, right = (np.concatenate(([0.0], part)) for part in (1 - counts.specificity, counts.sensitivity))
        axes.plot(falsely, right, color=colour, linewidth=1.4, label=_scored(found.metrics, label, "auroc"))
        values = found.metrics.per_label[label].values
        decided = values["specificity"].value, values["sensitivity"].value
        if label in found.metrics.thresholds and None not in decided:
            axes.plot([1 - (decided[0] or 0)], [decided[1] or 0], "o", color=colour, markersize=5, clip_on=False)
    named(figure, axes, "AUROC", "lower right")
    return figure


def precision_recall(found: Evaluation) -> Figure:
    """Precision-recall curves, one per label, average precision in the legend; dotted: the share of positives."""
    heads = ("Sensitivity (recall)", "Positive predictive value (precision)", "Precision and recall")
    figure, axes = square(*heads, len(shown(found.metrics)))
    for label, colour, counts in _counts(found):
        axes.axhline(counts.positives / found.metrics.items, color=colour, linewidth=0.8, linestyle=":")
        axes.step(
            np.concatenate(([0.0], counts.sensitivity)),
            np.concatenate((counts.precision[:1], counts.precision)),
            where="pre",
            color=colour,
            linewidth=1.4,
            label=_scored(found.metrics, label, "auprc"),
        )
    named(figure, axes, "AUPRC", "lower left")
    return figure


def intervals(found: Evaluation) -> Figure | None:
    """AUROC of every label with its 95 % interval, the best on top; nothing to compare where one label is asked."""
    return label_intervals(found.metrics) if len(found.metrics.per_label) > 1 else None


def label_intervals(metrics: Metrics) -> Figure:
    """AUROC of every label with its 95 % interval, the best on top; hollow where patients are too few."""
    rows = [(label, found, found.values["auroc"]) for label, found in metrics.per_label.items()]
    ranked = sorted((row for row in rows if row[2].value is not None), key=lambda row: row[2].value or 0)
    figure = Figure(figsize=(6.4, 1.2 + 0.24 * max(len(ranked), 2)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color=QUIET, linestyle="--", linewidth=1)
    for height, (_label, found, area) in enumerate(ranked):
        if area.low is not None and area.high is not None:
            axes.plot([area.low, area.high], [height, height], color=BLUE, linewidth=1.4)
        fill = "white" if found.few else BLUE
        axes.plot([area.value or 0.0], [height], "o", color=BLUE, markerfacecolor=fill, markersize=5)
    axes.set_yticks(range(len(ranked)), [f"{worded(label)} ({found.positives})" for label, found, _area in ranked])
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    axes.set_xlabel("AUROC with 95 % interval; in brackets the positives")
    return figure


def thresholds(found: Evaluation) -> Figure | None:
    """F1, sensitivity, specificity and PPV over the threshold of each label; the line is what decides."""
    chosen = found.metrics.thresholds
    drawn = [(label, counts) for label, _colour, counts in _counts(found) if label in chosen]
    if not drawn:
        return None
    alone = len(drawn) == 1
    figure, axes_of = panels(len(drawn), *((5.0, 3.6) if alone else (2.5, 2.0)))
    for axes, (label, counts) in zip(axes_of, drawn, strict=False):
        for (name, said), colour in zip(_DECIDED.items(), COLOURS, strict=False):
            values = getattr(counts, name)
            axes.step(counts.thresholds, values, where="post", color=colour, linewidth=1.1, label=said)
        axes.axvline(chosen[label], color="black", linewidth=0.9)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"{worded(label, 24)}  at {chosen[label]:.3f}", fontsize=9)
    figure.supxlabel("threshold", fontsize=9)
    figure.legend(*axes_of[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def confusion(found: Evaluation) -> Figure:
    """Counts of true against called: one matrix where exactly one label holds, else one two-by-two per label."""
    metrics = found.metrics
    if metrics.confusion is not None:
        side = 2.2 + 0.45 * len(metrics.task.labels)
        figure = Figure(figsize=(side, side), layout="constrained")
        _matrix(figure.subplots(), metrics.confusion, [worded(label, 24) for label in metrics.task.labels])
        return figure
    labels = [label for label, _colour in shown(metrics)]
    figure, axes_of = panels(len(labels), 1.9, 1.9)
    for axes, label in zip(axes_of, labels, strict=False):
        each = metrics.per_label[label]
        _matrix(axes, [[each.tn, each.fp], [each.fn, each.tp]], ["no", "yes"])
        axes.set_title(worded(label, 24), fontsize=9)
    return figure


CHARTS: dict[str, Chart] = {
    "intervals": Chart(
        intervals,
        "A dot is the figure, the line its 95 % interval. Hollow dots: too few patients for the interval to bear "
        "weight. The dashed line, 0.5, is chance.",
    ),
    "subgroups": Chart(
        by_subgroup,
        "A dot is the figure of a group, the line its 95 % interval; the band is the interval of all together. Groups "
        "whose lines overlap widely cannot be said to differ. Hollow dots: too few patients with or without a label.",
    ),
    "roc": Chart(
        roc,
        "How much sensitivity each loss of specificity buys. The further to the upper left, the better; the dashed "
        "diagonal is chance. Dots: where the chosen thresholds decide.",
    ),
    "precision_recall": Chart(
        precision_recall,
        "Of those called positive, how many are, as more of the positives are found. Dotted lines: the share of "
        "positives, which is what chance would give.",
    ),
    "calibration": Chart(
        calibrated,
        "Above: on the diagonal, of the cases given 0.3, three in ten are positive; points hold equally many cases. "
        "Below: how often each probability was given.",
    ),
    "thresholds": Chart(
        thresholds, "What every threshold would decide. The vertical line is the one chosen on the validation split."
    ),
    "confusion": Chart(confusion, "Rows: the truth. Columns: what was called. Shade: the share of the row."),
}
"""Every figure by the name of its file, in the order of the report."""


def draw(name: str, found: Evaluation) -> Figure | None:
    """The figure of that name; None where it has no meaning for the task or no label to show."""
    if not shown(found.metrics):
        return None
    with mpl.rc_context(STYLE):
        return CHARTS[name].draw(found)


def charts(found: Evaluation) -> dict[str, Image]:
    """Every figure that applies, as images by name."""
    drawn = {name: figure for name in CHARTS if (figure := draw(name, found)) is not None}
    return {
        name: Image(CHARTS[name].caption, image(figure, "png"), image(figure, "svg")) for name, figure in drawn.items()
    }


def _counts(found: Evaluation) -> list[tuple[str, str, Counts]]:
    outcomes = found.predictions.outcomes(found.metrics.thresholds)
    columns = {label: column for column, label in enumerate(found.metrics.task.asked)}
    return [
        (label, colour, Counts.of(outcomes.truth[:, columns[label]], outcomes.probabilities[:, columns[label]]))
        for label, colour in shown(found.metrics)
    ]


def _matrix(axes: Axes, cells: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Counts in cells shaded by the share of their row."""
    counts = np.asarray(cells, dtype=float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > 0.6 else "black"
        axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="called", ylabel="true")


def _scored(metrics: Metrics, label: str, quantity: str) -> str:
    """A label and one of its figures, for legends."""
    value = metrics.per_label[label].values[quantity].value
    return worded(label) if value is None else f"{worded(label)}  {value:.3f}"
