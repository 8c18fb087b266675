"""A port is listened to through a pseudo-terminal: what comes is kept, however it ends."""

import builtins
import os
import signal
import termios
import threading
import time
import tty
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from logs import counts_of

from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.serial.capture import Source, capture
from ecgtool.serial.monitor import Monitor, braille
from ecgtool.serial.options import Options

serial = pytest.importorskip("serial")
COUNTS = counts_of(3000)
LINES = b"".join(b"%d,%d\r\n" % (4 * step, count) for step, count in enumerate(COUNTS))


@contextmanager
def device(data, *, after=None, pieces=20):
    """A device that sends data piece by piece; ``after`` is done once it has sent it all."""
    master, slave = os.openpty()
    tty.setraw(slave)
    speed = termios.tcgetattr(master)[4]
    stop = threading.Event()

    def send():
        while termios.tcgetattr(master)[4] == speed:  # opening a port sets its speed, and throws away what came before
            if stop.wait(0.005):
                return
        stop.wait(0.1)
        size = -(-len(data) // pieces) or 1
        for at in range(0, len(data), size):
            os.write(master, data[at : at + size])
            if stop.wait(0.005):
                return
        if after:
            after(master)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        for handle in (master, slave):
            with suppress(OSError):
                os.close(handle)


def test_what_a_port_sends_is_kept_from_the_first_whole_line_on():
    seen = []
    with device(b"17\r\n" + LINES + b"12000,5") as port:
        made = capture(Source(port, seconds=0.5), Path("new/c.log"), seen.append)
    assert made.ended == "time"
    assert Path("new/c.log").read_bytes() == LINES
    assert b"".join(seen) == LINES + b"12000,5"
    assert made.lines == len(COUNTS)
    assert made.rate > 0


def test_ctrl_c_keeps_what_came():
    def interrupt(_master):
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    with device(b"x\n" + LINES, after=interrupt) as port:
        made = capture(Source(port), Path("c.log"), lambda _data: None)
    assert made.ended == "interrupted"
    assert Path("c.log").read_bytes() == LINES


def test_a_device_that_goes_away_leaves_what_it_sent():
    def unplug(master):
        time.sleep(0.1)
        os.close(master)

    with device(b"x\n" + LINES, after=unplug) as port:
        made = capture(Source(port, seconds=20), Path("c.log"), lambda _data: None)
    assert made.ended == "unplugged"
    assert Path("c.log").read_bytes() == LINES


def test_a_silent_port_is_told_and_leaves_nothing():
    with device(b"") as port, pytest.raises(DataError, match="no lines at 9600 baud"):
        capture(Source(port, 9600, seconds=0.1, silent_s=0.1), Path("c.log"), lambda _data: None)
    assert not Path("c.log").exists()


def test_a_port_that_is_none_is_one_line():
    for port in ("/dev/no-such-port", "a\0b", str(Path.cwd())):
        with pytest.raises(EcgError, match="cannot be opened"):
            capture(Source(port), Path("c.log"), lambda _data: None)
    with pytest.raises(ConfigError, match="--seconds"):
        Source("x", seconds=0)


def test_without_pyserial_one_line_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *given, **options):
        if name == "serial":
            raise ImportError(name)
        return real(name, *given, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match="pyserial") as refused:
        capture(Source("x"), Path("c.log"), lambda _data: None)
    assert "pip install" in refused.value.hint


def test_a_capture_becomes_a_recording(ecg):
    with device(b"x\n" + LINES) as port:
        done = ecg("convert-serial", "--port", port, "--seconds", "0.5", "--out", "out", "--name", "bed1")
    assert done.code == 0
    assert {path.name for path in Path("out").iterdir()} == {
        "bed1.log", "bed1.npy", "bed1.meta.json", "bed1_preview.png",
    }  # fmt: skip
    assert np.array_equal(np.load("out/bed1.npy")[0], COUNTS)
    assert "time is over: 3000 lines" in done.err
    with device(b"x\n" + LINES) as port:
        refused = ecg("convert-serial", "--port", port, "--seconds", "0.5", "--out", "out", "--name", "bed1")
    assert refused.code == 1
    assert "--force" in refused.err


def test_a_capture_without_a_rate_is_kept_and_can_be_converted_later(ecg):
    with device(b"x\n" + b"".join(b"%d\n" % count for count in COUNTS)) as port:
        done = ecg("convert-serial", "--port", port, "--seconds", "0.5", "--out", "out", "--name", "bed1")
    assert done.code == 1
    assert "neither times nor a sampling rate" in done.err
    assert ecg("convert-serial", "out/bed1.log", "--fs", "250", "--out", "out").code == 0


@pytest.mark.parametrize("arguments", [(), ("log.txt", "--port", "x"), ("--port", "x", "--name", "../x")])
def test_logs_or_a_port_and_a_name_that_can_be(ecg, arguments):
    done = ecg("convert-serial", *arguments, "--out", "out")
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_the_preview_draws_the_last_seconds_and_counts():
    monitor = Monitor(Options())
    for at in range(0, 10_000, 1000):
        monitor.feed(LINES[at : at + 1000])
    monitor.feed(b"Leads off!\n1,2,3\n\n# comment\n\x1b[2J\xff\xff\n")
    shown = monitor.text(40, 4).split("\n")
    assert [len(line) for line in shown[:4]] == [40] * 4
    assert any(char != "\u2800" for char in shown[0])
    assert "3 stray" in shown[4]
    assert "\x1b" not in "".join(shown)
    assert not any(char == "\x00" for char in monitor.text(20, 2))


def test_a_curve_in_braille_has_its_peak_on_top_and_its_gaps_empty():
    curve = np.zeros(160)
    curve[80] = 1.0
    curve[100:120] = np.nan
    top, bottom = braille(curve, 40, 2)
    assert [column for column, char in enumerate(top) if char != "\u2800"] == [20]
    assert [column for column, char in enumerate(bottom) if char == "\u2800"] == [25, 26, 27, 28, 29]
    assert braille([], 3, 1) == ["\u2800" * 3]
    assert braille([np.nan, np.nan], 3, 1) == ["\u2800" * 3]


def test_a_preview_of_anything_is_bounded():
    monitor = Monitor(Options())
    for _ in range(20):
        monitor.feed(b"x" * 1_000_000)
    assert len(monitor.held) < 10_000
    assert monitor.text(20, 2)
