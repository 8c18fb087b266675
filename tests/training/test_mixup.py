"""Mixup beside its definition."""

import numpy as np
import pytest
import torch
from support import MULTICLASS, MULTILABEL
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from ecgtool.settings import TrainingConfig
from ecgtool.training.losses import Loss
from ecgtool.training.mixup import Blend, Mixup, mixup_of

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [-0.3, 0.8, 0.1], [1.5, 0.2, -2.0]])
SETS = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=torch.uint8)
CLASSES = torch.tensor([2, 0, 1])
BLEND = Blend(0.7, torch.tensor([1, 2, 0]))


def test_items_are_blended_with_their_partners():
    signal = torch.arange(12.0).reshape(3, 2, 2)
    assert torch.allclose(BLEND(signal)[0], 0.7 * signal[0] + 0.3 * signal[1])
    known = torch.tensor([[1.0], [float("nan")], [3.0]])
    assert BLEND(known).isnan().flatten().tolist() == [True, True, False]


def test_the_loss_is_that_of_the_blended_targets():
    truth = SETS.float()
    expected = binary_cross_entropy_with_logits(LOGITS, BLEND(truth))
    assert float(BLEND.loss(Loss("bce", MULTILABEL), LOGITS, SETS)) == pytest.approx(float(expected))
    expected = cross_entropy(LOGITS, BLEND(one_hot(CLASSES, 3).float()))
    assert float(BLEND.loss(Loss("ce", MULTICLASS), LOGITS, CLASSES)) == pytest.approx(float(expected))


def test_an_epoch_draws_the_same_again_and_another_one_others():
    def draws(epoch, rank=0):
        mixup = Mixup(0.4, seed=3)
        mixup.begin(epoch, rank)
        made = [mixup.draw(20, torch.device("cpu")) for _ in range(3)]
        return [blend.share for blend in made], [blend.partner.tolist() for blend in made]

    assert draws(2) == draws(2)
    assert draws(2)[0] != draws(3)[0]
    assert draws(2, rank=1)[0] == draws(2)[0]
    assert draws(2, rank=1)[1] != draws(2)[1]


def test_shares_follow_the_beta_distribution():
    mixup = Mixup(0.2, seed=0)
    shares = np.array([mixup.draw(2, torch.device("cpu")).share for _ in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.2 + 1)), abs=0.02)


def test_nothing_is_blended_unless_asked_for():
    assert mixup_of(TrainingConfig()) is None
    assert mixup_of(TrainingConfig(mixup=0.2)).alpha == 0.2
