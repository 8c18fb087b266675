import json

import numpy as np
import pytest
from sklearn import metrics as sk

from ecgtool.errors import ConfigError, DataError
from ecgtool.metrics import ALIASES, METRICS, Metrics, choose_thresholds, evaluate, find_metric, score
from ecgtool.task import NOT_LABELLED, Task

TASK = Task(name="toy", kind="multilabel", labels=("A", "B", "C"))
BEATS = Task(name="beats", kind="multiclass", labels=("N", "S", "V", "F"))


def multilabel(items=300, seed=0, signal=1.0):
    rng = np.random.default_rng(seed)
    targets = (rng.random((items, 3)) < (0.5, 0.2, 0.1)).astype(np.uint8)
    return targets, 1 / (1 + np.exp(-rng.normal(signal * targets - 0.5, 1.0)))


def multiclass(items=300, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.choice(4, items, p=(0.6, 0.2, 0.15, 0.05)).astype(np.int16)
    logits = rng.normal(size=(items, 4)) + 1.5 * np.eye(4)[targets]
    return targets, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def people(items):
    return [str(item) for item in range(items)]


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_multilabel_figures_equal_scikit_learn(average):
    targets, chances = multilabel()
    thresholds = {"A": 0.4, "B": 0.55, "C": 0.3}
    called = chances >= [0.4, 0.55, 0.3]
    expected = {
        "auroc": sk.roc_auc_score(targets, chances, average=average),
        "auprc": sk.average_precision_score(targets, chances, average=average),
        "f1": sk.f1_score(targets, called, average=average),
        "ppv": sk.precision_score(targets, called, average=average),
        "sensitivity": sk.recall_score(targets, called, average=average),
    }
    found = {name: score(f"{average}_{name}", TASK, targets, chances, thresholds) for name in expected}
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_other_multilabel_figures_equal_scikit_learn():
    targets, chances = multilabel()
    called = chances >= 0.5
    pairs = list(zip(targets.T, called.T, strict=True))
    expected = {
        "macro_specificity": np.mean([sk.recall_score(1 - truth, ~call) for truth, call in pairs]),
        "accuracy": np.mean([sk.accuracy_score(truth, call) for truth, call in pairs]),
        "balanced_accuracy": np.mean([sk.balanced_accuracy_score(truth, call) for truth, call in pairs]),
        "exact_match": sk.accuracy_score(targets, called),
        "brier": np.mean(
            [sk.brier_score_loss(truth, chance) for truth, chance in zip(targets.T, chances.T, strict=True)]
        ),
    }
    assert {name: score(name, TASK, targets, chances) for name in expected} == pytest.approx(expected, abs=1e-12)


def test_multiclass_figures_equal_scikit_learn():
    targets, chances = multiclass()
    called = chances.argmax(axis=1)
    expected = {
        "macro_auroc": sk.roc_auc_score(targets, chances, multi_class="ovr"),
        "weighted_auroc": sk.roc_auc_score(targets, chances, multi_class="ovr", average="weighted"),
        "macro_auprc": sk.average_precision_score(np.eye(4)[targets], chances),
        "accuracy": sk.accuracy_score(targets, called),
        "exact_match": sk.accuracy_score(targets, called),
        "balanced_accuracy": sk.balanced_accuracy_score(targets, called),
        "macro_f1": sk.f1_score(targets, called, average="macro"),
        "weighted_f1": sk.f1_score(targets, called, average="weighted"),
        "macro_ppv": sk.precision_score(targets, called, average="macro", zero_division=0),
        "macro_sensitivity": sk.recall_score(targets, called, average="macro"),
    }
    assert {name: score(name, BEATS, targets, chances) for name in expected} == pytest.approx(expected, abs=1e-12)
    found = evaluate(BEATS, targets, chances, people(300), bootstrap=0)
    assert found.confusion == sk.confusion_matrix(targets, called).tolist()
    assert found.thresholds == {}


def test_every_metric_has_a_value_with_its_interval_around_it():
    for task, (targets, chances) in ((TASK, multilabel()), (BEATS, multiclass())):
        found = evaluate(task, targets, chances, people(300), bootstrap=200)
        assert set(found.values) == set(METRICS)
        for name, value in found.values.items():
            assert value.low <= value.value <= value.high, name
            assert value.value == pytest.approx(score(name, task, targets, chances), abs=1e-12)


def test_an_alias_means_the_macro_average_and_a_typo_is_told():
    assert find_metric("auroc") is METRICS["macro_auroc"]
    assert set(ALIASES.values()) <= set(METRICS)
    with pytest.raises(ConfigError, match="macro_aurocc") as told:
        find_metric("macro_aurocc")
    assert "macro_auroc" in told.value.hint


def test_a_label_without_both_classes_is_named_and_left_out_of_every_mean():
    targets, chances = multilabel()
    targets[:, 2] = 0
    found = evaluate(TASK, targets, chances, people(300), bootstrap=100)
    assert found.left_out == {"C": "no positive item"}
    assert found.per_label["C"].values["auroc"].value is None
    assert found.values["macro_auroc"].value == pytest.approx(sk.roc_auc_score(targets[:, :2], chances[:, :2]))
    assert found.values["macro_f1"].value == pytest.approx(
        sk.f1_score(targets[:, :2], chances[:, :2] >= 0.5, average="macro")
    )
    targets[:, 2] = 1
    assert evaluate(TASK, targets, chances, people(300), bootstrap=0).left_out == {"C": "no negative item"}


def test_the_document_is_json_and_reads_back_the_same():
    targets, chances = multilabel()
    targets[:, 1] = 0
    found = evaluate(TASK, targets, chances, people(300), bootstrap=20)
    text = json.dumps(found.model_dump(mode="json"), allow_nan=False)
    assert Metrics.model_validate(json.loads(text)) == found
    assert '"value": null' in text


def test_items_without_a_label_count_nowhere():
    targets, chances = multilabel()
    more = np.concatenate([targets, np.full((5, 3), NOT_LABELLED, np.uint8)])
    padded = np.concatenate([chances, np.full((5, 3), 0.99)])
    found = evaluate(TASK, more, padded, people(305), bootstrap=50)
    assert found == evaluate(TASK, targets, chances, people(300), bootstrap=50)


def test_few_patients_on_one_side_are_pointed_out():
    targets, chances = multilabel()
    targets[:, 2] = 0
    targets[:12, 2] = 1
    each, shared = people(300), ["same" if item < 12 else str(item) for item in range(300)]
    assert not evaluate(TASK, targets, chances, each, bootstrap=0).per_label["C"].few
    assert evaluate(TASK, targets, chances, shared, bootstrap=0).per_label["C"].few


def test_one_patient_has_no_interval():
    targets, chances = multilabel()
    targets[:, 2] = 0
    targets[7, 2] = 1
    found = evaluate(TASK, targets, chances, people(300), bootstrap=100).per_label
    assert found["C"].values["auroc"].value is not None
    assert found["C"].values["auroc"].low is None
    assert found["B"].values["auroc"].low is not None


def test_intervals_are_wider_when_patients_repeat():
    targets, chances = multilabel(60)
    targets, chances = np.repeat(targets, 8, axis=0), np.repeat(chances, 8, axis=0)
    by_item = evaluate(TASK, targets, chances, people(480), bootstrap=300)
    by_patient = evaluate(TASK, targets, chances, [str(item // 8) for item in range(480)], bootstrap=300)
    widths = [found.values["macro_auroc"].high - found.values["macro_auroc"].low for found in (by_item, by_patient)]
    assert by_patient.patients == 60
    assert widths[1] > 2 * widths[0]


def test_intervals_cover_the_true_area_about_as_often_as_they_say():
    task = Task(name="one", kind="multilabel", labels=("A",))
    truth = 0.7602499389065233  # Phi(1 / sqrt(2)): normal scores one standard deviation apart
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        targets = (np.arange(120) < 50).astype(np.uint8)[:, None]
        chances = 1 / (1 + np.exp(-rng.normal(targets, 1.0)))
        value = evaluate(task, targets, chances, people(120), bootstrap=200, seed=seed).values["macro_auroc"]
        covered += value.low <= truth <= value.high
    assert 0.90 <= covered / 200 <= 0.99


def test_shuffled_labels_have_one_half_inside_the_interval():
    targets, chances = multilabel(400, signal=3.0)
    shuffled = np.random.default_rng(5).permutation(targets)
    value = evaluate(TASK, shuffled, chances, people(400), bootstrap=500).values["macro_auroc"]
    assert value.low < 0.5 < value.high
    assert score("auroc", TASK, targets, chances) > 0.9


def test_thresholds_chosen_on_some_items_raise_f1_there():
    targets, chances = multilabel()
    thresholds = choose_thresholds(TASK, targets, chances)
    assert set(thresholds) == set(TASK.labels)
    assert score("f1", TASK, targets, chances, thresholds) > score("f1", TASK, targets, chances)
    found = evaluate(TASK, targets, chances, people(300), thresholds, bootstrap=0)
    assert found.thresholds == thresholds


def test_a_label_without_both_classes_keeps_the_threshold_one_half():
    targets, chances = multilabel()
    targets[:, 0] = 0
    assert choose_thresholds(TASK, targets, chances)["A"] == 0.5
    assert choose_thresholds(BEATS, *multiclass()) == {}


def test_a_figure_nobody_can_compute_is_not_a_number():
    assert np.isnan(score("auroc", TASK, np.zeros((4, 3), np.uint8), np.full((4, 3), 0.5)))


@pytest.mark.parametrize(
    ("targets", "chances", "told"),
    [
        (np.zeros((4, 2), np.uint8), np.zeros((4, 3)), r"targets \[4, 3\]"),
        (np.zeros((4, 3), np.uint8), np.zeros((4, 2)), r"not \[4, 3\] and \[4, 2\]"),
        (np.zeros((4, 3), np.uint8), np.full((4, 3), np.nan), "4 of 4 predictions are not finite"),
        (np.full((4, 3), NOT_LABELLED), np.zeros((4, 3)), "No item carries a label"),
        (np.zeros((0, 3), np.uint8), np.zeros((0, 3)), "No item carries a label"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(targets, chances, told):
    with pytest.raises(DataError, match=told):
        score("auroc", TASK, targets, chances)


def test_thresholds_and_patients_that_do_not_fit_are_refused():
    targets, chances = multilabel()
    with pytest.raises(DataError, match="'X', which is no label"):
        evaluate(TASK, targets, chances, people(300), {"X": 0.5})
    with pytest.raises(DataError, match="300 items but 2 patients"):
        evaluate(TASK, targets, chances, people(2))
