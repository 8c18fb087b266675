"""Dealing patients into parts: nobody in two, every label in all, the same every time."""

import numpy as np
import pytest

from ecgtool.datasets.splits import Division, stratified
from ecgtool.errors import ConfigError

SHARES = (0.7, 0.15, 0.15)


@pytest.fixture(scope="module")
def items():
    """600 items of 200 patients; labels that half, a tenth and a fiftieth of them carry."""
    rng = np.random.default_rng(0)
    patients = np.array([f"p{number}" for number in rng.integers(0, 200, 600)])
    return patients, (rng.random((600, 3)) < (0.5, 0.1, 0.02)).astype(np.uint8)


def test_no_patient_is_in_two_parts(items):
    patients, marks = items
    parts = stratified(patients, marks, SHARES)
    for patient in set(patients):
        assert len(set(parts[patients == patient])) == 1


def test_each_part_gets_its_share_of_items_and_of_every_label(items):
    patients, marks = items
    parts = stratified(patients, marks, SHARES)
    for part, share in enumerate(SHARES):
        chosen = parts == part
        assert chosen.mean() == pytest.approx(share, abs=0.02)
        for label, held in enumerate(marks[chosen].sum(axis=0)):
            assert held == pytest.approx(share * marks[:, label].sum(), abs=3.5)


def test_a_label_that_few_carry_is_in_every_part():
    marks = np.zeros((100, 2), np.uint8)
    marks[:3, 0] = 1
    parts = stratified([str(item) for item in range(100)], marks, (1, 1, 1))
    assert sorted(parts[:3]) == [0, 1, 2]


def test_the_same_seed_deals_the_same_and_another_one_differently(items):
    np.testing.assert_array_equal(stratified(*items, SHARES), stratified(*items, SHARES))
    assert not np.array_equal(stratified(*items, SHARES, seed=1), stratified(*items, SHARES, seed=2))


def test_shares_may_be_in_any_unit_and_some_zero(items):
    np.testing.assert_array_equal(stratified(*items, SHARES), stratified(*items, [7, 1.5, 1.5]))
    assert set(stratified(*items, (1, 0, 1))) == {0, 2}


def test_items_without_any_label_are_dealt_by_their_number():
    parts = stratified([str(item) for item in range(50)], np.zeros((50, 4), np.uint8), (3, 1, 1))
    assert np.bincount(parts).tolist() == [30, 10, 10]


@pytest.mark.parametrize("patients", range(3, 12))
def test_no_part_is_empty_where_there_are_patients_enough(patients):
    for marks in (np.eye(2, dtype=np.uint8)[np.arange(patients) % 2], np.zeros((patients, 1), np.uint8)):
        parts = stratified([str(item) for item in range(patients)], marks, (70, 15, 15))
        assert np.bincount(parts, minlength=3).min() >= 1


def test_a_part_that_would_be_empty_gets_a_patient_whose_labels_others_carry():
    marks = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]], np.uint8)
    parts = stratified(list("abcdef"), marks, (70, 15, 15))
    assert sorted(np.bincount(parts)) == [1, 1, 4]
    assert marks[parts == 0].any(axis=0).all()


def test_a_patient_without_labels_does_not_fill_a_part():
    marks = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0], [0, 0]], np.uint8)
    parts = stratified(list("abcdef"), marks, (70, 15, 15))
    assert set(parts[:4]) == {0, 1, 2}


def test_fewer_patients_than_parts_leave_the_last_empty():
    assert stratified(["a", "a"], np.ones((2, 1)), (70, 15, 15)).tolist() == [0, 0]
    assert sorted(stratified(["a", "b"], np.ones((2, 1)), (70, 15, 15))) == [0, 1]


@pytest.mark.parametrize("shares", [(0, 0, 0), (-1, 1, 1), ()])
def test_shares_that_divide_nothing_are_refused(shares):
    with pytest.raises(ConfigError):
        stratified(["a"], np.zeros((1, 1), np.uint8), shares)


def test_shares_and_folds_exclude_each_other():
    with pytest.raises(ConfigError, match="exclude"):
        Division.of("70,15,15", folds=5)
    assert Division.of(folds=5).folds == 5
    assert Division.of("8,1,1").shares == (8, 1, 1)
    assert Division.of() == Division()


@pytest.mark.parametrize("text", ["70,15", "70,15,15,5", "a,b,c", "inf,1,1", "nan,1,1", "-1,1,1", "0,1,1", "70;15;15"])
def test_shares_that_are_no_shares_are_named_with_an_example(text):
    with pytest.raises(ConfigError) as refused:
        Division.of(text)
    assert text in refused.value.message
    assert "70,15,15" in refused.value.hint


def test_more_folds_than_patients_are_refused():
    with pytest.raises(ConfigError, match="2 patients cannot make 3 folds"):
        Division(folds=3).deal(["a", "a", "b"], np.ones((3, 1)))
