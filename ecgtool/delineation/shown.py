"""The waves of the part of a recording that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ecgtool.delineation import DEFAULT, delineate
from ecgtool.delineation.walk import Source, of_item, of_record
from ecgtool.delineation.walk_many import beats_by_item
from ecgtool.formats import read_record
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Samples, Waves

_AROUND_S = 10.0  # what a method sees on either side, so that beats at the edges have their surroundings


def waves_of_part(path: Path, start_s: float, seconds: float, leads: Sequence[str] = ()) -> tuple[Waves, str]:
    """The waves of a part of a file, in samples from the part's beginning, and what found them.

    Args:
        path: The file.
        start_s: Where the part begins, in seconds.
        seconds: How long it is.
        leads: The leads to look at; all that were recorded when empty. Limb leads may be derived ones.
    """
    begin_s = max(start_s - _AROUND_S, 0.0)
    source = of_record(read_record(path, begin_s, start_s - begin_s + seconds + _AROUND_S), leads)
    return _found(source, round((start_s - begin_s) * source.fs), round(seconds * source.fs)), DEFAULT


def waves_of_item_part(store: Store, item: int, start_s: float, seconds: float) -> tuple[Waves, str]:
    """The waves of a part of an item, in samples from the part's beginning, and what found them.

    They are of the store's newest set; where it has none they are found now, of the beats that the corpus annotates
    where it does.
    """
    fs = store.manifest.fs
    begin, samples = round(start_s * fs), round(seconds * fs)
    if store.manifest.waves:
        held = store.wave_set()
        return part_of(store.waves(item, held.name), begin, samples), held.name
    beats = beats_by_item(store)(item) if store.manifest.beats else None
    return _found(of_item(store, item), begin, samples, beats), DEFAULT


def annotated_part(store: Store, item: int, start_s: float) -> tuple[Samples, list[str]]:
    """The annotated beats of an item, in samples from where a part of it begins, and the symbol of each."""
    held = store.beats
    mine = np.flatnonzero(held.item == item)
    mine = mine[np.argsort(held.sample[mine], kind="stable")]
    samples = held.sample[mine].astype(np.int64) - round(start_s * store.manifest.fs)
    return samples, [held.symbols[number] for number in held.symbol[mine]]


def part_of(waves: Waves, begin: int, samples: int) -> Waves:
    """The waves that lie in a part of a recording, or reach into it, in samples from the part's beginning."""
    times = waves.table[:, 3:]
    first = np.where(times == UNKNOWN, np.iinfo(np.int64).max, times).min(axis=1, initial=np.iinfo(np.int64).max)
    kept = (times.max(axis=1, initial=UNKNOWN) >= begin) & (first < begin + samples)
    inside = (waves.beats >= begin) & (waves.beats < begin + samples)
    table = waves.table[kept]
    number = np.append(np.where(inside, np.cumsum(inside) - 1, UNKNOWN), UNKNOWN)
    table[:, 1] = number[table[:, 1]]
    return _earlier(replace(waves, beats=waves.beats[inside], table=table), begin)


def _found(source: Source, begin: int, samples: int, beats: Samples | None = None) -> Waves:
    around = round(_AROUND_S * source.fs)
    first, last = max(begin - around, 0), min(begin + samples + around, source.samples)
    near = None if beats is None else beats[(beats >= first) & (beats < last)] - first
    found = delineate(source.read(first, last), source.fs, source.leads, beats=near)
    return part_of(found, begin - first, samples)


def _earlier(waves: Waves, begin: int) -> Waves:
    """The waves in samples from ``begin``; where a wave begins before it, its onset is the first sample."""
    table = waves.table.copy()
    times = table[:, 3:]
    times[times != UNKNOWN] = np.maximum(times[times != UNKNOWN] - begin, 0)
    return replace(waves, beats=waves.beats - begin, table=table)
