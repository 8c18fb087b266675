"""Measurements of a recording from its waves: heart rate, intervals, QT corrected for rate, amplitudes.

An interval of a beat is global, as the field recommends (Kligfield et al. 2007; Rautaharju, Surawicz and Gettes 2009):
from the earliest onset in any lead to the latest offset in any lead. A single lead must not decide it, so that of many
leads the outermost tenth is passed over. Of the beats the median is told, with how many it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.delineation.amplitudes import AMPLITUDES, deflections
from ecgtool.waves import UNKNOWN, Wave, Waves

Floats = npt.NDArray[np.float64]

PASSED_OVER = 0.1


@dataclass(frozen=True)
class Value:
    """A median over beats.

    Args:
        median: In the unit that the name of the measurement ends with.
        beats: How many beats it rests on.
    """

    median: float
    beats: int


@dataclass(frozen=True)
class Measurements:
    """What is measured in one recording. What cannot be told is None.

    Args:
        beats: How many R peaks.
        heart_rate: Mean, in beats per minute: of the mean RR interval.
        lowest_rate: Of the longest RR interval.
        highest_rate: Of the shortest RR interval.
        rr_ms: RR interval.
        p_share: Share of the beats that have a P wave.
        pr_ms: Onset of P to onset of QRS.
        qrs_ms: Duration of QRS.
        qt_ms: Onset of QRS to offset of T.
        qtc_ms: QT corrected for rate, by the name of the formula; see :func:`corrected`.
        amplitudes_mv: By lead: P, R, S and T in millivolt from the PQ level, P and T with their sign; None where the
            recording is not calibrated, or no signal was given.
    """

    beats: int
    heart_rate: float | None
    lowest_rate: float | None
    highest_rate: float | None
    rr_ms: Value | None
    p_share: float | None
    pr_ms: Value | None
    qrs_ms: Value | None
    qt_ms: Value | None
    qtc_ms: Mapping[str, float] | None
    amplitudes_mv: Mapping[str, Mapping[str, Value | None]] | None

    def document(self) -> dict[str, Any]:
        """The same as names, numbers and None, for a JSON file."""
        return asdict(self)


def measure(signal: npt.NDArray[np.float32] | None, waves: Waves, calibrated: bool = True) -> Measurements:
    """Measure a recording.

    Args:
        signal: float32 [leads, samples] in millivolt, the leads as in ``waves``; None to measure times alone.
        waves: Its waves.
        calibrated: Whether the signal is in millivolt indeed.

    Returns:
        Medians over the beats; heart rate from two beats on.
    """
    tally = Tally(waves.leads, calibrated and signal is not None)
    tally.add(signal, waves)
    return tally.measurements()


class Tally:
    """What is measured beat by beat, of a recording that comes in pieces.

    Args:
        leads: The recording's leads.
        calibrated: Whether its signal is in millivolt, so that amplitudes are told.
    """

    def __init__(self, leads: tuple[str, ...], calibrated: bool = True) -> None:
        self.leads, self.calibrated = leads, calibrated
        self.beats = self._p_waves = 0
        self._last_s: float | None = None
        self._rr: list[Floats] = []
        self._intervals: dict[str, list[Floats]] = {"pr": [], "qrs": [], "qt": []}
        self._amplitudes: list[npt.NDArray[np.float32]] = []

    def add(self, signal: npt.NDArray[np.float32] | None, waves: Waves, begin: int = 0) -> None:
        """Measure one more piece.

        Args:
            signal: float32 [leads, samples] of the piece; needed where the recording is calibrated.
            waves: Its waves, in samples of the piece.
            begin: Where in the recording the piece begins, in samples.
        """
        times = (waves.beats + begin) / waves.fs
        rr = np.diff(times) if self._last_s is None else np.diff(times, prepend=self._last_s)
        self._rr.append(rr[rr > 0])
        self._last_s = float(times[-1]) if len(times) else self._last_s
        self.beats += len(waves.beats)
        p, qrs, t = (edges(waves, kind) for kind in (Wave.P, Wave.QRS, Wave.T))
        for name, values in (("pr", qrs[0] - p[0]), ("qrs", qrs[1] - qrs[0]), ("qt", t[1] - qrs[0])):
            self._intervals[name].append(values)
        with_p = waves.of(kind=Wave.P)[:, 1]
        self._p_waves += len(np.unique(with_p[with_p >= 0]))
        if self.calibrated and signal is not None:
            self._amplitudes.append(deflections(signal, waves).astype(np.float32))

    def measurements(self) -> Measurements:
        """Medians over all beats so far; heart rate from two beats on."""
        rr = _together(self._rr)
        pr, qrs, qt = (_value(_together(self._intervals[name])) for name in ("pr", "qrs", "qt"))
        rr_ms = _value(1000 * rr)
        return Measurements(
            beats=self.beats,
            heart_rate=_rate(rr.mean()) if len(rr) else None,
            lowest_rate=_rate(rr.max()) if len(rr) else None,
            highest_rate=_rate(rr.min()) if len(rr) else None,
            rr_ms=rr_ms,
            p_share=round(self._p_waves / self.beats, 4) if self.beats else None,
            pr_ms=pr,
            qrs_ms=qrs,
            qt_ms=qt,
            qtc_ms=corrected(qt.median, rr_ms.median) if qt and rr_ms else None,
            amplitudes_mv=self._medians() if self.calibrated else None,
        )

    def _medians(self) -> Mapping[str, Mapping[str, Value | None]]:
        """Median deflections of each lead."""
        none = np.empty((len(self.leads), len(AMPLITUDES), 0), np.float32)
        found = np.concatenate([none, *self._amplitudes], axis=2)
        return {
            lead: {name: _value(found[row, column]) for column, name in enumerate(AMPLITUDES)}
            for row, lead in enumerate(self.leads)
        }


def corrected(qt_ms: float, rr_ms: float) -> dict[str, float]:
    """QT corrected to a rate of 60 beats per minute, in ms.

    Args:
        qt_ms: QT interval.
        rr_ms: RR interval, over 0.

    Returns:
        By formula: ``bazett`` QT / RR^(1/2) (Bazett 1920), ``fridericia`` QT / RR^(1/3) (Fridericia 1920),
        ``framingham`` QT + 154 (1 - RR) (Sagie et al. 1992), ``hodges`` QT + 1.75 (rate - 60) (Hodges et al. 1983); RR
        in s, rate per minute.
    """
    rr = rr_ms / 1000
    made = {
        "bazett": qt_ms / math.sqrt(rr),
        "fridericia": qt_ms / math.cbrt(rr),
        "framingham": qt_ms + 154 * (1 - rr),
        "hodges": qt_ms + 1.75 * (60 / rr - 60),
    }
    return {name: round(value, 1) for name, value in made.items()}


def edges(waves: Waves, kind: Wave) -> tuple[Floats, Floats]:
    """Onset and offset of a kind of wave of every beat over all leads, in ms; NaN where it has none.

    Args:
        waves: Of a recording.
        kind: Of wave.

    Returns:
        float64 [beats], twice. The earliest onset and the latest offset of the leads, but for the outermost tenth. One
        that is not known may be the outermost: where more than that tenth are unknown, there is none.
    """
    rows = waves.of(kind=kind)
    beat, onset, offset = rows[:, 1], rows[:, 3], rows[:, 5]
    count = len(waves.beats)
    first = _outermost(beat, np.where(onset == UNKNOWN, -np.inf, onset), count)
    last = -_outermost(beat, np.where(offset == UNKNOWN, -np.inf, -offset), count)
    return 1000 * first / waves.fs, 1000 * last / waves.fs


def _outermost(beat: npt.NDArray[np.int64], edge: Floats, count: int) -> Floats:
    """The smallest edge of each beat, less a tenth of the leads; NaN where there is none, or it is not finite."""
    beat, edge = beat[beat >= 0], edge[beat >= 0]
    order = np.lexsort((edge, beat))
    beat, edge = beat[order], edge[order]
    begin, end = (np.searchsorted(beat, np.arange(count), side) for side in ("left", "right"))
    chosen = np.full(count, np.nan)
    some = end > begin
    place = begin + (PASSED_OVER * (end - begin)).astype(np.int64)
    chosen[some] = edge[place[some]]
    return np.where(np.isfinite(chosen), chosen, np.nan)


def _together(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _value(values: npt.NDArray[np.floating]) -> Value | None:
    """The median of what is known; None where nothing is."""
    known = values[np.isfinite(values)]
    return Value(round(float(np.median(known)), 3), len(known)) if len(known) else None


def _rate(rr_s: float) -> float:
    return round(60 / float(rr_s), 1)
