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
        ``hidden``, ``cell`` and ``normaliser``, each [steps, heads, batch, head_dim]. Gradients flow through
        ``hidden`` only; the other two are the states that its backward needs.
    """
    fused = _fused(gates, recurrent)
    return fused.forward(gates, recurrent) if fused else _forward(gates, recurrent)


@slstm_scan.register_fake
def _(gates: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    steps, heads, batch, _ = gates.shape
    shape = (steps, heads, batch, recurrent.shape[1])
    return gates.new_empty(shape), gates.new_empty(shape), gates.new_empty(shape)


@torch.library.custom_op("ecgtool::slstm_scan_backward", mutates_args=())
def slstm_scan_backward(
    grad: Tensor, gates: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, normaliser: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of ``gates`` and ``recurrent``, given that of ``hidden`` (shapes as in :func:`slstm_scan`)."""
    fused = _fused(gates, recurrent)
    return (fused.backward if fused else _backward)(grad, gates, recurrent, hidden, cell, normaliser)


@slstm_scan_backward.register_fake
def _(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    _, gates, recurrent, *_ = inputs
    return torch.empty_like(gates), torch.empty_like(recurrent)


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1], output[2])
    ctx.save_for_backward(*inputs, *output)


def _differentiate(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
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
    """The plain form: one loop over time, nine small operations a step, written straight into the results."""
    steps, heads, batch, _ = gates.shape
    hidden = gates.new_empty(steps, heads, batch, recurrent.shape[1])
    cell, normaliser = torch.empty_like(hidden), torch.empty_like(hidden)
    raw = torch.empty_like(gates[0])  # [heads, batch, 4 * head_dim]
    write, forget, update, output = raw.chunk(4, dim=-1)
    h, c, n = torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0]), torch.full_like(hidden[0], EMPTY)
    for x, next_h, next_c, next_n in zip(gates, hidden, cell, normaliser, strict=True):
        torch.baddbmm(x, h, recurrent, out=raw)
        torch.logaddexp(functional.logsigmoid(forget).add_(n), write, out=next_n)
        torch.lerp(c, update.tanh_(), write.sub_(next_n).exp_(), out=next_c)
        torch.mul(output.sigmoid_(), next_c, out=next_h)
        h, c, n = next_h, next_c, next_n
    return hidden, cell, normaliser


def _backward(
    grad: Tensor, gates: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, normaliser: Tensor
) -> tuple[Tensor, Tensor]:
    """Block of steps by block of steps, so that what a block needs stays in the processor's cache."""
    result, d_recurrent = torch.empty_like(gates), torch.zeros_like(recurrent)
    back = recurrent.mT.contiguous()  # [heads, 4 * head_dim, head_dim]
    after, d_cell, d_normaliser = torch.zeros_like(gates[0]), torch.zeros_like(grad[0]), torch.zeros_like(grad[0])
    for start in reversed(range(0, len(grad), _BLOCK)):
        steps = slice(start, start + _BLOCK)
        before_h, before_c = before(hidden, steps), before(cell, steps)
        raw = gates[steps] + per_head(before_h, recurrent)
        factors = _factors(raw, before_c, cell[steps], normaliser[steps])
        _steps_back((grad[steps], result[steps], *factors), back, after, d_cell, d_normaliser)
        after = result[start]
        d_recurrent += torch.einsum("thbi,thbj->hij", before_h, result[steps])
    return result, d_recurrent


def before(states: Tensor, steps: slice) -> Tensor:
    """The states before each of the steps; 0 before the first of all."""
    if steps.start:
        return states[steps.start - 1 : steps.stop - 1][: len(states[steps])]
    return torch.cat([torch.zeros_like(states[:1]), states[: steps.stop - 1][: len(states) - 1]])


def per_head(x: Tensor, weight: Tensor) -> Tensor:
    """[steps, heads, batch, in] by [heads, in, out] as one product per head: [steps, heads, batch, out]."""
    steps, heads, batch, size = x.shape
    product = x.transpose(0, 1).reshape(heads, steps * batch, size) @ weight
    return product.reshape(heads, steps, batch, -1).transpose(0, 1)


def _factors(raw: Tensor, before: Tensor, cell: Tensor, normaliser: Tensor) -> tuple[Tensor, ...]:
    """Whatever the backward needs that does not depend on later steps, for all steps at once.

    Args:
        raw: Pre-activations of the four gates, [steps, heads, batch, 4 * head_dim].
        before: Cell before each step.
        cell: Cell after each step.
        normaliser: Logarithm of the normaliser after each step.

    Returns:
        The open output gate, what is kept of the cell, and by how much output, cell, input and forget gate change
        what they act upon.
    """
    write, forget, update, output = raw.chunk(4, dim=-1)
    update, output = update.tanh(), output.sigmoid()
    written = (write - normaliser).exp_()
    by_output = (1 - output).mul_(output).mul_(cell)
    by_update = (1 - update * update).mul_(written)
    by_write = (update - before).mul_(written)
    return output, 1 - written, by_output, by_update, by_write, forget.neg().sigmoid_()


def _steps_back(rows: tuple[Tensor, ...], back: Tensor, after: Tensor, d_cell: Tensor, d_normaliser: Tensor) -> None:
    """The loop from the last step to the first: writes the gates' gradients, and the states' in place.

    Args:
        rows: Gradient of ``hidden``, result, and :func:`_factors`; [steps, ...] each.
        back: Recurrent weights, transposed.
        after: The gates' gradients one step after these.
        d_cell: Gradient of the cell after these steps; becomes the one before them.
        d_normaliser: As ``d_cell``.
    """
    d_hidden, lost = torch.empty_like(d_cell), torch.empty_like(d_cell)
    for grad, result, output, kept, by_output, by_update, by_write, by_forget in zip(
        *(reversed(part.unbind(0)) for part in rows), strict=True
    ):
        d_write, d_forget, d_update, d_output = result.chunk(4, dim=-1)
        torch.baddbmm(grad, after, back, out=d_hidden)
        torch.mul(d_hidden, by_output, out=d_output)
        d_cell.addcmul_(d_hidden, output)
        torch.mul(d_cell, by_update, out=d_update)
        torch.addcmul(d_normaliser, d_cell, by_write, value=-1, out=lost).mul_(kept)
        torch.sub(d_normaliser, lost, out=d_write)
        torch.mul(lost, by_forget, out=d_forget)
        d_normaliser.copy_(lost)
        d_cell.mul_(kept)
        after = result


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
