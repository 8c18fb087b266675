"""Rate, regularity, QRS width and ST level of a recording, measured from its signal alone.

Simple and sound rather than sharp: beats from the energy of all leads together, widths and levels from the average of
the beats that look alike. It proves what a generator has drawn, and is no delineator: waves of single beats it does
not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal
from scipy.ndimage import uniform_filter1d

from ecgtool.errors import DataError
from ecgtool.record import Record
from ecgtool.signals.filters import butterworth
from ecgtool.signals.preprocess import fill

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FEWEST_BEATS = 4
LOWEST_FS = 100.0
ST_AFTER_J_S = 0.06

_QRS_HZ = (5.0, 20.0)
_ENVELOPE_S = 0.12
_REFRACTORY_S = 0.25
_BLOCK_S = 2.0  # holds a beat down to 30 a minute
_BEAT_SHARE = 0.35
_BEFORE_S, _AFTER_S = 0.22, 0.30
_LEVEL_S = (0.16, 0.12)
_SEARCH_S = 0.15
_SLOPE_S = 0.012
_QUIET_S = 0.016
_EDGE_SHARE = 0.06
_NOISE_SHARE = 1.5
_T_WITHIN_S, _T_SHARE = 0.36, 0.5
_ALIKE = 0.85
_PR_S = (0.020, 0.004)


@dataclass(frozen=True)
class Waveform:
    """What was measured.

    Args:
        beat_s: Time of each QRS complex.
        qrs_ms: Width of the average QRS complex over all leads.
        st_mv: By lead: the level 60 ms after the J point against that before QRS, in the average beat.
    """

    beat_s: Floats
    qrs_ms: float
    st_mv: Mapping[str, float] = field(default_factory=dict)

    @property
    def rr_s(self) -> Floats:
        """Intervals from beat to beat in seconds."""
        return np.diff(self.beat_s)

    @property
    def rate(self) -> float:
        """Mean ventricular rate in beats per minute."""
        return 60 / float(self.rr_s.mean())

    @property
    def irregularity(self) -> float:
        """Root mean square of successive differences of RR over its mean: above 0.1 in atrial fibrillation.

        Dash, Chon, Lu and Raeder, Annals of Biomedical Engineering 2009.
        """
        return float(np.sqrt(np.mean(np.diff(self.rr_s) ** 2)) / self.rr_s.mean())

    @property
    def rr_variation(self) -> float:
        """Standard deviation of RR over its mean."""
        return float(self.rr_s.std() / self.rr_s.mean())


def measure(record: Record) -> Waveform:
    """Measure a recording.

    Args:
        record: Of a few seconds to some minutes, at 100 Hz or more; 250 Hz or more for widths to a few milliseconds.

    Raises:
        DataError: The rate is too low, or there are fewer than four beats.
    """
    if record.fs < LOWEST_FS:
        raise DataError(f"Record '{record.id}' has {record.fs:g} Hz; waves are measured at {LOWEST_FS:g} Hz or more.")
    signal = fill(record.signal, np.isnan(record.signal))
    beats = find_beats(signal, record.fs)
    if len(beats) < FEWEST_BEATS:
        raise DataError(f"Record '{record.id}' has {len(beats)} beats; {FEWEST_BEATS} are needed to measure them.")
    average, noise = _average(signal, beats, record.fs)
    onset, offset = _bounds(average, noise, record.fs)
    levels = _st_levels(average, onset, offset, record.fs)
    return Waveform(
        beats / record.fs, 1000 * (offset - onset) / record.fs, dict(zip(record.leads, levels.tolist(), strict=True))
    )


def find_beats(signal: npt.NDArray[np.float32], fs: float) -> Indices:
    """Where QRS complexes are: peaks of the energy of all leads' slopes between 5 and 20 Hz.

    A peak counts from about a third of the usual one on, which is the median of the highest of each two seconds; one
    that follows another within 360 ms and is less than half as high is its T wave. One that the recording's ends cut
    is left out.

    Args:
        signal: [leads, samples] in mV, without NaN.
        fs: Its rate in Hz.

    Returns:
        Sample numbers, ascending.
    """
    slope = np.gradient(butterworth(signal, fs, *_QRS_HZ).astype(np.float64), axis=-1)
    energy = np.square(slope).sum(axis=0)
    envelope = np.sqrt(uniform_filter1d(energy, max(round(_ENVELOPE_S * fs), 1), mode="nearest").clip(0))
    block = max(round(_BLOCK_S * fs), 1)
    blocks = [envelope[start : start + block].max() for start in range(0, max(len(envelope) - block // 2, 1), block)]
    height = _BEAT_SHARE * float(np.median(blocks))
    peaks, _ = scipy_signal.find_peaks(envelope, height=max(height, 1e-9), distance=max(round(_REFRACTORY_S * fs), 1))
    margin = round(_ENVELOPE_S * fs / 2)
    whole = np.asarray(peaks[(peaks >= margin) & (peaks < len(envelope) - margin)], np.int64)
    return _without_t(whole, envelope, fs)


def _without_t(peaks: Indices, envelope: Floats, fs: float) -> Indices:
    near = np.diff(peaks, prepend=-len(envelope)) < _T_WITHIN_S * fs
    before = envelope[np.roll(peaks, 1)] if len(peaks) else envelope[:0]
    return peaks[~(near & (envelope[peaks] < _T_SHARE * before))]


def _average(signal: npt.NDArray[np.float32], beats: Indices, fs: float) -> tuple[Floats, Floats]:
    """The median of the beats that look like most of them, and the noise that is left in it.

    Both [leads, samples], from 220 ms before to 300 ms after the beat. Noise is what one half of the beats does not
    share with the other.
    """
    steps = np.arange(round(-_BEFORE_S * fs), round(_AFTER_S * fs))
    whole = beats[(beats + steps[0] >= 0) & (beats + steps[-1] < signal.shape[1])]
    pieces = signal[:, whole[:, None] + steps].swapaxes(0, 1).astype(np.float64)
    level = slice(*(round((_BEFORE_S - ahead) * fs) for ahead in _LEVEL_S))
    pieces -= pieces[:, :, level].mean(axis=-1, keepdims=True)
    usual = np.median(pieces, axis=0)
    flat = pieces.reshape(len(pieces), -1)
    likeness = flat @ usual.ravel() / (np.linalg.norm(flat, axis=1) * np.linalg.norm(usual) + 1e-12)
    alike = pieces[likeness >= min(_ALIKE, float(np.median(likeness)))]
    halves = [np.median(alike[start::2], axis=0) for start in (0, min(1, len(alike) - 1))]
    return np.median(alike, axis=0), (halves[0] - halves[1]) / 2


def _bounds(average: Floats, noise: Floats, fs: float) -> tuple[int, int]:
    """First and last sample of QRS in the average beat: where the slopes of all leads together have come to rest."""
    speed = _speed(average, fs)
    centre, reach = round(_BEFORE_S * fs), round(_SEARCH_S * fs)
    peak = centre - reach // 2 + int(speed[centre - reach // 2 : centre + reach // 2].argmax())
    moving = speed > _NOISE_SHARE * float(np.median(_speed(noise, fs))) + _EDGE_SHARE * speed[peak]
    quiet = max(round(_QUIET_S * fs), 1)
    onset = _first_quiet(moving[max(centre - reach, 0) : peak][::-1], quiet)
    offset = _first_quiet(moving[peak : centre + reach + quiet], quiet)
    return peak - onset, peak + offset


def _speed(beat: Floats, fs: float) -> Floats:
    """How fast all leads together move."""
    smooth = uniform_filter1d(beat, max(round(_SLOPE_S * fs), 1), axis=-1, mode="nearest")
    return np.asarray(np.sqrt(np.square(np.gradient(smooth, axis=-1)).mean(axis=0)))


def _first_quiet(moving: npt.NDArray[np.bool_], quiet: int) -> int:
    """How far it is to the first ``quiet`` samples in a row that do not move; all the way where there are none."""
    runs = np.convolve(~moving, np.ones(quiet), "valid") >= quiet
    return int(runs.argmax()) if runs.any() else len(moving)


def _st_levels(average: Floats, onset: int, offset: int, fs: float) -> Floats:
    before = slice(max(onset - round(_PR_S[0] * fs), 0), max(onset - round(_PR_S[1] * fs), 1))
    at = min(offset + round(ST_AFTER_J_S * fs), average.shape[-1] - 1)
    half = max(round(0.01 * fs), 1)
    after = slice(at - half, at + half + 1)
    return np.asarray(average[:, after].mean(axis=-1) - average[:, before].mean(axis=-1))
