import numpy as np
import pytest

from ecgtool.metrics.bootstrap import interval, patient_codes, resamples


def test_all_items_of_a_patient_are_drawn_together():
    codes = patient_codes(["a", "b", "a", "c", "b"])
    for weights in resamples(codes, 100):
        assert np.array_equal(weights[0], weights[2])
        assert np.array_equal(weights[1], weights[4])


def test_every_resample_draws_as_many_patients_as_there_are():
    codes = patient_codes([f"p{number}" for number in range(30)])
    weights = np.concatenate(list(resamples(codes, 150)), axis=1)
    assert weights.shape == (30, 150)
    assert (weights.sum(axis=0) == 30).all()
    assert len(np.unique(weights, axis=1).T) == 150


def test_an_item_without_a_patient_is_a_person_of_its_own():
    codes = patient_codes(["", "a", "", "a"])
    assert len(np.unique(codes)) == 3
    assert codes[1] == codes[3]


def test_a_seed_gives_the_same_resamples_and_another_seed_others():
    codes = patient_codes([str(number) for number in range(20)])
    first, again, other = (next(resamples(codes, 10, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_interval_leaves_out_undefined_resamples():
    values = np.array([np.nan, *np.linspace(0, 1, 101)])
    assert interval(values) == pytest.approx([0.025, 0.975])
    assert np.isnan(interval(np.full(10, np.nan))).all()
