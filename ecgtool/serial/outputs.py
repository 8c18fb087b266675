"""The files of a converted log: all of them, or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ecgtool import __version__
from ecgtool.errors import DataError
from ecgtool.files import explained, refuse_existing, write_file
from ecgtool.formats.sidecar import spoken, write_sidecar
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record
from ecgtool.serial.convert import Converted
from ecgtool.serial.preview import write_preview

FORMATS = ("npy", "wfdb")
_SUFFIXES = {"npy": (".npy",), "wfdb": (".dat", ".hea")}


def file_names(name: str, kind: str) -> tuple[str, ...]:
    """The files of a converted log, the recording itself last.

    >>> file_names("log", "npy")
    ('log_preview.png', 'log.meta.json', 'log.npy')
    """
    return f"{name}_preview.png", f"{name}.meta.json", *(f"{name}{suffix}" for suffix in _SUFFIXES[kind])


def refuse_outputs(out: Path, name: str, kind: str, *, force: bool) -> None:
    """Refuse to write over files that are there, unless forced.

    Raises:
        ConfigError: One of them exists, and ``force`` is not given.
    """
    for file in file_names(name, kind):
        refuse_existing(out / file, force=force)


def write_outputs(converted: Converted, out: Path, name: str, kind: str = "npy", *, force: bool = False) -> Path:
    """Write a converted log as a recording, what was done as a document beside it, and a picture.

    Args:
        converted: The log.
        out: Folder; made when missing.
        name: Of the files, without a suffix.
        kind: One of :data:`FORMATS`.
        force: Replace files of these names.

    Returns:
        The path that :func:`ecgtool.formats.read_record` reads the recording from.

    Raises:
        ConfigError: One of the files exists, and ``force`` is not given.
        EcgError: They cannot be written; those that were there are intact.
    """
    refuse_outputs(out, name, kind, force=force)
    record = converted.record
    with _staging(out, name) as staged:
        recording = _write_recording(record, staged, name, kind)
        said = spoken(record, recording, "leads,samples" if kind == "npy" else None)
        done = {"converted": converted.facts, "notes": list(converted.notes), "made_by": f"ecgtool {__version__}"}
        write_sidecar(recording, said, done)
        write_preview(record, staged / f"{name}_preview.png")
        _publish(staged, out, file_names(name, kind))
    return out / recording.name


def _write_recording(record: Record, folder: Path, name: str, kind: str) -> Path:
    if kind == "npy":
        return write_file(folder / f"{name}.npy", lambda file: np.save(file, record.signal, allow_pickle=False))
    try:
        return write_wfdb(record, folder, name)
    except DataError:
        return write_wfdb(record, folder, name, 32)  # counts of more than 16 bits


@contextmanager
def _staging(out: Path, name: str) -> Iterator[Path]:
    """A hidden folder to write the files in, gone afterwards."""
    staged = out / f".{name}.partial"
    with explained(out):
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _publish(staged: Path, out: Path, names: Sequence[str]) -> None:
    """Move the files to their places; what was there goes back there if that fails.

    The recording comes last, and an older one goes first: what is interrupted leaves no recording that its document
    does not speak of.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for name in reversed(names):
            if (out / name).exists():
                (staged / f"old-{name}").unlink(missing_ok=True)
                (out / name).rename(staged / f"old-{name}")
                moved.append((staged / f"old-{name}", out / name))
        for name in names:
            (staged / name).rename(out / name)
    except BaseException:
        for name in names:
            with suppress(OSError):
                if not (staged / name).exists():
                    (out / name).unlink()
        for aside, place in moved:
            aside.rename(place)
        raise
