"""A scrolling preview of what a port sends, in the terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ecgtool.console import log, printable, stderr
from ecgtool.errors import EcgError
from ecgtool.serial.dialect import COMMENTS, Dialect, detect
from ecgtool.serial.lines import text_of
from ecgtool.serial.options import Options

SHOWN_S = 5.0
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_EMPTY = 0x2800
_ENOUGH_LINES = 20
_LONGEST_LINE = 4096
_PER_SECOND = 8.0
_MOST_KEPT = 100_000


def braille(values: Sequence[float], width: int, height: int) -> list[str]:
    """A curve in braille characters, two dots wide and four high each.

    Args:
        values: The curve; NaN is left empty.
        width: Characters to a line.
        height: Lines.

    Returns:
        ``height`` lines of ``width`` characters.
    """
    cells = np.zeros((height, width), np.intp)
    curve = np.asarray(values, np.float64)
    known = curve[np.isfinite(curve)]
    if known.size:
        low, high = float(known.min()), float(known.max())
        level = (curve - low) / (high - low or 1.0) * (4 * height - 1)
        for column, part in enumerate(np.array_split(level, min(2 * width, len(level)))):
            seen = part[np.isfinite(part)]
            for dot in range(round(seen.min()), round(seen.max()) + 1) if seen.size else ():
                row = 4 * height - 1 - dot
                cells[row // 4, column // 2] |= _DOTS[row % 4][column % 2]
    return ["".join(chr(_EMPTY + cell) for cell in row) for row in cells]


class Monitor:
    """Knows the last seconds of what came.

    Args:
        options: What the user says of the lines.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.dialect: Dialect | None = None
        self.lines = self.stray = 0
        self.held = b""
        self.first: list[str] = []
        self.recent: deque[tuple[float, float]] = deque(maxlen=_MOST_KEPT)
        self.latest = ""

    def feed(self, data: bytes) -> None:
        """Take the bytes that came."""
        *whole, self.held = (self.held + data).split(b"\n")
        self.held = self.held[-_LONGEST_LINE:]
        now = time.monotonic()
        for line in whole:
            self._line(text_of(line[:_LONGEST_LINE]).strip(), now)
        while self.recent and now - self.recent[0][0] > SHOWN_S:
            self.recent.popleft()

    @property
    def rate(self) -> float:
        """Values per second over what is shown."""
        span = self.recent[-1][0] - self.recent[0][0] if self.recent else 0.0
        return (len(self.recent) - 1) / span if span > 0 else 0.0

    def text(self, width: int, height: int) -> str:
        """The preview: the curve, then a line of figures."""
        curve = braille([value for _, value in self.recent], width, height)
        said = f"{self.lines:,} lines, {self.stray:,} stray, {self.rate:.0f} per second"
        return "\n".join([*curve, said, printable(self.latest)[:width]])

    def _line(self, line: str, now: float) -> None:
        self.lines += 1
        self.latest = line
        if self.dialect is None:
            self.first.append(line)
            if len(self.first) >= _ENOUGH_LINES:
                self._learn()
            return
        if not line or line.startswith(COMMENTS):
            return
        values = [self.dialect.number(field) for field in self.dialect.fields(line)]
        if len(values) != self.dialect.columns or None in values:
            self.stray += 1
            return
        value = values[self._column(self.dialect)]
        self.recent.append((now, float("nan") if value is None else value))

    def _learn(self) -> None:
        try:
            self.dialect = detect(Path("port"), self.first, self.options)
        except EcgError:
            self.first = self.first[-_ENOUGH_LINES // 2 :]

    def _column(self, dialect: Dialect) -> int:
        chosen = self.options.value_cols[0] if self.options.value_cols else min(1, dialect.columns - 1)
        return min(chosen, dialect.columns - 1)


@contextmanager
def preview(monitor: Monitor) -> Iterator[Callable[[bytes], None]]:
    """Show a monitor in the terminal while the block runs; nothing where stderr is none, or with ``-q``.

    Yields:
        What to call with the bytes that came.
    """
    console = stderr()
    if not console.is_terminal or not log.isEnabledFor(20):
        yield monitor.feed
        return
    from rich.live import Live
    from rich.text import Text

    shown = 0.0
    with Live(Text("waiting for lines; Ctrl-C ends"), console=console, auto_refresh=False, transient=True) as live:

        def show(data: bytes) -> None:
            nonlocal shown
            monitor.feed(data)
            now = time.monotonic()
            if now - shown >= 1 / _PER_SECOND:
                shown = now
                live.update(Text(monitor.text(max(console.width - 2, 20), 6)), refresh=True)

        yield show
