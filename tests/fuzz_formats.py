"""Mutate recordings of every format and read them: only a sound Record or one EcgError may come of it.

As a script it mutates many more than the tests do, of every format or of those that are named::

    python tests/fuzz_formats.py --mutations 10000
    python tests/fuzz_formats.py wfdb csv --seed 7
"""

import argparse
import logging
import os
import re
import resource
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent / "formats"))
from samples import NASTY, SAMPLES, STRUCTURES, belonging

from ecgtool.errors import EcgError
from ecgtool.formats import read_record
from ecgtool.record import MAX_FS, MIN_FS, Record

SLOW_S = 5.0
MEMORY_LIMIT = 64 * 2**20

WORDS = (
    "", "0", "-1", "-5", "1", "7", "65535", "99999999999", "1" * 400, "1e308", "-1e308", "1e-300", "nan", "inf", "-inf",
    "0x10", "1_0", "²", "٣", "\0", "-", ".", "..", "../canary", "/etc/passwd", "http://127.0.0.1/x", "file:///etc",
    "C:\\x", "a" * 300, "%s%n", "I", "#", "/", "true", "null", "[]", "{}", '"', "'", "\x1b[31m", "\u202e", "<script>",
    "&x;", "<!--", "]]>",
)  # fmt: skip
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_SEAM = re.compile(r"([\s,;:=<>\"']+)")


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


def mutate_structure(data, rng, nasty=()):
    """The bytes as the text they are, or as the fields of numbers, with some of these replaced, dropped or moved."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return mutate_fields(data, rng)
    return mutate_fields(data, rng) if "\0" in text else mutate_text(text, rng, nasty).encode("utf-8", "replace")


def mutate_text(text, rng, nasty=()):
    """The text with words replaced or dropped, lines dropped, repeated, swapped or cut."""
    words, lines = (*WORDS, *nasty), text.split("\n")
    for _ in range(rng.integers(1, 4)):
        span = len(lines) if rng.integers(2) else min(len(lines), 12)  # what matters most stands at the top
        at, other, kind = rng.integers(span), rng.integers(len(lines)), rng.integers(7)
        parts = _SEAM.split(lines[at])
        field = 2 * rng.integers((len(parts) + 1) // 2)
        if kind <= 2:
            lines[at] = "".join([*parts[:field], words[rng.integers(len(words))], *parts[field + 1 :]])
        elif kind == 3:
            lines[at] = "".join([*parts[:field], *parts[field + 2 :]])
        elif kind == 4:
            lines[at : at + 1] = [lines[at]] * (0, 2, 50)[rng.integers(3)]
        elif kind == 5:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: rng.integers(len(lines[at]) + 1)]
        lines = lines or [""]
    return "\n".join(lines)


def mutate_fields(data, rng):
    """The bytes with numbers of 1 to 8 bytes replaced by awkward ones, mostly near the top; blocks moved or blanked."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        span = len(data) if rng.integers(4) == 0 else min(len(data), 1024)
        width = (1, 2, 4, 8)[rng.integers(4)]
        at, kind = rng.integers(max(1, span // width)) * width, rng.integers(8)
        if kind <= 4:
            number = NUMBERS[rng.integers(len(NUMBERS))] % 256**width
            data[at : at + width] = number.to_bytes(width, ("little", "big")[rng.integers(2)])
        elif kind == 5:
            data[at : at + 8 * width] = bytes(len(data[at : at + 8 * width]))
        elif kind == 6:
            data[at : at + 64] = data[at + 32 : at + 64] + data[at : at + 32]
        else:
            nasty = WORDS[rng.integers(len(WORDS))].encode()[:80]
            data[at : at + len(nasty)] = nasty
    return bytes(data)


def mutations(name, sample, count, seed, structural):
    """Names of files to overwrite and what with, ``count`` times."""
    rng = np.random.default_rng([zlib.crc32(sample.name.encode()), seed, int(structural)])
    files = {path: path.read_bytes() for path in belonging(sample)}
    texts = [path for path in files if path == sample or path.suffix == ".json"]
    for _ in range(count):
        if not structural:
            target = list(files)[rng.integers(len(files))]
            yield target, mutate_bytes(files[target], rng)
            continue
        target = texts[rng.integers(len(texts))]
        if target == sample and name in STRUCTURES:
            yield target, STRUCTURES[name](files[target], rng)
        else:
            yield target, mutate_structure(files[target], rng, NASTY.get(name, ()))


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
    assert len(error.message) < 2000
    return error


def _sound(record, canary):
    assert MIN_FS <= record.fs <= MAX_FS
    assert len(set(record.leads)) == len(record.leads) == record.signal.shape[0]
    assert record.signal.dtype == np.float32
    assert record.signal.shape[1] > 0
    assert not np.isinf(record.signal).any()
    assert not np.isnan(record.signal).all(), "a recording without a sample"
    assert canary is None or not (record.signal == canary).any()
    return record


_watched = []


def _watch(event, arguments):
    """Note what a reader must not do: write, connect, start something, open what lies elsewhere."""
    if not _watched or event not in ("open", "socket.connect", "subprocess.Popen", "os.system"):
        return
    if event != "open":
        _watched[-1].append(f"{event} {arguments!r:.200}")
        return
    path, mode, flags = arguments
    name = os.fsdecode(path) if isinstance(path, str | bytes) else ""
    written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (mode and set(mode) & set("wax+"))
    bytecode = "__pycache__" in name  # what Python itself does when something is imported for the first time
    if name.startswith("/etc/passwd") or "canary" in name or (written and not bytecode and name != "/dev/null"):
        _watched[-1].append(f"open {name[:200]} {mode} {flags}")


sys.addaudithook(_watch)


@contextmanager
def harmless():
    """Refuse a block that writes a file, connects, starts a process or opens one of the files it must not follow to."""
    deeds = []
    _watched.append(deeds)
    try:
        yield
    finally:
        _watched.pop()
    assert not deeds, deeds


def run(name, folder, count, seed=0):
    """Mutate every sample of a format, half byte by byte and half by its structure.

    Returns:
        How many were read and how many refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = SAMPLES[name](folder)
    outcomes = []
    each = -(-count // (2 * len(samples)))
    for sample in samples:
        for structural in (False, True):
            for target, data in mutations(name, sample, each, seed, structural):
                outcomes.append(isinstance(_outcome(sample, target, data, seed), Record))
    return sum(outcomes), len(outcomes) - sum(outcomes)


def _outcome(sample, target, data, seed):
    """What comes of reading a sample while one of its files holds ``data``."""
    original = target.read_bytes()
    target.write_bytes(data)
    try:
        with harmless():
            return check(sample)
    except BaseException:
        print(f"--- {target.name}, seed {seed}\n{data[:800]!r}", file=sys.stderr)
        raise
    finally:
        target.write_bytes(original)


def grown(work):
    """How many bytes the process grows by at most while ``work()`` runs, and what it gives."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = work()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before), outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", help="their names; all of them where none is given")
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger("ecgtool").setLevel(logging.CRITICAL)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats or SAMPLES:
            run(name, Path(folder, name, "first"), 100, options.seed)  # imports and caches are no growth
            growth, (read, refused) = grown(lambda n=name: run(n, Path(folder, n), options.mutations, options.seed))
            print(
                f"{name}: {read + refused:,} mutations: {read:,} read, {refused:,} refused; +{growth / 2**20:.0f} MiB"
            )
            failed = failed or growth > MEMORY_LIMIT
    sys.exit(failed)


if __name__ == "__main__":
    main()
