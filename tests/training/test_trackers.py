"""Curves elsewhere: W&B and MLflow, offline, each epoch once, nobody named, and never at the training's cost."""

import getpass
import re
import socket
from pathlib import Path

import mlflow
import pytest
import wandb
import wandb_files
from support import make_store

from ecgtool.config import compose
from ecgtool.errors import ConfigError
from ecgtool.home import home as home_folder
from ecgtool.run import Run
from ecgtool.training.fit import create, fit
from ecgtool.training.history import EVENTS, read_history
from ecgtool.training.trackers import described, mark
from ecgtool.training.trackers_mlflow import MLflow
from ecgtool.training.trackers_wandb import WandB


@pytest.fixture(autouse=True)
def nobodys_own_settings(monkeypatch):
    """The environment of somebody who has set nothing; what the trackers set is taken back."""
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI", "WANDB_ERROR_REPORTING", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def settings(store, *logger, epochs=3, **more):
    training = {"epochs": epochs, "batch": 20, "lr": 0.01, "device": "cpu"}
    model = {"arch": "cnn1d", "data": {"dataset": str(store.path)}, "model": {"width": 4, "stages": 2}}
    return compose(flags={**model, "training": training, "tracking": {"logger": logger, "project": "trial"}, **more})


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store", items=60)


def mlflow_run(run):
    client = mlflow.MlflowClient(tracking_uri=(home_folder() / "mlruns").resolve().as_uri())
    return client, client.get_run(mark(run, "mlflow")["id"])


def steps(run, name="val_loss"):
    client, held = mlflow_run(run)
    return [(metric.step, metric.value) for metric in client.get_metric_history(held.info.run_id, name)]


@pytest.fixture
def stopped(monkeypatch):
    """Make the training stop after the second epoch, before or after it was sent."""

    def stop(sent):
        from ecgtool.training import recorder

        write = recorder.Recorder._write_tables

        def interrupted(self):
            if sent or len(self.history) < 2:
                write(self)
            if len(self.history) == 2 and self.training.epochs == 3:
                monkeypatch.setattr(recorder.Recorder, "_write_tables", write)
                raise KeyboardInterrupt

        monkeypatch.setattr(recorder.Recorder, "_write_tables", interrupted)

    return stop


def test_both_trackers_hold_every_epoch_the_best_one_and_the_settings(store):
    run = fit(settings(store, "wandb", "mlflow"), "./run")
    rows = read_history(run)
    (file,) = wandb_files.offline(run)
    assert [row["_step"] for row in wandb_files.epochs(file)] == [1, 2, 3]
    assert [row["val_loss"] for row in wandb_files.epochs(file)] == [row["val_loss"] for row in rows]
    assert steps(run) == [(1, rows[0]["val_loss"]), (2, rows[1]["val_loss"]), (3, rows[2]["val_loss"])]
    name, project, config = wandb_files.identity(file)
    _, held = mlflow_run(run)
    assert (name, project) == (mark(run, "wandb")["id"], "trial")
    assert config["arch"] == "cnn1d"
    assert config["dataset"]["name"] == "toy"
    assert config["training"]["lr"] == 0.01
    assert held.data.params["training.lr"] == "0.01"
    assert held.info.status == "FINISHED"
    best = max(row["val_macro_auroc"] for row in rows)
    assert wandb_files.summary(file)["best_val_macro_auroc"] == best
    assert held.data.metrics["best_val_macro_auroc"] == best
    assert (run.path / EVENTS).is_file()


@pytest.mark.parametrize("sent", [True, False], ids=["after it was sent", "before it was sent"])
def test_a_run_that_was_stopped_goes_on_as_the_same_run_with_each_epoch_once(store, stopped, sent):
    stopped(sent)
    with pytest.raises(KeyboardInterrupt):
        fit(settings(store, "wandb", "mlflow"), "./run")
    assert mlflow_run(Run.open("./run"))[1].info.status == "KILLED"
    run = fit(settings(store), resume="./run")
    first, second = wandb_files.offline(run)
    assert wandb_files.identity(first)[0] == wandb_files.identity(second)[0]
    assert [row["_step"] for file in (first, second) for row in wandb_files.epochs(file)] == [1, 2, 3]
    assert [step for step, _ in steps(run)] == [1, 2, 3]
    assert mlflow_run(run)[1].info.status == "FINISHED"


def test_what_is_written_names_nobody_and_no_place(store, tmp_path):
    run = fit(settings(store, "wandb", "mlflow", augment={"nstdb": str(tmp_path / "noise"), "use": ()}), "./run")
    written = [path for folder in (run.path / "wandb", home_folder() / "mlruns") for path in folder.rglob("*")]
    files = {path: path.read_bytes() for path in written if path.is_file()}
    assert len(files) > 20
    secrets = {str(tmp_path), str(Path.home()), str(Path.cwd()), *store.items["patient"], *store.items["record"]}
    for path, data in files.items():
        found = [secret for secret in secrets if secret.encode() in data]
        assert not found, path
        assert not re.search(rb"\b%b\b" % re.escape(socket.gethostname()).encode(), data), path
        assert getpass.getuser().encode() not in data, path


def test_settings_that_are_paths_are_not_told(store, tmp_path):
    config = settings(store, "mlflow", augment={"nstdb": str(tmp_path / "noise")}, model={"width": 4, "stages": 2})
    told = described(create(config, "./run"))
    assert "nstdb" not in told["augment"]
    assert "dataset" not in told["data"]
    assert str(tmp_path) not in repr(told)


def test_a_tracker_that_fails_costs_one_warning_and_no_epoch(store, caplog, monkeypatch):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)

    def full(self, history):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WandB, "epoch", full)
    run = fit(settings(store, "wandb", "mlflow"), "./run")
    records = {id(record): record for record in caplog.records}.values()  # pytest may see one at two loggers
    warnings = [record.message for record in records if "wandb fails" in record.message]
    assert warnings == ["wandb fails and is left out from here on: OSError: [Errno 28] No space left on device"]
    assert len(read_history(run)) == 3
    assert len(steps(run)) == 3


def test_a_tracker_that_cannot_begin_is_refused_before_training(store, monkeypatch, caplog):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)

    def broken(**_):
        raise RuntimeError("the service does not start")

    monkeypatch.setattr(wandb, "init", broken)
    with pytest.raises(ConfigError, match="The tracker wandb cannot begin: RuntimeError: the service does not start"):
        fit(settings(store, "wandb", "mlflow"), "./run")
    assert not Path("run").exists()
    assert "is left out" not in caplog.text


def test_a_run_that_goes_on_does_so_without_a_tracker_that_no_longer_begins(store, stopped, monkeypatch, caplog):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)
    stopped(sent=True)
    with pytest.raises(KeyboardInterrupt):
        fit(settings(store, "mlflow"), "./run")

    def gone(self, run):
        raise ConnectionError("no server there")

    monkeypatch.setattr(MLflow, "begin", gone)
    assert len(read_history(fit(settings(store), resume="./run"))) == 3
    assert "mlflow fails and is left out from here on: ConnectionError: no server there" in caplog.text


@pytest.mark.parametrize(("module", "package"), [("wandb", "wandb"), ("mlflow", "mlflow-skinny")])
def test_a_package_that_is_missing_is_told_with_the_command_that_installs_it(store, monkeypatch, module, package):
    monkeypatch.setattr("ecgtool.training.trackers.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=f"needs the package {package}, which is not installed") as caught:
        fit(settings(store, module), "./run")
    assert f"pip install 'ecgtool[{module}]'" in caught.value.hint
    assert f"pipx inject ecgtool {package}" in caught.value.hint
    assert not Path("run").exists()


def test_settings_of_the_environment_that_cannot_be_are_refused(store, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    with pytest.raises(ConfigError, match="WANDB_MODE is 'ofline'") as caught:
        fit(settings(store, "wandb"), "./run")
    assert "offline" in caught.value.hint
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "gopher://there")
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI begins with 'gopher:'"):
        fit(settings(store, "mlflow"), "./run")
    assert not Path("run").exists()


def test_a_person_may_name_a_folder_for_mlflow(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "elsewhere").as_uri())
    run = fit(settings(store, "mlflow", epochs=1), "./run")
    assert list((tmp_path / "elsewhere").rglob("val_loss"))
    assert not (home_folder() / "mlruns").exists()
    assert mark(run, "mlflow")["id"]


def test_wandb_may_be_switched_off_by_the_person(store, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = fit(settings(store, "wandb", epochs=1), "./run")
    assert not wandb_files.offline(run)


def test_a_tracker_that_does_not_exist_is_refused_with_the_nearest(store):
    with pytest.raises(ConfigError, match="There is no tracker called 'wandbb'") as caught:
        fit(settings(store, "wandbb"), "./run")
    assert "wandb" in caught.value.hint


def test_the_command_names_trackers_in_a_list(store, ecg):
    small = ("--arch", "cnn1d", "--set", "model.width=4", "--set", "model.stages=2", "--epochs", "1")
    outcome = ecg("train", "--dataset", store.path, *small, "--logger", "tensorboard,mlflow", "--project", "trial")
    assert outcome.code == 0
    assert len(list((home_folder() / "mlruns").rglob("val_loss"))) == 1
    outcome = ecg("train", "--resume", "store-cnn1d-1", "--logger", "wandb")
    assert outcome.code == 1
    assert "takes no others" in outcome.err
