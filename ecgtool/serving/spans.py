"""Spans: a long recording in stretches that fit into memory, each read with a margin for the filters to settle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import BundleManifest
from ecgtool.record import Record
from ecgtool.signals.preprocess import settling_s
from ecgtool.signals.windows import onsets

STRETCH_S = 900.0
"""What is read at a time, in seconds; a shorter recording is one stretch."""


@dataclass(frozen=True)
class Span:
    """Some windows of a recording, and the range to read for them.

    Args:
        onsets: int64, where the windows begin, in samples of the model's rate from the recording's beginning.
        read_from_s: Where to begin reading.
        read_s: How much to read.
    """

    onsets: npt.NDArray[np.int64]
    read_from_s: float
    read_s: float


def spans(manifest: BundleManifest, duration_s: float) -> Iterator[Span]:
    """The windows of a whole recording, one after the other, the last one ending with it; a stretch at a time."""
    total = round(duration_s * manifest.fs)
    begins = onsets(total, manifest.samples, manifest.samples, cover=True)
    each = max(1, int(STRETCH_S // manifest.seconds))
    for first in range(0, len(begins), each):
        yield _around(begins[first : first + each], manifest, duration_s)


def middle(manifest: BundleManifest, duration_s: float) -> Span:
    """The middle of a recording, as long as the model takes."""
    begin = (round(duration_s * manifest.fs) - manifest.samples) // 2
    return _around(np.array([begin], np.int64), manifest, duration_s)


def _around(onsets: npt.NDArray[np.int64], manifest: BundleManifest, duration_s: float) -> Span:
    """These windows, with as much around them as the filters need."""
    margin = min(settling_s(manifest.preprocessing), STRETCH_S)
    begin = max(0.0, onsets[0] / manifest.fs - margin)
    end = min(duration_s, (onsets[-1] + manifest.samples) / manifest.fs + margin)
    return Span(onsets, begin, end - begin)


def flat_leads(record: Record) -> tuple[str, ...]:
    """The leads without any signal: all samples equal, or invalid."""
    rows = zip(record.leads, record.signal, strict=True)
    return tuple(name for name, row in rows if not np.nanmax(row, initial=-np.inf) > np.nanmin(row, initial=np.inf))
