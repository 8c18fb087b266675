"""Checks before a long run: a sound store passes them all; each fails on a store spoiled for it, and only that one."""

import json

import numpy as np
import pytest
import torch
from support import MULTICLASS, MULTILABEL, make_store

from ecgtool.config import compose
from ecgtool.errors import DataError
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.augment import AUGMENTATIONS
from ecgtool.training.checks import CHECKS, check_all, check_run, subject_of
from ecgtool.training.checks.contract import Subject
from ecgtool.training.fit import fit
from ecgtool.training.statistics import norm_stats

BINARY = Task(name="rhythm", kind="multiclass", labels=("SINUS", "AF"), metric="auprc")
ITEMS = 160


def sound(path, task=MULTILABEL, leads=3, **more):
    """A store whose limb leads obey their law, and whose metadata say nothing."""
    store = make_store(path, items=ITEMS, leads=leads, task=task, unlabelled=0, seed=1, **more)
    counts = np.array(store.signals)
    if leads == 3:
        counts[:, 2] = counts[:, 1] - counts[:, 0]
        np.save(path / "signals.npy", counts)
    return Store.open(path)


def settings(store, *sets, **flags):
    model = {"arch": "cnn1d", "model": {"width": 4, "stages": 2}, "data": {"dataset": str(store.path)}}
    return compose(flags={**model, **flags}, sets=["training.lr=0.01", "training.device=cpu", *sets])


def not_passed(answers):
    return {name: answer.finding.status for name, answer in answers.items() if answer.finding.status != "passed"}


def rewrite(store, name, change):
    path = store.path / name
    array = np.load(path)
    change(array)
    np.save(path, array)


def change_items(store, change):
    frame = store.items
    change(frame)
    frame.to_csv(store.path / "items.csv", index=False)


def change_manifest(store, **values):
    path = store.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("task", [MULTILABEL, MULTICLASS, BINARY], ids=lambda task: task.name)
def test_a_sound_store_passes_every_check(tmp_path, task):
    answers = check_all(settings(sound(tmp_path / "store", task)))
    assert list(answers) == list(CHECKS)
    assert not_passed(answers) == {}


def test_a_store_without_tabular_inputs_and_limb_leads_passes_too(tmp_path):
    augment = {"use": list(AUGMENTATIONS), "mains_hz": 40}
    assert not_passed(check_all(settings(sound(tmp_path / "store", leads=1, tabular=()), augment=augment))) == {}


# Each of these spoils one thing.


def infinite_age(store):
    rewrite(store, "tabular.npy", lambda values: values.__setitem__((5, 0), np.inf))


def strange_target(store):
    rewrite(store, "targets/toy.npy", lambda values: values.__setitem__((5, 1), 7))


def exchanged_limb_leads(store):
    rewrite(store, "signals.npy", lambda counts: counts.__setitem__(slice(None), counts[:, [1, 0, 2]]))


def inverted_lead(store):
    rewrite(store, "signals.npy", lambda counts: counts.__setitem__((slice(None), 2), -counts[:, 2]))


def patient_in_two_splits(store):
    def share(frame):
        first = {split: frame.index[frame["split"] == split][0] for split in ("train", "test")}
        frame.loc[first["test"], "patient"] = frame.loc[first["train"], "patient"]

    change_items(store, share)


def label_that_no_test_item_has(store):
    test = store.indices("test")
    rewrite(store, "targets/toy.npy", lambda values: values.__setitem__((test, 1), 0))


def signal_in_two_splits(store):
    train, val = store.indices("train"), store.indices("val")
    targets = np.array(store.targets(MULTILABEL))
    rewrite(store, "signals.npy", lambda counts: counts.__setitem__(val[0], counts[train[0]]))
    targets[val[0]] = targets[train[0]]
    np.save(store.path / "targets" / "toy.npy", targets)


def device_that_gives_the_label_away(store):
    device = np.where(np.array(store.targets(MULTILABEL))[:, 1] == 1, "Philips", "GE")
    change_items(store, lambda frame: frame.insert(8, "device", device))


@pytest.mark.parametrize(
    ("spoil", "check", "status", "words"),
    [
        (infinite_age, "tensors", "failed", "column 'age' has 1 infinite value"),
        (strange_target, "tensors", "failed", "targets of 1 item are none of the task's"),
        (exchanged_limb_leads, "leads", "failed", "limb leads are not what their names say"),
        (inverted_lead, "leads", "failed", "limb leads are not what their names say"),
        (patient_in_two_splits, "patients", "failed", "1 patient in train and test"),
        (label_that_no_test_item_has, "classes", "failed", "no test item has FAST"),
        (signal_in_two_splits, "duplicates", "warning", "1 signal in two splits"),
        (device_that_gives_the_label_away, "metadata", "warning", "'device'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_spoiled_is_found_by_its_check_alone(tmp_path, spoil, check, status, words):
    store = sound(tmp_path / "store")
    spoil(store)
    answers = check_all(settings(Store.open(store.path)))
    found = not_passed(answers)
    found.pop("shares", None) if spoil is label_that_no_test_item_has else None  # a share of none is far from a third
    assert found == {check: status}
    assert words in answers[check].finding.found


def test_labels_that_are_rarer_in_one_split_are_told(tmp_path):
    store = sound(tmp_path / "store")
    test = store.indices("test")
    rewrite(store, "targets/toy.npy", lambda values: values.__setitem__((test, 2), np.arange(len(test)) > 0))
    answers = check_all(settings(store))
    assert not_passed(answers) == {"shares": "warning"}
    assert "STEP: " in answers["shares"].finding.found


def test_signals_that_say_nothing_cannot_be_learnt_by_heart(tmp_path):
    store = sound(tmp_path / "store", tabular=())
    rewrite(store, "signals.npy", lambda counts: counts.__setitem__(slice(None), counts[:1]))
    answers = check_all(settings(store))
    assert answers["overfit"].finding.status == "failed"
    assert "cannot be learnt by heart: loss" in answers["overfit"].finding.found


def test_statistics_of_all_items_are_found_out(tmp_path):
    subject = subject_of(settings(sound(tmp_path / "store")))
    everything = norm_stats(subject.store, np.arange(ITEMS))
    finding = CHECKS.load("statistics").ask(Subject(subject.plan, everything))
    assert finding.status == "failed"
    assert "those of all items, validation and test included" in finding.found
    edited = subject.stats.model_copy(update={"mean_mv": (0.5, *subject.stats.mean_mv[1:])})
    assert (
        "differ from those of the training items" in CHECKS.load("statistics").ask(Subject(subject.plan, edited)).found
    )


def test_statistics_of_a_mask_channel_and_unscaled_leads_are_recomputed_alike(tmp_path):
    store = sound(tmp_path / "store", leads=2)
    change_manifest(store, leads=["I", "mask"])
    store = Store.open(store.path)
    rewrite(store, "signals.npy", lambda counts: counts.__setitem__((slice(None), 1), 1000))
    for sets in ((), ("data.normalise=none",)):
        assert CHECKS.load("statistics").ask(subject_of(settings(store, *sets))).status == "passed"


def out_of_step(signal, source):
    """Moves one lead alone."""
    moved = signal.clone()
    moved[:, 0] = torch.roll(moved[:, 0], 1, dims=-1)
    return moved


def shorter(signal, source):
    """Loses a sample."""
    return signal[..., 1:]


def divided(signal, source):
    """Divides by nothing."""
    return signal / 0


@pytest.mark.parametrize(
    ("augmentation", "words"),
    [(out_of_step, "moves leads apart"), (shorter, "changes the shape"), (divided, "makes values that are not finite")],
)
def test_augmentations_that_break_items_are_named(tmp_path, monkeypatch, augmentation, words):
    monkeypatch.setitem(AUGMENTATIONS._members, "shift", f"{__name__}:{augmentation.__name__}")
    answers = check_all(settings(sound(tmp_path / "store"), augment={"use": ["scale", "shift"]}))
    assert not_passed(answers) == {"augmentations": "failed"}
    assert answers["augmentations"].finding.found.startswith(f"shift {words}")


def test_leads_other_than_those_the_configuration_expects_are_refused(tmp_path):
    store = sound(tmp_path / "store")
    finding = check_all(settings(store, "data.leads=[I, III, II]"))["leads"].finding
    assert (finding.status, finding.found) == ("failed", "the store has I II III, the configuration expects I III II")
    assert not_passed(check_all(settings(store, "data.leads=[I, II, III]"))) == {}


def test_leads_in_another_order_than_the_weights_to_start_from_are_refused(tmp_path):
    store, other = sound(tmp_path / "store"), sound(tmp_path / "other")
    fit(settings(store, "training.epochs=1"), "./parent")
    rewrite(other, "signals.npy", lambda counts: counts.__setitem__(slice(None), counts[:, [1, 0, 2]]))
    change_manifest(other, leads=["II", "I", "III"])
    with pytest.raises(DataError, match=r"'leads' failed: the store has II I III, the weights to start from I II III"):
        fit(settings(other, "training.init=./parent"), "./child")


def test_limb_leads_that_break_the_law_can_be_allowed(tmp_path):
    store = sound(tmp_path / "store")
    inverted_lead(store)
    ask = CHECKS.load("leads").ask
    refused = ask(subject_of(settings(store)))
    assert (refused.status, "data.leads_law=false" in refused.found) == ("failed", True)
    assert ask(subject_of(settings(store, "data.leads_law=false"))).status == "warning"


def test_a_limb_lead_that_was_never_recorded_breaks_no_law(tmp_path):
    store = sound(tmp_path / "store", leads=4)
    change_manifest(store, leads=["I", "II", "III", "mask"])

    def impute(counts):
        counts[:, 2], counts[:, 3] = 0, round(1000 * 2 / 3)

    rewrite(store, "signals.npy", impute)
    finding = CHECKS.load("leads").ask(subject_of(settings(Store.open(store.path))))
    assert (finding.status, "no item has limb leads" in finding.found) == ("passed", True)


def test_nameless_patients_are_a_warning(tmp_path):
    store = sound(tmp_path / "store")
    change_items(store, lambda frame: frame.__setitem__("patient", ""))
    answers = check_all(settings(Store.open(store.path)))
    assert not_passed(answers) == {"patients": "warning"}


def test_categories_with_unknown_values_are_metadata(tmp_path):
    store = sound(tmp_path / "store")
    device = np.where(np.array(store.targets(MULTILABEL))[:, 0] == 1, "GE", "")
    change_items(store, lambda frame: frame.insert(8, "device", device))
    finding = check_all(settings(Store.open(store.path)))["metadata"].finding
    assert finding.status == "warning"
    assert "SLOW AUROC 1.00" in finding.found


# What a training does with them.


def test_a_training_refuses_a_patient_in_two_splits_and_makes_no_run(tmp_path):
    store = sound(tmp_path / "store")
    patient_in_two_splits(store)
    with pytest.raises(DataError, match=r"^The check 'patients' failed: 1 patient in train and test: .*[^.]\.$"):
        fit(settings(Store.open(store.path)), "./run")
    assert not (tmp_path / "run").exists()


def test_a_patient_in_two_splits_can_be_allowed_by_name(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)
    store = sound(tmp_path / "store")
    patient_in_two_splits(store)
    fit(settings(Store.open(store.path), "training.split_leak=true", "training.epochs=1"), "./run")
    assert "check 'patients': 1 patient in train and test; allowed by training.split_leak" in caplog.text


def test_a_training_tells_a_label_without_both_classes_and_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)
    store = sound(tmp_path / "store")
    label_that_no_test_item_has(store)
    run = fit(settings(store, "training.epochs=1"), "./run")
    assert "check 'classes': no test item has FAST" in caplog.text
    assert run.metrics("val")


def test_a_run_is_checked_with_its_own_statistics(tmp_path):
    run = fit(settings(sound(tmp_path / "store"), "training.epochs=1"), "./run")
    assert not_passed(check_run(run)) == {}
    run.save_norm_stats(run.norm_stats.model_copy(update={"std_mv": (1.0, 1.0, 1.0)}))
    assert not_passed(check_run(run)) == {"statistics": "failed"}


def test_the_command_names_what_failed_and_makes_no_run(tmp_path, ecg, home):
    store = sound(tmp_path / "store")
    patient_in_two_splits(store)
    small = ("--set", "model.width=4", "--set", "model.stages=2", "--lr", "0.01")
    outcome = ecg("train", "--dataset", store.path, "--arch", "cnn1d", *small, "--check")
    assert outcome.code == 1
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: the check 'patients' failed: 1 patient in train and test")
    assert all(name in outcome.out for name in CHECKS)
    assert not (home / "runs").exists()


def test_the_command_answers_scripts(tmp_path, ecg):
    store = sound(tmp_path / "store")
    small = ("--set", "model.width=4", "--set", "model.stages=2", "--lr", "0.01")
    outcome = ecg("train", "--dataset", store.path, "--arch", "cnn1d", *small, "--check", "--json")
    assert outcome.code == 0
    assert outcome.json["failed"] == []
    assert {check["status"] for check in outcome.json["checks"]} == {"passed"}


def test_an_ensemble_of_folds_is_checked_whole(tmp_path):
    store = sound(tmp_path / "store")
    assert not_passed(check_all(settings(store, "data.folds=4"))) == {}
    run = fit(settings(store, "data.folds=2", "training.epochs=1"), "./run")
    assert not_passed(check_run(run)) == {}
    run.members[1].save_norm_stats(run.members[0].norm_stats)
    assert not_passed(check_run(run)) == {"statistics of fold-2": "failed"}


def test_a_label_that_is_not_in_every_fold_is_told_with_the_fold(tmp_path):
    store = sound(tmp_path / "store")
    few = np.flatnonzero(np.arange(ITEMS) // 2 == 1)  # the recordings of one person, in one fold of three
    rewrite(
        store, "targets/toy.npy", lambda values: values.__setitem__((slice(None), 1), np.isin(np.arange(ITEMS), few))
    )
    told = not_passed(check_all(settings(store, "data.folds=3")))
    assert {name.partition(" of ")[0] for name in told} >= {"classes"}
    assert sum(name.startswith("classes") for name in told) == 3
