"""Words: the waves of a lead and the background between them, one span after the other without a gap.

Where waves overlap, a QRS complex keeps all of its span, and of the others the later one begins where it begins; one of
which less than :data:`SHORTEST_S` is left is none. What no wave covers is background: joined to the word before it
where it is shorter than that, cut into equal parts where it is longer than :data:`LONGEST_S` (asystole, or a lead that
is off).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.sentences.vocabulary import BACKGROUND, Vocabulary
from ecgtool.waves import UNKNOWN, Samples, Wave, Waves, nearest

SHORTEST_S = 0.02
LONGEST_S = 1.5
NEAR_S = 0.15
"""How far from a beat's annotation its QRS complex may peak (ANSI/AAMI EC57)."""

_HALF_S = {Wave.P: 0.05, Wave.QRS: 0.05, Wave.T: 0.1}
"""Half of a wave whose boundary is not known."""


class Spans(NamedTuple):
    """Words of a lead before they have names, in order; the first begins at 0, the last ends with the recording.

    Attributes:
        kinds: int8 [words], numbers of :data:`ecgtool.sentences.vocabulary.KINDS`.
        bounds: int64 [words, 2], the first sample of each and the one after its last.
        beats: int64 [words], the beat whose QRS complex it is; :data:`ecgtool.waves.UNKNOWN` where it is none.
    """

    kinds: npt.NDArray[np.int8]
    bounds: Samples
    beats: Samples


class Text(NamedTuple):
    """The words of a lead, in order.

    Attributes:
        ids: int16 [words], numbers of the vocabulary's words.
        bounds: As of :class:`Spans`.
        beats: As of :class:`Spans`.
    """

    ids: npt.NDArray[np.int16]
    bounds: Samples
    beats: Samples


def text_of(signal: npt.NDArray[Any], waves: Waves, lead: int, vocabulary: Vocabulary, mv: float = 1.0) -> Text:
    """The words of one lead.

    Args:
        signal: [samples] of that lead, finite.
        waves: Of the recording.
        lead: Its number in ``waves.leads``.
        vocabulary: Whose words.
        mv: Millivolts of 1 in the signal.
    """
    spans = spans_of(waves, lead, len(signal))
    features = vocabulary.scheme.features(signal, spans.bounds, waves.fs, mv)
    return Text(vocabulary.encode(spans.kinds, features), spans.bounds, spans.beats)


def spans_of(waves: Waves, lead: int, samples: int) -> Spans:
    """The waves of one lead and the background between them, without a gap, from sample 0 to ``samples``.

    A boundary that is not known is taken at a usual distance from the peak; a wave of which nothing is known is left
    out.
    """
    table = np.column_stack([_bounded(waves.of(lead=lead), waves.fs, samples), waves.of(lead=lead)[:, 1:3]])
    table = table[np.argsort(table[:, 0], kind="stable")]
    is_qrs = table[:, 3] == Wave.QRS
    complexes, others = _in_turn(table[is_qrs]), _in_turn(table[~is_qrs])
    others = _beside(others, complexes)
    others = others[others[:, 1] - others[:, 0] >= SHORTEST_S * waves.fs]
    held = np.concatenate([complexes, others])
    held = held[np.argsort(held[:, 0], kind="stable")]
    beats = np.where(held[:, 3] == Wave.QRS, held[:, 2], UNKNOWN)
    return _filled(Spans(held[:, 3].astype(np.int8), held[:, :2], beats), samples, waves.fs)


def with_beats(waves: Waves, lead: int, beats: Samples) -> tuple[Waves, Samples]:
    """The waves of one lead with a QRS complex for each of some annotated beats, and the beat of each complex.

    A beat's complex is the one of which each is the other's nearest, at most :data:`NEAR_S` away; where there is none,
    one of usual width is put at the annotation, so that no beat that is to be judged is without a word.

    Args:
        waves: Of the recording.
        lead: The lead's number.
        beats: int64 [beats], annotated R peaks, ascending.

    Returns:
        The waves of that lead alone, their beats being ``beats`` (:data:`ecgtool.waves.UNKNOWN` for other complexes);
        and the numbers of the beats that had none.
    """
    table = waves.of(lead=lead).copy()
    rows = np.flatnonzero(table[:, 2] == Wave.QRS)
    peaks = np.where(table[rows, 4] == UNKNOWN, waves.beats[table[rows, 1]], table[rows, 4])
    order = np.argsort(peaks, kind="stable")
    table[:, 1] = UNKNOWN
    complex_of = _matched(beats, peaks[order], round(NEAR_S * waves.fs))
    found = complex_of != UNKNOWN
    table[rows[order][complex_of[found]], 1] = np.flatnonzero(found)
    missed = np.flatnonzero(~found)
    half = round(_HALF_S[Wave.QRS] * waves.fs)
    lone = np.full((len(missed), 3), (lead, 0, int(Wave.QRS)))
    lone[:, 1] = missed
    made = np.column_stack([lone, beats[missed] - half, beats[missed], beats[missed] + half])
    table = np.concatenate([table, made])
    return Waves(waves.fs, waves.leads, beats, table[np.argsort(table[:, 3], kind="stable")]), missed


def _matched(wanted: Samples, there: Samples, most: int) -> Samples:
    """For each of some ascending times the other's number where each is the other's nearest; else UNKNOWN."""
    found = np.full(len(wanted), UNKNOWN, np.int64)
    if not len(wanted) or not len(there):
        return found
    towards, back = nearest(wanted, there), nearest(there, wanted)
    good = (back[towards] == np.arange(len(wanted))) & (np.abs(there[towards] - wanted) <= most)
    found[good] = towards[good]
    return found


def _bounded(rows: Samples, fs: float, samples: int) -> Samples:
    """First sample and the one after the last of each row of waves, within the recording; int64 [waves, 2]."""
    onset, peak, offset = rows[:, 3], rows[:, 4], rows[:, 5]
    halves = np.array([round(_HALF_S[kind] * fs) for kind in Wave])[rows[:, 2]]
    middle = np.where(peak != UNKNOWN, peak, np.where(onset != UNKNOWN, onset + halves, offset - halves))
    begin = np.where(onset != UNKNOWN, onset, middle - halves)
    end = np.where(offset != UNKNOWN, offset, middle + halves) + 1
    nothing = (onset == UNKNOWN) & (peak == UNKNOWN) & (offset == UNKNOWN)
    return np.clip(np.column_stack([begin, np.where(nothing, begin, end)]), 0, samples)


def _in_turn(table: Samples) -> Samples:
    """Spans sorted by their beginning, each ending where the next begins; without those that come to nothing."""
    table = table[table[:, 1] > table[:, 0]]
    table[:-1, 1] = np.minimum(table[:-1, 1], table[1:, 0])
    return table[table[:, 1] > table[:, 0]]


def _beside(table: Samples, complexes: Samples) -> Samples:
    """Spans in turn, without what complexes in turn cover of them."""
    if not len(complexes):
        return table
    before = np.searchsorted(complexes[:, 0], table[:, 0], side="right") - 1
    begin = np.where(before >= 0, np.maximum(table[:, 0], complexes[before, 1]), table[:, 0])
    after = before + 1
    ahead = complexes[np.minimum(after, len(complexes) - 1), 0]
    end = np.where(after < len(complexes), np.minimum(table[:, 1], ahead), table[:, 1])
    table = np.column_stack([begin, end, table[:, 2:]])
    return table[table[:, 1] > table[:, 0]]


def _filled(waves: Spans, samples: int, fs: float) -> Spans:
    """With the background between them."""
    edges = np.concatenate([[0], waves.bounds.ravel(), [samples]]).reshape(-1, 2)
    gaps = np.diff(edges, axis=1)[:, 0]
    short = (gaps > 0) & (gaps < round(SHORTEST_S * fs)) & (len(waves.kinds) > 0)
    bounds = waves.bounds.copy()
    bounds[short[1:], 1] = edges[1:][short[1:], 1]
    bounds[:1, 0] = np.where(short[0], 0, bounds[:1, 0])
    gaps = np.where(short, 0, gaps)
    parts = -(-gaps // max(1, round(LONGEST_S * fs)))
    of_gap = np.repeat(np.arange(len(gaps)), parts)
    part = np.arange(len(of_gap)) - np.repeat(np.cumsum(parts) - parts, parts)
    cut = [edges[of_gap, 0] + gaps[of_gap] * (part + more) // parts[of_gap] for more in (0, 1)]
    kinds = np.concatenate([waves.kinds, np.full(len(of_gap), BACKGROUND, np.int8)])
    bounds = np.concatenate([bounds, np.column_stack(cut)])
    beats = np.concatenate([waves.beats, np.full(len(of_gap), UNKNOWN)])
    order = np.argsort(bounds[:, 0], kind="stable")
    return Spans(kinds[order], bounds[order], beats[order])
