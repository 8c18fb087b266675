"""Whom and what a synthetic corpus draws: patients, their recordings, and what each recording is to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from ecgtool.signals.synth import Plan
from ecgtool.signals.synth_noise import Noise
from ecgtool.signals.synth_person import Person

# What patients come with as a rule: how many of each 24, and what it means for the plan of every recording.
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
_PERSON, _PLAN, DRAWING, _VISITS, _DEALING = range(5)  # streams of chance, apart from each other

# One finding at a time, far from its limit: what is drawn, the rate in beats per minute, and how many of each 26.
_SINUS, _FAST, _SLOW = (64.0, 94.0), (112.0, 145.0), (42.0, 54.0)
_FIXTURES: Mapping[str, tuple[int, tuple[float, float], Mapping[str, Any]]] = {
    "normal": (4, _SINUS, {}),
    "anterior": (2, _SINUS, {"territory": "anterior"}),
    "inferior": (2, _SINUS, {"territory": "inferior"}),
    "lateral": (2, _SINUS, {"territory": "lateral"}),
    "afib": (2, (72.0, 90.0), {"fibrillating": True}),
    "afib_fast": (2, (122.0, 145.0), {"fibrillating": True}),
    "tachycardia": (3, _FAST, {}),
    "bradycardia": (3, _SLOW, {}),
    "right": (3, _SINUS, {"conduction": "right"}),
    "left": (3, _SINUS, {"conduction": "left"}),
}
_FIXED_DECK = tuple(kind for kind, (number, _rate, _plan) in _FIXTURES.items() for _ in range(number))
QUIET, LOUD = Noise(0.02, 0.004, 0.002, 0.0), Noise(0.1, 0.025, 0.01, 0.3)
"""A recording of an electrode laboratory, and one of a busy ward."""


class Preset(Protocol):
    """What a synthetic corpus asks of a preset. Everything follows from the seed and the numbers alone."""

    records: int
    fs: float

    def members(self, records: int) -> list[tuple[int, int]]:
        """Number of the patient and of the recording among the patient's, for each recording."""

    def kind(self, patient: int) -> str:
        """What a patient comes with."""

    def person(self, patient: int) -> Person:
        """Who a patient is."""

    def plan(self, patient: int, recording: int) -> Plan:
        """What a recording of a patient is to show."""


@dataclass(frozen=True)
class Standard:
    """Patients with one to four recordings each, several findings at a time, as they come to a clinic.

    Args:
        seed: All chance comes from it.
    """

    seed: int
    records = 200
    fs = 100.0

    def members(self, records: int) -> list[tuple[int, int]]:
        """As :class:`Preset`."""
        members: list[tuple[int, int]] = []
        for patient in count():
            if len(members) >= records:
                break
            recordings = int(chance_of(self.seed, _VISITS, patient).choice(4, p=(0.4, 0.3, 0.2, 0.1))) + 1
            members += [(patient, recording) for recording in range(recordings)]
        return members[:records]

    def kind(self, patient: int) -> str:
        """As :class:`Preset`."""
        hand, place = divmod(patient, len(_DECK))
        return _DECK[chance_of(self.seed, _DEALING, hand).permutation(len(_DECK))[place]]

    def person(self, patient: int) -> Person:
        """As :class:`Preset`."""
        hypertrophy = self.kind(patient) == "hypertrophy"
        return Person.random(chance_of(self.seed, _PERSON, patient), hypertrophy=hypertrophy)

    def plan(self, patient: int, recording: int) -> Plan:
        """As :class:`Preset`."""
        chance = chance_of(self.seed, _PLAN, patient, recording)
        return _visit(self.person(patient), self.kind(patient), recording, chance)


@dataclass(frozen=True)
class Fixtures:
    """Patients with one finding each, far from its limit, recorded twice: quietly and on a busy ward.

    Args:
        seed: All chance comes from it.
    """

    seed: int
    records = 2 * len(_FIXED_DECK)
    fs = 500.0

    def members(self, records: int) -> list[tuple[int, int]]:
        """As :class:`Preset`."""
        return [divmod(number, 2) for number in range(records)]

    def kind(self, patient: int) -> str:
        """As :class:`Preset`."""
        return _FIXED_DECK[patient % len(_FIXED_DECK)]

    def person(self, patient: int) -> Person:
        """As :class:`Preset`."""
        return Person.random(chance_of(self.seed, _PERSON, patient))

    def plan(self, patient: int, recording: int) -> Plan:
        """As :class:`Preset`."""
        chance = chance_of(self.seed, _PLAN, patient)
        _number, rate, drawn = _FIXTURES[self.kind(patient)]
        plan = replace(Plan(self.person(patient)), **drawn)
        return replace(
            plan,
            rate=chance.uniform(*rate),
            elevation_mv=chance.uniform(0.25, 0.4),
            noise=LOUD if recording else QUIET,
        )


PRESETS: Mapping[str, type[Standard] | type[Fixtures]] = MappingProxyType({"standard": Standard, "fixtures": Fixtures})
"""Presets by name."""
CTRCD_XML = "ctrcd-xml"
"""The preset that writes files in place of a store; see :mod:`ecgtool.datasets.ctrcd_xml`."""


def chance_of(*key: int) -> np.random.Generator:
    """Chance that follows from these numbers alone."""
    return np.random.default_rng(key)


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
