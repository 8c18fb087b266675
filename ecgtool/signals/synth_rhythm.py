"""When the heart beats: sinus rhythm with its variability, atrial fibrillation, ectopic beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Origin = Literal["sinus", "atrial", "ventricular", "fusion"]

# AAMI classes of the beats, by where they come from (ANSI/AAMI EC57).
AAMI = {"sinus": "N", "atrial": "S", "ventricular": "V", "fusion": "F"}

MARGIN_S = 2.5  # drawn before and after the recording, so that its edges show beats that began outside it
_REFRACTORY_S = 0.30


@dataclass(frozen=True)
class Breath:
    """Respiration: what moves the heart's axis, its rate and the baseline together.

    Args:
        rate_hz: Breaths per second.
        phase: Of the breath at 0 s, in radians.
        wander: Phase of the slow drift of the breathing rate, in radians.
    """

    rate_hz: float
    phase: float
    wander: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Breath:
        """Eleven to twenty breaths a minute."""
        return cls(rng.uniform(0.18, 0.33), *rng.uniform(0, 2 * np.pi, 2))

    def __call__(self, seconds: Floats) -> Floats:
        """-1 (breathed out) to 1 (breathed in) at the given times."""
        drift = 0.6 * np.sin(2 * np.pi * 0.03 * seconds + self.wander)
        return np.sin(2 * np.pi * self.rate_hz * seconds + self.phase + drift)


@dataclass(frozen=True)
class Rhythm:
    """The beats of a recording and a little beyond, in order.

    Args:
        beat_s: Time of each beat in seconds; negative before the recording's start.
        origin: Where each beat comes from; an :data:`Origin` per beat.
        preceding_s: The RR interval that the ventricles' recovery has adapted to, per beat.
        fibrillating: No organised atrial activity: f waves in place of P waves.
    """

    beat_s: Floats
    origin: npt.NDArray[np.str_]
    preceding_s: Floats
    fibrillating: bool

    @property
    def aami(self) -> npt.NDArray[np.str_]:
        """N, S, V or F per beat."""
        return np.array([AAMI[str(origin)] for origin in self.origin])

    def within(self, seconds: float) -> npt.NDArray[np.bool_]:
        """Which beats lie inside the recording."""
        return np.asarray((self.beat_s >= 0) & (self.beat_s < seconds))

    def rate(self, seconds: float) -> float:
        """Mean ventricular rate inside the recording, in beats per minute: 60 / mean RR."""
        beats = self.beat_s[self.within(seconds)]
        return 60 / float(np.diff(beats).mean()) if len(beats) > 1 else float("nan")


def sinus(rate: float, variability: float, breath: Breath, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Sinus rhythm by integral pulse frequency modulation (Mateo and Laguna, IEEE TBME 2000).

    The RR interval follows a low-frequency band around 0.1 Hz, respiration, and a slow trend.

    Args:
        rate: Mean rate in beats per minute.
        variability: Standard deviation of RR over its mean; 0.02 to 0.06 at rest.
        breath: The respiration that the sinus node follows.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    grid = np.arange(-MARGIN_S - 60 / rate, seconds + MARGIN_S, 0.02)
    relative = variability * _modulation(grid, breath, rng)
    phase = np.cumsum(0.02 * rate / 60 / (1 + relative.clip(-0.4, 0.4))) + rng.random()
    beats = np.interp(np.arange(np.ceil(phase[0]), phase[-1]), phase, grid)
    return _rhythm(beats)


def fibrillation(rate: float, irregularity: float, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Atrial fibrillation: RR intervals that are independent of each other, above a refractory period.

    Args:
        rate: Mean ventricular rate in beats per minute.
        irregularity: Standard deviation of RR over its mean; 0.18 to 0.3 is usual.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    mean = 60 / rate
    shape = ((mean - _REFRACTORY_S) / (irregularity * mean)) ** 2
    count = int((seconds + 2 * MARGIN_S) / mean * 2) + 20
    rr = _REFRACTORY_S + rng.gamma(shape, (mean - _REFRACTORY_S) / shape, count)
    beats = np.cumsum(rr) - MARGIN_S - rng.random() * mean
    return _rhythm(beats[beats < seconds + MARGIN_S], fibrillating=True)


def with_ventricular_ectopy(rhythm: Rhythm, every: int, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Premature ventricular beats with a full compensatory pause: the sinus node is not disturbed.

    Now and then one comes so late that it fuses with the conducted beat.

    Args:
        rhythm: Sinus rhythm.
        every: About how many beats from one to the next; 2 is bigeminy.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    chosen = _spread(rhythm, every, seconds, rng)
    fused = (rng.random(len(chosen)) < 0.15) & (np.arange(len(chosen)) > 0)
    coupling = np.where(
        fused, rng.uniform(0.93, 0.97, len(chosen)), rng.normal(rng.uniform(0.55, 0.7), 0.015, len(chosen))
    )
    beats, origin = rhythm.beat_s.copy(), rhythm.origin.copy()
    interval = rhythm.beat_s[chosen] - rhythm.beat_s[chosen - 1]
    beats[chosen] = rhythm.beat_s[chosen - 1] + np.maximum(coupling * interval, _REFRACTORY_S)
    origin[chosen] = np.where(fused, "fusion", "ventricular")
    return _rhythm(beats, origin)


def with_coupled_ectopy(rhythm: Rhythm, every: int, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Premature ventricular beats in fibrillation: so long after the beat before, and a pause behind.

    The coupling interval is about the same each time; the ventricular beat is conducted into the atrioventricular
    node, unseen, and the next atrial impulses find it refractory (Langendorf 1948, Am Heart J 35).

    Args:
        rhythm: Fibrillation.
        every: About how many beats from one to the next.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    rr = np.diff(rhythm.beat_s, prepend=rhythm.beat_s[0] - 60)
    chosen = _spread(rhythm, max(every, 3), seconds, rng)
    mean = float(np.mean(rr[1:]))
    coupling = mean * rng.normal(rng.uniform(0.5, 0.7), 0.03, len(chosen))
    rr[chosen] = np.maximum(coupling, _REFRACTORY_S)
    rr[chosen + 1] = np.maximum(rr[chosen + 1], mean * rng.uniform(1.0, 1.4, len(chosen)))
    origin = rhythm.origin.copy()
    origin[chosen] = "ventricular"
    beats = rhythm.beat_s[0] + np.concatenate([[0], np.cumsum(rr[1:])])
    return _rhythm(beats, origin, fibrillating=True)


def with_atrial_ectopy(rhythm: Rhythm, every: int, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Premature atrial beats: the sinus node is reset, so that the pause does not compensate.

    Args:
        rhythm: Sinus rhythm.
        every: About how many beats from one to the next.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    chosen = _spread(rhythm, max(every, 3), seconds, rng)
    rr = np.diff(rhythm.beat_s, prepend=rhythm.beat_s[0] - 60)
    coupling = rng.normal(rng.uniform(0.6, 0.72), 0.02, len(chosen)).clip(0.5, 0.8)
    rr[chosen + 1] *= rng.uniform(1.05, 1.2, len(chosen))
    rr[chosen] = np.maximum(rr[chosen] * coupling, _REFRACTORY_S)
    beats = rhythm.beat_s[0] + np.concatenate([[0], np.cumsum(rr[1:])])
    origin = rhythm.origin.copy()
    origin[chosen] = "atrial"
    return _rhythm(beats, origin)


def with_atrial_runs(rhythm: Rhythm, every: int, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Short supraventricular tachycardias of two to eight beats, after which the sinus node takes over again.

    Args:
        rhythm: Sinus rhythm, perhaps with other ectopic beats.
        every: About how many beats from one run to the next; more than ten.
        seconds: Length of the recording.
        rng: Source of chance.
    """
    rr = np.diff(rhythm.beat_s, prepend=rhythm.beat_s[0] - 60)
    origin = rhythm.origin.copy()
    for first in _spread(rhythm, every, seconds, rng).tolist():
        run = np.arange(first, min(first + int(rng.integers(2, 9)), len(rr) - 1))
        usual = rr[first]
        rr[run] = np.maximum(usual * rng.uniform(0.45, 0.65) * rng.normal(1, 0.04, len(run)), _REFRACTORY_S)
        rr[run[-1] + 1] = usual * rng.uniform(1.0, 1.4)
        origin[run], origin[run[-1] + 1] = "atrial", "sinus"
    return _rhythm(rhythm.beat_s[0] + np.concatenate([[0], np.cumsum(rr[1:])]), origin)


def _rhythm(beats: Floats, origin: npt.NDArray[np.str_] | None = None, *, fibrillating: bool = False) -> Rhythm:
    if origin is None:
        origin = np.full(len(beats), "sinus", dtype="<U11")
    rr = np.diff(beats, prepend=beats[0] - np.diff(beats[:2])[0])
    return Rhythm(beats, origin, _remembered(rr), fibrillating)


def _remembered(rr: Floats) -> Floats:
    """What recovery has adapted to: RR averaged over about the last eight beats (QT hysteresis)."""
    weights = 0.8 ** np.arange(8)
    padded = np.concatenate([np.full(7, rr[0]), rr])
    return np.convolve(padded, weights / weights.sum(), mode="valid")


def _modulation(seconds: Floats, breath: Breath, rng: np.random.Generator) -> Floats:
    """Low frequency, respiration and trend, of unit variance in expectation."""
    low_to_high = rng.uniform(0.6, 2.5)
    frequencies = np.concatenate([rng.normal(0.1, 0.015, 6), rng.uniform(0.01, 0.04, 3)])
    phases = rng.uniform(0, 2 * np.pi, len(frequencies))
    waves = np.sin(2 * np.pi * frequencies[:, None] * seconds + phases[:, None])
    low, trend = waves[:6].sum(axis=0) / np.sqrt(3), waves[6:].sum(axis=0) / np.sqrt(1.5)
    high = np.sqrt(2) * breath(seconds)
    share = low_to_high / (1 + low_to_high)
    return np.sqrt(0.85 * share) * low + np.sqrt(0.85 * (1 - share)) * high + np.sqrt(0.15) * trend


def _spread(rhythm: Rhythm, every: int, seconds: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Numbers of the beats to replace, ``every`` or more apart; at least one of them well inside the recording."""
    count = len(rhythm.beat_s)
    gaps = every + (rng.integers(0, 2, count) if every > 2 else np.zeros(count, np.int64))
    inside = np.flatnonzero((rhythm.beat_s > 0.15 * seconds) & (rhythm.beat_s < 0.75 * seconds))
    first = int(rng.choice(inside)) if len(inside) else count // 2
    after = first + np.concatenate([[0], np.cumsum(gaps)])
    before = first - np.cumsum(gaps)
    chosen = np.sort(np.concatenate([before, after]))
    return chosen[(chosen >= 2) & (chosen < count - 2)]
