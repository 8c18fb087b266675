"""Waves as files: a table for spreadsheets and scripts, annotations for the tools of PhysioNet."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecgtool.console import inert
from ecgtool.formats.wfdb_annotate import Marks, stream_annotations
from ecgtool.waves import COLUMNS, UNKNOWN, Wave, Waves

HEAD = ("record", "lead", "wave", "onset_s", "peak_s", "offset_s")
ANNOTATOR, ANNOTATOR_SAYS = "pqrst", "P waves, QRS complexes and T waves, found by ecgtool"
_SYMBOLS = np.array([["(", symbol, ")"] for symbol in "pNt"])  # by kind, then onset, peak, offset
_LATE_S = 3.0  # the waves of one piece begin well within this before the end of those of the piece before


def write_head(file: BinaryIO) -> None:
    """Begin a table of waves."""
    file.write(",".join(HEAD).encode() + b"\n")


def write_rows(file: BinaryIO, record: str, waves: Waves) -> None:
    """Write the waves of a recording, or of a piece of it, as rows of a table: times in seconds from its beginning.

    A boundary or peak that is not known is empty. Text that a spreadsheet would run as a formula gets an apostrophe in
    front.
    """
    text = io.StringIO()
    digits = max(4, math.ceil(math.log10(waves.fs)) + 1)
    leads, kinds = [inert(lead) for lead in waves.leads], [kind.name for kind in Wave]
    rows = zip(waves.column("lead").tolist(), waves.column("kind").tolist(), waves.table[:, 3:].tolist(), strict=True)
    csv.writer(text, lineterminator="\n").writerows(
        (
            inert(record),
            leads[lead],
            kinds[kind],
            *("" if at == UNKNOWN else f"{at / waves.fs:.{digits}f}" for at in times),
        )
        for lead, kind, times in rows
    )
    file.write(text.getvalue().encode(errors="backslashreplace"))


def write_pqrst(folder: Path, name: str, pieces: Iterable[Waves], fs: float, channels: Sequence[int]) -> Path:
    """Write the waves of a recording as WFDB annotations: ``( p )``, ``( N )`` and ``( t )`` for each lead.

    ``chan`` is the number of the signal and ``num`` 0 for P, 1 for QRS and 2 for T, as ecgpuwave has it for onsets and
    offsets. A lead's marks are in the order of its waves, whatever marks of other leads lie between them.

    Args:
        folder: Where to; made when missing.
        name: Of the record.
        pieces: Its waves, piece by piece; nothing is kept of what is written.
        fs: Rate in Hz.
        channels: The number of the signal of each lead.

    Returns:
        The path, ``NAME.pqrst``.

    Raises:
        EcgError: The file cannot be written, or the recording not be read on.
    """
    late = round(_LATE_S * fs)
    return stream_annotations(folder / f"{name}.{ANNOTATOR}", _in_time(pieces, channels, late), fs=fs)


def record_name(text: str) -> str:
    """A name for a record that tools and file systems take, whatever the recording is called."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:64] or "recording"


def _in_time(pieces: Iterable[Waves], channels: Sequence[int], late: int) -> Iterator[Marks]:
    """The marks of all pieces in the order of time: what the next piece may go before is kept back."""
    kept = np.empty((0, 4), np.int64)
    for waves in pieces:
        rows = np.concatenate([kept, _rows(waves, channels)])
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        before = np.searchsorted(rows[:, 0], rows[-1, 0] - late) if len(rows) else 0
        yield _marks(rows[:before])
        kept = rows[before:]
    yield _marks(kept)


def _rows(waves: Waves, channels: Sequence[int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """int64 [marks, 4]: sample, channel, kind and which of onset, peak and offset; in a lead, in its waves' order."""
    times = waves.table[:, COLUMNS.index("onset") :]
    wave, which = np.nonzero(times != UNKNOWN)
    channel = np.asarray(channels, np.int64)[waves.column("lead")[wave]]
    return np.stack([times[wave, which], channel, waves.column("kind")[wave], which], axis=1)


def _marks(rows: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Marks:
    return Marks(rows[:, 0], _SYMBOLS[rows[:, 2], rows[:, 3]], rows[:, 1], rows[:, 2])
