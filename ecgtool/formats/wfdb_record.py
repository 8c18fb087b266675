"""What a WFDB header says of a whole record: its range in frames, its leads, its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecgtool.formats.reading import distinct_names, sample_range
from ecgtool.formats.wfdb_comments import person
from ecgtool.formats.wfdb_files import Frames
from ecgtool.formats.wfdb_header import Header, Signal


def frame_range(header: Header, total: int, path: Path, start_s: float, seconds: float | None) -> Frames:
    """The range of frames that a range of seconds means.

    Raises:
        ConfigError: It begins after the end.
    """
    begin, end = sample_range(path, total, header.fs, start_s, seconds)
    return Frames(begin, end, total)


def voltages(signals: Sequence[Signal]) -> tuple[Signal, ...]:
    """The signals measured in a voltage; all of them where none is."""
    return tuple([signal for signal in signals if signal.per_mv is not None]) or tuple(signals)


def lead_names(signals: Sequence[Signal], path: Path) -> tuple[str, ...]:
    """Their names; those that several share, or that are missing, are numbered.

    Raises:
        FormatError: A standard lead is there twice, so that which is which cannot be told.
    """
    return distinct_names([signal.name for signal in signals], path)


def describe(header: Header, kept: Sequence[Signal], frames: Frames) -> dict[str, Any]:
    """What the header says beside the samples; see docs/formats.md for the keys."""
    meta: dict[str, Any] = {
        "calibrated": all(signal.calibrated and signal.per_mv is not None for signal in kept),
        "duration_s": frames.total / header.fs,
        "start_s": frames.begin / header.fs,
    }
    if header.start:
        meta["start"] = header.start
    if header.comments:
        meta["comments"] = header.comments
        meta.update(person(header.comments))
    if len(kept) < len(header.signals):
        meta["left_out"] = {s.name: s.unit for s in header.signals if s.per_mv is None}
    elif kept[0].per_mv is None:
        meta["units"] = {signal.name: signal.unit for signal in kept}
    return meta


def checksum_warning(leads: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What ``meta`` says where the samples of these leads do not add up to what the header states."""
    return {"warnings": (f"The checksum of {', '.join(leads)} is not the one that the header states.",)}
