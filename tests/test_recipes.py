"""Every recipe that ships can be used."""

import pytest
import torch
from support import MULTICLASS, MULTILABEL, make_store

from ecgtool.config import compose, recipes
from ecgtool.metrics import METRICS
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, build
from ecgtool.settings import Words
from ecgtool.task import Task
from ecgtool.training.fit import fit

ANY_STORE = {"starter-cnn"}
"""Recipes that are for no store in particular."""


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_resolves_and_its_model_is_built(name):
    config = compose(recipe=name)
    assert config.summary.endswith(".")
    assert bool(config.data.dataset) != (name in ANY_STORE)
    assert config.training.val_metric in ("", *METRICS)
    spec = ARCHITECTURES.load(config.arch)
    assert spec.options(config.model)
    inputs = Inputs(12, 1000, 100, 2, Words(ids=74, longest=96, vocabulary="sha256:0"))
    assert sum(weight.numel() for weight in build(config.arch, config.model, inputs, 5).parameters())


@pytest.mark.parametrize("name", ["ptbxl-z-xresnet1d", "ptbxl-z-xlstm"])
def test_a_recipe_for_two_cores_reads_crops_and_says_where_it_comes_from(name):
    config = compose(recipe=name)
    assert config.paper
    assert config.training.crop_s


def test_the_published_training_of_the_xlstm_is_stated():
    config = compose(recipe="ptbxl-xlstm-published")
    training = config.training
    assert (training.optimizer, training.lr, training.loss, training.batch) == ("adam", 1e-3, "bce", 32)
    assert (config.data.highpass, config.data.lowpass, config.data.normalise) == (0.5, 40, "lead")
    assert training.early_stop is not None


@pytest.mark.parametrize(("name", "lr", "epochs"), [("pretrain", 5e-4, 500), ("heartbeat", 1e-3, 13)])
def test_the_published_trainings_of_ecgbert_are_stated(name, lr, epochs):
    config = compose(recipe=f"ecgbert-{name}-published")
    assert (config.training.batch, config.training.lr, config.training.epochs) == (32, lr, epochs)
    options = ARCHITECTURES.load(config.arch).options(config.model)
    assert (options.width, options.layers, options.heads) == (64, 12, 4)


def test_ecgbert_is_fine_tuned_in_the_size_in_which_it_is_pre_trained():
    for suffix in ("", "-published"):
        before, after = (compose(recipe=f"ecgbert-{stage}{suffix}") for stage in ("pretrain", "heartbeat"))
        assert before.arch == after.arch
        assert before.model.items() <= after.model.items()  # the head has options of its own


BINARY = Task(name="toy", kind="multiclass", labels=("no", "yes"))


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        (BINARY, {"leads": 1, "samples": 250, "fs": 250.0, "tabular": ()}),
        (MULTICLASS, {"leads": 1, "samples": 61, "fs": 300.0}),
        (MULTILABEL, {"leads": 2, "samples": 1100, "fs": 100.0}),
    ],
    ids=["one lead, two classes", "a beat, three classes", "two leads of 11 s, several labels"],
)
def test_the_starter_recipe_trains_on_stores_of_any_shape(tmp_path, task, shape):
    store = make_store(tmp_path / "store", items=40, task=task, **shape)
    flags = {"data": {"dataset": str(store.path)}, "model": {"width": 2}, "training": {"epochs": 1, "device": "cpu"}}
    run = fit(compose("starter-cnn", flags=flags), str(tmp_path / "run"))
    assert run.metrics("val")["values"]["macro_auroc"]["value"] is not None


def test_the_recipe_for_ctrcd_is_as_it_is_told():
    config = compose(recipe="ctrcd-baseline")
    training = config.training
    assert (training.batch, training.epochs, training.early_stop) == (32, 60, 12)
    assert (training.optimizer, training.lr, training.weight_decay) == ("adamw", 1e-3, 1e-4)
    assert (training.scheduler, training.val_metric, training.loss) == ("plateau", "macro_auprc", "ce")
    assert config.augment.use == ("noise", "scale", "shift")
    network = build(config.arch, config.model, Inputs(8, 5000, 500, 17), 2)
    assert network(torch.zeros(2, 8, 5000), tabular=torch.zeros(2, 17)).shape == (2, 2)
