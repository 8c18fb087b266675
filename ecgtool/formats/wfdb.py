"""WFDB, the format of PhysioNet: a text header ``.hea`` and the signal files it names.

Read by code of our own: formats 16, 24, 32, 61, 80, 160, 212, 310, 311 and 8; through the ``wfdb`` package: FLAC (508,
516, 524). Records of several segments are put together from their segments.
"""

from __future__ import annotations

from pathlib import Path

from ecgtool.errors import EcgError, NotFound
from ecgtool.formats.contract import Format
from ecgtool.formats.reading import make_record
from ecgtool.formats.regular import is_file
from ecgtool.formats.wfdb_files import count_frames
from ecgtool.formats.wfdb_header import header_text, load_header, looks_like_header
from ecgtool.formats.wfdb_record import checksum_warning, describe, frame_range, lead_names, voltages
from ecgtool.formats.wfdb_segments import read_segments
from ecgtool.formats.wfdb_signals import read_samples
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record


def sniff(path: Path, head: bytes) -> bool:
    """Whether the file is a WFDB header, or a signal file that the header beside it names."""
    if looks_like_header(head.decode("latin-1")):
        return True
    header = path.with_suffix(".hea")
    if path == header or not is_file(header):
        return False
    try:
        return any(line.startswith(f"{path.name} ") for line in header_text(header).splitlines())
    except EcgError:
        return False


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
        return read_segments(header, path, start_s, seconds)
    total, cut = (header.frames, header.cut) if header.frames else count_frames(header, path)
    frames = frame_range(header, total, path, start_s, seconds)
    kept = voltages(header.signals)
    spf = max([signal.spf for signal in kept])
    values, mismatched = read_samples(header, kept, path, frames, spf)
    meta = describe(header, kept, frames)
    if mismatched:
        meta.update(checksum_warning(mismatched))
        cut = cut or not header.frames
    if cut or header.cut:
        meta["truncated"] = True
    return make_record(path, values, header.fs * spf, lead_names(kept, path), meta)


def header_of(path: Path) -> Path:
    """The header of a record, of which ``path`` is the header or a signal file.

    Raises:
        NotFound: A signal file without a header.
    """
    if path.suffix == ".hea":
        return path
    beside = path.with_suffix(".hea")
    if is_file(beside):
        return beside
    if path.suffix.lower() in WFDB.suffixes[1:]:
        raise NotFound(f"{path} has no header {beside.name} beside it.", "Without it the samples have no meaning.")
    return path


def write(record: Record, path: Path) -> Path:
    """Write a record as ``STEM.hea`` and ``STEM.dat`` in the path's folder, in format 16; the header's path.

    Raises:
        ConfigError: A stem that cannot name a record.
        DataError: A lead that 16 bits cannot hold, or whose name a header cannot.
        EcgError: The files cannot be written.
    """
    return write_wfdb(record, path.parent, path.stem)


WFDB = Format(
    "wfdb",
    "PhysioNet's header and signal files",
    (".hea", ".dat"),
    sniff,
    read,
    write,
    rebuild="ecgtool.deidentify.wfdb:REBUILDER",
)
