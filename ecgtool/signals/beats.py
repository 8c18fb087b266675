"""What a model of heartbeats is shown of each: the signal around its R peak, and features of it.

One function for training and for predicting: from a recording and its R peaks, wherever these come from.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ecgtool.settings import BeatConfig
from ecgtool.signals import beat_shape, rr
from ecgtool.waves import Samples

Kind = TypeVar("Kind", bound=np.generic)


class Shown(NamedTuple):
    """Beats as a model takes them.

    Attributes:
        windows: float32 [beats, leads, samples] in millivolt, each around its R peak.
        features: float32 [beats, columns], named by :func:`columns`; NaN where unknown.
    """

    windows: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]


def columns(config: BeatConfig) -> tuple[str, ...]:
    """The names of the features, in the order in which a model takes them as tabular inputs."""
    return (*config.features, *(beat_shape.NAMES if config.shapes else ()))


def reach(config: BeatConfig, fs: float) -> tuple[int, int]:
    """Samples of a window before its R peak, and from the peak on."""
    return round(config.before_s * fs), round(config.after_s * fs) + 1


def show(signal: npt.NDArray[np.float32], fs: float, peaks: Samples, config: BeatConfig) -> Shown:
    """What a model is shown of the beats of a recording.

    Args:
        signal: float32 [leads, samples] in millivolt, prepared as the model's store was.
        fs: Rate in Hz.
        peaks: R peaks in samples, ascending; all of the recording, as intervals are between neighbours.
        config: What belongs to a beat.

    Raises:
        ConfigError: A feature that there is not.
    """
    return Shown(windows(signal, fs, peaks, config), features(signal, fs, peaks, config))


def windows(signal: npt.NDArray[np.float32], fs: float, peaks: Samples, config: BeatConfig) -> npt.NDArray[np.float32]:
    """The signal around some beats of a recording, float32 [beats, leads, samples]; arguments as of :func:`show`."""
    return cut(signal[None], np.zeros(len(peaks), np.int64), peaks, reach(config, fs))


def features(signal: npt.NDArray[np.float32], fs: float, peaks: Samples, config: BeatConfig) -> npt.NDArray[np.float32]:
    """The features of all beats of a recording, float32 [beats, columns]; arguments as of :func:`show`."""
    made = rr.features(peaks, fs, config.features)
    return np.concatenate([made, beat_shape.shapes(signal, fs, peaks)], axis=1) if config.shapes else made


def cut(signals: npt.NDArray[Kind], items: Samples, peaks: Samples, around: tuple[int, int]) -> npt.NDArray[Kind]:
    """The signal around samples, [beats, leads, samples]; beyond the ends the first or last sample is repeated.

    Args:
        signals: [items, leads, samples], perhaps memory-mapped.
        items: The item of each beat.
        peaks: Its sample.
        around: Samples before it, and from it on.
    """
    times = (peaks[:, None] + np.arange(-around[0], around[1])).clip(0, signals.shape[2] - 1)
    leads = np.arange(signals.shape[1])
    return np.asarray(signals[items[:, None, None], leads[:, None], times[:, None, :]])
