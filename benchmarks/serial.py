"""Reading serial logs: ``convert_log`` against ``numpy.loadtxt``, ``pandas.read_csv`` and a loop over the lines.

    python benchmarks/serial.py [--lines 1000000]

All read the same file, already in the system's cache, in turns; the best of three counts. Ours ends with a uniformly
sampled record in both cases, the others with the numbers as they stand. With stray lines, ``numpy.loadtxt`` gives up,
and ``pandas.read_csv`` needs every value looked at once more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options

REPEATS = 3


def write_logs(folder: Path, lines: int) -> dict[str, Path]:
    """A column of values; times and values; the same with 1 % of stray lines."""
    counts = np.random.default_rng(0).integers(0, 1024, lines)
    timed = [f"{4 * step},{count}" for step, count in enumerate(counts)]
    stray = ["Leads off!" if step % 100 == 50 else line for step, line in enumerate(timed)]
    logs = {"values": map(str, counts), "time,value": timed, "time,value, 1 % stray": stray}
    paths = {}
    for number, (name, rows) in enumerate(logs.items()):
        paths[name] = folder / f"{number}.txt"
        paths[name].write_text("\n".join(rows) + "\n")
    return paths


def line_by_line(path: Path) -> int:
    """What a script does: take each line apart, and leave out what does not work."""
    rows = []
    with path.open() as file:
        for line in file:
            try:
                rows.append([float(field) for field in line.split(",")])
            except ValueError:
                continue
    return len(np.array(rows))


def with_pandas(path: Path) -> int:
    """Every column as text where it has to be, then as numbers."""
    table = pd.read_csv(path, header=None, on_bad_lines="skip", low_memory=False, names=["a", "b"])
    return int(table.apply(pd.to_numeric, errors="coerce")["a"].notna().sum())


def best(read: Callable[[], int]) -> tuple[float, int]:
    """Seconds of the fastest call, and the lines it found."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = read()
        times.append(time.perf_counter() - start)
    return min(times), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'log':24} {'reader':22} {'lines/s':>12} {'ours is faster by':>18}")
        for name, path in write_logs(Path(folder), lines).items():
            options = Options(fs=250) if name == "values" else Options()
            readers: dict[str, Callable[[], int]] = {
                "ecg convert-serial": lambda path=path, options=options: convert_log(path, options).facts["lines"],
                "loop over lines": lambda path=path: line_by_line(path),
                "pandas.read_csv": lambda path=path: with_pandas(path),
            }
            if "stray" not in name:
                readers["numpy.loadtxt"] = lambda path=path: len(np.loadtxt(path, delimiter=","))
            ours = 0.0
            for reader, read in readers.items():
                took, found = best(read)
                if found < 0.98 * lines:
                    raise SystemExit(f"{reader} found {found} of {lines} lines")
                ours = ours or took
                print(f"{name:24} {reader:22} {lines / took:12,.0f} {took / ours:18.2f}")


if __name__ == "__main__":
    main()
