"""Simulated rhythms beside the recorded ones: training beats that the recordings of a store do not have.

Made of the training recordings alone, in memory, and the same whenever the same seed trains on the same items; see
:mod:`ecgtool.signals.replay` for what is simulated. Nothing is ever judged on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.mitdb_beats import SYMBOLS
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.settings import TrainConfig
from ecgtool.signals.beats import cut, features
from ecgtool.signals.replay import Person, Strip, beside_recorded, fibrillating, with_early_beats
from ecgtool.store import Store
from ecgtool.training.data import Indices, seeded
from ecgtool.training.plan import Plan
from ecgtool.views.beats import BeatView

ORIGINS = {"N": "sinus", "S": "atrial", "V": "ventricular"}
"""AAMI class of a symbol -> where the beat comes from."""
_MIXED = 0.7
"""Share of the strips that begin or end as they were recorded; what describes a whole recording is then of both."""
_RECORDED = (0.4, 2.0)
"""How long that stretch is, in lengths of what is simulated, from and to."""


class Simulated(NamedTuple):
    """Beats of simulated rhythms, as a network takes them.

    Attributes:
        signals: int16 [beats, leads, samples] in counts of the store.
        tabular: float32 [beats, columns].
        targets: int16 [beats].
    """

    signals: npt.NDArray[np.int16]
    tabular: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int16]


class Enlarged(Store):
    """The items of a view, and simulated ones behind them.

    Args:
        view: Heartbeats.
        more: The simulated ones.
    """

    def __init__(self, view: BeatView, more: Simulated) -> None:
        held = view.manifest
        super().__init__(view.path, held.model_copy(update={"items": held.items + len(more.targets)}))
        self.view, self.more = view, more

    @property
    def signals(self) -> Any:
        """int16 [items, leads, samples], as they are indexed."""
        return _Behind(self.view.signals, self.more.signals)

    @cached_property
    def tabular(self) -> npt.NDArray[np.float32]:
        """float32 [items, columns]."""
        return np.concatenate([self.view.tabular, self.more.tabular])


class _Behind:
    """An array that is gathered, and one in memory behind it, as one."""

    def __init__(self, first: Any, second: npt.NDArray[np.int16]) -> None:
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals of these items, int16 [items, leads, samples]."""
        numbers = np.atleast_1d(items)
        made = np.empty((len(numbers), *self.second.shape[1:]), np.int16)
        there = numbers < len(self.first)
        made[there] = self.first[numbers[there]]
        made[~there] = self.second[numbers[~there] - len(self.first)]
        return made if np.ndim(items) else made[0]


def enlarged(plan: Plan, targets: npt.NDArray[Any]) -> tuple[Plan, npt.NDArray[Any]]:
    """The plan with the simulated beats that its configuration asks for among its training items, and all targets.

    Args:
        plan: The data and how a model is fitted to it.
        targets: Those of every item of the plan's store.
    """
    view, training = plan.store, plan.config.training
    if not plan.config.augment.rhythms or not isinstance(view, BeatView):
        return plan, targets
    labels = labels_of(view)
    recordings = np.unique(view.within[plan.train]).tolist()
    with console.progress("simulating rhythms", len(recordings)) as advance:
        made = []
        for item in recordings:
            made += list(_of_recording(view, item, labels, plan.config, training.seed))
            advance(1)
    if not made:
        return plan, targets
    more = Simulated(*(np.concatenate(parts) for parts in zip(*made, strict=True)))
    store = Enlarged(view, more)
    train = np.concatenate([plan.train, np.arange(view.manifest.items, store.manifest.items)])
    return replace(plan, store=store, train=train), np.concatenate([targets, more.targets])


def labels_of(view: BeatView) -> dict[str, int]:
    """The target of beats of each origin in the view's task; an origin that no beat of the store has is not there."""
    targets = np.asarray(view.base.targets(view.viewed))
    origin = _origins(view)
    found = {name: targets[(origin == name) & (targets >= 0)] for name in ORIGINS.values()}
    return {name: int(np.bincount(held).argmax()) for name, held in found.items() if len(held)}


def _origins(view: BeatView) -> npt.NDArray[np.str_]:
    """Where each of the store's marks comes from; empty where it is none of :data:`ORIGINS`, or no beat."""
    beats, called = view.base.beats, SYMBOLS["aami"]
    known = [ORIGINS.get(called.get(symbol, ""), "") if symbol in BEATS else "" for symbol in beats.symbols]
    return np.array(known, "<U11")[beats.symbol]


def _of_recording(
    view: BeatView, item: int, labels: dict[str, int], config: TrainConfig, seed: int
) -> Iterator[Simulated]:
    """The simulated beats of one recording, strip by strip."""
    beats, augment = view.base.beats, config.augment
    real = np.isin(beats.symbols, sorted(BEATS))[beats.symbol]
    held = np.flatnonzero((beats.item == item) & real)
    peaks = beats.sample[held].astype(np.int64)
    person = Person(view.base.millivolts(item), view.manifest.fs, peaks, _origins(view)[held])
    if not person.plays:
        return
    for number in range(augment.rhythms):
        rng = seeded(seed, item, number)
        rhythm = with_early_beats if number % 2 and "atrial" in labels else fibrillating
        strip = rhythm(person, augment.rhythms_s, rng)
        if rng.random() < _MIXED:
            strip = beside_recorded(strip, person, rng.uniform(*_RECORDED) * augment.rhythms_s, rng)
        yield _shown(view, strip, labels)


def _shown(view: BeatView, strip: Strip, labels: dict[str, int]) -> Simulated:
    """The simulated beats of a strip, as a network takes them."""
    asked = np.flatnonzero(np.isin(strip.origin, sorted(labels)))
    signal, fs = strip.signal.astype(np.float32), view.manifest.fs
    windows = cut(signal[None], np.zeros(len(asked), np.int64), strip.peaks[asked], view.around)
    counts = np.rint(windows * (1000 / view.manifest.scale_uv))
    limits = np.iinfo(np.int16)
    return Simulated(
        counts.clip(limits.min, limits.max).astype(np.int16),
        features(signal, fs, strip.peaks, view.data.beats)[asked],
        np.array([labels[name] for name in strip.origin[asked].tolist()], np.int16),
    )
