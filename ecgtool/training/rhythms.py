"""Simulated rhythms beside the recorded ones: training beats that the recordings of a store do not have.

Made of the training recordings alone, in memory, and the same whenever the same seed trains on the same items; see
:mod:`ecgtool.signals.replay` for what is simulated. Nothing is ever judged on them. A network of single heartbeats is
given the beats; one of sentences is given sentences of the same vocabulary, in which they are words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.mitdb_beats import SYMBOLS
from ecgtool.delineation import delineate
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.sentences.sentence import read_lead
from ecgtool.sentences.words import with_beats
from ecgtool.settings import TrainConfig
from ecgtool.signals.beats import cut, features
from ecgtool.signals.replay import Person, Strip, beside_recorded, fibrillating, with_early_beats
from ecgtool.store import Store
from ecgtool.training.data import Indices, seeded
from ecgtool.training.plan import Plan
from ecgtool.views.base import Gathered
from ecgtool.views.beats import BeatView
from ecgtool.views.sentences import SentenceView
from ecgtool.waves import UNKNOWN

ORIGINS = {"N": "sinus", "S": "atrial", "V": "ventricular"}
"""AAMI class of a symbol -> where the beat comes from."""
_MIXED = 0.7
"""Share of the strips that begin or end as they were recorded; what describes a whole recording is then of both."""
_RECORDED = (0.4, 2.0)
"""How long that stretch is, in lengths of what is simulated, from and to."""


class Simulated(NamedTuple):
    """Items of simulated rhythms, as a network takes them.

    Attributes:
        signals: int16 [items, leads, samples] in counts of the store.
        tabular: float32 [items, columns], or [items, words, columns].
        targets: int16 [items], or [items, words].
        tokens: int64 [items, words, 4]; of heartbeats int64 [items, 0].
    """

    signals: npt.NDArray[np.int16]
    tabular: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int16]
    tokens: Indices


class Enlarged(Store):
    """The items of a view, and simulated ones behind them.

    Args:
        view: Heartbeats, or sentences in which they are words.
        more: The simulated ones.
    """

    def __init__(self, view: BeatView | SentenceView, more: Simulated) -> None:
        held = view.manifest
        super().__init__(view.path, held.model_copy(update={"items": held.items + len(more.targets)}))
        self.view, self.more = view, more

    @property
    def signals(self) -> Any:
        """int16 [items, leads, samples], as they are indexed."""
        return Gathered(self)

    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The signals of these items, int16 [items, leads, samples] in counts of ``manifest.scale_uv``."""
        return self.placed(items, self.view.gather, self.more.signals)

    @cached_property
    def tabular(self) -> npt.NDArray[np.float32]:
        """float32 [items, columns], or [items, words, columns]."""
        return np.concatenate([self.view.tabular, self.more.tabular])

    def tokens(self, items: Indices) -> Indices | None:
        """The words of these items; None where they are heartbeats."""
        if isinstance(self.view, BeatView):
            return None
        return self.placed(items, self.view.tokens, self.more.tokens)

    def placed(self, items: Indices, recorded: Any, simulated: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What belongs to some items, of the view's and of the simulated ones.

        Args:
            items: Their numbers.
            recorded: Gives it of the view's items, by their numbers.
            simulated: It, of every simulated item.
        """
        first = self.view.manifest.items
        made = np.empty((len(items), *simulated.shape[1:]), simulated.dtype)
        there = items < first
        made[there] = recorded(items[there])
        made[~there] = simulated[items[~there] - first]
        return made


def enlarged(plan: Plan, targets: npt.NDArray[Any]) -> tuple[Plan, npt.NDArray[Any]]:
    """The plan with the simulated beats that its configuration asks for among its training items, and all targets.

    Args:
        plan: The data and how a model is fitted to it.
        targets: Those of every item of the plan's store.
    """
    view, training = plan.store, plan.config.training
    if not plan.config.augment.rhythms or not isinstance(view, BeatView | SentenceView):
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


def labels_of(view: BeatView | SentenceView) -> dict[str, int]:
    """The target of beats of each origin in the view's task; an origin that no beat of the store has is not there."""
    targets = np.asarray(view.base.targets(view.viewed))
    origin = _origins(view)
    found = {name: targets[(origin == name) & (targets >= 0)] for name in ORIGINS.values()}
    return {name: int(np.bincount(held).argmax()) for name, held in found.items() if len(held)}


def _origins(view: BeatView | SentenceView) -> npt.NDArray[np.str_]:
    """Where each of the store's marks comes from; empty where it is none of :data:`ORIGINS`, or no beat."""
    beats, called = view.base.beats, SYMBOLS["aami"]
    known = [ORIGINS.get(called.get(symbol, ""), "") if symbol in BEATS else "" for symbol in beats.symbols]
    return np.array(known, "<U11")[beats.symbol]


def _of_recording(
    view: BeatView | SentenceView, item: int, labels: Mapping[str, int], config: TrainConfig, seed: int
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
        yield _spoken(view, strip, labels) if isinstance(view, SentenceView) else _shown(view, strip, labels)


def _shown(view: BeatView, strip: Strip, labels: Mapping[str, int]) -> Simulated:
    """The simulated beats of a strip, each as an item."""
    asked = np.flatnonzero(np.isin(strip.origin, sorted(labels)))
    signal = strip.signal.astype(np.float32)
    windows = cut(signal[None], np.zeros(len(asked), np.int64), strip.peaks[asked], view.around)
    return Simulated(
        _counts(view, windows),
        features(signal, view.manifest.fs, strip.peaks, view.data.beats)[asked],
        np.array([labels[name] for name in strip.origin[asked].tolist()], np.int16),
        np.empty((len(asked), 0), np.int64),
    )


def _spoken(view: SentenceView, strip: Strip, labels: Mapping[str, int]) -> Simulated:
    """The sentences of a strip, of the lead that beats are judged on."""
    held, words, fs = view.stored.manifest, view.manifest.words, view.manifest.fs
    signal, primary = strip.signal.astype(np.float32), view.base.manifest.leads.index(held.primary)
    waves = delineate(signal[primary][None], fs, (held.primary,), view.method, strip.peaks)
    named = with_beats(waves, 0, strip.peaks)[0]
    longest = words.longest if words is not None else held.width
    read = read_lead(signal[primary], named, 0, view.stored.vocabulary, held.window, longest)
    known = features(signal, fs, strip.peaks, view.data.beats)
    asked = np.array([*(labels.get(name, UNKNOWN) for name in strip.origin.tolist()), UNKNOWN], np.int16)
    behind = np.concatenate([known, np.full((1, known.shape[1]), np.nan, np.float32)])  # that of words that are none
    targets = asked[read.beats]
    some = (targets != UNKNOWN).any(axis=1)
    return Simulated(
        _counts(view, read.signals[some]), behind[read.beats[some]], targets[some], read.tokens[some].astype(np.int64)
    )


def _counts(view: BeatView | SentenceView, signal: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Millivolts as a store holds them."""
    limits = np.iinfo(np.int16)
    counts = np.rint(signal * (1000 / view.manifest.scale_uv))
    return np.asarray(counts.clip(limits.min, limits.max).astype(np.int16))
