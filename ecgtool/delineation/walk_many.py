"""The waves of many recordings, or of a store's items, one after the other or several at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from ecgtool.delineation import DEFAULT, METHODS
from ecgtool.delineation.measure import Tally
from ecgtool.delineation.walk import Source, of_file, of_item, walk, waves_of
from ecgtool.errors import ConfigError, DataError, EcgError, NotFound
from ecgtool.formats.wfdb_annotations import BEATS, read_annotations
from ecgtool.home import find
from ecgtool.record import lead_name
from ecgtool.store import Store, stored_item
from ecgtool.waves import Samples, Waves

REFERENCE = ".atr"
"""Ending of the annotations beside a recording that mark its beats, as PhysioNet's databases have it."""

Of = TypeVar("Of")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Ask:
    """What is looked for, and how.

    Args:
        leads: The leads to look at, in this order; all when empty.
        method: One of :data:`ecgtool.delineation.METHODS`; the default one where empty.
        beats: Whether beats are found in the signal, or those are taken that a store, or ``.atr`` beside a recording,
            has annotated; empty takes those of a store where it has any.

    Raises:
        ConfigError: There is no such method.
    """

    leads: tuple[str, ...] = ()
    method: str = ""
    beats: Literal["", "detected", "reference"] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leads", tuple(lead_name(lead) for lead in self.leads))
        object.__setattr__(self, "method", self.method or DEFAULT)
        METHODS.load(self.method)

    def beats_of(self, store: Store) -> Literal["detected", "reference"]:
        """Where the beats of a store come from.

        Raises:
            DataError: It has no annotated beats, and they are asked for.
        """
        if self.beats == "reference" and not store.manifest.beats:
            raise DataError(f"{store.path.name} has no annotated beats.", "Find them in the signal: --beats detected")
        return self.beats or ("reference" if store.manifest.beats else "detected")


@dataclass(frozen=True)
class Recording:
    """A recording and its waves, to be taken once.

    Args:
        target: What the user calls it.
        source: The recording.
        channels: The number of each lead's signal in the file; those that are derived come after all.
        pieces: Its waves, piece by piece.
        tally: What is measured of it, once all pieces are taken.
    """

    target: str
    source: Source
    channels: tuple[int, ...]
    pieces: Iterable[Waves]
    tally: Tally

    @classmethod
    def of(
        cls, target: str, source: Source, channels: tuple[int, ...], ask: Ask, beats: Samples | None = None
    ) -> Recording:
        """A recording whose waves are found as they are taken; ``beats`` where they are known."""
        tally = Tally(source.leads, source.calibrated)
        return cls(target, source, channels, walk(source, ask.method, beats, tally.add), tally)


@dataclass(frozen=True)
class Failure:
    """A recording that could not be delineated, and why."""

    target: str
    error: EcgError


def recordings(targets: Sequence[str] | Store, ask: Ask, workers: int = 1) -> Iterator[Recording | Failure]:
    """Every recording in turn; one that cannot be opened does not stop the others.

    With one worker the waves of a recording are found as they are taken, and reading on may raise
    :class:`~ecgtool.errors.EcgError` then; with more, they are found ahead.

    Args:
        targets: Files and items of stores as ``STORE:ITEM``; or a store, every item of which is a recording.
        ask: What is looked for.
        workers: Recordings at a time.

    Raises:
        DataError: The store lacks a lead, or the annotated beats that are asked for.
    """
    if isinstance(targets, Store):
        yield from in_order(_opener(targets, ask), range(targets.manifest.items), workers)
        return

    def opened(target: str) -> Recording | Failure:
        try:
            found = _opened(target, ask)
            return replace(found, pieces=list(found.pieces)) if workers > 1 else found
        except EcgError as error:
            return Failure(target, error)

    names: set[str] = set()
    for found in in_order(opened, targets, workers):
        if isinstance(found, Recording):
            if found.source.name in names:  # two folders may hold a record of one name
                found = replace(found, source=replace(found.source, name=str(Path(found.target).with_suffix(""))))
            names.add(found.source.name)
        yield found


def _opener(store: Store, ask: Ask) -> Callable[[int], Recording]:
    """What gives an item of a store as a recording, its waves found."""
    ids, beats = store.column("id"), _given(store, ask)
    leads = of_item(store, 0, ask.leads).leads
    channels = tuple(store.manifest.leads.index(lead) for lead in leads)

    def opened(item: int) -> Recording:
        source = replace(of_item(store, item, ask.leads), name=ids[item])
        return Recording.of(f"{store.path.name}:{ids[item]}", source, channels, ask, beats(item))

    return opened


def of_store(store: Store, ask: Ask, workers: int = 1) -> Callable[[Sequence[int]], Iterator[Waves]]:
    """What finds the waves of items of a store.

    Raises:
        DataError: It lacks a lead, or the annotated beats that are asked for.
    """
    of_item(store, 0, ask.leads)
    beats = _given(store, ask)

    def one(item: int) -> Waves:
        return waves_of(of_item(store, item, ask.leads), ask.method, beats(item))

    return lambda items: in_order(one, items, workers)


def store_of(targets: Sequence[str]) -> Store | None:
    """The store that the only target names; None where recordings are named.

    Raises:
        ConfigError: A store among several.
    """
    named = [target for target in targets if _names_store(target)]
    if named and len(targets) > 1:
        raise ConfigError(f"{named[0]} is a store, and is segmented alone.", "Name its items, or one store.")
    return Store.open(named[0]) if named else None


def _names_store(target: str) -> bool:
    try:
        return (find("stores", target) / "manifest.json").is_file()
    except EcgError:
        return False


def _given(store: Store, ask: Ask) -> Callable[[int], Samples | None]:
    """The annotated beats of an item where they are taken; None where beats are found."""
    return beats_by_item(store) if ask.beats_of(store) == "reference" else lambda _item: None


def beats_by_item(store: Store) -> Callable[[int], Samples]:
    """The annotated beats of an item of a store: int64 [beats]."""
    import numpy as np

    held = store.beats

    def beats(item: int) -> Samples:
        first, last = np.searchsorted(held.item, [item, item + 1])
        return np.sort(held.sample[first:last].astype(np.int64))

    return beats


def in_order(work: Callable[[Of], Made], tasks: Iterable[Of], workers: int) -> Iterator[Made]:
    """The results of tasks in their order, so many at a time, and no more than twice as many waiting."""
    if workers <= 1:
        yield from map(work, tasks)
        return
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _opened(target: str, ask: Ask) -> Recording:
    found = stored_item(target)
    if found is None:
        return _opened_file(target, ask)
    store, item = found
    return replace(_opener(store, ask)(item), target=target)


def _opened_file(target: str, ask: Ask) -> Recording:
    source = of_file(target, ask.leads)
    number = {lead: place for place, lead in enumerate(source.recorded)}
    channels = tuple(number.get(lead, len(number) + place) for place, lead in enumerate(source.leads))
    beats = _beats_beside(Path(target), source) if ask.beats == "reference" else None
    return Recording.of(target, source, channels, ask, beats)


def _beats_beside(path: Path, source: Source) -> Samples:
    """The beats that the annotations beside a recording mark, in samples of the recording.

    Raises:
        NotFound: There are none.
        FormatError: They are damaged.
    """
    import numpy as np

    beside = path.with_suffix(REFERENCE) if path.is_file() else path.with_name(f"{path.name}{REFERENCE}")
    if not beside.is_file():
        raise NotFound(
            f"{beside} does not exist: {path.name} has no annotated beats.", "Find them in the signal: --beats detected"
        )
    marks = read_annotations(beside)
    beats = marks.sample[[symbol in BEATS for symbol in marks.symbol]]
    scaled = np.rint(beats * (source.fs / (marks.fs or source.fs))).astype(np.int64)
    return np.unique(scaled[(scaled >= 0) & (scaled < source.samples)])
