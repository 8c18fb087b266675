"""The making of sentences: every item of a store, lead by lead, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import __version__, console
from ecgtool.errors import ConfigError
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.sentences.sentence import WINDOW_S, divided, segment_of, width_of
from ecgtool.sentences.stored import ARRAYS, Made, SentencesManifest, digest_of
from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.sentences.words import LONGEST_S, Text, text_of, with_beats
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Samples

SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 2 * LONGEST_S, 60.0

_SECOND = segment_of("II")

Array = npt.NDArray[Any]


def leads_of(store: Store, waves: str) -> tuple[int, ...]:
    """The numbers of the leads that a set of waves is of; a channel that is no lead is left out."""
    there = store.manifest.leads
    if store.manifest.preprocessing.missing == "mask":
        there = there[:-1]
    looked_at = store.wave_set(waves).leads or there
    return tuple(number for number, lead in enumerate(there) if lead in looked_at)


def make(store: Store, vocabulary: Vocabulary, waves: str = "", window_s: float = WINDOW_S) -> Made:
    """The sentences of every item and lead of a store.

    Args:
        store: With a set of waves.
        vocabulary: Whose words.
        waves: The set of waves; the newest one when empty.
        window_s: Seconds of a sentence at most; as long as an item where that is shorter.

    Raises:
        DataError: The store has no waves.
        ConfigError: Sentences cannot be so long.
    """
    window, held, leads = window_of(store, window_s), store.wave_set(waves), leads_of(store, waves)
    primary = next((lead for lead in leads if segment_of(store.manifest.leads[lead]) == _SECOND), leads[0])
    arrays, added = _arrays(store, vocabulary, held.name, leads, primary, window)
    manifest = SentencesManifest(
        vocabulary=vocabulary.digest,
        waves=held.name,
        waves_digest=held.digest,
        leads=tuple(store.manifest.leads[lead] for lead in leads),
        primary=store.manifest.leads[primary],
        window=window,
        sentences=len(arrays["rows"]),
        words=len(arrays["tokens"]),
        width=width_of(arrays["offsets"]),
        beats_added=added,
        made_by=f"ecgtool {__version__}",
    )
    return Made(manifest.model_copy(update={"digest": digest_of(manifest, arrays)}), vocabulary, arrays)


class Read(NamedTuple):
    """One lead of one item.

    Attributes:
        item: Its number.
        lead: The lead's number.
        text: Its words.
        beats: int64 [words], the store's annotated beat that each word is; :data:`ecgtool.waves.UNKNOWN` for others.
        added: Annotated beats that had no QRS complex.
    """

    item: int
    lead: int
    text: Text
    beats: Samples
    added: int


def window_of(store: Store, window_s: float) -> int:
    """Samples of a sentence at most; as many as an item has where that are fewer.

    Raises:
        ConfigError: Sentences cannot be so long.
    """
    if not SHORTEST_WINDOW_S <= window_s <= LONGEST_WINDOW_S:
        raise ConfigError(
            f"Sentences cannot last {window_s:g} s.", f"From {SHORTEST_WINDOW_S:g} to {LONGEST_WINDOW_S:g} seconds."
        )
    return min(round(window_s * store.manifest.fs), store.manifest.samples)


def texts(
    store: Store, vocabulary: Vocabulary, waves: str, leads: tuple[int, ...], primary: int = UNKNOWN
) -> Iterator[Read]:
    """The words of every item, lead by lead; those of the primary lead with the beats they are."""
    marked = _Marked(store)
    with console.progress(f"Reading the waves of {store.path.name}", store.manifest.items) as advance:
        for item in range(store.manifest.items):
            found = store.waves(item, waves)
            beats = marked.of(item)
            for lead in leads:
                signal, mv = store.signals[item, lead], store.manifest.scale_uv / 1000
                if lead != primary or not len(beats):
                    text = text_of(signal, found, lead, vocabulary, mv)
                    yield Read(item, lead, text, np.full(len(text.ids), UNKNOWN), 0)
                    continue
                known, missed = with_beats(found, lead, marked.samples[beats])
                text = text_of(signal, known, lead, vocabulary, mv)
                yield Read(item, lead, text, np.append(beats, UNKNOWN)[text.beats], len(missed))
            advance(1)


class _Marked:
    """The annotated beats of a store; none where it has none. Marks that are no beats have no word.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self.samples, self._beats = np.empty(0, np.int64), np.empty(0, np.int64)
        self._bounds = np.zeros(store.manifest.items + 1, np.int64)
        if store.manifest.beats:
            held = store.beats
            self.samples = held.sample.astype(np.int64)
            self._beats = np.flatnonzero(np.isin(held.symbols, sorted(BEATS))[held.symbol])
            self._bounds = np.searchsorted(held.item[self._beats], np.arange(store.manifest.items + 1))

    def of(self, item: int) -> Samples:
        """The numbers of the beats of an item."""
        return self._beats[self._bounds[item] : self._bounds[item + 1]]


def _arrays(
    store: Store, vocabulary: Vocabulary, waves: str, leads: tuple[int, ...], primary: int, window: int
) -> tuple[dict[str, Array], int]:
    parts: dict[str, list[Array]] = {name: [] for name in ARRAYS}
    parts["offsets"].append(np.zeros(1, np.int64))
    words = added = 0
    for read in texts(store, vocabulary, waves, leads, primary):
        offsets = divided(read.text.bounds, window)
        starts = read.text.bounds[offsets[:-1], 0]
        fixed = np.broadcast_to((read.item, read.lead), (len(starts), 2))
        rows = np.column_stack([fixed, starts])
        made: tuple[Array, ...] = read.text.ids, read.text.bounds, read.beats, offsets[1:] + words, rows
        for name, array in zip(ARRAYS, made, strict=True):
            parts[name].append(array.astype(ARRAYS[name]))
        words, added = words + len(read.text.ids), added + read.added
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}, added
