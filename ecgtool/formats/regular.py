"""Opening a file that is to be a file, rather than a pipe, a device or a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.files import explained

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not block


def is_file(path: Path) -> bool:
    """Whether there is a file; no error where the name is too long for one, or its folder cannot be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


@contextmanager
def regular_file(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    """Open a file for reading; the open file and its size in bytes.

    Raises:
        NotFound: There is none.
        FormatError: It is not a file.
        EcgError: It cannot be opened or read.
    """
    with explained(path), os.fdopen(os.open(path, _FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(f"{path} is not a file.")
        yield file, status.st_size
