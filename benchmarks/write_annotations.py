"""Write and read back the waves of half an hour of two leads as WFDB annotations, beside ``wfdb.wrann``.

python benchmarks/write_annotations.py [--marks 40000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb

from ecgtool.formats.wfdb_annotate import write_annotations

FS, TIMES = 360, 3


def best(work: Callable[[], object]) -> float:
    """The shortest of some times, in seconds."""
    times = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--marks", type=int, default=40_000)
    args = parser.parse_args()
    chance = np.random.default_rng(0)
    samples = np.sort(chance.integers(0, 1800 * FS, args.marks))
    symbols = chance.choice(list("(pNt)"), args.marks)
    channels, numbers = chance.integers(0, 2, args.marks), chance.integers(0, 3, args.marks)
    with tempfile.TemporaryDirectory() as folder:

        def ours() -> None:
            path = Path(folder, "ours.pqrst")
            write_annotations(path, samples, symbols, fs=FS, channels=channels, numbers=numbers)

        def theirs() -> None:
            fields = {"symbol": symbols.tolist(), "chan": channels, "num": numbers, "fs": FS}
            wfdb.wrann("theirs", "pqrst", samples, write_dir=folder, **fields)

        mine, peer = best(ours), best(theirs)
        found, wanted = (wfdb.rdann(str(Path(folder, name)), "pqrst") for name in ("ours", "theirs"))
        same = all(
            np.array_equal(getattr(found, each), getattr(wanted, each)) for each in ("sample", "symbol", "chan", "num")
        )
    print(f"{args.marks:,} marks: ours {1000 * mine:.1f} ms, wfdb.wrann {1000 * peer:.0f} ms, {peer / mine:.0f} times")
    print(f"read back by wfdb.rdann: {'the same' if same else 'NOT the same'}")


if __name__ == "__main__":
    main()
