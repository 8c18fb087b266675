"""``ecg prepare ptbxl`` with one worker beside the plain loop: ``wfdb.rdsamp``, ``numpy.stack``, ``numpy.save``.

    ECG_TEST_DATA=DIR python benchmarks/prepare_ptbxl.py [--repeat 5]

Both read the same recordings, DIR/ptbxl at 100 Hz, from the table to an array on the disk; ours also checks every
recording, decides labels, splits, tabular inputs and digests, and flushes to the disk: once with the default high-pass
of 0.05 Hz, once without (``--highpass 0``). The fastest of the repetitions counts. Then the peak memory of ours, each
in a process of its own, for the recordings listed once, 4 and 16 times.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np


def ours(corpus: Path, out: Path, highpass: float | None = 0.05) -> None:
    from ecgtool import console
    from ecgtool.datasets.prepare import prepare
    from ecgtool.datasets.ptbxl import PTBXL
    from ecgtool.settings import Preprocessing

    console.log.setLevel("ERROR")
    prepare(PTBXL(corpus), out, steps=Preprocessing(fs=100, highpass=highpass, highpass_filter="fir"))


def plain(corpus: Path, out: Path) -> None:
    import wfdb

    with (corpus / "ptbxl_database.csv").open(encoding="utf-8", newline="") as file:
        names = [row["filename_lr"] for row in csv.DictReader(file)]
    signals = np.stack([wfdb.rdsamp(str(corpus / name))[0] for name in names])
    np.save(out, signals)


def seconds(works: Sequence[Callable[[], None]], repeat: int) -> list[float]:
    """The shortest time of each, taken in turns: what else the machine does only ever adds."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(repeat + 1):
        for work, times in zip(works, taken, strict=True):
            begin = time.perf_counter()
            work()
            if turn:  # the first is for imports, and for the files to be in the page cache
                times.append(time.perf_counter() - begin)
    return [min(times) for times in taken]


def repeated(corpus: Path, folder: Path, times: int) -> Path:
    """A corpus of the same recordings, each listed so many times."""
    folder.mkdir()
    shutil.copy(corpus / "scp_statements.csv", folder)
    shutil.copytree(corpus / "records100", folder / "records100")
    with (corpus / "ptbxl_database.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "ptbxl_database.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        for turn in range(times):
            table.writerows({**row, "ecg_id": int(row["ecg_id"]) + 100_000 * turn} for row in rows)
    return folder


def peak_mb(corpus: Path, out: Path) -> float:
    """Peak resident memory of a process that prepares the corpus."""
    command = [sys.executable, __file__, "--once", str(corpus), str(out)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--once", nargs=2, type=Path)
    options = arguments.parse_args()
    if options.once:
        ours(*options.once)
        print(int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024)
        return
    if "ECG_TEST_DATA" not in os.environ:
        sys.exit("ECG_TEST_DATA is not set: no real recordings here")
    corpus = Path(os.environ["ECG_TEST_DATA"], "ptbxl").resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stores = (folder / f"store{turn}" for turn in itertools.count())
        sides = (
            lambda: plain(corpus, folder / "plain.npy"),
            lambda: ours(corpus, next(stores)),
            lambda: ours(corpus, next(stores), None),
        )
        theirs, own, unfiltered = seconds(sides, options.repeat)
        number = len(np.load(folder / "plain.npy", mmap_mode="r"))
        print(f"{number} recordings, 12 leads, 10 s at 100 Hz; one process; fastest of {options.repeat}")
        told = {"wfdb.rdsamp + numpy.stack": theirs, "ecg prepare ptbxl": own, "the same --highpass 0": unfiltered}
        for what, taken in told.items():
            said = f"{what:27} {taken:7.3f} s  {1000 * taken / number:6.3f} ms per recording"
            print(said if taken is theirs else f"{said}, ratio {theirs / taken:.1f}")
        for times in (1, 4, 16):
            peak = peak_mb(repeated(corpus, folder / f"x{times}", times), folder / f"s{times}")
            print(f"peak memory, {times * number:5d} recordings {peak:7.1f} MB")


if __name__ == "__main__":
    main()
