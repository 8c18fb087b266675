"""Which labels are drawn where there are many."""

from __future__ import annotations

from ecgtool.metrics import Metrics
from ecgtool.report.drawing import COLOURS

SHOWN = 10
"""Labels drawn in one picture at most: those with the most positives."""


def shown(metrics: Metrics) -> list[tuple[str, str]]:
    """The labels to draw, each with its colour: those with both classes, of many those with the most positives."""
    able = [label for label in metrics.per_label if label not in metrics.left_out]
    frequent = set(sorted(able, key=lambda label: -metrics.per_label[label].positives)[:SHOWN])
    return list(zip([label for label in able if label in frequent], COLOURS, strict=False))
