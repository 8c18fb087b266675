"""Make ``slstm.npz`` and ``mlstm.npz`` with the authors' implementation of the cells, the ``xlstm`` package.

In an environment of its own::

    python -m venv peer && peer/bin/pip install torch==2.13.0 numpy xlstm==2.0.6
    peer/bin/python tests/models/golden/make_xlstm_golden.py

Inputs and weights are random and large enough for every gate to open and close; all is stored in our layout. The mLSTM
runs in double precision and without the small number that the package adds to the normaliser, which the paper has not.
"""

from pathlib import Path

import numpy as np
import torch
from xlstm.blocks.mlstm.backends import parallel_stabilized_simple
from xlstm.blocks.slstm.cell import sLSTMCell, sLSTMCellConfig

FOLDER = Path(__file__).parent
BATCH, STEPS, HEADS, HEAD_DIM = 2, 12, 2, 4


def slstm():
    config = sLSTMCellConfig(hidden_size=HEADS * HEAD_DIM, num_heads=HEADS, backend="vanilla", dtype="float32")
    cell = sLSTMCell(config)
    with torch.no_grad():
        cell._recurrent_kernel_.normal_()
        cell._bias_.normal_()
    gates = 2 * torch.randn(BATCH, STEPS, 4, HEADS, HEAD_DIM)
    gates.requires_grad_()
    hidden, _ = cell(gates.flatten(2))  # [batch, heads, steps, head_dim]
    weight = torch.randn_like(hidden)
    (grad,) = torch.autograd.grad((hidden * weight).sum(), gates)
    kernel = cell._recurrent_kernel_.detach()  # [heads, 4 * head_dim (to), head_dim (from)]
    bias = cell._bias_.detach().reshape(4, HEADS, HEAD_DIM)
    ours = (gates.detach() + bias).permute(1, 3, 0, 2, 4).flatten(3)  # [steps, heads, batch, 4 * head_dim]
    return {
        "gates": ours,
        "recurrent": kernel.transpose(1, 2),
        "hidden": hidden.detach().permute(2, 1, 0, 3),
        "weight": weight.permute(2, 1, 0, 3),
        "grad_gates": grad.permute(1, 3, 0, 2, 4).flatten(3),
    }


def mlstm():
    words = {name: torch.randn(BATCH, HEADS, STEPS, HEAD_DIM) for name in ("query", "key", "value")}
    words |= {"write": torch.randn(BATCH, HEADS, STEPS), "forget": 2 + torch.randn(BATCH, HEADS, STEPS)}
    words = {name: word.double().requires_grad_() for name, word in words.items()}
    query, key, value, write, forget = words.values()
    h = parallel_stabilized_simple(query, key, value, write.unsqueeze(-1), forget.unsqueeze(-1), eps=0)
    weight = torch.randn_like(h)
    grads = torch.autograd.grad((h * weight).sum(), list(words.values()))
    gradients = {f"grad_{name}": grad for name, grad in zip(words, grads, strict=True)}
    return {**{k: v.detach() for k, v in words.items()}, "h": h.detach(), "weight": weight, **gradients}


if __name__ == "__main__":
    torch.manual_seed(0)
    for name, make in (("slstm", slstm), ("mlstm", mlstm)):
        np.savez_compressed(FOLDER / f"{name}.npz", **{k: v.contiguous().float().numpy() for k, v in make().items()})
