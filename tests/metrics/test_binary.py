import numpy as np
import pytest
from predicted import BINARY, predictions
from pydantic import ValidationError
from sklearn import metrics as sk

from ecgtool.errors import DataError
from ecgtool.metrics import METRICS, evaluate, score
from ecgtool.task import Task


def task(**more):
    return Task(name="ef", kind="multiclass", labels=("normal", "low"), **more)


def test_the_positive_label_is_the_second_unless_another_is_named():
    assert task().asked == ("low",)
    assert task(positive="normal").asked == ("normal",)
    assert task().binary
    assert task().thresholded


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_other_tasks_ask_for_every_label(kind):
    other = Task(name="t", kind=kind, labels=("A", "B", "C"))
    assert other.asked == ("A", "B", "C")
    assert not other.binary
    assert other.thresholded == (kind == "multilabel")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "multiclass", "labels": ("A", "B"), "positive": "C"},
        {"kind": "multiclass", "labels": ("A", "B", "C"), "positive": "B"},
        {"kind": "multilabel", "labels": ("A", "B"), "positive": "B"},
    ],
)
def test_only_a_binary_task_has_a_positive_label_and_it_is_one_of_its_own(wrong):
    with pytest.raises(ValidationError, match="positive must be one of the two labels"):
        Task(name="t", **wrong)


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_every_figure_is_of_the_positive_label_and_equals_scikit_learn(threshold):
    held = predictions(BINARY, items=300)
    truth, chance = held.targets == 0, held.probabilities[:, 0].astype(float)
    called = chance >= threshold
    expected = {
        "macro_auroc": sk.roc_auc_score(truth, chance),
        "auprc": sk.average_precision_score(truth, chance),
        "weighted_auprc": sk.average_precision_score(truth, chance),
        "f1": sk.f1_score(truth, called),
        "sensitivity": sk.recall_score(truth, called),
        "specificity": sk.recall_score(~truth, ~called),
        "ppv": sk.precision_score(truth, called),
        "precision": sk.precision_score(truth, called),
        "npv": sk.precision_score(~truth, ~called),
        "accuracy": sk.accuracy_score(truth, called),
        "exact_match": sk.accuracy_score(truth, called),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, called),
        "mcc": sk.matthews_corrcoef(truth, called),
        "brier": sk.brier_score_loss(truth, chance),
    }
    given = {"low": threshold}
    found = {name: score(name, BINARY, held.targets, held.probabilities, given) for name in expected}
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_document_speaks_of_the_positive_label_and_its_confusion_of_both():
    held = predictions(BINARY, items=300)
    found = held.metrics({"low": 0.3}, bootstrap=50)
    assert set(found.per_label) == {"low"}
    assert found.thresholds == {"low": 0.3}
    called = np.where(held.probabilities[:, 0] >= 0.3, 0, 1)
    assert found.confusion == sk.confusion_matrix(held.targets, called).tolist()
    assert set(found.values) == set(METRICS)
    for name, metric in METRICS.items():
        assert found.values[name] == found.per_label["low"].values[metric.quantity]


def test_one_half_is_the_most_probable_label():
    held = predictions(BINARY)
    accuracy = score("accuracy", BINARY, held.targets, held.probabilities)
    assert accuracy == pytest.approx(sk.accuracy_score(held.targets, held.probabilities.argmax(axis=1)))


def test_a_threshold_for_the_other_label_is_refused():
    held = predictions(BINARY)
    with pytest.raises(DataError, match="'normal', which is not the positive label"):
        score("f1", BINARY, held.targets, held.probabilities, {"normal": 0.5})


def test_items_without_a_label_count_nowhere_and_one_class_alone_is_told():
    held = predictions(BINARY)
    more = np.concatenate((held.targets, np.full(7, -1, np.int16)))
    padded = np.concatenate((held.probabilities, np.full((7, 2), 0.5, np.float32)))
    assert score("auroc", BINARY, more, padded) == score("auroc", BINARY, held.targets, held.probabilities)
    found = evaluate(BINARY, np.ones(5, np.int16), padded[:5], ["a"] * 5, bootstrap=10)
    assert found.left_out == {"low": "no positive item"}
    assert found.values["macro_auroc"].value is None
