"""Weights that another run brings learn at a share of the rate, or not at all."""

import shutil
from pathlib import Path

import pytest
import torch
from support import make_store
from training_runs import small

from ecgtool.config import resolve
from ecgtool.errors import ConfigError
from ecgtool.models.checkpoint import read_checkpoint
from ecgtool.run import Run
from ecgtool.settings import TrainingConfig
from ecgtool.task import Task
from ecgtool.training import recorder
from ecgtool.training.history import read_history
from ecgtool.training.schedules import optimizer, set_rate

FOUR = Task(name="four", kind="multilabel", labels=("A", "B", "C", "D"))
OF_THREE = Task(name="three", kind="multilabel", labels=("A", "B", "C"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two stores of other people whose tasks differ, so that a last layer begins anew."""
    folder = tmp_path_factory.mktemp("stores")
    first = make_store(folder / "first", items=60, task=OF_THREE)
    return first, make_store(folder / "second", items=60, dataset="other", task=FOUR)


@pytest.fixture
def parent(stores):
    return small(stores[0], "./parent")


def weights(run, which="best"):
    return read_checkpoint(run.checkpoint(which))["state_dict"]


def moved(child, parent):
    """How far each weight of the same name and shape is from where it began."""
    before, after = weights(parent), weights(child)
    both = [key for key in after if key in before and before[key].shape == after[key].shape]
    assert any("head" in key for key in after if key not in both)
    trained = [key for key in both if key.startswith("model.network.") and "running" not in key and "num_b" not in key]
    return {key: float((after[key] - before[key]).abs().max()) for key in trained}


def test_a_share_of_0_leaves_what_was_brought_to_the_last_digit(stores, parent):
    child = small(stores[1], "./child", init="./parent", init_lr=0)
    assert set(moved(child, parent).values()) == {0.0}
    grown = weights(child)["model.network.head.out.1.weight"]
    other = weights(small(stores[1], "./later", init="./parent", init_lr=0, lr=0.1))["model.network.head.out.1.weight"]
    assert not torch.equal(grown, other)


def test_a_tenth_of_the_rate_moves_what_was_brought_less(stores, parent):
    slow = moved(small(stores[1], "./slow", init="./parent", init_lr=0.1, optimizer="sgd"), parent)
    fast = moved(small(stores[1], "./fast", init="./parent", optimizer="sgd"), parent)
    assert 0 < sum(slow.values()) < 0.2 * sum(fast.values())


def test_without_a_start_the_share_changes_nothing(stores):
    runs = [small(stores[1], f"./run-{share}", init_lr=share) for share in (1, 0)]
    losses = [[row["train_loss"] for row in read_history(run)] for run in runs]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("share", "scheduler"), [(0, "onecycle"), (0.1, "plateau")])
def test_a_slow_start_goes_on_after_a_stop_though_its_parent_is_gone(stores, parent, monkeypatch, share, scheduler):
    settings = {"init": "./parent", "init_lr": share, "epochs": 3, "scheduler": scheduler, "plateau_patience": 1}
    whole = small(stores[1], "./whole", **settings)
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write_file", torn_after(recorder.write_file, 4))
        with pytest.raises(KeyboardInterrupt):
            small(stores[1], "./torn", **settings)
    shutil.rmtree(parent.path)
    resumed = small(stores[1], "ignored", resume="./torn")
    assert [row["val_loss"] for row in read_history(resumed)] == [row["val_loss"] for row in read_history(whole)]
    ours, theirs = weights(resumed, "last"), weights(whole, "last")
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def torn_after(real, number):
    """Writes that end the process, so to say, after so many."""
    count = iter(range(number))

    def write(path, fill):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return real(path, fill)

    return write


def test_plateau_lowers_the_rate_of_both_and_keeps_their_share(stores, parent, monkeypatch):
    monkeypatch.setattr(recorder, "plateau", lambda *_: 0.25)
    run = small(stores[1], "./child", init="./parent", init_lr=0.1, scheduler="plateau", lr=0.02)
    (state,) = read_checkpoint(run.checkpoint("last"))["optimizer_states"]
    rates = [group["lr"] for group in state["param_groups"]]
    assert rates == pytest.approx([0.005, 0.005, 0.0005, 0.0005])


def test_each_weight_is_in_one_group_and_the_new_ones_come_first():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2), torch.nn.Linear(2, 2))
    brought = ("0.weight", "0.bias", "1.weight", "1.bias", "no such weight")
    made = optimizer(network, TrainingConfig(lr=0.5, init_lr=0.1, weight_decay=0.3), brought)
    groups = [(group["lr"], group["weight_decay"], len(group["params"])) for group in made.param_groups]
    assert groups == [(0.5, 0.3, 1), (0.5, 0.0, 1), (0.05, 0.3, 1), (0.05, 0.0, 3)]
    set_rate(made, 2.0)
    assert [group["lr"] for group in made.param_groups] == [2.0, 2.0, 0.2, 0.2]


def test_nothing_to_train_is_refused_before_there_is_a_run(stores):
    small(stores[0], "./parent")
    with pytest.raises(ConfigError, match="brings every weight of this model: there is nothing to train") as caught:
        small(stores[0], "./child", init="./parent", init_lr=0)
    assert "training.init_lr=0.1" in caught.value.hint
    assert not Path("child").exists()


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_lies_between_0_and_1(share):
    with pytest.raises(ConfigError, match="init_lr"):
        resolve([{"training": {"init_lr": share}}])


def test_a_run_of_a_time_before_there_were_shares_goes_on(stores, monkeypatch):
    settings = {"scheduler": "plateau", "plateau_patience": 1, "epochs": 3}
    whole = small(stores[1], "./whole", **settings)
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write_file", torn_after(recorder.write_file, 4))
        with pytest.raises(KeyboardInterrupt):
            small(stores[1], "./torn", **settings)
    forget_shares(Run.open("./torn").checkpoint("last"))
    resumed = small(stores[1], "ignored", resume="./torn")
    assert [row["val_loss"] for row in read_history(resumed)] == [row["val_loss"] for row in read_history(whole)]


def forget_shares(path):
    document = torch.load(path, weights_only=True)
    document["hyper_parameters"].pop("brought")
    for group in document["optimizer_states"][0]["param_groups"]:
        group.pop("share")
    torch.save(document, path)
