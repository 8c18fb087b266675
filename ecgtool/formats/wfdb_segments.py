"""WFDB records of several segments: a master header that lists records, recorded one after the other.

In the fixed layout all have the same signals; in the variable layout the first segment is a header without samples
that lists all signals, and later ones hold some of them. Gaps (``~``) and signals a segment lacks are NaN.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgtool.errors import FormatError
from ecgtool.files import inside
from ecgtool.formats.reading import make_record
from ecgtool.formats.wfdb_files import Frames, count_frames
from ecgtool.formats.wfdb_header import Header, Signal, load_header
from ecgtool.formats.wfdb_record import checksum_warning, describe, frame_range, lead_names, voltages
from ecgtool.formats.wfdb_signals import Millivolts, read_samples
from ecgtool.record import Record

_GAP = "~"
# A record that is mostly gaps is read in ranges: its header alone could claim any amount of memory.
_MOST_GAPS, _SMALL = 64, 2**22


class _Piece(NamedTuple):
    """What one segment adds to the range: the rows it has, and where they begin."""

    at: int
    rows: list[int]
    values: Millivolts
    mismatched: list[str]
    calibrated: bool


class _Layout(NamedTuple):
    """What every segment's signals are fitted to."""

    header: Header
    kept: tuple[Signal, ...]
    leads: tuple[str, ...]
    spf: int


def read_segments(master: Header, path: Path, start_s: float, seconds: float | None) -> Record:
    """A range of a record of several segments.

    Args:
        master: Its header.
        path: The header's.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: A segment is missing.
        FormatError: A segment does not fit the others, or is damaged.
        ConfigError: The range begins after the end of the recording.
    """
    total = sum(length for _, length in master.segments)
    if master.frames not in (None, total):
        raise FormatError(
            f"{path} promises {master.frames:,} samples, its segments {total:,}.",
            "A header is damaged; copy or download the record again.",
        )
    frames = frame_range(master, total, path, start_s, seconds)
    layout = _layout(master, path)
    pieces, begin = [], 0
    for name, length in master.segments:
        first, last = max(begin, frames.begin), min(begin + length, frames.end)
        if name != _GAP and first < last:
            within = Frames(first - begin, last - begin, length)
            pieces.append(_piece(path, name, within, (first - frames.begin) * layout.spf, layout, master.fs))
        begin += length
    meta = describe(master._replace(signals=layout.header.signals), layout.kept, frames)
    meta["calibrated"] = bool(pieces) and all(piece.calibrated for piece in pieces)
    mismatched = sorted({name for piece in pieces for name in piece.mismatched})
    if mismatched:
        meta.update(checksum_warning(mismatched))
    if master.cut or layout.header.cut:
        meta["truncated"] = True
    values = _joined(pieces, (len(layout.leads), (frames.end - frames.begin) * layout.spf), path)
    return make_record(path, values, master.fs * layout.spf, layout.leads, meta)


def _layout(master: Header, path: Path) -> _Layout:
    named = [name for name, _ in master.segments if name != _GAP]
    if not named:
        raise FormatError(f"{path} has only gaps.")
    header = _segment_header(path, named[0], master.fs)
    kept = voltages(header.signals)
    return _Layout(header, kept, lead_names(kept, path), max(signal.spf for signal in kept))


def _segment_header(path: Path, name: str, fs: float) -> Header:
    header = load_header(inside(path.parent, f"{name}.hea"))
    if header.segments:
        raise FormatError(f"{path}: segment '{name[:40]}' has segments itself.")
    if header.fs != fs:
        raise FormatError(f"{path}: segment '{name[:40]}' has {header.fs:g} Hz, the record {fs:g} Hz.")
    return header


def _piece(path: Path, name: str, within: Frames, at: int, layout: _Layout, fs: float) -> _Piece:
    """The range ``within`` a segment."""
    file = inside(path.parent, f"{name}.hea")
    header = _segment_header(path, name, fs)
    length = header.frames or count_frames(header, file)[0]
    if length != within.total:
        raise FormatError(f"{path}: segment '{name[:40]}' has {length:,} samples, not {within.total:,}.")
    kept = voltages(header.signals)
    leads = lead_names(kept, file)
    foreign = sorted(set(leads) - set(layout.leads))
    if foreign or max(signal.spf for signal in kept) > layout.spf:
        raise FormatError(f"{path}: the signals of segment '{name[:40]}' are not those of the layout.")
    values, mismatched = read_samples(header, kept, file, within, layout.spf)
    calibrated = all(signal.calibrated and signal.per_mv is not None for signal in kept)
    return _Piece(at, [layout.leads.index(lead) for lead in leads], values, mismatched, calibrated)


def _joined(pieces: list[_Piece], shape: tuple[int, int], path: Path) -> Millivolts:
    recorded = sum(piece.values.size for piece in pieces)
    if shape[0] * shape[1] > max(_SMALL, _MOST_GAPS * recorded):
        raise FormatError(f"{path} is mostly gaps in this range.", "Read a shorter range.")
    values = np.full(shape, np.nan, np.float32)
    for piece in pieces:
        values[piece.rows, piece.at : piece.at + piece.values.shape[1]] = piece.values
    return values
