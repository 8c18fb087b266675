import numpy as np
import pytest
import torch
from support import MULTICLASS, make_store
from untrained import make_run

from ecgtool.errors import ConfigError, DataError
from ecgtool.models.contract import load_run
from ecgtool.training.inference import pick_device, probabilities


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store")


@pytest.fixture
def model(tmp_path, store):
    return load_run(make_run(tmp_path / "run", store))


def test_probabilities_are_those_of_the_model_on_millivolts(store, model):
    items = np.array([3, 0, 7])
    signal = torch.from_numpy(np.stack([store.millivolts(item) for item in items]))
    with torch.no_grad():
        expected = model(signal, torch.from_numpy(store.tabular[items])).sigmoid().numpy()
    assert np.allclose(probabilities(model, store, items, store.task()), expected, atol=1e-6)


def test_the_batch_size_does_not_change_the_result(store, model):
    items = np.arange(20)
    one, all_at_once = (probabilities(model, store, items, store.task(), batch=size) for size in (1, 64))
    assert one.dtype == np.float32
    assert np.allclose(one, all_at_once, atol=1e-6)


def test_probabilities_of_a_multiclass_task_sum_to_one(tmp_path):
    store = make_store(tmp_path / "beats", task=MULTICLASS)
    found = probabilities(load_run(make_run(tmp_path / "beat-run", store)), store, np.arange(9), store.task())
    assert np.allclose(found.sum(axis=1), 1, atol=1e-6)


def test_the_model_is_left_as_it_was(store, model):
    model.train()
    model.network.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    probabilities(model, store, np.arange(4), store.task())
    assert model.training
    assert not model.network.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_no_items_give_no_rows(store, model):
    assert probabilities(model, store, np.arange(0), store.task()).shape == (0, 3)


def test_unknown_age_and_sex_still_give_a_probability(store, model):
    items = np.flatnonzero(np.isnan(store.tabular[:, 0]))
    assert len(items) > 3
    assert np.isfinite(probabilities(model, store, items, store.task())).all()


def test_a_store_without_the_tabular_inputs_is_refused(tmp_path, model):
    bare = make_store(tmp_path / "bare", tabular=())
    with pytest.raises(DataError, match="2 tabular inputs, bare has 0"):
        probabilities(model, bare, np.arange(3), bare.task())


def test_an_unknown_device_is_told():
    assert pick_device("cpu") == "cpu"
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        pick_device("tpu")
