"""Where a run comes from, and starts that would leak."""

import getpass
import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from support import make_store
from training_runs import small

from ecgtool.errors import ConfigError, DataError, NotFound
from ecgtool.models.contract import load_run
from ecgtool.run import Run
from ecgtool.task import Task
from ecgtool.training.lineage import VARIABLES, environment, portable

FOUR = Task(name="four", kind="multilabel", labels=("A", "B", "C", "D"))


@pytest.fixture
def stores(tmp_path):
    """Two stores of the same patients with other splits, one of another corpus."""
    first = make_store(tmp_path / "first", items=60)
    second = make_store(tmp_path / "second", items=60)
    frame = second.items
    frame["split"] = np.roll(frame["split"].to_numpy(), 12)
    frame.to_csv(second.path / "items.csv", index=False)
    return first, type(second).open(second.path), make_store(tmp_path / "third", items=60, dataset="other", task=FOUR)


def test_the_same_data_and_splits_may_be_started_from(stores):
    parent = small(stores[0], "./parent")
    child = small(stores[0], "./child", init="./parent")
    assert child.lineage.parents == (portable(parent.path),)


def test_a_start_that_saw_the_validation_patients_is_refused_unless_told(stores):
    small(stores[0], "./parent")
    with pytest.raises(DataError, match=r"trained on \d+ patients of this run's validation or test split"):
        small(stores[1], "./child", init="./parent")
    assert not Path("child").exists()
    small(stores[1], "./child", init="./parent", init_leak=True)


def test_what_grandparents_saw_counts_even_when_they_are_gone(stores):
    small(stores[0], "./grandparent")
    small(stores[2], "./parent", init="./grandparent")
    shutil.rmtree("grandparent")
    with pytest.raises(DataError, match="trained on"):
        small(stores[1], "./child", init="./parent")


def test_patients_of_another_corpus_are_other_people(stores):
    small(stores[0], "./parent")
    assert small(stores[2], "./child", init="./parent").lineage.inherited["toy"]


def test_a_checkpoint_inside_a_run_has_the_lineage_of_the_run(stores):
    small(stores[0], "./parent")
    child = small(stores[0], "./child", init="parent/checkpoints/last.ckpt")
    assert child.lineage.parents[0].endswith("parent/checkpoints/last.ckpt")
    with pytest.raises(DataError, match="trained on"):
        small(stores[1], "./other", init="parent/checkpoints/last.ckpt")


def test_a_checkpoint_without_a_run_is_refused_unless_told(stores):
    small(stores[0], "./parent")
    shutil.copy("parent/checkpoints/best.pt", "loose.pt")
    with pytest.raises(DataError, match=r"loose.pt lies in no run") as caught:
        small(stores[0], "./child", init="loose.pt")
    assert "training.init_leak=true" in caught.value.hint
    assert small(stores[0], "./child", init="loose.pt", init_leak=True).lineage.parents == (
        str(Path("loose.pt").resolve()),
    )


def test_weights_that_fit_are_taken_and_the_others_named(stores, caplog, monkeypatch):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)
    parent = small(stores[0], "./parent")
    child = small(stores[2], "./child", init="./parent", lr=1e-12)
    before, after = load_run(parent).state_dict(), load_run(child).state_dict()
    assert np.allclose(before["network.stages.0.halve.0.weight"], after["network.stages.0.halve.0.weight"], atol=1e-6)
    assert "not loaded, trained anew: head.out.1.weight (4, " in caplog.text
    assert child.norm_stats.mean_mv != parent.norm_stats.mean_mv


def test_a_start_that_does_not_fit_at_all_is_refused(stores):
    small(stores[0], "./parent")
    torch.save({"state_dict": {"model.network.other": torch.zeros(3)}}, "odd.pt")
    with pytest.raises(ConfigError, match=r"No weight of odd.pt fits this model"):
        small(stores[0], "./child", init="odd.pt", init_leak=True)
    assert not Path("child").exists()


def test_a_start_that_is_not_there_is_refused(stores):
    with pytest.raises(NotFound, match="no run 'nobody'"):
        small(stores[0], "./child", init="nobody")


def test_the_environment_names_software_and_machine_but_nobody(tmp_path, stores):
    run = small(stores[0], "./run")
    text = (run.path / "environment.json").read_text()
    document = json.loads(text)
    assert {"ecgtool", "code", "python", "packages", "platform", "cpu", "threads", "command"} <= set(document)
    assert {"torch", "lightning", "numpy", "onnx"} <= set(document["packages"])
    assert socket.gethostname() not in text
    names = {getpass.getuser(), Path.home().name} - {"root"}
    assert not any(f'"{name}"' in text or f"/{name}/" in text for name in names)


def test_what_could_change_the_numbers_is_recorded(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    document = environment(["ecg", "train"])
    assert document["variables"] == {"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"} | {
        name: os.environ[name] for name in VARIABLES if name in os.environ
    }
    assert document["threads"] == torch.get_num_threads()
    assert document["interop_threads"] == torch.get_num_interop_threads()
    assert document["backends"]["matmul_precision"] == "highest"
    assert document["backends"]["deterministic_algorithms"] is torch.are_deterministic_algorithms_enabled()
    assert document["instructions"]
    assert "hunter2" not in json.dumps(document)


def test_the_home_folder_is_written_as_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "alice")
    command = environment(["ecg", "train", "--dataset", str(tmp_path / "alice" / "store")])["command"]
    assert command == "ecg train --dataset ~/store"
    assert portable(tmp_path / "alice" / "stores" / "mine") == "~/stores/mine"


def test_a_member_of_the_home_of_stores_and_runs_is_its_name(home):
    assert portable(home / "runs" / "mine") == "mine"


def test_a_run_opens_again_with_all_it_knows(stores):
    made = small(stores[0], "./run")
    again = Run.open("./run")
    assert again.lineage == made.lineage
    assert again.lineage.train_patients
    assert not set(again.lineage.train_patients) & set(stores[0].items["patient"].iloc[stores[0].indices("val")])
