"""``run.log``: what a training says, kept in the run whatever the screen shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ecgtool import console
from ecgtool.files import explained
from ecgtool.run import Run

log = console.log.getChild("run")
"""Notes of a training: always in ``run.log``, on the screen unless ``-q``."""
log.setLevel(logging.INFO)


@contextmanager
def logged(run: Run) -> Iterator[None]:
    """Everything the package says also goes into ``run.log``."""
    handler = _RunLog(run)
    console.log.addHandler(handler)
    try:
        yield
    finally:
        console.log.removeHandler(handler)


class _RunLog(logging.Handler):
    """Appends a line per message; a disk that is full is an error, not a lost line."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.INFO)
        self.path = run.path / "run.log"
        self.formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def emit(self, record: logging.LogRecord) -> None:
        with explained(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(console.printable(self.format(record)) + "\n")
