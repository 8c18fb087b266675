import numpy as np
import pytest
from sklearn import metrics as sk

from ecgtool.metrics.curves import Counts, Ranking, auroc, average_precision, calibration
from ecgtool.metrics.thresholds import Rule, choose


def draw(seed, items=200, share=0.3, digits=2):
    """Targets and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    target = rng.random(items) < share
    probability = np.round(1 / (1 + np.exp(-rng.normal(target * 1.2, 1.0))), digits)
    return target, probability


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 2, 8])
def test_areas_of_a_resample_equal_scikit_learn_on_the_items_it_draws(seed, digits):
    target, probability = draw(seed, digits=digits)
    drawn = np.random.default_rng(seed).integers(0, len(target), len(target))
    weights = np.bincount(drawn, minlength=len(target)).astype(float)[:, None]
    counts = Ranking.of(target, probability).tally(weights)
    assert auroc(counts)[0] == pytest.approx(sk.roc_auc_score(target[drawn], probability[drawn]), abs=1e-12)
    expected = sk.average_precision_score(target[drawn], probability[drawn])
    assert average_precision(counts)[0] == pytest.approx(expected, abs=1e-12)


def test_a_rare_label_has_few_bins_however_many_items():
    target = np.zeros(10_000, bool)
    target[[5, 77, 901]] = True
    ranking = Ranking.of(target, np.random.default_rng(0).random(10_000))
    assert ranking.positives.shape[0] <= 7


def test_areas_without_both_classes_are_undefined():
    weights = np.ones((3, 1))
    probability = np.array([0.1, 0.2, 0.3])
    nobody, everybody = (Ranking.of(np.full(3, value), probability).tally(weights) for value in (False, True))
    assert np.isnan([auroc(nobody)[0], auroc(everybody)[0], average_precision(nobody)[0]]).all()


@pytest.mark.parametrize("rule", ["f1", "youden"])
def test_no_threshold_beats_the_chosen_one(rule):
    target, probability = draw(3)

    def gain(threshold):
        called = probability >= threshold
        if rule == "f1":
            return sk.f1_score(target, called)
        return sk.recall_score(target, called) + sk.recall_score(~target, ~called)

    chosen = gain(choose(target, probability, Rule(rule)).threshold)
    assert chosen == pytest.approx(max(gain(threshold) for threshold in np.unique(probability)), abs=1e-12)


def test_a_threshold_lies_between_two_probabilities_not_on_one():
    target = np.array([False, False, True, True])
    assert choose(target, np.array([0.1, 0.3, 0.5, 0.9]), Rule("f1")).threshold == pytest.approx(0.4)


def test_counts_are_those_of_scikit_learn():
    target, probability = draw(1)
    precision, recall, thresholds = sk.precision_recall_curve(target, probability)
    counts = Counts.of(target, probability)
    assert np.allclose(counts.thresholds[::-1], thresholds)
    assert np.allclose(counts.precision[::-1], precision[:-1])
    assert np.allclose(counts.sensitivity[::-1], recall[:-1])


def test_calibration_of_honest_probabilities_lies_on_the_diagonal():
    rng = np.random.default_rng(0)
    probability = rng.random(50_000)
    predicted, observed, items = calibration(rng.random(50_000) < probability, probability)
    assert np.abs(predicted - observed).max() < 0.02
    assert items.sum() == 50_000
