"""How a run becomes a bundle, and when it does not."""

import errno
import json
import os
import shutil

import numpy as np
import onnx
import onnx.inliner
import onnxruntime
import pytest
import torch
from conftest import evaluated_run
from onnx import helper
from support import MULTICLASS, make_store
from untrained import make_run

from ecgtool.catalog.bundle import Bundle
from ecgtool.errors import ConfigError, DataError, EcgError, IntegrityError, NotFound
from ecgtool.export import export as exporting
from ecgtool.export import parity
from ecgtool.export.export import export_run
from ecgtool.export.onnx import to_onnx
from ecgtool.export.scan import DOMAIN, Scripted, onnx_function
from ecgtool.export.served import Served
from ecgtool.models.contract import Inputs, Normalised, build
from ecgtool.models.slstm import slstm_scan
from ecgtool.run import NormStats
from ecgtool.task import Task

QUICK = ("torchscript",)


@pytest.fixture
def run(tmp_path, store):
    return evaluated_run(tmp_path / "runs" / "toy", store, "cnn1d")


def perturb(monkeypatch, change):
    read = exporting.FORMATS["torchscript"].read
    changed = exporting.Format("model.ts.pt", exporting.FORMATS["torchscript"].write, lambda *a: change(read(*a)))
    monkeypatch.setitem(exporting.FORMATS, "torchscript", changed)


@pytest.mark.parametrize("error", [2e-4, float("nan")])
def test_a_model_that_says_something_else_is_refused_and_nothing_is_written(run, tmp_path, monkeypatch, error):
    perturb(monkeypatch, lambda predict: lambda *inputs: predict(*inputs) + np.float32(error))
    with pytest.raises(IntegrityError, match=r"model\.ts\.pt differs from the trained model"):
        export_run(run, tmp_path / "out" / "toy", QUICK)
    assert not (tmp_path / "out").exists()


def test_a_difference_in_one_record_of_all_is_found(run, store, tmp_path, monkeypatch):
    last = parity.records(store)[-1]
    signal = store.signals[last].astype(np.float32) / 1000

    def change(predict):
        def odd(given):
            hit = np.isclose(given["signal"], signal).all(axis=(1, 2))
            return predict(given) + np.float32(0.01) * hit[:, None]

        return odd

    perturb(monkeypatch, change)
    with pytest.raises(IntegrityError, match=r"differs from the trained model by 0\.01"):
        export_run(run, tmp_path / "toy", QUICK)


def test_an_older_bundle_survives_a_refused_export_and_is_replaced_only_with_force(run, tmp_path, monkeypatch):
    old = export_run(run, tmp_path / "toy", QUICK)
    with pytest.raises(ConfigError, match="exists already"):
        export_run(run, tmp_path / "toy", QUICK)
    with monkeypatch.context() as patch:
        perturb(patch, lambda predict: lambda *inputs: predict(*inputs) + 1)
        with pytest.raises(IntegrityError):
            export_run(run, tmp_path / "toy", QUICK, force=True)
    assert Bundle.open(tmp_path / "toy").digest == old.digest
    assert export_run(run, tmp_path / "toy", QUICK, force=True).manifest.digests.keys() == old.manifest.digests.keys()


def failing_at(monkeypatch, function, folder, number):
    """Make the n-th call of an os function below a folder (of fsync: anywhere) fail."""
    real, calls = getattr(os, function), iter(range(10_000))

    def fail(*arguments, **options):
        ours = function == "fsync" or str(folder) in str(arguments[0])
        if ours and next(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(os, function, fail)


@pytest.mark.parametrize("function", ["fsync", "open", "mkdir"])
def test_whatever_write_fails_the_bundle_is_absent_or_whole(run, tmp_path, monkeypatch, function):
    out = tmp_path / "out" / "toy"
    failures = 0
    while True:
        with monkeypatch.context() as patch:
            failing_at(patch, function, out.parent, failures)
            try:
                made = export_run(run, out, QUICK)
            except EcgError as error:
                messages = error.message
            else:
                break
        failures += 1
        assert "No space left on device" in messages
        assert not out.parent.exists() or {file.name for file in out.parent.iterdir()} <= {"toy"}
        if out.exists():  # only flushing the folder's name failed
            Bundle.open(out)
            shutil.rmtree(out)
    assert failures
    assert made.manifest.name == "toy"


def test_without_thresholds_it_says_what_to_type_first(run, tmp_path):
    (run.path / "metrics_val.json").unlink()
    with pytest.raises(NotFound, match="no thresholds") as caught:
        export_run(run, tmp_path / "toy", QUICK)
    assert caught.value.hint == f"First: ecg evaluate {run.path} --split val"


def test_test_metrics_travel_with_the_bundle_and_their_absence_is_told(run, tmp_path, caplog):
    with caplog.at_level("WARNING", "ecgtool"):
        assert export_run(run, tmp_path / "without", QUICK).manifest.metrics is None
    (run.path / "metrics_test.json").write_text(json.dumps({"values": {"macro_auroc": {"value": 0.9}}}))
    made = export_run(run, tmp_path / "with", QUICK)
    assert made.manifest.metrics["values"]["macro_auroc"]["value"] == 0.9
    assert "macro" in (made.path / "card.md").read_text()


def test_a_damaged_checkpoint_is_refused(run, tmp_path):
    (run.path / "checkpoints" / "best.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(IntegrityError, match="cannot be read as a checkpoint"):
        export_run(run, tmp_path / "toy", QUICK)
    assert not (tmp_path / "toy").exists()


def test_a_store_that_is_gone_can_be_replaced_by_one_of_the_same_shape(tmp_path):
    store = make_store(tmp_path / "gone", items=40, leads=3, samples=64)
    run = evaluated_run(tmp_path / "runs" / "toy", store, "cnn1d")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(NotFound, match="is gone") as caught:
        export_run(run, tmp_path / "toy", QUICK)
    assert "--dataset" in caught.value.hint
    with pytest.raises(DataError, match="other leads, samples"):
        export_run(run, tmp_path / "toy", QUICK, make_store(tmp_path / "longer", leads=3, samples=65))
    other = make_store(tmp_path / "other", items=40, leads=3, samples=64, seed=1)
    assert export_run(run, tmp_path / "toy", QUICK, other).manifest.parity.records == 40


def test_few_recordings_are_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(parity.log, "propagate", True)
    store = make_store(tmp_path / "few", items=10, leads=3, samples=64)
    run = evaluated_run(tmp_path / "runs" / "toy", store, "cnn1d")
    with caplog.at_level("WARNING", "ecgtool"):
        made = export_run(run, tmp_path / "toy", QUICK)
    assert made.manifest.parity.records == 10
    assert "10 items: fewer than the 32" in caplog.text


def test_an_exclusive_task_without_tabular_values_has_one_input_and_sums_to_one(tmp_path):
    store = make_store(tmp_path / "beats", items=60, leads=1, samples=80, task=MULTICLASS, tabular=())
    run = make_run(tmp_path / "runs" / "beats", store, options={"width": 4, "stages": 2})
    (run.path / "metrics_val.json").write_text("{}")
    bundle = export_run(run, tmp_path / "bundle", ("onnx", "torchscript"))
    session = bundle.session()
    assert [value.name for value in session.get_inputs()] == ["signal"]
    found = session.run(None, {"signal": np.ones((4, 1, 80), np.float32)})[0]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_an_unknown_format_is_refused_with_the_nearest_one(run, tmp_path):
    with pytest.raises(ConfigError, match="'onx'") as caught:
        export_run(run, tmp_path / "toy", ("onx",))
    assert "onnx" in caught.value.hint


def recurrent(samples):
    """A one-sample-per-token xLSTM behind its normalisation."""
    torch.manual_seed(0)
    small = {"embedding_dim": 8, "slstm_hidden_size": 8, "mlstm_hidden_size": 8, "num_heads": 2, "patch": 1}
    network = build("xlstm", small, Inputs(2, samples, 100.0), 3)
    stats = NormStats(leads=("I", "II"), mean_mv=(0.0, 0.0), std_mv=(1.0, 1.0))
    return Served(Normalised(network, stats), Task(name="t", kind="multilabel", labels=("A", "B", "C")), samples, 0)


def test_the_file_does_not_grow_with_the_number_of_tokens():
    short, long = (to_onnx(recurrent(samples), {}) for samples in (200, 5000))
    assert abs(len(long) / len(short) - 1) < 0.03
    count = [len(onnx.load_from_string(content).graph.node) for content in (short, long)]
    assert count[1] - count[0] < 10


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
def test_the_scripted_recurrence_equals_the_operator_for_gates_of_any_size(scale):
    random = torch.Generator().manual_seed(0)
    gates = scale * torch.randn(50, 2, 3, 16, generator=random)
    weights = torch.randn(2, 4, 16, generator=random)
    expected = slstm_scan(gates, weights)[0]
    with Scripted():
        found = slstm_scan(gates, weights)[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
def test_the_onnx_recurrence_equals_the_operator_for_gates_of_any_size(scale):
    names = ["hidden"]
    float_of = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("gates", "recurrent")]
    made = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names]
    node = helper.make_node("SlstmScan", ["gates", "recurrent"], names, domain=DOMAIN)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
    graph = helper.make_graph([node], "scan", float_of, made)
    model = helper.make_model(graph, functions=[onnx_function(20)], opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(onnx.inliner.inline_local_functions(model).SerializeToString())
    random = torch.Generator().manual_seed(0)
    gates = scale * torch.randn(50, 2, 3, 16, generator=random)
    weights = torch.randn(2, 4, 16, generator=random)
    found = session.run(names, {"gates": gates.numpy(), "recurrent": weights.numpy()})
    np.testing.assert_allclose(found[0], slstm_scan(gates, weights)[0].numpy(), atol=2e-5, rtol=1e-4)
