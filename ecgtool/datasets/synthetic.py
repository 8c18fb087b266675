"""A synthetic corpus: patients with one to four recordings each, drawn when they are read.

Each recording depends on the seed, its patient's number and its own number among the patient's alone: neither on the
order of reading nor on how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.presets import CTRCD_XML, DRAWING, PRESETS, Preset
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth import LABELS, RHYTHMS, Drawing, Plan, beats_of, draw, labels_of, rhythm_of
from ecgtool.signals.synth_person import Person
from ecgtool.signals.synth_truth import Truth
from ecgtool.task import Task

DIAGNOSIS = Task(
    name="diagnosis",
    kind="multilabel",
    labels=LABELS,
    description="Findings that hold; normal is none of them. Arrhythmia is fibrillation or ectopy.",
    timed_labels=("tachycardia", "bradycardia"),
    voltage_labels=("st_elevation", "hypertrophy"),
)
RHYTHM = Task(
    name="rhythm",
    kind="multiclass",
    labels=RHYTHMS,
    metric="macro_f1",
    description="One rhythm per recording: fibrillation, else ectopy, else sinus by its rate.",
    timed_labels=("tachycardia", "bradycardia"),
)
TASKS = {task.name: task for task in (DIAGNOSIS, RHYTHM)}

_USUAL = Division()
_LIMITS = {"records": (1, 10**7), "seconds": (2, 86_400), "seed": (0, 2**63), "fs": (50, 10_000)}


class Synthetic:
    """A :class:`~ecgtool.datasets.corpus.Corpus` that needs no files.

    Args:
        records: How many recordings; as many as the preset has where None.
        seconds: Length of each.
        seed: All chance comes from it.
        fs: Sampling rate in Hz; the preset's where None.
        tasks: Names of the tasks, of :data:`TASKS`.
        division: How the patients are divided into train, val and test.
        preset: Whom and what it draws, of :data:`~ecgtool.datasets.presets.PRESETS`.

    Raises:
        ConfigError: A number out of range, or an unknown task or preset.
    """

    name = "synthetic"
    leads: tuple[str, ...] = LEADS_12
    tabular: tuple[str, ...] = ("age", "sex")

    def __init__(
        self,
        records: int | None = None,
        seconds: float = 10.0,
        seed: int = 42,
        fs: float | None = None,
        tasks: Sequence[str] = ("diagnosis",),
        division: Division = _USUAL,
        preset: str = "standard",
    ) -> None:
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset '{preset}'.", did_you_mean(preset, (*PRESETS, CTRCD_XML)))
        self._preset: Preset = PRESETS[preset](seed)
        records = self._preset.records if records is None else records
        fs = self._preset.fs if fs is None else fs
        _refuse({"records": records, "seconds": seconds, "seed": seed, "fs": fs}, tasks)
        self.seconds, self.seed, self.fs = seconds, seed, fs
        self.samples = round(seconds * fs)
        self.tasks: Sequence[Task] = tuple(TASKS[task] for task in tasks)
        self.options: Mapping[str, Any] = {
            "records": records,
            "seconds": seconds,
            "seed": seed,
            "division": asdict(division),
            **({} if preset == "standard" else {"preset": preset}),
        }
        self.sources: Mapping[str, str] = {}
        self.notes: Sequence[str] = ()
        members = self._preset.members(records)
        self._numbers = {f"{patient:05d}_{recording}": (patient, recording) for patient, recording in members}
        people = [self.person(patient) for patient, _recording in members]
        self.tabular_values = np.array([[person.age, person.sex == "F"] for person in people], dtype=np.float32)
        targets = self._all_targets()
        self.targets: Mapping[str, npt.NDArray[Any]] = {task.name: targets[task.name] for task in self.tasks}
        self.entries: Sequence[Entry] = self._all_entries(targets[DIAGNOSIS.name], division)

    def read(self, entry: Entry) -> Record:
        """Draw the recording of an entry."""
        return self.drawing(entry).record

    def truth(self, entry: Entry) -> Truth:
        """What is known of the recording of an entry: its beats, waves, intervals."""
        return self.drawing(entry).truth

    def drawing(self, entry: Entry) -> Drawing:
        """The recording of an entry, without its noise too, and its truth."""
        patient, recording = self._numbers[entry.id]
        chance = (self.seed, DRAWING, patient, recording)
        return draw(self.plan(patient, recording), self.fs, self.seconds, chance, entry.id, entry.patient)

    def person(self, patient: int) -> Person:
        """Who a patient is."""
        return self._preset.person(patient)

    def plan(self, patient: int, recording: int) -> Plan:
        """What a recording of a patient is to show."""
        return self._preset.plan(patient, recording)

    def _all_entries(self, diagnosis: npt.NDArray[Any], division: Division) -> Sequence[Entry]:
        """The recordings, the patients in order; split by patient, every label in every split as far as it goes."""
        patients = [f"p{patient:05d}" for patient, _recording in self._numbers.values()]
        dealt = division.deal(patients, diagnosis)
        made = zip(self._numbers, patients, dealt, self.tabular_values.astype(int).tolist(), strict=True)
        return tuple(
            Entry(name, patient, "", split, fold, {"age": age, "sex": sex, "condition": self._preset.kind(number)})
            for (name, patient, (split, fold), (age, sex)), (number, _recording) in zip(
                made, self._numbers.values(), strict=True
            )
        )

    def _all_targets(self) -> Mapping[str, npt.NDArray[Any]]:
        """Targets of every task, asked for or not; rows as entries."""
        found = [self._findings(*member) for member in self._numbers.values()]
        diagnosis = np.array([[label in labels for label in LABELS] for labels, _rhythm in found], dtype=np.uint8)
        rhythm = np.array([RHYTHMS.index(rhythm) for _labels, rhythm in found], dtype=np.int16)
        return {DIAGNOSIS.name: diagnosis, RHYTHM.name: rhythm}

    def _findings(self, patient: int, recording: int) -> tuple[tuple[str, ...], str]:
        """Labels and rhythm, from the beats alone: nothing is drawn."""
        plan = self.plan(patient, recording)
        rhythm, _breath, _rest = beats_of(plan, self.seconds, (self.seed, DRAWING, patient, recording))
        return labels_of(plan, rhythm, self.seconds), rhythm_of(rhythm, self.seconds)


def _refuse(numbers: Mapping[str, float], tasks: Sequence[str]) -> None:
    for name, value in numbers.items():
        least, most = _LIMITS[name]
        if not least <= value <= most:
            raise ConfigError(f"A synthetic corpus cannot have {name} {value:g}.", f"From {least:,} to {most:,}.")
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise ConfigError(f"The synthetic corpus has no task '{unknown[0]}'.", did_you_mean(unknown[0], TASKS))
