"""A file that is read in parts: its size is known before anything is believed of what it says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.files import explained

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not block


class Source:
    """An open file.

    Args:
        path: Named in errors.
        handle: Its descriptor.
        size: Its size in bytes.
    """

    def __init__(self, path: Path, handle: int, size: int) -> None:
        self.path = path
        self.size = size
        self._handle = handle

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; no more memory is taken than the file can fill.

        Raises:
            FormatError: The file ends before.
        """
        if not 0 <= length <= self.size - offset or offset < 0:
            raise FormatError(f"{self.path} ends within its data: it has {self.size:,} bytes.", "It was cut short.")
        os.lseek(self._handle, offset, os.SEEK_SET)
        data = os.read(self._handle, length)
        while len(data) < length:  # one read gives at most 2 GiB
            more = os.read(self._handle, length - len(data))
            if not more:
                raise FormatError(f"{self.path} became shorter while it was read.")
            data += more
        return data


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file to read parts of it.

    Raises:
        NotFound: There is no such file.
        FormatError: It is a folder, a pipe or a device.
        EcgError: It cannot be opened.
    """
    with explained(path):
        handle = os.open(path, _FLAGS)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(f"{path} is not a file.", "Give a recording.")
            yield Source(path, handle, status.st_size)
        finally:
            os.close(handle)
