"""WFDB signal files: the counts of a range of frames.

Files are sought, never read whole for a part; every length is checked against the file before memory is taken, and no
file outside the header's folder is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgtool.errors import FormatError, NotFound
from ecgtool.files import explained, inside
from ecgtool.formats.wfdb_codec import DIFFERENCES, STORAGE, Counts, Storage, decode, storage_of
from ecgtool.formats.wfdb_flac import FLAC_BITS, read_flac
from ecgtool.formats.wfdb_header import Header, Signal

# Links are opened only after their target is known to lie in the folder; pipes must not block.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_PIECE = 2**17  # counts converted at a time


class Frames(NamedTuple):
    """A range of frames of a record of ``total`` frames."""

    begin: int
    end: int
    total: int

    @property
    def whole(self) -> bool:
        """Whether it is the entire record."""
        return self.begin == 0 and self.end == self.total


class SignalFile(NamedTuple):
    """The signals that share one file."""

    header: Path
    name: str
    signals: tuple[Signal, ...]
    rows: tuple[int, ...]  # where each goes in the result; -1 where it is left out
    width: int  # counts per frame
    skew: int  # the largest of its signals

    @property
    def offset(self) -> int:
        """Bytes before the first frame."""
        return self.signals[0].offset

    @property
    def invalid(self) -> int | None:
        """The count that marks an invalid sample; None where the format has none."""
        fmt = self.signals[0].fmt
        if fmt in FLAC_BITS:
            return -(2 ** (FLAC_BITS[fmt] - 1))
        return None if fmt == DIFFERENCES else STORAGE[fmt].invalid

    @property
    def storage(self) -> Storage | None:
        """How the file packs its counts; None for FLAC.

        Raises:
            FormatError: An unknown storage format.
        """
        fmt = self.signals[0].fmt
        storage = storage_of(fmt)
        if storage is None and fmt not in FLAC_BITS:
            raise FormatError(f"{self.header}: storage format {fmt} is unknown.", "Convert it with WFDB's xform.")
        return storage


def signal_files(header: Header, kept: Sequence[Signal], path: Path) -> list[SignalFile]:
    """The files that hold the signals ``kept``, each once.

    Raises:
        FormatError: Signals of one file disagree about its storage.
    """
    grouped: dict[str, list[Signal]] = {}
    for signal in header.signals:
        grouped.setdefault(signal.file, []).append(signal)
    if len(grouped) == 1 and len(kept) == len(header.signals):
        return [_signal_file(path, header.signals, tuple(range(len(kept))))]
    row_of = {id(signal): row for row, signal in enumerate(kept)}  # by identity: two lines may read the same
    files = []
    for group in grouped.values():
        rows = tuple(row_of.get(id(signal), -1) for signal in group)
        if max(rows) >= 0:
            files.append(_signal_file(path, tuple(group), rows))
    return files


def _signal_file(path: Path, signals: tuple[Signal, ...], rows: tuple[int, ...]) -> SignalFile:
    name, fmt, _, _, offset, *_ = signals[0]
    width = skew = 0
    for signal in signals:
        if signal.fmt != fmt or signal.offset not in (offset, 0):
            raise FormatError(
                f"{path}: the signals in {name[:80]!r} disagree about its storage format.",
                "The header is damaged; copy or download the record again.",
            )
        width += signal.spf
        skew = max(skew, signal.skew)
    return SignalFile(path, name, signals, rows, width, skew)


def count_frames(header: Header, path: Path) -> tuple[int, bool]:
    """How many frames the signal files hold, for headers that do not say; and whether they end within a frame.

    Raises:
        FormatError: It cannot be told from the files' size, or not even one.
    """
    lengths, rests = [], []
    for file in signal_files(header, header.signals, path):
        storage = file.storage
        if storage is None:
            raise FormatError(f"{path} does not state the number of samples, which compressed signals need.")
        handle, size = _open(file)
        os.close(handle)
        lengths.append(storage.capacity(max(size - file.offset, 0)) // file.width)
        rests.append(size - file.offset - storage.size(lengths[-1] * file.width))
    if min(lengths) == 0:
        raise FormatError(
            f"{path}: a signal file holds not even one sample of each signal.",
            "The header is damaged; copy or download the record again.",
        )
    return min(lengths), any(rests) or len(set(lengths)) > 1


def read_counts(file: SignalFile, frames: Frames) -> Iterator[tuple[Frames, Counts]]:
    """The counts of a range, in pieces that fit the processor's cache: one after the other, each with its range.

    Counts are [frames, width]. A piece goes on for as many frames as its signals' skew needs, up to the record's end.

    Raises:
        NotFound: The file is missing.
        FormatError: It holds less than the header says, or lies outside the folder.
    """
    storage, width, skew = file.storage, file.width, file.skew
    if skew >= frames.total:
        raise FormatError(f"{file.header}: a skew of {skew:,} samples leaves nothing of a record of {frames.total:,}.")
    handle, size = _open(file)
    try:
        if storage is None or file.signals[0].fmt == DIFFERENCES:
            yield frames, _in_sequence(file, frames, min(frames.end + skew, frames.total), handle, size)
            return
        _refuse_short(file, storage, frames.total, size)
        step = max(1, _PIECE // width)
        for begin in range(frames.begin, frames.end, step):
            end = min(begin + step, frames.end)
            flat = _read(handle, storage, file.offset, begin * width, min(end + skew, frames.total) * width)
            yield Frames(begin, end, frames.total), flat.reshape(-1, width)
    finally:
        os.close(handle)


def _in_sequence(file: SignalFile, frames: Frames, end: int, handle: int, size: int) -> Counts:
    """Counts [frames, width] up to ``end`` of a file that has to be unpacked from a beginning."""
    storage = file.storage
    if storage is None:
        return read_flac(file.header, file.signals, frames.begin, end, size)
    _refuse_short(file, storage, frames.total, size)
    return _accumulated(handle, storage, file, frames.begin, end)


def _refuse_short(file: SignalFile, storage: Storage, total: int, size: int) -> None:
    needed = file.offset + storage.size(total * file.width)
    if size < needed:
        raise FormatError(
            f"{file.header.parent / file.name} has {size:,} bytes; its header promises {needed:,}.",
            "The file is cut short: copy or download it again.",
        )


def _read(handle: int, storage: Storage, offset: int, begin: int, end: int) -> Counts:
    """Counts ``begin`` to ``end`` of a file; only the bytes that hold them are read."""
    lead = begin % storage.block
    missing = storage.size(end - begin + lead)
    start = offset + storage.size(begin - lead)
    if start:
        os.lseek(handle, start, os.SEEK_SET)
    data = os.read(handle, missing)
    while len(data) < missing:  # one read gives at most 2 GiB
        more = os.read(handle, missing - len(data))
        if not more:
            raise FormatError("A signal file became shorter while it was read.")
        data += more
    return decode(np.frombuffer(data, np.uint8), end - begin + lead, storage)[lead:]


def _accumulated(handle: int, storage: Storage, file: SignalFile, begin: int, end: int) -> Counts:
    """Counts [frames, width] of a file of differences: all steps before summed up from the header's initial values."""
    columns = np.repeat(np.arange(len(file.signals)), [signal.spf for signal in file.signals])
    level = [signal.initial for signal in file.signals]
    pieces, length = [], max(1, 2**18 // file.width)
    for start in range(0, end, length):
        stop = min(start + length, end)
        steps = _read(handle, storage, file.offset, start * file.width, stop * file.width)
        counts = steps.reshape(-1, file.width).astype(np.int64)
        for index in range(len(level)):
            mine = columns == index
            run = level[index] + np.cumsum(counts[:, mine])
            counts[:, mine] = run.reshape(len(counts), -1)
            level[index] = int(run[-1])
        if stop > begin:
            pieces.append(counts[max(begin - start, 0) :])
    return np.concatenate(pieces)


def _open(file: SignalFile) -> tuple[int, int]:
    """The open file and its size.

    Raises:
        NotFound: It is missing.
        FormatError: The name leads out of the header's folder, or to something that is not a file.
    """
    name = file.name
    plain = name.replace("_", "").replace("-", "").replace(".", "").isalnum() and ".." not in name
    path = file.header.with_name(name) if plain else inside(file.header.parent, name)
    with explained(path):
        try:
            handle = os.open(path, _FLAGS | _NO_FOLLOW)
        except FileNotFoundError:
            raise NotFound(f"{path}, which {file.header} names, does not exist.", "Put it beside the header.") from None
        except OSError:
            if not path.is_symlink():
                raise
            handle = os.open(inside(file.header.parent, name), _FLAGS)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise FormatError(f"{file.header}: the signal file '{name[:80]}' is not a file.")
    return handle, status.st_size
