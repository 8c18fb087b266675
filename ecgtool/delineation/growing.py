"""Tables of numbers that grow item by item, with a journal of what is safely on the disk."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from ecgtool.files import flush

Rows = npt.NDArray[np.int32]

_JOURNAL = "journal"
_SAFE_EVERY_S = 2.0  # what an interruption costs at most


class Growing:
    """Tables of int32 that grow together, in a folder that this process has locked.

    The journal holds a line with the fingerprint of what is being made, then now and then a line with the number of
    items and of each table's rows, written after the rows have reached the disk. Whatever instant the work is stopped
    at, its last whole line says where to go on.

    Args:
        folder: Where they grow.
        widths: Columns of each table.
        fingerprint: Of what is being made; what is there under another one is removed.

    Attributes:
        items: Items whose rows the tables hold.
        rows: Rows of each table.
    """

    def __init__(self, folder: Path, widths: Sequence[int], fingerprint: str) -> None:
        self.widths = tuple(widths)
        self._journal_path = folder / _JOURNAL
        state = self._state(folder, fingerprint)
        if state is None:
            _empty(folder)
            self._journal_path.write_bytes(_line(fingerprint))
            for number in range(len(widths)):
                _table(folder, number).touch()
            state = (0, (0,) * len(widths))
        self.items, self.rows = state
        sizes = [rows * width * 4 for rows, width in zip(self.rows, self.widths, strict=True)]
        self._tables = [_opened(_table(folder, number), size) for number, size in enumerate(sizes)]
        self._journal = self._journal_path.open("ab")
        self._safe_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            if kind is None or not issubclass(kind, OSError):
                self._save()
        finally:
            for file in (*self._tables, self._journal):
                with suppress(OSError):  # what is not on the disk is not in the journal either
                    file.close()

    def append(self, tables: Sequence[Rows]) -> None:
        """Put the rows of one more item behind the others."""
        for file, rows in zip(self._tables, tables, strict=True):
            file.write(np.ascontiguousarray(rows, "<i4").data)
        self.items += 1
        self.rows = tuple(held + len(rows) for held, rows in zip(self.rows, tables, strict=True))
        if time.monotonic() - self._safe_at > _SAFE_EVERY_S:
            self._save()

    def _save(self) -> None:
        for file in self._tables:
            flush(file)
        self._journal.write(_line([self.items, *self.rows]))
        self._journal.flush()
        self._safe_at = time.monotonic()

    def _state(self, folder: Path, fingerprint: str) -> tuple[int, tuple[int, ...]] | None:
        """Items and rows that an earlier process left; None where it made something else, or they are not there."""
        lines = _whole_lines(self._journal_path)
        if not lines or lines[0] != fingerprint:
            return None
        last = lines[-1] if len(lines) > 1 else [0] * (1 + len(self.widths))
        for number, width in enumerate(self.widths):
            table = _table(folder, number)
            if not table.is_file() or table.stat().st_size < last[1 + number] * width * 4:
                return None
        os.truncate(self._journal_path, sum(len(_line(line)) for line in lines))
        return last[0], tuple(last[1:])

    @staticmethod
    def rows_of(folder: Path) -> tuple[int, ...]:
        """Rows of each table of a folder in which everything is done."""
        _items, *rows = _whole_lines(folder / _JOURNAL)[-1]
        return tuple(rows)

    @staticmethod
    def copy(folder: Path, number: int, width: int, target: BinaryIO) -> None:
        """Write a table of a folder as ``.npy``."""
        rows = Growing.rows_of(folder)[number]
        header = {"descr": "<i4", "fortran_order": False, "shape": (rows, width)}
        np.lib.format.write_array_header_1_0(target, header)
        with _table(folder, number).open("rb") as source:
            shutil.copyfileobj(source, target, 2**20)


def _table(folder: Path, number: int) -> Path:
    return folder / f"table-{number}"


def _opened(path: Path, size: int) -> BinaryIO:
    """A file cut back to what is known to be good, at its end."""
    file = path.open("r+b")
    file.truncate(size)
    file.seek(0, os.SEEK_END)
    return file


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _whole_lines(path: Path) -> list[Any]:
    """What the lines of a journal say, up to the first that is not whole."""
    said: list[Any] = []
    if path.is_file():
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                said.append(json.loads(line))
            except ValueError:
                break
    return said


def _line(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
