from dataclasses import replace

import numpy as np
import pytest
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from ecgtool.errors import DataError
from ecgtool.metrics import METRICS, score
from ecgtool.metrics.bootstrap import patient_codes, resamples
from ecgtool.metrics.compare import Comparison, compare, paired, two_sided_p
from ecgtool.metrics.delong import delong
from ecgtool.metrics.logits import activated
from ecgtool.metrics.patients import by_patient
from ecgtool.task import Task

TASKS = pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)


def pair(task, items=240, **more):
    """Two models on the same items, the first the better."""
    return predictions(task, items, signal=2.0, noise=1, **more), predictions(task, items, signal=0.8, noise=2, **more)


@TASKS
def test_every_figure_of_both_is_there_and_the_difference_is_theirs(task):
    a, b = pair(task)
    thresholds = a.thresholds("youden"), b.thresholds("f1")
    found = compare(a, b, bootstrap=50, thresholds=thresholds)
    assert set(found.values) == set(METRICS)
    for name, row in found.values.items():
        for given, value, cuts in ((a, row.a, thresholds[0]), (b, row.b, thresholds[1])):
            assert value == pytest.approx(score(name, task, given.targets, given.probabilities, cuts), abs=1e-12)
        assert row.difference.value == pytest.approx(row.a - row.b)
        assert row.difference.low <= row.difference.high
    assert set(found.delong) == set(task.asked)
    assert (found.items, found.patients, found.level) == (240, 120, "item")


def test_the_same_patients_are_drawn_for_both_as_scikit_learn_confirms():
    a, b = pair(BINARY, items=100)
    found = compare(a, b, bootstrap=120, seed=3).values["macro_auroc"]
    differences = []
    for weights in resamples(patient_codes(a.patients), 120, 3):
        for column in weights.T:
            drawn = np.repeat(np.arange(100), column.astype(int))
            areas = [roc_auc_score(a.targets[drawn] == 0, each.probabilities[drawn, 0]) for each in (a, b)]
            differences.append(areas[0] - areas[1])
    low, high = np.quantile(differences, [0.025, 0.975])
    assert (found.difference.low, found.difference.high) == (pytest.approx(low), pytest.approx(high))
    rarer = min(sum(d <= 0 for d in differences), sum(d >= 0 for d in differences))
    assert found.p == pytest.approx(min(1, 2 * (rarer + 1) / 121))


def test_pairing_narrows_the_interval_of_alike_models():
    a = predictions(BINARY, 400, each=1, signal=1.5)
    logits = a.logits + 0.2 * np.random.default_rng(9).normal(size=a.logits.shape).astype(np.float32)
    alike = replace(a, logits=logits, probabilities=activated(BINARY, logits))
    width = compare(a, alike, bootstrap=200).values["macro_auroc"].difference
    alone = a.metrics({}, bootstrap=200).values["macro_auroc"]
    assert width.high - width.low < 0.5 * (alone.high - alone.low)


def test_the_other_way_round_the_signs_turn_and_p_stays():
    a, b = pair(BINARY)
    there, back = compare(a, b, bootstrap=100), compare(b, a, bootstrap=100)
    for name, row in there.values.items():
        assert row.difference.value == pytest.approx(-back.values[name].difference.value)
        assert row.difference.low == pytest.approx(-back.values[name].difference.high)
        assert row.p == back.values[name].p
    assert there.delong["low"].p == back.delong["low"].p


def test_a_model_does_not_differ_from_itself():
    a, _ = pair(MULTILABEL)
    found = compare(a, a, bootstrap=100)
    assert all(row.difference.value == 0 and row.p == 1 for row in found.values.values())
    assert all(test.difference == 0 and test.p == 1 for test in found.delong.values())


def test_a_better_model_is_found_by_both_tests_and_an_equal_one_by_neither():
    a, b = pair(BINARY, items=600)
    found = compare(a, b, bootstrap=400)
    assert found.values["macro_auroc"].difference.low > 0
    assert found.values["macro_auroc"].p < 0.01
    assert found.delong["low"].p < 0.01
    equal = compare(a, predictions(BINARY, 600, signal=2.0, noise=5), bootstrap=400)
    assert equal.values["macro_auroc"].p > 0.05
    assert equal.delong["low"].p > 0.05


@TASKS
def test_delong_s_test_is_on_one_score_per_patient(task):
    a, b = pair(task, each=3)
    first, second = by_patient(a), by_patient(b)
    for place, label in enumerate(task.asked):
        column = task.labels.index(label)
        held = first.targets == column if task.exclusive else first.targets[:, column] == 1
        expected = delong(held, first.probabilities[:, column], second.probabilities[:, column])
        found = compare(a, b, bootstrap=0).delong[label]
        assert found.positives + found.negatives == 80
        assert found.a == pytest.approx(roc_auc_score(held, first.probabilities[:, column]), abs=1e-9), place
        assert found.p == pytest.approx(expected.p, abs=1e-6)


def test_patients_are_compared_as_recordings_are():
    a, b = (by_patient(each) for each in pair(BINARY, each=3))
    found = compare(a, b, bootstrap=50)
    assert (found.level, found.items, found.patients) == ("patient", 80, 80)
    assert found.delong["low"].a == pytest.approx(found.values["macro_auroc"].a)


def test_the_order_of_the_second_does_not_matter():
    a, b = pair(MULTILABEL)
    shuffled = b.taken(np.random.default_rng(0).permutation(len(b.ids)))
    assert compare(a, shuffled, bootstrap=20) == compare(a, b, bootstrap=20)
    assert paired(a, shuffled).metadata == b.metadata


def test_without_resamples_there_are_values_and_delong_s_test_alone():
    a, b = pair(BINARY)
    found = compare(a, b, bootstrap=0)
    assert found.values["macro_auroc"].p is None
    assert found.values["macro_auroc"].difference.low is None
    assert found.delong["low"].p is not None


def test_a_label_that_nobody_has_is_told():
    a, b = pair(MULTILABEL)
    targets = a.targets.copy()
    targets[:, 1] = 0
    found = compare(replace(a, targets=targets), replace(b, targets=targets), bootstrap=20)
    assert found.left_out == {"MI": "no positive item"}
    assert found.delong["MI"].p is None


def test_the_document_reads_back_the_same():
    found = compare(*pair(MULTILABEL), bootstrap=20)
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_other_items_tasks_levels_targets_and_patients_are_refused_with_how_many_differ():
    a, b = pair(BINARY)
    missing = b.taken(np.arange(230))
    renamed = replace(b, ids=("other", *b.ids[1:]))
    turned = replace(b, targets=np.where(np.arange(240) < 4, 1 - b.targets, b.targets))
    moved = replace(b, patients=("x", *b.patients[1:]))
    doubled = replace(b, ids=(b.ids[1], *b.ids[1:]))
    for other, told in (
        (missing, "different items: 10 of 240 are of one alone"),
        (renamed, "different items: 2 of 241"),
        (turned, "4 items of 240 have other targets"),
        (moved, "1 item of 240 have other patients"),
        (doubled, "not unique"),
        (by_patient(b), "different levels cannot be compared: item and patient"),
        (replace(b, task=BINARY.model_copy(update={"positive": "normal"})), "different positive labels"),
        (replace(b, task=BINARY.model_copy(update={"name": "other"})), "different tasks"),
    ):
        with pytest.raises(DataError, match=told):
            compare(a, other)


def test_p_is_twice_the_rarer_side_and_never_nothing():
    drawn = np.stack((np.arange(99) - 9.0, np.full(99, 1.0), np.zeros(99), np.full(99, np.nan)))
    assert two_sided_p(drawn) == pytest.approx([0.22, 0.02, 1.0, np.nan], nan_ok=True)


def test_heartbeats_are_compared_class_by_class_in_place_of_delongs_test():
    task = Task(name="aami5", kind="multiclass", labels=("N", "S", "V"), of="beat")
    a, b = pair(task)
    found = compare(a, b, bootstrap=50)
    assert found.delong == {}
    assert compare(*pair(MULTICLASS), bootstrap=0).classes == {}
    for place, label in enumerate(task.labels):
        for given, side in ((a, "a"), (b, "b")):
            truth, called = given.targets == place, given.probabilities.argmax(axis=1) == place
            held = {name: getattr(value, side) for name, value in found.classes[label].items()}
            assert held["f1"] == pytest.approx(f1_score(truth, called))
            assert held["sensitivity"] == pytest.approx(recall_score(truth, called))
            assert held["ppv"] == pytest.approx(precision_score(truth, called))
    difference = found.classes["V"]["f1"].difference
    assert difference.low <= difference.value <= difference.high
