"""Predictions: what a model says of a set of items, with who and what each item is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ecgtool.console import inert
from ecgtool.errors import DataError
from ecgtool.files import write_text
from ecgtool.metrics.documents import Level, Metrics
from ecgtool.metrics.estimates import evaluate
from ecgtool.metrics.logits import activated, logits_of
from ecgtool.metrics.outcomes import Outcomes
from ecgtool.metrics.thresholds import DEFAULT_RULE, Choice, choices
from ecgtool.task import Task


@dataclass(frozen=True)
class Predictions:
    """Probabilities beside targets, in item order.

    Args:
        task: What the targets mean.
        ids: Item names; of patients at patient level.
        patients: Who each item is of; empty where unknown.
        split: Which split the items are.
        targets: As the task says, every item labelled.
        probabilities: float32 [items, labels].
        logits: float32 [items, labels]; derived from the probabilities where not given.
        metadata: Columns by name, a value per item; None, NaN or "" where unknown.
        level: What an item is: a recording or a patient.
        notes: What a reader must know of how they were made.
    """

    task: Task
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    split: str
    targets: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    metadata: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    level: Level = "item"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.logits.size:
            object.__setattr__(self, "logits", logits_of(self.task, self.probabilities))
        parts = {
            "patients": self.patients,
            "targets": self.targets,
            "probabilities": self.probabilities,
            "logits": self.logits,
            **self.metadata,
        }
        for name, part in parts.items():
            if len(part) != len(self.ids):
                raise DataError(f"There are {len(self.ids)} items but {len(part)} {name}.")

    def taken(self, items: npt.NDArray[np.int64]) -> Self:
        """The predictions of these items, in their order."""
        return replace(
            self,
            ids=tuple(self.ids[item] for item in items),
            patients=tuple(self.patients[item] for item in items),
            targets=self.targets[items],
            probabilities=self.probabilities[items],
            logits=self.logits[items],
            metadata={name: tuple(column[item] for item in items) for name, column in self.metadata.items()},
        )

    def divided(self, temperature: float) -> Self:
        """The same predictions with their logits divided by a temperature."""
        logits = np.asarray(self.logits / np.float32(temperature), dtype=np.float32)
        return replace(self, logits=logits, probabilities=activated(self.task, logits))

    def thresholds(self, rule: str = DEFAULT_RULE) -> dict[str, float]:
        """The threshold of each label that a rule picks on these, at their level.

        Raises:
            ConfigError: There is no such rule.
        """
        return {label: choice.threshold for label, choice in self._choices(rule).items()}

    def threshold_notes(self, rule: str = DEFAULT_RULE) -> list[str]:
        """Which of :meth:`thresholds` to distrust, and why: one sentence per label."""
        return [f"{label}: {choice.note}." for label, choice in self._choices(rule).items() if choice.note]

    def metrics(self, thresholds: Mapping[str, float], bootstrap: int = 1000, seed: int = 0) -> Metrics:
        """Every figure with its interval; see :func:`ecgtool.metrics.evaluate`."""
        return evaluate(
            self.task, self.targets, self.probabilities, self.patients, thresholds, bootstrap, seed, level=self.level
        )

    def outcomes(self, thresholds: Mapping[str, float]) -> Outcomes:
        """Targets, probabilities and calls as arrays [items, asked labels]."""
        return Outcomes.of(self.task, self.targets, self.probabilities, thresholds)

    def save_csv(self, path: Path, thresholds: Mapping[str, float]) -> Path:
        """Write one row per item: id, patient, split, level, then target, probability, decision of each asked label.

        Text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        parts = ("target", "probability", "decision")
        writer.writerow(
            ["id", "patient", "split", "level"]
            + [inert(f"{label}_{part}") for label in self.task.asked for part in parts]
        )
        writer.writerows(self._rows(self.outcomes(thresholds)))
        return write_text(path, text.getvalue())

    def _rows(self, outcomes: Outcomes) -> Iterator[list[object]]:
        for item, (name, patient) in enumerate(zip(self.ids, self.patients, strict=True)):
            row: list[object] = [inert(name), inert(patient), self.split, self.level]
            for label in range(len(self.task.asked)):
                row.append(int(outcomes.truth[item, label]))
                row.append(f"{outcomes.probabilities[item, label]:.6g}")
                row.append(int(outcomes.called[item, label]))
            yield row

    def _choices(self, rule: str) -> dict[str, Choice]:
        return choices(self.task, self.targets, self.probabilities, rule)
