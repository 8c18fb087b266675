"""Crops of items, and the single logit of a binary task: wrappers around any architecture."""

import pytest
import torch
from torch import nn

from ecgtool.config import resolve
from ecgtool.errors import ConfigError
from ecgtool.models.contract import Inputs, assembled, beside_zero
from ecgtool.models.crops import Crops, crops_of, random_crops, spread
from ecgtool.run import NormStats
from ecgtool.settings import TrainingConfig
from ecgtool.task import Task

STATS = NormStats(
    leads=("II", "mask"),
    mean_mv=(0.1, 0.0),
    std_mv=(0.5, 1.0),
    tabular=("age",),
    tabular_mean=(60.0,),
    tabular_std=(10.0,),
)
BINARY = Task(name="toy", kind="multiclass", labels=("no", "yes"))
SEVERAL = Task(name="toy", kind="multilabel", labels=("A", "B", "C"))


def ramps(batch=3, leads=2, samples=40):
    """Every lead holds the sample's number; items differ by thousands."""
    ramp = torch.arange(samples, dtype=torch.float32)
    return ramp.expand(batch, leads, samples) + 1000 * torch.arange(batch).reshape(-1, 1, 1)


@pytest.mark.parametrize(
    ("samples", "length", "number", "starts"),
    [
        (1000, 250, None, [0, 125, 250, 375, 500, 625, 750]),
        (1000, 250, 4, [0, 250, 500, 750]),
        (1000, 250, 2, [0, 750]),
        (1000, 250, 1, [375]),
        (1000, 1000, None, [0]),
        (1000, 999, None, [0, 1]),
        (10, 4, 3, [0, 3, 6]),
    ],
)
def test_crops_are_spread_from_the_beginning_to_the_end(samples, length, number, starts):
    assert spread(samples, length, number) == starts


def test_crops_of_half_their_length_apart_leave_no_sample_out():
    for samples in range(20, 60):
        starts = spread(samples, 17)
        assert (starts[0], starts[-1]) == (0, samples - 17)
        assert max(after - before for before, after in zip(starts, [*starts[1:], starts[-1]], strict=True)) <= 9


def test_a_random_crop_is_a_stretch_of_its_item_with_all_leads_in_step():
    torch.manual_seed(0)
    crops = random_crops(ramps(batch=600), 15)
    assert crops.shape == (600, 2, 15)
    assert torch.equal(crops.diff(dim=2), torch.ones(600, 2, 14))
    assert torch.equal(crops[:, 0], crops[:, 1])
    starts = crops[:, 0, 0] - 1000 * torch.arange(600)
    assert set(starts.long().tolist()) == set(range(26))


def test_random_crops_follow_from_the_seed_and_differ_between_items():
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(random_crops(ramps(batch=50), 15))
    assert torch.equal(*drawn)
    assert not torch.equal(random_crops(ramps(batch=50), 15), drawn[0])


def test_what_is_cut_already_stays_and_draws_no_random_number():
    crops = Crops(40, 10).train()
    cut = crops(ramps())
    state = torch.get_rng_state()
    assert torch.equal(crops(cut), cut)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_crops_of_an_item_lie_together_and_are_averaged():
    crops = Crops(40, 10, 3).eval()
    parts = crops(ramps(batch=2))
    assert parts[:, 0, 0].tolist() == [0, 15, 30, 1000, 1015, 1030]
    assert crops.repeated(torch.tensor([[1.0], [2.0]])).flatten().tolist() == [1, 1, 1, 2, 2, 2]
    assert crops.joined(parts.mean(dim=2)).tolist() == [[19.5, 19.5], [1019.5, 1019.5]]


def test_a_crop_longer_than_an_item_is_refused():
    with pytest.raises(ConfigError, match=r"training\.crop_s asks for crops of 41 samples.*have 40") as caught:
        Crops(40, 41)
    assert "crop_s" in caught.value.hint


def test_a_crop_without_a_sample_is_refused():
    with pytest.raises(ConfigError, match="crops of 0 samples"):
        Crops(40, 0)


def model(config, task=SEVERAL, samples=40):
    torch.manual_seed(0)
    made = assembled(
        resolve([{"arch": "cnn1d", "model": {"width": 4}}, config]), task, Inputs(2, samples, 10, 1), STATS
    )
    return made.eval()


def test_an_item_gets_the_mean_of_what_the_network_says_of_its_crops():
    cropped = model({"training": {"crop_s": 2, "crops": 3}})
    whole = model({})
    whole.load_state_dict(cropped.state_dict())  # same names with and without crops
    signal, age = torch.randn(4, 2, 40), torch.tensor([[50.0], [60.0], [70.0], [torch.nan]])
    with torch.inference_mode():
        expected = torch.stack([whole(signal[..., first : first + 20], age) for first in (0, 10, 20)]).mean(dim=0)
        torch.testing.assert_close(cropped(signal, age), expected)


def test_in_training_the_network_sees_one_crop_of_each_item():
    seen = []
    cropped = model({"training": {"crop_s": 1.5}}).train()
    cropped.network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    assert cropped(torch.randn(4, 2, 40), torch.zeros(4, 1)).shape == (4, 3)
    assert seen == [(4, 2, 15)]


def test_a_crop_of_the_whole_item_changes_nothing():
    whole, cropped = model({}), model({"training": {"crop_s": 4}})
    signal, age = torch.randn(4, 2, 40), torch.zeros(4, 1)
    with torch.inference_mode():
        torch.testing.assert_close(cropped(signal, age), whole(signal, age))


@pytest.mark.parametrize(("samples", "length"), [(100, None), (101, 100), (600, 100)])
def test_auto_crops_10_s_of_longer_items(samples, length):
    crops = crops_of(TrainingConfig(crop_s="auto"), samples, 10)
    assert (None if crops is None else crops.length) == length


def test_without_the_setting_items_are_whole():
    assert crops_of(TrainingConfig(), 600, 10) is None


@pytest.mark.parametrize("wrong", [0, -1, "long"])
def test_a_length_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match="crop_s"):
        resolve([{"training": {"crop_s": wrong}}])


@pytest.mark.parametrize("positive", [0, 1])
def test_a_single_logit_beside_zero_has_its_sigmoid_as_softmax(positive):
    logits = torch.tensor([[-3.0], [0.0], [2.0]])
    chances = beside_zero(logits, positive).softmax(dim=1)
    torch.testing.assert_close(chances[:, [positive]], logits.sigmoid())
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(3))


def last_layer(made):
    return [layer for layer in made.network.modules() if isinstance(layer, nn.Linear)][-1]


def test_bce_of_a_binary_task_is_of_one_logit():
    made = model({"training": {"loss": "bce"}}, BINARY)
    assert last_layer(made).out_features == 1
    with torch.inference_mode():
        logits = made(torch.randn(5, 2, 40))
    assert logits.shape == (5, 2)
    assert torch.equal(logits[:, 0], torch.zeros(5))
    assert logits[:, 1].all()


def test_the_single_logit_is_of_the_positive_label():
    first = BINARY.model_copy(update={"positive": "no"})
    with torch.inference_mode():
        logits = model({"training": {"loss": "bce"}}, first)(torch.randn(5, 2, 40))
    assert logits[:, 0].all()
    assert torch.equal(logits[:, 1], torch.zeros(5))


@pytest.mark.parametrize(("loss", "task"), [("ce", BINARY), ("auto", BINARY), ("focal", BINARY), ("bce", SEVERAL)])
def test_other_losses_and_tasks_have_a_logit_for_each_label(loss, task):
    assert last_layer(model({"training": {"loss": loss}}, task)).out_features == len(task.labels)
