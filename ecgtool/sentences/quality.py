"""How good a vocabulary is for a store: how well its words are told apart, and how evenly they are used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgtool.sentences.fit import Sample
from ecgtool.sentences.vocabulary import KINDS, Vocabulary
from ecgtool.words import FIRST_WORD

_COMPARED = 2000
"""Waves of a kind that are compared with each other."""
_WARPED = 600
"""The same under dynamic time warping, which takes longer."""


@dataclass(frozen=True)
class KindQuality:
    """The words of one kind.

    Attributes:
        kind: Its name.
        words: How many words.
        used: How many of them occur.
        waves: How many waves there are, in all sentences.
        commonest: Share of the commonest word.
        perplexity: Two to the entropy of the words in bits: so many words, each as common, would be as uncertain.
        silhouette: Mean over training waves of how much nearer a wave is to those of its own word than to those of the
            next one, from -1 to 1 (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7); NaN where there is one word.
    """

    kind: str
    words: int
    used: int
    waves: int
    commonest: float
    perplexity: float
    silhouette: float


def quality(
    vocabulary: Vocabulary, tokens: npt.NDArray[np.integer], sample: Sample, seed: int = 42
) -> list[KindQuality]:
    """Figures of each kind.

    Args:
        vocabulary: The words.
        tokens: Numbers of words, of all sentences.
        sample: Waves of training patients.
        seed: Decides which waves are compared.
    """
    counts = usage(vocabulary, tokens)
    made = []
    for number, kind in enumerate(KINDS):
        own = counts[vocabulary.first[number] - FIRST_WORD :][: vocabulary.sizes[number]]
        share = own[own > 0] / max(own.sum(), 1)
        perplexity = float(np.exp(-(share * np.log(share)).sum()))
        spread = silhouette(vocabulary, number, sample, seed)
        commonest = float(share.max(initial=0))
        used = int((own > 0).sum())
        made.append(KindQuality(kind, len(own), used, int(own.sum()), commonest, perplexity, spread))
    return made


def usage(vocabulary: Vocabulary, tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How often each word occurs; int64 [words], the special ones left out."""
    return np.bincount(tokens, minlength=len(vocabulary))[FIRST_WORD:].astype(np.int64)


def silhouette(vocabulary: Vocabulary, kind: int, sample: Sample, seed: int = 42) -> float:
    """The mean silhouette of waves of a kind, by the distance that words are told by."""
    from sklearn.metrics import silhouette_score

    warps = vocabulary.distance == "dtw"
    features = sample.features[KINDS[kind]]
    chosen = np.random.default_rng(seed).permutation(len(features))[: _WARPED if warps else _COMPARED]
    features = features[np.sort(chosen)]
    ids = vocabulary.encode(np.full(len(features), kind), features)
    if not 1 < len(np.unique(ids)) < len(ids):
        return float("nan")
    apart = np.sqrt(vocabulary.distances(features, features))
    np.fill_diagonal(apart, 0)
    return float(silhouette_score(apart, ids, metric="precomputed"))
