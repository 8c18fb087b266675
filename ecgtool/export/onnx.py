"""A trained model as ONNX: one file that a stranger with onnxruntime can run right."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import onnx
import onnx.inliner
import onnxscript.optimizer
import torch
from torch.export import Dim

from ecgtool.errors import DataError
from ecgtool.export.scan import DOMAIN, TRANSLATIONS, onnx_function
from ecgtool.export.served import Served

OPSET = 20
"""Version of the operator set: new enough for every operator here, old enough for runtimes of the last years."""

_LARGEST_CONSTANT = 64
"""Values of a constant that is computed ahead; larger ones (masks over tokens) would make the file grow with them."""


def to_onnx(model: Served, metadata: Mapping[str, str]) -> bytes:
    """The model as one ONNX file, without external data, in operators of the standard alone.

    Inputs ``signal`` float32 [batch, leads, samples] in mV; when the model reads sentences, ``tokens`` int64 [batch,
    words, columns]; when it is tabular, ``metadata`` float32 [batch, columns] (raw, NaN where unknown), of words
    [batch, words, columns]. Output ``probabilities`` float32 [batch, labels], of words or samples [batch, labels,
    positions]. The batch is dynamic; normalisation and activation are inside. The recurrence is a ``Scan``, so that the
    file does not grow with the number of samples.

    Args:
        model: What to export.
        metadata: What the file says of itself (``metadata_props``).

    Raises:
        DataError: The model has an operator that ONNX does not.
    """
    proto = _inlined(_translated(model))
    _forget_where(proto.graph)
    onnx.helper.set_model_props(proto, dict(metadata))
    proto = onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    onnx.checker.check_model(proto, full_check=True)
    foreign = sorted({opset.domain for opset in proto.opset_import} - {""})
    if foreign:
        raise DataError(f"The exported model needs the operator domains {', '.join(foreign)}.")
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _translated(model: Served) -> onnx.ModelProto:
    """The model as the exporter leaves it: the recurrence is a node of our own domain."""
    batch = Dim("batch")
    others = tuple({0: batch} for _ in model.input_names[1:])
    with _without_chatter():
        program = torch.onnx.export(
            model,
            model.example(),
            dynamo=True,
            input_names=model.input_names,
            output_names=["probabilities"],
            dynamic_shapes=({0: batch}, others) if others else ({0: batch},),
            custom_translation_table=TRANSLATIONS,
            opset_version=OPSET,
            optimize=False,
            verbose=False,
        )
        if program is None:
            raise DataError("The exporter returned nothing.")
        onnxscript.optimizer.optimize(program.model, output_size_limit=_LARGEST_CONSTANT)
    return program.model_proto


def _inlined(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every function replaced by its body, and no trace of their domains."""
    proto.functions.append(onnx_function(OPSET))
    if DOMAIN not in {opset.domain for opset in proto.opset_import}:
        proto.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
    inlined: onnx.ModelProto = onnx.inliner.inline_local_functions(proto)
    used = {node.domain for node in _nodes(inlined.graph)}
    kept = [opset for opset in inlined.opset_import if opset.domain in used or opset.domain == ""]
    del inlined.opset_import[:]
    inlined.opset_import.extend(kept)
    return inlined


def _forget_where(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the machine: stack traces with paths, names of modules."""
    del graph.metadata_props[:]
    for node in _nodes(graph):
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del value.metadata_props[:]


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node, those of bodies within too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep the exporter's remarks on packages it does not find, and on its own internals, from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
