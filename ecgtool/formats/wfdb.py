"""WFDB, the format of PhysioNet: a text header ``.hea`` and the signal files it names.

Read by code of our own: formats 16, 24, 32, 61, 80, 160, 212, 310, 311 and 8; through the ``wfdb`` package: FLAC (508,
516, 524). Records of several segments are put together from their segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecgtool import console
from ecgtool.errors import ConfigError, DataError, FormatError, NotFound
from ecgtool.formats.contract import Format
from ecgtool.formats.wfdb_comments import person
from ecgtool.formats.wfdb_files import Frames, count_frames
from ecgtool.formats.wfdb_header import Header, Signal, header_text, load_header, looks_like_header
from ecgtool.formats.wfdb_signals import Millivolts, read_samples
from ecgtool.record import LEADS_12, Record, lead_name


def sniff(path: Path, head: bytes) -> bool:
    """Whether the file is a WFDB header, or a signal file that the header beside it names."""
    if path.suffix == ".hea" or b"\0" not in head:
        return looks_like_header(head.decode("latin-1"))
    header = path.with_suffix(".hea")
    if not header.is_file():
        return False
    return any(line.startswith(f"{path.name} ") for line in header_text(header).splitlines())


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a WFDB record.

    Args:
        path: Its header, or a signal file beside it.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: The header or a signal file is missing.
        FormatError: The header is damaged or a signal file shorter than it says.
        ConfigError: The range begins after the end of the recording.
    """
    path = header_of(path)
    header = load_header(path)
    if header.segments:
        from ecgtool.formats.wfdb_segments import read_segments

        return read_segments(header, path, start_s, seconds)
    frames = frame_range(header, header.frames or count_frames(header, path), path, start_s, seconds)
    kept = voltages(header.signals)
    spf = max([signal.spf for signal in kept])
    values, mismatched = read_samples(header, kept, path, frames, spf)
    meta = describe(header, kept, frames)
    if mismatched:
        console.log.warning("%s: the checksum of %s is not the one its header states.", path, ", ".join(mismatched))
        meta["checksum"] = "mismatch"
    return make_record(values, header.fs * spf, lead_names(kept, path), path, meta)


def header_of(path: Path) -> Path:
    """The header of a record, of which ``path`` is the header or a signal file.

    Raises:
        NotFound: A signal file without a header.
    """
    if path.suffix == ".hea":
        return path
    beside = path.with_suffix(".hea")
    if beside.is_file():
        return beside
    if path.suffix.lower() in WFDB.suffixes[1:]:
        raise NotFound(f"{path} has no header {beside.name} beside it.", "Without it the samples have no meaning.")
    return path


def frame_range(header: Header, total: int, path: Path, start_s: float, seconds: float | None) -> Frames:
    """The range of frames that a range of seconds means.

    Raises:
        ConfigError: It begins after the end.
    """
    begin = round(start_s * header.fs)
    end = total if seconds is None else min(total, round((start_s + seconds) * header.fs))
    if begin >= end:
        raise ConfigError(
            f"{path} is {total / header.fs:g} s long; {start_s:g} s to {end / header.fs:g} s is empty.",
            "Choose a range within it.",
        )
    return Frames(begin, end, total)


def voltages(signals: Sequence[Signal]) -> tuple[Signal, ...]:
    """The signals measured in a voltage; all of them where none is."""
    return tuple([signal for signal in signals if signal.per_mv is not None]) or tuple(signals)


def lead_names(signals: Sequence[Signal], path: Path) -> tuple[str, ...]:
    """Their names; those that several share, or that are missing, are numbered.

    Raises:
        FormatError: A standard lead is there twice, so that which is which cannot be told.
    """
    names = [signal.name for signal in signals]
    if "" not in names and len({name.lower() for name in names}) == len(names):
        return tuple(names)
    shared = {name for name, count in Counter(map(lead_name, names)).items() if count > 1}
    twice = sorted(shared & set(LEADS_12))
    if twice:
        raise FormatError(f"{path} names lead {twice[0]} more than once.")
    return tuple(
        f"{name or 'signal'} {number}" if lead_name(name) in shared or not name else name
        for number, name in enumerate(names, start=1)
    )


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
    if header.cut:
        meta["truncated"] = True
    if len(kept) < len(header.signals):
        meta["left_out"] = {s.name: s.unit for s in header.signals if s.per_mv is None}
    elif kept[0].per_mv is None:
        meta["units"] = {signal.name: signal.unit for signal in kept}
    return meta


def make_record(values: Millivolts, fs: float, leads: tuple[str, ...], path: Path, meta: dict[str, Any]) -> Record:
    """The record, named after its header.

    Raises:
        FormatError: Rate or lead names that no record can have.
    """
    try:
        return Record(values, fs, leads, id=path.stem, meta=meta)
    except DataError as error:
        raise FormatError(f"{path}: {error.message}") from None


WFDB = Format("wfdb", "PhysioNet's header and signal files", (".hea", ".dat"), sniff, read)
