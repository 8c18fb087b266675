"""Documents of heartbeats: what was found and missed, and what classes were called, as ``metrics.json`` holds them."""

from __future__ import annotations

from pydantic import Field

from ecgtool.metrics.values import Resampling, Value
from ecgtool.settings import Section


class Detected(Section):
    """Beats of one record, or of several."""

    name: str
    patient: str = ""
    reference: int = Field(description="Beats that are there.")
    found: int = Field(description="Beats that were found.")
    matched: int = Field(description="Beats that are both.")

    @property
    def missed(self) -> int:
        """Beats that are there and were not found."""
        return self.reference - self.matched

    @property
    def extra(self) -> int:
        """Beats that were found and are not there."""
        return self.found - self.matched


class Detection(Section):
    """How well beats were found in a set of records."""

    window_s: float
    skipped_s: float = Field(description="What was left out at the beginning of each record.")
    total: Detected
    gross: dict[str, Value] = Field(description="Of all beats together; by the names of QUANTITIES.")
    average: dict[str, Value] = Field(description="Mean of the records' own figures.")
    by_record: tuple[Detected, ...] = Field((), description="Left out where figures travel.")
    bootstrap: Resampling


class RecordMatrix(Section):
    """The beats of one record, found beside those that are there."""

    record: str
    patient: str = ""
    matrix: list[list[int]] = Field(description="As in Ec57.")


class Ec57(Section):
    """Beats that were found and called, against a reference, beat by beat."""

    labels: tuple[str, ...]
    window_s: float
    skipped_s: float = Field(description="What was left out at the beginning of each record.")
    records: int
    matrix: list[list[int]] = Field(
        description="[true, called] of all records; in the last row extra beats, in the last column missed ones."
    )
    gross: dict[str, dict[str, Value]] = Field(description="Of all beats together: QRS, VEB, SVEB.")
    average: dict[str, dict[str, Value]] = Field(description="Mean of the records in which the figure is defined.")
    by_record: tuple[RecordMatrix, ...] = Field((), description="Left out where figures travel.")
    bootstrap: Resampling


class ClassFigures(Section):
    """One class of beats."""

    beats: int = Field(description="Beats that are of the class.")
    called: int = Field(description="Beats that were called it.")
    records: int = Field(description="Records that have such a beat.")
    gross: dict[str, Value] = Field(description="Of all beats together; by the names of CLASS_QUANTITIES.")
    average: dict[str, Value] = Field(description="Mean of the records in which the figure is defined.")


class AamiRow(Section):
    """An ectopic class against all others."""

    beats: int
    aami: dict[str, Value] = Field(description="By AAMI's convention; by the names of AAMI_QUANTITIES.")
    strict: dict[str, Value] = Field(description="With every beat of another class counted.")


class Baseline(Section):
    """What calling every beat the same would reach."""

    label: str
    accuracy: Value
    macro_f1: Value


class RecordBeats(Section):
    """One record."""

    record: str
    beats: int
    accuracy: float
    confusion: list[list[int]] = Field(description="[true, called].")


class BeatMetrics(Section):
    """Every figure of a task of beats."""

    labels: tuple[str, ...]
    beats: int
    records: int
    patients: int
    accuracy: Value
    macro_f1: Value = Field(description="Mean F1 of macro_labels.")
    macro_labels: tuple[str, ...]
    macro_f1_all: Value = Field(description="Mean F1 of all classes that occur.")
    baseline: Baseline
    per_class: dict[str, ClassFigures]
    aami: dict[str, AamiRow] = Field(description="VEB and SVEB, where the labels have them.")
    aami_learned: dict[str, AamiRow] = Field(
        default_factory=dict, description="The same without the first five minutes of each record, as EC57 has it."
    )
    confusion: list[list[int]] = Field(description="[true, called] of all records.")
    by_record: tuple[RecordBeats, ...] = Field((), description="Left out where figures travel.")
    detection: Detection | None = Field(None, description="How well beats were found, where that was asked.")
    ec57: Ec57 | None = Field(None, description="Found beats and their classes, where these were asked for.")
    bootstrap: Resampling
