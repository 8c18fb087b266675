"""What each beat looks like: the dipole of P, QRS, ST and T by conduction, origin, injury and hypertrophy.

Moments are in Frank's axes (x left, y to the feet, z to the back) and relative: the person's voltage scales them.
Times of QRS are milliseconds from the beat's fiducial point, near the R peak, for a normal QRS of 90 ms; they stretch
with the person's QRS duration. What each number does shows in the leads; the comments name it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.record import LEADS_12
from ecgtool.signals.synth_dipole import QRS, ST, Floats, P, Pulses, T, joined, lead_field, leads_of, twelve
from ecgtool.signals.synth_person import Person
from ecgtool.signals.synth_rhythm import Breath, Rhythm

Indices = npt.NDArray[np.int64]

# A Gaussian is down to 1/20 of its peak at 2.45, and to 1/50 at 2.80 of its widths: the ends of P and T, and of QRS.
ENDS_T, ENDS_QRS = float(np.sqrt(2 * np.log(20))), float(np.sqrt(2 * np.log(50)))


class Bell(NamedTuple):
    """One pulse of a QRS complex: time and widths in ms, moment relative to the voltage."""

    at: float
    rise: float
    fall: float
    moment: tuple[float, float, float]


@dataclass(frozen=True)
class Ventricles:
    """How the ventricles depolarise and recover.

    Args:
        bells: The pulses of QRS.
        onset_ms: Onset of QRS relative to the fiducial point.
        t: Direction and relative size of T; normal has length 1.
        st: Shift of the ST segment relative to the voltage (secondary to conduction or strain).
        qt_extra_ms: What a late QRS adds to the QT interval.
        t_widths: Rise and fall of T as shares of QT.
    """

    bells: tuple[Bell, ...]
    onset_ms: float
    t: tuple[float, float, float]
    st: tuple[float, float, float] = (0.0, 0.0, 0.0)
    qt_extra_ms: float = 0.0
    t_widths: tuple[float, float] = (0.14, 0.085)


NORMAL = Ventricles(
    (
        Bell(-23, 6.5, 6.5, (-0.20, -0.06, -0.28)),  # septum, left to right: q in I, V5, V6; r in V1
        Bell(-4, 8.5, 8.5, (0.62, 0.50, -0.10)),  # apex
        Bell(7, 8.5, 9.0, (0.58, 0.36, 0.70)),  # free wall of the left ventricle: R in V5, S in V1-V3
        Bell(24, 8.0, 9.5, (-0.16, -0.16, 0.30)),  # base: s in V5, V6
    ),
    onset_ms=-41,
    t=(0.70, 0.52, -0.48),
)
RIGHT_BUNDLE = Ventricles(
    (
        *NORMAL.bells[:3],
        Bell(28, 9.0, 11.0, (-0.06, -0.05, 0.12)),
        Bell(62, 15.0, 19.0, (-0.72, -0.04, -0.74)),  # right ventricle, late and slow: R' in V1, wide S in I, V6
    ),
    onset_ms=-41,
    t=(0.74, 0.48, 0.22),  # T against R' in V1-V3
    st=(0.05, 0.00, 0.05),
    qt_extra_ms=32,
)
LEFT_BUNDLE = Ventricles(
    (
        Bell(-26, 13.0, 14.0, (0.36, 0.12, 0.20)),  # septum, right to left: no q in I, V6; no r in V1
        Bell(-2, 14.0, 17.0, (0.62, 0.30, 0.50)),
        Bell(37, 16.0, 17.0, (0.76, 0.12, 0.96)),  # free wall, late: the notch of R in I, V6; deep S in V1-V3
    ),
    onset_ms=-58,
    t=(-0.82, -0.10, -0.78),  # discordant
    st=(-0.10, -0.01, -0.14),
    qt_extra_ms=45,
)
STRAIN = Ventricles(
    NORMAL.bells,
    onset_ms=-41,
    t=(-0.62, -0.10, -0.52),  # inverted in I, aVL, V5, V6
    st=(-0.045, -0.005, -0.03),
    t_widths=(0.16, 0.07),
)
# Ventricular ectopic beats by focus: broad, without P, T against QRS.
OUTFLOW_TRACT = Ventricles(
    (
        Bell(-30, 15.0, 17.0, (0.10, 0.40, 0.10)),
        Bell(2, 19.0, 22.0, (0.42, 1.00, 0.55)),
        Bell(48, 17.0, 20.0, (0.10, 0.45, 0.62)),
    ),
    onset_ms=-68,
    t=(-0.45, -0.90, -0.70),
    st=(-0.04, -0.10, -0.09),
    qt_extra_ms=40,
)
LEFT_VENTRICLE = Ventricles(
    (
        Bell(-30, 15.0, 17.0, (-0.25, -0.20, -0.30)),
        Bell(2, 19.0, 22.0, (-0.80, -0.62, -0.72)),
        Bell(50, 17.0, 20.0, (-0.50, -0.70, 0.10)),
    ),
    onset_ms=-68,
    t=(0.80, 0.75, 0.55),
    st=(0.08, 0.08, 0.05),
    qt_extra_ms=40,
)

_ECTOPIC_VOLTAGE = 1.2  # the ventricles do not cancel each other as they do in a conducted beat

# Where the injury current points, scaled so that the territory's leads show about its size in mV.
INJURY = {
    "anterior": (0.10, -0.13, -0.27),  # V2-V4, with depression in II, III, aVF
    "inferior": (-0.05, 0.30, 0.07),  # II, III, aVF, with depression in I, aVL
    "lateral": (0.33, -0.12, 0.04),  # I, aVL, V5, V6, with depression in III, V1
}
TERRITORY = {
    "anterior": ("V2", "V3", "V4"),
    "inferior": ("II", "III", "aVF"),
    "lateral": ("I", "aVL", "V5", "V6"),
}

_SINUS_P = (Bell(36, 15, 15, (0.50, 0.86, -0.42)), Bell(66, 15, 16, (0.62, 0.42, 0.42)))  # right, then left atrium
_ECTOPIC_P = (Bell(34, 14, 14, (0.25, -0.60, 0.30)), Bell(62, 14, 15, (0.20, -0.72, -0.10)))  # from below


class Beats:
    """Draws the beats of one recording.

    Args:
        person: Whose heart.
        ventricles: How sinus and atrial beats are conducted.
        injury: Injury current at the ST segment in mV, [3].
        breath: The respiration that turns and lifts the heart.
    """

    def __init__(self, person: Person, ventricles: Ventricles, injury: Floats, breath: Breath) -> None:
        self.person = person
        self.breath = breath
        self.injury = injury
        traits = np.random.default_rng(person.traits)
        self._warp = traits.normal(0, 0.06, (8, 3))
        self._turn = self._turned_to_axis()
        focus = OUTFLOW_TRACT if traits.random() < 0.5 else LEFT_VENTRICLE
        self.conducted, self.focus = ventricles, focus
        self._scale = person.voltage_mv / self._sokolow()

    def pulses(self, rhythm: Rhythm, rng: np.random.Generator) -> Pulses:
        """The pulses of every beat of a rhythm."""
        origin = rhythm.origin
        share = np.select([origin == "ventricular", origin == "fusion"], [0.0, 0.5], 1.0)
        strength = 1 + 0.02 * rng.normal(size=len(share))
        parts = [
            self._ventricular(self.conducted, rhythm, share * strength, np.flatnonzero(share > 0)),
            self._ventricular(self.focus, rhythm, _ECTOPIC_VOLTAGE * (1 - share), np.flatnonzero(share < 1)),
            self._st(rhythm, share),
        ]
        if not rhythm.fibrillating:
            parts += [
                self._atrial(_SINUS_P, rhythm, np.flatnonzero((origin == "sinus") | (origin == "fusion"))),
                self._atrial(_ECTOPIC_P, rhythm, np.flatnonzero(origin == "atrial")),
            ]
        return self._breathed(joined(parts), rhythm)

    def _ventricular(self, kind: Ventricles, rhythm: Rhythm, share: Floats, beats: Indices) -> Pulses:
        stretch = self.person.qrs_ms / 90
        at, rise, fall = (np.array([bell[part] for bell in kind.bells]) * stretch / 1000 for part in range(3))
        moments = self._shaped(kind) * self._scale
        qrs = _repeated(rhythm.beat_s[beats], beats, QRS, at, rise, fall, moments, share[beats])
        return joined([qrs, self._t(kind, rhythm, share, beats, stretch)])

    def _t(self, kind: Ventricles, rhythm: Rhythm, share: Floats, beats: Indices, stretch: float) -> Pulses:
        """T ends one QT interval after QRS began; QT follows the cube root of RR (Fridericia 1920)."""
        qt = self.person.qtc_ms / 1000 * np.cbrt(rhythm.preceding_s[beats]) + kind.qt_extra_ms / 1000
        rise, fall = kind.t_widths[0] * qt, kind.t_widths[1] * qt
        peak = rhythm.beat_s[beats] + kind.onset_ms * stretch / 1000 + qt - ENDS_T * fall
        direction = self._turn @ np.array(kind.t)
        size = self.person.t_mv * (0.6 + 0.4 * self._scale)
        moments = share[beats, None] * size * direction + share[beats, None] * 0.8 * self.injury
        return Pulses(peak, rise, fall, np.full(len(beats), 2.0), moments, beats, np.full(len(beats), T))

    def _st(self, rhythm: Rhythm, share: Floats) -> Pulses:
        """The ST segment: a plateau from the end of QRS into T."""
        beats = np.flatnonzero(share > 0)
        kind, stretch = self.conducted, self.person.qrs_ms / 90
        last = kind.bells[-1]
        end = rhythm.beat_s[beats] + (last.at + ENDS_QRS * last.fall) * stretch / 1000
        length = 0.22 * np.cbrt(rhythm.preceding_s[beats])
        shift = self._turn @ np.array(kind.st) * self._scale + self.injury
        power = np.full(len(beats), 6.0)
        moments = share[beats, None] * shift
        return Pulses(end + 0.35 * length, 0.35 * length, 0.6 * length, power, moments, beats, np.full(len(beats), ST))

    def _atrial(self, bells: tuple[Bell, ...], rhythm: Rhythm, beats: Indices) -> Pulses:
        """P begins one PR interval before QRS; PR shortens a little as the rate rises."""
        pr = self.person.pr_ms / 1000 * (0.7 + 0.3 * np.minimum(rhythm.preceding_s[beats], 1.1))
        onset = rhythm.beat_s[beats] + self.conducted.onset_ms * self.person.qrs_ms / 90 / 1000 - pr
        at, rise, fall = (np.array([bell[part] for bell in bells]) / 1000 for part in range(3))
        moments = np.array([bell.moment for bell in bells]) * self.person.p_mv
        return _repeated(onset, beats, P, at, rise, fall, moments, np.ones(len(beats)))

    def _breathed(self, pulses: Pulses, rhythm: Rhythm) -> Pulses:
        """Respiration turns the heart by a few degrees and changes what lies between it and the electrodes."""
        lift = self.breath(rhythm.beat_s)[pulses.beat]
        turned = np.einsum("nij,nj->ni", _turn(0.05 * lift, 0.04 * lift), pulses.moment)
        return replace(pulses, moment=turned * (1 - 0.04 * lift)[:, None])

    def _shaped(self, kind: Ventricles) -> Floats:
        """Moments of the QRS pulses of this heart, before the voltage; [bells, 3]."""
        return self._unturned(kind) @ self._turn.T

    def _unturned(self, kind: Ventricles) -> Floats:
        moments = np.array([bell.moment for bell in kind.bells])
        size = np.linalg.norm(moments, axis=1, keepdims=True)
        return moments + size * self._warp[: len(moments)]

    def _turned_to_axis(self) -> Floats:
        """How this heart lies, so that the axis of a normal QRS, from its areas in I and aVF, is the person's."""
        areas = self._unturned(NORMAL).T @ [bell.rise + bell.fall for bell in NORMAL.bells]
        transverse, wanted = np.deg2rad(self.person.transition_deg), np.deg2rad(self.person.axis_deg)
        frontal = 0.0
        for _ in range(12):  # the leads do not lie at right angles: approach the axis in part steps
            seen = lead_field(np.ones(6)) @ _turn(frontal, transverse) @ areas
            frontal += 0.6 * (wanted - frontal_axis(seen))
        return _turn(frontal, transverse)

    def _sokolow(self) -> float:
        """S in V1 plus the larger R of V5 and V6 of a normal beat of this heart, at a scale of one."""
        stretch = self.person.qrs_ms / 90
        at, rise, fall = (np.array([bell[part] for bell in NORMAL.bells]) * stretch / 1000 for part in range(3))
        beat = _repeated(np.zeros(1), np.zeros(1, np.int64), QRS, at, rise, fall, self._shaped(NORMAL), np.ones(1))
        grid = np.arange(-0.1, 0.1, 0.001)
        leads = leads_of(beat.moment.T @ beat.height(grid), np.array(self.person.precordial_gain))
        return float(leads[6:8].max() - leads[2].min())


def frontal_axis(independent: Floats) -> float:
    """The electrical axis in radians from what the independent leads see: 0 points left, a quarter turn to the feet."""
    i, ii = independent[0], independent[1]
    return float(np.arctan2((2 * ii - i) / np.sqrt(3), i))


def injury_current(territory: str, elevation_mv: float, precordial_gain: Floats) -> Floats:
    """The injury current that lifts the ST segment of the territory's leads by ``elevation_mv`` on average; [3]."""
    direction = np.array(INJURY[territory])
    seen = twelve((lead_field(precordial_gain) @ direction)[:, None])[:, 0]
    mean = np.mean([seen[LEADS_12.index(lead)] for lead in TERRITORY[territory]])
    return direction * elevation_mv / mean


def _repeated(
    start: Floats, beats: Indices, wave: int, at: Floats, rise: Floats, fall: Floats, moments: Floats, share: Floats
) -> Pulses:
    """The same pulses once per beat, each beat ``start`` later and ``share`` as strong."""
    count, each = len(beats), len(at)
    return Pulses(
        at=(start[:, None] + at).ravel(),
        rise=np.tile(rise, count),
        fall=np.tile(fall, count),
        power=np.full(count * each, 2.0),
        moment=(share[:, None, None] * moments).reshape(-1, 3),
        beat=np.repeat(beats, each),
        wave=np.full(count * each, wave),
    )


def _turn(frontal: float | Floats, transverse: float | Floats) -> Floats:
    """Rotation in the frontal plane (left to feet) after one in the transverse plane (left to back); [..., 3, 3]."""
    a, b = np.asarray(frontal, dtype=float), np.asarray(transverse, dtype=float)
    zero, one = np.zeros_like(a), np.ones_like(a)
    in_front = np.array([[np.cos(a), -np.sin(a), zero], [np.sin(a), np.cos(a), zero], [zero, zero, one]])
    across = np.array([[np.cos(b), zero, -np.sin(b)], [zero, one, zero], [np.sin(b), zero, np.cos(b)]])
    return np.moveaxis(in_front, (0, 1), (-2, -1)) @ np.moveaxis(across, (0, 1), (-2, -1))
