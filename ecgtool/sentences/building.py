"""Giving a store sentences: a vocabulary, fitted or given, then the sentences, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecgtool import console
from ecgtool.errors import ConfigError
from ecgtool.files import refuse_existing, staged_folder
from ecgtool.sentences.fit import fit
from ecgtool.sentences.making import make, window_of
from ecgtool.sentences.sentence import WINDOW_S
from ecgtool.sentences.stored import Sentences, add
from ecgtool.sentences.vocabulary import CLUSTERS, KINDS, Vocabulary
from ecgtool.store import Store

_OF_A_STORE = (
    "manifest.json",
    "signals.npy",
    "items.csv",
    "tabular.npy",
    "targets",
    "beats.npy",
    "waves",
    "sentences",
)


@dataclass(frozen=True)
class Asked:
    """What sentences are to be made of.

    Args:
        vocabulary: A vocabulary's file, or a store that has sentences; a new one is fitted where empty.
        clusters: Words of each kind of a new one, where not the usual number.
        fraction: Share of the training patients that a new one is fitted on.
        method: How a new one is clustered.
        waves: The set of waves; the newest one where empty.
        window_s: Seconds of a sentence at most.
        seed: All chance comes from it.
    """

    vocabulary: str = ""
    clusters: Mapping[str, int] = field(default_factory=dict)
    fraction: float = 1.0
    method: str = "kmeans"
    waves: str = ""
    window_s: float = WINDOW_S
    seed: int = 42


def build(store: Store, asked: Asked, out: Path | None = None, *, force: bool = False) -> Store:
    """Add sentences to a store, or to a copy of it.

    Args:
        store: With a set of waves.
        asked: What they are to be made of.
        out: Where a copy of the store is made; None adds to the store itself, unless it has these sentences already.
        force: Replace what is there: the sentences of the store, or the store at ``out``.

    Returns:
        The store with sentences.

    Raises:
        ConfigError: The store has other sentences, or ``out`` is there, and ``force`` is not given; or an option that
            cannot be.
        DataError: The store has no waves, or no training patients.
        EcgError: The vocabulary cannot be read, or the store not written; what was there before is intact.
    """
    if out is not None:
        if out.absolute() == store.path.absolute():
            raise ConfigError(f"{out} is the store itself.", "Leave out --out to add the sentences to it.")
        refuse_existing(out, force=force, holds=_OF_A_STORE)
    elif store.manifest.sentences and not force:
        if _made_so(store, asked):
            console.log.info("%s has these sentences already: nothing to do.", store.path.name)
            return store
        raise ConfigError(f"{store.path.name} has other sentences already.", "Give --force to replace them, or --out.")
    store.wave_set(asked.waves)
    made = make(store, vocabulary_of(store, asked), asked.waves, asked.window_s)
    if out is None:
        return add(store.path, made)
    with staged_folder(out, force=force, holds=_OF_A_STORE) as staged:
        shutil.copytree(store.path, staged, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "sentences"))
        add(staged, made)
    return Store.open(out)


def vocabulary_of(store: Store, asked: Asked) -> Vocabulary:
    """The vocabulary that is asked for: read, or fitted on the store's training patients."""
    if asked.vocabulary and asked.clusters:
        raise ConfigError("--clusters is of a new vocabulary; --vocabulary names one.", "Leave one of them out.")
    if not asked.vocabulary:
        clusters, fraction, method = asked.clusters, asked.fraction, asked.method
        return fit(store, clusters=clusters, fraction=fraction, method=method, waves=asked.waves, seed=asked.seed)
    path = Path(asked.vocabulary)
    if path.is_file() or path.suffix == ".json":
        return Vocabulary.read(path)
    return Sentences.open(Store.open(asked.vocabulary)).vocabulary


def _made_so(store: Store, asked: Asked) -> bool:
    """Whether the sentences of a store are those that are asked for."""
    held, waves = Sentences.open(store), store.wave_set(asked.waves)
    window = window_of(store, asked.window_s)
    if (held.manifest.waves_digest, held.manifest.window) != (waves.digest, window):
        return False
    if asked.vocabulary:
        return vocabulary_of(store, asked).digest == held.manifest.vocabulary
    fitted, clusters = held.vocabulary.fit, {**CLUSTERS, **asked.clusters}
    made = fitted.fingerprint, fitted.method, fitted.fraction, fitted.seed, held.vocabulary.sizes
    sizes = tuple(clusters[kind] for kind in KINDS)
    return made == (store.manifest.fingerprint, asked.method, asked.fraction, asked.seed, sizes)
