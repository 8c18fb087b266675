import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from ecgtool.metrics import evaluate, score
from ecgtool.metrics.bootstrap import patient_codes, resamples
from ecgtool.metrics.curves import calibration, mass_bins
from ecgtool.metrics.outcomes import Counted, Outcomes
from ecgtool.metrics.reliability import BINS, Recalibration
from ecgtool.task import Task

ONE = Task(name="one", kind="multilabel", labels=("A",))


def draw(items=2000, seed=0, slope=1.0, shift=0.0):
    """Targets whose true log-odds are ``shift + slope * logit`` of the probabilities given."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 1.3, items)
    return rng.random(items) < expit(shift + slope * logits), expit(logits)


def figure(name, target, probability):
    """One figure of one label."""
    outcomes = Outcomes.of(ONE, target[:, None].astype(np.uint8), probability[:, None])
    return float(getattr(Counted.once(outcomes), name)()[0, 0])


def slow_error(target, probability):
    """Expected calibration error straight from its definition."""
    bins = mass_bins(probability, BINS)
    gaps = [
        (bins == number).mean() * abs(probability[bins == number].mean() - target[bins == number].mean())
        for number in np.unique(bins)
    ]
    return sum(gaps)


@pytest.mark.parametrize("digits", [1, 2, 8])
def test_the_calibration_error_is_the_mean_gap_of_its_bins(digits):
    target, probability = draw(500, slope=0.4)
    probability = np.round(probability, digits)
    assert figure("ece", target, probability) == pytest.approx(slow_error(target, probability), abs=1e-12)


def test_the_calibration_error_of_a_resample_is_that_of_the_items_it_draws_in_the_same_bins():
    target, probability = draw(300, slope=0.5)
    outcomes = Outcomes.of(ONE, target[:, None].astype(np.uint8), probability[:, None])
    weights = next(resamples(patient_codes([str(item // 2) for item in range(300)]), 5))
    bins = mass_bins(probability, BINS)
    for column, found in zip(weights.T, Counted(outcomes, weights).ece()[0], strict=True):
        sums = np.bincount(bins, weights=column * (probability - target))
        assert found == pytest.approx(np.abs(sums).sum() / column.sum(), abs=1e-12)


def test_bins_hold_equally_many_items_and_keep_ties_together():
    probability = np.random.default_rng(0).permutation(np.arange(1000) / 1000)
    assert np.bincount(mass_bins(probability, 10)).tolist() == [100] * 10
    tied = np.round(probability, 1)
    assert all(len(np.unique(mass_bins(tied, 10)[tied == value])) == 1 for value in np.unique(tied))
    assert mass_bins(np.full(5, 0.3), 10).tolist() == [0] * 5


@given(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_the_order_of_the_items_decides_nothing(numbers, seed):
    rng = np.random.default_rng(seed)
    probability, target = np.array(numbers) / 20, rng.random(len(numbers)) < 0.5
    order = rng.permutation(len(numbers))
    assert (mass_bins(probability, 7)[order] == mass_bins(probability[order], 7)).all()
    found, again = calibration(target, probability), calibration(target[order], probability[order])
    assert all(np.allclose(ours, theirs) for ours, theirs in zip(found, again, strict=True))
    assert found[2].sum() == len(numbers)


def test_the_interval_of_the_calibration_error_lies_around_it_where_items_are_few():
    target, probability = draw(150, seed=3)
    targets, chances = target[:, None].astype(np.uint8), probability[:, None]
    people = [str(item) for item in range(150)]
    found = evaluate(ONE, targets, chances, people, bootstrap=300).values["ece"]
    outcomes = Outcomes.of(ONE, targets, chances)
    drawn = np.concatenate([Counted(outcomes, w).ece()[0] for w in resamples(patient_codes(people), 300)])
    assert drawn.mean() > found.value  # what resampling adds is no property of the model
    assert 0 <= found.low < found.value < found.high


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.5, 0.0), (1.7, 0.4), (1.0, -1.0), (-0.6, 0.2)])
def test_the_slope_is_that_of_scikit_learn_s_unpenalised_regression(slope, shift):
    target, probability = draw(800, slope=slope, shift=shift)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(probability)[:, None], target)
    assert figure("calibration_slope", target, probability) == pytest.approx(fitted.coef_[0, 0], abs=1e-5)


def test_the_intercept_makes_the_mean_probability_the_share_of_positives():
    target, probability = draw(800, shift=-0.7)
    shift = figure("calibration_intercept", target, probability)
    assert expit(logit(probability) + shift).mean() == pytest.approx(target.mean(), abs=1e-9)
    assert shift == pytest.approx(-0.7, abs=0.2)


def test_intervals_of_honest_probabilities_hold_slope_1_and_intercept_0_about_as_often_as_they_say():
    people, held = [str(item) for item in range(200)], np.zeros(2)
    for seed in range(60):
        target, probability = draw(200, seed)
        found = evaluate(ONE, target[:, None].astype(np.uint8), probability[:, None], people, bootstrap=200).per_label
        slope, shift = (found["A"].values[f"calibration_{name}"] for name in ("slope", "intercept"))
        held += slope.low < 1 < slope.high, shift.low < 0 < shift.high
    assert (held >= 51).all()
    assert (held < 60).any()


def test_one_newton_step_gives_nearly_the_interval_of_a_thousand_fits():
    target, probability = draw(400, slope=0.7)
    logits = logit(probability)
    fit = Recalibration.of(target, logits)
    weights = np.concatenate(list(resamples(patient_codes([str(item) for item in range(400)]), 200)), axis=1)
    quick = np.stack(fit.step(fit.terms @ weights))
    whole = []
    for column in weights.T:
        drawn = np.repeat(np.arange(400), column.astype(int))
        again = Recalibration.of(target[drawn], logits[drawn])
        whole.append((again.slope, again.intercept))
    ends = [np.quantile(values, [0.025, 0.975], axis=0).T for values in (quick.T, np.array(whole))]
    assert np.abs(ends[0] - ends[1]).max() < 0.06  # of intervals half a unit wide
    assert np.corrcoef(quick[0], np.array(whole)[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize(
    "probability", [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.4, 0.4, 0.4, 0.4], [0.1, 0.5, 0.5, 0.9]]
)
def test_classes_that_one_probability_parts_have_no_slope(probability):
    target = np.array([False, False, True, True])
    assert np.isnan(figure("calibration_slope", target, np.array(probability)))
    assert np.isfinite(figure("calibration_intercept", target, np.array(probability)))


def test_one_class_alone_has_neither():
    for target in (np.zeros(6, bool), np.ones(6, bool)):
        assert np.isnan(figure("calibration_slope", target, np.linspace(0.1, 0.9, 6)))
        assert np.isnan(figure("calibration_intercept", target, np.linspace(0.1, 0.9, 6)))


@given(
    pairs=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=4, max_size=30),
    seed=st.integers(0, 9),
)
def test_any_probabilities_give_numbers_or_nothing(pairs, seed):
    target, probability = (np.array(column) for column in zip(*pairs, strict=True))
    assume(0 < target.sum() < len(target))
    outcomes = Outcomes.of(ONE, target[:, None].astype(np.uint8), probability[:, None])
    assert np.isfinite(Counted.once(outcomes).calibration_intercept()).all()
    weights = next(resamples(patient_codes([str(item) for item in range(len(target))]), 8, seed))
    counted = Counted(outcomes, weights)
    alone = (counted.positives == 0) | (counted.positives == counted.total)
    assert np.isnan(counted.calibration_slope()[alone]).all()
    assert ((counted.ece() >= 0) & (counted.ece() <= 1)).all()


def test_saturated_probabilities_count_as_the_nearest_that_float32_knows():
    target = np.array([False, True, False, True, False, True])
    probability = np.array([0.0, 1.0, 0.3, 0.2, 0.6, 0.7])
    assert np.isfinite(figure("calibration_slope", target, probability))


def test_the_overall_error_is_the_mean_over_labels():
    task = Task(name="two", kind="multilabel", labels=("A", "B"))
    (first, p), (second, q) = draw(200, 1), draw(200, 2, slope=0.3)
    targets, chances = np.stack((first, second), 1).astype(np.uint8), np.stack((p, q), 1)
    expected = (slow_error(first, p) + slow_error(second, q)) / 2
    assert score("ece", task, targets, chances) == pytest.approx(expected, abs=1e-12)
