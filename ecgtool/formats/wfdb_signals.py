"""WFDB counts to millivolts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.wfdb_codec import Counts, checksums
from ecgtool.formats.wfdb_files import Frames, SignalFile, read_counts, signal_files
from ecgtool.formats.wfdb_header import Header, Signal

Millivolts = npt.NDArray[np.float32]
# Holding sparse signals multiplies their size; a header alone could claim any amount of memory.
_MOST_HELD, _SMALL = 64, 2**22
_EXACT = 2**22  # int16 counts less a baseline up to here are exact in float32


def read_samples(
    header: Header, kept: Sequence[Signal], path: Path, frames: Frames, spf: int
) -> tuple[Millivolts, list[str]]:
    """A range of frames of the signals ``kept``, and the names of those whose checksum is not what the header states.

    Args:
        header: Of an ordinary record.
        kept: Some of its signals.
        path: The header's.
        frames: The range.
        spf: Samples per frame of the result; signals that have fewer are held, as ``rdsamp -H`` does.

    Returns:
        float32 [signals, frames * spf] in millivolt, NaN where a sample is marked invalid; names.

    Raises:
        NotFound: A signal file is missing.
        FormatError: A signal file is shorter than the header says, or lies outside the folder.
    """
    values: Millivolts | None = None
    mismatched: list[str] = []
    for file in signal_files(header, kept, path):
        simple = spf == 1 and len(file.rows) == len(kept) and file.width == len(kept) and not file.skew
        sums = np.zeros(file.width, np.int16)
        for piece, counts in read_counts(file, frames):
            if values is None:  # only now is it known that the file holds what the header claims
                values = _room(header, kept, path, frames, spf)
            sums += checksums(counts[: piece.end - piece.begin])
            out = values[:, (piece.begin - frames.begin) * spf : (piece.end - frames.begin) * spf]
            if simple:
                _to_millivolt(counts.T, file.signals, file.invalid, out)
            else:
                _spread(counts, file, out, spf)
        if frames.whole:
            mismatched += _mismatched(sums, file.signals)
    if values is None:
        raise FormatError(f"{path} names no signal that can be read.")
    return values, mismatched


def _room(header: Header, kept: Sequence[Signal], path: Path, frames: Frames, spf: int) -> Millivolts:
    length = frames.end - frames.begin
    stored = sum([signal.spf for signal in header.signals]) * length
    if len(kept) * spf * length > max(_SMALL, _MOST_HELD * stored):
        raise FormatError(f"{path}: the sampling rates of its signals differ too much.")
    return np.empty((len(kept), length * spf), np.float32)


def _mismatched(sums: npt.NDArray[np.int16], signals: Sequence[Signal]) -> list[str]:
    """Names of the signals whose columns do not add up to the checksum that the header states."""
    if len(sums) > len(signals):
        sums = np.add.reduceat(sums, np.cumsum([0, *(signal.spf for signal in signals)])[:-1], dtype=np.int16)
    return [
        signal.name
        for signal, total in zip(signals, sums.tolist(), strict=True)
        if signal.checksum is not None and (signal.checksum - total) & 0xFFFF
    ]


def _spread(counts: Counts, file: SignalFile, values: Millivolts, spf: int) -> None:
    """Each signal's counts to its row: shifted by its skew, held where it has fewer samples per frame."""
    length = values.shape[1] // spf
    column = 0
    for signal, row in zip(file.signals, file.rows, strict=True):
        if row >= 0:
            mine = counts[signal.skew : signal.skew + length, column : column + signal.spf]
            converted = np.empty((1, mine.size), np.float32)
            _to_millivolt(mine.reshape(1, -1), (signal,), file.invalid, converted)
            held = converted.reshape(-1, signal.spf)[:, np.arange(spf) * signal.spf // spf].reshape(-1)
            values[row, : held.size] = held
            values[row, held.size :] = np.nan  # a skewed signal ends before the record does
        column += signal.spf


def _to_millivolt(counts: Counts, signals: Sequence[Signal], invalid: int | None, out: Millivolts) -> None:
    """``(count - baseline) / counts per mV`` of counts [signals, samples] into ``out``, rounded once to float32.

    A quotient of two float32 numbers is rounded alike whether it is formed in float32 or by way of float64, so the
    fast way is taken where counts, baselines and gains are exact in float32.
    """
    scale = _scale(tuple([(s.gain, s.per_mv, s.baseline) for s in signals]))
    if counts.dtype != np.int16 or not scale.exact:
        np.divide(counts - scale.baseline, scale.divisor, out=out, casting="same_kind")
    elif scale.centred:
        np.divide(counts, scale.divisor32, out=out)
    else:
        np.subtract(counts, scale.baseline32, out=out)
        np.divide(out, scale.divisor32, out=out)
    if invalid is not None and counts.size and counts.min() == invalid:
        out[counts == invalid] = np.nan


class _Scale(NamedTuple):
    """Counts per millivolt and baselines, as columns; whether float32 holds them exactly, and all baselines are 0."""

    divisor: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]
    divisor32: npt.NDArray[np.float32]
    baseline32: npt.NDArray[np.float32]
    exact: bool
    centred: bool


@lru_cache(maxsize=1024)
def _scale(signals: tuple[tuple[float, float | None, int], ...]) -> _Scale:
    """The scale of signals of these gains, steps per millivolt and baselines."""
    divisor = np.array([[gain * (per_mv or 1.0)] for gain, per_mv, _ in signals], np.float64)
    baseline = np.array([[baseline] for _, _, baseline in signals], np.float64)
    divisor32, baseline32 = divisor.astype(np.float32), baseline.astype(np.float32)
    exact = bool((divisor32 == divisor).all() and np.abs(baseline).max() < _EXACT)
    return _Scale(divisor, baseline, divisor32, baseline32, exact, not baseline.any())
