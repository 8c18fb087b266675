"""Bundles written by hand around ONNX graphs of a few nodes, for tests that need a model but no training."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ecgtool.catalog.bundle import BundleManifest, write_bundle
from ecgtool.record import LEADS_12
from ecgtool.settings import Preprocessing
from ecgtool.task import Task

LABELS = ("NORM", "MI", "STTC")
FLOAT = TensorProto.FLOAT


def manifest(**changes):
    """A manifest of a twelve-lead, 10 s, 100 Hz model with age and sex."""
    kind = changes.pop("kind", "multilabel")
    labels = changes.pop("labels", LABELS)
    fs = changes.get("fs", 100.0)
    values = {
        "name": "toy",
        "arch": "cnn1d",
        "task": Task(name="toy", kind=kind, labels=labels),
        "fs": fs,
        "leads": LEADS_12,
        "samples": 1000,
        "tabular": ("age", "sex"),
        "preprocessing": Preprocessing(fs=fs),
        "thresholds": dict(zip(labels, (0.3, 0.5, 0.7), strict=False)) if kind == "multilabel" else {},
    }
    return BundleManifest(**{**values, **changes})


def graph(manifest, *, seed=0, nodes=None):
    """probabilities = activation(mean over time of |signal| . weights + known metadata . weights)."""
    rng = np.random.default_rng(seed)
    labels = len(manifest.task.labels)
    held = {"leads": rng.normal(0, 3, (len(manifest.leads), labels)), "axis": np.array([2])}
    made = [
        helper.make_node("Abs", ["signal"], ["size"]),
        helper.make_node("ReduceMean", ["size", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "leads"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("signal", FLOAT, ["batch", len(manifest.leads), manifest.samples])]
    last = "logits"
    if manifest.tabular:
        held |= {"people": rng.normal(0, 0.02, (len(manifest.tabular), labels)), "zero": np.zeros(1)}
        made += [
            helper.make_node("IsNaN", ["metadata"], ["unknown"]),
            helper.make_node("Where", ["unknown", "zero", "metadata"], ["known"]),
            helper.make_node("MatMul", ["known", "people"], ["shift"]),
            helper.make_node("Add", ["logits", "shift"], ["sum"]),
        ]
        inputs.append(helper.make_tensor_value_info("metadata", FLOAT, ["batch", len(manifest.tabular)]))
        last = "sum"
    activation = ("Softmax", {"axis": 1}) if manifest.task.exclusive else ("Sigmoid", {})
    made.append(helper.make_node(activation[0], [last], ["probabilities"], **activation[1]))
    constants = [
        numpy_helper.from_array(value if value.dtype == np.int64 else value.astype(np.float32), name)
        for name, value in held.items()
    ]
    outputs = [helper.make_tensor_value_info("probabilities", FLOAT, ["batch", labels])]
    return helper.make_graph(nodes or made, "toy", inputs, outputs, constants)


def model(manifest, **options):
    """The graph as an ONNX model of opset 18."""
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph(manifest, **options), opset_imports=[opset], ir_version=10)


def make_bundle(path, *, seed=0, models=None, **changes):
    """Write a bundle and open it."""
    held = manifest(**changes)
    content = model(held, seed=seed)
    onnx.checker.check_model(content)
    return write_bundle(path, held, {"model.onnx": content.SerializeToString(), **(models or {})})
