"""mLSTM: a matrix memory with exponential gates, in three forms that compute the same function.

Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", section 2.3. With ``f_t = sigmoid(forget_t)``, keys scaled
by ``1 / sqrt(head_dim)`` and ``exp(input_t)`` as the input gate::

    C_t = f_t C_{t-1} + exp(input_t) k_t v_t'       n_t = f_t n_{t-1} + exp(input_t) k_t
    h_t = C_t' q_t / max(|n_t' q_t|, 1)

Every form works with ``C_t exp(-m_t)`` and ``n_t exp(-m_t)``, where the stabiliser ``m_t`` is the largest logarithm of
a weight so far, and not below 0: then nothing overflows, and what underflows is smaller than the 1 it is compared
with. ``h`` does not depend on ``m``, so no gradient goes through it.

All take ``query``, ``key``, ``value`` [batch, heads, steps, head_dim] and the gates' pre-activations ``write`` (input)
and ``forget`` [batch, heads, steps], and return ``h`` [batch, heads, steps, head_dim].

- :func:`mlstm_parallel` compares every step with every other: fewest operations, but quadratic in length.
- :func:`mlstm_chunkwise` is parallel within chunks and passes the memory from chunk to chunk: linear in length.
- :func:`mlstm_recurrent` goes step by step with a memory of constant size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 32
"""Steps of a chunk: half the usual ``head_dim``, where the work within chunks and between them balances."""

_FEW_CHUNKS = 128
"""Up to so many chunks, their memories are mixed by one product; beyond, one after another, to stay linear."""

_NEVER = -1e30
"""Logarithm of the weight of a memory that holds nothing; finite, so that no inf - inf arises."""

_LEAST = 1e-6
"""Least normaliser beside the largest weight: a query that meets nothing finds 0, and its gradient stays finite."""


def mlstm_parallel(query: Tensor, key: Tensor, value: Tensor, write: Tensor, forget: Tensor) -> Tensor:
    """All steps at once (shapes in the module's description)."""
    weight = _log_weights(functional.logsigmoid(forget), write)  # [batch, heads, steps, steps]
    m = weight.detach().amax(-1, keepdim=True).clamp(min=0)  # [batch, heads, steps, 1]
    score = _scaled(query) @ key.mT * (weight - m).exp()  # [batch, heads, steps, steps]
    return _normalised(score @ value, score.sum(-1, keepdim=True), m)


def mlstm_recurrent(query: Tensor, key: Tensor, value: Tensor, write: Tensor, forget: Tensor) -> Tensor:
    """One step after another (shapes in the module's description)."""
    batch, heads, steps, head_dim = query.shape
    query, log_forget = _scaled(query), functional.logsigmoid(forget)
    memory = query.new_zeros(batch, heads, head_dim, head_dim + 1)  # the matrix C, and n as its last column
    padded = torch.cat([value, torch.ones_like(value[..., :1])], dim=-1)  # [batch, heads, steps, head_dim + 1]
    m = query.new_zeros(batch, heads, 1, 1)
    outputs = []
    for t in range(steps):
        keep, new = log_forget[:, :, t, None, None] + m, write[:, :, t, None, None]  # [batch, heads, 1, 1]
        m = torch.maximum(keep, new).detach().clamp(min=0)
        memory = (keep - m).exp() * memory + (new - m).exp() * key[:, :, t, :, None] * padded[:, :, t, None, :]
        out = query[:, :, t, None, :] @ memory  # [batch, heads, 1, head_dim + 1]
        outputs.append(_normalised(out[..., :-1], out[..., -1:], m))
    return torch.cat(outputs, dim=2)


def mlstm_chunkwise(
    query: Tensor, key: Tensor, value: Tensor, write: Tensor, forget: Tensor, chunk: int = CHUNK
) -> Tensor:
    """Chunk by chunk (shapes in the module's description), ``chunk`` steps each; the last may be shorter."""
    batch, heads, steps, head_dim = query.shape
    if steps <= chunk:
        return mlstm_parallel(query, key, value, write, forget)
    missing = -steps % chunk
    query, key, value = (_split(functional.pad(x, (0, 0, 0, missing)), chunk) for x in (_scaled(query), key, value))
    write = _split(functional.pad(write, (0, missing), value=_NEVER), chunk)  # [batch, heads, chunks, chunk]
    log_forget = _split(functional.pad(functional.logsigmoid(forget), (0, missing)), chunk)
    since = log_forget.cumsum(-1)  # decay from a chunk's start to each of its steps

    memory, total, level = _memories(key, value, write, since)  # what each chunk finds, scaled by exp(-level)
    inside = _log_weights(log_forget, write)  # [batch, heads, chunks, chunk, chunk]
    before = since.unsqueeze(-1) + level  # [batch, heads, chunks, chunk, 1]
    m = torch.maximum(inside.detach().amax(-1, keepdim=True), before.detach()).clamp(min=0)
    score = query @ key.mT * (inside - m).exp()  # [batch, heads, chunks, chunk, chunk]
    asked = query * (before - m).exp()  # [batch, heads, chunks, chunk, head_dim]
    h = _normalised(score @ value + asked @ memory, score.sum(-1, keepdim=True) + asked @ total, m)
    return h.reshape(batch, heads, steps + missing, head_dim)[:, :, :steps]


def _memories(key: Tensor, value: Tensor, write: Tensor, since: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The memory each chunk starts from.

    Returns:
        C [batch, heads, chunks, head_dim, head_dim] and n [batch, heads, chunks, head_dim, 1], scaled by
        ``exp(-level)``, and ``level`` [batch, heads, chunks, 1, 1].
    """
    decay = since[..., -1:]  # [batch, heads, chunks, 1]: over a whole chunk
    weight = decay - since + write  # [batch, heads, chunks, chunk]
    peak = weight.detach().amax(-1, keepdim=True)  # [batch, heads, chunks, 1]
    kept = key * (weight - peak).exp().unsqueeze(-1)  # [batch, heads, chunks, chunk, head_dim]
    few = key.shape[2] <= _FEW_CHUNKS or torch.compiler.is_exporting()  # an unrolled loop would grow with length
    mix = _mix_all if few else _mix_one_by_one
    return mix(kept.mT @ value, kept.sum(-2).unsqueeze(-1), decay, peak)


def _mix_all(added: Tensor, total: Tensor, decay: Tensor, peak: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the chunks add, scaled by ``exp(-peak)``, to what each finds: by one product over all chunks."""
    mix = _log_weights(decay.squeeze(-1), peak.squeeze(-1))  # [batch, heads, chunks, chunks], after each chunk
    mix = functional.pad(mix[..., :-1, :], (0, 0, 1, 0), value=float("-inf"))  # before each chunk
    level = mix.detach().amax(-1, keepdim=True).clamp(min=_NEVER)  # [batch, heads, chunks, 1]
    mix = (mix - level).exp()
    memory = (mix @ added.flatten(-2)).reshape(added.shape)
    return memory, (mix @ total.flatten(-2)).unsqueeze(-1), level.unsqueeze(-1)


def _mix_one_by_one(added: Tensor, total: Tensor, decay: Tensor, peak: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`_mix_all`, by a loop over the chunks."""
    memory, n = torch.zeros_like(added[:, :, 0]), torch.zeros_like(total[:, :, 0])
    level = torch.full_like(peak[:, :, :1], _NEVER)
    found = []
    for chunk in range(added.shape[2]):
        found.append((memory, n, level))
        kept, new = decay[:, :, chunk, None] + level, peak[:, :, chunk, None]  # [batch, heads, 1, 1]
        level = torch.maximum(kept, new).detach()
        keep, write = (kept - level).exp(), (new - level).exp()
        memory = keep * memory + write * added[:, :, chunk]
        n = keep * n + write * total[:, :, chunk]
    memories, totals, levels = (torch.stack(states, dim=2) for states in zip(*found, strict=True))
    return memories, totals, levels


def _log_weights(log_forget: Tensor, write: Tensor) -> Tensor:
    """[..., steps, steps]: logarithm of what step ``s`` (last axis) weighs at step ``t``; -inf in the future."""
    decay = log_forget.cumsum(-1)
    weight = decay.unsqueeze(-1) + (write - decay).unsqueeze(-2)
    steps = torch.arange(write.shape[-1], device=write.device)
    return weight.masked_fill(steps > steps.unsqueeze(-1), float("-inf"))


def _normalised(out: Tensor, total: Tensor, m: Tensor) -> Tensor:
    return out / torch.maximum(total.abs(), (-m).exp().clamp(min=_LEAST))


def _scaled(query: Tensor) -> Tensor:
    return query / query.shape[-1] ** 0.5


def _split(x: Tensor, chunk: int) -> Tensor:
    """[batch, heads, steps, ...] -> [batch, heads, chunks, chunk, ...]."""
    return x.reshape(*x.shape[:2], -1, chunk, *x.shape[3:])
