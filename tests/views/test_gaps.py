"""The places of sentences that are asked for."""

import numpy as np
import pytest

from ecgtool.views.gaps import SHARE, gaps

WORDS = np.tile([False] + [True] * 120 + [False] * 9, (500, 1))


def test_about_fifteen_in_a_hundred_words_are_gaps_and_no_special_one_is():
    found = gaps(WORDS, np.arange(500))
    assert not found[~WORDS].any()
    assert found[WORDS].mean() == pytest.approx(SHARE, abs=0.005)


def test_places_and_items_do_not_decide_how_many_there_are():
    found = gaps(WORDS, np.arange(500))
    per_place, per_item = found[:, 1:121].mean(axis=0), found[:, 1:121].mean(axis=1)
    assert per_place.min() > 0.08
    assert per_place.max() < 0.23
    assert per_item.std() == pytest.approx(np.sqrt(SHARE * (1 - SHARE) / 120), rel=0.15)


def test_the_gaps_of_an_item_are_the_same_in_whatever_batch_it_is_read():
    items = np.array([3, 77, 400])
    np.testing.assert_array_equal(gaps(WORDS[items], items), gaps(WORDS, np.arange(500))[items])


def test_neighbouring_items_have_gaps_of_their_own():
    found = gaps(WORDS, np.arange(500))
    together = (found[1:] & found[:-1]).sum() / found[1:].sum()
    assert together == pytest.approx(SHARE, abs=0.02)
