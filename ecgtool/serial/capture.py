"""What a serial port sends, kept line by line as it comes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.files import explained, refuse_existing

if TYPE_CHECKING:
    from serial import Serial

_WAIT_S = 0.05
_SILENT_S = 10.0
_MOST_AT_ONCE = 2**16


@dataclass(frozen=True)
class Captured:
    """What was captured.

    Args:
        log: Where the lines are.
        lines: How many.
        seconds: How long it took, from the first line to the last.
        ended: ``time``, ``interrupted`` or ``unplugged``.
    """

    log: Path
    lines: int
    seconds: float
    ended: str

    @property
    def rate(self) -> float:
        """Lines per second as they came."""
        return (self.lines - 1) / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Source:
    """Where to listen, and for how long.

    Args:
        port: The device, such as ``/dev/ttyUSB0``.
        baud: Its speed.
        seconds: How long to listen after the first line; for ever if None.
        silent_s: How long to wait for the first line.

    Raises:
        ConfigError: A time that is none.
    """

    port: str
    baud: int = 115200
    seconds: float | None = None
    silent_s: float = _SILENT_S

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise ConfigError(f"--seconds {self.seconds:g} is no length of time.", "Give seconds above 0.")


def capture(source: Source, log: Path, watch: Callable[[bytes], None], *, force: bool = False) -> Captured:
    """Append what a port sends to a log, until its time is over, Ctrl-C, or the device goes.

    The first line, of which the beginning may be missing, is left out. Bytes are written as they come, so that
    nothing that came is lost however this ends.

    Args:
        source: Where to listen.
        log: Where to write.
        watch: Called with the bytes that came, for a preview.
        force: Replace a log that is there.

    Raises:
        ConfigError: The log exists, and ``force`` is not given; or pyserial is not installed.
        EcgError: The port cannot be opened.
        DataError: Nothing came.
    """
    refuse_existing(log, force=force)
    with _opened(source) as port, explained(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb", buffering=0) as file:
            listener = _Listener(port, file, watch)
            made = listener.listen(source, log)
            file.truncate(listener.whole_bytes)  # a half line at the end says nothing
            os.fsync(file.fileno())
    if not made.lines:
        with suppress(OSError):
            log.unlink()
        raise DataError(
            f"{source.port} sent no lines at {source.baud} baud.", "Check the cable, the device and --baud."
        )
    return made


@contextmanager
def _opened(source: Source) -> Iterator[Serial]:
    try:
        import serial
    except ImportError:
        raise ConfigError("--port needs the package pyserial.", "Run: pip install 'ecgtool[serial]'") from None
    try:
        port = serial.Serial(source.port, source.baud, timeout=_WAIT_S)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        hint = "Check the name and that no other program has it open; on Linux you may have to join the group dialout."
        raise EcgError(f"{source.port} cannot be opened: {said}.", hint) from None
    with port:
        yield port


class _Listener:
    """Moves bytes from a port to a file.

    Args:
        port: The port.
        file: The log, unbuffered.
        watch: As for :func:`capture`.
    """

    def __init__(self, port: Serial, file: BinaryIO, watch: Callable[[bytes], None]) -> None:
        self.port, self.file, self.watch = port, file, watch
        self.lines, self.began, self.last = 0, 0.0, 0.0
        self.whole = False
        self.bytes = self.whole_bytes = 0

    def listen(self, source: Source, log: Path) -> Captured:
        """Listen until the end."""
        ended = "interrupted"
        with suppress(KeyboardInterrupt):
            ended = self._listen(source)
        return Captured(log, self.lines, max(self.last - self.began, 0.0), ended)

    def _listen(self, source: Source) -> str:
        opened = time.monotonic()
        while True:
            now = time.monotonic()
            if self.lines and source.seconds is not None and now - self.began >= source.seconds:
                return "time"
            if not self.lines and now - opened > max(source.silent_s, source.seconds or 0.0):
                return "time"
            try:
                data = self.port.read(min(max(self.port.in_waiting, 1), _MOST_AT_ONCE))
            except (OSError, TypeError):  # TypeError is what pyserial makes of a port closed under it
                return "unplugged"
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        if not self.whole:
            _, newline, data = data.partition(b"\n")
            self.whole = bool(newline)
        if not data:
            return
        written = 0
        while written < len(data):
            written += self.file.write(data[written:])
        now, new = time.monotonic(), data.count(b"\n")
        if new:
            self.began = self.began or now
            self.lines, self.last = self.lines + new, now
            self.whole_bytes = self.bytes + data.rindex(b"\n") + 1
        self.bytes += len(data)
        self.watch(data)
