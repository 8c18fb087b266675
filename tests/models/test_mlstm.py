"""The mLSTM: three forms of one function, equal to each other and to the authors' code, steady under any gates."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgtool.models import mlstm
from ecgtool.models.mlstm import mlstm_chunkwise, mlstm_parallel, mlstm_recurrent

GOLDEN = Path(__file__).parent / "golden" / "mlstm.npz"
WORDS = ("query", "key", "value", "write", "forget")
FORMS = {
    "parallel": mlstm_parallel,
    "recurrent": mlstm_recurrent,
    "chunkwise": mlstm_chunkwise,
    "chunks of 5": partial(mlstm_chunkwise, chunk=5),
    "chunks of 1": partial(mlstm_chunkwise, chunk=1),
}


def case(steps=37, head_dim=8, dtype=torch.float64, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    random = partial(torch.randn, generator=generator, dtype=dtype)
    words = [random(2, 3, steps, head_dim) for _ in range(3)]
    gates = [scale * random(2, 3, steps), scale * random(2, 3, steps) + 2]
    return [word.requires_grad_() for word in (*words, *gates)]


def gradients(form, words):
    h = form(*words)
    weight = torch.linspace(-1, 1, h.numel(), dtype=h.dtype).reshape(h.shape)
    return torch.autograd.grad((h * weight).sum(), words)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "recurrent"])
@pytest.mark.parametrize("steps", [1, 5, 37, 130])
def test_every_form_equals_the_step_by_step_one_and_so_do_its_gradients(form, steps):
    words = case(steps=steps)
    torch.testing.assert_close(FORMS[form](*words), mlstm_recurrent(*words), rtol=0, atol=1e-9)
    ours, recurrent = gradients(FORMS[form], words), gradients(mlstm_recurrent, words)
    torch.testing.assert_close(ours, recurrent, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "recurrent"])
def test_in_single_precision_the_forms_agree_to_a_ten_thousandth(form):
    words = case(steps=250, head_dim=32, dtype=torch.float32, scale=0.5)
    torch.testing.assert_close(FORMS[form](*words), mlstm_recurrent(*words), rtol=0, atol=1e-4)
    ours, recurrent = gradients(FORMS[form], words), gradients(mlstm_recurrent, words)
    torch.testing.assert_close(ours, recurrent, rtol=1e-4, atol=1e-4)


def test_many_chunks_passed_one_by_one_equal_few_mixed_by_one_product(monkeypatch):
    words = case(steps=60)
    mixed, gradient = FORMS["chunks of 5"](*words), gradients(FORMS["chunks of 5"], words)
    monkeypatch.setattr(mlstm, "_FEW_CHUNKS", 3)
    torch.testing.assert_close(FORMS["chunks of 5"](*words), mixed, rtol=0, atol=1e-10)
    torch.testing.assert_close(gradients(FORMS["chunks of 5"], words), gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_the_gradients_agree_with_finite_differences(form):
    assert torch.autograd.gradcheck(FORMS[form], case(steps=6, head_dim=2), atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_same_inputs_give_the_same_outputs_and_gradients_as_the_authors_package(form):
    golden = {name: torch.from_numpy(values) for name, values in np.load(GOLDEN, allow_pickle=False).items()}
    words = [golden[name].requires_grad_() for name in WORDS]
    h = FORMS[form](*words)
    torch.testing.assert_close(h, golden["h"], rtol=0, atol=1e-5)
    for name, grad in zip(WORDS, torch.autograd.grad((h * golden["weight"]).sum(), words), strict=True):
        torch.testing.assert_close(grad, golden[f"grad_{name}"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", ["parallel", "chunkwise", "recurrent"])
@pytest.mark.parametrize(("write", "forget"), [(90.0, 90.0), (-90.0, 90.0), (90.0, -90.0), (-90.0, -90.0), (1e4, -1e4)])
def test_gates_held_open_or_shut_stay_finite(form, write, forget):
    query, key, value, i, f = case(steps=300, dtype=torch.float32)
    held = [query, key, value, (0 * i + write).detach().requires_grad_(), (0 * f + forget).detach().requires_grad_()]
    assert FORMS[form](*held).isfinite().all()
    assert all(grad.isfinite().all() for grad in gradients(FORMS[form], held))


@pytest.mark.parametrize("form", FORMS)
def test_a_query_of_zeros_finds_zeros_however_open_the_gates(form):
    query, key, value, i, f = case(steps=20, dtype=torch.float32)
    words = [(0 * query).detach().requires_grad_(), key, value, (i + 200).detach().requires_grad_(), f]
    assert not FORMS[form](*words).any()
    assert all(grad.isfinite().all() for grad in gradients(FORMS[form], words))


@pytest.mark.parametrize("form", FORMS)
def test_no_form_sees_the_future(form):
    words = case(steps=40)
    later = [word.detach().clone() for word in words]
    for word in later:
        word[:, :, 30:] += 1
    before, after = FORMS[form](*words), FORMS[form](*later)
    torch.testing.assert_close(before[:, :, :30], after[:, :, :30], rtol=0, atol=1e-12)
    assert not torch.allclose(before[:, :, 30:], after[:, :, 30:])


def test_the_chunkwise_form_needs_memory_in_proportion_to_length():
    from torch.utils.flop_counter import FlopCounterMode

    def operations(steps):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            mlstm_chunkwise(*case(steps=steps, dtype=torch.float32))
        return counter.get_total_flops()

    assert operations(16384) / operations(8192) == pytest.approx(2, rel=0.05)
