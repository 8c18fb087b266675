"""Counting models of sentences: what they guess, and how sure they are."""

import numpy as np
import pytest

from ecgtool.sentences.ngrams import MODELS, NGrams
from ecgtool.words import CLS, MASK, PAD, SEP

A, B, C = 4, 5, 6
IDS = 8


def sentences(*texts, width=12):
    rows = [[CLS, *text, SEP] for text in texts]
    return np.array([row + [PAD] * (width - len(row)) for row in rows])


ABC = sentences([A, B, C] * 3, [A, B, C] * 2)


def gap(text, place):
    """A sentence with a gap, and what is asked."""
    tokens = sentences(text)
    targets = np.full(tokens.shape, -1)
    targets[0, place] = tokens[0, place] - 4
    tokens[0, place] = MASK
    return tokens, targets


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_all_above_zero_and_sum_to_one(model):
    counted = NGrams(ABC, IDS)
    left, right = np.array([A, C, MASK, 7, CLS]), np.array([C, SEP, A, 7, MASK])
    made = counted.probabilities(left, right, model)
    assert made.shape == (5, 4)
    assert (made > 0).all()
    np.testing.assert_allclose(made.sum(axis=1), 1)


def test_the_unigram_knows_how_common_words_are():
    made = NGrams(sentences([A, A, A, B]), IDS).probabilities(np.array([C]), np.array([C]), "unigram")
    np.testing.assert_allclose(made[0], [4 / 8, 2 / 8, 1 / 8, 1 / 8])


def test_the_bigram_goes_by_the_word_to_the_left_by_witten_and_bells_rule():
    made = NGrams(sentences([A, A, B]), IDS).probabilities(np.array([A]), np.array([SEP]), "bigram")
    base = np.array([3, 2, 1, 1]) / 7
    np.testing.assert_allclose(made[0], (np.array([1, 1, 0, 0]) + 2 * base) / 4)


def test_both_neighbours_say_what_neither_says_alone():
    counted = NGrams(sentences([A, B, A], [A, C, B]), IDS)
    made = counted.probabilities(np.array([A, A]), np.array([A, B]), "trigram")
    assert made.argmax(axis=1).tolist() == [B - 4, C - 4]


def test_a_neighbour_that_is_hidden_itself_tells_nothing():
    counted = NGrams(ABC, IDS)
    hidden = counted.probabilities(np.array([MASK]), np.array([MASK]), "trigram")
    np.testing.assert_allclose(hidden, counted.probabilities(np.array([A]), np.array([C]), "unigram"))
    assert counted.probabilities(np.array([MASK]), np.array([C]), "trigram").argmax() == B - 4
    half = counted.probabilities(np.array([A]), np.array([MASK]), "trigram")
    np.testing.assert_allclose(half, counted.probabilities(np.array([A]), np.array([C]), "bigram"))


def test_scores_are_of_the_gaps_alone():
    tokens, targets = gap([A, B, C], 2)
    counted = NGrams(ABC, IDS)
    score = counted.score(tokens, targets, "bigram")
    likely = counted.probabilities(np.array([A]), np.array([C]), "bigram")[0, B - 4]
    assert score == (1.0, pytest.approx(1 / likely), 1)
    assert counted.score(tokens, targets, "unigram").accuracy == 0


def test_the_more_is_looked_at_the_better_where_it_matters():
    scores = [NGrams(ABC, IDS).score(*gap([A, B, C, A], 3), model) for model in MODELS]
    assert scores[0].perplexity > scores[1].perplexity


def test_nothing_asked_is_no_score():
    tokens = sentences([A])
    score = NGrams(ABC, IDS).score(tokens, np.full(tokens.shape, -1))
    assert score.words == 0
    assert np.isnan(score.accuracy)
