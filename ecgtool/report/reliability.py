"""The figure of calibration: whether probabilities mean what they say, before and after temperature scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgtool.evaluation import Evaluation
from ecgtool.metrics.curves import calibration
from ecgtool.metrics.logits import activated
from ecgtool.report.drawing import BESIDE, BLUE, GREY, ORANGE, QUIET, named, worded
from ecgtool.report.shown import shown

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def calibrated(found: Evaluation) -> Figure:
    """Predicted against observed frequency of every label above, how often each probability was given below."""
    figure = Figure(figsize=(5.0 if len(shown(found.metrics)) < BESIDE - 1 else 6.0, 5.8), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    above.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    outcomes = found.predictions.outcomes(found.metrics.thresholds)
    names = [label for label, _colour in shown(found.metrics)]
    columns = [found.metrics.task.asked.index(label) for label in names]
    truth, chances = outcomes.truth[:, columns], outcomes.probabilities[:, columns]
    if found.temperature != 1 and found.comparable:
        before = np.asarray(uncalibrated(found), dtype=np.float64)[:, columns]
        _line(above, truth.ravel(), before.ravel(), {"color": GREY, "linestyle": "--", "label": "before temperature"})
    if len(names) > 1:
        for (label, colour), column in zip(shown(found.metrics), range(len(names)), strict=True):
            style = {"color": colour, "linewidth": 0.9, "label": _scored(found, label)}
            _line(above, truth[:, column], chances[:, column], style)
    said = "all labels together" if len(names) > 1 else _scored(found, names[0])
    _line(above, truth.ravel(), chances.ravel(), {"color": "black" if len(names) > 1 else BLUE, "label": said})
    above.set(xlim=(0, 1), ylim=(0, 1.01), ylabel="Share of positives", title="Calibration")
    named(figure, above, "Brier score", "upper left")
    _histogram(below, truth.ravel(), chances.ravel())
    return figure


def uncalibrated(found: Evaluation) -> npt.NDArray[np.float32]:
    """Probabilities as they were before temperature scaling, [items, asked labels]."""
    task = found.metrics.task
    before = activated(task, found.predictions.logits * np.float32(found.temperature))
    return before[:, [task.labels.index(label) for label in task.asked]]


def _line(axes: Axes, truth: Flags, chances: Floats, style: Mapping[str, Any]) -> None:
    """Points of equally many cases, as many as the positives can bear."""
    bins = min(10, max(2, int(min(truth.sum(), (~truth).sum())) // 2))
    predicted, observed, _items = calibration(truth, chances, bins)
    options: dict[str, Any] = {"linewidth": 1.5, "marker": "o", "markersize": 3.5, **style}
    axes.plot(predicted, observed, **options)


def _histogram(axes: Axes, truth: Flags, chances: Floats) -> None:
    """How often each probability was given, to positives and to negatives; on a scale of logarithms."""
    edges = np.linspace(0, 1, 21)
    axes.hist([chances[~truth], chances[truth]], bins=list(edges), stacked=True, color=[QUIET, ORANGE])
    axes.set_yscale("symlog")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlim=(0, 1), xlabel="Predicted probability", ylabel="cases")
    axes.set_ylim(0, 5 * max(axes.get_ylim()[1], 2))  # room for the legend above the bars
    axes.legend(["negative", "positive"], loc="upper center", fontsize=7, ncols=2)


def _scored(found: Evaluation, label: str) -> str:
    value = found.metrics.per_label[label].values["brier"].value
    return worded(label) if value is None else f"{worded(label)}  {value:.3f}"
