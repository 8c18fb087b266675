import pickle

import numpy as np
import onnx
import pytest
from bundles import FLOAT, graph, manifest, model
from onnx import TensorProto, helper, numpy_helper

from ecgtool.catalog.modelfile import open_session, refuse_unsafe
from ecgtool.errors import FormatError
from ecgtool.settings import BeatConfig, Words
from ecgtool.task import Task

MANIFEST = manifest()


def opened(content, expected=MANIFEST):
    return open_session(content, "m.onnx", expected.input_shapes, expected.output_shapes, threads=1)


def external(name="w"):
    tensor = numpy_helper.from_array(np.ones(4, np.float32), name)
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    return tensor


def constant(value):
    return helper.make_node("Constant", [], ["c"], value=value)


def subgraph(node):
    output = helper.make_tensor_value_info("c", TensorProto.FLOAT, None)
    return helper.make_graph([node], "inner", [], [output])


def branch(inner):
    """An If node whose branches hold the given node."""
    return helper.make_node("If", ["flag"], ["c"], then_branch=subgraph(inner), else_branch=subgraph(inner))


def in_function(node):
    made = helper.make_function("mine", "F", [], ["c"], [node], [helper.make_opsetid("", 18)])
    return [made]


def with_parts(*, nodes=(), initializers=(), functions=(), sparse=()):
    made = model(MANIFEST)
    made.graph.node.extend(nodes)
    made.graph.initializer.extend(initializers)
    made.graph.sparse_initializer.extend(sparse)
    made.functions.extend(functions)
    return made.SerializeToString()


FOREIGN = helper.make_node("Run", [], ["c"], domain="evil.ops")
UNSAFE = {
    "weights in another file": with_parts(initializers=[external()]),
    "a constant in another file": with_parts(nodes=[constant(external())]),
    "a constant in another file, in a branch": with_parts(nodes=[branch(constant(external()))]),
    "a constant in another file, two branches deep": with_parts(nodes=[branch(branch(constant(external())))]),
    "a constant in another file, in a function": with_parts(functions=in_function(constant(external()))),
    "sparse weights in another file": with_parts(
        sparse=[helper.make_sparse_tensor(external(), numpy_helper.from_array(np.arange(4), "i"), [10])]
    ),
    "a list of tensors in another file": with_parts(nodes=[helper.make_node("X", [], ["c"], many=[external()])]),
    "a foreign operator": with_parts(nodes=[FOREIGN]),
    "a foreign operator in a branch": with_parts(nodes=[branch(FOREIGN)]),
    "a foreign operator in a function": with_parts(functions=in_function(FOREIGN)),
    "an operator of the runtime's maker": with_parts(
        nodes=[helper.make_node("Gelu", ["x"], ["c"], domain="com.microsoft")]
    ),
    "an operator that calls Python": with_parts(nodes=[helper.make_node("PyOp", [], ["c"], domain="ai.onnx.contrib")]),
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_what_reaches_out_of_the_file_is_refused(kind, tmp_path):
    (tmp_path / "weights.bin").write_bytes(np.ones(4, np.float32).tobytes())
    with pytest.raises(FormatError, match=r"another file|foreign operator"):
        opened(UNSAFE[kind])


def test_external_data_is_seen_by_its_location_alone():
    made = model(MANIFEST)
    made.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(FormatError, match="another file"):
        refuse_unsafe(made.SerializeToString(), "m.onnx")


def test_functions_of_the_file_itself_may_have_any_domain():
    held = model(MANIFEST)
    add = helper.make_node("Add", ["a", "b"], ["c"])
    held.functions.append(helper.make_function("mine", "Plus", ["a", "b"], ["c"], [add], [helper.make_opsetid("", 18)]))
    held.opset_import.append(helper.make_opsetid("mine", 1))
    for node in held.graph.node:
        if node.op_type == "Add":
            node.op_type, node.domain = "Plus", "mine"
    opened(held.SerializeToString())


def test_the_search_finds_every_node_that_onnx_finds():
    from ecgtool.catalog.modelfile import _search

    content = with_parts(nodes=[branch(branch(constant(numpy_helper.from_array(np.ones(2)))))])
    found = {use.operator for use in _search(memoryview(content), "Model", 0) if use.kind == "node"}
    nodes = list(onnx.load_from_string(content).graph.node)
    expected = set()
    while nodes:
        node = nodes.pop()
        expected.add(node.op_type)
        nodes += [inner for attribute in node.attribute if attribute.HasField("g") for inner in attribute.g.node]
    assert found == expected
    assert "Constant" in found


class Bomb:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"ONNX",
        b"PK\x03\x04" + bytes(100),
        pickle.dumps(Bomb()),
        pickle.dumps({"w": np.ones(3)}, protocol=0),
        bytes(4) + b"ORTM" + bytes(64),
        b"\xff" * 64,
        b"\x3a\xff\xff\xff\xff\x7f",
        b"\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"#!/bin/sh\necho executed",
    ],
)
def test_what_is_no_onnx_file_is_refused(content, capfd):
    with pytest.raises(FormatError):
        opened(content)
    captured = capfd.readouterr()
    assert "executed" not in captured.out + captured.err


def test_a_truncated_model_is_refused_wherever_it_is_cut():
    whole = model(MANIFEST).SerializeToString()
    for size in np.linspace(0, len(whole) - 1, 60).astype(int):
        with pytest.raises(FormatError):
            opened(whole[:size])


def test_mutated_models_give_a_session_or_one_error_and_nothing_on_stdout(capfd):
    whole = model(MANIFEST).SerializeToString()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        mutated = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            mutated[place] = rng.integers(256)
        try:
            opened(bytes(mutated))
        except FormatError:
            refused += 1
    assert refused > 20
    assert capfd.readouterr().out == ""


def test_tensors_that_claim_more_than_they_hold_are_refused():
    made = model(MANIFEST)
    made.graph.initializer[0].dims[:] = [2**40, 2**20]
    with pytest.raises(FormatError):
        opened(made.SerializeToString())


def nested(depth):
    """A model of graphs in graphs, as bytes: deeper than protobuf's own libraries write."""

    def field(number, content):
        size, length = b"", len(content)
        while length > 0x7F:
            size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))  # a node, its attribute, its graph
    return field(7, graph)


@pytest.mark.parametrize("depth", [30, 2000])
def test_deep_nesting_is_refused(depth):
    refuse_unsafe(nested(5), "m.onnx")
    with pytest.raises(FormatError, match="damaged"):
        refuse_unsafe(nested(depth), "m.onnx")


@pytest.mark.parametrize(
    "other",
    [
        manifest(leads=MANIFEST.leads[:8]),
        manifest(samples=500),
        manifest(tabular=()),
        manifest(tabular=("age", "sex", "weight")),
        manifest(labels=("A", "B")),
    ],
    ids=["leads", "samples", "no metadata", "more metadata", "labels"],
)
def test_a_model_that_takes_or_gives_something_else_is_refused(other):
    with pytest.raises(FormatError, match=r"m\.onnx: (input|output)"):
        opened(model(other).SerializeToString())


def test_a_model_of_one_fixed_batch_is_refused():
    made = model(MANIFEST)
    for value in (*made.graph.input, *made.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    with pytest.raises(FormatError, match="signal"):
        opened(made.SerializeToString())


@pytest.mark.parametrize("end", ["input", "output"])
def test_wrong_names_are_told(end):
    made = model(MANIFEST)
    old = getattr(made.graph, end)[0].name
    getattr(made.graph, end)[0].name = "other"
    for node in made.graph.node:
        names = node.input if end == "input" else node.output
        names[:] = ["other" if name == old else name for name in names]
    with pytest.raises(FormatError, match=rf"{end}s are .*other"):
        opened(made.SerializeToString())


def test_a_model_of_doubles_is_refused():
    inputs = [helper.make_tensor_value_info("signal", TensorProto.DOUBLE, ["batch", 12, 1000])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["batch", 12])]
    nodes = [
        helper.make_node("ReduceMean", ["signal", "axis"], ["mean"], keepdims=0),
        helper.make_node("Sigmoid", ["mean"], ["probabilities"]),
    ]
    axis = numpy_helper.from_array(np.array([2]), "axis")
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, [axis]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    expected = manifest(tabular=(), labels=tuple("abcdefghijkl"), thresholds={})
    with pytest.raises(FormatError, match="double"):
        opened(made.SerializeToString(), expected)


def test_a_sound_model_loads_and_onnx_itself_agrees():
    onnx.checker.check_model(helper.make_model(graph(MANIFEST), opset_imports=[helper.make_opsetid("", 18)]))
    assert opened(model(MANIFEST).SerializeToString()).get_providers() == ["CPUExecutionProvider"]


def test_tokens_hold_integers_and_nothing_else_does():
    held = manifest(
        task=Task(name="aami5", kind="multiclass", labels=("N", "S"), of="beat"),
        beats=BeatConfig(),
        words=Words(ids=74, longest=4, vocabulary="sha256:0"),
        tabular=(),
        thresholds={},
    )
    shapes = {"signal": ("batch", 12, 1000), "tokens": ("batch", 4, 4)}
    assert dict(held.input_shapes) == shapes
    for kind, fits in ((TensorProto.INT64, True), (TensorProto.FLOAT, False)):
        inputs = [
            helper.make_tensor_value_info("signal", FLOAT, list(shapes["signal"])),
            helper.make_tensor_value_info("tokens", kind, list(shapes["tokens"])),
        ]
        nodes = [
            helper.make_node("Cast", ["tokens"], ["words"], to=FLOAT),
            helper.make_node("ReduceMean", ["words", "axes"], ["mean"], keepdims=0),
            helper.make_node("Concat", ["one", "one"], ["probabilities"], axis=1),
            helper.make_node("Unsqueeze", ["mean", "last"], ["one"]),
        ]
        outputs = [helper.make_tensor_value_info("probabilities", FLOAT, ["batch", 2])]
        held_axes = (("axes", [1, 2]), ("last", [1]))
        constants = [numpy_helper.from_array(np.array(value), name) for name, value in held_axes]
        made = helper.make_graph([*nodes[:2], nodes[3], nodes[2]], "toy", inputs, outputs, constants)
        content = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        opening = (content.SerializeToString(), "m.onnx", held.input_shapes, {"probabilities": ("batch", 2)})
        if fits:
            assert open_session(*opening, threads=1)
        else:
            with pytest.raises(FormatError, match="'tokens' is tensor"):
                open_session(*opening, threads=1)
