"""Every recipe that ships can be used."""

import pytest

from ecgtool.config import compose, recipes
from ecgtool.metrics import METRICS
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, build


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_resolves_and_its_model_is_built(name):
    config = compose(recipe=name)
    assert config.summary.endswith(".")
    assert config.data.dataset
    assert config.training.val_metric in ("", *METRICS)
    spec = ARCHITECTURES.load(config.arch)
    assert spec.options(config.model)
    assert sum(weight.numel() for weight in build(config.arch, config.model, Inputs(12, 1000, 100, 2), 5).parameters())


def test_the_published_training_of_the_xlstm_is_stated():
    config = compose(recipe="ptbxl-xlstm-published")
    training = config.training
    assert (training.optimizer, training.lr, training.loss, training.batch) == ("adam", 1e-3, "bce", 32)
    assert (config.data.highpass, config.data.lowpass, config.data.normalise) == (0.5, 40, "lead")
    assert training.early_stop is not None
