"""An ONNX file as bytes: searched for what could reach outside it, then loaded.

A model may name other files as its weights and operators of other makers. Neither is followed: such a file is refused
before onnxruntime sees it. The search reads the protobuf wire format itself (onnx.proto3 gives the field numbers), so
that predicting needs onnxruntime alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ecgtool.errors import FormatError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
INTEGERS = frozenset(("tokens",))
"""Names of inputs that hold int64; every other input and output holds float32."""
_DEPTH_LIMIT = 64

# Message -> field number -> message held there. What is not listed holds neither operators nor tensors.
_HOLDS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
# Fields that name the domain and the operator of a node, or of a function the model defines.
_NAMED = {"Node": (7, 4), "Function": (10, 1)}
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_EXPORT_AGAIN = "Export the model again with this tool."


class Use(NamedTuple):
    """One thing a model uses: a ``node`` or ``function`` with its domain and operator, or ``external`` data."""

    kind: str
    domain: str = ""
    operator: str = ""


def open_session(
    content: bytes,
    source: str,
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
    *,
    threads: int = 0,
) -> InferenceSession:
    """Load an ONNX model on the CPU, if it is safe and has the inputs and outputs that are expected.

    They hold float32, but for those of :data:`INTEGERS`.

    Args:
        content: The file.
        source: What to call it in messages.
        inputs: Name -> shape; a word stands for any size.
        outputs: The same.
        threads: Threads of one operator; 0 lets onnxruntime choose.

    Raises:
        FormatError: It is unsafe, damaged, or takes or gives something else.
    """
    from onnxruntime import InferenceSession, SessionOptions

    refuse_unsafe(content, source)
    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what goes wrong is raised; onnxruntime need not print it as well
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        # Falling back would print to stdout, where results go.
        session = InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        _check_values(session.get_inputs(), inputs, f"{source}: input")
        _check_values(session.get_outputs(), outputs, f"{source}: output")
    except runtime_errors() as error:
        raise FormatError(f"{source} cannot be loaded: {first_line(error)}", _EXPORT_AGAIN) from None
    return session


def runtime_errors() -> tuple[type[Exception], ...]:
    """Everything onnxruntime raises; its errors have no parent of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    raised = (value for value in vars(state).values() if isinstance(value, type))
    return (*(kind for kind in raised if issubclass(kind, Exception)), RuntimeError, ValueError)


def first_line(error: Exception) -> str:
    """The first line of a message, cut to what a person reads."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def refuse_unsafe(content: bytes, source: str) -> None:
    """Refuse a model that keeps weights in other files or needs operators of other makers.

    Functions that the model defines itself may have any domain: their bodies are searched too.

    Raises:
        FormatError: It does, or is not an ONNX file.
    """
    if not content:
        raise FormatError(f"{source} is empty.", _EXPORT_AGAIN)
    try:
        used = set(_search(memoryview(content), "Model", 0))
    except ValueError:
        raise FormatError(f"{source} is damaged, or not an ONNX file.", _EXPORT_AGAIN) from None
    for use in used:
        if use.kind == "external":
            raise FormatError(f"{source} keeps weights in another file, which is refused.", _EXPORT_AGAIN)
        known = use.domain in STANDARD_DOMAINS or Use("function", use.domain, use.operator) in used
        if use.kind == "node" and not known:
            raise FormatError(
                f"{source} needs the foreign operator '{use.domain}:{use.operator}', which is refused.", _EXPORT_AGAIN
            )


def _search(message: memoryview, kind: str, depth: int) -> Iterator[Use]:
    """What the message, and those in it, use.

    Raises:
        ValueError: It is not a protobuf message, or nested too deep.
    """
    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deep")
    inner, named = _HOLDS.get(kind, {}), _NAMED.get(kind, ())
    words: dict[int, str] = {}
    for number, value in _fields(message):
        if kind == "Tensor" and (number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value)):
            yield Use("external")
        if isinstance(value, int):
            continue
        if number in inner:
            yield from _search(value, inner[number], depth + 1)
        elif number in named:
            words[number] = str(value, "utf-8")
    if named:
        yield Use(kind.lower(), *(words.get(number, "") for number in named))


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Fields of a protobuf message: number, and the bytes or the integer it holds.

    Raises:
        ValueError: It is not one.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == 2:
            size, position = _varint(message, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if number == 0 or position + size > len(message):
            raise ValueError("truncated")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The integer at a position, and the position behind it."""
    value = shift = 0
    while shift < 70:
        if position >= len(message):
            raise ValueError("truncated")
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ValueError("not an integer")


def _check_values(found: Sequence[NodeArg], expected: Mapping[str, Sequence[int | str]], what: str) -> None:
    """Check names, type and shapes; a size that is not a number fits any."""
    names = sorted(value.name for value in found)
    if names != sorted(expected):
        raise FormatError(
            f"{what}s are {', '.join(names) or 'none'}, not {', '.join(sorted(expected))}.", _EXPORT_AGAIN
        )
    for value in found:
        shape, kind = list(expected[value.name]), "int64" if value.name in INTEGERS else "float"
        if value.type != f"tensor({kind})" or not _fits(value.shape, shape):
            said = f"{what} '{value.name}' is {value.type} {value.shape}, not {kind} {shape}."
            raise FormatError(said, _EXPORT_AGAIN)


def _fits(found: Sequence[Any], expected: Sequence[int | str]) -> bool:
    """Whether the shapes agree: a free axis must be free, any other may be free or of that size."""
    if len(found) != len(expected):
        return False
    free = (not isinstance(size, int) for size in found)
    return all(any_size or have == want for any_size, have, want in zip(free, found, expected, strict=True))
