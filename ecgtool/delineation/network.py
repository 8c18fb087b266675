"""Waves found by a network: ``unet1d``, trained by this toolkit on LUDB, on onnxruntime alone.

The network labels every sample of a lead: none, P, QRS or T. Its file lies beside this one, with a card that says how
it was made and how good it is; :mod:`ecgtool.delineation.network_decode` makes waves of what it says.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecgtool.delineation.network_decode import Found, decode
from ecgtool.waves import COLUMNS, Samples, Wave, Waves

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Floats = npt.NDArray[np.float32]

MODEL, CARD = "waves-unet1d.onnx", "waves-unet1d.json"
FS = 250.0
"""The rate that the network reads, in Hz."""
WINDOW, MARGIN = 2500, 375
"""Samples that it reads at a time; how many at either end of a window are there for those within."""
BATCH = 48
"""Windows at a time: memory does not grow with the recording."""
PACED_S = 0.02
"""A pacing spike so soon after the onset is no peak of the wave; later ones are the tips of narrow complexes."""
LABELS = 1 + len(Wave)
_LARGEST = 4.0
"""What is larger than so many times the 99th percentile is no wave, and is cut off."""


@cache
def session() -> InferenceSession:
    """The network, loaded once in a process.

    Raises:
        FormatError: The installation is damaged.
    """
    from ecgtool.catalog.modelfile import open_session

    content = files("ecgtool.delineation").joinpath(MODEL).read_bytes()
    inputs = {"signal": ("batch", 1, WINDOW)}
    return open_session(content, MODEL, inputs, {"probabilities": ("batch", LABELS, WINDOW)}, threads=1)


def probabilities(signal: Floats) -> Floats:
    """What the network says of every sample.

    Args:
        signal: float32 [leads, samples] at :data:`FS`, finite, in any unit.

    Returns:
        float32 [leads, labels, samples].
    """
    leads, samples = signal.shape
    begins = np.arange(0, max(samples - 2 * MARGIN, 1), WINDOW - 2 * MARGIN)
    if samples <= WINDOW:
        begins = begins[:1]
    padded = np.pad(signal, ((0, 0), (0, max(int(begins[-1]) + WINDOW - samples, 0))), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, begins].reshape(-1, 1, WINDOW)
    said = np.empty((len(windows), LABELS, WINDOW), np.float32)
    for first in range(0, len(windows), BATCH):
        part = {"signal": scaled(windows[first : first + BATCH])}
        said[first : first + BATCH] = session().run(None, part)[0]
    return _joined(said.reshape(leads, len(begins), LABELS, WINDOW), samples)


def _joined(said: Floats, samples: int) -> Floats:
    """Windows [leads, windows, labels, samples] as one, each less its margins but for those at the ends."""
    inner = said[..., MARGIN:-MARGIN].swapaxes(1, 2)
    middle = inner.reshape(*inner.shape[:2], -1)
    return np.concatenate([said[:, 0, :, :MARGIN], middle, said[:, -1, :, -MARGIN:]], axis=2)[..., :samples]


def scaled(windows: Floats) -> Floats:
    """Windows [..., samples] about zero, level and of about one size, whatever their unit; spikes are cut off."""
    times = np.arange(windows.shape[-1], dtype=np.float32) - (windows.shape[-1] - 1) / 2
    level = windows - windows.mean(axis=-1, keepdims=True)
    level = level - (level @ times / (times @ times))[..., None] * times
    centred = level - np.median(level, axis=-1, keepdims=True)
    size = np.percentile(np.abs(centred), 99, axis=-1, keepdims=True).astype(np.float32)
    size = np.where(size > 0, size, 1)
    return np.asarray((centred / size).clip(-_LARGEST, _LARGEST), np.float32)


def unet1d(signal: Floats, fs: float, leads: tuple[str, ...], beats: Samples) -> Waves:
    """The waves of beats, by the network. Arguments as of :class:`ecgtool.delineation.Method`."""
    from ecgtool.signals.pacing import pacing_spikes
    from ecgtool.signals.preprocess import fill
    from ecgtool.signals.resample import resample

    live = np.flatnonzero(np.ptp(signal, axis=1) > 0) if signal.shape[1] else np.empty(0, np.int64)
    if not len(live) or not len(beats):
        return Waves(fs, leads, beats, Waves.none(fs, leads).table)
    signal = signal[live]
    slow = resample(signal, fs, FS)
    said = probabilities(slow)
    table = as_waves(said, signal, slow, beats, fs=fs, slow_fs=FS).table.copy()
    spikes = pacing_spikes(signal, fs)
    paced = spikes[table[:, 0], table[:, 4]] & (table[:, 4] - _usual_onset(table) <= PACED_S * fs)
    if paced.any():
        calm = fill(signal, spikes)
        table[paced] = as_waves(said, calm, resample(calm, fs, FS), beats, fs=fs, slow_fs=FS).table[paced]
    table[:, 0] = live[table[:, 0]]
    return Waves(fs, leads, beats, table)


UNET1D = unet1d


def _usual_onset(table: Samples) -> npt.NDArray[np.float64]:
    """Where the wave of each row of a table begins in the median lead, which a spike in few leads does not move."""
    _, group = np.unique(table[:, 1] * len(Wave) + table[:, 2], return_inverse=True)
    order = np.lexsort((table[:, 3], group))
    number = np.bincount(group)
    first = np.cumsum(number) - number
    onsets = table[order, 3]
    middle = (onsets[first + (number - 1) // 2] + onsets[first + number // 2]) / 2
    return np.asarray(middle[group])


def as_waves(said: Floats, signal: Floats, slow: Floats, beats: Samples, *, fs: float, slow_fs: float) -> Waves:
    """The waves of beats in what a network says of samples; leads are numbered.

    Args:
        said: float32 [leads, labels, samples], probabilities at ``slow_fs``.
        signal: float32 [leads, samples] at ``fs``.
        slow: The same at ``slow_fs``.
        beats: int64 [beats], R peaks in samples of the signal, ascending.
        fs: Rate of the signal, and of the waves, in Hz.
        slow_fs: Rate of what the network reads.
    """
    leads = tuple(map(str, range(len(signal))))
    ratio, last = fs / slow_fs, signal.shape[1] - 1
    found = decode(said, beats / ratio, slow_fs)
    onset, offset = (np.rint(edge * ratio).astype(np.int64).clip(0, last) for edge in (found.onset, found.offset))
    offset = np.maximum(onset, offset)
    peaks = extrema(signal, slow, found, ratio).clip(onset, offset)
    columns = (found.lead, found.beat, found.kind, onset, peaks, offset)
    table = np.column_stack(columns).reshape(-1, len(COLUMNS)).astype(np.int64)
    return Waves(fs, leads, beats, table[np.lexsort((table[:, 3], table[:, 0]))])


def extrema(signal: Floats, slow: Floats, found: Found, ratio: float) -> Samples:
    """Where each wave is farthest from the line between its ends, in samples of the signal; int64 [waves].

    Found in the slower signal, and snapped to the sample of the signal itself.

    Args:
        signal: float32 [leads, samples].
        slow: The same at the rate of the waves.
        found: The waves.
        ratio: Samples of the signal for each of those.
    """
    first = found.onset.astype(np.int64).clip(0, slow.shape[1] - 1)
    last = np.ceil(found.offset).astype(np.int64).clip(first, slow.shape[1] - 1)
    if not len(first):
        return first
    steps = np.arange(int((last - first).max()) + 1)
    places = np.minimum(first[:, None] + steps, last[:, None])
    ends = slow[found.lead, first], slow[found.lead, last]
    share = (places - first[:, None]) / np.maximum(last - first, 1)[:, None]
    away = slow[found.lead[:, None], places] - (ends[0][:, None] + share * (ends[1] - ends[0])[:, None])
    best = np.abs(away).argmax(axis=1)
    sign = np.sign(away[np.arange(len(best)), best])
    around = np.rint((first + best) * ratio).astype(np.int64)[:, None]
    reach = int(np.ceil(ratio / 2))
    near = (around + np.arange(-reach, reach + 1)).clip(0, signal.shape[1] - 1)
    taken = (signal[found.lead[:, None], near] * sign[:, None]).argmax(axis=1)
    return np.asarray(near[np.arange(len(near)), taken], np.int64)
