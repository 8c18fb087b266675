"""NumPy arrays: ``.npy`` with a document beside it, ``.npz`` with or without.

An array is numbers and a shape. Its rate, leads, unit and which axis is which come from ``NAME.meta.json``, from
``dataset.json``, or in an ``.npz`` from further arrays named ``fs``, ``leads``, ``unit``, ``layout``.
"""

from __future__ import annotations

from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from ecgtool.errors import EcgError, FormatError
from ecgtool.files import explained, flush, write_file
from ecgtool.formats.arrays import oriented, rate, to_record
from ecgtool.formats.contract import Format
from ecgtool.formats.npy_archive import ARCHIVE, opened_archive
from ecgtool.formats.npy_array import MAGIC, BadArray, Header, read_header, read_range
from ecgtool.formats.reading import sample_range
from ecgtool.formats.regular import regular_file
from ecgtool.formats.sidecar import Sidecar, described, sidecar_path, spoken, write_sidecar
from ecgtool.record import Record


def sniff(_path: Path, head: bytes) -> bool:
    """Whether the file is an array, or an archive whose first member is one."""
    if head.startswith(ARCHIVE):
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return name.endswith(b".npy")
    return head.startswith(MAGIC)


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the recording that an array holds.

    Args:
        path: The ``.npy`` or ``.npz`` file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, is not of numbers, or nothing says its rate or which axis is which.
        ConfigError: The range begins after the end of the recording.
    """
    with regular_file(path) as (file, size):
        try:
            if file.peek(len(MAGIC)).startswith(ARCHIVE):
                with opened_archive(path, file, size) as (member, length, inside):
                    return _record(path, member, length, described(path, inside), (start_s, seconds))
            return _record(path, file, size, described(path), (start_s, seconds))
        except BadArray as error:
            raise FormatError(f"{path} {error}.", "Save it again with numpy.save, as an array of numbers.") from None


def _record(path: Path, file: BufferedIOBase, size: int, said: Sidecar, span: tuple[float, float | None]) -> Record:
    header = read_header(file)
    _refuse_other(header, size)
    axes = oriented(path, header.shape, said)
    begin, end = sample_range(path, axes.samples, rate(path, said), *span)
    values = read_range(file, header, axes, begin, end)
    rest = size - header.offset - header.size
    warnings = {"warnings": (f"{rest:,} bytes follow the array.",)} if rest else {}
    return to_record(path, values, said, (begin, end, axes.samples), warnings)


def _refuse_other(header: Header, size: int) -> None:
    if header.dtype.kind not in "fiu":
        raise BadArray(f"holds values of type {header.dtype}, not numbers")
    if header.offset + header.size > size:
        held = size - header.offset
        raise BadArray(f"is cut short: it holds {held:,} of the {header.size:,} bytes that its header promises")


def write(record: Record, path: Path) -> Path:
    """Write a recording as a float32 array [leads, samples], and what it cannot say as ``NAME.meta.json`` beside it.

    Raises:
        FormatError: A lead name or a detail of the person that the document cannot hold.
        EcgError: The files cannot be written.
    """
    said, document = spoken(record, path, layout="leads,samples"), sidecar_path(path)

    def fill(file: Any) -> None:
        np.save(file, np.ascontiguousarray(record.signal), allow_pickle=False)
        flush(file)
        write_sidecar(path, said)  # only when the array is on the disk, just before it gets its name

    with explained(document):
        before = document.read_bytes() if document.is_file() else None
        array = path.stat().st_ino if path.exists() else None
    try:
        return write_file(path, fill)
    except BaseException:
        if array == (path.stat().st_ino if path.exists() else None):
            _put_back(document, before)
        raise


def _put_back(document: Path, before: bytes | None) -> None:
    """Let a document say again what it said, so that it does not speak of an array that was never written."""
    with suppress(OSError, EcgError):
        if before is None:
            document.unlink()
        elif document.read_bytes() != before:
            write_file(document, lambda file: file.write(before))


NPY = Format(
    "npy",
    "NumPy arrays, with .meta.json or dataset.json",
    (".npy", ".npz"),
    sniff,
    read,
    write,
    rebuild="ecgtool.deidentify.arrays:REBUILDER",
)
