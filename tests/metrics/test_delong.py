import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from ecgtool.errors import DataError
from ecgtool.metrics.delong import areas_and_covariance, delong


def slow(truth, scores):
    """Areas and covariance from the definition of the structural components (DeLong et al. 1988), pair by pair."""
    inside, outside = scores[:, truth], scores[:, ~truth]
    psi = (inside[:, :, None] > outside[:, None, :]) + 0.5 * (inside[:, :, None] == outside[:, None, :])
    v10, v01 = psi.mean(axis=2), psi.mean(axis=1)
    areas = psi.mean(axis=(1, 2))
    return areas, np.cov(v10) / inside.shape[1] + np.cov(v01) / outside.shape[1]


def draw(seed, persons=60, digits=1):
    rng = np.random.default_rng(seed)
    truth = rng.random(persons) < 0.4
    common = rng.normal(truth * 1.0, 1.0)
    return truth, np.round(
        np.stack((common + rng.normal(size=persons), common + 0.5 * rng.normal(size=persons))), digits
    )


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize("seed", range(5))
def test_areas_and_covariance_are_those_of_the_structural_components(seed, digits):
    truth, scores = draw(seed, digits=digits)
    areas, covariance = areas_and_covariance(truth, scores)
    expected = slow(truth, scores)
    assert np.allclose(areas, expected[0], atol=1e-12)
    assert np.allclose(covariance, expected[1], atol=1e-12)
    assert areas[0] == pytest.approx(roc_auc_score(truth, scores[0]))


def test_the_test_is_the_difference_over_its_error():
    truth, scores = draw(1)
    areas, covariance = slow(truth, scores)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = delong(truth, *scores)
    assert found.z == pytest.approx((areas[0] - areas[1]) / error)
    assert found.p == pytest.approx(2 * norm.sf(abs(found.z)))
    assert (found.high - found.low) / 2 == pytest.approx(1.959963984540054 * error)
    assert (found.positives, found.negatives) == (truth.sum(), (~truth).sum())


def test_a_small_example_is_as_worked_out_by_hand():
    # Positives score 3 and 2, negatives 1 and 2: of four pairs three are right and one tied, area 3.5 / 4. The other
    # scores part the classes. Components of the positives 1 and 0.75, of the negatives 1 and 0.75: variances 1/32 each,
    # over two persons each, 1/32 together.
    found = delong([True, True, False, False], [3, 2, 1, 2], [4, 3, 2, 1])
    assert (found.a, found.b) == (0.875, 1.0)
    assert found.z == pytest.approx(-0.125 / np.sqrt(1 / 32))


@given(seed=st.integers(0, 10_000))
def test_the_other_order_turns_the_sign_and_a_rising_function_of_a_score_changes_nothing(seed):
    truth, (a, b) = draw(seed, 30)
    if truth.sum() < 2 or (~truth).sum() < 2:
        return  # no test to compare
    there, back, bent = delong(truth, a, b), delong(truth, b, a), delong(truth, np.exp(a), 3 * b - 7)
    assert there.p == back.p
    assert there.difference == pytest.approx(-back.difference)
    assert bent.model_dump() == pytest.approx(there.model_dump())


def test_scores_that_rank_alike_do_not_differ():
    truth, (a, _) = draw(2)
    found = delong(truth, a, 2 * a + 1)
    assert (found.difference, found.p, found.low, found.high) == (0, 1, 0, 0)


def test_under_the_null_one_in_twenty_is_below_one_in_twenty():
    rng = np.random.default_rng(0)
    below = 0
    for _ in range(600):
        truth = np.arange(80) < 30
        common = rng.normal(truth, 1.0)
        below += delong(truth, common + rng.normal(size=80), common + rng.normal(size=80)).p < 0.05
    assert 0.03 < below / 600 < 0.075


def test_the_test_finds_what_is_there():
    rng = np.random.default_rng(0)
    truth = np.arange(300) < 100
    assert delong(truth, rng.normal(2 * truth, 1.0), rng.normal(0.5 * truth, 1.0)).p < 1e-4


def test_too_few_persons_have_no_test():
    one_class = delong([True, True], [1, 2], [2, 1])
    assert one_class.a is None
    alone = delong([True, False, False], [1, 0, 2], [3, 2, 1])
    assert (alone.a, alone.b, alone.p) == (0.5, 1.0, None)


def test_a_difference_that_varies_with_nobody_has_no_p():
    found = delong([True, True, False, False], [2, 2, 1, 1], [1, 1, 2, 2])
    assert found.difference == 1
    assert found.p is None


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), ([1, 2, np.nan], [1, 2, 3]), ([1, 2], [1, 2])])
def test_scores_that_do_not_fit_are_refused(a, b):
    with pytest.raises(DataError, match="a finite score of each model for each of 3 persons"):
        delong([True, False, True], a, b)
