from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions
from scipy.special import expit, logit, softmax

from ecgtool.errors import ConfigError
from ecgtool.metrics.logits import activated
from ecgtool.metrics.patients import at_level, by_patient, thresholds_at
from ecgtool.metrics.predictions import Predictions

TASKS = pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)
WAYS = pytest.mark.parametrize("how", ["mean", "max", "noisy-or"])


def small(task, logits, targets, patients, **more):
    logits = np.array(logits, np.float32)
    return Predictions(
        task=task,
        ids=tuple(f"r{item}" for item in range(len(logits))),
        patients=tuple(patients),
        split="test",
        targets=np.array(targets, np.int16 if task.exclusive else np.uint8),
        probabilities=activated(task, logits),
        logits=logits,
        **more,
    )


def test_the_mean_is_one_of_logits():
    held = small(MULTILABEL, [[2, 0, -1], [4, 1, 1], [-3, 0, 0]], [[1, 0, 0]] * 3, "aab")
    found = by_patient(held)
    assert np.allclose(found.logits, [[3, 0.5, 0], [-3, 0, 0]])
    assert np.allclose(found.probabilities, expit(found.logits))
    assert found.level == "patient"
    assert found.ids == found.patients == ("a", "b")


def test_max_and_noisy_or_of_labels_that_may_stand_together():
    held = small(MULTILABEL, [[2, 0, -1], [4, 1, 1], [-3, 0, 0]], [[1, 0, 0]] * 3, "aab")
    chances = expit(np.array([[2.0, 0, -1], [4, 1, 1]]))
    assert np.allclose(by_patient(held, "max").probabilities[0], chances.max(axis=0))
    assert np.allclose(by_patient(held, "noisy-or").probabilities[0], 1 - (1 - chances).prod(axis=0), atol=1e-6)
    for how in ("max", "noisy-or"):
        assert np.allclose(by_patient(held, how).logits[1], [-3, 0, 0], atol=1e-5)


def test_max_and_noisy_or_of_a_binary_task_are_of_the_positive_label():
    held = small(BINARY, [[1, 0], [-2, 0], [0, 0.5]], [0, 0, 1], "aab")
    chances = softmax([[1.0, 0], [-2, 0]], axis=1)[:, 0]
    for how, expected in (("max", chances.max()), ("noisy-or", 1 - (1 - chances).prod())):
        found = by_patient(held, how).probabilities[0]
        assert found == pytest.approx([expected, 1 - expected], abs=1e-6)


def test_max_and_noisy_or_of_labels_that_exclude_each_other_sum_to_one():
    logits = np.array([[2.0, 0, -1], [-1, 3, 0]])
    held = small(MULTICLASS, logits, [0, 1], "aa")
    chances = softmax(logits, axis=1)
    for how, each in (("max", chances.max(axis=0)), ("noisy-or", 1 - (1 - chances).prod(axis=0))):
        assert by_patient(held, how).probabilities[0] == pytest.approx(each / each.sum(), abs=1e-6)


@TASKS
@WAYS
def test_a_single_recording_speaks_for_its_patient(task, how):
    held = predictions(task, items=50, each=1)
    found = by_patient(held, how)
    assert np.allclose(found.probabilities, held.probabilities, atol=1e-6)
    assert np.array_equal(found.targets, held.targets)
    assert found.notes == ()


@TASKS
@WAYS
@given(seed=st.integers(0, 1000), each=st.integers(1, 5))
def test_the_order_of_the_recordings_does_not_matter(task, how, seed, each):
    held = predictions(task, items=24, each=each, seed=seed)
    order = np.random.default_rng(seed).permutation(24)
    found, again = by_patient(held, how), by_patient(held.taken(order), how)
    places = [again.ids.index(patient) for patient in found.ids]
    assert np.allclose(found.probabilities, again.probabilities[places], atol=1e-5)
    assert np.array_equal(found.targets, again.targets[places])


@WAYS
def test_extreme_logits_stay_finite_and_in_order(how):
    held = small(MULTILABEL, [[300, -300, 80], [300, -300, -80], [200, -200, 0]], [[0, 0, 0]] * 3, "aab")
    found = by_patient(held, how)
    assert np.isfinite(found.logits).all()
    assert np.isfinite(found.probabilities).all()
    assert found.logits[0, 0] > found.logits[1, 0]
    assert found.logits[0, 1] < found.logits[1, 1]


def test_many_recordings_raise_noisy_or_and_leave_the_mean():
    held = small(BINARY, [[logit(0.2), 0]] * 20, [1] * 20, "a" * 20)
    assert by_patient(held, "noisy-or").probabilities[0, 0] == pytest.approx(1 - 0.8**20, abs=1e-6)
    assert by_patient(held, "mean").probabilities[0, 0] == pytest.approx(0.2, abs=1e-6)


def test_a_patient_has_a_label_that_any_recording_has():
    held = small(MULTILABEL, np.zeros((3, 3)), [[1, 0, 0], [0, 1, 0], [0, 0, 0]], "aab")
    found = by_patient(held)
    assert found.targets.tolist() == [[1, 1, 0], [0, 0, 0]]
    assert found.notes == (
        "1 patient of 2 has recordings with differing labels; each has a label that any of them has.",
    )
    positive = by_patient(small(BINARY, np.zeros((3, 2)), [1, 1, 0], "aaa"))
    assert positive.targets.tolist() == [0]


def test_of_labels_that_exclude_each_other_the_most_frequent_counts_and_of_equals_the_last():
    held = small(MULTICLASS, np.zeros((7, 3)), [0, 0, 2, 1, 0, 1, 1], "aaabbcc")
    found = by_patient(held)
    assert found.targets.tolist() == [0, 1, 1]
    assert "2 patients of 3" in found.notes[0]
    assert "most frequent" in found.notes[0]
    assert found.targets.dtype == held.targets.dtype


def test_recordings_without_a_patient_are_persons_of_their_own():
    held = small(BINARY, [[1, 0], [2, 0], [3, 0], [4, 0]], [0, 1, 0, 1], ["", "a", "", "a"])
    found = by_patient(held)
    assert found.ids == ("r0", "a", "r2")
    assert found.patients == ("", "a", "")
    assert found.metrics({}, bootstrap=0).patients == 3


def test_numbers_of_the_metadata_are_averaged_and_words_are_the_first_known():
    held = small(
        BINARY,
        np.zeros((4, 2)),
        [0, 0, 0, 1],
        "aaab",
        metadata={"age": (50, float("nan"), 52, float("nan")), "device": ("", "X", "Y", None), "pacer": (True,) * 4},
    )
    found = by_patient(held).metadata
    assert found["age"] == (51.0, None)
    assert found["device"] == ("X", None)
    assert found["pacer"] == (True, True)


def test_patients_come_in_the_order_of_their_first_recordings():
    held = small(BINARY, [[1, 0], [2, 0], [3, 0], [4, 0]], [0, 1, 0, 1], ["z", "m", "z", "b"])
    assert by_patient(held).ids == ("z", "m", "b")
    assert np.allclose(by_patient(held).logits[:, 0], [2, 2, 4])


def test_patients_are_not_brought_together_again():
    once = by_patient(predictions(BINARY))
    assert by_patient(once, "max") is once
    assert at_level(once, "patient") is once


def test_an_unknown_way_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="'noisyor'") as refused:
        by_patient(predictions(BINARY), "noisyor")
    assert "noisy-or" in refused.value.hint


def test_at_patient_level_a_resample_draws_each_patient_s_one_prediction():
    held = by_patient(predictions(BINARY, items=300, each=3))
    found = held.metrics(held.thresholds("youden"), bootstrap=50)
    assert (found.items, found.patients, found.level) == (100, 100, "patient")


@TASKS
def test_thresholds_are_those_of_the_level_they_are_applied_at(task):
    held = predictions(task, items=300, each=3)
    alone, together = (thresholds_at(held, level, "sensitivity=0.9") for level in ("item", "patient"))
    assert alone == held.thresholds("sensitivity=0.9")
    assert together == by_patient(held).thresholds("sensitivity=0.9")
    if task.thresholded:
        assert alone != together
        outcomes = by_patient(held).outcomes(together)
        assert (outcomes.called & outcomes.truth).sum(axis=0) == pytest.approx(0.9 * outcomes.truth.sum(axis=0), abs=1)


def test_averaging_recordings_of_a_patient_ranks_patients_better():
    held = predictions(BINARY, items=900, each=3, signal=0.8)
    areas = [each.metrics({}, bootstrap=0).values["macro_auroc"].value for each in (held, by_patient(held))]
    assert areas[1] > areas[0] + 0.05


def test_without_logits_they_are_derived_from_the_probabilities():
    held = predictions(MULTICLASS, items=60, each=3)
    derived = replace(held, logits=np.empty((0, 0), np.float32))
    assert np.allclose(by_patient(derived).probabilities, by_patient(held).probabilities, atol=1e-5)
