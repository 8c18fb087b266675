"""The sLSTM recurrence as a loop that other runtimes know: an ONNX ``Scan``, and a scripted one for TorchScript.

Both translate ``ecgtool::slstm_scan`` (see :mod:`ecgtool.models.slstm` for the equations). The runtime goes through the
body once per token, so it is written for few and quick operators: with ``kept = normaliser + log f`` and
``margin = kept - write``, ``logaddexp(kept, write) = write + softplus(margin)`` and what is kept of the cell is
``sigmoid(margin)``. ``softplus(x) = max(log(1 + exp(min(x, 80))), x)``: five operators that onnxruntime takes several
numbers at a time, where its Softplus goes one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import onnx.parser
import torch
from onnx.defs import OpSchema
from onnxscript import values
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ecgtool.models import slstm

DOMAIN = "ecgtool"
"""Domain of the recurrence between translation and inlining; no exported file has it."""

_BODY = """
<opset_import: ["" : {opset}], domain: "{domain}">
SlstmScan (gates, recurrent) => (hidden)
{{
    batch = Shape <start = 1, end = 3> (gates)
    width = Shape <start = 1, end = 2> (recurrent)
    state = Concat <axis = 0> (batch, width)
    zero = ConstantOfShape <value = float[1] {{0.0}}> (state)
    nothing = ConstantOfShape <value = float[1] {{{nothing}}}> (state)
    largest = Constant <value = float {{80.0}}> ()
    one = Constant <value = float {{1.0}}> ()
    last_h, last_c, last_n, hidden = Scan <
        num_scan_inputs = 1,
        body = step (
            float[heads, batch, head_dim] h, float[heads, batch, head_dim] c, float[heads, batch, head_dim] n,
            float[heads, batch, gate_dim] x
        ) => (
            float[heads, batch, head_dim] next_h, float[heads, batch, head_dim] next_c,
            float[heads, batch, head_dim] next_n, float[heads, batch, head_dim] seen_h
        ) {{
            recalled = MatMul (h, recurrent)
            raw = Add (x, recalled)
            write, forget, update, output = Split <axis = -1, num_outputs = 4> (raw)
            minus_forget = Neg (forget)
            small_forget = Min (minus_forget, largest)
            grown_forget = Exp (small_forget)
            more_forget = Add (grown_forget, one)
            log_forget = Log (more_forget)
            lost = Max (log_forget, minus_forget)
            kept = Sub (n, lost)
            margin = Sub (kept, write)
            small_margin = Min (margin, largest)
            grown_margin = Exp (small_margin)
            more_margin = Add (grown_margin, one)
            log_margin = Log (more_margin)
            excess = Max (log_margin, margin)
            next_n = Add (write, excess)
            keep = Sigmoid (margin)
            fresh = Tanh (update)
            change = Sub (c, fresh)
            left = Mul (keep, change)
            next_c = Add (fresh, left)
            open = Sigmoid (output)
            next_h = Mul (open, next_c)
            seen_h = Identity (next_h)
        }}
    > (zero, zero, nothing, gates)
}}
"""
_WORDS = [OpSchema.FormalParameter(name, "T") for name in ("gates", "recurrent", "hidden")]
_FLOATS = ("T", ["tensor(float)"], "single precision")
_SCHEMA = OpSchema("SlstmScan", DOMAIN, 1, inputs=_WORDS[:2], outputs=_WORDS[2:], type_constraints=[_FLOATS])


def onnx_function(opset: int) -> onnx.FunctionProto:
    """The recurrence as an ONNX function, to be inlined wherever :func:`translate` left its name."""
    return onnx.parser.parse_function(_BODY.format(opset=opset, domain=DOMAIN, nothing=slstm.EMPTY))


def translate(gates: object, recurrent: object) -> object:
    """The recurrence as one named node: for ``custom_translation_table`` of ``torch.onnx.export``.

    Of the operator's three results the file gets the first; the others are for training alone.
    """
    return (values.Op(values.Opset(DOMAIN, 1), _SCHEMA.name, _SCHEMA)(gates, recurrent),)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {torch.ops.ecgtool.slstm_scan.default: translate}
"""Operators of this package that no exporter knows, and what each becomes."""


class Scripted(TorchFunctionMode):
    """While it is active, the recurrence is the scripted loop: what is traced then needs no operator of ours."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = torch.jit.script(_loop)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the loop in place of the operator, everything else as it is."""
        if func in TRANSLATIONS:
            return (self._loop(*args, slstm.EMPTY),)
        return func(*args, **(kwargs or {}))


def _loop(gates: Tensor, recurrent: Tensor, nothing: float) -> Tensor:
    """The recurrence in the subset of Python that TorchScript compiles: the operator's first result."""
    steps, heads, batch, _ = gates.shape
    shape = [steps, heads, batch, recurrent.size(1)]
    hidden = gates.new_empty(shape)
    h = gates.new_zeros(shape[1:])
    c = torch.zeros_like(h)
    n = torch.full_like(h, nothing)
    for t in range(steps):
        write, forget, update, output = torch.baddbmm(gates[t], h, recurrent).chunk(4, dim=-1)
        n = torch.logaddexp(torch.nn.functional.logsigmoid(forget) + n, write)
        c = torch.lerp(c, update.tanh(), (write - n).exp())
        h = output.sigmoid() * c
        hidden[t] = h
    return hidden
