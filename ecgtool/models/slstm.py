"""sLSTM: a scalar-memory recurrence with exponential gates, as one fused scan with a hand-written backward.

Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", section 2.2. Per head, with ``a = x_t W + h_{t-1} R + b``
split into the pre-activations of input, forget, cell and output::

    m_t = max(log f_t + m_{t-1}, i_t)         the stabiliser; f_t = sigmoid(forget)
    c_t = exp(log f_t + m_{t-1} - m_t) c_{t-1} + exp(i_t - m_t) tanh(cell)
    n_t = exp(log f_t + m_{t-1} - m_t) n_{t-1} + exp(i_t - m_t)
    h_t = sigmoid(output) c_t / n_t

Only ``c_t / n_t`` is ever used, and the stabiliser cancels in it. So the scan carries two states instead of three: the
normalised cell ``c_t / n_t`` and the logarithm of the true normaliser, ``m_t + log n_t``::

    normaliser_t = logaddexp(log f_t + normaliser_{t-1}, i_t)      never overflows, whatever the gates
    write_t      = exp(i_t - normaliser_t)                         in (0, 1]: how much of the cell is written anew
    cell_t       = cell_{t-1} + write_t (tanh(cell) - cell_{t-1})
    h_t          = sigmoid(output) cell_t

It is the same function to rounding (:func:`slstm_reference` is the paper's form, for tests).
"""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

EMPTY = -1e30
"""Logarithm of the normaliser before the first step: nothing is remembered yet. Finite, so that no inf - inf arises."""

_BLOCK = 32
"""Steps of the backward whose factors are computed together."""


@torch.library.custom_op("ecgtool::slstm_scan", mutates_args=())
def slstm_scan(gates: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run the recurrence over all steps, from empty states.

    One operator: ``torch.export`` keeps it whole, so that an exporter can translate it to one loop.

    Args:
        gates: What the input and the bias contribute, [steps, heads, batch, 4 * head_dim]; the last axis holds the
            input, forget, cell and output gate, ``head_dim`` values each.
        recurrent: What the previous hidden state contributes, [heads, head_dim, 4 * head_dim]; applied from the right,
            ``hidden[t - 1] @ recurrent``, head by head.

    Returns:
        ``hidden`` [steps, heads, batch, head_dim], and two tensors for the backward alone, which carry no gradient:
        ``cell``, of the same shape, and ``opened``, of the shape of ``gates``, holding ``write``, the forget gate's
        pre-activation, the cell gate and the output gate.
    """
    fused = _fused(gates, recurrent)
    return fused.forward(gates, recurrent) if fused else _forward(gates, recurrent)


@slstm_scan.register_fake
def _(gates: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    steps, heads, batch, _ = gates.shape
    shape = (steps, heads, batch, recurrent.shape[1])
    return gates.new_empty(shape), gates.new_empty(shape), gates.new_empty(gates.shape)


@torch.library.custom_op("ecgtool::slstm_scan_backward", mutates_args=())
def slstm_scan_backward(
    grad: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, opened: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of ``gates`` and ``recurrent``, given that of ``hidden`` (shapes as in :func:`slstm_scan`)."""
    fused = _fused(opened, recurrent)
    return (fused.backward if fused else _backward)(grad, recurrent, hidden, cell, opened)


@slstm_scan_backward.register_fake
def _(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    _, recurrent, _, _, opened = inputs
    return torch.empty_like(opened), torch.empty_like(recurrent)


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1], output[2])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(inputs[1], *output)


def _differentiate(ctx: Any, grad: Tensor | None, *_: None) -> tuple[Tensor | None, Tensor | None]:
    if grad is None:
        return None, None
    return torch.ops.ecgtool.slstm_scan_backward(grad.contiguous(), *ctx.saved_tensors)


slstm_scan.register_autograd(_differentiate, setup_context=_remember)
for _device in ("cpu", "cuda"):
    slstm_scan.register_autocast(_device, torch.float32)  # states and sums need the range and the precision


def _fused(gates: Tensor, recurrent: Tensor) -> ModuleType | None:
    """The module of fused kernels where they can run: on CUDA, with Triton, for shapes that they support."""
    if not gates.is_cuda or find_spec("triton") is None:
        return None
    from ecgtool.models import slstm_triton

    return slstm_triton if slstm_triton.supports(gates, recurrent) else None


def _forward(gates: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The plain form: one loop over time, ten small operations a step, written straight into the results."""
    steps, heads, batch, _ = gates.shape
    hidden = gates.new_empty(steps, heads, batch, recurrent.shape[1])
    cell, opened = torch.empty_like(hidden), gates.new_empty(gates.shape)
    h, c, n = torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0]), torch.full_like(hidden[0], EMPTY)
    next_n = torch.empty_like(n)
    rows = (gates, opened, *opened.chunk(4, dim=-1), hidden, cell)
    for x, raw, write, forget, update, output, next_h, next_c in zip(*(row.unbind(0) for row in rows), strict=True):
        torch.baddbmm(x, h, recurrent, out=raw)
        torch.logaddexp(functional.logsigmoid(forget).add_(n), write, out=next_n)
        torch.lerp(c, update.tanh_(), write.sub_(next_n).exp_(), out=next_c)
        torch.mul(output.sigmoid_(), next_c, out=next_h)
        h, c, n, next_n = next_h, next_c, next_n, n
    return hidden, cell, opened


def _backward(grad: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, opened: Tensor) -> tuple[Tensor, Tensor]:
    """Block of steps by block of steps, so that what a block needs stays in the processor's cache."""
    result, d_recurrent = torch.empty_like(opened), torch.zeros_like(recurrent)
    back = recurrent.mT.contiguous()  # [heads, 4 * head_dim, head_dim]
    after = torch.zeros_like(opened[0])
    d_states = torch.zeros_like(grad[0]), torch.zeros_like(grad[0])
    for start in reversed(range(0, len(grad), _BLOCK)):
        steps = slice(start, start + _BLOCK)
        factors = _factors(opened[steps], before(cell, steps), cell[steps])
        d_states = _steps_back((grad[steps], result[steps], *factors), back, after, *d_states)
        after = result[start]
        d_recurrent += torch.einsum("thbi,thbj->hij", before(hidden, steps), result[steps])
    return result, d_recurrent


def before(states: Tensor, steps: slice) -> Tensor:
    """The states before each of the steps; 0 before the first of all."""
    if steps.start:
        return states[steps.start - 1 : steps.stop - 1][: len(states[steps])]
    return torch.cat([torch.zeros_like(states[:1]), states[: steps.stop - 1][: len(states) - 1]])


def _factors(opened: Tensor, before: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
    """Whatever the backward needs that does not depend on later steps, for all steps at once.

    Args:
        opened: As the scan returns it.
        before: Cell before each step.
        cell: Cell after each step.

    Returns:
        The open output gate; what is kept of the cell; and by how much input, forget, cell and output gate change what
        they act upon.
    """
    written, forget, update, output = opened.chunk(4, dim=-1)
    by_write = (update - before).mul_(written)
    by_update = (1 - update * update).mul_(written)
    by_output = (1 - output).mul_(output).mul_(cell)
    return output, 1 - written, by_write, forget.neg().sigmoid_(), by_update, by_output


def _steps_back(
    rows: tuple[Tensor, ...], back: Tensor, after: Tensor, d_cell: Tensor, d_normaliser: Tensor
) -> tuple[Tensor, Tensor]:
    """The loop from the last step to the first: writes the gates' gradients.

    Args:
        rows: Gradient of ``hidden``, result, and :func:`_factors`; [steps, ...] each.
        back: Recurrent weights, transposed.
        after: The gates' gradients one step after these.
        d_cell: Gradient of the cell after these steps.
        d_normaliser: That of the logarithm of the normaliser.

    Returns:
        ``d_cell`` and ``d_normaliser`` before these steps.
    """
    grad, result, *factors = rows
    d_hidden, lost = torch.empty_like(d_cell), torch.empty_like(d_cell)
    parts = (grad, result, *result.chunk(4, dim=-1), *factors)
    for dh, d_gates, d_w, d_f, d_u, d_o, output, kept, by_write, by_forget, by_update, by_output in zip(
        *(reversed(part.unbind(0)) for part in parts), strict=True
    ):
        torch.baddbmm(dh, after, back, out=d_hidden)
        d_cell.addcmul_(d_hidden, output)
        torch.mul(d_hidden, by_output, out=d_o)
        torch.mul(d_cell, by_update, out=d_u)
        torch.addcmul(d_normaliser, d_cell, by_write, value=-1, out=lost).mul_(kept)
        torch.sub(d_normaliser, lost, out=d_w)
        torch.mul(lost, by_forget, out=d_f)
        d_cell.mul_(kept)
        d_normaliser, lost, after = lost, d_normaliser, d_gates
    return d_cell, d_normaliser


def slstm_reference(gates: Tensor, recurrent: Tensor) -> Tensor:
    """The paper's form with stabiliser, cell and normaliser apart: slow, and differentiated by autograd.

    Args and result as :func:`slstm_scan`; returns ``hidden`` alone.
    """
    head_dim = recurrent.shape[1]
    h = c = n = m = gates.new_zeros(*gates.shape[1:3], head_dim)
    hidden = []
    for t, x in enumerate(gates):
        write, forget, update, output = (x + h @ recurrent).chunk(4, dim=-1)  # [heads, batch, head_dim] each
        kept = functional.logsigmoid(forget) + m
        m = write if t == 0 else torch.maximum(kept, write)
        keep, new = (kept - m).exp(), (write - m).exp()
        c = keep * c + new * update.tanh()
        n = keep * n + new
        h = output.sigmoid() * c / n
        hidden.append(h)
    return torch.stack(hidden)
