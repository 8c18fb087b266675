"""NumPy arrays, built anew: a header of its own, the values' bytes, and a document that says how they are meant."""

from __future__ import annotations

from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder
from ecgtool.deidentify.words import known_signal, moved_start
from ecgtool.deidentify.writing import copy_range
from ecgtool.errors import FormatError
from ecgtool.files import write_unpublished
from ecgtool.formats.npy_archive import ARCHIVE, opened_archive
from ecgtool.formats.npy_array import MAGIC, BadArray, Header, read_header
from ecgtool.formats.regular import regular_file
from ecgtool.formats.sidecar import Sidecar, described, sidecar_path, write_sidecar

_SCALES = ("fs", "unit", "layout", "gain", "baseline", "calibrated")


def parts(path: Path) -> tuple[Path, ...]:
    """The array, and the document beside it."""
    beside = sidecar_path(path)
    return (path, beside) if beside.is_file() else (path,)


def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the array as ``.npy``, whatever held it, and what is known of it beside it."""
    with regular_file(source) as (file, _):
        try:
            if not file.peek(len(MAGIC)).startswith(ARCHIVE):
                return _written(file, described(source), folder, disguise, ledger)
            with opened_archive(source, file, source.stat().st_size) as (member, _, inside):
                ledger.remove("archive")
                ledger.notes.append("The array is written as .npy.")
                return _written(member, described(source, inside), folder, disguise, ledger)
        except BadArray:
            raise FormatError("The array is damaged.") from None


def _written(file: BufferedIOBase, said: Sidecar, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    header = read_header(file)
    target = folder / f"{disguise.record}.npy"
    write_unpublished(target, partial(_fill, file, header))
    write_sidecar(target, clean_sidecar(said, disguise, ledger))
    return target


def _fill(file: Any, header: Header, made: BinaryIO) -> None:
    made.write(_array_header(header))
    copy_range(file, header.offset, header.size, made)


def _array_header(header: Header) -> bytes:
    """The header of a ``.npy`` file of version 1, with nothing but type, order and shape."""
    text = repr({"descr": header.dtype.str, "fortran_order": header.fortran, "shape": header.shape}).encode("ascii")
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return MAGIC + b"\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"


def clean_sidecar(said: Sidecar, disguise: Disguise, ledger: Ledger) -> Sidecar:
    """What is said of a recording, of its person only what may be."""
    known: dict[str, Any] = {name: getattr(said, name) for name in _SCALES}
    if said.leads:
        known["leads"] = tuple(
            name if known_signal(name) else f"signal {number}" for number, name in enumerate(said.leads, start=1)
        )
        changed = sum(old != new for old, new in zip(said.leads, known["leads"], strict=True))
        ledger.remove("signal name that is no known lead", changed)
    start = moved_start(said.start or "", disguise.moved)
    if start:
        known["start"] = start
        ledger.dates += 1
    ledger.remove("date or time that is none", bool(said.start) and not start)
    for name in ("device", "patient"):
        ledger.remove(name, getattr(said, name) is not None)
    ledger.remove("age", said.age is not None and disguise.age is None)
    ledger.remove("sex", said.sex is not None and disguise.sex is None)
    ledger.person(disguise)
    age = None if disguise.age is None else float(disguise.age)
    return Sidecar.model_construct(**known, patient=disguise.patient, age=age, sex=disguise.sex)


REBUILDER = Rebuilder(rebuild, parts)
