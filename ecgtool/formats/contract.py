"""What a file format promises: to know its files by their content, and to turn one into a Record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecgtool.record import Record


@dataclass(frozen=True)
class Format:
    """One registered file format.

    Args:
        name: As in the table.
        summary: One line for listings.
        suffixes: Usual endings, lower case, with the dot. Only a hint: the content decides.
        sniff: ``sniff(path, head)`` tells from the first bytes (up to :data:`ecgtool.formats.HEAD_BYTES`) whether the
            file is of this format. It never raises.
        read: ``read(path, start_s, seconds)`` gives the recording from ``start_s`` on, ``seconds`` long (to its end
            when None). It reads no more of the file than that needs, and raises :class:`~ecgtool.errors.EcgError`
            alone.
        write: ``write(record, path)`` writes a recording there, whole or not at all, and gives the path to read it
            back from; None where the format is only read.
        rebuild: ``"module:attribute"`` of the :class:`ecgtool.deidentify.contract.Rebuilder` that builds a recording
            anew without what may identify a person; empty where none does.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    read: Callable[[Path, float, float | None], Record]
    write: Callable[[Record, Path], Path] | None = None
    rebuild: str = ""
