"""Which annotated beat each decision on a store of heartbeats is of, and how well beats are found there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.metrics.beat_documents import Detected
from ecgtool.metrics.detection import detected
from ecgtool.signals.peaks import r_peaks
from ecgtool.store import Store
from ecgtool.views.base import Indices
from ecgtool.views.beats import BeatView
from ecgtool.views.sentences import SentenceView


class Judged(NamedTuple):
    """Annotated beats that decisions are of.

    Attributes:
        records: The record of each.
        times_s: When each beats, float64 [beats], in seconds from the record's beginning.
        within: The numbers of the items of the store on the disk that hold any of them, ascending.
        base: That store.
        numbers: The number of each beat in it, int64 [decisions].
    """

    records: tuple[str, ...]
    times_s: npt.NDArray[np.float64]
    within: Indices
    base: Store
    numbers: Indices


def judged(store: Store, items: Indices, positions: Indices | None = None) -> Judged:
    """The annotated beat of each decision.

    Args:
        store: A store seen beat by beat, or sentence by sentence.
        items: The item of each decision, int64 [decisions].
        positions: Where in its item each is; None where an item is one decision.

    Raises:
        DataError: The store is not seen so.
    """
    base, numbers = _numbers(store, items, positions)
    beats = base.beats
    item = beats.item[numbers].astype(np.int64)
    onsets = np.array([float(onset) for onset in base.column("onset_s")])
    names = np.array(base.column("record"))
    return Judged(
        records=tuple(str(name) for name in names[item]),
        times_s=onsets[item] + beats.sample[numbers] / base.manifest.fs,
        within=np.unique(item),
        base=base,
        numbers=numbers,
    )


def detections(base: Store, items: Indices, skip_s: float = 0.0) -> list[Detected]:
    """The annotated beats of items beside those that the detector finds in all their leads.

    Args:
        base: A store with annotated beats.
        items: Its items.
        skip_s: What to leave out at the beginning of each.
    """
    names, patients, fs = base.column("record"), base.column("patient"), base.manifest.fs
    made = []
    for item in items.tolist():
        first, last = np.searchsorted(base.beats.item, [item, item + 1])
        there = np.unique(base.beats.sample[first:last])
        found = r_peaks(base.millivolts(item), fs)
        made.append(detected(names[item], there, found, fs, patient=patients[item], skip_s=skip_s))
    return made


def _numbers(store: Store, items: Indices, positions: Indices | None) -> tuple[Store, Indices]:
    """The store on the disk, and the number of each decision's beat in it."""
    if isinstance(store, BeatView):
        return store.base, store.rows[items]
    if isinstance(store, SentenceView) and positions is not None:
        places, row = np.unique(items, return_inverse=True)
        return store.base, store.beats_of(places)[row, positions]
    raise DataError(f"{store.path.name} is not seen beat by beat.", "Evaluate a run of a task of heartbeats.")
