"""Reading WFDB: ``ecgtool.formats.read_record`` against ``wfdb.rdsamp`` on the same records.

    python benchmarks/read_wfdb.py [--records 100] [--hours 24]

Both sides read the same files, already in the system's cache, in turns; each record's best of three counts. PTB-XL and
MIT-BIH are taken from the folder that the environment variable ECG_TEST_DATA names; without it, records of the same
shape are written first. Last, a long recording is walked in pieces, to show that neither time nor memory grows with it.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb

from ecgtool.formats import read_record
from ecgtool.formats.wfdb_codec import STORAGE, encode
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record

CORPORA = {
    "PTB-XL 100 Hz (16, 12 leads, 10 s)": ("ptbxl/records100", 16, 12, 100.0, 10),
    "PTB-XL 500 Hz (16, 12 leads, 10 s)": ("ptbxl/records500", 16, 12, 500.0, 10),
    "MIT-BIH (212, 2 leads, 30 min)": ("mitdb", 212, 2, 360.0, 1805),
}


def headers(corpus: str, records: int, folder: Path) -> list[Path]:
    """Real recordings where they are at hand, else noise of the same shape."""
    place, fmt, leads, fs, seconds = CORPORA[corpus]
    real = Path(os.environ.get("ECG_TEST_DATA", folder / "none"), place)
    found = sorted(real.rglob("*.hea"))[:records]
    if found:
        return found
    rng = np.random.default_rng(0)
    shape = (leads, int(fs * seconds))
    names = [f"{place.replace('/', '_')}_{number}" for number in range(min(records, 10))]
    signals = (rng.normal(0, 0.3, shape).clip(-2, 2).astype(np.float32) for _ in names)
    return [
        write_wfdb(Record(signal, fs, LEADS_12[:leads]), folder, name, fmt)
        for name, signal in zip(names, signals, strict=True)
    ]


def best(read: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        read()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(corpus: str, records: int, folder: Path) -> None:
    """Print the mean time per record of both, and the ratio; both must give the same millivolts."""
    ours, theirs = [], []
    for header in headers(corpus, records, folder):
        stem = str(header.with_suffix(""))
        ours.append(best(lambda header=header: read_record(header)))
        theirs.append(best(lambda stem=stem: wfdb.rdsamp(stem)))
        if not np.array_equal(wfdb.rdsamp(stem)[0].astype(np.float32).T, read_record(header).signal, equal_nan=True):
            raise SystemExit(f"{header}: the two disagree")
    mean_ours, mean_theirs = 1e3 * float(np.mean(ours)), 1e3 * float(np.mean(theirs))
    print(f"{corpus:38} {len(ours):7} {mean_ours:9.3f} ms {mean_theirs:9.3f} ms {mean_theirs / mean_ours:7.1f} x")


def walk(hours: float, folder: Path) -> None:
    """Write a long recording and read it in pieces of ten seconds."""
    fs, piece = 250, 10
    minute = np.random.default_rng(0).integers(-2000, 2000, 2 * 60 * fs)
    data = encode(minute, STORAGE[212])
    minutes = round(hours * 60)
    with (folder / "long.dat").open("wb") as file:
        for _ in range(minutes):
            file.write(data)
    lines = [f"long 2 {fs} {minutes * 60 * fs}", *[f"long.dat 212 200/mV 12 0 0 0 0 {lead}" for lead in ("I", "II")]]
    header = folder / "long.hea"
    header.write_text("\n".join(lines) + "\n")
    read_record(header, 0, piece)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    for onset in range(0, minutes * 60, piece):
        read_record(header, onset, piece)
    took = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    pieces = minutes * 60 // piece
    print(f"\n{hours:g} h in {pieces:,} pieces of {piece} s: {took:.2f} s, {1e3 * took / pieces:.3f} ms a piece,")
    print(
        f"memory grew by {grown / 1024:.1f} MiB (the file has {(folder / 'long.dat').stat().st_size / 2**20:.0f} MiB)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        walk(given.hours, Path(name))  # first: later readings would hide growth
        print(f"\n{'mean per record':38} {'records':>7} {'read_record':>12} {'wfdb.rdsamp':>12} {'ratio':>9}")
        for corpus in CORPORA:
            compare(corpus, given.records, Path(name))


if __name__ == "__main__":
    main()
