"""Words of a lead: the waves and the background between them, without a gap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgtool.sentences.vocabulary import BACKGROUND
from ecgtool.sentences.words import LONGEST_S, spans_of, with_beats
from ecgtool.waves import UNKNOWN, Wave, Waves

FS = 100.0
P, QRS, T = Wave


def waves(*rows, beats=(30, 80)):
    """Waves of one lead from rows (beat, kind, onset, peak, offset)."""
    table = np.array([(0, *row) for row in rows], np.int64).reshape(-1, 6)
    return Waves(FS, ("II",), np.array(beats, np.int64), table[np.argsort(table[:, 3], kind="stable")])


def told(spans):
    return [(int(kind), *bounds) for kind, bounds in zip(spans.kinds, spans.bounds.tolist(), strict=True)]


def test_what_no_wave_covers_is_background():
    spans = spans_of(waves((0, P, 10, 14, 19), (0, QRS, 25, 30, 34), (0, T, 45, 55, 64)), 0, 100)
    assert told(spans) == [
        (BACKGROUND, 0, 10), (P, 10, 20), (BACKGROUND, 20, 25), (QRS, 25, 35), (BACKGROUND, 35, 45), (T, 45, 65),
        (BACKGROUND, 65, 100),
    ]  # fmt: skip


def test_only_qrs_complexes_are_of_a_beat():
    spans = spans_of(waves((0, P, 10, 14, 19), (0, QRS, 25, 30, 34), (1, QRS, 75, 80, 84)), 0, 100)
    assert spans.beats[spans.kinds == QRS].tolist() == [0, 1]
    assert set(spans.beats[spans.kinds != QRS].tolist()) == {UNKNOWN}


def test_a_gap_too_short_for_a_word_belongs_to_the_word_before_it():
    spans = spans_of(waves((0, P, 10, 14, 19), (0, QRS, 21, 30, 34)), 0, 35)
    assert told(spans) == [(BACKGROUND, 0, 10), (P, 10, 21), (QRS, 21, 35)]


def test_a_gap_too_short_at_the_beginning_belongs_to_the_first_word():
    assert told(spans_of(waves((0, QRS, 1, 5, 9)), 0, 10)) == [(QRS, 0, 10)]


def test_a_wave_of_which_next_to_nothing_is_left_is_background():
    held = waves((0, QRS, 25, 30, 34), (0, T, 34, 35, 35), (1, P, 60, 70, 79), (1, T, 40, 50, 61))
    assert told(spans_of(held, 0, 80))[1:] == [(QRS, 25, 35), (BACKGROUND, 35, 40), (T, 40, 60), (P, 60, 80)]


def test_long_background_is_cut_into_equal_parts():
    spans = spans_of(waves(beats=()), 0, 400)
    assert told(spans) == [(BACKGROUND, 0, 133), (BACKGROUND, 133, 266), (BACKGROUND, 266, 400)]


@pytest.mark.parametrize(
    ("row", "span"),
    [((UNKNOWN, 30, 34), (25, 35)), ((25, 30, UNKNOWN), (25, 36)), ((UNKNOWN, 30, UNKNOWN), (25, 36))],
)
def test_an_unknown_boundary_is_taken_at_a_usual_distance_from_the_peak(row, span):
    assert (QRS, *span) in told(spans_of(waves((0, QRS, *row)), 0, 100))


def test_a_wave_of_which_nothing_is_known_is_left_out():
    assert told(spans_of(waves((0, QRS, UNKNOWN, UNKNOWN, UNKNOWN)), 0, 50)) == [(BACKGROUND, 0, 50)]


def test_a_qrs_complex_keeps_its_span_where_others_reach_into_it():
    spans = spans_of(waves((0, P, 10, 20, 30), (0, QRS, 25, 30, 40), (0, T, 35, 50, 60)), 0, 61)
    assert told(spans)[1:] == [(P, 10, 25), (QRS, 25, 41), (T, 41, 61)]


rows_of_waves = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-20, 420), st.integers(0, 80), st.integers(0, 7)), max_size=14
)


@given(rows_of_waves, st.integers(1, 400))
def test_words_tile_the_recording_whatever_the_waves(rows, samples):
    made = []
    for kind, onset, length, missing in rows:
        known = (onset, onset + length // 2, onset + length)
        made.append((0, kind, *(UNKNOWN if missing >> n & 1 else v for n, v in enumerate(known))))
    spans = spans_of(waves(*made), 0, samples)
    assert spans.bounds[0, 0] == 0
    assert spans.bounds[-1, 1] == samples
    assert (spans.bounds[1:, 0] == spans.bounds[:-1, 1]).all()
    lengths = np.diff(spans.bounds, axis=1)[:, 0]
    assert (lengths > 0).all()
    assert (lengths[spans.kinds == BACKGROUND] <= LONGEST_S * FS).all()


def test_each_annotated_beat_is_the_complex_of_which_each_is_the_others_nearest():
    held = waves((0, QRS, 25, 30, 34), (1, QRS, 75, 80, 84), beats=(30, 80))
    made, missed = with_beats(held, 0, np.array([33, 79]))
    spans = spans_of(made, 0, 100)
    assert spans.beats[spans.kinds == QRS].tolist() == [0, 1]
    assert missed.tolist() == []


def test_an_annotated_beat_without_a_complex_is_given_one_and_told():
    held = waves((0, QRS, 25, 30, 34), beats=(30,))
    made, missed = with_beats(held, 0, np.array([31, 80]))
    spans = spans_of(made, 0, 100)
    assert missed.tolist() == [1]
    assert (QRS, 75, 86) in told(spans)
    assert spans.beats[spans.kinds == QRS].tolist() == [0, 1]


def test_a_complex_that_was_found_where_no_beat_is_annotated_is_none():
    held = waves((0, QRS, 25, 30, 34), (1, QRS, 60, 65, 70), (2, QRS, 85, 90, 94), beats=(30, 65, 90))
    made, missed = with_beats(held, 0, np.array([30, 90]))
    assert spans_of(made, 0, 100).beats.tolist().count(UNKNOWN) == 5
    assert len(missed) == 0


def test_a_recording_without_beats_or_waves_has_none():
    made, missed = with_beats(Waves.none(FS, ("II",)), 0, np.empty(0, np.int64))
    assert len(made) == len(missed) == 0
