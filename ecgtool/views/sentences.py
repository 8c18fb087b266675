"""Sentences: windows of one lead each, read word by word.

An item is a sentence. Its words are int64 [words, 4], the columns :data:`ecgtool.words.TOKEN_COLUMNS`: CLS, the words,
SEP, then PAD, as many as the longest sentence of the store needs. Its signal is one lead, from the sample at which the
sentence begins, as long as a window; zero beyond the end of the recording.

What is asked depends on the task. Of ``words``: the words at gaps, where the sentence says MASK (see
:mod:`ecgtool.views.gaps`). Of a task of beats: the class of each beat at the word that is its QRS complex, on one lead
alone, so that no beat is judged twice. Of a task of items: one answer per sentence.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError
from ecgtool.manifest import StoreManifest
from ecgtool.sentences.sentence import packed, padded, segment_of, windows_of
from ecgtool.sentences.stored import Sentences
from ecgtool.settings import DataConfig, Words
from ecgtool.signals.beats import columns
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.views.base import Indices, View
from ecgtool.views.beats import BeatView
from ecgtool.views.gaps import gaps
from ecgtool.waves import UNKNOWN
from ecgtool.words import FIRST_WORD, MASK

ANY_LEAD = "any"
"""The name of the one lead of an item where items are of several."""


class SentenceView(View):
    """A store's sentences as items.

    Args:
        base: A store with sentences.
        task: Of words, of beats or of items.
        data: Names the RR features of beats.

    Raises:
        DataError: The store has no sentences.
        ConfigError: A task that no sentence can answer.
    """

    def __init__(self, base: Store, task: Task, data: DataConfig) -> None:
        if task.kind == "waves":
            raise ConfigError(
                f"The task '{task.name}' asks for every sample, and a sentence answers by word.",
                "Train it with --arch unet1d.",
            )
        self.stored = Sentences.open(base)
        self.of_beats = task.of == "beat"
        super().__init__(base, task, data, _manifest(base, self.stored, task, data))
        self.manifest = self.manifest.model_copy(update=self._counts())

    @property
    def method(self) -> str:
        """What found the waves that the words are made of; empty for an expert's."""
        return self.base.wave_set(self.stored.manifest.waves).method

    @cached_property
    def sentences(self) -> Indices:
        """The number that each item has among the sentences of the store."""
        leads = self.stored.rows[:, 1]
        primary = self.base.manifest.leads.index(self.stored.manifest.primary)
        return np.flatnonzero(leads == primary) if self.of_beats else np.arange(len(leads))

    @property
    def within(self) -> Indices:
        """The recording that each sentence is of."""
        return self.stored.rows[self.sentences, 0].astype(np.int64)

    def names(self) -> list[str]:
        """``RECORD/LEAD/SECONDS``, where the sentence begins."""
        ids, fs = self.base.column("id"), self.base.manifest.fs
        rows = self.stored.rows[self.sentences].tolist()
        return [f"{ids[item]}/{self.base.manifest.leads[lead]}/{start / fs:.3f}" for item, lead, start in rows]

    def gather(self, items: Indices) -> npt.NDArray[np.int16]:
        """The window of each sentence, int16 [items, 1, samples]."""
        made = np.empty((len(items), 1, self.manifest.samples), np.int16)
        for place, (item, lead, start) in enumerate(self.stored.rows[self.sentences[items]].tolist()):
            row = self.base.signals[item, lead][None]
            made[place] = windows_of(row, np.zeros(1, np.int64), np.array([start]), self.manifest.samples)
        return made

    def tokens(self, items: Indices) -> Indices:
        """The words of these sentences; of the task of words, those with MASK at the gaps."""
        made = self.whole(items)
        if self.viewed.kind == "tokens":
            made[..., 0] = np.where(self._gaps(made, items), MASK, made[..., 0])
        return made

    def whole(self, items: Indices) -> Indices:
        """The words of these sentences without gaps, int64 [items, words, 4]."""
        numbers, lengths = self.stored.words_of(self.sentences[items])
        rows = self.stored.rows[self.sentences[items]].astype(np.int64)
        segments = np.array([segment_of(lead) for lead in self.base.manifest.leads])[rows[:, 1]]
        made = packed(self.stored.tokens[numbers], self.stored.spans[numbers], lengths, rows[:, 2], segments)
        return padded(made, self.stored.manifest.width)

    def beats_of(self, items: Indices) -> Indices:
        """The number of the store's annotated beat that each word is, else -1; int64 [items, words].

        Words of another lead than the one that beats are judged on are none.
        """
        numbers, lengths = self.stored.words_of(self.sentences[items])
        made = np.full((len(items), self.stored.manifest.width), UNKNOWN, np.int64)
        place = np.arange(made.shape[1])
        made[(place > 0) & (place <= lengths[:, None])] = self.stored.beats[numbers]
        return made

    @cached_property
    def _beats(self) -> Indices:
        return self.beats_of(np.arange(self.manifest.items))

    def own_targets(self) -> npt.NDArray[Any]:
        """What is asked of each word, int16 [sentences, words], or the base's target of each sentence."""
        items = np.arange(self.manifest.items)
        if self.viewed.kind == "tokens":
            made = self.whole(items)
            return np.where(self._gaps(made, items), made[..., 0] - FIRST_WORD, UNKNOWN).astype(np.int16)
        held = self.base.targets(self.viewed)
        if not self.of_beats:
            return np.asarray(held[self.within])
        return np.where(self._beats == UNKNOWN, UNKNOWN, held[np.maximum(self._beats, 0)]).astype(np.int16)

    @cached_property
    def tabular(self) -> npt.NDArray[np.float32]:
        """Features of the beat that each word is, float32 [sentences, words, columns], NaN where it is none.

        The base's, [sentences, columns], where the task is not of beats.
        """
        if not self.of_beats:
            return np.asarray(self.base.tabular[self.within][:, : len(self.manifest.tabular)])
        beats = BeatView(self.base, self.viewed, self.data)
        made = np.full((self.base.manifest.beats + 1, len(self.manifest.tabular)), np.nan, np.float32)
        made[beats.rows] = beats.tabular
        return made[self._beats]

    def places(self, items: Indices, positions: Indices) -> list[str]:
        """``RECORD@SECONDS``, where the beat is, or the word begins."""
        numbers = self.stored.offsets[self.sentences[items]] + positions - 1
        samples = self.stored.spans[numbers, 0].astype(np.int64)
        if self.of_beats:
            samples = self.base.beats.sample[self._beats[items, positions]].astype(np.int64)
        ids, fs = self.base.column("id"), self.base.manifest.fs
        within = self.within[items].tolist()
        return [f"{ids[item]}@{sample / fs:.3f}" for item, sample in zip(within, samples.tolist(), strict=True)]

    def own_digest(self) -> str:
        """Of the sentences and of the features of beats."""
        return f"{self.stored.manifest.digest} {' '.join(self.manifest.tabular)}"

    def _gaps(self, tokens: Indices, items: Indices) -> npt.NDArray[np.bool_]:
        return gaps(tokens[..., 0] >= FIRST_WORD, items)

    def _counts(self) -> dict[str, Any]:
        """How many there are, in all and of each split."""
        splits = np.array(self.base.column("split"))[self.within]
        return {"items": len(self.sentences), "splits": dict(Counter(splits.tolist()))}


def _manifest(base: Store, stored: Sentences, task: Task, data: DataConfig) -> StoreManifest:
    """The base's, as far as it holds of its sentences."""
    held, several = stored.manifest, len(stored.manifest.leads) > 1
    words = Words(ids=len(stored.vocabulary), longest=held.width, vocabulary=held.vocabulary)
    lead = ANY_LEAD if several and task.of != "beat" else held.primary
    tabular = columns(data.beats) if task.of == "beat" else () if task.kind == "tokens" else base.manifest.tabular
    update = {"tasks": (task,), "kind": "windows", "leads": (lead,), "samples": held.window}
    return base.manifest.model_copy(update={**update, "tabular": tabular, "words": words})
