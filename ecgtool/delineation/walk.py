"""Recordings of any length, delineated piece by piece, so that a day takes no more memory than ten minutes.

Each piece is read with a margin on both sides, so that every wave is found where its surroundings are known. Two pieces
meet in the middle of the longest pause near where the one ends: wherever each of them sees the beats around, no beat is
counted twice or lost, and a beat's waves all come from one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.delineation import delineate
from ecgtool.errors import DataError
from ecgtool.formats import read_record
from ecgtool.record import Record
from ecgtool.signals.peaks import rough
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Samples, Waves

PIECE_S, MARGIN_S = 600.0, 10.0
SEAM_S = 2.5
"""How far from where a piece should end its end may be, so that it falls between beats."""
_VALUES = 2**20  # what a piece holds at most, all leads together, but never less than a minute
_SHORTEST_S = 60.0

Floats = npt.NDArray[np.float32]
Watch = Callable[[Floats, Waves, int], object]


@dataclass(frozen=True)
class Source:
    """A recording to be read in pieces.

    Args:
        name: What to call it.
        fs: Its rate in Hz.
        leads: Its leads.
        samples: Its length.
        read: ``read(begin, end)`` gives these samples: float32 [leads, end - begin].
        calibrated: Whether they are millivolts.
        recorded: The leads of the whole recording, of which ``leads`` may be a part.
        warnings: What its file promises and does not keep, and what its rate does not allow.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    samples: int
    read: Callable[[int, int], Floats]
    calibrated: bool = True
    recorded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.fs


def of_record(record: Record, leads: Sequence[str] = ()) -> Source:
    """A recording that is in memory.

    Raises:
        DataError: It lacks a lead.
    """
    chosen = record.select(leads) if leads else record
    signal = chosen.signal
    return Source(
        name=record.id,
        fs=record.fs,
        leads=chosen.leads,
        samples=signal.shape[1],
        read=lambda begin, end: signal[:, begin:end],
        calibrated=record.calibrated,
        recorded=record.leads,
        warnings=(*record.meta.get("warnings", ()), *rough(record.fs)),
    )


def of_file(path: str | Path, leads: Sequence[str] = ()) -> Source:
    """A recording in a file, of which no more than a piece is in memory.

    Raises:
        NotFound: There is no such file.
        FormatError: It is no recording, or damaged.
        DataError: It lacks a lead.
    """
    opening = read_record(path, 0.0, PIECE_S + MARGIN_S)
    samples = round(opening.whole_s * opening.fs)
    first = of_record(opening, leads)
    if samples <= first.samples:
        return first

    def read(begin: int, end: int) -> Floats:
        if end <= first.samples:
            return first.read(begin, end)
        part = read_record(path, begin / first.fs, (end - begin) / first.fs)
        return part.select(first.leads).signal

    return replace(first, samples=samples, read=read)


def of_item(store: Store, item: int, leads: Sequence[str] = ()) -> Source:
    """An item of a store; the channel that says how far leads were recorded is no lead.

    Raises:
        DataError: The store lacks a lead.
    """
    held = store.manifest
    named = held.leads[:-1] if held.preprocessing.missing == "mask" else held.leads
    chosen = tuple(leads) or named
    lacking = [lead for lead in chosen if lead not in named]
    if lacking:
        raise DataError(f"{store.path.name} lacks lead {', '.join(lacking)}; it has {', '.join(named)}.")
    rows = [named.index(lead) for lead in chosen]
    scale = np.float32(held.scale_uv / 1000)

    def read(begin: int, end: int) -> Floats:
        return store.signals[item, :, begin:end][rows].astype(np.float32) * scale

    return Source(f"item {item}", held.fs, chosen, held.samples, read, held.calibrated, (), rough(held.fs))


def walk(source: Source, method: str = "", beats: Samples | None = None, watch: Watch | None = None) -> Iterator[Waves]:
    """The waves of a recording, piece by piece, in samples from its beginning.

    Args:
        source: The recording.
        method: One of :data:`ecgtool.delineation.METHODS`; the default one where empty.
        beats: int64 [beats], R peaks of the whole recording where they are known; else they are found.
        watch: Is shown what is read, and the waves in it: ``watch(signal, waves, begin)`` with float32
            [leads, samples], the waves of the piece in samples of that signal, and where in the recording it begins.

    Yields:
        The beats of one piece after the other, and their waves; beats are numbered within the piece.

    Raises:
        ConfigError: There is no such method.
        EcgError: The recording cannot be read on.
    """
    begin, margin = 0, round(MARGIN_S * source.fs)
    core = pieces_of(source)[1]
    while begin < source.samples:
        end = begin + core
        last = end + core // 4 >= source.samples
        first, beyond = max(begin - margin, 0), source.samples if last else end + margin
        near = None if beats is None else beats[(beats >= first) & (beats < beyond)] - first
        signal = source.read(first, beyond)
        found = delineate(signal, source.fs, source.leads, method, near)
        end = source.samples if last else _seam(found.beats + first, end, round(SEAM_S * source.fs))
        piece = _between(found, begin - first, end - first)
        if watch is not None:
            watch(signal, piece, first)
        yield piece.shifted(first)
        begin = end


def waves_of(source: Source, method: str = "", beats: Samples | None = None) -> Waves:
    """The waves of a whole recording; arguments and errors as of :func:`walk`."""
    return joined(walk(source, method, beats), source.fs, source.leads)


def pieces_of(source: Source) -> tuple[int, int]:
    """About how many pieces a recording is walked in, and samples of each."""
    seconds = min(PIECE_S, max(_SHORTEST_S, _VALUES / len(source.leads) / source.fs))
    core = max(round(seconds * source.fs), 1)
    return max(round(source.samples / core), 1), core


def joined(pieces: Iterable[Waves], fs: float, leads: tuple[str, ...]) -> Waves:
    """The pieces of one recording as one."""
    beats, tables, count = [np.empty(0, np.int64)], [Waves.none(fs, leads).table], 0
    for piece in pieces:
        table = piece.table.copy()
        of_beat = table[:, 1]
        of_beat[of_beat != UNKNOWN] += count
        count += len(piece.beats)
        beats.append(piece.beats)
        tables.append(table)
    table = np.concatenate(tables)
    return Waves(fs, leads, np.concatenate(beats), table[np.argsort(table[:, 0], kind="stable")])


def _seam(beats: Samples, end: int, reach: int) -> int:
    """The middle of the longest pause within ``reach`` of ``end``."""
    low, high = end - reach, end + reach
    around = np.concatenate([[low], beats[(beats > low) & (beats < high)], [high]])
    longest = int(np.argmax(np.diff(around)))
    return int(around[longest] + around[longest + 1]) // 2


def _between(waves: Waves, begin: int, end: int) -> Waves:
    """The beats of a range and their waves; what belongs to no beat, where its middle is."""
    inside = (waves.beats >= begin) & (waves.beats < end)
    beat, times = waves.column("beat"), waves.table[:, 3:]
    known = times != UNKNOWN
    middle = np.where(known, times, 0).sum(axis=1) // np.maximum(known.sum(axis=1), 1)
    kept = np.where(beat == UNKNOWN, (middle >= begin) & (middle < end), np.append(inside, False)[beat])
    table = waves.table[kept]
    number = np.append(np.cumsum(inside) - 1, UNKNOWN)
    table[:, 1] = number[table[:, 1]]
    return replace(waves, beats=waves.beats[inside], table=table)
