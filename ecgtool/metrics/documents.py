"""Documents: what an evaluation found, as it is written to ``metrics.json`` and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from ecgtool.metrics.beat_documents import BeatMetrics
from ecgtool.metrics.values import Method, Resampling, Value
from ecgtool.metrics.waves import WaveFigures
from ecgtool.settings import Section
from ecgtool.task import Task

__all__ = ["LabelMetrics", "Level", "Method", "Metrics", "Resampling", "Source", "Timing", "Value"]

Level = Literal["item", "patient"]

_RENAMED = {"precision": "ppv", "macro_precision": "macro_ppv", "weighted_precision": "weighted_ppv"}


class LabelMetrics(Section):
    """The figures of one label."""

    positives: int
    positive_patients: int
    negative_patients: int
    few: bool = Field(description="Fewer patients on one side than an interval can bear.")
    tp: int
    fp: int
    fn: int
    tn: int
    values: dict[str, Value] = Field(description="By the names of QUANTITIES.")

    @field_validator("values", mode="before")
    @classmethod
    def _names_of_today(cls, values: Any) -> Any:
        return _renamed(values)


class Timing(Section):
    """What one record costs, from counts in memory to probabilities; medians over repeated batches."""

    single_ms: float = Field(description="One record at a time.")
    batched_ms: float = Field(description="Per record, in batches.")
    batch: int
    device: str
    threads: int


class Source(Section):
    """What was evaluated, on what."""

    model: str
    arch: str = ""
    dataset: str
    store: str
    store_digest: str = ""
    split: str
    fs: float
    leads: tuple[str, ...]
    samples: int
    threshold_rule: str | None = Field(None, description="What picked the thresholds; null: the bundle's own.")
    threshold_notes: tuple[str, ...] = Field((), description="Thresholds to distrust, and why.")
    aggregate: str = Field("", description="How recordings became patients; empty where recordings count.")
    temperature: float = Field(1.0, description="What the logits were divided by, fitted on the validation split.")
    members: int = Field(0, description="Models whose mean it is; 0 for a single one.")
    seen_patients: int | None = Field(None, description="How many it was trained on; null where nobody can tell.")
    timing: Timing | None = None


class Metrics(Section):
    """Every figure of a task on one set of items."""

    schema_version: int = 1
    task: Task
    items: int
    patients: int
    level: Level = Field("item", description="What is counted: recordings, or patients with all of theirs.")
    values: dict[str, Value] = Field(description="By the names of METRICS.")
    per_label: dict[str, LabelMetrics] = Field(description="The labels that the task asks for.")
    left_out: dict[str, str] = Field(description="Labels that count in no mean, and why.")
    thresholds: dict[str, float] = Field(description="What decided; empty where the most probable label does.")
    confusion: list[list[int]] | None = Field(None, description="[true, called], where exactly one label holds.")
    beats: BeatMetrics | None = Field(None, description="Heartbeats by record and class; null where of none.")
    waves: WaveFigures | None = Field(None, description="Boundaries of waves; null where of none.")
    bootstrap: Resampling
    source: Source | None = Field(None, description="Model, data and split; null for bare arrays.")

    @field_validator("values", mode="before")
    @classmethod
    def _names_of_today(cls, values: Any) -> Any:
        return _renamed(values)


def _renamed(values: Any) -> Any:
    """The figures of a document written before, under the names they have now."""
    return (
        {_RENAMED.get(name, name): value for name, value in values.items()} if isinstance(values, Mapping) else values
    )
