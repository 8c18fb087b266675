"""Delineation by signal processing, all leads and beats at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.waves import Samples, Wave, Waves

Signal = npt.NDArray[np.float32]


def _delineate(signal: Signal, fs: float, leads: tuple[str, ...], beats: Samples) -> Waves:
    """QRS complexes by the steepness of the signal around each R peak."""
    reach = round(0.12 * fs)
    last = signal.shape[1] - 1
    window = np.clip(beats[:, None] + np.arange(-reach, reach + 1), 0, last)
    slope = np.abs(np.gradient(signal, axis=1))[:, window]  # [leads, beats, window]
    steepest = slope.max(axis=2, keepdims=True)
    steep = slope > 0.15 * steepest
    onset = beats - reach + steep.argmax(axis=2)
    offset = beats + reach - steep[:, :, ::-1].argmax(axis=2)
    lead, beat = np.nonzero(steepest[:, :, 0] > 0)
    kind = np.full(len(lead), int(Wave.QRS))
    edges = [np.clip(edge[lead, beat], 0, last) for edge in (onset, offset)]
    table = np.stack([lead, beat, kind, edges[0], beats[beat], edges[1]], axis=1)
    return Waves(fs, leads, beats, table.astype(np.int64))


WAVELET = _delineate
