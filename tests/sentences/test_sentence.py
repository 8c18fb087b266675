"""Sentences: words divided by windows, and the table that a network reads."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgtool.sentences.sentence import MOST_WORDS, divided, packed, padded, segment_of, width_of, windows_of
from ecgtool.words import CLS, PAD, SEP


def bounds_of(lengths):
    edges = np.concatenate([[0], np.cumsum(lengths)])
    return np.column_stack([edges[:-1], edges[1:]])


def test_no_word_is_cut_in_two():
    assert divided(bounds_of([4, 4, 4, 4]), 10).tolist() == [0, 2, 4]


def test_a_word_longer_than_the_window_is_a_sentence_by_itself():
    assert divided(bounds_of([3, 20, 3]), 10).tolist() == [0, 1, 2, 3]


def test_a_sentence_with_too_many_words_ends_early():
    assert divided(bounds_of([1] * 10), 100, most=6).tolist() == [0, 4, 8, 10]


def test_a_recording_as_long_as_the_window_is_one_sentence():
    assert divided(bounds_of([30, 50, 20]), 100).tolist() == [0, 3]


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100), st.integers(3, 20))
def test_every_word_is_in_one_sentence_that_fits(lengths, window, most):
    bounds = bounds_of(lengths)
    offsets = divided(bounds, window, most)
    assert offsets[0] == 0
    assert offsets[-1] == len(lengths)
    sizes = np.diff(offsets)
    assert (sizes > 0).all()
    assert (sizes <= most - 2).all()
    for first, last in pairwise(offsets.tolist()):
        assert last - first == 1 or bounds[last - 1, 1] - bounds[first, 0] <= window


def test_the_table_holds_numbers_spans_and_leads_between_cls_and_sep():
    ids, bounds = np.array([7, 8, 9]), np.array([[100, 110], [110, 130], [5, 9]])
    made = packed(ids, bounds, np.array([2, 1]), np.array([100, 5]), np.array([2, 7]))
    assert made[..., 0].tolist() == [[CLS, 7, 8, SEP], [CLS, 9, SEP, PAD]]
    assert made[0, :, 1].tolist() == [0, 0, 10, 0]
    assert made[0, :, 2].tolist() == [0, 10, 30, 0]
    assert made[..., 3].tolist() == [[2, 2, 2, 2], [7, 7, 7, 0]]


def test_a_table_is_filled_up():
    made = padded(np.ones((2, 3, 4), np.int64), 5)
    assert made.shape == (2, 5, 4)
    assert not made[:, 3:].any()


@pytest.mark.parametrize(
    ("words", "width"), [(1, 8), (6, 8), (7, 16), (MOST_WORDS - 2, MOST_WORDS), (MOST_WORDS - 3, MOST_WORDS)]
)
def test_tables_are_as_wide_as_the_longest_sentence_in_steps_of_eight(words, width):
    assert width_of(np.array([0, words])) == width


@pytest.mark.parametrize(
    ("lead", "number"),
    [("I", 1), ("II", 2), ("MLII", 2), ("V1", 7), ("MCL1", 7), ("V6", 12), ("ECG", 0), ("-aVR", 0)],
)
def test_leads_have_the_same_number_in_every_corpus(lead, number):
    assert segment_of(lead) == number


def test_windows_are_zero_beyond_the_end():
    signals = np.arange(1, 11).reshape(2, 5)
    made = windows_of(signals, np.array([0, 1, 1]), np.array([0, 3, 9]), 3)
    assert made.tolist() == [[1, 2, 3], [9, 10, 0], [0, 0, 0]]
