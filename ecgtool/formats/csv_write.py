"""Write a Record as a table: comments that say what columns cannot, a header with units, a column of times."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecgtool.console import inert
from ecgtool.errors import DataError
from ecgtool.files import write_file
from ecgtool.formats.sidecar import spoken
from ecgtool.record import Record

_LINES = 4096  # turned into text at a time
_COMMENTS = ("age", "sex", "start", "device", "patient")


def write_csv(record: Record, path: Path) -> Path:
    """Write a record with samples down and leads across, to 0.1 µV; not calibrated ones to seven digits.

    Args:
        record: What to write; a missing sample is ``nan``.
        path: The file.

    Returns:
        The path.

    Raises:
        DataError: A lead name, or something said of the record, that a line of text cannot hold.
        EcgError: The file cannot be written.
    """
    header = "".join(_header(record, path)).encode()

    def fill(file: BinaryIO) -> None:
        file.write(header)
        for lines in _lines(record):
            file.write(lines)

    return write_file(path, fill)


def _header(record: Record, path: Path) -> Iterator[str]:
    said = spoken(record, path)
    facts = {"fs": f"{record.fs:.12g}", "samples": record.signal.shape[1]}
    if not record.calibrated:
        facts |= {"calibrated": "false"}
    facts |= {key: value for key in _COMMENTS if (value := getattr(said, key)) is not None}
    for key, value in facts.items():
        yield f"# {key}={_printable(str(value))}\n"
    units = (said.unit or ()) * (1 if len(said.unit or ()) == len(record.leads) else len(record.leads))
    names = [f"{inert(_printable(lead))} ({unit})" for lead, unit in zip(record.leads, units, strict=True)]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["time (s)", *names])
    yield line.getvalue()


def _printable(text: str) -> str:
    if not text.isprintable():
        raise DataError(f"{text[:40]!r} cannot stand in a line of text.", "Give the lead another name.")
    return text


def _lines(record: Record) -> Iterator[bytes]:
    """The lines of samples, some thousand at a time."""
    one = ",".join(["%.6f", *(["%.4f" if record.calibrated else "%.7g"] * len(record.leads))]) + "\n"
    for begin in range(0, record.signal.shape[1], _LINES):
        part = record.signal[:, begin : begin + _LINES]
        times = np.arange(begin, begin + part.shape[1]) / record.fs
        rows = np.column_stack([times, part.T.astype(np.float64)])
        yield ((one * len(rows)) % tuple(rows.ravel().tolist())).encode()
