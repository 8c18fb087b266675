"""The sLSTM scan as two Triton kernels: all steps of some items and one head in one launch, states in registers.

Equations, layouts and names as in :mod:`ecgtool.models.slstm`, whose plain form this replaces on CUDA. Triton comes
with the CUDA builds of torch. States and sums are float32; products are made of three TF32 products each, which keeps
float32's precision on the matrix units. With ``TRITON_INTERPRET=1`` in the environment the same
kernels run on CPU tensors, slowly: that is how they are tested where there is no GPU.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ecgtool.models.slstm import EMPTY, before

_ITEMS = 16
"""Items of a program: the smallest tile that the matrix units take."""

_LAUNCH = {"num_warps": 8, "num_stages": 1}
"""Enough warps for the states to stay in registers; prefetching the weights would not fit into shared memory."""


def supports(gates: Tensor, recurrent: Tensor) -> bool:
    """Whether the kernels can run: Ampere or newer, float32, ``head_dim`` 16, 32, 64 or 128."""
    fits = gates.dtype == recurrent.dtype == torch.float32 and recurrent.shape[1] in (16, 32, 64, 128)
    return fits and torch.cuda.get_device_capability(gates.device) >= (8, 0)


def forward(gates: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`ecgtool.models.slstm.slstm_scan`."""
    steps, heads, batch, _ = gates.shape
    gates, recurrent = gates.contiguous(), recurrent.contiguous()
    hidden = gates.new_empty(steps, heads, batch, recurrent.shape[1])
    cell, opened = torch.empty_like(hidden), torch.empty_like(gates)
    grid = (triton.cdiv(batch, _ITEMS), heads)
    sizes = {"HEAD_DIM": recurrent.shape[1], "ITEMS": _ITEMS, "NOTHING": EMPTY}
    _forward[grid](gates, recurrent, hidden, cell, opened, steps, heads, batch, **sizes, **_LAUNCH)
    return hidden, cell, opened


def backward(grad: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, opened: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`ecgtool.models.slstm.slstm_scan_backward`."""
    steps, heads, batch, _ = opened.shape
    result, everything = torch.empty_like(opened), slice(0, steps)
    grid = (triton.cdiv(batch, _ITEMS), heads)
    sizes = {"HEAD_DIM": recurrent.shape[1], "ITEMS": _ITEMS}
    given = (grad.contiguous(), recurrent.contiguous(), before(cell, everything), cell, opened)
    _backward[grid](*given, result, steps, heads, batch, **sizes, **_LAUNCH)
    return result, torch.einsum("thbi,thbj->hij", before(hidden, everything), result)


def _forward_kernel(
    gates: tl.tensor,
    recurrent: tl.tensor,
    hidden: tl.tensor,
    cell: tl.tensor,
    opened: tl.tensor,
    steps: tl.tensor,
    heads: tl.tensor,
    batch: tl.tensor,
    HEAD_DIM: tl.constexpr,
    ITEMS: tl.constexpr,
    NOTHING: tl.constexpr,
) -> None:
    """From the first step to the last; one program per ``ITEMS`` items and head."""
    head = tl.program_id(1).to(tl.int64)  # so that no offset overflows
    rows = tl.program_id(0) * ITEMS + tl.arange(0, ITEMS)
    columns = tl.arange(0, HEAD_DIM)
    live = (rows < batch)[:, None]
    weight = recurrent + (head * HEAD_DIM + columns)[:, None] * 4 * HEAD_DIM + columns[None, :]
    h = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    c = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    n = tl.full([ITEMS, HEAD_DIM], NOTHING, dtype=tl.float32)
    for t in range(steps):
        row = ((t * heads + head) * batch + rows)[:, None]  # of [steps * heads * batch, ...]
        wide = row * 4 * HEAD_DIM + columns[None, :]
        state = row * HEAD_DIM + columns[None, :]
        x = gates + wide
        write = tl.load(x, mask=live, other=0.0)
        forget = tl.load(x + HEAD_DIM, mask=live, other=0.0)
        update = tl.load(x + 2 * HEAD_DIM, mask=live, other=0.0)
        output = tl.load(x + 3 * HEAD_DIM, mask=live, other=0.0)
        write += tl.dot(h, tl.load(weight), input_precision="tf32x3")
        forget += tl.dot(h, tl.load(weight + HEAD_DIM), input_precision="tf32x3")
        update += tl.dot(h, tl.load(weight + 2 * HEAD_DIM), input_precision="tf32x3")
        output += tl.dot(h, tl.load(weight + 3 * HEAD_DIM), input_precision="tf32x3")
        kept = n + tl.minimum(forget, 0.0) - tl.log(1.0 + tl.exp(-tl.abs(forget)))
        n = tl.maximum(kept, write) + tl.log(1.0 + tl.exp(-tl.abs(kept - write)))
        written = tl.exp(write - n)
        update = 2.0 * tl.sigmoid(2.0 * update) - 1.0
        output = tl.sigmoid(output)
        c += written * (update - c)
        h = output * c
        tl.store(hidden + state, h, mask=live)
        tl.store(cell + state, c, mask=live)
        tl.store(opened + wide, written, mask=live)
        tl.store(opened + wide + HEAD_DIM, forget, mask=live)
        tl.store(opened + wide + 2 * HEAD_DIM, update, mask=live)
        tl.store(opened + wide + 3 * HEAD_DIM, output, mask=live)


def _backward_kernel(
    grad: tl.tensor,
    recurrent: tl.tensor,
    before_c: tl.tensor,
    cell: tl.tensor,
    opened: tl.tensor,
    result: tl.tensor,
    steps: tl.tensor,
    heads: tl.tensor,
    batch: tl.tensor,
    HEAD_DIM: tl.constexpr,
    ITEMS: tl.constexpr,
) -> None:
    """From the last step to the first; ``result`` gets the gates' gradients."""
    head = tl.program_id(1).to(tl.int64)  # so that no offset overflows
    rows = tl.program_id(0) * ITEMS + tl.arange(0, ITEMS)
    columns = tl.arange(0, HEAD_DIM)
    live = (rows < batch)[:, None]
    back = recurrent + (head * HEAD_DIM + columns)[None, :] * 4 * HEAD_DIM + columns[:, None]  # transposed
    d_write = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    d_forget = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    d_update = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    d_output = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    d_cell = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    d_normaliser = tl.zeros([ITEMS, HEAD_DIM], dtype=tl.float32)
    for later in range(steps):
        row = (((steps - 1 - later) * heads + head) * batch + rows)[:, None]  # of [steps * heads * batch, ...]
        wide = row * 4 * HEAD_DIM + columns[None, :]
        state = row * HEAD_DIM + columns[None, :]
        written = tl.load(opened + wide, mask=live, other=0.0)
        forget = tl.load(opened + wide + HEAD_DIM, mask=live, other=0.0)
        update = tl.load(opened + wide + 2 * HEAD_DIM, mask=live, other=0.0)
        output = tl.load(opened + wide + 3 * HEAD_DIM, mask=live, other=0.0)
        c = tl.load(cell + state, mask=live, other=0.0)
        c_before = tl.load(before_c + state, mask=live, other=0.0)

        d_h = tl.load(grad + state, mask=live, other=0.0)
        d_h += tl.dot(d_write, tl.load(back), input_precision="tf32x3")
        d_h += tl.dot(d_forget, tl.load(back + HEAD_DIM), input_precision="tf32x3")
        d_h += tl.dot(d_update, tl.load(back + 2 * HEAD_DIM), input_precision="tf32x3")
        d_h += tl.dot(d_output, tl.load(back + 3 * HEAD_DIM), input_precision="tf32x3")

        d_output = d_h * c * output * (1.0 - output)
        d_cell += d_h * output
        d_update = d_cell * written * (1.0 - update * update)
        lost = (d_normaliser - d_cell * written * (update - c_before)) * (1.0 - written)
        d_write = d_normaliser - lost
        d_forget = lost * tl.sigmoid(-forget)
        d_normaliser = lost
        d_cell *= 1.0 - written
        x = result + wide
        tl.store(x, d_write, mask=live)
        tl.store(x + HEAD_DIM, d_forget, mask=live)
        tl.store(x + 2 * HEAD_DIM, d_update, mask=live)
        tl.store(x + 3 * HEAD_DIM, d_output, mask=live)


_forward = triton.jit(_forward_kernel)
_backward = triton.jit(_backward_kernel)
