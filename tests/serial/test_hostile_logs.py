"""Whatever a log holds: a sound record or one EcgError, in bounded time and memory."""

import resource
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from fuzz_formats import mutate_bytes
from logs import counts_of

from ecgtool.errors import EcgError
from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options
from ecgtool.serial.scale import Scale

COUNTS = counts_of(600)
SEEDS = {
    "values": "# fs = 250 Hz\n" + "".join(f"{count}\n" for count in COUNTS),
    "times": "time_ms,ecg\n" + "".join(f"{4 * step},{count}\n" for step, count in enumerate(COUNTS)),
    "leads": "".join(f"{4000 * step};{count},5;!\r\n" for step, count in enumerate(COUNTS)),
    "counter": "# sample rate: 250\n" + "".join(f"{step % 256}\t{count}\t7\t\n" for step, count in enumerate(COUNTS)),
    "stamped": "".join(f"10:11:{step // 250:02d}.{step % 250 * 4:03d} -> {500 + step % 99}\n" for step in range(600)),
}
NASTY = (
    "", "0", "-1", "1e400", "-1e308", "1e308", "1e18", "nan", "inf", "1_0", "²", "٣", "\0", "!", "-", ".", ",", ";",
    "\t", "e", "1e", "99999999999999999999", "4294967296", "65535", "255", "1" * 5000, "#", "->", "10:11:12.5 ->",
    "\x1b[2J", "\r", "\n\n\n", "Leads off", "ets Jun  8 2016", "time,x", '{"sampling rate": 1e99}', "fs=0", "fs=1e9",
    "\ufeff", "(", "[", "\\", "µ",
)  # fmt: skip


def mutated_lines(text, rng):
    lines = text.split("\n")
    for _ in range(rng.integers(1, 30)):
        at, other, kind = rng.integers(len(lines)), rng.integers(len(lines)), rng.integers(6)
        words = lines[at].replace(";", ",").split(",")
        if kind <= 2:
            words[rng.integers(len(words))] = NASTY[rng.integers(len(NASTY))]
            lines[at] = ",".join(words)
        elif kind == 3:
            lines[at : at + 1] = [lines[at]] * (0, 2, 300)[rng.integers(3)]
        elif kind == 4:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: rng.integers(len(lines[at]) + 1)]
        lines = lines or [""]
    return "\n".join(lines)


def check(path, options=None, scale=None):
    began = time.perf_counter()
    try:
        made = convert_log(path, options, scale)
    except EcgError as error:
        made = error
    assert time.perf_counter() - began < 5
    if isinstance(made, EcgError):
        assert made.message
        assert "\n" not in made.message
        return None
    record = made.record
    assert 1 <= record.fs <= 100_000
    assert record.signal.dtype == np.float32
    assert record.signal.shape[1] > 0
    assert not np.isinf(record.signal).any()
    assert len(set(record.leads)) == record.signal.shape[0]
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_logs_make_a_record_or_one_error(tmp_path, seed):
    path, rng = tmp_path / "log.txt", np.random.default_rng(sorted(SEEDS).index(seed))
    text, made = SEEDS[seed], 0
    options = (None, Options(fs=250), Options(time_unit="ms", interpolate="spline"), Options(time_col=-1, fs=100))
    for number in range(80):
        path.write_bytes(
            mutated_lines(text, rng).encode("utf-8", "replace") if number % 2 else mutate_bytes(text.encode(), rng)
        )
        scale = Scale(vref=3.3, bits=12, gain=100) if number % 3 else None
        made += check(path, options[number % len(options)], scale) is not None
    assert made > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_that_was_cut_is_told_so_or_ends_with_a_whole_line(tmp_path, seed):
    path, data = tmp_path / "log.txt", SEEDS[seed].encode()
    for percent in range(100):
        cut = data[: len(data) * percent // 100]
        path.write_bytes(cut)
        made = check(path)
        assert made is None or made.facts["unfinished"] != cut.endswith(b"\n")


BOMB = """
import resource, sys
from pathlib import Path
from ecgtool.errors import EcgError
from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options

small = Path("small.txt")
small.write_text("500\\n" * 200_000)
convert_log(small, Options(fs=250))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(len(convert_log(Path(sys.argv[1]), Options(fs=250)).record.signal[0]))
except EcgError as error:
    print(error.message)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("start", "size", "end", "said"),
    [
        (b"", 4 * 10**8, b"", "no lines of numbers"),
        (b"500\n501\n502\n", 4 * 10**8, b"", "3"),
        (b"500\n501\n502\n", 3 * 10**8, b"\n503\n504\n", "5"),
    ],
    ids=["no lines", "an endless last line", "an endless line"],
)
def test_a_large_file_without_lines_takes_no_memory(tmp_path, start, size, end, said):
    path = tmp_path / "bomb.txt"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + size)
        file.seek(0, 2)
        file.write(end)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BOMB), path], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    *_, outcome, grown = done.stdout.split("\n")[:-1]
    assert said in outcome
    assert int(grown) < 64


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{4 * step},5\n" for step in range(100)) + "9e15,5\n9e15,6\n",
        "".join(f"{4 * step},5\n" for step in range(100)) + "".join(f"{10**17 + 4 * step},5\n" for step in range(100)),
        "1,5\n2,5\n3,5\n" * 1000,
        "1e17,1\n" * 50 + "1e-300,2\n" * 50,
        "{" * 100_000 + "\n1\n2\n",
        "# " + "[" * 4000 + "\n1\n2\n3\n",
        ",".join("1" * 300) + "\n" + ",".join("1" * 300) + "\n",
        "0,5\n" * 1000,
        "0,500\n4,501\n400,502\n",
        "".join(f"{4 * step},5{step % 7}\n" for step in range(99)) + "1e18,1\n" + "0,5\n4,6\n8,7\n" * 30,
        "x\n" * 100_000 + "1\n2\n",
    ],
    ids=range(11),
)
def test_times_and_lines_made_to_blow_up_do_not(tmp_path, text):
    path = tmp_path / "log.txt"
    path.write_text(text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    check(path)
    check(path, Options(fs=250))
    check(path, Options(time_unit="us"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
