"""The shape of each heartbeat against what is usual for the same person, in numbers.

A model that has seen a few dozen people learns their shapes by heart; how far a beat is from its own recording's usual
one carries over to others. The usual beat is the median of those that come neither early nor before a pause, so that no
label is needed. Compared are the stretch where a P wave lies, the QRS complex, the T wave, and all from the T wave
before to the P wave, where an early P wave hides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.signals import rr
from ecgtool.waves import Samples

Floats = npt.NDArray[np.float32]

LEADS = 2
"""Leads that are compared; a recording with fewer has unknown values for the others."""

MEASURES = {
    "similarity": "correlation with the usual shape",
    "change": "log of the root mean square of the difference from it / its own",
    "size": "log of the root mean square / that of the usual shape",
    "surprise": "log of the difference / what it is in usual beats",
}
RHYTHM = {
    "nearby": "median similarity from ten beats before to ten after",
    "clarity": "log of the usual shape's root mean square / the difference in usual beats: small where there is none",
}
"""Of the P wave alone: whether there are P waves at all. Of the other parts they would name the person."""
WIDTHS = {
    "qrs_width": "width of the QRS complex by its slopes, in tenths of a second",
    "qrs_width_ratio": "log of it / that of usual beats",
    "qrs_slope_ratio": "log of the steepest slope / that of usual beats",
}


class Part(NamedTuple):
    """A stretch of a beat, from and to in seconds from the R peak; whether a line between its ends is taken off."""

    begin_s: float
    end_s: float
    level: bool


PARTS = {
    "p": Part(-0.26, -0.07, level=True),
    "qrs": Part(-0.08, 0.10, level=False),
    "t": Part(0.12, 0.45, level=True),
    "before": Part(-0.50, -0.07, level=True),
}

NAMES = (
    *(f"{part}_{measure}_{lead + 1}" for part in PARTS for lead in range(LEADS) for measure in MEASURES),
    *(f"p_{measure}_{lead + 1}" for lead in range(LEADS) for measure in RHYTHM),
    *WIDTHS,
)
"""Columns of :func:`shapes`: ``p_similarity_1`` is of the first lead."""

_BAND_HZ = (0.5, 30.0)
_EARLY, _PAUSE = 0.1, 0.12  # logs of intervals over the local one, within which a beat is taken for usual
_FEWEST = 0.1
_REACH = 10
_FLOOR_MV = 0.01
_SURPRISE_FLOOR_MV = 0.005


def shapes(signal: Floats, fs: float, peaks: Samples) -> Floats:
    """How each beat compares with the recording's usual one, float32 [beats, columns] as :data:`NAMES`.

    Args:
        signal: float32 [leads, samples] in millivolt; the first :data:`LEADS` leads are compared.
        fs: Rate in Hz.
        peaks: int64 [beats], R peaks in samples, ascending.

    Returns:
        NaN for a lead that is not there or is flat.
    """
    made = np.full((len(peaks), len(NAMES)), np.nan, np.float32)
    if not len(peaks) or not signal.shape[1]:
        return made
    usual, there = _usual(peaks, fs), signal[:LEADS]
    band = _filtered(there, fs)
    place = {name: column for column, name in enumerate(NAMES)}
    for part, values in PARTS.items():
        for lead, row in enumerate(band):
            if np.ptp(there[lead]) > 0:
                for measure, column in _compared(_stretch(row[None], fs, peaks, values)[0], usual):
                    if (name := f"{part}_{measure}_{lead + 1}") in place:
                        made[:, place[name]] = column
    made[:, place["qrs_width"] :] = _widths(_stretch(band, fs, peaks, Part(-0.12, 0.16, level=False)), fs, usual)
    return made


def _usual(peaks: Samples, fs: float) -> npt.NDArray[np.bool_]:
    """Beats that come neither early nor before a pause; all where these are few, as in fibrillation."""
    ratios = np.abs(rr.features(peaks, fs, ("ratio", "next_ratio")))
    usual = (ratios[:, 0] < _EARLY) & (ratios[:, 1] < _PAUSE)
    return np.asarray(usual if usual.sum() >= max(_FEWEST * len(peaks), 1) else np.ones(len(peaks), bool))


def _filtered(signal: Floats, fs: float) -> npt.NDArray[np.float64]:
    """The leads without wander and muscle noise, forwards and backwards so that nothing moves."""
    from scipy.signal import butter, sosfiltfilt  # scipy takes half a second to import: only where it is used

    high = min(_BAND_HZ[1], 0.45 * fs)
    if _BAND_HZ[0] >= high:
        return np.asarray(signal, np.float64)
    sections = butter(2, (_BAND_HZ[0], high), "bandpass", fs=fs, output="sos")
    return np.asarray(sosfiltfilt(sections, signal, axis=1, padlen=min(signal.shape[1] - 1, round(3 * fs))))


def _stretch(signal: npt.NDArray[np.float64], fs: float, peaks: Samples, part: Part) -> npt.NDArray[np.float64]:
    """A part of each beat, [leads, beats, samples]."""
    offsets = np.arange(round(part.begin_s * fs), max(round(part.end_s * fs), round(part.begin_s * fs) + 4))
    held = signal[:, (peaks[:, None] + offsets).clip(0, signal.shape[1] - 1)]
    if not part.level:
        return held
    first, last = held[..., :3].mean(axis=-1), held[..., -3:].mean(axis=-1)
    return np.asarray(held - np.linspace(first, last, held.shape[-1], axis=-1))


def _compared(
    held: npt.NDArray[np.float64], usual: npt.NDArray[np.bool_]
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Each of :data:`MEASURES` and :data:`RHYTHM` of a part in one lead; ``held`` is [beats, samples]."""
    shape = np.median(held[usual], axis=0)
    each, own = held - held.mean(axis=1, keepdims=True), shape - shape.mean()
    size, usual_size = _rms(each), _rms(own)
    similarity = (each @ own) / np.sqrt((each**2).sum(axis=1) * (own**2).sum() + 1e-6)
    change = _rms(held - shape)
    typical = np.median(change[usual])
    yield "similarity", similarity
    yield "change", np.log((change + _FLOOR_MV) / (usual_size + _FLOOR_MV))
    yield "size", np.log((size + _FLOOR_MV) / (usual_size + _FLOOR_MV))
    yield "surprise", np.log((change + _SURPRISE_FLOOR_MV) / (typical + _SURPRISE_FLOOR_MV))
    padded = np.pad(similarity, _REACH, mode="edge")
    yield "nearby", np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1), axis=1)
    clarity = np.log((usual_size + _SURPRISE_FLOOR_MV) / (typical + _SURPRISE_FLOOR_MV))
    yield "clarity", np.full(len(held), clarity)


def _rms(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sqrt((values**2).mean(axis=-1)))


def _widths(held: npt.NDArray[np.float64], fs: float, usual: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The columns :data:`WIDTHS` of QRS complexes [leads, beats, samples]: [beats, 3]."""
    from scipy.ndimage import uniform_filter1d  # as above

    slope = uniform_filter1d(np.abs(np.diff(held, axis=-1)).sum(axis=0), max(round(0.025 * fs), 1), mode="constant")
    steepest = slope.max(axis=1)
    width = (slope > 0.2 * steepest[:, None]).sum(axis=1) / fs
    steep = np.log(steepest * fs / 360 + 1e-3)
    return np.stack(
        [
            10 * width,
            np.log((width + 0.01) / (np.median(width[usual]) + 0.01)),
            steep - np.median(steep[usual]),
        ],
        axis=1,
    )
