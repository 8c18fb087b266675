"""``ecg train`` as it is typed."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
from support import make_store

from ecgtool.run import Run

SMALL = ("--arch", "cnn1d", "--set", "model.width=4", "--set", "model.stages=2", "--lr", "0.01", "--device", "cpu")


@pytest.fixture
def store(home):
    return make_store(home / "stores" / "toy", items=100)


def curve(run):
    with (run / "metrics.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_a_run_is_named_after_store_and_architecture_and_says_what_to_type_next(ecg, store, home):
    done = ecg("train", "--dataset", "toy", *SMALL, "--epochs", 2)
    assert done.code == 0
    assert "Run toy-cnn1d-1: best of 2 epochs" in done.out
    assert "ecg evaluate toy-cnn1d-1" in done.err
    assert "epoch 2/2" in done.err
    assert (home / "runs" / "toy-cnn1d-1" / "checkpoints" / "best.pt").is_file()
    assert "Run toy-cnn1d-2" in ecg("train", "--dataset", "toy", *SMALL, "--epochs", 1).out


def test_json_holds_the_run_and_its_best_epoch_alone_on_stdout(ecg, store, home):
    done = ecg("train", "--dataset", "toy", *SMALL, "--epochs", 2, "--out", "mine", "--json", "-q")
    assert set(done.json) == {"run", "path", "epochs", "best_epoch", "metric", "value", "labels"}
    assert done.json["run"] == "mine"
    assert done.json["metric"] == "macro_auroc"
    assert done.err == ""
    assert "epoch 2/2" in (home / "runs" / "mine" / "run.log").read_text()


def test_layers_are_defaults_recipe_file_flags_set(ecg, store, tmp_path):
    (tmp_path / "mine.yaml").write_text("training: {epochs: 7, batch: 25, lr: 0.5, seed: 3}\nmodel: {width: 4}\n")
    words = ("--recipe", "synthetic-quick", "--config", "mine.yaml", "--dataset", "toy", "--epochs", 1, "--lr", 0.2)
    assert ecg("train", *words, "--set", "training.lr=0.01", "--out", "./run").code == 0
    config = Run.open("./run").config
    assert (config.training.epochs, config.training.batch, config.training.lr) == (1, 25, 0.01)
    assert (config.training.seed, config.model["width"], config.training.clip) == (3, 4, 1.0)
    assert config.training.early_stop == 6


def test_every_flag_reaches_the_configuration(ecg, store):
    flags = "--task toy --epochs 1 --batch 30 --weight-decay 0.2 --optimizer sgd --scheduler cosine --loss focal"
    flags += " --class-weights 1.0,2.0,0.5 --val-metric auprc --early-stop 4 --seed 9 --limit 50 --devices 1 --nodes 1"
    flags += " --precision 32 --workers 0"
    assert ecg("train", "--dataset", "toy", *SMALL, *flags.split(), "--out", "./run").code == 0
    config = Run.open("./run").config
    assert config.training.model_dump(include={"class_weights", "optimizer", "scheduler", "loss", "precision"}) == {
        "class_weights": (1.0, 2.0, 0.5),
        "optimizer": "sgd",
        "scheduler": "cosine",
        "loss": "focal",
        "precision": "32",
    }
    assert (config.data.task, config.data.limit, config.training.seed) == ("toy", 50, 9)
    assert (config.training.early_stop, config.training.val_metric) == (4, "auprc")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "toy"], "No architecture is given"),
        (["--arch", "cnn1d"], "No dataset is given"),
        (["--dataset", "tyo", "--arch", "cnn1d"], "There is no store 'tyo'. Did you mean 'toy'?"),
        (["--dataset", "toy", "--arch", "xlsm"], "no architecture called 'xlsm'. Did you mean 'xlstm'?"),
        (["--dataset", "toy", *SMALL, "--set", "training.learning=1"], "There is no option 'training.learning'."),
        (["--dataset", "toy", *SMALL, "--set", "model.widht=1"], "'model.widht'. Did you mean 'width'?"),
        (["--dataset", "toy", *SMALL, "--set", "lr"], "is not of the form section.option=value"),
        (["--dataset", "toy", *SMALL, "--epochs", "0"], "training.epochs"),
        (["--dataset", "toy", *SMALL, "--optimizer", "adamax"], "training.optimizer"),
        (["--dataset", "toy", *SMALL, "--class-weights", "1,x"], "neither a list of numbers nor balanced"),
        (["--dataset", "toy", *SMALL, "--task", "form"], "holds no task 'form'"),
        (["--dataset", "toy", "--recipe", "synthetic-quik"], "Did you mean 'synthetic-quick'?"),
        (["--dataset", "toy", "--recipe", "synthetic-quick", "--arch", "xlstm"], "is for 'cnn1d', not 'xlstm'"),
        (["--dataset", "toy", *SMALL, "--config", "none.yaml"], "none.yaml does not exist"),
        (["--dataset", "toy", *SMALL, "--out", "a b"], "cannot be a name"),
        (["--resume", "nothing"], "There is no run 'nothing'"),
        (["--resume", "nothing", "--epochs", "3"], "takes no others"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_run(ecg, store, home, words, said):
    done = ecg("train", *words)
    assert done.code == 1
    assert said in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not (home / "runs").exists() or not list((home / "runs").iterdir())


def test_the_list_shows_architectures_and_recipes(ecg):
    shown = ecg("train", "--list")
    assert "cnn1d" in shown.out
    assert "ptbxl-xlstm-published" in shown.out
    listed = ecg("train", "--list", "--json").json
    reads = {row["name"]: row["reads"] for row in listed["architectures"]}
    assert reads["cnn1d"] == ["signal", "tabular"]
    assert reads["ecgbert"] == ["signal", "tokens", "tabular"]
    assert {row["arch"] for row in listed["recipes"]} <= {row["name"] for row in listed["architectures"]}


def begin(*words):
    """Start ``ecg train`` in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ecgtool", "train", *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def after_epochs(run, number, process):
    """Wait until so many epochs are in the table."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (run / "metrics.csv").exists() and len(curve(run)) >= number:
            return
        time.sleep(0.01)
    raise AssertionError(f"no epoch {number}: {process.stderr.read()}")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_killed_goes_on_to_the_same_digits(ecg, store, home, how):
    words = ("--dataset", "toy", *SMALL, "--epochs", "400", "--early-stop", "12", "--scheduler", "plateau")
    process = begin(*words, "--out", "torn")
    try:
        after_epochs(home / "runs" / "torn", 2, process)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[how]
    assert ("ecg train --resume torn" in said) == (how != signal.SIGKILL)
    assert "Traceback" not in said
    assert ecg("train", "--resume", "torn").code == 0
    assert ecg("train", *words, "--out", "whole").code == 0
    assert curve(home / "runs" / "torn") == curve(home / "runs" / "whole")


def test_bad_input_is_told_before_lightning_is_imported(store):
    code = (
        "import sys; from ecgtool import cli; code = cli.run(['train', '--dataset', 'toy', '--arch', 'cnn1d',"
        " '--task', 'no']); print(code, 'lightning' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1 False\n"
