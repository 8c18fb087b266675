"""Fictional patients under cancer therapy, some of whose hearts fail of it, and their serial recordings.

Everything follows from the seed, the patient's number and the visit's number alone. Nobody of these names exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from ecgtool.datasets.presets import chance_of
from ecgtool.formats.reading import age_at
from ecgtool.record import LEADS_8
from ecgtool.signals.synth import Plan
from ecgtool.signals.synth_cardiotoxic import under_therapy
from ecgtool.signals.synth_noise import Noise
from ecgtool.signals.synth_person import Person

CTRCD, CONTROL = "CTRCD", "control"
"""Labels: whether cardiac dysfunction was found at any time of the follow-up."""
FURTHER = ("weeks_on_therapy", "therapy", "anthracycline_mg_m2", "baseline_lvef", "hypertension", "device")
"""Columns of the manifest that describe a patient or a recording, beside age and sex."""

_PATIENT, _VISIT = 100, 101  # streams of chance, apart from those of other presets
_THERAPIES = ("anthracycline", "anthracycline, then anti-HER2", "anti-HER2", "tyrosine kinase inhibitor")
_WITH_ANTHRACYCLINE = 2  # the first so many
_DEVICES = {"MAC16": (250.0,), "MAC55": (500.0,), "MV360": (500.0, 1000.0)}
_SECONDS = (10.0, 8.0, 12.0, 30.0)
_WEEKS = (0, 10, 20, 36, 60)
_COURSE = 18  # weeks
_UNKNOWN = {"age": 0.02, "sex": 0.02, "therapy": 0.05, "baseline_lvef": 0.12, "hypertension": 0.08, "device": 0.04}
_LAST = (
    *("Abendroth-Quell", "Birkenmoos", "Dornfelser", "Eibenschlag", "Farnweiler", "Ginsterwald", "Haferkorn"),
    *("Ilmenbach", "Kieselbrunn", "Lindwurmer", "Moosgruber", "Nebelthau", "Orchideen", "Pfifferling", "Quittenhof"),
)
_FIRST = (
    *("Aurelia", "Benedikta", "Cassian", "Dorothea", "Eleonora", "Florentin", "Gundula", "Hieronymus"),
    *("Ismene", "Jolanda", "Korbinian", "Leopoldine", "Melchior"),
)


@dataclass(frozen=True)
class Patient:
    """Who is treated.

    Args:
        mrn: Number in the clinic's records.
        name: Last and first name.
        birth: Date of birth.
        begin: First day of therapy.
        person: The heart before it.
        ctrcd: Whether cardiac dysfunction was found.
        severity: How far the heart suffers by the end of the course; of :func:`under_therapy`.
        therapy: What is given.
        dose: Of anthracyclines in mg/m² over the whole course; None where none are given.
        lvef: Left ventricular ejection fraction before therapy in per cent.
        hypertension: Whether the blood pressure was high before it.
        visits: Numbers of the visits of which there are recordings; number 0 is before therapy, and not everybody's.
    """

    mrn: str
    name: tuple[str, str]
    birth: date
    begin: date
    person: Person
    ctrcd: bool
    severity: float
    therapy: str
    dose: float | None
    lvef: float
    hypertension: bool
    visits: range


@dataclass(frozen=True)
class Visit:
    """One recording of a patient.

    Args:
        patient: Whose.
        start: When it began.
        plan: What the recording shows; its person is the heart on that day.
        fs: Sampling rate in Hz.
        seconds: Length.
        device: What recorded it.
        leads: Those of the eight independent ones that were recorded.
        cells: What the manifest says beside identity and label, by column; empty where it is not known.
    """

    patient: Patient
    start: datetime
    plan: Plan
    fs: float
    seconds: float
    device: str
    leads: tuple[str, ...]
    cells: Mapping[str, str]

    @property
    def label(self) -> str:
        """What the manifest calls the patient's outcome."""
        return CTRCD if self.patient.ctrcd else CONTROL


@lru_cache(maxsize=4096)  # asked for at each visit
def patient_of(seed: int, number: int) -> Patient:
    """The patient of a number."""
    chance = chance_of(seed, _PATIENT, number)
    person = Person.random(chance)
    therapy = int(chance.choice(len(_THERAPIES), p=(0.45, 0.25, 0.18, 0.12)))
    dose = float(np.clip(chance.normal(290, 80), 100, 550)) if therapy < _WITH_ANTHRACYCLINE else None
    lvef = float(np.clip(chance.normal(62, 5), 50, 76))
    hypertension = bool(chance.random() < 0.15 + 0.005 * max(person.age - 40, 0))
    risk = 0.004 * ((dose or 180) - 290) - 0.05 * (lvef - 62) + 0.35 * hypertension + 0.015 * (person.age - 56)
    ctrcd = bool(chance.random() < 1 / (1 + np.exp(0.8 - risk)))
    begin = date(2015, 1, 1) + timedelta(days=int(chance.integers(3000)))
    return Patient(
        mrn=f"MRN{4_100_000 + 13 * number}",
        name=(str(chance.choice(_LAST)), str(chance.choice(_FIRST))),
        birth=_birth(person.age, begin, chance),
        begin=begin,
        person=person,
        ctrcd=ctrcd,
        severity=float(chance.lognormal(0, 0.35) if ctrcd else max(chance.normal(0, 0.25), 0)),
        therapy=_THERAPIES[therapy],
        dose=dose,
        lvef=lvef,
        hypertension=hypertension,
        visits=_visits(chance),
    )


def visit_of(seed: int, number: int, visit: int) -> Visit:
    """A recording of the patient of a number: that of visit 0 is made before therapy."""
    patient, chance = patient_of(seed, number), chance_of(seed, _VISIT, number, visit)
    weeks = _WEEKS[visit] + (int(chance.integers(-2, 3)) if visit else 0)
    given = min(weeks / _COURSE, 1.0)
    suffered = patient.severity * (0.15 + 0.85 * given) * chance.lognormal(0, 0.15)
    device = str(chance.choice(list(_DEVICES)))
    day = patient.begin + timedelta(weeks=weeks)
    start = datetime(day.year, day.month, day.day, int(chance.integers(7, 18)), *chance.integers(60, size=2).tolist())
    return Visit(
        patient=patient,
        start=start,
        plan=_plan(under_therapy(patient.person, given, suffered), chance),
        fs=float(chance.choice(_DEVICES[device])),
        seconds=float(chance.choice(_SECONDS, p=(0.82, 0.06, 0.08, 0.04))),
        device=device,
        leads=_leads(chance),
        cells=_cells(patient, weeks, given, device, day, chance),
    )


def members(seed: int, records: int) -> list[tuple[int, int]]:
    """Number of the patient and of the visit, for each recording."""
    made: list[tuple[int, int]] = []
    number = 0
    while len(made) < records:
        made += [(number, visit) for visit in patient_of(seed, number).visits]
        number += 1
    return made[:records]


def _visits(chance: np.random.Generator) -> range:
    """Two to four of them in a row; half of the patients come to the clinic under therapy only."""
    first = int(chance.random() < 0.5)
    return range(first, first + int(chance.choice((2, 3, 4), p=(0.35, 0.4, 0.25))))


def _birth(age: int, begin: date, chance: np.random.Generator) -> date:
    """A birthday of somebody of that age on that day."""
    return date(begin.year - age - 1, begin.month, min(begin.day, 28)) + timedelta(days=int(chance.integers(1, 365)))


def _plan(person: Person, chance: np.random.Generator) -> Plan:
    """Mostly sinus rhythm at rest; an ectopic beat or fibrillation now and then, whatever the outcome."""
    rate = float(np.clip(person.resting_rate + chance.normal(0, 5), 50, 125))
    drawn = chance.random()
    plan = Plan(person, rate=rate, fibrillating=drawn < 0.03, noise=Noise.random(chance))
    return replace(plan, ectopy="ventricular", ectopic_every=6) if drawn > 0.94 else plan


def _leads(chance: np.random.Generator) -> tuple[str, ...]:
    """All eight as a rule; in one recording of 25 an electrode or two of the chest are missing."""
    if chance.random() > 0.04:
        return LEADS_8
    lost = chance.choice(LEADS_8[2:], size=int(chance.integers(1, 3)), replace=False)
    return tuple(lead for lead in LEADS_8 if lead not in lost)


def _cells(
    patient: Patient, weeks: int, given: float, device: str, day: date, chance: np.random.Generator
) -> dict[str, str]:
    """The cells of a row; some of what a clinic writes down it has not written down."""
    age = age_at(patient.birth.isoformat(), day.isoformat())
    told = {
        "age": f"{age:g}",
        "sex": patient.person.sex,
        "weeks_on_therapy": str(weeks),
        "therapy": patient.therapy,
        "anthracycline_mg_m2": "" if patient.dose is None else f"{patient.dose * given:.0f}",
        "baseline_lvef": f"{patient.lvef:.0f}",
        "hypertension": "yes" if patient.hypertension else "no",
        "device": device,
    }
    return {name: "" if chance.random() < _UNKNOWN.get(name, 0) else cell for name, cell in told.items()}
