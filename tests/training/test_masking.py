"""Words hidden at random, for a network to guess."""

import pytest
import torch

from ecgtool.training.data import Batch
from ecgtool.training.masking import Masking, whole
from ecgtool.views.gaps import SHARE
from ecgtool.words import CLS, FIRST_WORD, MASK, PAD, SEP

ITEMS, WORDS = 300, 100


def sentences():
    """Sentences of random words that lie side by side, whose spans tell which word is which."""
    name = torch.randint(FIRST_WORD, 74, (ITEMS, WORDS + 4), generator=torch.Generator().manual_seed(0))
    name[:, 0], name[:, WORDS + 1], name[:, WORDS + 2 :] = CLS, SEP, PAD
    onset = torch.arange(WORDS + 4).expand_as(name) * 10
    onset = torch.where(name >= FIRST_WORD, onset, 0)
    end = torch.where(name >= FIRST_WORD, onset + 10, 0)
    return torch.stack([name, onset, end, torch.full_like(name, 1)], dim=-1)


TOKENS = sentences()
NOTHING = torch.full(TOKENS.shape[:2], -1)


def batch(tokens=TOKENS, target=NOTHING):
    return Batch(torch.zeros(len(tokens), 1, 8), torch.zeros(len(tokens), 0), target, tokens)


def masked(seed=1, given=None):
    masking = Masking(seed)
    masking.begin(0, 0)
    return masking.drawn(batch() if given is None else given)


def shares(made):
    """Of the words that are asked for: how many are hidden, another one, and the word itself."""
    asked = made.target >= 0
    shown, true = made.tokens[asked][:, :3], TOKENS[asked][:, :3]
    hidden = shown[:, 0] == MASK
    moved = (shown[:, 1] != true[:, 1]) & ~hidden
    return hidden.float().mean(), moved.float().mean(), (shown == true).all(dim=1).float().mean()


def test_fifteen_in_a_hundred_words_are_asked_for_and_no_special_one():
    made = masked()
    asked = made.target >= 0
    assert not asked[TOKENS[..., 0] < FIRST_WORD].any()
    assert asked[TOKENS[..., 0] >= FIRST_WORD].float().mean().item() == pytest.approx(SHARE, abs=0.006)
    assert torch.equal(made.target[asked], TOKENS[..., 0][asked] - FIRST_WORD)


def test_of_these_eighty_are_hidden_ten_are_another_word_and_ten_are_left():
    hidden, moved, kept = shares(masked())
    assert hidden.item() == pytest.approx(0.8, abs=0.02)
    assert moved.item() == pytest.approx(0.1, abs=0.02)
    assert kept.item() == pytest.approx(0.1, abs=0.02)


def test_a_word_that_stands_for_another_comes_with_its_own_span():
    made = masked()
    moved = (made.tokens[..., 1] != TOKENS[..., 1]).nonzero()
    assert len(moved) > 100
    for item, place in moved[:50].tolist():
        name, onset, end, lead = made.tokens[item, place].tolist()
        assert (TOKENS[item] == torch.tensor([name, onset, end, lead])).all(dim=1).any()


def test_what_is_not_asked_for_stays_as_it_is():
    made = masked()
    assert torch.equal(made.tokens[made.target < 0], TOKENS[made.target < 0])


def test_the_same_seed_hides_the_same_words_and_another_one_others():
    assert torch.equal(masked(3).tokens, masked(3).tokens)
    assert not torch.equal(masked(3).target, masked(4).target)


def test_every_epoch_and_process_hides_other_words():
    masking = Masking(5)
    drawn = []
    for epoch, rank in ((0, 0), (1, 0), (0, 1), (0, 0)):
        masking.begin(epoch, rank)
        drawn.append(masking.drawn(batch()).target)
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[0], drawn[3])


def test_gaps_that_a_sentence_came_with_are_closed_first():
    hidden = TOKENS.clone()
    hidden[:, 5, 0] = MASK
    target = NOTHING.clone()
    target[:, 5] = TOKENS[:, 5, 0] - FIRST_WORD
    assert torch.equal(whole(hidden, target), TOKENS)
    made, plain = masked(7, batch(hidden, target)), masked(7)
    assert torch.equal(made.tokens, plain.tokens)
    assert torch.equal(made.target, plain.target)


def test_a_sentence_without_words_is_asked_for_nothing():
    empty = torch.zeros(2, 6, 4, dtype=torch.int64)
    empty[:, 0, 0], empty[:, 1, 0] = CLS, SEP
    made = masked(1, batch(empty, torch.full((2, 6), -1)))
    assert torch.equal(made.tokens, empty)
    assert (made.target == -1).all()
