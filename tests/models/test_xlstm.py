"""The parallel xLSTM: its options, its sizes, its inputs, and that it learns."""

import pytest
import torch

from ecgtool.errors import ConfigError
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, build
from ecgtool.models.xlstm_blocks import MLSTMBlock, SLSTMBlock

INPUTS = Inputs(leads=12, samples=1000, fs=100.0, tabular=2)
SMALL = {"embedding_dim": 16, "slstm_hidden_size": 16, "mlstm_hidden_size": 16, "num_heads": 2}


def small(inputs=INPUTS, outputs=5, **options):
    torch.manual_seed(0)
    return build("xlstm", {**SMALL, **options}, inputs, outputs).eval()


def test_the_options_have_the_published_defaults():
    options = ARCHITECTURES.load("xlstm").Config()
    published = {
        "embedding_dim": 128,
        "slstm_hidden_size": 256,
        "mlstm_hidden_size": 256,
        "num_heads": 4,
        "dropout": 0.3,
        "patch": 1,
        "bidirectional": False,
    }
    assert options.model_dump(include=set(published)) == published


@pytest.mark.parametrize(("arch", "least", "most"), [("xlstm", 4e5, 8e5), ("xlstm-large", 15e6, 20e6)])
def test_a_preset_has_the_size_it_promises(arch, least, most):
    with torch.device("meta"):
        model = build(arch, {}, INPUTS, 5)
    assert least <= sum(parameter.numel() for parameter in model.parameters()) <= most


@pytest.mark.parametrize(("leads", "samples", "patch"), [(12, 1000, 8), (1, 50, 1), (8, 333, 10), (3, 7, 7), (2, 5, 8)])
def test_any_number_of_leads_and_samples_goes_in(leads, samples, patch):
    model = small(Inputs(leads, samples, 100.0), outputs=3, patch=patch)
    assert model(torch.randn(2, leads, samples)).shape == (2, 3)
    assert model(torch.randn(2, leads, samples + 3)).shape == (2, 3)


def test_without_tabular_columns_there_is_nothing_to_embed():
    model = small(Inputs(12, 100, 100.0, tabular=0))
    assert not any("tabular" in name for name, _ in model.named_parameters())
    assert model(torch.randn(2, 12, 100)).shape == (2, 5)


def test_tabular_values_left_out_count_as_unknown():
    model, signal = small(patch=10), torch.randn(2, 12, 200)
    torch.testing.assert_close(model(signal), model(signal, tabular=torch.zeros(2, 2)))
    assert not torch.allclose(model(signal), model(signal, tabular=torch.ones(2, 2)))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_item_does_not_depend_on_its_batch_neighbours(bidirectional):
    model, signal, tabular = small(bidirectional=bidirectional), torch.randn(4, 12, 200), torch.randn(4, 2)
    alone = torch.cat([model(signal[i : i + 1], tabular=tabular[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(model(signal, tabular=tabular), alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"num_blocks": 3}, {"patch": 9}])
def test_gradients_reach_every_parameter(options):
    model = small(**options).train()
    model(torch.randn(4, 12, 150), tabular=torch.randn(4, 2)).square().sum().backward()
    still = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_padding_that_the_mask_names_is_neither_read_nor_pooled():
    model, signal = small(patch=4), torch.randn(2, 12, 200)
    mask = torch.zeros(2, 200, dtype=torch.bool)
    mask[:, :120] = True
    other = torch.where(mask.unsqueeze(1), signal, torch.full_like(signal, 9.0))
    torch.testing.assert_close(model(signal, mask=mask), model(other, mask=mask))
    torch.testing.assert_close(model(signal, mask=mask), model(signal[..., :120]), rtol=0, atol=1e-5)


def test_a_mask_that_keeps_everything_changes_nothing():
    model, signal = small(patch=7), torch.randn(2, 12, 100)
    torch.testing.assert_close(model(signal, mask=torch.ones(2, 100, dtype=torch.bool)), model(signal))


@pytest.mark.parametrize("block", [SLSTMBlock, MLSTMBlock])
def test_one_direction_reads_only_the_past_and_two_read_all(block):
    x = torch.randn(1, 90, 8)
    later = x.clone()
    later[:, 80:] = torch.randn(1, 10, 8)
    one, two = block(8, 8, 2, 0.0).eval(), block(8, 8, 2, 0.0, directions=2).eval()
    torch.testing.assert_close(one(x)[:, :80], one(later)[:, :80], rtol=0, atol=1e-6)
    assert (two(x) - two(later))[:, 79].abs().max() > 1e-6


@pytest.mark.parametrize("block", [SLSTMBlock, MLSTMBlock])
def test_the_second_direction_reads_as_the_first_does_in_a_mirror(block):
    torch.manual_seed(0)
    twin = block(8, 8, 2, 0.0, directions=2).eval()
    twin.load_state_dict({name: mirrored(name, weight) for name, weight in paired(twin.state_dict()).items()})
    x = torch.randn(1, 20, 8)
    torch.testing.assert_close(twin(x), twin(x.flip(1)).flip(1), rtol=0, atol=1e-5)


def paired(state):
    """Where the directions have modules of their own, the second one's weights are the first one's, kernels turned."""
    twins = {name: state[name.replace(".1.", ".0.")] for name in state}
    return {name: x.flip(-1) if ".1." in name and x.dim() == 4 else x for name, x in twins.items()}


def mirrored(name, weight):
    """Where they share a parameter, its second half is the first."""
    if name.startswith(("recurrent", "bias", "query", "key", "gates", "cell_norm", "skip", "wh", "forget")):
        return torch.cat([weight[: len(weight) // 2]] * 2)
    if name == "out.weight":
        return torch.cat([weight[:, : weight.shape[1] // 2]] * 2, dim=1)
    return weight


def test_widths_that_the_heads_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match="mlstm_hidden_size must be a multiple of num_heads"):
        build("xlstm", {"mlstm_hidden_size": 250}, INPUTS, 5)


def test_a_small_one_learns_to_tell_where_in_time_a_wave_is():
    """Early against late: what pooling alone cannot see."""
    torch.manual_seed(0)
    late = torch.arange(32) % 2
    signal = 0.1 * torch.randn(32, 2, 80)
    for item, label in enumerate(late):
        signal[item, :, 20 + 40 * label : 24 + 40 * label] += 2
    model = build("xlstm", {**SMALL, "patch": 4, "num_blocks": 1, "dropout": 0.0}, Inputs(2, 80, 100.0), 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(signal).squeeze(1), late.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((model.eval()(signal).squeeze(1) > 0) == late.bool()).all()
