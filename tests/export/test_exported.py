"""What an exported model promises, whatever its architecture."""

import io
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import THRESHOLDS

from ecgtool.models.contract import load_run

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def proto(exported):
    return onnx.load_from_string(exported[1].read("model.onnx"))


def trained(run, signal, metadata):
    with torch.inference_mode():
        return load_run(run)(torch.from_numpy(signal), torch.from_numpy(metadata)).sigmoid().numpy()


def example(store, batch):
    items = np.resize(store.indices("test"), batch)
    return store.signals[items].astype(np.float32) / 1000, np.array(store.tabular[items])


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_onnx_gives_what_the_trained_model_gives_at_any_batch(exported, store, batch):
    run, bundle = exported
    signal, metadata = example(store, batch)
    found = bundle.session().run(["probabilities"], {"signal": signal, "metadata": metadata})[0]
    assert found.shape == (batch, 3)
    np.testing.assert_allclose(found, trained(run, signal, metadata), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_torchscript_gives_what_the_trained_model_gives_at_any_batch(exported, store, batch):
    run, bundle = exported
    signal, metadata = example(store, batch)
    module = torch.jit.load(io.BytesIO(bundle.read("model.ts.pt")))
    with torch.inference_mode():
        found = module(torch.from_numpy(signal), torch.from_numpy(metadata)).numpy()
    np.testing.assert_allclose(found, trained(run, signal, metadata), atol=1e-5)


def test_unknown_metadata_is_nan_and_gives_numbers(exported, store):
    run, bundle = exported
    signal, _ = example(store, 2)
    unknown = np.full((2, 2), np.nan, np.float32)
    found = bundle.session().run(["probabilities"], {"signal": signal, "metadata": unknown})[0]
    np.testing.assert_allclose(found, trained(run, signal, unknown), atol=1e-5)


def test_torchscript_loads_where_this_package_is_not(exported, tmp_path):
    (tmp_path / "model.ts.pt").write_bytes(exported[1].read("model.ts.pt"))
    script = """
import sys, torch
sys.modules["ecgtool"] = None
model = torch.jit.load("model.ts.pt")
print(tuple(model(torch.randn(2, 3, 200), torch.zeros(2, 2)).shape))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(2, 3)", done.stderr


def test_every_operator_is_of_the_standard(proto):
    onnx.checker.check_model(proto, full_check=True)
    assert [opset.domain for opset in proto.opset_import] == [""]
    assert len(proto.functions) == 0
    assert {node.domain for node in nodes(proto.graph)} <= {""}


def nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes(attribute.g)


def test_weights_lie_inside_the_file(proto):
    assert all(value.data_location == onnx.TensorProto.DEFAULT for value in proto.graph.initializer)


@pytest.mark.parametrize("file", ["model.onnx", "model.ts.pt", "bundle.json", "card.md"])
def test_no_file_names_a_folder_of_the_machine_it_was_made_on(exported, file):
    content = (exported[1].path / file).read_bytes()
    for folder in ("site-packages", PAGE.parents[1], exported[0].path.parent, exported[0].lineage.store):
        assert str(folder).encode() not in content


@pytest.mark.parametrize("file", ["model.onnx", "model.ts.pt", "bundle.json", "card.md"])
def test_no_file_names_a_patient(exported, file):
    content = (exported[1].path / file).read_bytes()
    patients = exported[0].lineage.train_patients
    assert patients
    assert not [patient for patient in patients if f'"{patient}"'.encode() in content]


def test_the_recurrence_is_one_scan_per_block(exported, proto):
    scans = [node for node in proto.graph.node if node.op_type == "Scan"]
    assert len(scans) == (1 if exported[0].config.arch == "xlstm" else 0)


def test_the_file_says_what_a_stranger_has_to_know(exported, store):
    run, bundle = exported
    about = bundle.session().get_modelmeta().custom_metadata_map
    assert json.loads(about["leads"]) == list(store.manifest.leads)
    assert json.loads(about["labels"]) == list(store.task().labels)
    assert json.loads(about["thresholds"]) == THRESHOLDS
    assert json.loads(about["preprocessing"]) == store.manifest.preprocessing.model_dump(mode="json")
    assert json.loads(about["inputs"]) == {"signal": ["batch", 3, 200], "metadata": ["batch", 2]}
    assert json.loads(about["metadata_columns"]) == {"age": "years", "sex": "0 male, 1 female"}
    assert (about["fs"], about["samples"], about["unit"], about["opset"]) == ("100", "200", "mV", "20")
    assert about["architecture"] == run.config.arch
    assert "Not for diagnosis" in about["intended_use"]
    assert {"torch", "onnx", "onnxruntime", "ecgtool"} <= set(json.loads(about["versions"]))


def test_the_bundle_says_where_it_comes_from_and_how_far_it_was_checked(exported):
    run, bundle = exported
    manifest = bundle.manifest
    assert manifest.run.config["model"] == run.config.model
    assert manifest.run.config["data"]["dataset"] == "toy"
    assert manifest.run.lineage["store_digest"] == run.lineage.store_digest
    assert manifest.run.lineage["store"] == "toy"
    assert "train_patients" not in manifest.run.lineage
    assert manifest.parity.records >= 32
    assert set(manifest.parity.max_difference) == {"model.onnx", "model.ts.pt"}
    assert max(manifest.parity.max_difference.values()) <= 1e-4
    assert manifest.opset == 20


def test_the_snippet_in_the_documentation_runs_the_bare_file_right(exported, store, tmp_path, monkeypatch, capsys):
    run, bundle = exported
    snippet = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    assert set(re.findall(r"^import (\w+)", snippet, re.MULTILINE)) == {"json", "numpy", "onnxruntime"}
    assert "from " not in snippet.replace("from about", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.py").write_text(snippet)
    (tmp_path / "model.onnx").write_bytes(bundle.read("model.onnx"))
    signal, _ = example(store, 1)
    order = np.random.default_rng(0).permutation(len(store.manifest.leads))
    np.savez(tmp_path / "recording.npz", **{store.manifest.leads[row]: signal[0, row] + 0.7 for row in order})
    made = runpy.run_path("bare.py")
    centred = signal - np.median(signal, axis=2, keepdims=True)
    expected = trained(run, centred, np.array([[63, 1]], np.float32))
    np.testing.assert_allclose(made["probabilities"], expected[0], atol=1e-4)
    assert "Not for diagnosis" in capsys.readouterr().out


def test_a_bare_file_needs_no_more_than_onnxruntime(exported, store):
    session = onnxruntime.InferenceSession(exported[1].read("model.onnx"))
    assert {value.name for value in session.get_inputs()} == {"signal", "metadata"}
    assert [value.shape[0] for value in session.get_inputs()] == ["batch", "batch"]
