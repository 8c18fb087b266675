"""From the recordings of a corpus to the items of a store: read, prepare, cut, count; in this process or in several."""

from __future__ import annotations

import logging
import os
import signal as signals
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.corpus import PERSON, Corpus, Entry
from ecgtool.errors import DataError, EcgError, FormatError, IntegrityError, NotFound
from ecgtool.record import Record
from ecgtool.settings import Preprocessing
from ecgtool.signals.checks import check
from ecgtool.signals.preprocess import Prepared, channels, preprocess

Counts = npt.NDArray[np.int16]

SCALE_UV = 1.0
LARGEST = 32767
DIGITS = 16
NO_PRINT = "0" * DIGITS
TOLD = 3
"""How many recordings are told with what is odd about them."""


@dataclass(frozen=True)
class Plan:
    """How the entries of a corpus become items; what a worker needs to know.

    Args:
        corpus: Reads the recordings.
        steps: What is done to each.
        samples: Of an item.
        windows: Whether a recording is cut into as many items as it holds, rather than kept as one.
    """

    corpus: Corpus
    steps: Preprocessing
    samples: int
    windows: bool

    @property
    def channels(self) -> tuple[str, ...]:
        """The rows of an item: the corpus's leads, and the mask where there is one."""
        return channels(self.corpus.leads, self.steps)


@dataclass
class Account:
    """What became of a range of entries: one line of the journal.

    Args:
        first: Number of the first entry.
        items: Items made of each entry; 0 where it is left out.
        saturated: Samples that did not fit and were clipped.
        invalid: Samples marked invalid by their source, and filled.
        longer: Recordings of which only a part was kept.
        padded: Recordings that were put between zeros.
        imputed: Recordings of which leads were imputed.
        stand_ins: Recordings of which a modified lead served for a standard one.
        rests: Recordings of which something is left after the last window.
        rest: Samples, at the store's rate, that are left.
        people: Entries whose files name a person, and a pseudonym of that name.
        prints: A checksum of what was made of each entry, of :data:`DIGITS` each, by which recordings that are there
            twice are found.
        begins: Entries of which the first item does not begin with the recording, and where it does, in seconds.
        broken: Recordings that do not keep what their files promise.
        promises: The first of these, each with the first promise.
        suspect: Recordings that look wrong as a whole.
        suspicions: The first of these, each with what looks wrong.
        calibrated: The first recording that is, or empty.
        uncalibrated: The first recording that is not, or empty.
        missing: Recordings that are not there.
        damaged: Recordings that cannot be used, each with the reason.
        advice: What to do about the first of these; empty where nothing is known.
        lacking: How many of these lack leads alone, so that a mask would keep them.
    """

    first: int
    items: list[int] = field(default_factory=list)
    saturated: int = 0
    invalid: int = 0
    longer: int = 0
    padded: int = 0
    imputed: int = 0
    stand_ins: int = 0
    rests: int = 0
    rest: int = 0
    people: list[tuple[int, str]] = field(default_factory=list)
    prints: str = ""
    begins: list[tuple[int, float]] = field(default_factory=list)
    broken: int = 0
    promises: list[str] = field(default_factory=list)
    suspect: int = 0
    suspicions: list[str] = field(default_factory=list)
    calibrated: str = ""
    uncalibrated: str = ""
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    advice: str = ""
    lacking: int = 0


@dataclass(frozen=True)
class Chunk:
    """The items of a range of entries.

    Args:
        signals: int16 [items, leads, samples] for each entry, in order; perhaps made only as they are taken.
        account: What became of the entries, once all signals are taken.
    """

    signals: Iterable[Counts]
    account: Account


def make_chunk(plan: Plan, first: int, last: int) -> Chunk:
    """The items of the entries ``first`` to ``last`` (not included), each made as it is taken, so that none is kept.

    Raises:
        EcgError: On taking them, the file system fails; what is missing or damaged is accounted for instead.
    """
    account = Account(first)
    return Chunk(_taken(plan, first, last, account), account)


def _taken(plan: Plan, first: int, last: int, account: Account) -> Iterator[Counts]:
    for row, entry in enumerate(plan.corpus.entries[first:last], first):
        items = _accounted(plan, row, entry, account)
        account.items.append(len(items))
        account.prints += _print(items)
        yield items


def usable(plan: Plan, row: int) -> bool:
    """Whether the recording of an entry makes any item."""
    return any(len(items) for items in make_chunk(plan, row, row + 1).signals)


def _accounted(plan: Plan, row: int, entry: Entry, account: Account) -> Counts:
    """The items of one entry; none, and a word in the account, where it cannot be used."""
    record = None
    try:
        record = plan.corpus.read(entry)
        prepared = preprocess(record, plan.channels, plan.steps, plan.samples)
        items = _items(plan, record, prepared, account)
    except NotFound:
        account.missing.append(entry.record or entry.id)
    except (FormatError, DataError, IntegrityError) as error:
        if not account.damaged:
            account.advice = error.hint
        account.damaged.append(error.message)
        account.lacking += record is not None and _lacks_leads(record, plan)
    else:
        if prepared.begin_s:
            account.begins.append((row, prepared.begin_s))
        if record.meta.get(PERSON):
            account.people.append((row, record.meta[PERSON]))
        _judge(record, entry, prepared, account)
        return items
    return np.empty((0, len(plan.channels), plan.samples), np.int16)


def _lacks_leads(record: Record, plan: Plan) -> bool:
    """Whether a recording lacks a lead that it is to have."""
    try:
        record.select(plan.corpus.leads, stand_in=plan.steps.stand_in)
    except DataError:
        return True
    return False


def _items(plan: Plan, record: Record, prepared: Prepared, account: Account) -> Counts:
    """int16 [items, leads, samples] of a recording.

    Raises:
        DataError: It is too short.
    """
    signal = _long_enough(prepared.signal, plan, record)
    number = signal.shape[1] // plan.samples if plan.windows else 1
    kept = signal[:, : number * plan.samples]
    if plan.windows and signal.shape[1] > kept.shape[1]:
        account.rests += 1
        account.rest += signal.shape[1] - kept.shape[1]
    counts, saturated = to_counts(kept)
    account.saturated += saturated
    account.longer += prepared.begin_s > 0 or (not plan.windows and signal.shape[1] > plan.samples)
    return np.ascontiguousarray(counts.reshape(len(counts), number, plan.samples).swapaxes(0, 1))


def _print(items: Counts) -> str:
    """A checksum of the first and the last lead, which no two recordings share by chance; zeros where all is flat."""
    leads = items[:, [0, -1]]
    data = leads.tobytes() if leads.size and np.ptp(leads) else b""
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}" if data else NO_PRINT


def _judge(record: Record, entry: Entry, prepared: Prepared, account: Account) -> None:
    """Account for what a recording is like."""
    account.invalid += prepared.invalid
    account.padded += prepared.begin_s < 0
    account.imputed += bool(prepared.imputed)
    account.stand_ins += bool(prepared.stand_ins)
    if record.calibrated:
        account.calibrated = account.calibrated or record.id
    else:
        account.uncalibrated = account.uncalibrated or record.id
    name, promises, suspicions = entry.record or entry.id, record.meta.get("warnings"), check(record)
    if promises:
        account.broken += 1
        account.promises += [f"{name}: {promises[0]}"] if len(account.promises) < TOLD else []
    if suspicions:
        account.suspect += 1
        account.suspicions += [f"{name}: {suspicions[0]}"] if len(account.suspicions) < TOLD else []


def _long_enough(signal: npt.NDArray[np.float32], plan: Plan, record: Record) -> npt.NDArray[np.float32]:
    """The signal, if it fills an item; a sample lost to rounding at the end is repeated."""
    missing = plan.samples - signal.shape[1]
    if missing > 1:
        needed = plan.samples / plan.steps.fs
        raise DataError(f"Record '{record.id}' lasts {record.seconds:.4g} s, less than the {needed:.4g} s of an item.")
    return np.pad(signal, ((0, 0), (0, 1)), mode="edge") if missing == 1 else signal


def to_counts(millivolts: npt.NDArray[np.float32]) -> tuple[Counts, int]:
    """Millivolts as int16 counts of :data:`SCALE_UV` microvolt, and how many samples were clipped to fit."""
    counts = millivolts * np.float32(1000 / SCALE_UV)
    np.rint(counts, out=counts)
    if counts.max(initial=0) <= LARGEST and counts.min(initial=0) >= -LARGEST:
        return counts.astype(np.int16), 0
    saturated = int(np.count_nonzero(np.abs(counts) > LARGEST))
    return counts.clip(-LARGEST, LARGEST).astype(np.int16), saturated


def make_chunks(plan: Plan, ranges: Sequence[tuple[int, int]], workers: int) -> Iterator[Chunk]:
    """The chunks of the ranges, in their order, whatever the number of workers.

    Raises:
        EcgError: As :func:`make_chunk`; or a worker was ended from outside.
    """
    if workers <= 1 or len(ranges) <= 1:
        yield from (make_chunk(plan, first, last) for first, last in ranges)
        return
    with _pool(plan, min(workers, len(ranges))) as pool:
        try:
            yield from _in_order(pool, ranges, 2 * workers)
        except BrokenProcessPool:
            raise EcgError(
                "A worker process ended unexpectedly.", "Is there memory enough? The same command again goes on."
            ) from None


def _in_order(pool: ProcessPoolExecutor, ranges: Iterable[tuple[int, int]], ahead: int) -> Iterator[Chunk]:
    """Results in the order of the ranges, with no more than ``ahead`` of them in memory."""
    waiting: deque[Future[Chunk]] = deque()
    for first, last in ranges:
        with _undisturbed():
            waiting.append(pool.submit(_work, first, last))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Ctrl-C from the processes that are started here until they can tell it is not meant for them."""
    before = signals.pthread_sigmask(signals.SIG_BLOCK, (signals.SIGINT,))
    try:
        yield
    finally:
        signals.pthread_sigmask(signals.SIG_SETMASK, before)


@contextmanager
def _pool(plan: Plan, workers: int) -> Iterator[ProcessPoolExecutor]:
    level = console.log.getEffectiveLevel()
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=(plan, level))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


_plan: list[Plan] = []  # of a worker process, which has one


def _start(plan: Plan, level: int) -> None:
    """Make a process a worker: silent on Ctrl-C, which its parent answers, and gone when its parent is."""
    signals.signal(signals.SIGINT, signals.SIG_IGN)
    console.setup_logging()
    logging.getLogger(console.log.name).setLevel(level)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _plan.append(plan)


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(first: int, last: int) -> Chunk:
    chunk = make_chunk(_plan[0], first, last)
    return Chunk(list(chunk.signals), chunk.account)
