"""An ensemble as one model: the mean of its members' logits, all temperatures inside."""

import io
import json

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import OPTIONS, THRESHOLDS
from untrained import make_ensemble

from ecgtool.catalog.bundle import Bundle
from ecgtool.errors import IntegrityError, NotFound
from ecgtool.export.export import export_run
from ecgtool.export.served import Served
from ecgtool.models.checkpoint import load_weights
from ecgtool.models.contract import load_run, new_model

TEMPERATURES, OWN = (0.5, 2.0, 1.0), 1.5


@pytest.fixture(scope="session", params=["cnn1d", "xlstm"])
def exported(request, store, tmp_path_factory):
    """An ensemble and its bundle, in every format."""
    folder, arch = tmp_path_factory.mktemp("ensembles"), request.param
    run = make_ensemble(folder / arch, store, temperatures=TEMPERATURES, own=OWN, arch=arch, options=OPTIONS[arch])
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": THRESHOLDS}))
    return run, export_run(run, folder / "bundle", ("onnx", "torchscript"))


@pytest.fixture(scope="session")
def inputs(store):
    return store.signals[:9].astype(np.float32) / 1000, np.array(store.tabular[:9])


def mean_by_hand(run, inputs):
    """Probabilities from the members' own weights and statistics."""
    total = 0
    for member, temperature in zip(run.members, TEMPERATURES, strict=True):
        model = new_model(member)
        load_weights(model, member.checkpoint())
        signal, metadata = (torch.from_numpy(each) for each in inputs)
        with torch.inference_mode():
            total = total + model.eval()(signal, metadata if model.columns else None) / temperature
    return (total / len(run.members) / OWN).sigmoid().numpy()


def test_both_formats_say_the_mean_of_the_members(exported, inputs):
    run, bundle = exported
    expected = mean_by_hand(run, inputs)
    session = onnxruntime.InferenceSession(bundle.read("model.onnx"))
    given = dict(zip(bundle.manifest.input_shapes, inputs, strict=False))
    np.testing.assert_allclose(session.run(["probabilities"], given)[0], expected, atol=1e-5)
    module = torch.jit.load(io.BytesIO(bundle.read("model.ts.pt")))
    with torch.inference_mode():
        said = module(*(torch.from_numpy(each) for each in given.values())).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_it_is_as_large_as_the_weights_of_its_members_together(exported):
    run, bundle = exported
    weights = sum(value.numel() * 4 for member in run.members for value in load_run(member).parameters())
    assert weights < len(bundle.read("model.onnx")) < weights + 500_000


def test_the_bundle_and_its_card_name_members_and_temperatures(exported):
    run, bundle = exported
    origin = Bundle.open(bundle.path).manifest.run
    assert origin.members == dict(zip(("seed-0", "seed-1", "seed-2"), TEMPERATURES, strict=True))
    assert origin.temperature == OWN
    assert origin.config["training"]["seeds"] == [0, 1, 2]
    card = bundle.read("card.md").decode()
    assert "the mean of the logits of 3: seed-0 \\(temperature 0.5\\), seed-1 \\(temperature 2\\), seed-2 |" in card
    assert "1.5, inside the model" in card
    assert bundle.manifest.name == run.name


def test_a_member_exports_alone_under_its_own_name(ensemble, inputs, tmp_path):
    member = ensemble.members[1]
    (member.path / "metrics_val.json").write_text(json.dumps({"thresholds": THRESHOLDS}))
    bundle = export_run(member, tmp_path / "member")
    assert bundle.manifest.name == "ensemble-seed-1"
    assert bundle.manifest.run.temperature == 2.0
    session = onnxruntime.InferenceSession(bundle.read("model.onnx"))
    given = dict(zip(bundle.manifest.input_shapes, inputs, strict=False))
    model = Served(load_run(member), ensemble.lineage.task, 200, len(bundle.manifest.tabular))
    with torch.inference_mode():
        expected = model(*(torch.from_numpy(each) for each in given.values())).numpy()
    np.testing.assert_allclose(session.run(["probabilities"], given)[0], expected, atol=1e-5)


@pytest.fixture
def ensemble(store, tmp_path):
    run = make_ensemble(tmp_path / "ensemble", store)
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": THRESHOLDS}))
    return run


def test_an_ensemble_that_is_not_done_is_not_exported(ensemble, tmp_path):
    ensemble.members[1].checkpoint().unlink()
    with pytest.raises(NotFound, match=r"seed-1/checkpoints/best\.pt does not exist") as refused:
        export_run(ensemble, tmp_path / "bundle")
    assert refused.value.hint.endswith(str(ensemble.path))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"temperature": 0}', '{"temperature": "NaN"}', '{"other": 1}'])
@pytest.mark.parametrize("whose", ["ensemble", "member"])
def test_a_damaged_temperature_is_one_line(ensemble, tmp_path, whose, content):
    damaged = (ensemble if whose == "ensemble" else ensemble.members[0]).path / "calibration.json"
    damaged.write_text(content)
    with pytest.raises(IntegrityError, match=r"calibration\.json is damaged") as refused:
        export_run(ensemble, tmp_path / "bundle")
    assert "\n" not in refused.value.message
    assert not (tmp_path / "bundle").exists()


def test_it_is_registered_and_shown_like_any_model(ecg, ensemble):
    assert ecg("register", ensemble.path, "--name", "mean").code == 0
    assert "seed-0, seed-1" in ecg("models", "show", "mean").out
    assert "seed-0, seed-1" in ecg("info", "mean").out
    assert ecg("plot", "mean").code == 0
