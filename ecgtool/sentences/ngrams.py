"""Counting models of sentences: what a masked model has to beat.

``unigram`` guesses a hidden word from how common words are, ``bigram`` from the word to its left, ``trigram`` from the
words on both sides, which a masked model sees too. Contexts are smoothed into shorter ones by Witten and Bell's rule
(1991, doi:10.1109/18.87000): one that was followed by many different words trusts its own counts less. What both
neighbours say is smoothed into what each of them says alone, taken together as if they knew nothing of each other.
Neighbours may be special words; one that is hidden itself tells nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.words import FIRST_WORD, MASK, PAD

Tokens = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

MODELS = ("unigram", "bigram", "trigram")
"""Names of the models, by how many words they look at."""


class Score(NamedTuple):
    """How well hidden words are guessed.

    Attributes:
        accuracy: Share whose most probable word is the right one.
        perplexity: Exponential of the mean negative log-likelihood.
        words: How many were asked.
    """

    accuracy: float
    perplexity: float
    words: int


class NGrams:
    """Counts of words beside words.

    Args:
        sentences: Tables of numbers of words [sentences, words] without gaps: CLS, words, SEP, PAD.
        ids: Numbers there are, the special ones included.
    """

    def __init__(self, sentences: Tokens, ids: int) -> None:
        self.ids = ids
        left, middle, right = _threes(np.asarray(sentences, np.int64))
        self._single = np.bincount(middle, minlength=ids)[FIRST_WORD:].astype(np.float64)
        self._after, self._before = _counts(left, middle, ids, ids), _counts(right, middle, ids, ids)
        self._middle, self._contexts = middle, left * ids + right

    @cached_property
    def _triples(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """The pairs of neighbours that occur, and the words between each."""
        known, number = np.unique(self._contexts, return_inverse=True)
        return known, _counts(number, self._middle, len(known), self.ids)

    def probabilities(self, left: Tokens, right: Tokens, model: str = "trigram") -> Floats:
        """The probability of each word between neighbours; float64 [places, words], the special ones left out.

        Args:
            left: The word before each place; MASK where it is hidden too.
            right: The word after it.
            model: One of :data:`MODELS`.
        """
        # Every word might occur: one more of each keeps all above 0.
        base = (self._single + 1) / (self._single + 1).sum()
        common = np.broadcast_to(base, (len(left), len(base)))
        if model == MODELS[0]:
            return common
        after = _smoothed(self._after, np.where(left == MASK, -1, left), common)
        if model == MODELS[1]:
            return after
        each = after * _smoothed(self._before, np.where(right == MASK, -1, right), common) / base
        known, triples = self._triples
        contexts = left.astype(np.int64) * self.ids + right
        row = np.minimum(np.searchsorted(known, contexts), max(len(known) - 1, 0))
        there = (known[row] == contexts) & (left != MASK) & (right != MASK)
        return _smoothed(triples, np.where(there, row, -1), each / each.sum(axis=1, keepdims=True))

    def score(self, sentences: Tokens, targets: npt.NDArray[np.integer], model: str = "trigram") -> Score:
        """How well the words at the gaps of sentences are guessed.

        Args:
            sentences: [sentences, words], MASK at the gaps.
            targets: [sentences, words], the label of each gap (its word less four), -1 elsewhere.
            model: One of :data:`MODELS`.
        """
        row, place = np.nonzero(targets >= 0)
        right = np.minimum(place + 1, sentences.shape[1] - 1)
        truth = targets[row, place].astype(np.int64)
        found = self.probabilities(sentences[row, place - 1], sentences[row, right], model)
        likely = found[np.arange(len(truth)), truth]
        accuracy = float((found.argmax(axis=1) == truth).mean()) if len(truth) else float("nan")
        perplexity = float(np.exp(-np.log(likely).mean())) if len(truth) else float("nan")
        return Score(accuracy, perplexity, len(truth))


def _threes(sentences: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    """Each word that is none of the special ones, between its neighbours."""
    longer = np.pad(sentences, ((0, 0), (1, 1)), constant_values=PAD)
    row, place = np.nonzero(longer >= FIRST_WORD)
    return longer[row, place - 1], longer[row, place], longer[row, place + 1]


def _counts(context: npt.NDArray[np.int64], word: npt.NDArray[np.int64], contexts: int, ids: int) -> Floats:
    words = ids - FIRST_WORD
    flat = np.bincount(context * words + word - FIRST_WORD, minlength=contexts * words)
    return flat.reshape(contexts, words).astype(np.float64)


def _smoothed(counts: Floats, context: npt.NDArray[np.int64], shorter: Floats) -> Floats:
    """Witten and Bell's mean of a context's own counts and the shorter model; of no context (-1) the latter alone."""
    own = counts[np.maximum(context, 0)] * (context >= 0)[:, None]
    kinds = (own > 0).sum(axis=1, keepdims=True)
    total = own.sum(axis=1, keepdims=True) + kinds
    return np.where(total > 0, (own + kinds * shorter) / np.maximum(total, 1), shorter)
