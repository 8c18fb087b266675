import json
import re

import numpy as np
import pytest
from sklearn import metrics as sk
from support import MULTICLASS, MULTILABEL, make_store
from training_runs import small
from untrained import make_run

from ecgtool.errors import ConfigError, DataError, IntegrityError, NotFound
from ecgtool.evaluation import Options
from ecgtool.metrics import Metrics, choose_thresholds
from ecgtool.models.contract import load_run
from ecgtool.report.sections import members
from ecgtool.training.evaluate import evaluate_run, measure
from ecgtool.training.inference import logits

QUICK = Options(bootstrap=20)


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store", items=120)


@pytest.fixture
def run(tmp_path, store):
    return make_run(tmp_path / "run", store)


def document(run, split):
    return json.loads((run.path / f"metrics_{split}.json").read_text())


def test_the_figures_of_a_split_are_written_into_the_run(store, run):
    found = evaluate_run(run, bootstrap=20)
    assert Metrics.model_validate(document(run, "test")) == found
    assert found.items == len(store.indices("test", store.task()))
    assert found.source.timing.single_ms > 0
    assert (found.source.split, found.source.dataset, found.source.seen_patients) == ("test", "toy", 0)


def test_figures_are_those_of_the_predictions(run):
    found = measure(run, options=QUICK)
    targets, chances = found.predictions.targets, found.predictions.probabilities
    assert found.metrics.values["macro_auroc"].value == pytest.approx(sk.roc_auc_score(targets, chances))
    called = chances >= [found.metrics.thresholds[label] for label in MULTILABEL.labels]
    assert found.metrics.values["macro_f1"].value == pytest.approx(sk.f1_score(targets, called, average="macro"))


def test_thresholds_come_from_the_validation_split(run):
    found = measure(run, options=QUICK)
    validated = Metrics.model_validate(document(run, "val"))
    assert found.metrics.thresholds == validated.thresholds
    assert validated.source.split == "val"
    assert set(found.metrics.thresholds.values()) != {0.5}


def test_kept_thresholds_are_used_as_they_are(run):
    measure(run, split="val", options=QUICK)
    kept = document(run, "val")
    kept["thresholds"] = dict.fromkeys(MULTILABEL.labels, 0.123)
    (run.path / "metrics_val.json").write_text(json.dumps(kept))
    assert set(measure(run, options=QUICK).metrics.thresholds.values()) == {0.123}


def test_another_rule_chooses_again_and_is_remembered(run):
    by_f1 = measure(run, options=QUICK).metrics
    by_youden = measure(run, options=Options(bootstrap=20, rule="youden")).metrics
    assert by_youden.thresholds != by_f1.thresholds
    assert measure(run, options=QUICK).metrics.thresholds == by_youden.thresholds
    assert document(run, "val")["source"]["threshold_rule"] == "youden"


def test_a_multiclass_run_has_a_confusion_matrix_and_no_thresholds(tmp_path):
    store = make_store(tmp_path / "beats", items=120, task=MULTICLASS)
    trained = make_run(tmp_path / "beat-run", store)
    found = evaluate_run(trained, bootstrap=20)
    assert found.thresholds == {}
    assert np.sum(found.confusion) == found.items
    with pytest.raises(ConfigError, match="no thresholds for a rule"):
        measure(trained, options=Options(rule="youden"))


def test_a_store_that_changed_since_training_is_refused_but_may_be_named(store, run):
    measure(run, split="val", options=QUICK)
    targets = store.path / "targets" / "toy.npy"
    array = np.load(targets)
    array[0] = 1 - array[0]
    np.save(targets, array)
    with pytest.raises(IntegrityError, match="changed since run run was trained") as told:
        evaluate_run(run)
    assert "--dataset" in told.value.hint
    assert measure(run, store, options=QUICK).metrics.items > 0


def test_a_store_that_is_gone_is_told(store, run):
    store.path.rename(store.path.with_name("moved"))
    with pytest.raises(NotFound, match="is gone"):
        evaluate_run(run)


def test_another_store_leaves_the_figures_of_the_run_alone(tmp_path, run):
    evaluate_run(run, bootstrap=20)
    before = (run.path / "metrics_test.json").read_bytes()
    other = make_store(tmp_path / "other", items=80, seed=9, dataset="elsewhere")
    found = evaluate_run(run, other, bootstrap=20)
    assert found.source.dataset == "elsewhere"
    assert (run.path / "metrics_test.json").read_bytes() == before


def test_patients_the_run_was_trained_on_are_counted(tmp_path, run):
    twin = make_store(tmp_path / "twin", items=120, seed=3)
    items = (twin.path / "items.csv").read_text()
    (twin.path / "items.csv").write_text(items.replace(",train,", ",test,"))
    assert evaluate_run(run, type(twin).open(twin.path), bootstrap=20).source.seen_patients > 10


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"leads": 3}, "leads I, II, III, trained with I, II"),
        ({"fs": 250.0}, "sampling rate 250.0, trained with 100.0"),
        ({"samples": 65}, "samples 65, trained with 64"),
        ({"tabular": ()}, "tabular inputs none, trained with age, sex"),
        ({"task": MULTICLASS}, "holds no task 'toy'"),
        ({"task": MULTILABEL.model_copy(update={"labels": ("FAST", "SLOW", "STEP")})}, "labels FAST, SLOW, STEP"),
    ],
)
def test_a_store_that_does_not_fit_is_refused_in_one_line(tmp_path, run, changes, told):
    other = make_store(tmp_path / "other", **changes)
    with pytest.raises(DataError, match=told):
        evaluate_run(run, other)


def test_a_store_with_other_filters_is_pointed_out(tmp_path, run, caplog):
    other = make_store(tmp_path / "filtered", highpass=0.5)
    caplog.set_level("WARNING", "ecgtool")
    evaluate_run(run, other, bootstrap=5)
    assert "other filters" in caplog.text


def test_a_split_without_labelled_items_and_an_unknown_split_are_told(tmp_path, run):
    empty = make_store(tmp_path / "empty", items=12, unlabelled=0)
    with pytest.raises(DataError, match="no item labelled for task 'toy' in split test"):
        evaluate_run(run, empty)
    with pytest.raises(ConfigError, match="no split 'tset'"):
        evaluate_run(run, split="tset")


def test_a_run_without_a_checkpoint_is_told(run):
    run.checkpoint().unlink()
    with pytest.raises(NotFound, match="no finished epoch"):
        evaluate_run(run)


def by_patient(how="mean", **options):
    return Options(bootstrap=20, aggregate=how, **options)


def test_thresholds_of_patients_are_chosen_on_patients(run, store):
    found = measure(run, options=by_patient()).metrics
    validation = measure(run, split="val", options=by_patient())
    chosen = choose_thresholds(MULTILABEL, validation.predictions.targets, validation.predictions.probabilities)
    assert found.thresholds == chosen
    assert found.thresholds != evaluate_run(run, bootstrap=5).thresholds
    assert found.items == found.patients == len(set(store.items["patient"].iloc[store.indices("test", MULTILABEL)]))


def test_another_aggregate_chooses_thresholds_again(run):
    by_mean = measure(run, options=by_patient()).metrics.thresholds
    by_or = measure(run, options=by_patient("noisy-or")).metrics.thresholds
    assert by_or != by_mean
    assert document(run, "val_patients")["source"]["aggregate"] == "noisy-or"
    assert measure(run, options=by_patient()).metrics.thresholds == by_mean


def test_a_patient_is_the_mean_of_its_recordings_logits(run):
    found = measure(run, options=by_patient())
    said = found.recordings.predictions
    patient = found.predictions.ids[0]
    rows = [row for row, name in enumerate(said.patients) if name == patient]
    np.testing.assert_allclose(found.predictions.logits[0], said.logits[rows].mean(axis=0), rtol=1e-5)


def test_figures_by_patient_leave_those_of_recordings_alone(run):
    evaluate_run(run, bootstrap=20)
    before = [(run.path / f"metrics_{split}.json").read_bytes() for split in ("val", "test")]
    measure(run, options=by_patient())
    assert before == [(run.path / f"metrics_{split}.json").read_bytes() for split in ("val", "test")]


def test_an_unknown_rule_is_told_before_anything_is_computed(run):
    with pytest.raises(ConfigError, match="no rule"):
        measure(run, options=Options(rule="best"))
    assert not list(run.path.glob("metrics_*"))


def test_a_report_groups_people_by_age_and_sex_in_words(run):
    found = measure(run, options=Options(bootstrap=5, whole=True))
    groups = {grouping.column: set(grouping.groups) for grouping in found.subgroups.groupings}
    assert groups["sex"] == {"female", "male"}
    assert "unknown" in groups["age"]


def test_one_patient_has_figures_but_no_intervals(tmp_path, run):
    alone = make_store(tmp_path / "alone", items=120, seed=2)
    items = (alone.path / "items.csv").read_text().splitlines()
    lines = [re.sub(r"^(\d+),p\d+,", r"\1,me,", line) for line in items]
    (alone.path / "items.csv").write_text("\n".join(lines) + "\n")
    found = evaluate_run(run, type(alone).open(alone.path), bootstrap=20)
    assert found.patients == 1
    assert {value.low for value in found.per_label["SLOW"].values.values()} == {None}
    assert measure(run, type(alone).open(alone.path), options=by_patient()).metrics.items == 1


WHOLE = Options(bootstrap=20, whole=True)


def cells(found):
    """The table of members by its first column."""
    return {row[0]: row[1:] for row in members(found).rows}


@pytest.mark.parametrize("aggregate", [None, "mean"])
def test_an_ensemble_is_told_beside_its_members(store, aggregate):
    run = small(store, "./seeds", seeds=(1, 2))
    found = measure(run, options=Options(bootstrap=20, whole=True, aggregate=aggregate))
    items = found.recordings.items
    each = [logits(load_run(member), store, items, store.task()) for member in run.members]
    mean = np.mean(each, axis=0) / run.calibration.temperature
    np.testing.assert_allclose(found.recordings.predictions.logits, mean, rtol=1e-4, atol=1e-5)
    rows = cells(found)
    assert list(rows) == ["seed-1", "seed-2", "mean of members", "standard deviation", "the ensemble"]
    areas = [found.members[name].values["macro_auroc"].value for name in ("seed-1", "seed-2")]
    assert rows["mean of members"][0] == f"{np.mean(areas):.3f}"
    assert rows["standard deviation"][0] == f"{np.std(areas, ddof=1):.3f}"
    assert rows["the ensemble"][0] == f"{found.metrics.values['macro_auroc'].value:.3f}"
    if aggregate is None:
        alone = measure(run.members[0], options=QUICK).metrics.values["macro_auroc"].value
        assert areas[0] == pytest.approx(alone)


def test_members_of_folds_are_measured_on_what_they_have_not_seen(store):
    run = small(store, "./folds", sets=["data.folds=2"])
    found = measure(run, split="val", options=WHOLE)
    assert sum(metrics.items for metrics in found.members.values()) == found.metrics.items
    assert "its own fold" in members(found).text[0]
    assert "its own fold" not in members(measure(run, options=WHOLE)).text[0]


def test_a_training_that_was_stopped_is_told(store):
    run = small(store, "./stopped")
    assert measure(run, options=WHOLE).document["notes"] == []
    settings = run.path / "config.yaml"
    settings.write_text(settings.read_text().replace("epochs: 1", "epochs: 3"))
    (note,) = measure(type(run)(run.path), options=WHOLE).document["notes"]
    assert note == "Not trained to the end: stopped; go on with: ecg train --resume stopped"


def test_thresholds_that_hang_on_few_items_are_told_wherever_they_are_used(tmp_path):
    run = make_run(tmp_path / "few-run", make_store(tmp_path / "few", items=60))
    notes = measure(run, options=QUICK).metrics.source.threshold_notes
    assert notes == tuple(document(run, "val")["source"]["threshold_notes"])
    assert notes
    assert all("it hangs on single ones" in note for note in notes)


def test_figures_by_patient_leave_those_of_recordings_beside_them(run):
    measure(run, options=Options(bootstrap=20, whole=True, aggregate="max"))
    assert document(run, "test")["level"] == "item"
    assert document(run, "test_patients")["level"] == "patient"
