"""Batches of sentences without the padding that none of them needs."""

import torch

from ecgtool.training.data import Batch, trimmed
from ecgtool.words import CLS, FIRST_WORD, PAD, SEP

WORDS, COLUMNS = 12, 3


def sentences(*lengths):
    """Sentences of that many words between CLS and SEP."""
    tokens = torch.full((len(lengths), WORDS, 4), PAD)
    for row, length in zip(tokens, lengths, strict=True):
        row[0, 0], row[1 : length + 1, 0], row[length + 1, 0] = CLS, FIRST_WORD, SEP
    return tokens


def batch(tokens, target, tabular=None):
    items = len(target)
    return Batch(torch.zeros(items, 1, 8), torch.zeros(items, COLUMNS) if tabular is None else tabular, target, tokens)


def test_tokens_features_and_targets_of_words_are_cut_to_the_longest_sentence():
    target = torch.arange(2 * WORDS).reshape(2, WORDS)
    tabular = torch.arange(2.0 * WORDS * COLUMNS).reshape(2, WORDS, COLUMNS)
    given = batch(sentences(3, 5), target, tabular)
    made = trimmed(given)
    assert torch.equal(made.tokens, given.tokens[:, :7])
    assert torch.equal(made.target, target[:, :7])
    assert torch.equal(made.tabular, tabular[:, :7])
    assert torch.equal(made.signal, given.signal)


def test_the_answers_of_whole_sentences_are_left_even_where_there_are_as_many_labels_as_words():
    several = torch.ones(2, WORDS, dtype=torch.uint8)
    one = torch.tensor([1, 0])
    assert torch.equal(trimmed(batch(sentences(3, 5), several)).target, several)
    assert torch.equal(trimmed(batch(sentences(3, 5), one)).target, one)
    assert trimmed(batch(sentences(3, 5), one)).tabular.shape == (2, COLUMNS)


def test_a_batch_that_is_full_or_has_no_sentences_stays_as_it_is():
    target = torch.zeros(1, WORDS, dtype=torch.int64)
    full, none = batch(sentences(WORDS - 2), target), batch(None, target)
    assert trimmed(full).tokens.shape == full.tokens.shape
    assert trimmed(none) is none


def test_a_batch_of_nothing_but_padding_keeps_one_place():
    empty = batch(torch.full((2, WORDS, 4), PAD), torch.full((2, WORDS), -1))
    assert trimmed(empty).tokens.shape == (2, 1, 4)
