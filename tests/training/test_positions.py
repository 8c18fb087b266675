"""Items with several targets each, of their samples or words, go through training and evaluation."""

import json
import pickle

import numpy as np
import pytest
import torch
from support import make_store
from torch import Tensor, nn

from ecgtool.config import compose
from ecgtool.errors import ConfigError
from ecgtool.evaluation import Said, recordings_of
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, ModelSpec, as_read
from ecgtool.settings import DataConfig, Section
from ecgtool.store import Store
from ecgtool.task import Task, asked_of
from ecgtool.training.data import Items
from ecgtool.training.evaluate import measure
from ecgtool.training.fit import fit
from ecgtool.training.inference import predicted
from ecgtool.training.losses import Loss
from ecgtool.views import VIEWS
from ecgtool.views.base import View

TASK = Task(name="slopes", kind="waves", labels=("down", "up"), metric="macro_f1")


class SlopeView(View):
    """Every lead of every record an item; asked of every fourth sample: does the signal rise there?"""

    def __init__(self, base: Store, task: Task, data: DataConfig) -> None:
        held = base.manifest
        items = held.items * len(held.leads)
        super().__init__(base, task, data, held.model_copy(update={"items": items, "leads": ("any",), "tabular": ()}))

    @property
    def within(self):
        return np.arange(self.manifest.items) // len(self.base.manifest.leads)

    def gather(self, items):
        leads = len(self.base.manifest.leads)
        return np.asarray(self.base.signals[items // leads])[np.arange(len(items)), items % leads][:, None]

    def names(self):
        return [f"lead {item}" for item in range(self.manifest.items)]

    def own_targets(self):
        signals = self.gather(np.arange(self.manifest.items))[:, 0].astype(np.int32)
        targets = np.full(signals.shape, -1, np.int16)
        targets[:, 4::4] = (signals[:, 4::4] > signals[:, 3:-1:4]) * 1
        return targets

    def own_digest(self):
        return "slopes"

    def base_digest(self, task):
        return self.base.digest(self.base.manifest.tasks[0])


class Options(Section):
    """None."""


class Network(nn.Module):
    """One convolution over three samples."""

    def __init__(self, options: Options, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Conv1d(inputs.leads, outputs, 3, padding=1)

    def forward(self, signal: Tensor, **_: Tensor | None) -> Tensor:
        return self.layer(signal)


SLOPES = ModelSpec("slopes", "", "", ("signal",), Options, Network, per_sample=True)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES._members, "slopes", f"{__name__}:SLOPES")
    monkeypatch.setitem(VIEWS._members, "leads", f"{__name__}:SlopeView")
    made = make_store(tmp_path / "toy")
    document = json.loads((made.path / "manifest.json").read_text())
    document["tasks"].append(TASK.model_dump(mode="json"))
    (made.path / "manifest.json").write_text(json.dumps(document))
    return Store.open(made.path)


def trained(store, out, *sets, epochs=3):
    flags = {"arch": "slopes", "data": {"dataset": str(store.path), "task": "slopes"}}
    training = {"epochs": epochs, "batch": 20, "lr": 0.05, "device": "cpu"}
    return fit(compose(flags={**flags, "training": training}, sets=sets), str(out))


def test_a_view_is_a_store_of_its_own_items(store):
    view = as_read(compose(flags={"arch": "slopes"}), store, TASK)
    assert view.manifest.items == 2 * store.manifest.items == len(view.items)
    np.testing.assert_array_equal(view.signals[np.array([0, 5])], [store.signals[0, :1], store.signals[2, 1:]])
    assert view.column("patient")[3] == store.column("patient")[1]
    assert list(view.indices("val", TASK)) == [2 * i + k for i in store.indices("val") for k in (0, 1)]
    assert view.digest(TASK) != store.digest(store.manifest.tasks[0])


def test_a_view_travels_to_a_loaders_process_without_its_arrays(store):
    view = as_read(compose(flags={"arch": "slopes"}), store, TASK)
    items = Items(view, view.targets(TASK), 0)
    first = items[np.array([1, 4])]
    assert view.signals is not None
    again = pickle.loads(pickle.dumps(items))
    assert "signals" not in again.store.__dict__
    assert "_targets" not in again.store.__dict__
    torch.testing.assert_close(again[np.array([1, 4])].signal, first.signal)
    assert first.target.dtype == torch.int64
    assert first.target.shape == (2, 64)


def test_a_network_of_positions_learns_and_is_judged_position_by_position(store, tmp_path):
    run = trained(store, tmp_path / "run", epochs=8)
    found = measure(run, None, "test")
    view = as_read(run.config, store, TASK)
    wanted = asked_of(view.targets(TASK)[view.indices("test", TASK)])
    assert found.metrics.items == len(wanted.targets)
    np.testing.assert_array_equal(found.predictions.targets, wanted.targets)
    assert found.metrics.values["macro_f1"].value > 0.8
    assert found.predictions.ids[0] == f"lead {view.indices('test', TASK)[0]}@4"
    curve = (run.path / "metrics.csv").read_text().splitlines()
    assert float(curve[-1].split(",")[curve[0].split(",").index("val_macro_f1")]) > 0.8


def test_folds_predict_each_position_by_the_member_that_has_not_seen_it(store, tmp_path):
    folds = trained(store, tmp_path / "folds", "data.folds=2", epochs=1)
    view = as_read(folds.config, store, TASK)
    said = predicted(folds, view, "val")
    every = asked_of(view.targets(TASK)[np.sort(np.concatenate([view.indices(s, TASK) for s in ("train", "val")]))])
    np.testing.assert_array_equal(said.targets, every.targets)
    np.testing.assert_array_equal(said.positions, every.position)
    for member in folds.members:
        own = predicted(member, view, "val")
        rows = np.isin(said.items, own.items)
        np.testing.assert_allclose(said.logits[rows] * folds.calibration.temperature, own.logits, rtol=1e-5)


def test_positions_without_a_question_do_not_count_in_the_loss():
    loss = Loss("ce", TASK)
    logits, target = torch.randn(3, 2, 5), torch.randint(0, 2, (3, 5))
    target[:, 2:] = -1
    other = logits.clone()
    other[:, :, 2:] = 100 * torch.randn(3, 2, 3)
    torch.testing.assert_close(loss(logits, target), loss(other, target))
    torch.testing.assert_close(loss(logits, target), nn.functional.cross_entropy(logits, target, ignore_index=-1))


@pytest.mark.parametrize("setting", ["mixup=0.2", "crop_s=0.3", "oversample=balanced", "loss=bce"])
def test_what_has_no_meaning_for_positions_is_refused_in_one_line(store, tmp_path, setting):
    with pytest.raises(ConfigError, match=r"has a target for each of its parts|have no mean"):
        trained(store, tmp_path / "run", f"training.{setting}")
    assert not (tmp_path / "run").exists()


def test_of_very_many_decisions_some_count_and_it_is_told(store, monkeypatch):
    monkeypatch.setattr("ecgtool.evaluation.MOST", 100)
    view = as_read(compose(flags={"arch": "slopes"}), store, TASK)
    found = asked_of(view.targets(TASK))
    said = Said(np.zeros((len(found.targets), 2), np.float32), found.item, found.targets, found.position)
    made = recordings_of(view, TASK, "test", said).predictions
    assert len(made.ids) <= 100
    assert "decisions is counted" in made.notes[0]
