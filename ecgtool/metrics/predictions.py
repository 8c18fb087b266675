"""Predictions: the probabilities of a set of items, with who and what each item is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.console import inert
from ecgtool.files import write_text
from ecgtool.metrics import Metrics, evaluate
from ecgtool.metrics.outcomes import Outcomes
from ecgtool.task import Task


@dataclass(frozen=True)
class Predictions:
    """Probabilities beside targets, in item order.

    Args:
        task: What the targets mean.
        ids: Item names.
        patients: Who each item is of; empty where unknown.
        split: Which split the items are.
        targets: As the task says, every item labelled.
        probabilities: float32 [items, labels].
    """

    task: Task
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    split: str
    targets: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float32]

    def metrics(self, thresholds: dict[str, float], bootstrap: int = 1000, seed: int = 0) -> Metrics:
        """Every figure with its interval; see :func:`ecgtool.metrics.evaluate`."""
        return evaluate(self.task, self.targets, self.probabilities, self.patients, thresholds, bootstrap, seed)

    def outcomes(self, thresholds: dict[str, float]) -> Outcomes:
        """Targets, probabilities and calls as arrays [items, labels]."""
        return Outcomes.of(self.task, self.targets, self.probabilities, thresholds)

    def save_csv(self, path: Path, thresholds: dict[str, float]) -> Path:
        """Write one row per item: id, patient, split, then target, probability and decision of each label.

        Text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        parts = ("target", "probability", "decision")
        writer.writerow(
            ["id", "patient", "split", *(inert(f"{label}_{part}") for label in self.task.labels for part in parts)]
        )
        writer.writerows(self._rows(self.outcomes(thresholds)))
        return write_text(path, text.getvalue())

    def _rows(self, outcomes: Outcomes) -> Iterator[list[object]]:
        for item, (name, patient) in enumerate(zip(self.ids, self.patients, strict=True)):
            row: list[object] = [inert(name), inert(patient), self.split]
            for label in range(len(self.task.labels)):
                row.append(int(outcomes.truth[item, label]))
                row.append(f"{outcomes.probabilities[item, label]:.6g}")
                row.append(int(outcomes.called[item, label]))
            yield row
