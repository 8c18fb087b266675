"""A synthetic corpus: patients with one to four recordings each, drawn when they are read.

Each recording depends on the seed, its patient's number and its own number among the patient's alone: neither on the
order of reading nor on how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth import LABELS, RHYTHMS, Drawing, Plan, beats_of, draw, labels_of, rhythm_of
from ecgtool.signals.synth_noise import Noise
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

# What patients come with: how many of each 24, and what it means for the plan of every recording.
_KINDS: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    "normal": (8, {}),
    "anterior": (2, {"territory": "anterior"}),
    "inferior": (1, {"territory": "inferior"}),
    "lateral": (1, {"territory": "lateral"}),
    "afib": (3, {"fibrillating": True}),
    "right": (2, {"conduction": "right"}),
    "left": (1, {"conduction": "left"}),
    "hypertrophy": (3, {"hypertrophy": True}),
    "ventricular": (2, {"ectopy": "ventricular"}),
    "atrial": (1, {"ectopy": "atrial"}),
}
_CHRONIC = ("right", "left", "hypertrophy")
_DECK = tuple(kind for kind, (number, _plan) in _KINDS.items() for _ in range(number))
_PERSON, _PLAN, _DRAWING, _VISITS, _DEALING = range(5)  # streams of chance, apart from each other
_USUAL = Division()
_LIMITS = {"records": (1, 10**7), "seconds": (2, 86_400), "seed": (0, 2**63), "fs": (50, 10_000)}


class Synthetic:
    """A :class:`~ecgtool.datasets.corpus.Corpus` that needs no files.

    Args:
        records: How many recordings.
        seconds: Length of each.
        seed: All chance comes from it.
        fs: Sampling rate in Hz.
        tasks: Names of the tasks, of :data:`TASKS`.
        division: How the patients are divided into train, val and test.

    Raises:
        ConfigError: A number out of range, or an unknown task.
    """

    name = "synthetic"
    leads: tuple[str, ...] = LEADS_12
    tabular: tuple[str, ...] = ("age", "sex")

    def __init__(
        self,
        records: int = 200,
        seconds: float = 10.0,
        seed: int = 42,
        fs: float = 100.0,
        tasks: Sequence[str] = ("diagnosis",),
        division: Division = _USUAL,
    ) -> None:
        _refuse({"records": records, "seconds": seconds, "seed": seed, "fs": fs}, tasks)
        self.seconds, self.seed, self.fs = seconds, seed, fs
        self.samples = round(seconds * fs)
        self.tasks: Sequence[Task] = tuple(TASKS[task] for task in tasks)
        self.options: Mapping[str, Any] = {
            "records": records,
            "seconds": seconds,
            "seed": seed,
            "division": asdict(division),
        }
        self.sources: Mapping[str, str] = {}
        self.notes: Sequence[str] = ()
        members = _members(records, seed)
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
        chance = (self.seed, _DRAWING, patient, recording)
        return draw(self.plan(patient, recording), self.fs, self.seconds, chance, entry.id, entry.patient)

    def person(self, patient: int) -> Person:
        """Who a patient is."""
        hypertrophy = _kind(patient, self.seed) == "hypertrophy"
        return Person.random(_chance(self.seed, _PERSON, patient), hypertrophy=hypertrophy)

    def plan(self, patient: int, recording: int) -> Plan:
        """What a recording of a patient is to show."""
        chance = _chance(self.seed, _PLAN, patient, recording)
        return _visit(self.person(patient), _kind(patient, self.seed), recording, chance)

    def _all_entries(self, diagnosis: npt.NDArray[Any], division: Division) -> Sequence[Entry]:
        """The recordings, the patients in order; split by patient, every label in every split as far as it goes."""
        patients = [f"p{patient:05d}" for patient, _recording in self._numbers.values()]
        dealt = division.deal(patients, diagnosis)
        made = zip(self._numbers, patients, dealt, self.tabular_values.astype(int).tolist(), strict=True)
        return tuple(
            Entry(name, patient, "", split, fold, {"age": age, "sex": sex, "condition": _kind(number, self.seed)})
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
        rhythm, _breath, _rest = beats_of(plan, self.seconds, (self.seed, _DRAWING, patient, recording))
        return labels_of(plan, rhythm, self.seconds), rhythm_of(rhythm, self.seconds)


def _refuse(numbers: Mapping[str, float], tasks: Sequence[str]) -> None:
    for name, value in numbers.items():
        least, most = _LIMITS[name]
        if not least <= value <= most:
            raise ConfigError(f"A synthetic corpus cannot have {name} {value:g}.", f"From {least:,} to {most:,}.")
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise ConfigError(f"The synthetic corpus has no task '{unknown[0]}'.", did_you_mean(unknown[0], TASKS))


def _chance(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def _members(records: int, seed: int) -> list[tuple[int, int]]:
    """Number of the patient and of the recording among the patient's, for each recording."""
    members: list[tuple[int, int]] = []
    for patient in count():
        if len(members) >= records:
            break
        recordings = int(_chance(seed, _VISITS, patient).choice(4, p=(0.4, 0.3, 0.2, 0.1))) + 1
        members += [(patient, recording) for recording in range(recordings)]
    return members[:records]


def _kind(patient: int, seed: int) -> str:
    """What a patient comes with."""
    hand, place = divmod(patient, len(_DECK))
    return _DECK[_chance(seed, _DEALING, hand).permutation(len(_DECK))[place]]


def _visit(person: Person, kind: str, recording: int, chance: np.random.Generator) -> Plan:
    """What is chronic stays, an infarct may have resolved, rate and noise are of the day."""
    plan = replace(Plan(person), **_KINDS[kind][1])
    if recording and chance.random() < 0.4:
        plan = replace(plan, territory="")
    if kind in _CHRONIC:
        further = chance.random()
        plan = replace(plan, fibrillating=further < 0.12, ectopy="ventricular" if further > 0.88 else "")
    return replace(
        plan,
        rate=_rate(person, plan.fibrillating, chance),
        elevation_mv=chance.uniform(0.2, 0.4),
        ectopic_every=int(chance.choice([2, 3, 4, 5, 6])),
        noise=Noise.random(chance),
    )


def _rate(person: Person, fibrillating: bool, chance: np.random.Generator) -> float:
    """Of the day: most at rest, one in eight fast, one in eight slow."""
    if fibrillating:
        return float(chance.choice([chance.uniform(68, 95), chance.uniform(108, 150)], p=(0.6, 0.4)))
    resting = min(max(person.resting_rate + chance.normal(0, 4), 64.0), 94.0)
    fast, slow = chance.uniform(108, 150), chance.uniform(42, 56)
    return float(chance.choice([resting, fast, slow], p=(0.75, 0.125, 0.125)))
