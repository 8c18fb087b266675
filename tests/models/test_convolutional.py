"""What is particular to cnn1d and xresnet1d; what every architecture promises is tested in test_contract.py."""

from pathlib import Path

import pytest
import torch

from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, build
from ecgtool.models.xresnet1d import Residual, basic, bottleneck

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def parameters(arch, options=None):
    network = build(arch, options or {}, Inputs(12, 1000, 100.0, 2), 5)
    return sum(value.numel() for value in network.parameters())


def test_cnn1d_is_small():
    assert parameters("cnn1d") == 460_165


@pytest.mark.parametrize(("arch", "millions"), [("xresnet1d", 6.31), ("xresnet1d50", 18.51), ("xresnet1d101", 33.04)])
def test_xresnet1d_has_the_parameters_the_page_states(arch, millions):
    assert parameters(arch) / 1e6 == pytest.approx(millions, abs=0.01)


def test_a_thin_xresnet1d101_has_the_parameters_the_page_states():
    assert parameters("xresnet1d101", {"growth": 1}) / 1e6 == pytest.approx(1.81, abs=0.01)


def test_a_preset_is_the_same_network_as_its_depth_by_option():
    assert parameters("xresnet1d", {"depth": 50, "width": 8}) == parameters("xresnet1d50", {"width": 8})


@pytest.mark.parametrize("arch", ["xresnet1d", "xresnet1d50", "xresnet1d101"])
def test_xresnet1d_has_as_many_layers_as_it_is_called_after(arch):
    network = build(arch, {"width": 2, "growth": 1}, Inputs(1, 100, 100.0), 1)
    depth = ARCHITECTURES.load(arch).options({}).depth
    branches = [module.branch for module in network.stages]
    layers = sum(isinstance(layer, torch.nn.Conv1d) for branch in branches for layer in branch.modules())
    assert layers + 2 == depth  # the stem counts as one, the last linear layer as the other


@pytest.mark.parametrize("block", [basic, bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("samples", [1, 16, 17])
def test_a_block_starts_as_its_shortcut_and_keeps_in_step_with_it(block, stride, samples):
    torch.manual_seed(0)
    residual = block(8, 8, 2, stride).eval()
    assert isinstance(residual, Residual)
    features = torch.randn(2, 8, samples)
    with torch.inference_mode():
        made = residual(features)
        torch.testing.assert_close(made, residual.shortcut(features).relu())
    assert made.shape[-1] == -(-samples // stride)


@pytest.mark.parametrize("stages", [1, 2, 6])
def test_each_stage_of_cnn1d_halves_the_samples(stages):
    network = build("cnn1d", {"stages": stages, "width": 2}, Inputs(1, 640, 100.0), 1).eval()
    with torch.inference_mode():
        assert network.stages(torch.randn(1, 1, 640)).shape[-1] == 640 // 2**stages


@pytest.mark.parametrize("arch", ["cnn1d", "xresnet1d", "xresnet1d50"])
def test_a_single_beat_is_enough(arch):
    network = build(arch, {"width": 4}, Inputs(1, 40, 100.0), 5).eval()
    with torch.inference_mode():
        assert network(torch.randn(3, 1, 40)).isfinite().all()


@pytest.mark.parametrize("arch", ["cnn1d", "xresnet1d"])
def test_the_page_lists_every_option_and_its_default(arch):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for name, field in ARCHITECTURES.load(arch).Config.model_fields.items():
        assert any(row.startswith(f"| `{name}` | {field.default}") for row in rows), name
