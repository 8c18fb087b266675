"""A store in the making: signals appended chunk by chunk, and a journal of what is safely on the disk.

The folder holds ``signals.npy`` with a header of fixed size, filled in at the end. Beside it lies the journal: a line
with the fingerprint of what is being made, then a line per chunk, written after the chunk's samples have reached the
disk. Whatever instant the work is stopped at, the valid lines of the journal say where to go on. Everything else in the
folder is made from the journal at the end, and made again if that was interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.items import Account, Chunk
from ecgtool.errors import DataError
from ecgtool.files import flush

SIGNALS = "signals.npy"
_HEADER_BYTES = 128


class Staging:
    """An unfinished store, open for appending.

    Args:
        folder: Where it grows; locked by this process.
        journal: The file beside it.
        item_shape: Leads and samples of an item.
        fingerprint: Of what is being made; what is there under another one is removed.
    """

    def __init__(self, folder: Path, journal: Path, item_shape: tuple[int, int], fingerprint: str) -> None:
        self.folder = folder
        self.item_shape = item_shape
        self.fingerprint = fingerprint
        self.accounts = _read_journal(journal, fingerprint)
        signals = folder / SIGNALS
        if not self.accounts or not signals.is_file() or signals.stat().st_size < self._size():
            self.accounts = []
            _clear(folder)
            journal.write_bytes(_line({"fingerprint": fingerprint}))
            signals.write_bytes(bytes(_HEADER_BYTES))
        _clear(folder, keep=SIGNALS)
        self._signals = _open(signals, self._size())
        self._path = journal
        self._journal = _open(journal, _valid_bytes(fingerprint, self.accounts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        for file in (self._signals, self._journal):
            with suppress(OSError):  # what is not on the disk is not in the journal either
                file.close()
        if kind is not None and issubclass(kind, DataError) and not self.accounts:
            self._remove()

    def _remove(self) -> None:
        """Leave nothing behind: no store can come of this data, and there is nothing to go on with."""
        with suppress(OSError):  # what stays is begun anew
            self._path.unlink()
            shutil.rmtree(self.folder)

    @property
    def items(self) -> int:
        """Items so far."""
        return sum(sum(account.items) for account in self.accounts)

    @property
    def entries(self) -> int:
        """Entries of the corpus that are dealt with."""
        return sum(len(account.items) for account in self.accounts)

    def append(self, chunk: Chunk) -> None:
        """Put a chunk behind the others; it counts once this returns."""
        for items in chunk.signals:
            self._signals.write(items.data)
        flush(self._signals)
        self._journal.write(_line(asdict(chunk.account)))
        self._journal.flush()  # to the operating system: a line that a power cut takes costs its chunk, no more
        self.accounts.append(chunk.account)

    def take_back(self, chunks: int) -> None:
        """Keep so many chunks, from the first; the others are to be made again."""
        self.accounts = self.accounts[:chunks]
        for file, size in (
            (self._journal, _valid_bytes(self.fingerprint, self.accounts)),
            (self._signals, self._size()),
        ):
            file.truncate(size)
            file.seek(0, os.SEEK_END)

    def finish(self) -> None:
        """Give the signals their header; publishing the folder flushes it to the disk."""
        self._signals.seek(0)
        self._signals.write(array_header(np.dtype(np.int16), (self.items, *self.item_shape)))
        self._signals.flush()

    def _size(self) -> int:
        return _HEADER_BYTES + self.items * int(np.prod(self.item_shape)) * np.dtype(np.int16).itemsize


def array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header of a ``.npy`` file (format 1.0), always 128 bytes long."""
    text = repr({"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": shape})
    magic = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
    return (magic + text.encode("ascii")).ljust(_HEADER_BYTES - 1) + b"\n"


def write_array(file: BinaryIO, array: npt.NDArray[Any], rows: npt.NDArray[np.int64] | slice) -> None:
    """Write the rows of an array as ``.npy``, the same bytes whatever the version of numpy."""
    chosen = np.ascontiguousarray(array[rows])
    file.write(array_header(chosen.dtype, chosen.shape))
    file.write(chosen.data)


def _open(path: Path, size: int) -> BinaryIO:
    """A file cut back to what is known to be good, at its end."""
    file = path.open("r+b")
    file.truncate(size)
    file.seek(0, os.SEEK_END)
    return file


def _clear(folder: Path, keep: str = "") -> None:
    for path in folder.iterdir():
        if path.name == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_journal(path: Path, fingerprint: str) -> list[Account]:
    """The accounts of a journal with that fingerprint, up to the first line that is not whole; none for another."""
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    if not lines or lines[0] + b"\n" != _line({"fingerprint": fingerprint}):
        return []
    accounts: list[Account] = []
    for line in lines[1:]:
        account = _account(line)
        if account is None or account.first != sum(len(done.items) for done in accounts):
            break
        accounts.append(account)
    return accounts


def _account(line: bytes) -> Account | None:
    try:
        return Account(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _valid_bytes(fingerprint: str, accounts: Sequence[Account]) -> int:
    return len(_line({"fingerprint": fingerprint})) + sum(len(_line(asdict(account))) for account in accounts)
