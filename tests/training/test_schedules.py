"""Learning-rate schedules and optimisers."""

import pytest
import torch
from torch import nn

from ecgtool.config import TrainingConfig
from ecgtool.training.schedules import SCHEDULES, optimizer, plateau, rate


@pytest.mark.parametrize("name", ["onecycle", "cosine", "polynomial"])
def test_the_rate_rises_to_its_peak_and_falls_to_almost_nothing(name):
    share = rate(name, warmup=0.25, steps=1000)
    shares = [share(step) for step in range(1000)]
    peak = shares.index(max(shares))
    assert peak == pytest.approx(250, abs=2)
    assert max(shares) == pytest.approx(1.0, abs=1e-3)
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert 0 < shares[-1] < 3e-3
    assert share(5000) >= 0


def test_no_warm_up_begins_near_the_peak():
    assert rate("cosine", warmup=0.0, steps=100)(0) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name", ["plateau", "constant"])
def test_schedules_that_ignore_the_step_say_so(name):
    assert SCHEDULES[name] is None
    assert rate(name, 0.1, 100) is None


def test_plateau_halves_after_three_epochs_without_a_better_score():
    assert plateau([0.5, 0.6, 0.6, 0.6]) == 1.0
    assert plateau([0.5, 0.6, 0.6, 0.6, 0.6]) == 0.5
    assert plateau([0.5, 0.6, 0.6, 0.6, 0.6, 0.7, 0.1, 0.1]) == 0.5
    assert plateau([0.5] * 7) == 0.25


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_biases_and_norms_are_not_decayed(name):
    network = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    groups = optimizer(network, TrainingConfig(optimizer=name, weight_decay=0.3)).param_groups
    decays = {parameter.ndim: group["weight_decay"] for group in groups for parameter in group["params"]}
    assert decays == {2: 0.3, 1: 0.0}
    assert sum(len(group["params"]) for group in groups) == 4


def test_the_names_are_torchs_optimisers():
    made = [type(optimizer(nn.Linear(2, 2), TrainingConfig(optimizer=name))) for name in ("adamw", "adam", "sgd")]
    assert made == [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD]
