"""WFDB signals compressed with FLAC (formats 508, 516 and 524), through the ``wfdb`` package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.wfdb_header import Signal

FLAC_BITS = {508: 8, 516: 16, 524: 24}
_PIECE = 2**18
# Recordings compress to about one byte per count, a flat line a few hundred times further.
_MOST_PER_BYTE, _SMALL = 256, 2**22


def read_flac(header: Path, signals: Sequence[Signal], begin: int, end: int, size: int) -> npt.NDArray[np.int32]:
    """Frames ``begin`` to ``end`` of the signals of one file.

    Read in pieces, so that a header that promises more than the file holds costs no memory.

    Args:
        header: The header.
        signals: All signals of one file.
        begin: First frame.
        end: Frame after the last.
        size: Bytes of the file.

    Returns:
        int32 [frames, counts per frame].

    Raises:
        FormatError: The file is not FLAC, holds less than the header says, or unpacks to far more than its size.
    """
    width = sum(signal.spf for signal in signals)
    if (end - begin) * width > max(_SMALL, _MOST_PER_BYTE * size):
        raise FormatError(
            f"{header} promises {(end - begin) * width:,} samples of a file of {size:,} bytes.",
            "The header is damaged; copy it again.",
        )
    step = max(1, _PIECE // width)
    pieces = [_piece(header, signals, start, min(start + step, end)) for start in range(begin, end, step)]
    return np.concatenate(pieces)


def _piece(header: Path, signals: Sequence[Signal], begin: int, end: int) -> npt.NDArray[np.int32]:
    import wfdb

    try:
        fields = wfdb.rdheader(str(header.with_suffix("").absolute()))
        columns = [index for index, name in enumerate(fields.file_name) if name == signals[0].file]
        record = wfdb.rdrecord(
            str(header.with_suffix("").absolute()), begin, end, columns,
            physical=False, smooth_frames=False, ignore_skew=True,
        )  # fmt: skip
        if len(columns) != len(signals):  # the two readers differ about a damaged header
            raise ValueError(f"its header names {len(signals)} signals, it has {len(columns)}")
        parts = zip(record.e_d_signal, signals, strict=True)
        frames = [np.reshape(part, (end - begin, signal.spf)) for part, signal in parts]
    except Exception as error:
        raise FormatError(
            f"{header.parent / signals[0].file} cannot be read as FLAC: {str(error)[:200] or type(error).__name__}.",
            "The file is damaged, or holds less than its header promises.",
        ) from error
    return np.concatenate(frames, axis=1).astype(np.int32)
