"""Synthetic twelve-lead electrocardiograms, drawn from a plan, with their truth.

>>> import numpy as np
>>> drawing = draw(Plan(Person.random(np.random.default_rng(1)), rate=72), fs=500, seconds=10, seed=1)
>>> drawing.record.signal.shape, drawing.truth.labels
((12, 5000), ('normal',))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth_beats import LEFT_BUNDLE, NORMAL, RIGHT_BUNDLE, STRAIN, Beats, Ventricles, injury_current
from ecgtool.signals.synth_dipole import Floats, leads_of, moment, twelve
from ecgtool.signals.synth_noise import CLINICAL, Noise, fibrillatory_waves, leads_noise
from ecgtool.signals.synth_person import Person
from ecgtool.signals.synth_rhythm import (
    Breath,
    Rhythm,
    fibrillation,
    sinus,
    with_atrial_ectopy,
    with_ventricular_ectopy,
)
from ecgtool.signals.synth_truth import Truth

LABELS = (
    "normal",
    "st_elevation",
    "arrhythmia",
    "afib",
    "tachycardia",
    "bradycardia",
    "bundle_branch_block",
    "hypertrophy",
    "ectopy",
)
RHYTHMS = ("sinus", "tachycardia", "bradycardia", "afib", "ectopy")

Seed = int | Sequence[int]

_CONDUCTION = {"normal": NORMAL, "right": RIGHT_BUNDLE, "left": LEFT_BUNDLE}


@dataclass(frozen=True)
class Plan:
    """What is to be drawn.

    Args:
        person: Whose heart.
        rate: Mean ventricular rate in beats per minute.
        fibrillating: Atrial fibrillation instead of sinus rhythm.
        conduction: Bundle branch block of the ``"right"`` or ``"left"`` bundle, or ``"normal"``.
        hypertrophy: The person has left ventricular hypertrophy with strain (its voltage is the person's).
        territory: Where the ST segment is elevated; empty for nowhere.
        elevation_mv: By how much, on average over the territory's leads.
        ectopy: Premature beats from the atria or ventricles, or none.
        ectopic_every: About how many beats from one premature beat to the next; 2 is bigeminy.
        noise: How noisy the recording is.
    """

    person: Person
    rate: float = 70.0
    fibrillating: bool = False
    conduction: Literal["normal", "right", "left"] = "normal"
    hypertrophy: bool = False
    territory: Literal["", "anterior", "inferior", "lateral"] = ""
    elevation_mv: float = 0.3
    ectopy: Literal["", "atrial", "ventricular"] = ""
    ectopic_every: int = 5
    noise: Noise = CLINICAL


@dataclass(frozen=True)
class Drawing:
    """A drawn recording.

    Args:
        record: The recording, noise included.
        clean: The heart alone; float32 [12, samples] in mV.
        truth: What is known of it.
    """

    record: Record
    clean: npt.NDArray[np.float32]
    truth: Truth


def draw(
    plan: Plan, fs: float, seconds: float, seed: int | Sequence[int], name: str = "", patient: str = ""
) -> Drawing:
    """Draw a recording.

    The rhythm, and with it the truth, does not depend on ``fs``: the same plan and seed at another rate is the same
    heart sampled more finely.

    Args:
        plan: What is to be drawn.
        fs: Sampling rate in Hz.
        seconds: Length.
        seed: All chance comes from it.
        name: The record's id.
        patient: The record's patient.
    """
    samples = round(seconds * fs)
    rhythm, breath, chance = beats_of(plan, seconds, seed)
    gain = np.array(plan.person.precordial_gain)
    pulses = Beats(plan.person, _ventricles(plan), _injury(plan, gain), breath).pulses(rhythm, chance)
    dipole = moment(pulses, fs, samples)
    if rhythm.fibrillating:
        dipole += fibrillatory_waves(chance.uniform(0.06, 0.14), fs, samples, chance)
    heart = leads_of(dipole, gain)
    noise = leads_noise(plan.noise, breath, fs, samples, chance)
    meta = {"age": plan.person.age, "sex": plan.person.sex, "device": "synthetic", "calibrated": True}
    record = Record(twelve(heart + noise).astype(np.float32), fs, LEADS_12, name, patient, meta)
    inside = rhythm.within(seconds)
    truth = Truth(
        seconds=seconds,
        beat_s=rhythm.beat_s[inside],
        beat_class=tuple(str(kind) for kind in rhythm.aami[inside]),
        labels=labels_of(plan, rhythm, seconds),
        rhythm=rhythm_of(rhythm, seconds),
        numbers=np.flatnonzero(inside),
        pulses=pulses,
        precordial_gain=gain,
    )
    return Drawing(record, twelve(heart).astype(np.float32), truth)


def beats_of(plan: Plan, seconds: float, seed: Seed) -> tuple[Rhythm, Breath, np.random.Generator]:
    """The beats of a recording, its breathing, and the chance that is left to draw the rest with."""
    chance = np.random.default_rng(seed)
    breath = Breath.random(chance)
    if plan.fibrillating:
        return fibrillation(plan.rate, chance.uniform(0.19, 0.28), seconds, chance), breath, chance
    rhythm = sinus(plan.rate, plan.person.variability, breath, seconds, chance)
    if plan.ectopy == "ventricular":
        rhythm = with_ventricular_ectopy(rhythm, plan.ectopic_every, seconds, chance)
    elif plan.ectopy == "atrial":
        rhythm = with_atrial_ectopy(rhythm, plan.ectopic_every, seconds, chance)
    return rhythm, breath, chance


def labels_of(plan: Plan, rhythm: Rhythm, seconds: float) -> tuple[str, ...]:
    """The diagnostic labels that hold, in the order of :data:`LABELS`.

    Rates are those of the beats inside the recording: above 100 is tachycardia, below 60 bradycardia, in fibrillation
    too. ``arrhythmia`` is fibrillation or ectopy, not a fast or slow sinus rhythm; ``normal`` is none of the others.
    """
    ectopic = bool((rhythm.origin[rhythm.within(seconds)] != "sinus").any())
    rate = rhythm.rate(seconds)
    holds = {
        "st_elevation": bool(plan.territory),
        "arrhythmia": rhythm.fibrillating or ectopic,
        "afib": rhythm.fibrillating,
        "tachycardia": rate > 100,
        "bradycardia": rate < 60,
        "bundle_branch_block": plan.conduction != "normal",
        "hypertrophy": plan.hypertrophy,
        "ectopy": ectopic,
    }
    holds["normal"] = not any(holds.values())
    return tuple(label for label in LABELS if holds[label])


def rhythm_of(rhythm: Rhythm, seconds: float) -> str:
    """The one of :data:`RHYTHMS` that describes the recording: fibrillation, then ectopy, then the sinus rate."""
    if rhythm.fibrillating:
        return "afib"
    if (rhythm.origin[rhythm.within(seconds)] != "sinus").any():
        return "ectopy"
    rate = rhythm.rate(seconds)
    return "tachycardia" if rate > 100 else "bradycardia" if rate < 60 else "sinus"


def _ventricles(plan: Plan) -> Ventricles:
    return STRAIN if plan.hypertrophy and plan.conduction == "normal" else _CONDUCTION[plan.conduction]


def _injury(plan: Plan, gain: Floats) -> Floats:
    return injury_current(plan.territory, plan.elevation_mv, gain) if plan.territory else np.zeros(3)
