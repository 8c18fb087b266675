"""Averages of weights beside their definitions, and torch's own."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

from ecgtool.settings import TrainingConfig
from ecgtool.training.averaging import Average, Averaging, LastEpochs, MovingAverage, averaging_of, measure_statistics


class Network(nn.Module):
    """One of everything that an average meets."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))

    def forward(self, values):
        return self.network(values)


def moved(model):
    """Another state of the model, as after a step."""
    with torch.no_grad():
        for value in model.parameters():
            value += torch.randn(value.shape)
    model.train()(torch.randn(8, 3))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Network()


def test_a_plain_average_is_torchs(model):
    ours, theirs = Average(model), AveragedModel(model, use_buffers=True)
    for _ in range(4):
        moved(model)
        ours.add(model)
        theirs.update_parameters(model)
    for name, value in theirs.module.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(ours.tensors[name], value, atol=1e-6)
    assert ours.tensors["network.1.num_batches_tracked"] == 4


def test_a_moving_average_forgets_the_beginning_soon_and_then_by_its_decay(model):
    average, expected = Average(model), None
    for step in range(30):
        moved(model)
        average.add(model, decay=0.6)
        kept = min(0.6, (1 + step) / (10 + step)) if step else 0.0
        now = model.network[0].weight.detach()
        expected = now.clone() if expected is None else kept * expected + (1 - kept) * now
    assert torch.allclose(average.tensors["network.0.weight"], expected, atol=1e-5)


def test_an_average_that_is_applied_is_taken_back(model):
    lent = Averaging(model)
    moved(model)
    lent._add()
    moved(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with lent.applied():
        assert not torch.equal(model.network[0].weight, before["network.0.weight"])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_where_nothing_is_averaged_the_model_is_what_is_validated(model):
    none = averaging_of(TrainingConfig(), model, [])
    with none.applied():
        assert none.state_dict() == {}
    assert isinstance(averaging_of(TrainingConfig(ema=0.9), model, []), MovingAverage)
    last = averaging_of(TrainingConfig(swa=0.25, epochs=8), model, [])
    assert isinstance(last, LastEpochs)
    assert last.first == 6


class Module(nn.Module):
    """As much of a Lightning module as is asked for."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        strategy = SimpleNamespace(batch_to_device=lambda batch: batch)
        self.trainer = SimpleNamespace(
            precision_plugin=SimpleNamespace(val_step_context=nullcontext), strategy=strategy
        )

    def forward(self, values):
        return self.model(values)


def test_batch_normalisation_is_measured_anew_as_torch_does(model):
    batches = [torch.randn(16, 3) + number for number in range(5)]
    other = Network()
    other.load_state_dict(model.state_dict())
    update_bn(batches, other)
    measure_statistics(Module(model.eval()), batches)
    assert torch.allclose(model.network[1].running_mean, other.network[1].running_mean)
    assert torch.allclose(model.network[1].running_var, other.network[1].running_var)
    assert not any(layer.training for layer in model.modules())
    assert model.network[1].momentum == 0.1


def test_a_model_without_batch_normalisation_is_not_run():
    measure_statistics(Module(nn.Linear(3, 2)), [None])
