"""Losses beside their definitions."""

import numpy as np
import pytest
import torch
from support import MULTICLASS, MULTILABEL

from ecgtool.errors import ConfigError
from ecgtool.task import Task
from ecgtool.training.losses import Loss, balanced

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [-0.3, 0.8, 0.1], [1.5, 0.2, -2.0]])
SETS = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=torch.uint8)
CLASSES = torch.tensor([2, 0, 1])


def test_bce_is_the_mean_over_items_and_labels():
    chance = 1 / (1 + np.exp(-LOGITS.numpy()))
    expected = -np.where(SETS.numpy() == 1, np.log(chance), np.log(1 - chance)).mean()
    assert float(Loss("bce", MULTILABEL)(LOGITS, SETS)) == pytest.approx(expected, rel=1e-6)


def test_ce_is_the_mean_log_chance_of_the_class():
    chance = np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(axis=1, keepdims=True)
    expected = -np.log(chance[np.arange(3), CLASSES.numpy()]).mean()
    assert float(Loss("ce", MULTICLASS)(LOGITS, CLASSES)) == pytest.approx(expected, rel=1e-6)


def test_focal_weights_each_term_by_the_square_of_what_is_missing():
    chance = 1 / (1 + np.exp(-LOGITS.numpy()))
    right = np.where(SETS.numpy() == 1, chance, 1 - chance)
    expected = -((1 - right) ** 2 * np.log(right)).mean()
    assert float(Loss("focal", MULTILABEL)(LOGITS, SETS)) == pytest.approx(expected, rel=1e-5)
    chance = np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(axis=1, keepdims=True)
    right = chance[np.arange(3), CLASSES.numpy()]
    expected = -((1 - right) ** 2 * np.log(right)).mean()
    assert float(Loss("focal", MULTICLASS)(LOGITS, CLASSES)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_unlabelled_items_and_labels_do_not_count(name):
    loss = Loss(name, MULTILABEL)
    marked = torch.cat([SETS, torch.full((2, 3), 255, dtype=torch.uint8)])
    padded = torch.cat([LOGITS, torch.randn(2, 3)])
    assert float(loss(padded, marked)) == pytest.approx(float(loss(LOGITS, SETS)), rel=1e-6)


@pytest.mark.parametrize("name", ["ce", "focal", "bce"])
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 3.0)])
def test_unlabelled_items_of_exclusive_tasks_do_not_count(name, weights):
    loss = Loss(name, MULTICLASS, weights)
    padded = torch.cat([LOGITS, torch.randn(2, 3)])
    marked = torch.cat([CLASSES, torch.tensor([-1, -1])])
    assert float(loss(padded, marked)) == pytest.approx(float(loss(LOGITS, CLASSES)), rel=1e-6)


@pytest.mark.parametrize(("name", "task", "target"), [("bce", MULTILABEL, SETS), ("ce", MULTICLASS, CLASSES)])
def test_a_batch_without_any_label_has_no_gradient_but_is_finite(name, task, target):
    logits = LOGITS.clone().requires_grad_()
    loss = Loss(name, task)(logits, torch.full_like(target, -1 if task.exclusive else 255))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_weights_count_the_positives_of_a_label():
    heavy = Loss("bce", MULTILABEL, (1.0, 1.0, 5.0))
    plain = Loss("bce", MULTILABEL)
    positives, negatives = torch.tensor([[0, 0, 1]]), torch.tensor([[0, 0, 0]])
    assert float(heavy(LOGITS[:1], positives)) > float(plain(LOGITS[:1], positives))
    assert float(heavy(LOGITS[:1], negatives)) == float(plain(LOGITS[:1], negatives))


def test_weighted_ce_equals_torch():
    weights = (1.0, 2.0, 3.0)
    expected = torch.nn.functional.cross_entropy(LOGITS, CLASSES, torch.tensor(weights))
    assert float(Loss("ce", MULTICLASS, weights)(LOGITS, CLASSES)) == pytest.approx(float(expected), rel=1e-6)


def test_half_precision_logits_are_summed_in_float32():
    assert Loss("bce", MULTILABEL)(LOGITS.bfloat16(), SETS).dtype == torch.float32


def test_balanced_weights_make_labels_count_alike():
    targets = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0], [255, 255, 255]], np.uint8)
    assert balanced(MULTILABEL, targets) == (3.0, 1.0, pytest.approx(1 / 3))
    assert balanced(MULTICLASS, np.array([0, 0, 0, 1, -1], np.int16)) == (pytest.approx(4 / 9), pytest.approx(4 / 3), 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="'ce' needs a task where exactly one label holds"):
        Loss("ce", MULTILABEL)
    with pytest.raises(ConfigError, match="one positive weight for each of SLOW, FAST, STEP; 2 are given") as told:
        Loss("bce", MULTILABEL, (1.0, 2.0))
    assert "training.class_weights=none" in told.value.hint


@pytest.mark.parametrize(("positive", "at"), [("", 1), ("yes", 1), ("no", 0)])
def test_bce_of_a_binary_task_is_torchs_of_one_logit(positive, at):
    task = Task(name="answer", kind="multiclass", labels=("no", "yes"), positive=positive)
    logit, target = torch.tensor([0.5, -1.0, 2.0, 0.1]), torch.tensor([1, 0, 0, -1])
    logits = torch.zeros(4, 2)
    logits[:, at] = logit
    truth = (target == at).float()[:3]
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logit[:3], truth)
    assert float(Loss("bce", task)(logits, target)) == pytest.approx(float(expected), rel=1e-6)
    weights = [0.5, 0.5]
    weights[at] = 2.0
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logit[:3], truth, pos_weight=torch.tensor(4.0))
    assert float(Loss("bce", task, weights)(logits, target)) == pytest.approx(float(expected), rel=1e-6)


def test_focal_with_an_exponent_of_0_is_the_cross_entropy_and_fades_with_more():
    flat, usual, steep = (float(Loss("focal", MULTILABEL, gamma=gamma)(LOGITS, SETS)) for gamma in (0.0, 2.0, 5.0))
    assert flat == pytest.approx(float(Loss("bce", MULTILABEL)(LOGITS, SETS)), rel=1e-6)
    assert flat > usual > steep


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 3.0)])
def test_smoothed_ce_is_torchs(weights):
    given = None if weights is None else torch.tensor(weights)
    expected = torch.nn.functional.cross_entropy(LOGITS, CLASSES, given, label_smoothing=0.1)
    assert float(Loss("ce", MULTICLASS, weights, smoothing=0.1)(LOGITS, CLASSES)) == pytest.approx(float(expected))


def test_smoothed_bce_asks_for_a_little_less_than_yes_and_a_little_more_than_no():
    truth = SETS.float() * 0.8 + 0.1
    expected = torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, truth)
    assert float(Loss("bce", MULTILABEL, smoothing=0.2)(LOGITS, SETS)) == pytest.approx(float(expected))


@pytest.mark.parametrize(("name", "task", "target"), [("bce", MULTILABEL, SETS), ("ce", MULTICLASS, CLASSES)])
def test_validation_is_measured_against_unsmoothed_targets(name, task, target):
    smooth = Loss(name, task, smoothing=0.3)
    assert float(smooth(LOGITS, target)) != float(Loss(name, task)(LOGITS, target))
    assert float(smooth.eval()(LOGITS, target)) == float(Loss(name, task)(LOGITS, target))


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_the_loss_of_a_batch_is_the_mean_of_its_items(name):
    for task, target in ((MULTILABEL, SETS), (MULTICLASS, CLASSES)):
        loss = Loss(name, task)
        assert loss.of_items(LOGITS, target).shape == (3,)
        assert float(loss.of_items(LOGITS, target).mean()) == pytest.approx(float(loss(LOGITS, target)), rel=1e-6)
