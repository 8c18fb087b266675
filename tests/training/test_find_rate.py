"""The test of learning rates: what it suggests, and that it leaves nothing behind."""

import math

import numpy as np
import pytest
from support import make_store

from ecgtool.errors import DataError
from ecgtool.training.find_rate import RateTest


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=60)


def bowl(steps=200, least=1e-2):
    """Losses that fall to the least one, along a parabola, and rise again."""
    rates = np.geomspace(1e-7, 10, steps)
    return rates, np.log10(rates / least) ** 2 / 10


def test_a_tenth_of_the_rate_of_the_least_loss_is_suggested():
    test = RateTest.of(*bowl())
    assert math.log10(test.least) == pytest.approx(-2, abs=0.5)  # smoothing lags a little
    assert test.suggestion == pytest.approx(test.least / 10, rel=0.05)
    assert test.steepest < test.least


def test_a_loss_that_does_not_fall_suggests_nothing():
    rates, _ = bowl()
    with pytest.raises(DataError, match="does not fall at any rate"):
        RateTest.of(rates, np.linspace(1, 2, len(rates)))
    with pytest.raises(DataError, match="does not fall at any rate"):
        RateTest.of([1e-7], [0.7])


def test_a_first_batch_that_is_worse_than_others_is_no_steep_fall():
    rates, _ = bowl()
    losses = 1 / (1 + np.exp(3 * (np.log10(rates) + 3))) + np.maximum(0, np.log10(rates) + 1)
    losses[0] += 3
    assert math.log10(RateTest.of(rates, losses).steepest) == pytest.approx(-3, abs=0.7)


def test_the_smoothed_loss_of_a_constant_is_that_constant():
    rates, losses = bowl()
    assert RateTest.of(rates, losses).smoothed[0] == pytest.approx(losses[0])


def test_the_command_suggests_a_rate_draws_it_and_makes_no_run(ecg, store, home, tmp_path):
    arguments = (
        "train",
        "--dataset",
        store.path,
        "--arch",
        "cnn1d",
        "--set",
        "model.width=4",
        "--set",
        "model.stages=2",
    )
    arguments += ("--set", "training.accumulate=2", "--set", "training.swa=0.5", "--folds", 2, "--batch", 4)
    done = ecg(*arguments, "--find-lr", "--out", "rates.png", "--json")
    assert done.code == 0, done.err
    assert 1e-6 < done.json["suggestion"] < 1
    assert done.json["losses"][0] == pytest.approx(math.log(2), abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["rates.png"]
    assert not (home / "runs").exists()


def test_a_picture_that_cannot_be_is_told_before_the_test(ecg, store, tmp_path):
    (tmp_path / "there.png").write_bytes(b"mine")
    for name in ("there.png", "rates.txt"):
        done = ecg("train", "--dataset", store.path, "--arch", "cnn1d", "--find-lr", "--out", name)
        assert done.code == 1
        assert name in done.err
    assert (tmp_path / "there.png").read_bytes() == b"mine"


def test_a_run_that_is_there_has_its_rate(ecg):
    done = ecg("train", "--resume", "mine", "--find-lr")
    assert done.code == 1
    assert "takes no others" in done.err


@pytest.mark.parametrize(("other", "said"), [(("--find-lr",), "exclude each other"), (("--out", "mine"), "no run")])
def test_a_check_takes_no_other_task_and_no_name(ecg, other, said):
    done = ecg("train", "--dataset", "any", "--arch", "cnn1d", "--check", *other)
    assert done.code == 1
    assert said in done.err
