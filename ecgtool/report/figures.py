"""Figures of an evaluation: curves, intervals, calibration, decisions; matplotlib figures, never a global state.

Text that comes from data (labels) is drawn as it is, never as mathematics or markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgtool.console import printable
from ecgtool.metrics import Metrics
from ecgtool.metrics.curves import Counts, calibration
from ecgtool.metrics.predictions import Predictions

SHOWN = 10
"""Labels drawn in one picture at most: those with the most positives."""

# Okabe and Ito (2008): told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933", "#882255", "#44AA99")
_QUIET = "#BBBBBB"
_STYLE: dict[Any, Any] = {
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

Draw = Callable[[Metrics, Predictions], Figure]


def roc(metrics: Metrics, predictions: Predictions) -> Figure:
    """ROC curves, one per label, the area in the legend."""
    figure, axes = _square("1 - specificity", "Sensitivity", "ROC")
    axes.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1)
    for label, colour, counts in _counts(metrics, predictions):
        falsely, found = (np.concatenate(([0.0], part)) for part in (1 - counts.specificity, counts.sensitivity))
        axes.plot(falsely, found, color=colour, linewidth=1.4, label=_scored(metrics, label, "auroc"))
    axes.legend(loc="lower right", title="AUROC")
    return figure


def precision_recall(metrics: Metrics, predictions: Predictions) -> Figure:
    """Precision-recall curves, one per label, average precision in the legend; dotted: the share of positives."""
    figure, axes = _square("Sensitivity (recall)", "Precision", "Precision and recall")
    for label, colour, counts in _counts(metrics, predictions):
        axes.axhline(counts.positives / metrics.items, color=colour, linewidth=0.8, linestyle=":")
        axes.step(
            np.concatenate(([0.0], counts.sensitivity)),
            np.concatenate((counts.precision[:1], counts.precision)),
            where="pre",
            color=colour,
            linewidth=1.4,
            label=_scored(metrics, label, "auprc"),
        )
    axes.legend(loc="lower left", title="AUPRC")
    return figure


def intervals(metrics: Metrics, _predictions: Predictions) -> Figure:
    """AUROC of every label with its 95 % interval, the best on top; hollow where patients are too few."""
    return label_intervals(metrics)


def label_intervals(metrics: Metrics) -> Figure:
    """The figure of :func:`intervals`, for which the metrics are enough."""
    rows = [(label, found, found.values["auroc"]) for label, found in metrics.per_label.items()]
    ranked = sorted((row for row in rows if row[2].value is not None), key=lambda row: row[2].value or 0)
    figure = Figure(figsize=(6.4, 1.2 + 0.24 * max(len(ranked), 2)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color=_QUIET, linestyle="--", linewidth=1)
    for height, (_label, found, area) in enumerate(ranked):
        if area.low is not None and area.high is not None:
            axes.plot([area.low, area.high], [height, height], color=COLOURS[0], linewidth=1.4)
        fill = "white" if found.few else COLOURS[0]
        axes.plot([area.value or 0.0], [height], "o", color=COLOURS[0], markerfacecolor=fill, markersize=5)
    axes.set_yticks(range(len(ranked)), [f"{_text(label)} ({found.positives})" for label, found, _area in ranked])
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    axes.set_xlabel("AUROC with 95 % interval; in brackets the positive items")
    return figure


def calibrated(metrics: Metrics, predictions: Predictions) -> Figure:
    """Predicted against observed frequency; on the diagonal a probability means what it says."""
    figure, axes = _square("Mean predicted probability", "Share of positives", "Calibration")
    axes.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1)
    outcomes = predictions.outcomes(metrics.thresholds)
    for label, colour in _shown(metrics):
        column = metrics.task.labels.index(label)
        bins = min(10, max(2, metrics.per_label[label].positives // 2))
        predicted, observed, _items = calibration(outcomes.truth[:, column], outcomes.probabilities[:, column], bins)
        said = _scored(metrics, label, "brier")
        axes.plot(predicted, observed, "o-", color=colour, linewidth=1.2, markersize=3.5, label=said)
    axes.legend(loc="upper left", title="Brier score")
    return figure


def thresholds(metrics: Metrics, predictions: Predictions) -> Figure:
    """F1, sensitivity, specificity and precision over the threshold of each label; the line is what decides."""
    drawn = list(_counts(metrics, predictions))
    figure, panels = _panels(len(drawn), 2.5, 2.0)
    for axes, (label, _colour, counts) in zip(panels, drawn, strict=False):
        for name, colour in zip(("f1", "sensitivity", "specificity", "precision"), COLOURS, strict=False):
            axes.plot(counts.thresholds, getattr(counts, name), color=colour, linewidth=1.1, label=name)
        axes.axvline(metrics.thresholds[label], color="black", linewidth=0.9)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"{_text(label)}  at {metrics.thresholds[label]:.3f}", fontsize=9)
    figure.supxlabel("threshold", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def confusion(metrics: Metrics, _predictions: Predictions) -> Figure:
    """Counts of true against called: one matrix where exactly one label holds, else one two-by-two per label."""
    if metrics.confusion is not None:
        side = 2.2 + 0.45 * len(metrics.task.labels)
        figure = Figure(figsize=(side, side), layout="constrained")
        _matrix(figure.subplots(), metrics.confusion, [_text(label) for label in metrics.task.labels])
        return figure
    labels = [label for label, _colour in _shown(metrics)]
    figure, panels = _panels(len(labels), 1.9, 1.9)
    for axes, label in zip(panels, labels, strict=False):
        found = metrics.per_label[label]
        _matrix(axes, [[found.tn, found.fp], [found.fn, found.tp]], ["no", "yes"])
        axes.set_title(_text(label), fontsize=9)
    return figure


FIGURES: dict[str, Draw] = {
    "roc": roc,
    "precision_recall": precision_recall,
    "intervals": intervals,
    "calibration": calibrated,
    "thresholds": thresholds,
    "confusion": confusion,
}
"""Every figure by the name of its file."""


def draw(name: str, metrics: Metrics, predictions: Predictions) -> Figure | None:
    """The figure of that name; None where it has no meaning for the task or no label to show."""
    if (name == "thresholds" and metrics.task.exclusive) or not _shown(metrics):
        return None
    with mpl.rc_context(_STYLE):
        return FIGURES[name](metrics, predictions)


def image(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """The figure as a file; the same figure gives the same bytes."""
    made = BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(made, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return made.getvalue()


def _shown(metrics: Metrics) -> list[tuple[str, str]]:
    """The labels to draw, each with its colour: those with both classes, of many those with the most positives."""
    able = [label for label in metrics.task.labels if label not in metrics.left_out]
    frequent = set(sorted(able, key=lambda label: -metrics.per_label[label].positives)[:SHOWN])
    return list(zip([label for label in able if label in frequent], COLOURS, strict=False))


def _counts(metrics: Metrics, predictions: Predictions) -> list[tuple[str, str, Counts]]:
    outcomes = predictions.outcomes(metrics.thresholds)
    columns = {label: column for column, label in enumerate(metrics.task.labels)}
    return [
        (label, colour, Counts.of(outcomes.truth[:, columns[label]], outcomes.probabilities[:, columns[label]]))
        for label, colour in _shown(metrics)
    ]


def _square(across: str, up: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.0, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=across, ylabel=up, title=title)
    return figure, axes


def _panels(number: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """Small multiples, five to a row; panels without a label stay empty."""
    columns = min(max(number, 1), 5)
    rows = max(-(-number // columns), 1)
    figure = Figure(figsize=(max(width * columns, 3.6), height * rows + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for spare in panels[number:]:
        spare.set_axis_off()
    return figure, panels


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
    return _text(label) if value is None else f"{_text(label)}  {value:.3f}"


def _text(label: str) -> str:
    """A label as matplotlib draws it: on one line, not endless, and no underscore first, which hides it in legends."""
    shown = printable(label).replace("\n", " ")
    shown = f" {shown}" if shown.startswith("_") else shown
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
