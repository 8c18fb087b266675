"""Learning-rate schedules and optimisers."""

import numpy as np
import pytest
import torch
from torch import nn

from ecgtool.settings import TrainingConfig
from ecgtool.training.schedules import SCHEDULES, first_averaged, optimizer, plateau, rate


@pytest.mark.parametrize("name", ["onecycle", "cosine", "polynomial"])
def test_the_rate_rises_to_its_peak_and_falls_to_almost_nothing(name):
    share = rate(TrainingConfig(scheduler=name, warmup=0.25), steps=1000)
    shares = [share(step) for step in range(1000)]
    peak = shares.index(max(shares))
    assert peak == pytest.approx(250, abs=2)
    assert max(shares) == pytest.approx(1.0, abs=1e-3)
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert 0 < shares[-1] < 3e-3
    assert share(5000) >= 0


def test_no_warm_up_begins_near_the_peak():
    assert rate(TrainingConfig(scheduler="cosine", warmup=0.0), steps=100)(0) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name", ["plateau", "constant"])
def test_schedules_that_ignore_the_step_say_so(name):
    assert SCHEDULES[name] is None
    assert rate(TrainingConfig(scheduler=name), 100) is None


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


def driven(make, steps, *, lr=1.0):
    """The rates that one of torch's own schedulers gives, step by step."""
    weights = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, rates = make(weights), []
    for _ in range(steps):
        rates.append(weights.param_groups[0]["lr"])
        weights.step()
        scheduler.step()
    return rates


def test_cosine_is_torchs_from_the_first_step_after_its_start_to_the_last_before_its_end():
    expected = driven(lambda made: torch.optim.lr_scheduler.CosineAnnealingLR(made, 101), 101)[1:]
    share = rate(TrainingConfig(scheduler="cosine", warmup=0.0), 100)
    assert [share(step) for step in range(100)] == pytest.approx(expected, abs=1e-9)


def test_warm_up_is_torchs():
    expected = driven(lambda made: torch.optim.lr_scheduler.LinearLR(made, 1e-9, 1.0, 20), 20)[1:]
    for name in ("cosine", "polynomial"):
        share = rate(TrainingConfig(scheduler=name, warmup=0.2), 99)
        assert [share(step) for step in range(19)] == pytest.approx(expected, abs=1e-6)


def test_polynomial_is_torchs():
    expected = driven(lambda made: torch.optim.lr_scheduler.PolynomialLR(made, 101, 0.9), 101)[1:]
    share = rate(TrainingConfig(scheduler="polynomial", warmup=0.0), 100)
    assert [share(step) for step in range(100)] == pytest.approx(expected, abs=1e-9)


def test_onecycle_is_torchs_up_to_where_its_steps_lie():
    expected = driven(lambda made: torch.optim.lr_scheduler.OneCycleLR(made, 1.0, 1000, pct_start=0.3), 999)
    share = rate(TrainingConfig(scheduler="onecycle", warmup=0.3), 1000)
    assert [share(step) for step in range(999)] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("patience", "factor"), [(3, 0.5), (1, 0.1), (5, 0.8)])
def test_plateau_is_torchs_reduce_on_plateau(patience, factor):
    scores = np.random.default_rng(0).normal(size=60).cumsum()
    weights = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        weights, "max", factor=factor, patience=patience - 1, threshold=0.0, eps=0.0
    )
    for epoch, score in enumerate(scores):
        theirs.step(score)
        assert plateau(scores[: epoch + 1], patience, factor) == pytest.approx(weights.param_groups[0]["lr"])


@pytest.mark.parametrize("name", ["onecycle", "constant"])
def test_the_rate_is_held_while_weights_are_averaged(name):
    share = rate(TrainingConfig(scheduler=name, swa=0.25, swa_rate=0.2), 75, held=75)
    assert {share(step) for step in range(75, 100)} == {0.2}
    assert share(74) == pytest.approx(1.0 if name == "constant" else 0.0, abs=1e-3)


@pytest.mark.parametrize(("epochs", "swa", "first"), [(10, 0.3, 7), (10, 0.01, 9), (1, 0.9, 0), (10, 0.0, None)])
def test_the_last_share_of_the_epochs_is_averaged_one_at_least(epochs, swa, first):
    assert first_averaged(TrainingConfig(epochs=epochs, swa=swa)) == first
