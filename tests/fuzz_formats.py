"""Mutate recordings and read them: only a sound Record or one EcgError may come of it.

As a script it mutates many more than the tests do::

    python tests/fuzz_formats.py --mutations 10000
"""

import argparse
import logging
import resource
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import wfdb

from ecgtool.errors import EcgError
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_codec import STORAGE
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, MAX_FS, MIN_FS, Record

SLOW_S = 5.0
MEMORY_LIMIT = 64 * 2**20

NASTY = (
    "", "0", "-1", "-5", "1", "7", "65535", "99999999999", "1" * 400, "1e308", "-1e308", "1e-300", "nan", "inf", "-inf",
    "0x10", "1_0", "²", "٣", "\0", "~", "-", ".", "..", "../canary", "/etc/passwd", "http://127.0.0.1/x", "file:///etc",
    "C:\\x", "a" * 300, "%s%n", "I", "#", "/", "/3", "1/2/3", "(", "200(", "200(0)/", "0/mV", "nan/mV", "200(9e99)/mV",
    "16x0", "16x99999", "16:99999", "16+99999999", "8", "212",
    "310", "311", "24", "32", "61", "80", "160", "508", "516", "524", "\x1b[31m", "\u202e", "<script>",
)  # fmt: skip


def make_corpus(folder):
    """One small record per storage format, one of several files, one of several segments; their headers."""
    rng = np.random.default_rng(0)
    headers = []
    for fmt in STORAGE:
        signal = (rng.normal(0, 0.03, (12, 101)).cumsum(axis=1).clip(-0.1, 0.1)).astype(np.float32)
        record = Record(signal, 100.0, LEADS_12, meta={"age": 63.0, "sex": "F"})
        headers.append(write_wfdb(record, folder, f"fmt{fmt}", fmt))
    lines = [(folder / f"fmt{fmt}.hea").read_text().splitlines()[row] for fmt, row in ((16, 1), (212, 2), (310, 3))]
    (folder / "files.hea").write_text("\n".join(["files 3 100 101 10:11:12 01/02/2003", *lines]) + "\n")
    (folder / "segments.hea").write_text("segments/3 12 100 252\nfmt16 101\n~ 50\nfmt24 101\n")
    wfdb.wrsamp("flac", 100, ["mV"] * 2, ["I", "II"], np.zeros((300, 2)), fmt=["516"] * 2, write_dir=str(folder))
    headers.append(folder / "flac.hea")
    return [*headers, folder / "files.hea", folder / "segments.hea"]


def mutate_bytes(data, rng):
    """The bytes with a few of them changed, removed, inserted or repeated."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        at, length, kind = rng.integers(len(data) + 1), rng.integers(1, 17), rng.integers(5)
        if kind == 0:
            data[at : at + 1] = rng.bytes(1)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = rng.bytes(length)
        elif kind == 3:
            data[at:at] = data[at : at + 4 * length] * 3
        else:
            data = data[:at]
    return bytes(data)


def mutate_header(text, rng):
    """The header with fields replaced or dropped, lines dropped, repeated, swapped or cut."""
    lines = text.split("\n")
    for _ in range(rng.integers(1, 4)):
        at, other, kind = rng.integers(len(lines)), rng.integers(len(lines)), rng.integers(7)
        words = lines[at].split(" ")
        field = rng.integers(len(words))
        if kind <= 2:
            lines[at] = " ".join([*words[:field], NASTY[rng.integers(len(NASTY))], *words[field + 1 :]])
        elif kind == 3:
            lines[at] = " ".join([*words[:field], *words[field + 1 :]])
        elif kind == 4:
            lines[at : at + 1] = [lines[at]] * (0, 2, 50)[rng.integers(3)]
        elif kind == 5:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: rng.integers(len(lines[at]) + 1)]
        lines = lines or [""]
    return "\n".join(lines)


def check(path, canary=None):
    """Read a file; the Record when it is sound, the EcgError when there was one, an AssertionError otherwise."""
    began = time.perf_counter()
    try:
        outcome = read_record(path)
    except EcgError as error:
        outcome = error
    took = time.perf_counter() - began
    assert took < SLOW_S, f"took {took:.1f} s"
    return _explained(outcome) if isinstance(outcome, EcgError) else _sound(outcome, canary)


def _explained(error):
    assert error.message, "an error must say what is wrong"
    assert "\n" not in error.message
    return error


def _sound(record, canary):
    assert MIN_FS <= record.fs <= MAX_FS
    assert len(set(record.leads)) == len(record.leads) == record.signal.shape[0]
    assert record.signal.dtype == np.float32
    assert record.signal.shape[1] > 0
    assert not np.isinf(record.signal).any()
    assert canary is None or not (record.signal == canary).any()
    return record


def mutations(header, count, seed, structural):
    """Names of files to overwrite and what with, ``count`` times."""
    rng = np.random.default_rng([zlib.crc32(header.name.encode()), seed, int(structural)])
    text, samples = header.read_text(), header.with_suffix(".dat")
    for _ in range(count):
        if structural:
            yield header, mutate_header(text, rng).encode("utf-8", "replace")
        else:
            target = samples if samples.exists() and rng.integers(2) else header
            yield target, mutate_bytes(target.read_bytes(), rng)


def run(folder, count, seed=0):
    """Mutate every record of a corpus; how many were read and how many refused."""
    headers = make_corpus(folder)
    read = refused = 0
    each = -(-count // (2 * len(headers)))
    for header in headers:
        for structural in (False, True):
            for target, data in mutations(header, each, seed, structural):
                original = target.read_bytes()
                target.write_bytes(data)
                try:
                    outcome = check(header)
                except Exception:
                    print(f"--- {target.name}, seed {seed}\n{data[:2000]!r}", file=sys.stderr)
                    raise
                finally:
                    target.write_bytes(original)
                read += isinstance(outcome, Record)
                refused += isinstance(outcome, EcgError)
    return read, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger("ecgtool").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), 100, options.seed)  # imports and caches are no growth
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        read, refused = run(Path(folder), options.mutations, options.seed)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    print(f"{read + refused:,} mutations: {read:,} read, {refused:,} refused; memory grew by {grown / 2**20:.0f} MiB")
    sys.exit(grown > MEMORY_LIMIT)


if __name__ == "__main__":
    main()
