"""What a person sees: results on stdout, everything else on stderr.

Commands return a :class:`Result`; ``show`` prints it as a table or, with ``--json``, as one JSON document. Warnings
and notes go through :data:`log`, progress through :func:`progress`; both keep stdout clean for scripts.
"""

from __future__ import annotations

import codecs
import io
import json
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

DISCLAIMER = "Research software. Not a medical device; not for diagnosis or treatment."

log = logging.getLogger("ecgtool")

_PIPED_WIDTH = 200

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Result:
    """What a command made or found.

    Args:
        data: The machine-readable result: what ``--json`` prints. Keys are stable; scripts rely on them.
        text: What a person reads: any rich renderable. Plain strings are printed as they are, never as markup.
        next: The commands worth typing next, whole and ready to paste.
        code: What to exit with: 1 where a part of what was asked failed, and was told.
    """

    data: Mapping[str, Any]
    text: RenderableType = ""
    next: Sequence[str] = field(default=())
    code: int = 0


def stdout() -> Console:
    """The console for results; as wide as its table when piped, so that nothing is cut."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = None if terminal or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(width=width, soft_wrap=not terminal, highlight=False, markup=False, emoji=False)


def stderr() -> Console:
    """The console for everything else."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(result: Result, *, as_json: bool = False) -> None:
    """Print a result: JSON alone, or its text on stdout and the next commands on stderr."""
    if as_json:
        narrow = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
        sys.stdout.write(json.dumps(_plain(result.data), indent=2, ensure_ascii=narrow, allow_nan=False) + "\n")
        return
    if result.text != "":
        stdout().print(printable(result.text) if isinstance(result.text, str) else result.text)
    if result.next and log.isEnabledFor(logging.INFO):
        console = stderr()
        console.print("\nNext:", style="bold")
        for command in result.next:
            console.print(f"  {printable(command)}")


def setup_streams() -> None:
    """Let stdout and stderr take whatever is printed: nowhere if they are closed, ``?`` for letters they lack."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.StringIO())
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def setup_logging(verbosity: int = 0) -> None:
    """Send the package's log to stderr: warnings and notes by default, debug with ``-v``, errors with ``-q``."""
    level = {1: logging.DEBUG, -1: logging.ERROR}.get(max(-1, min(verbosity, 1)), logging.INFO)
    log.setLevel(level)
    log.handlers = [_StderrHandler(level)]
    log.propagate = False


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress line on stderr, silent when stderr is not a terminal or with ``-q``.

    Yields:
        A function that advances the line by a number of steps.
    """
    console = stderr()
    if not console.is_terminal or not log.isEnabledFor(logging.INFO):
        yield lambda _steps: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda steps: bar.advance(task, steps)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> RenderableType:
    """A plain table; numbers are aligned right, cells are never read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(title) if title else None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        made.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(_cell(value)) for value in row))
    return made


def facts(pairs: Mapping[str, object], title: str) -> RenderableType:
    """A title and, below it, names beside their values."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, show_header=False, pad_edge=False)
    for name, value in pairs.items():
        made.add_row(Text(printable(name), style="dim"), Text(_cell(value)))
    return Group(Text(printable(title), style="bold"), made)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 lead``, ``2 leads``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def printable(text: str) -> str:
    """The text without control characters, so that a file's own words cannot drive the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def inert(text: str) -> str:
    """The text as a spreadsheet shows it, rather than runs it.

    >>> inert("=1+1"), inert("NORM")
    ("'=1+1", 'NORM')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: NaN becomes null, numpy scalars numbers, paths text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


class _StderrHandler(logging.Handler):
    STYLES = ((logging.ERROR, "error", "bold red"), (logging.WARNING, "warning", "yellow"))

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        message = printable(record.getMessage())
        for level, word, style in self.STYLES:
            if record.levelno >= level:
                stderr().print(Text.assemble((f"{word}: ", style), message))
                return
        stderr().print(Text(message))
