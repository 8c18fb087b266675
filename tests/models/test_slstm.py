"""The sLSTM scan: equal to the paper's form and to the authors' code, differentiated right, steady under any gates."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgtool.models.slstm import slstm_reference, slstm_scan, slstm_scan_backward

GOLDEN = Path(__file__).parent / "golden" / "slstm.npz"


def case(steps=9, heads=2, batch=3, head_dim=4, scale=2.0, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    gates = scale * torch.randn(steps, heads, batch, 4 * head_dim, generator=generator, dtype=dtype)
    recurrent = torch.randn(heads, head_dim, 4 * head_dim, generator=generator, dtype=dtype) / head_dim**0.5
    return gates.requires_grad_(), recurrent.requires_grad_()


def gradients(scan, gates, recurrent):
    hidden = scan(gates, recurrent)
    weight = torch.linspace(-1, 1, hidden.numel(), dtype=hidden.dtype, device=hidden.device).reshape(hidden.shape)
    return torch.autograd.grad((hidden * weight).sum(), (gates, recurrent))


def fused(gates, recurrent):
    return slstm_scan(gates, recurrent)[0]


@pytest.mark.parametrize("steps", [1, 2, 31, 32, 33, 100])
def test_the_scan_equals_the_papers_form_and_so_do_its_gradients(steps):
    gates, recurrent = case(steps=steps)
    torch.testing.assert_close(fused(gates, recurrent), slstm_reference(gates, recurrent), rtol=0, atol=1e-12)
    ours, papers = gradients(fused, gates, recurrent), gradients(slstm_reference, gates, recurrent)
    torch.testing.assert_close(ours, papers, rtol=0, atol=1e-10)


def test_the_hand_written_backward_agrees_with_finite_differences():
    assert torch.autograd.gradcheck(fused, case(steps=5, heads=2, batch=2, head_dim=2))


def test_the_operator_keeps_the_promises_that_export_and_compile_rely_on():
    gates, recurrent = case(steps=4, dtype=torch.float32)
    torch.library.opcheck(slstm_scan, (gates, recurrent))
    states = [x.detach() for x in slstm_scan(gates, recurrent)]
    inputs = (torch.ones_like(states[0]), recurrent.detach(), *states)
    torch.library.opcheck(slstm_scan_backward, inputs)


def test_same_weights_give_the_same_outputs_and_gradients_as_the_authors_package():
    golden = {name: torch.from_numpy(values) for name, values in np.load(GOLDEN, allow_pickle=False).items()}
    gates = golden["gates"].requires_grad_()
    hidden = fused(gates, golden["recurrent"])
    torch.testing.assert_close(hidden, golden["hidden"], rtol=0, atol=1e-5)
    (grad,) = torch.autograd.grad((hidden * golden["weight"]).sum(), gates)
    torch.testing.assert_close(grad, golden["grad_gates"], rtol=0, atol=1e-5)


def test_a_single_precision_scan_of_a_long_sequence_stays_with_double_precision():
    gates, recurrent = case(steps=3000, heads=1, batch=1, scale=1.0)
    single = fused(gates.float(), recurrent.float())
    torch.testing.assert_close(single.double(), fused(gates, recurrent), rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", [30.0, 1e3, 1e6])
def test_extreme_gates_overflow_nothing_forward_or_backward(scale):
    gates, recurrent = case(steps=400, scale=scale, dtype=torch.float32)
    assert fused(gates, recurrent).abs().max() <= 1
    assert all(grad.isfinite().all() for grad in gradients(fused, gates, recurrent))


@pytest.mark.parametrize(("write", "forget"), [(80.0, 80.0), (-80.0, 80.0), (80.0, -80.0), (-80.0, -80.0)])
def test_gates_held_open_or_shut_for_thousands_of_steps_stay_finite(write, forget):
    gates, recurrent = case(steps=4000, heads=1, batch=1, head_dim=2, scale=0.1, dtype=torch.float32)
    held = gates.detach().clone()
    held[..., :2], held[..., 2:4] = write, forget
    held.requires_grad_()
    assert fused(held, recurrent).isfinite().all()
    assert all(grad.isfinite().all() for grad in gradients(fused, held, recurrent))


def test_heads_do_not_see_each_other():
    gates, recurrent = case(heads=2)
    changed = gates.detach().clone()
    changed[:, 1] += 1
    before, after = fused(gates, recurrent), fused(changed, recurrent)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_under_autocast_the_recurrence_stays_in_single_precision():
    gates, recurrent = case(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = fused(gates.bfloat16(), recurrent)
    assert hidden.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("batch", "head_dim"), [(5, 16), (33, 64), (16, 128), (4, 24)])
def test_on_cuda_the_kernels_give_what_the_plain_form_gives(batch, head_dim):
    gates, recurrent = case(steps=70, heads=3, batch=batch, head_dim=head_dim, dtype=torch.float32)
    there = (gates.detach().cuda().requires_grad_(), recurrent.detach().cuda().requires_grad_())
    torch.testing.assert_close(fused(*there).cpu(), fused(gates, recurrent), rtol=0, atol=1e-4)
    for ours, plain in zip(gradients(fused, *there), gradients(fused, gates, recurrent), strict=True):
        torch.testing.assert_close(ours.cpu(), plain, rtol=1e-3, atol=1e-3)


INTERPRETED = """
import torch
from ecgtool.models import slstm, slstm_triton
torch.manual_seed(0)
for steps, heads, batch, head_dim in ((4, 2, 3, 16), (3, 1, 18, 32)):
    gates = 2 * torch.randn(steps, heads, batch, 4 * head_dim)
    recurrent = torch.randn(heads, head_dim, 4 * head_dim) / head_dim**0.5
    plain, fused = slstm.slstm_scan(gates, recurrent), slstm_triton.forward(gates, recurrent)
    torch.testing.assert_close(fused, plain, rtol=0, atol=1e-5)
    inputs = (torch.randn_like(plain[0]), recurrent, *plain)
    torch.testing.assert_close(slstm_triton.backward(*inputs), slstm.slstm_scan_backward(*inputs), rtol=0, atol=1e-4)
print("equal")
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_interpreted_on_the_cpu_the_kernels_give_what_the_plain_form_gives():
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", INTERPRETED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "equal", done.stderr
