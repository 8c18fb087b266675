"""Fitting a vocabulary: waves of the training patients alone, clustered kind by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import __version__, console
from ecgtool.errors import ConfigError, DataError, did_you_mean
from ecgtool.sentences.clustering import BAND, METHODS, Cluster
from ecgtool.sentences.making import leads_of
from ecgtool.sentences.shapes import Floats, Scheme
from ecgtool.sentences.vocabulary import CLUSTERS, KINDS, MOST, Fit, Vocabulary
from ecgtool.sentences.words import Spans, spans_of
from ecgtool.store import Store

_PAIRS = 20_000
"""Leads of items that waves are taken from, at most."""
_WAVES = 400_000
"""Waves that are looked at, of all kinds together."""
_OF_A_KIND = 100_000
"""Waves of a kind that are clustered."""


class Sample(NamedTuple):
    """Waves of training patients.

    Attributes:
        features: Per kind float32 [waves, points + 1] (see :class:`ecgtool.sentences.shapes.Scheme`).
        patients: How many patients they are of.
    """

    features: Mapping[str, Floats]
    patients: int


def fit(
    store: Store,
    *,
    clusters: Mapping[str, int] | None = None,
    fraction: float = 1.0,
    method: str = "kmeans",
    waves: str = "",
    seed: int = 42,
) -> Vocabulary:
    """A vocabulary of the waves of a store's training patients.

    Args:
        store: With a set of waves.
        clusters: Words of each kind; :data:`ecgtool.sentences.vocabulary.CLUSTERS` where not given. A kind of which
            there are fewer different waves gets fewer words, and that is told.
        fraction: Share of the training patients whose waves are used, at least one patient.
        method: One of :data:`ecgtool.sentences.clustering.METHODS`.
        waves: The set of waves; the newest one when empty.
        seed: Decides which patients and waves, and where clusters begin.

    Raises:
        ConfigError: An unknown method or kind, or a number that cannot be.
        DataError: The store has no waves, no training patients, or no wave of some kind among them.
    """
    wanted = _clusters(clusters or {})
    if method not in METHODS:
        raise ConfigError(f"There is no method '{method}' of clustering.", did_you_mean(method, METHODS))
    held = store.wave_set(waves)
    found = sampled(store, held.name, fraction, seed)
    cluster, scheme = METHODS.load(method), Scheme()
    centres: dict[str, Floats] = {}
    with console.progress(f"Clustering the waves of {store.path.name}", len(KINDS)) as advance:
        for kind in KINDS:
            centres[kind] = _centres(kind, found.features[kind], wanted[kind], cluster, seed)
            advance(1)
    told = Fit(
        method=method,
        dataset=store.manifest.dataset,
        fingerprint=store.manifest.fingerprint,
        leads=tuple(store.manifest.leads[lead] for lead in leads_of(store, held.name)),
        fs=store.manifest.fs,
        waves=held.method or held.name,
        fraction=fraction,
        patients=found.patients,
        counts={kind: len(found.features[kind]) for kind in KINDS},
        seed=seed,
        made_by=f"ecgtool {__version__}",
    )
    distance = "euclidean" if method == "kmeans" else "dtw"
    return counted(Vocabulary.of(centres, _none(centres), fit=told, scheme=scheme, distance=distance, band=BAND), found)


def counted(vocabulary: Vocabulary, sample: Sample) -> Vocabulary:
    """The vocabulary with the waves of a sample that each word is nearest to, the commonest word of a kind first."""
    centres: dict[str, Floats] = {}
    counts: dict[str, npt.NDArray[np.int64]] = {}
    for number, kind in enumerate(KINDS):
        features = sample.features[kind]
        ids = vocabulary.encode(np.full(len(features), number), features)
        counts[kind] = np.bincount(ids - vocabulary.first[number], minlength=vocabulary.sizes[number])
        centres[kind] = vocabulary.of_kind(number)
    held = {name: getattr(vocabulary, name) for name in ("fit", "scheme", "distance", "band")}
    return Vocabulary.of(centres, counts, **held)


def sampled(store: Store, waves: str, fraction: float, seed: int, split: str = "train") -> Sample:
    """Waves of a share of the patients of a split.

    Raises:
        ConfigError: A share that cannot be.
        DataError: The split is empty.
    """
    if not 0 < fraction <= 1:
        raise ConfigError(f"The vocabulary cannot be made of {fraction:g} of the patients.", "Above 0, up to 1.")
    chance = np.random.default_rng(seed)
    items, patients = _of_patients(store, split, fraction, chance)
    leads = leads_of(store, waves)
    pairs = chance.permutation(np.stack(np.meshgrid(items, leads), axis=-1).reshape(-1, 2))[:_PAIRS]
    share = -(-_WAVES // len(pairs))
    parts: list[tuple[npt.NDArray[np.int8], Floats]] = []
    with console.progress(f"Reading waves of {store.path.name}", len(pairs)) as advance:
        for item, lead in pairs[np.lexsort(pairs.T[::-1])].tolist():
            spans = _some(spans_of(store.waves(item, waves), lead, store.manifest.samples), share, chance)
            signal, mv = store.signals[item, lead], store.manifest.scale_uv / 1000
            parts.append((spans.kinds, Scheme().features(signal, spans.bounds, store.manifest.fs, mv)))
            advance(1)
    kinds, features = (np.concatenate(part) for part in zip(*parts, strict=True))
    chosen = {kind: np.flatnonzero(kinds == number) for number, kind in enumerate(KINDS)}
    few = {kind: np.sort(chance.permutation(rows)[:_OF_A_KIND]) for kind, rows in chosen.items()}
    return Sample({kind: features[rows] for kind, rows in few.items()}, patients)


def _clusters(given: Mapping[str, int]) -> dict[str, int]:
    for kind, number in given.items():
        if kind not in KINDS:
            raise ConfigError(f"There is no kind of words '{kind}'.", f"Known: {', '.join(KINDS)}.")
        if not 1 <= number <= MOST:
            raise ConfigError(f"There cannot be {number} words of the kind {kind}.", f"From 1 to {MOST}.")
    return {**CLUSTERS, **given}


def _of_patients(
    store: Store, split: str, fraction: float, chance: np.random.Generator
) -> tuple[npt.NDArray[np.int64], int]:
    """The items of a share of the patients of a split, and how many patients; an item without one is its own."""
    items = store.indices(split)
    if not len(items):
        raise DataError(
            f"{store.path.name} has no item in the split '{split}', and a vocabulary is made of training patients.",
            "Prepare it with other --splits, or give the --vocabulary of another store.",
        )
    patients, ids = np.array(store.column("patient"))[items], np.array(store.column("id"))[items]
    names = np.where(patients == "", np.char.add("\0", ids), patients)
    every = np.unique(names)
    kept = chance.permutation(every)[: max(1, round(fraction * len(every)))]
    return items[np.isin(names, kept)], len(kept)


def _some(spans: Spans, most: int, chance: np.random.Generator) -> Spans:
    """At most so many of the spans, at random, in order."""
    if len(spans.kinds) <= most:
        return spans
    chosen = np.sort(chance.choice(len(spans.kinds), most, replace=False))
    return Spans(spans.kinds[chosen], spans.bounds[chosen], spans.beats[chosen])


def _centres(kind: str, features: Floats, wanted: int, cluster: Cluster, seed: int) -> Floats:
    if not len(features):
        raise DataError(
            f"The training patients have no wave of the kind {kind}, and a vocabulary needs one.",
            "Give the --vocabulary of another store, or a larger --fraction.",
        )
    there = len(np.unique(features, axis=0))
    if there < wanted:
        console.log.warning("%s: %d words instead of %d, as there are no more different waves", kind, there, wanted)
    return cluster(features, min(there, wanted), seed)


def _none(centres: Mapping[str, Floats]) -> dict[str, npt.NDArray[np.int64]]:
    return {kind: np.zeros(len(rows), np.int64) for kind, rows in centres.items()}
