import numpy as np
import pytest
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions
from scipy.special import expit, log_softmax
from sklearn.metrics import log_loss

from ecgtool.errors import DataError
from ecgtool.metrics.logits import activated
from ecgtool.metrics.temperature import fit_temperature
from ecgtool.task import NOT_LABELLED

TASKS = pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)


def honest(task, items=4000, seed=0):
    """Targets drawn from the probabilities that the logits give."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (items, len(task.labels)))
    if not task.exclusive:
        return (rng.random(logits.shape) < expit(logits)).astype(np.uint8), logits
    rising = np.exp(log_softmax(logits, axis=1)).cumsum(axis=1)
    return (rising < rng.random((items, 1))).sum(axis=1).astype(np.int16), logits


@TASKS
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_temperature_that_was_put_in_is_found(task, temperature):
    targets, logits = honest(task)
    found = fit_temperature(task, targets, logits * temperature)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert found.nll_after <= found.nll_before
    assert found.note == ""
    assert found.items == 4000
    if temperature == 3.0:
        assert found.ece_after < found.ece_before / 2


@TASKS
def test_no_other_temperature_has_a_smaller_loss(task):
    targets, logits = honest(task, 300)
    found = fit_temperature(task, targets, logits * 2)
    for other in np.geomspace(0.06, 19, 60):
        scaled = fit_temperature(task, targets, logits * 2 / other)
        assert found.nll_after <= scaled.nll_before + 1e-9


def test_the_loss_is_scikit_learn_s():
    targets, logits = honest(MULTICLASS, 200)
    found = fit_temperature(MULTICLASS, targets, logits)
    assert found.nll_before == pytest.approx(log_loss(targets, np.exp(log_softmax(logits, axis=1))), abs=1e-9)
    targets, logits = honest(MULTILABEL, 200)
    found = fit_temperature(MULTILABEL, targets, logits)
    assert found.nll_before == pytest.approx(log_loss(targets.ravel(), expit(logits).ravel()), abs=1e-9)


@TASKS
def test_dividing_keeps_every_rank_and_gives_the_loss_that_was_promised(task):
    held = predictions(task, items=200, signal=4.0)
    found = fit_temperature(task, held.targets, held.logits)
    cooled = held.divided(found.temperature)
    before, after = (each.metrics({}, bootstrap=0).values["macro_auroc"].value for each in (held, cooled))
    if not task.exclusive or task.binary:
        assert after == pytest.approx(before, abs=1e-9)
    again = fit_temperature(task, held.targets, cooled.logits)
    assert again.nll_before == pytest.approx(found.nll_after, abs=1e-6)
    assert again.temperature == pytest.approx(1, abs=0.01)


@TASKS
@pytest.mark.parametrize("sign", [1, -1])
def test_predictions_without_a_best_temperature_keep_theirs(task, sign):
    targets, _ = honest(task, 100)
    marks = np.eye(len(task.labels))[targets] if task.exclusive else targets
    found = fit_temperature(task, targets, sign * (2.0 * marks - 1))
    assert found.temperature == 1
    assert "no best temperature" in found.note
    assert found.nll_after == found.nll_before


@TASKS
def test_too_few_items_keep_their_temperature(task):
    targets, logits = honest(task, 12)
    found = fit_temperature(task, targets, 5 * logits)
    assert (found.temperature, found.note) == (1, "fewer than 20 items")


def test_one_class_alone_keeps_its_temperature():
    found = fit_temperature(BINARY, np.zeros(50, np.int16), np.random.default_rng(0).normal(size=(50, 2)))
    assert (found.temperature, found.note, found.ece_before) == (1, "one class alone", None)


def test_items_without_a_label_count_nowhere():
    targets, logits = honest(MULTILABEL, 200)
    more = np.concatenate((targets, np.full((30, 3), NOT_LABELLED, np.uint8)))
    padded = np.concatenate((logits, np.full((30, 3), 9.0)))
    assert fit_temperature(MULTILABEL, more, padded) == fit_temperature(MULTILABEL, targets, logits)


def test_logits_that_are_not_finite_are_refused():
    targets, logits = honest(BINARY, 50)
    logits[3] = np.inf
    with pytest.raises(DataError, match="1 of 50 predictions are not finite"):
        fit_temperature(BINARY, targets, logits)


def test_huge_logits_do_no_harm():
    targets, logits = honest(MULTILABEL, 200)
    found = fit_temperature(MULTILABEL, targets, 1e4 * logits)
    assert np.isfinite([found.nll_before, found.nll_after]).all()
    assert activated(MULTILABEL, 1e4 * logits).max() == 1
