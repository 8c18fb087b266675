"""What follows from a history: the best epoch, when to stop, the table."""

import csv
import math

import torch

from ecgtool.metrics import find_metric
from ecgtool.run import Run
from ecgtool.settings import TrainingConfig
from ecgtool.training.history import Outcome, best_epoch, finished, scores, write_csv


def rows(*values, column="val_macro_auroc"):
    return [
        {"epoch": index + 1, "train_loss": 0.5, "val_loss": 0.25, column: value, "lr": 1e-3, "seconds": 1.5}
        for index, value in enumerate(values)
    ]


def test_the_first_of_equal_epochs_is_the_best():
    assert best_epoch([0.1, 0.7, 0.7, 0.3]) == 1


def test_less_of_an_error_is_more():
    values = scores(rows(0.3, 0.1, 0.2, column="val_brier"), "val_brier", find_metric("brier"))
    assert best_epoch(values) == 1


def test_an_undefined_epoch_is_never_the_best():
    values = scores(rows(math.nan, 0.2, math.nan), "val_macro_auroc", find_metric("auroc"))
    assert best_epoch(values) == 1


def test_training_ends_with_its_epochs_or_its_patience():
    patient, short = TrainingConfig(epochs=10, early_stop=2), TrainingConfig(epochs=3)
    assert not finished([], patient)
    assert not finished([0.5, 0.6, 0.6], patient)
    assert finished([0.5, 0.6, 0.6, 0.6], patient)
    assert not finished([0.5, 0.4], short)
    assert finished([0.5, 0.4, 0.3], short)


def test_the_table_reads_back_to_the_last_digit(tmp_path):
    history = rows(0.1, 1 / 3, 0.2)
    write_csv(tmp_path / "metrics.csv", history, "val_macro_auroc")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        assert [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)] == history


def test_the_outcome_is_what_the_newest_checkpoint_holds(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    held = {"state_dict": {}, "callbacks": {"Recorder": {"history": rows(0.1, 1 / 3, 0.2)}}}
    torch.save(held, tmp_path / "checkpoints" / "last.ckpt")
    assert Outcome.of(Run(tmp_path)) == Outcome(3, 2, "macro_auroc", 1 / 3)
