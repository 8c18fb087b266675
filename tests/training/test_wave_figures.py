"""A run that labels samples, from corpus to report: trained, measured by boundaries, exported."""

import json
import shutil

import numpy as np
import pytest

from ecgtool import cli
from ecgtool.datasets.ludb import LUDB
from ecgtool.datasets.prepare import prepare
from ecgtool.delineation.reference import add_reference
from ecgtool.metrics.waves import BOUNDARIES
from ecgtool.settings import Preprocessing
from tests.marked import write_ludb

# Of the fixed shuffle: train, train, train, val, test.
NUMBERS = (1, 2, 4, 15, 8)
TINY = ("model.widths=[8,12,16]", "model.reach=2", "training.ema=0", "augment.mains_hz=45", "training.lr=0.02")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("marked")


@pytest.fixture(scope="module")
def ludb(folder):
    corpus = LUDB(write_ludb(folder / "ludb", NUMBERS), 100.0)
    store = prepare(corpus, folder / "store", steps=Preprocessing(fs=100.0))
    return add_reference(store, corpus)


@pytest.fixture(scope="module")
def run(ludb, folder):
    sets = [part for each in TINY for part in ("--set", each)]
    asked = [
        "--recipe",
        "ludb-unet1d",
        "--epochs",
        "8",
        "--batch",
        "6",
        "--device",
        "cpu",
        "--out",
        str(folder / "run"),
    ]
    assert cli.run(["train", "--dataset", str(ludb.path), *asked, *sets]) == 0
    return folder / "run"


def test_the_splits_hold_what_is_meant(ludb):
    assert sorted(ludb.column("split")) == ["test", "train", "train", "train", "val"]


def test_a_run_of_waves_is_told_by_boundaries_in_total_and_by_lead(run, ecg):
    done = ecg("evaluate", run, "--bootstrap", "20", "--json")
    assert done.code == 0, done.err
    waves = done.json["waves"]
    assert waves["records"] == 1
    assert set(waves["total"]) == set(BOUNDARIES)
    assert len(waves["by_lead"]) == 12
    qrs = waves["total"]["QRS onset"]
    assert qrs["sensitivity"] > 0.9, "even a tiny network finds QRS complexes"
    assert qrs["f1_interval"] is not None
    assert sum(each["QRS onset"]["marked"] for each in waves["by_lead"].values()) == qrs["marked"]
    report = (run / "evaluation-test" / "report.md").read_text()
    assert "Boundaries of waves" in report
    assert "lead V1" in report
    assert json.loads((run / "metrics_test.json").read_text())["waves"]["mean_f1"] == waves["mean_f1"]


def test_what_is_printed_names_each_boundary(run, ecg):
    done = ecg("evaluate", run, "--bootstrap", "0")
    assert all(name in done.out for name in BOUNDARIES)
    assert "Not a medical device" in done.out


def test_without_an_experts_waves_samples_alone_are_counted(ludb, run, ecg, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(ludb.path, bare)
    document = json.loads((bare / "manifest.json").read_text())
    (bare / "manifest.json").write_text(json.dumps({**document, "waves": []}))
    done = ecg("evaluate", run, "--dataset", bare, "--out", tmp_path / "report", "--bootstrap", "0", "--json")
    assert done.code == 0, done.err
    assert done.json["waves"] is None


def test_it_exports_as_a_model_of_a_single_lead(run, ecg, tmp_path):
    done = ecg("export", run, "--out", tmp_path / "bundle", "--json")
    assert done.code == 0, done.err
    held = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert (held["leads"], held["samples"]) == (["any"], 1000)
    assert max(held["parity"]["max_difference"].values()) < 1e-4


def test_a_network_of_items_and_a_task_of_samples_do_not_fit(ludb, ecg):
    done = ecg("train", "--dataset", ludb.path, "--arch", "cnn1d", "--epochs", "1")
    assert done.code == 1
    assert "label of every sample" in done.err
    assert "unet1d" in done.err
    assert ecg("prepare", "synthetic", "--records", "30", "--out", "other").code == 0
    other = ecg("train", "--dataset", "other", "--arch", "unet1d", "--epochs", "1")
    assert other.code == 1
    assert "labels samples" in other.err


def test_targets_of_the_view_are_the_experts(ludb):
    targets = np.asarray(ludb.targets(ludb.task()))
    waves = ludb.waves(0)
    onset, offset = waves.of(lead=0)[0, [3, 5]]
    assert len(set(targets[0, 0, onset : offset + 1].tolist())) == 1
