"""Ensembles: members that are runs of their own, their mean, stops at any instant, what is refused."""

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from failing_disk import FailingDisk
from support import make_store
from training_runs import small

from ecgtool.config import compose
from ecgtool.errors import ConfigError, DataError, EcgError, IntegrityError, NotFound
from ecgtool.files import locked_folder, write_json
from ecgtool.metrics.logits import activated
from ecgtool.models.contract import load_run
from ecgtool.run import Run
from ecgtool.training.folds import seen_patients, split_items
from ecgtool.training.history import Outcome, read_history
from ecgtool.training.inference import logits, predicted


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=100)


@pytest.fixture(scope="module")
def folds(store, tmp_path_factory):
    """An ensemble of three folds."""
    return small(store, str(tmp_path_factory.mktemp("runs") / "folds"), sets=["data.folds=3"], epochs=2)


@pytest.fixture(scope="module")
def seeds(store, tmp_path_factory):
    """An ensemble of two seeds."""
    return small(store, str(tmp_path_factory.mktemp("runs") / "seeds"), seeds=(7, 8), epochs=2)


def everything(run):
    """What a run amounts to: weights, curve, temperature and figures, but for what a clock says."""
    if run.members:
        parts = {member.path.name: everything(member) for member in run.members}
    else:
        rows = [{name: row[name] for name in row if name not in ("seconds", "time")} for row in read_history(run)]
        weights = {name: value.tolist() for name, value in load_run(run).state_dict().items()}
        parts = {"curve": rows, "weights": weights}
    figures = {name: run.metrics("val")[name] for name in ("values", "thresholds", "per_label", "items")}
    return {**parts, **figures, "calibration": run.calibration.model_dump()}


def test_a_member_is_the_run_that_its_own_configuration_makes(store, folds, seeds):
    for member in (folds.members[1], seeds.members[0]):
        data, training = member.config.data, member.config.training
        sets = [f"data.folds={data.folds}", f"data.fold={data.fold}"] if data.fold else []
        alone = small(store, f"./{member.path.name}", sets=sets, epochs=2, seed=training.seed)
        assert everything(alone) == everything(member)
        assert alone.config == member.config


def test_out_of_fold_each_item_is_predicted_by_the_member_that_has_not_seen_it(store, folds):
    task = store.task()
    said, items, *_ = predicted(folds, store, "val")
    dealt = np.concatenate([store.indices("train", task), store.indices("val", task)])
    np.testing.assert_array_equal(items, np.sort(dealt))
    for member in folds.members:
        own = split_items(member, store, task, "val")
        expected = logits(load_run(member), store, own, task) / folds.calibration.temperature
        np.testing.assert_allclose(said[np.isin(items, own)], expected, rtol=1e-6)
    assert seen_patients(folds, store, "val") == frozenset()


@pytest.mark.parametrize(("ensemble", "split"), [("seeds", "val"), ("seeds", "test"), ("folds", "test")])
def test_elsewhere_an_ensemble_says_the_mean_of_its_members_logits(store, request, ensemble, split):
    run, task = request.getfixturevalue(ensemble), store.task()
    said, items, *_ = predicted(run, store, split)
    np.testing.assert_array_equal(items, store.indices(split, task))
    each = [logits(load_run(member), store, items, task) for member in run.members]
    np.testing.assert_allclose(said, np.mean(each, axis=0) / run.calibration.temperature, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits(load_run(run), store, items, task), said, rtol=1e-5, atol=1e-6)


def test_on_another_store_every_member_is_asked_of_every_item(folds, tmp_path):
    other = make_store(tmp_path / "other", items=60, seed=3)
    said, items, *_ = predicted(folds, other, "val")
    np.testing.assert_array_equal(items, other.indices("val", other.task()))
    np.testing.assert_allclose(said, logits(load_run(folds), other, items, other.task()), rtol=1e-5, atol=1e-6)


def test_the_figures_are_of_what_is_predicted(store, folds):
    said, items, *_ = predicted(folds, store, "val")
    held = folds.metrics("val")
    truth, chance = np.asarray(store.targets(store.task())[items]), activated(store.task(), said)
    called = chance >= [held["thresholds"][label] for label in store.task().labels]
    assert held["items"] == len(items)
    assert held["values"]["accuracy"]["value"] == pytest.approx((called == truth).mean())


def test_the_members_are_told_in_a_table(folds):
    rows = list(csv.DictReader((folds.path / "members.csv").open()))
    assert [row["member"] for row in rows] == ["fold-1", "fold-2", "fold-3"]
    for row, member in zip(rows, folds.members, strict=True):
        outcome = Outcome.of(member)
        assert (int(row["fold"]), int(row["seed"])) == (member.config.data.fold, 42)
        assert (int(row["epochs"]), int(row["best_epoch"])) == (outcome.epochs, outcome.best)
        assert float(row["value"]) == outcome.value


def test_an_ensemble_has_seen_whoever_one_of_its_members_has(store, folds):
    task, patients = store.task(), store.items["patient"].to_numpy()
    dealt = np.concatenate([store.indices("train", task), store.indices("val", task)])
    assert set(folds.lineage.train_patients) == set(patients[dealt])
    for member in folds.members:
        assert set(member.lineage.train_patients) == set(patients[split_items(member, store, task, "train")])


def test_a_member_knows_its_ensemble_and_is_named_after_it(folds, seeds):
    assert [member.name for member in folds.members] == ["folds-fold-1", "folds-fold-2", "folds-fold-3"]
    assert Run.open(seeds.members[1].path).ensemble.path == seeds.path
    assert seeds.ensemble is None


def test_folds_with_seeds_are_all_their_pairs(store):
    run = small(store, "./both", sets=["data.folds=2"], seeds=(1, 2))
    assert [member.path.name for member in run.members] == [
        "fold-1-seed-1",
        "fold-1-seed-2",
        "fold-2-seed-1",
        "fold-2-seed-2",
    ]
    said, items, *_ = predicted(run, store, "val")
    own = split_items(run.members[0], store, store.task(), "val")
    pair = [logits(load_run(member), store, own, store.task()) for member in run.members[:2]]
    np.testing.assert_allclose(
        said[np.isin(items, own)], np.mean(pair, axis=0) / run.calibration.temperature, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("number", [3, 60, 100, 130, 160, 190])
def test_an_ensemble_stopped_by_a_full_disk_goes_on_to_the_same_digits(store, seeds, monkeypatch, number):
    with monkeypatch.context() as patch:
        FailingDisk(patch, number, 28)
        with pytest.raises(EcgError, match="No space left on device"):
            small(store, "./full", seeds=(7, 8), epochs=2)
    begun = Path("full").exists()
    assert begun == (number > 60)
    again = small(store, "./full", seeds=(7, 8), epochs=2, resume="./full" if begun else None)
    assert everything(again) == everything(seeds)


def test_an_ensemble_that_is_killed_goes_on_to_the_same_digits(store, seeds, tmp_path):
    words = ["--dataset", store.path, "--arch", "cnn1d", "--set", "model.width=4", "--set", "model.stages=2"]
    words += ["--epochs", 2, "--batch", 20, "--lr", 0.01, "--device", "cpu", "--seeds", "7,8", "--out", "./killed"]
    command = [sys.executable, "-m", "ecgtool", "train", *map(str, words)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wanted, deadline = tmp_path / "killed" / "members" / "seed-8" / "checkpoints" / "best.pt", time.monotonic() + 120
    while not wanted.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert wanted.exists()
    assert not (tmp_path / "killed" / "metrics_val.json").exists()
    assert everything(small(store, "", resume="./killed")) == everything(seeds)


def test_members_that_are_done_are_kept(store, seeds):
    before = [(member.path / "checkpoints" / "last.ckpt").stat().st_mtime_ns for member in seeds.members]
    small(store, "", resume=str(seeds.path))
    assert [(member.path / "checkpoints" / "last.ckpt").stat().st_mtime_ns for member in seeds.members] == before


def test_what_was_measured_before_its_members_were_done_is_measured_anew(store, seeds):
    half = Run(Path("half"))
    shutil.copytree(seeds.path, half.path)
    for name in ("checkpoints/last.ckpt", "checkpoints/best.pt", "metrics_val.json", "calibration.json"):
        (half.members[1].path / name).unlink()
    shutil.copy(half.path / "metrics_val.json", half.path / "metrics_test.json")
    write_json(half.path / "calibration.json", {"temperature": 9.0})
    assert everything(small(store, "", resume="./half")) == everything(seeds)
    assert half.metrics("test") is None


def test_an_ensemble_that_lacks_a_member_is_one_error(ecg, seeds):
    shutil.copytree(seeds.path, "./lacking")
    shutil.rmtree("./lacking/members/seed-8")
    for command in (("train", "--resume"), ("evaluate",), ("export",), ("info",), ("plot",)):
        done = ecg(*command, "./lacking")
        assert done.code == 1
        assert done.err.splitlines()[-1].startswith(
            "error: lacking is an ensemble that lacks a member: lacking/members"
        )


def test_an_export_names_the_members_that_are_not_done(ecg, seeds):
    shutil.copytree(seeds.path, "./longer")
    settings = Path("longer/members/seed-8/config.yaml")
    settings.write_text(settings.read_text().replace("epochs: 2", "epochs: 3"))
    done = ecg("export", "./longer", "--out", "./bundle")
    assert done.code == 0
    assert "Not trained to the end: seed-8; go on with: ecg train --resume ./longer" in done.err
    assert "Not trained" not in ecg("export", seeds.path, "--out", "./whole").err


def test_an_interruption_is_told_with_the_ensemble_to_go_on_with(store, monkeypatch):
    from ecgtool.training import trainer

    monkeypatch.setattr(trainer, "train", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt, match=r"ecg train --resume \S+/stopped$"):
        small(store, "./stopped", seeds=(1, 2))


def test_an_ensemble_that_another_process_is_at_is_left_to_it(store, seeds):
    with locked_folder(seeds.path), pytest.raises(ConfigError, match="Another process"):
        small(store, "", resume=str(seeds.path))
    assert seeds.path.is_dir()


def test_an_ensemble_does_not_go_on_with_other_data(tmp_path):
    store = make_store(tmp_path / "mine", items=100)
    run = small(store, "./changing", seeds=(1, 2))
    text = (store.path / "items.csv").read_text()
    (store.path / "items.csv").write_text(text.replace(",val,", ",test,", 1))
    with pytest.raises(IntegrityError, match="has changed since"):
        small(store, "", resume=str(run.path))


def test_an_ensemble_is_never_written_over(store, seeds):
    with pytest.raises(ConfigError, match="exists already"):
        small(store, str(seeds.path), seeds=(1, 2))


def test_what_a_fold_cannot_be_is_told_before_anything_is_trained(tmp_path):
    store = make_store(tmp_path / "few", items=10, unlabelled=0)
    with pytest.raises((ConfigError, DataError), match=r"fold-|patients cannot make"):
        small(store, "./none", sets=["data.folds=8"])
    assert not (tmp_path / "none").exists()


def test_a_label_that_some_folds_must_do_without_is_named(tmp_path, caplog):
    store = make_store(tmp_path / "rare", items=100, unlabelled=0)
    path = store.path / "targets" / "toy.npy"
    targets = np.load(path)
    targets[:, 2] = 0
    targets[:2, 2] = 1
    np.save(path, targets)
    caplog.set_level("WARNING", "ecgtool")
    small(store, "./rare-folds", sets=["data.folds=3"])
    assert "only 1 patient has the label STEP: 2 of the 3 folds are judged without it" in caplog.text


def test_settings_that_cannot_be_leave_no_ensemble_behind(store, tmp_path):
    with pytest.raises(ConfigError, match="Precision 16"):
        small(store, "./half", seeds=(1, 2), precision="16")
    assert not (tmp_path / "half").exists()


def test_an_ensemble_is_nothing_to_start_from_but_its_members_are(store, seeds):
    with pytest.raises(NotFound, match="is an ensemble") as refused:
        small(store, "./child", init=str(seeds.path))
    assert "members/seed-7" in refused.value.hint
    child = small(store, "./child", init=str(seeds.members[0].path))
    assert child.lineage.parents == (str(seeds.members[0].path),)


def test_a_fold_is_not_started_from_weights_that_have_seen_it(store, folds):
    with pytest.raises(DataError, match=r"fold-2: .* was trained on"):
        small(store, "./leak", sets=["data.folds=3"], init=str(folds.members[0].path))


def test_a_quick_try_of_a_fold_holds_out_the_whole_fold(store):
    folded = ["data.folds=3", "data.limit=24"]
    parent = small(store, "./parent", sets=[*folded, "data.fold=1"])
    fold = compose(sets=["data.folds=3", "data.fold=2"])
    held_out = {store.items["patient"][item] for item in split_items(fold, store, store.task(), "val")}
    shared = len(held_out & set(parent.lineage.train_patients))
    with pytest.raises(DataError, match=rf"was trained on {shared} patients"):
        small(store, "./child", sets=["data.folds=3", "data.fold=2", "data.limit=12"], init=str(parent.path))


@pytest.mark.parametrize("seeds", [(1,), (1, 1)])
def test_seeds_are_two_or_more_each_once(store, seeds):
    with pytest.raises(ConfigError, match="two seeds or more, each once"):
        small(store, "./x", seeds=seeds)


def test_two_processes_train_every_member(store):
    run = small(store, "./shared", seeds=(1, 2), devices=2)
    assert [len(read_history(member)) for member in run.members] == [1, 1]
    assert not torch.distributed.is_initialized()


def test_the_command_tells_members_mean_and_spread(ecg, store, tmp_path):
    words = ["--arch", "cnn1d", "--set", "model.width=4", "--epochs", 1, "--device", "cpu"]
    made = ecg("train", "--dataset", store.path, *words, "--seeds", "1,2", "--out", "./told", "--json").json
    values = [member["value"] for member in made["members"]]
    assert made["mean"] == pytest.approx(np.mean(values))
    assert made["sd"] == pytest.approx(np.std(values, ddof=1))
    assert made["value"] == Run.open("./told").metrics("val")["values"]["macro_auroc"]["value"]
    assert json.loads((tmp_path / "told" / "calibration.json").read_text())["items"] > 0
    said = ecg("info", "./told")
    assert "mean of 2: seed-1 (1 epoch), seed-2 (1 epoch)" in said.out
    assert ecg("plot", "./told").code == 0
    assert (tmp_path / "told.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--folds", 1), "greater than or equal to 2"),
        (("--seeds", "42,42"), "each once"),
        (("--seeds", "one,two"), "not a list of whole numbers"),
        (("--seed", 1, "--seeds", "1,2"), "exclude each other"),
        (("--resume", "x", "--folds", 3), "takes no others"),
        (("--resume", "x", "--seeds", "1,2"), "takes no others"),
    ],
)
def test_flags_that_cannot_be_are_one_error(ecg, words, said):
    outcome = ecg("train", *words)
    assert outcome.code in (1, 2)
    assert said in outcome.err
