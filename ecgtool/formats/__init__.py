"""File formats: one table of names; see ``contract.py`` for what each promises. ``read_record`` is the way in."""

from __future__ import annotations

import math
import os
from functools import cache
from itertools import chain
from pathlib import Path

from ecgtool.errors import ConfigError, FormatError, NotFound
from ecgtool.files import explained
from ecgtool.formats.advice import content_advice, suffix_advice
from ecgtool.formats.contract import Format
from ecgtool.record import Record
from ecgtool.registry import Registry

FORMATS = Registry(
    "formats",
    {
        "wfdb": "ecgtool.formats.wfdb:WFDB",
        "npy": "ecgtool.formats.npy:NPY",
        "csv": "ecgtool.formats.csv:CSV",
        "mat": "ecgtool.formats.mat:MAT",
        "edf": "ecgtool.formats.edf:EDF",
        "dicom": "ecgtool.formats.dicom:DICOM",
        "scp": "ecgtool.formats.scp:SCP",
        "muse": "ecgtool.formats.muse:MUSE",
        "philips": "ecgtool.formats.philips:PHILIPS",
        "aecg": "ecgtool.formats.aecg:AECG",
        "schiller": "ecgtool.formats.schiller:SCHILLER",
        "ishne": "ecgtool.formats.vendor:ISHNE",
        "mfer": "ecgtool.formats.vendor:MFER",
        "mortara": "ecgtool.formats.vendor:MORTARA",
        "kardia": "ecgtool.formats.vendor:KARDIA",
        "edan": "ecgtool.formats.vendor:EDAN",
    },
    "File formats of recordings.",
)
HEAD_BYTES = 4096


def read_record(path: str | Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """Read a recording, whatever its format.

    Args:
        path: The file; for WFDB the header, a signal file beside it, or the record's name without a suffix.
        start_s: Where to start, in seconds from the beginning of the recording.
        seconds: How much to read; None reads to the end. A range that ends beyond the recording is cut there.

    Returns:
        The recording: float32 [leads, samples] in millivolt. ``meta["duration_s"]`` is the length of the whole
        recording and ``meta["start_s"]`` where the range begins, so that a long one can be walked in pieces.

    Raises:
        NotFound: There is no such file.
        FormatError: Not a recording, not in a format this tool reads, or damaged.
        ConfigError: The range begins before the recording or after its end, or is empty.
    """
    if not (0 <= start_s < math.inf) or (seconds is not None and not (0 < seconds < math.inf)):
        raise ConfigError(f"A range of {seconds} s from {start_s} s cannot be read.", "Give seconds above 0.")
    found, head = _open(Path(path))
    return _format_of(found, head).read(found, float(start_s), seconds)


def recognised(path: Path) -> Format | None:
    """The format whose content a file has; None where no format knows it.

    Raises:
        NotFound: There is no such file.
        EcgError: It cannot be opened.
    """
    with explained(path):
        return _sniffed(path, _head(path))


def write_record(record: Record, path: str | Path, name: str) -> Path:
    """Write a recording as a file of one of the formats that are written.

    Args:
        record: What to write; float32 millivolt.
        path: Where, with the format's suffix.
        name: Of the format.

    Returns:
        The path that :func:`read_record` reads it back from.

    Raises:
        ConfigError: There is no such format, or it is only read.
    """
    write = FORMATS.load(name).write
    if write is None:
        written = ", ".join(other for other in FORMATS if FORMATS.load(other).write is not None)
        raise ConfigError(f"The format '{name}' is read but not written.", f"Formats written: {written}.")
    made: Path = write(record, Path(path))
    return made


def _open(path: Path) -> tuple[Path, bytes]:
    """The file that ``path`` means, and its first bytes.

    Raises:
        NotFound: There is no such file.
        FormatError: It is a folder.
    """
    if "\0" in str(path):
        raise NotFound("A path cannot contain a NUL character.", "Check the path.")
    with explained(path):
        try:
            return path, _head(path)
        except FileNotFoundError:
            header = path.with_name(f"{path.name}.hea")
            if not path.name or not header.is_file():
                raise
            return header, _head(header)
        except IsADirectoryError:
            raise FormatError(f"{path} is a folder, not a recording.", "Give a file inside it.") from None


def _head(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(handle, HEAD_BYTES)
    finally:
        os.close(handle)


def _format_of(path: Path, head: bytes) -> Format:
    """The format whose content ``head`` is; failing that the one whose suffix it has, to say what is wrong with it.

    Raises:
        FormatError: No format knows the file.
    """
    found = _sniffed(path, head)
    if found:
        return found
    likely = [member for member in _formats() if path.suffix.lower() in member.suffixes]
    known = f"Formats read: {', '.join(member.name for member in _formats())}."
    advice = content_advice(path, head)
    if advice and not (likely and advice.container):
        raise FormatError(f"{path} is {advice.what}, not a recording.", advice.hint or known)
    if likely:
        return likely[0]
    raise FormatError(f"{path} is not a recording this tool can read.", suffix_advice(path) or known)


def _sniffed(path: Path, head: bytes) -> Format | None:
    """The format that knows the content; those whose suffix the file has are asked first."""
    formats, suffix = _formats(), path.suffix.lower()
    likely = [member for member in formats if suffix in member.suffixes]
    return next((member for member in chain(likely, formats) if member.sniff(path, head)), None)


@cache
def _formats() -> tuple[Format, ...]:
    return tuple(FORMATS.load(name) for name in FORMATS)
