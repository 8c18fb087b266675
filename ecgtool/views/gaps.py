"""Gaps: the words of a sentence that a network is asked to guess, the same ones whenever the sentence is read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SHARE = 0.15
"""Share of the words that are asked for (Devlin et al. 2019, doi:10.18653/v1/N19-1423)."""


def gaps(words: npt.NDArray[np.bool_], items: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which places of sentences are gaps: bool [items, places].

    Whether a place is one follows from the number of the item and the place alone.

    Args:
        words: Which places hold words, other than special ones; bool [items, places].
        items: The number of each item, int64 [items].
    """
    places = np.arange(words.shape[1], dtype=np.uint64)
    key = items.astype(np.uint64)[:, None] * np.uint64(2**20) + places
    return np.asarray(words & (_mixed(key) < np.uint64(int(SHARE * 2**64))))


def _mixed(key: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers that look random, one for each key (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    mixed = (key + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
