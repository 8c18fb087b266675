"""Who is recorded: age, sex, and the anatomy that all recordings of one person share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Sex = Literal["M", "F"]


@dataclass(frozen=True)
class Person:
    """A heart in a chest.

    Args:
        age: Years.
        sex: ``"M"`` or ``"F"``.
        axis_deg: Electrical axis of the QRS in the frontal plane; 0 points left, 90 to the feet.
        transition_deg: Turn about the long axis; positive moves the transition zone towards V5.
        voltage_mv: Sokolow-Lyon voltage: S in V1 plus the larger R of V5 and V6.
        p_mv: Height of P in the lead where it is largest, about that of II.
        t_mv: Height of T, likewise.
        pr_ms: PR interval at 60 beats per minute.
        qrs_ms: QRS duration with normal conduction.
        qtc_ms: QT interval at 60 beats per minute.
        resting_rate: Sinus rate at rest in beats per minute.
        variability: Standard deviation of sinus RR over its mean.
        precordial_gain: How near each of V1-V6 lies to the heart; 1 is usual.
        traits: Seed of what further sets this heart apart: the fine shape of its waves, its ectopic focus.
    """

    age: int
    sex: Sex
    axis_deg: float
    transition_deg: float
    voltage_mv: float
    p_mv: float
    t_mv: float
    pr_ms: float
    qrs_ms: float
    qtc_ms: float
    resting_rate: float
    variability: float
    precordial_gain: tuple[float, ...]
    traits: int

    @classmethod
    def random(cls, rng: np.random.Generator, *, hypertrophy: bool = False) -> Person:
        """A person, with what age and sex do to the electrocardiogram.

        Voltage falls and the axis turns left with age; women have lower chest voltage and T, a shorter QRS, a longer
        QTc and a faster resting rate; variability of the sinus rate falls with age (Macfarlane and Lawrie 2010;
        Rautaharju, JACC 2009; Umetani, JACC 1998).

        Args:
            rng: Source of chance.
            hypertrophy: A thick left ventricle: voltage beyond Sokolow and Lyon's 3.5 mV, an axis to the left.
        """
        age = int(rng.integers(45, 90)) if hypertrophy else int(_normal(rng, 56, 18, 18, 92))
        female = bool(rng.random() < 0.5)
        years = (age - 55) / 10
        usual = (2.3 - 0.12 * years) * (0.88 if female else 1.0) * rng.lognormal(0, 0.16)
        return cls(
            age=age,
            sex="F" if female else "M",
            axis_deg=_normal(rng, 15, 15, -20, 60) if hypertrophy else _normal(rng, 50 - 7 * years, 18, 0, 85),
            transition_deg=_normal(rng, 0, 7, -12, 12),
            voltage_mv=rng.uniform(4.0, 5.6) if hypertrophy else min(max(usual, 1.3), 3.2),
            p_mv=_normal(rng, 0.13, 0.02, 0.08, 0.2),
            t_mv=(0.33 - 0.012 * years - 0.06 * female) * rng.lognormal(0, 0.2),
            pr_ms=_normal(rng, 158 + 3 * years, 14, 125, 200),
            qrs_ms=_normal(rng, 92 - 5 * female + 10 * hypertrophy, 4, 78, 112),
            qtc_ms=_normal(rng, 402 + 14 * female + 2 * years, 12, 365, 455),
            resting_rate=_normal(rng, 70 + 3 * female, 8, 60, 92),
            variability=(0.036 - 0.005 * years) * rng.lognormal(0, 0.25),
            precordial_gain=tuple(rng.lognormal(0, 0.08, 6).tolist()),
            traits=int(rng.integers(2**32)),
        )


def _normal(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    """A normally distributed number, kept within limits."""
    return min(max(rng.normal(mean, spread), low), high)
