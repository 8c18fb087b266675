import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions
from scipy.stats import binomtest
from sklearn import metrics as sk

from ecgtool.metrics import METRICS, Metrics, evaluate
from ecgtool.metrics.bootstrap import exact_interval, patient_codes, resamples
from ecgtool.metrics.outcomes import QUANTITIES, Counted, Outcomes
from ecgtool.task import Task

ONE = Task(name="one", kind="multilabel", labels=("A",))


def figures(target, chance, threshold, weights):
    """Every figure of one label under weights, by scikit-learn; NaN where ours is undefined."""
    called, both = chance >= threshold, 0 < weights[target].sum() < weights.sum()
    nan = float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that a resample lost
        return {
            "auroc": sk.roc_auc_score(target, chance, sample_weight=weights) if both else nan,
            "auprc": sk.average_precision_score(target, chance, sample_weight=weights)
            if weights[target].sum()
            else nan,
            "accuracy": sk.accuracy_score(target, called, sample_weight=weights),
            "f1": sk.f1_score(target, called, sample_weight=weights) if weights[target].sum() else nan,
            "sensitivity": sk.recall_score(target, called, sample_weight=weights) if weights[target].sum() else nan,
            "specificity": sk.recall_score(~target, ~called, sample_weight=weights) if weights[~target].sum() else nan,
            "ppv": sk.precision_score(target, called, sample_weight=weights, zero_division=0),
            "npv": sk.precision_score(~target, ~called, sample_weight=weights, zero_division=0),
            "balanced_accuracy": sk.balanced_accuracy_score(target, called, sample_weight=weights) if both else nan,
            "mcc": sk.matthews_corrcoef(target, called, sample_weight=weights),
            "brier": sk.brier_score_loss(target, chance, sample_weight=weights, pos_label=True),
        }


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=2, max_size=40),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.75, 1.0]),
)
def test_every_figure_under_weights_equals_scikit_learn_with_ties_and_with_one_class(rows, threshold):
    target, chance, weights = (np.array(column) for column in zip(*rows, strict=True))
    if not weights.sum():
        weights = weights + 1
    chance, weights = chance / 10, weights.astype(float)
    outcomes = Outcomes.of(ONE, target[:, None].astype(np.uint8), chance[:, None], {"A": threshold})
    counted = Counted(outcomes, weights[:, None])
    expected = figures(target, chance, threshold, weights)
    found = {name: float(QUANTITIES[name].of(counted)[0, 0]) for name in expected}
    assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)
def test_an_interval_is_the_middle_of_what_scikit_learn_finds_in_the_same_resamples(task):
    held = predictions(task, items=90, each=3)
    found = held.metrics({}, bootstrap=80, seed=4)
    weights = np.concatenate(list(resamples(patient_codes(held.patients), 80, 4)), axis=1)
    truth, chances = held.outcomes({}).truth, held.outcomes({}).probabilities
    for place, label in enumerate(task.asked):
        areas = [sk.roc_auc_score(truth[:, place], chances[:, place], sample_weight=column) for column in weights.T]
        value = found.per_label[label].values["auroc"]
        assert (value.low, value.high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=1e-9)


@pytest.mark.parametrize(("right", "number"), [(0, 1), (0, 12), (12, 12), (5, 12), (299, 300), (1, 1)])
def test_the_exact_interval_is_scipy_s(right, number):
    expected = binomtest(right, number).proportion_ci(0.95, method="exact")
    assert exact_interval(right, number) == pytest.approx((expected.low, expected.high), abs=1e-9)


def parted(items=60, each=3, wrong=()):
    """Targets and probabilities that one threshold parts, but for the items named; a third is positive."""
    target = np.arange(items) < items // 3
    chance = np.where(target, 0.9, 0.1) + np.linspace(0, 0.05, items)
    chance[list(wrong)] = 1 - chance[list(wrong)]
    return target[:, None].astype(np.uint8), chance[:, None], [str(item // each) for item in range(items)]


def test_a_proportion_of_1_has_the_exact_interval_over_its_patients():
    targets, chances, people = parted(wrong=[0, 5])
    found = evaluate(ONE, targets, chances, people, bootstrap=100).per_label["A"].values
    assert found["specificity"].value == found["ppv"].value == 1
    low, high = exact_interval(14, 14)  # 40 negative items of 14 patients, one of whom has positive items too
    assert (found["specificity"].low, found["specificity"].high) == (low, high)
    assert found["specificity"].method == "clopper-pearson"
    assert found["ppv"].low == exact_interval(7, 7)[0]
    assert found["sensitivity"].method == "bootstrap"
    assert 0 < found["sensitivity"].low < found["sensitivity"].value < found["sensitivity"].high <= 1


def test_a_proportion_of_0_has_one_too():
    targets, chances, people = parted(wrong=range(20))
    found = evaluate(ONE, targets, chances, people, bootstrap=100).per_label["A"].values["sensitivity"]
    assert (found.value, found.low, found.method) == (0, 0, "clopper-pearson")
    assert found.high == exact_interval(0, 7)[1]


def test_an_area_of_1_has_no_interval_rather_than_one_without_width():
    targets, chances, people = parted()
    found = evaluate(ONE, targets, chances, people, bootstrap=100)
    area = found.per_label["A"].values["auroc"]
    assert (area.value, area.low, area.high, area.method) == (1, None, None, "none")
    assert found.values["macro_auroc"] == area
    assert found.values["macro_sensitivity"].method == "clopper-pearson"


def test_resamples_that_lose_a_class_are_counted():
    targets, chances, people = parted(items=12, each=2, wrong=[0, 11])
    found = evaluate(ONE, targets, chances, people, bootstrap=400).per_label["A"].values
    outcomes = Outcomes.of(ONE, targets, chances)
    drawn = np.concatenate([Counted(outcomes, w).auroc()[0] for w in resamples(patient_codes(people), 400)])
    assert found["auroc"].undefined == np.isnan(drawn).sum() > 0
    assert found["accuracy"].undefined == 0


def test_no_resamples_make_no_interval():
    targets, chances, people = parted()
    found = evaluate(ONE, targets, chances, people, bootstrap=0)
    assert {value.method for value in found.values.values()} == {"none"}


def test_the_areas_come_first():
    assert list(METRICS)[:3] == ["macro_auroc", "macro_auprc", "accuracy"]
    assert list(QUANTITIES)[:3] == ["auroc", "auprc", "accuracy"]


def test_a_document_of_a_former_version_still_opens():
    targets, chances, people = parted(wrong=[0, 50])
    document = evaluate(ONE, targets, chances, people, bootstrap=20).model_dump(mode="json")
    del document["level"], document["task"]["positive"]
    document["source"] = {
        "model": "m",
        "dataset": "d",
        "store": "s",
        "split": "val",
        "fs": 100.0,
        "leads": ["I"],
        "samples": 10,
        "threshold_rule": "youden",
    }
    values = document["per_label"]["A"]["values"]
    values["precision"] = values.pop("ppv")
    for name in ("npv", "ece", "mcc", "calibration_slope", "calibration_intercept"):
        del values[name]
    document["values"]["macro_precision"] = document["values"].pop("macro_ppv")
    for value in (*values.values(), *document["values"].values()):
        del value["method"], value["undefined"]
    found = Metrics.model_validate(document)
    assert found.per_label["A"].values["ppv"].value == values["precision"]["value"]
    assert found.values["macro_ppv"].value is not None
    assert (found.level, found.source.threshold_rule) == ("item", "youden")
