import numpy as np
import pytest
from predicted import BINARY, MULTICLASS, MULTILABEL
from scipy.special import logit

from ecgtool.metrics.logits import activated, logits_of, margins

TASKS = pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)


def draw(task, scale=3.0):
    return np.random.default_rng(0).normal(scale=scale, size=(50, len(task.labels)))


@TASKS
def test_derived_logits_give_the_probabilities_back(task):
    chances = activated(task, draw(task))
    assert chances.dtype == np.float32
    assert np.allclose(activated(task, logits_of(task, chances)), chances, atol=1e-6)


@TASKS
def test_averages_of_derived_logits_are_those_of_the_logits_themselves(task):
    logits = draw(task)
    derived = logits_of(task, activated(task, logits)).astype(float)
    own, theirs = (activated(task, each.reshape(10, 5, -1).mean(axis=1)) for each in (logits, derived))
    assert np.allclose(own, theirs, atol=1e-5)


@TASKS
def test_probabilities_of_0_and_1_have_finite_logits(task):
    chances = np.eye(len(task.labels), dtype=np.float32)
    assert np.abs(logits_of(task, chances)).max() < 17


@TASKS
def test_a_margin_is_the_logit_of_the_probability(task):
    logits = draw(task, 1.0)
    columns = [task.labels.index(label) for label in task.asked]
    assert np.allclose(margins(task, logits), logit(activated(task, logits).astype(float))[:, columns], atol=1e-4)


def test_margins_of_certain_labels_are_finite_and_ranked():
    found = margins(MULTICLASS, np.array([[900.0, 0, 0], [40, 0, 0], [0, 0, -900]]))
    assert np.isfinite(found).all()
    assert found[0, 0] >= found[1, 0] > found[2, 0]
