"""Sentences: the words of a lead, window by window, and the table of numbers that a network reads them as.

A sentence begins where a word begins and holds the words that end within the window after it, so that no word is cut in
two; the next one begins where it ends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.record import LEADS_12, STAND_INS
from ecgtool.sentences.shapes import Floats
from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.sentences.words import text_of
from ecgtool.waves import UNKNOWN, Samples, Waves
from ecgtool.words import CLS, PAD, SEP, TOKEN_COLUMNS

MOST_WORDS = 160
"""Words of a sentence at most, its beginning and end included; one that would have more ends before its window does."""
WINDOW_S = 10.0

# Numbers of leads; 0 is any other than the standard twelve.
_STANDARD = {lead: number for number, lead in enumerate(LEADS_12, start=1)}
_MODIFIED = {other: _STANDARD[lead] for lead, others in STAND_INS.items() for other in others}
_ROUND = 8


class Reading(NamedTuple):
    """The sentences of one lead, as a network reads them.

    Attributes:
        signals: float32 [sentences, 1, samples], in millivolt: the window from the beginning of each sentence, zero
            beyond the end of the recording.
        tokens: int64 [sentences, words, 4], the columns :data:`ecgtool.words.TOKEN_COLUMNS`.
        starts: int64 [sentences], the sample at which each begins.
        beats: int64 [sentences, words], the beat whose QRS complex a word is, else :data:`ecgtool.waves.UNKNOWN`.
    """

    signals: Floats
    tokens: Samples
    starts: Samples
    beats: Samples


def segment_of(lead: str) -> int:
    """The number of a lead, the same in every corpus.

    1 to 12 for the standard ones and those that stand in for them (2 for II and MLII), 0 for any other.
    """
    return _STANDARD.get(lead, _MODIFIED.get(lead.upper(), 0))


def divided(bounds: Samples, window: int, most: int = MOST_WORDS) -> Samples:
    """Where the words of a lead are divided into sentences.

    Args:
        bounds: int64 [words, 2], of one lead, without gaps.
        window: Samples of a sentence at most; a word that is longer is a sentence by itself.
        most: Words of a sentence at most, its beginning and end included.

    Returns:
        int64 [sentences + 1], the number of the first word of each, and the number of words.
    """
    first = [0]
    while first[-1] < len(bounds):
        at = first[-1]
        fitting = int(np.searchsorted(bounds[:, 1], bounds[at, 0] + window, side="right"))
        first.append(min(max(fitting, at + 1), at + most - 2, len(bounds)))
    return np.array(first, np.int64)


def width_of(offsets: Samples) -> int:
    """Words of the longest sentence, its beginning and end included, as a multiple of 8."""
    longest = int(np.diff(offsets).max(initial=0)) + 2
    return min(-(-longest // _ROUND) * _ROUND, max(longest, MOST_WORDS))


def packed(
    ids: npt.NDArray[np.integer], bounds: npt.NDArray[np.integer], lengths: Samples, starts: Samples, segments: Samples
) -> Samples:
    """Sentences as one table; their words follow each other.

    Args:
        ids: [words], numbers of the vocabulary.
        bounds: [words, 2], first sample of each and the one after its last.
        lengths: int64 [sentences], the words of each.
        starts: int64 [sentences], the sample each begins at.
        segments: int64 [sentences], the number of its lead.

    Returns:
        int64 [sentences, words + 2 of the longest, 4], the columns :data:`ecgtool.words.TOKEN_COLUMNS`: CLS, the words,
        SEP, then PAD.
    """
    width = int(lengths.max(initial=0)) + 2
    place = np.arange(width)
    inside = place <= lengths[:, None] + 1
    spoken = inside & (place > 0) & (place <= lengths[:, None])
    made = np.zeros((len(lengths), width, len(TOKEN_COLUMNS)), np.int64)
    made[..., 0] = np.where(inside, SEP, PAD)
    made[:, 0, 0] = CLS
    made[..., 3] = np.where(inside, segments[:, None], 0)
    made[spoken, 0] = ids
    made[spoken, 1:3] = bounds - np.repeat(starts, lengths)[:, None]
    return made


def padded(table: Samples, width: int, fill: int = PAD) -> Samples:
    """A table [sentences, words, ...] with ``fill`` behind it, up to so many words."""
    ends = [(0, 0), (0, max(width - table.shape[1], 0)), *[(0, 0)] * (table.ndim - 2)]
    return np.pad(table, ends, constant_values=fill)


def read_lead(
    signal: npt.NDArray[np.floating], waves: Waves, lead: int, vocabulary: Vocabulary, window: int, longest: int = 0
) -> Reading:
    """The sentences of one lead of a recording, as those of a store are made and read.

    Args:
        signal: [samples] of that lead, in millivolt, finite, at ``waves.fs``.
        waves: Of the recording.
        lead: Its number in ``waves.leads``.
        vocabulary: Whose words.
        window: Samples of a sentence at most.
        longest: Words of every sentence at most, its beginning and end included, and those of the tables; as many as
            are needed where 0.
    """
    text = text_of(signal, waves, lead, vocabulary)
    offsets = divided(text.bounds, window, longest or MOST_WORDS)
    lengths, starts = np.diff(offsets), text.bounds[offsets[:-1], 0]
    segments = np.full(len(lengths), segment_of(waves.leads[lead]))
    tokens = packed(text.ids, text.bounds, lengths, starts, segments)
    beats = np.full(tokens.shape[:2], UNKNOWN, np.int64)
    place = np.arange(tokens.shape[1])
    beats[(place > 0) & (place <= lengths[:, None])] = text.beats
    width = longest or width_of(offsets)
    windows = windows_of(signal[None], np.zeros(len(starts), np.int64), starts, window)[:, None]
    return Reading(windows.astype(np.float32), padded(tokens, width), starts, padded(beats, width, UNKNOWN))


def windows_of(signals: npt.NDArray[Any], rows: Samples, starts: Samples, window: int) -> npt.NDArray[Any]:
    """Windows [windows, window] of rows of signals [rows, samples] from certain samples on; zero beyond the end."""
    made = np.zeros((len(starts), window), signals.dtype)
    for target, row, start in zip(made, rows.tolist(), starts.tolist(), strict=True):
        part = signals[row, start : start + window]
        target[: len(part)] = part
    return made
