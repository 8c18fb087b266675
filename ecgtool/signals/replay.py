"""Rhythms played with a person's own beats: fibrillation and early beats that a recording does not have.

A database of heartbeats holds many beats of few people, and most arrhythmias of one or two of them, so that a network
learns whose beats are early, not what an early beat is. Here the complexes of one recording follow each other in the
times of another rhythm: fibrillation, without P waves and with fibrillatory waves between; sinus rhythm with premature
atrial beats, whose P waves are of another shape or hidden, and with premature ventricular ones, where the recording has
complexes of these. What is simulated is when beats come and what the atria do; complexes and T waves are as recorded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.signals.synth_noise import fibrillatory_waves
from ecgtool.signals.synth_rhythm import (
    Breath,
    Rhythm,
    fibrillation,
    sinus,
    with_atrial_ectopy,
    with_atrial_runs,
    with_coupled_ectopy,
    with_ventricular_ectopy,
)
from ecgtool.waves import Samples

Floats = npt.NDArray[np.float64]

FEWEST = 30
"""Normal beats between normal beats, of a person whose beats are played at all."""
FEWEST_VENTRICULAR = 6
"""Ventricular beats, of a person who has them in simulated rhythms too."""
_P_S, _Q_S, _EARLIEST_S = 0.24, 0.085, 0.13
"""Before the R peak a P wave begins, a normal complex does, a ventricular one does, at the latest."""
_QT_S, _SHORTEST_S, _WIDE_S = 0.43, 0.24, 0.05
"""From the R peak to the end of the T wave at 60 beats per minute; at least; how much later of a ventricular beat."""
_REST_S = 0.1
"""What is left between a T wave that comes too late and the next R peak."""
_SHOWN = 0.6
"""Share of the premature atrial beats whose P wave is seen, in another shape than the sinus node's."""


class Strip(NamedTuple):
    """A stretch of signal and its beats.

    Attributes:
        signal: float64 [leads, samples].
        peaks: int64 [beats], R peaks in samples, ascending.
        origin: Where each beat comes from, as of :class:`ecgtool.signals.synth_rhythm.Rhythm`; empty where a beat is
            as it was recorded, or would be a fusion of two, of which the complex is not known.
    """

    signal: Floats
    peaks: Samples
    origin: npt.NDArray[np.str_]


class Person:
    """A recording, as what its beats can be taken from.

    Args:
        signal: [leads, samples], finite.
        fs: Rate in Hz.
        peaks: int64 [beats], R peaks in samples, ascending.
        origin: Of each beat, "sinus" or "ventricular"; beats of any other word are not played.
    """

    def __init__(
        self, signal: npt.NDArray[np.floating], fs: float, peaks: Samples, origin: npt.NDArray[np.str_]
    ) -> None:
        self.signal, self.fs, self.peaks = np.asarray(signal, np.float64), fs, peaks
        far = np.full(1, np.inf)
        between = np.diff(peaks) / fs
        self.before, self.after = np.concatenate([far, between]), np.concatenate([between, far])
        inside = (peaks > fs) & (peaks < signal.shape[1] - 2 * fs)
        normal = origin == "sinus"
        calm = normal & np.roll(normal, 1) & np.roll(normal, -1)
        self.normal = np.flatnonzero(inside & calm & (self.before > 0.45) & (self.after > 0.45))
        wide = origin == "ventricular"
        self.ventricular = np.flatnonzero(inside & wide & (self.before > 0.3) & (self.after > 0.4))

    @property
    def plays(self) -> bool:
        """Whether there are enough beats to play."""
        return len(self.normal) >= FEWEST


def fibrillating(person: Person, seconds: float, rng: np.random.Generator) -> Strip:
    """Atrial fibrillation of a person who :attr:`Person.plays`; fibrillatory waves may be too small to be seen."""
    rhythm = fibrillation(rng.uniform(60, 130), rng.uniform(0.12, 0.3), seconds, rng)
    strip = _played(person, _with_own_ventricular(rhythm, person, seconds, rng), seconds, rng)
    seen = rng.normal(0, 1, (len(strip.signal), 3))
    height = np.exp(rng.uniform(np.log(0.01), np.log(0.15), len(strip.signal)))
    waves = (
        seen / np.linalg.norm(seen, axis=1, keepdims=True) @ fibrillatory_waves(1, person.fs, len(strip.signal[0]), rng)
    )
    return strip._replace(signal=strip.signal + height[:, None] * waves)


def with_early_beats(person: Person, seconds: float, rng: np.random.Generator) -> Strip:
    """Sinus rhythm of a person who :attr:`Person.plays`, with premature atrial beats, alone and in runs."""
    rhythm = sinus(rng.uniform(57, 100), rng.uniform(0.01, 0.05), Breath.random(rng), seconds, rng)
    rhythm = with_atrial_ectopy(rhythm, _every(rng, 5, 60), seconds, rng)
    if rng.random() < 0.5:
        rhythm = with_atrial_runs(rhythm, _every(rng, 40, 120), seconds, rng)
    return _played(person, _with_own_ventricular(rhythm, person, seconds, rng), seconds, rng)


def beside_recorded(strip: Strip, person: Person, seconds: float, rng: np.random.Generator) -> Strip:
    """The strip with a stretch as it was recorded before or after it, as where fibrillation comes and goes."""
    samples = round(seconds * person.fs)
    start = int(rng.integers(0, max(person.signal.shape[1] - samples, 1)))
    held = person.peaks[(person.peaks >= start) & (person.peaks < start + samples)]
    if len(held) < 2:
        return strip
    margin = round(0.3 * person.fs)
    begin, end = max(int(held[0]) - margin, 0), int(held[-1]) + margin
    recorded = Strip(person.signal[:, begin:end], held - begin, np.full(len(held), "", strip.origin.dtype))
    return _joined(recorded, strip) if rng.random() < 0.5 else _joined(strip, recorded)


def _joined(first: Strip, second: Strip) -> Strip:
    return Strip(
        np.concatenate([first.signal, second.signal], axis=1),
        np.concatenate([first.peaks, second.peaks + first.signal.shape[1]]),
        np.concatenate([first.origin, second.origin]),
    )


def _every(rng: np.random.Generator, least: int, most: int) -> int:
    """A number of beats, evenly spread on a logarithmic scale."""
    return round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))


def _with_own_ventricular(rhythm: Rhythm, person: Person, seconds: float, rng: np.random.Generator) -> Rhythm:
    """With premature ventricular beats where the person has some to play, up to every other beat."""
    if len(person.ventricular) < FEWEST_VENTRICULAR:
        return rhythm
    if not rhythm.fibrillating:
        return with_ventricular_ectopy(rhythm, _every(rng, 2, 40), seconds, rng)
    return with_coupled_ectopy(rhythm, _every(rng, 4, 40), seconds, rng)


def _played(person: Person, rhythm: Rhythm, seconds: float, rng: np.random.Generator) -> Strip:
    """A rhythm in a person's beats: straight lines join what is taken of each."""
    fs = person.fs
    chosen = np.flatnonzero((rhythm.beat_s > 0.5) & (rhythm.beat_s < seconds - 1))
    times, origin = np.rint(rhythm.beat_s[chosen] * fs).astype(np.int64), rhythm.origin[chosen]
    wide = np.isin(origin, ["ventricular", "fusion"])
    first = int(rng.integers(0, max(len(person.normal) - len(chosen), 1)))
    source = np.resize(person.normal[first:], len(chosen))  # in their order, so that what drifts goes on drifting
    if wide.any():
        source[wide] = rng.choice(person.ventricular, int(wide.sum()))
    made = np.full((len(person.signal), round(seconds * fs)), np.nan)
    intervals = np.diff(times, append=times[-1:] + round(fs)) / fs
    free = 1.0  # seconds between the last T wave and this R peak
    for number, (time, beat) in enumerate(zip(times.tolist(), source.tolist(), strict=True)):
        with_p = not rhythm.fibrillating and origin[number] == "sinus"
        reach = _P_S if with_p else (_EARLIEST_S if wide[number] else _Q_S)
        before = round(fs * min(reach, max(free, _Q_S), person.before[beat] - 0.2))
        stop = _QT_S * np.sqrt(min(float(person.after[beat]), 1.0)) + _WIDE_S * wide[number]
        stop = min(max(stop, _SHORTEST_S), person.after[beat] - 0.2, intervals[number] - _REST_S)
        peak = int(person.peaks[beat])
        taken = person.signal[:, peak - before : peak + round(stop * fs)]
        made[:, time - before : time - before + taken.shape[1]] = taken
        free = intervals[number] - stop
    made = _bridged(made)
    for time, beat in zip(times[origin == "atrial"].tolist(), source[origin == "atrial"].tolist(), strict=True):
        if rng.random() < _SHOWN:
            _add_p(made, person, time, beat, rng)
    made += rng.normal(0, 1, made.shape) * rng.uniform(0.002, 0.01)
    return Strip(made, times, np.where(origin == "fusion", "", origin))


def _add_p(made: Floats, person: Person, time: int, beat: int, rng: np.random.Generator) -> None:
    """Before the R peak at ``time`` put the P wave of a beat, larger, smaller or upside down, whatever lies there."""
    peak, begin, end = int(person.peaks[beat]), round(_P_S * person.fs), round(_Q_S * person.fs)
    wave = person.signal[:, peak - begin : peak - end]
    ends = np.linspace(wave[:, :3].mean(axis=1), wave[:, -3:].mean(axis=1), wave.shape[1], axis=1)
    made[:, time - begin : time - end] += (wave - ends) * rng.uniform(-1.2, 0.8, (len(wave), 1))


def _bridged(signal: Floats) -> Floats:
    """With straight lines in place of NaN."""
    known = np.flatnonzero(np.isfinite(signal[0]))
    places = np.arange(signal.shape[1])
    return np.stack([np.interp(places, known, lead[known]) for lead in signal])
