"""Quality of each lead: can its waves be read? Indices, and a verdict with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgtool.record import Record

Signal = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Verdict = Literal["good", "doubtful", "poor", "off"]

SEGMENT_S = 10.0
"""Length of the pieces that are judged; a shorter recording is one piece."""
FLAT_S = 1.0
"""A line that stays the same for so long is flat: no heart pauses so often without any noise on the line."""
STUCK_S = 0.02
"""Samples that stay at the lead's largest or smallest value for so long ran against the end of the scale."""
BEAT_S = 1.5
"""A stretch that holds a QRS complex down to 40 beats a minute."""
RATES_S = (0.3, 2.0)
"""From beat to beat: 200 to 30 a minute."""
STEP_MV = 5e-4
"""Changes below half a microvolt are none."""


@dataclass(frozen=True)
class Limits:
    """Beyond which a piece of a lead is not fit to be read; see :class:`LeadQuality` for each index."""

    flat: float = 0.5
    saturated: float = 0.02
    invalid: float = 0.1
    kurtosis: float = 5.5
    wave: float = 2.25
    outstanding: float = 12.0
    repetition: float = 0.4
    qrs_power: float = 0.4
    baseline: float = 0.3
    high: float = 0.3
    steadiness: float = 0.35
    smallest_mv: float = 0.025
    largest_mv: float = 5.0
    wander_mv: float = 0.3


LIMITS = Limits()
NEGLIGIBLE = 0.05
"""Share of pieces that may be faulty in a lead that is good all the same."""


@dataclass(frozen=True)
class LeadQuality:
    """What is known of a lead's quality. Indices are medians over its pieces of :data:`SEGMENT_S`.

    Args:
        lead: Its name.
        flat: Share of samples in stretches of a second or more without any change.
        saturated: Share of samples that stick to the largest or smallest value.
        invalid: Share of samples that the file marks as invalid.
        kurtosis: Of the signal at 5-40 Hz: about 3 for noise, over 5 where QRS complexes stand out (Li, Mark and
            Clifford 2008). Wide complexes, paced ones and fast ones stand out less.
        repetition: Largest correlation of the signal at 5-40 Hz with itself 0.3 to 2 s later: little for noise, high
            for a regular rhythm whatever the shape of its beats.
        qrs_power: Power at 5-15 Hz over that at 5-40 Hz (Clifford et al. 2012; 0.5 to 0.8 is usual).
        baseline: Power at 1-40 Hz over that at 0-40 Hz: low with baseline wander (Clifford et al. 2012).
        high: Power above 40 Hz over that at 5-40 Hz: mains and muscles.
        steadiness: Largest deflection of a typical 1.5 s over that of the whole piece: low where single artefacts
            tower over the beats.
        verdict: ``off`` (no electrode), ``poor`` (over half of the pieces not fit), ``doubtful`` (over
            a twentieth), ``good``.
        reasons: Why not good, in words, the commonest first.
    """

    lead: str
    flat: float
    saturated: float
    invalid: float
    kurtosis: float
    repetition: float
    qrs_power: float
    baseline: float
    high: float
    steadiness: float
    verdict: Verdict
    reasons: tuple[str, ...]


def quality(record: Record) -> tuple[LeadQuality, ...]:
    """The quality of each lead, in order. Of a recording that is not calibrated, its size is not judged.

    Args:
        record: As it is in the file: filters take out what is to be judged.
    """
    return tuple(
        _judged(lead, row, record.fs, record.calibrated) for lead, row in zip(record.leads, record.signal, strict=True)
    )


def _judged(lead: str, row: Signal, fs: float, calibrated: bool) -> LeadQuality:
    length = min(len(row), round(SEGMENT_S * fs))
    pieces = [row[begin : begin + length] for begin in range(0, len(row) - length + 1, length)] if length else []
    indices = [_indices(piece, fs, calibrated) for piece in pieces]
    medians = {name: float(np.median([values[name] for values in indices])) if indices else 0.0 for name in _NAMES}
    found = [_faults(values, calibrated) for values in indices]
    verdict = _verdict(found)
    return LeadQuality(lead, **{name: medians[name] for name in _REPORTED}, verdict=verdict, reasons=_told(found))


_REPORTED = ("flat", "saturated", "invalid", "kurtosis", "repetition", "qrs_power", "baseline", "high", "steadiness")
_NAMES = (*_REPORTED, "height", "wander", "seconds")


def _indices(piece: Signal, fs: float, calibrated: bool) -> dict[str, float]:
    """The indices of a piece [samples]; those of shape are 0 where there is nothing to shape them.

    Gaps within are bridged; what is invalid before or after is left out.
    """
    places = np.flatnonzero(np.isfinite(piece))
    values = dict.fromkeys(_NAMES, 0.0)
    values["invalid"] = 1 - len(places) / len(piece)
    values["seconds"] = len(places) / fs
    if len(places) < max(fs, 2):
        return values
    line = piece[places].astype(np.float64)
    if len(places) <= places[-1] - places[0]:
        line = np.interp(np.arange(places[0], places[-1] + 1), places, line)
    still = np.abs(np.diff(line)) <= (STEP_MV if calibrated else 0.0)
    values["flat"] = _share(still, round(FLAT_S * fs))
    extreme = (line == line.max()) | (line == line.min())
    values["saturated"] = _share(still & extreme[1:] & extreme[:-1], max(3, round(STUCK_S * fs)))
    return values | _shape(line - line.mean(), fs)


def _share(marks: npt.NDArray[np.bool_], least: int) -> float:
    """Share of the marks that stand in runs of at least ``least``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.view(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= least].sum() / len(marks))


def _shape(line: Floats, fs: float) -> dict[str, float]:
    """What the spectrum and the band of the QRS complexes say."""
    frequencies = np.fft.rfftfreq(len(line), 1 / fs)
    power = np.abs(np.fft.rfft(line * np.hanning(len(line)))) ** 2
    edges = np.searchsorted(frequencies, (1.0, 5.0, 15.0, 40.0))
    parts = np.add.reduceat(np.append(power, 0.0), np.minimum([0, *edges], len(power)))
    slow, low, middle, upper, high = (float(part) for part in parts)
    spectrum = np.fft.rfft(line)
    waves = np.fft.irfft(np.where((frequencies >= 5) & (frequencies < 40), spectrum, 0), len(line))
    variance = float(np.mean(waves**2))
    if not (middle + upper > 0 and variance > 0):
        return {}
    deflections = _deflections(waves, max(1, round(BEAT_S * fs)))
    return {
        "kurtosis": float(np.mean(waves**4)) / variance**2,
        "repetition": _repetition(waves, fs),
        "qrs_power": middle / (middle + upper),
        "baseline": 1 - slow / (slow + low + middle + upper),
        "high": high / (middle + upper),
        "steadiness": float(np.median(deflections) / deflections.max()),
        "height": float(np.median(deflections)),
        "wander": float(np.ptp(np.fft.irfft(np.where(frequencies < 1, spectrum, 0), len(line)))),
    }


def _repetition(waves: Floats, fs: float) -> float:
    """The largest correlation with what follows a beat later; of short pieces, within their first half."""
    count = len(waves)
    lags = np.arange(round(RATES_S[0] * fs), min(round(RATES_S[1] * fs), count // 2) + 1)
    if not lags.size:
        return 0.0
    products = np.fft.irfft(np.abs(np.fft.rfft(waves, 2 * count)) ** 2, 2 * count)[lags]
    return float((products / (count - lags)).max() / np.mean(waves**2))


def _deflections(waves: Floats, length: int) -> Floats:
    """The largest deflection of each stretch of a beat."""
    whole = len(waves) // length * length
    stretches = np.abs(waves[:whole]).reshape(-1, length) if whole else np.abs(waves)[None]
    return np.asarray(stretches.max(axis=1))


def _faults(values: dict[str, float], calibrated: bool) -> tuple[str, ...]:
    """Why a piece is not fit to be read, in words; the first one where there is no signal at all."""
    limits = LIMITS
    if not values["seconds"]:
        return ("no valid samples",)
    if values["flat"] > limits.flat:
        return ("flat line",)
    if values["seconds"] < 1:
        return ("less than a second of valid samples",)
    if not values["kurtosis"] or (calibrated and values["height"] < limits.smallest_mv):
        return ("next to nothing at 5-40 Hz: electrode off?",)
    outstanding = values["kurtosis"] > limits.outstanding  # a notched QRS complex has its power above 15 Hz
    # Wide complexes, as of bundle branch block or a pacemaker, fill so much of a beat that only their rhythm tells them
    # from noise; hum and tremor have a rhythm too, but no peaks.
    rhythmic = values["repetition"] >= limits.repetition and values["kurtosis"] >= limits.wave
    huge = calibrated and values["height"] > limits.largest_mv
    large = not calibrated or values["wander"] >= limits.wander_mv
    tests = {
        f"waves of over {limits.largest_mv:g} mV: is the gain right?": huge,
        "samples marked invalid": values["invalid"] > limits.invalid,
        "runs against the end of its scale": values["saturated"] > limits.saturated,
        "no QRS complexes stand out": values["kurtosis"] < limits.kurtosis and not rhythmic,
        "noise in the band of the QRS complexes": values["qrs_power"] < limits.qrs_power and not outstanding,
        "noise above 40 Hz: mains or muscles": values["high"] > limits.high,
        "baseline wander": values["baseline"] < limits.baseline and large,
        "artefacts tower over the beats": values["steadiness"] < limits.steadiness,
    }
    return tuple(words for words, fault in tests.items() if fault)


_ABSENT = ("no valid samples", "flat line", "next to nothing at 5-40 Hz: electrode off?")


def _verdict(found: list[tuple[str, ...]]) -> Verdict:
    if not found or 2 * sum(bool(faults) and faults[0] in _ABSENT for faults in found) > len(found):
        return "off"
    faulty = sum(bool(faults) for faults in found)
    if 2 * faulty > len(found):
        return "poor"
    return "doubtful" if faulty > NEGLIGIBLE * len(found) else "good"


def _told(found: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The reasons of all pieces, the commonest first, with their share where it is not all."""
    every = [reason for faults in found for reason in faults]
    ordered = sorted(dict.fromkeys(every), key=every.count, reverse=True)
    return tuple(
        reason if every.count(reason) == len(found) else f"{reason} ({every.count(reason) / len(found):.0%})"
        for reason in ordered
    )
