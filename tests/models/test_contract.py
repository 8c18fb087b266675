"""What every registered architecture promises; a name is tested the moment it stands in the table."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from ecgtool.config import read_yaml, resolve, to_yaml
from ecgtool.errors import ConfigError
from ecgtool.export.onnx import to_onnx
from ecgtool.export.served import Served
from ecgtool.export.torchscript import to_torchscript
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import Inputs, Normalised, assembled, build
from ecgtool.run import NormStats
from ecgtool.settings import Words
from ecgtool.task import Task

WORDS = {"signal", "mask", "tabular", "tokens", "other_signal"}
SMALL = {
    "ecgbert": {"width": 8, "layers": 1, "heads": 2, "points": 8, "channels": 4, "longest": 5, "segments": 1},
    "ecgbert-small": {"width": 8, "layers": 1, "heads": 2, "channels": 4, "longest": 5, "segments": 1},
    "xlstm": {"embedding_dim": 8, "slstm_hidden_size": 8, "mlstm_hidden_size": 8, "num_heads": 2},
    "xlstm-large": {
        "embedding_dim": 8,
        "slstm_hidden_size": 8,
        "mlstm_hidden_size": 8,
        "num_heads": 2,
        "num_blocks": 1,
    },
    "xresnet1d": {"width": 4},
    "xresnet1d50": {"width": 8, "growth": 1},
    "xresnet1d101": {"width": 8, "growth": 1},
}
"""Options that make a large architecture quick; a name that is not here is tested as it is."""
LEADS, SAMPLES, OUTPUTS, COLUMNS = 3, 96, 4, 2
SENTENCE = torch.tensor([[1, 0, 0, 0], [5, 0, 30, 0], [6, 30, 61, 0], [2, 0, 0, 0], [0, 0, 0, 0]])
"""One of two words, for architectures that read sentences; they are given the same one with every signal."""
VOCABULARY = Words(ids=8, longest=len(SENTENCE), vocabulary="sha256:0")


class WithWords(torch.nn.Module):
    """A network that reads sentences, as one of signals alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, signal, **words):
        return self.network(signal, **{**words, "tokens": SENTENCE.expand(signal.shape[0], -1, -1)})


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small are quicker on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


every_architecture = pytest.mark.parametrize("arch", ARCHITECTURES)
of_items = pytest.mark.parametrize("arch", [name for name in ARCHITECTURES if not ARCHITECTURES.load(name).per_sample])
"""Those that say something of whole items; crops and single logits are for them."""


def make(arch, *, leads=LEADS, samples=SAMPLES, columns=COLUMNS, outputs=OUTPUTS):
    torch.manual_seed(0)
    return worded(
        arch, build(arch, SMALL.get(arch, {}), Inputs(leads, samples, 100.0, columns, VOCABULARY), outputs)
    ).eval()


def of_shape(arch, batch, outputs, samples):
    """The shape of its logits."""
    per_sample = ARCHITECTURES.load(arch).per_sample
    return (batch, outputs, samples) if per_sample else (batch, outputs)


def worded(arch, network):
    return WithWords(network) if "tokens" in ARCHITECTURES.load(arch).reads else network


def example(batch=4, leads=LEADS, samples=SAMPLES, columns=COLUMNS):
    random = torch.Generator().manual_seed(1)
    return torch.randn(batch, leads, samples, generator=random), torch.randn(batch, columns, generator=random)


@every_architecture
def test_its_description_is_complete(arch):
    spec = ARCHITECTURES.load(arch)
    assert spec.name == arch
    assert spec.summary
    assert "signal" in spec.reads
    assert set(spec.reads) <= WORDS


@every_architecture
def test_it_builds_with_its_default_options_and_gives_logits(arch):
    torch.manual_seed(0)
    network = worded(arch, build(arch, {}, Inputs(12, 200, 100.0, 2, VOCABULARY), 5)).eval()
    signal, tabular = example(1, 12, 200)
    with torch.inference_mode():
        logits = network(signal, tabular=tabular)
    assert logits.shape == of_shape(arch, 1, 5, 200)
    assert logits.isfinite().all()


@every_architecture
def test_its_options_round_trip_through_yaml(arch, tmp_path):
    spec = ARCHITECTURES.load(arch)
    options = spec.options(SMALL.get(arch, {}))
    (tmp_path / "config.yaml").write_text(to_yaml(resolve([{"arch": arch, "model": options.model_dump()}])))
    assert spec.options(resolve([read_yaml(tmp_path / "config.yaml")]).model) == options


@every_architecture
def test_an_unknown_option_is_refused_with_the_nearest_known_one(arch):
    spec = ARCHITECTURES.load(arch)
    known = next(iter(spec.Config.model_fields))
    with pytest.raises(ConfigError, match=rf"model\.{known}x") as caught:
        spec.options({f"{known}x": 1})
    assert known in caught.value.hint


@every_architecture
def test_every_option_is_described(arch):
    fields = ARCHITECTURES.load(arch).Config.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


@every_architecture
def test_gradients_reach_every_parameter(arch):
    network = make(arch)
    with torch.no_grad():  # away from branches that start at zero
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    signal, tabular = example(16)
    network(signal, tabular=tabular).square().sum().backward()
    missed = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert missed == []


@every_architecture
def test_eval_is_deterministic(arch):
    network = make(arch)
    signal, tabular = example()
    with torch.inference_mode():
        first, second = (network(signal, tabular=tabular) for _ in range(2))
    assert torch.equal(first, second)


@every_architecture
def test_an_items_result_does_not_depend_on_its_neighbours(arch):
    network = make(arch)
    signal, tabular = example()
    with torch.inference_mode():
        together = network(signal, tabular=tabular)
        alone = torch.cat([network(signal[i : i + 1], tabular=tabular[i : i + 1]) for i in range(len(signal))])
        beside_a_storm = network(torch.cat([signal[:1], 1000 * signal[1:]]), tabular=tabular)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together[:1], beside_a_storm[:1], atol=1e-5, rtol=1e-5)


@every_architecture
def test_signal_and_tabular_values_both_count(arch):
    network = make(arch)
    signal, tabular = example()
    with torch.inference_mode():
        base = network(signal, tabular=tabular)
        assert not torch.allclose(base, network(signal.flip(0), tabular=tabular))
        if "tabular" in ARCHITECTURES.load(arch).reads:
            assert not torch.allclose(base, network(signal, tabular=tabular.flip(0)))


@every_architecture
def test_it_works_without_tabular_values(arch):
    signal, _ = example()
    with torch.inference_mode():
        assert make(arch, columns=0)(signal).shape == of_shape(arch, 4, OUTPUTS, SAMPLES)
        network = make(arch)
        unknown = network(signal, tabular=torch.zeros(4, COLUMNS))
        torch.testing.assert_close(network(signal), unknown)


@every_architecture
def test_words_it_has_no_use_for_are_ignored_and_a_full_mask_changes_nothing(arch):
    network = make(arch)
    signal, tabular = example()
    with torch.inference_mode():
        plain = network(signal, tabular=tabular)
        mask = torch.ones(len(signal), signal.shape[-1], dtype=torch.bool)
        wordy = network(signal, mask=mask, tabular=tabular, tokens=None, other_signal=None)
    torch.testing.assert_close(plain, wordy)


@every_architecture
@pytest.mark.parametrize(("leads", "samples", "outputs"), [(1, 250, 1), (2, 61, 7), (12, 129, 2)])
def test_it_takes_any_number_of_leads_samples_and_outputs(arch, leads, samples, outputs):
    network = make(arch, leads=leads, samples=samples, outputs=outputs)
    signal, tabular = example(2, leads, samples)
    with torch.inference_mode():
        logits = network(signal, tabular=tabular)
    assert logits.shape == of_shape(arch, 2, outputs, samples)
    assert logits.isfinite().all()


STATS = NormStats(
    leads=("I", "II", "V1"),
    mean_mv=(0.01, -0.02, 0.0),
    std_mv=(0.2, 0.3, 0.4),
    tabular=("age", "sex"),
    tabular_mean=(60.0, 0.5),
    tabular_std=(17.0, 0.5),
)


def normalised(arch):
    return Normalised(make(arch), STATS)


def on_crops_with_one_logit(arch):
    """The architecture with both wrappers: crops of half an item, and a single logit of two labels."""
    torch.manual_seed(0)
    training = {"crop_s": SAMPLES / 2 / 100, "crops": 3, "loss": "bce"}
    config = resolve([{"arch": arch, "model": SMALL.get(arch, {}), "training": training}])
    made = assembled(config, BINARY, Inputs(LEADS, SAMPLES, 100.0, COLUMNS, VOCABULARY), STATS)
    made.network = worded(arch, made.network)
    return made.eval()


@every_architecture
def test_unknown_tabular_values_count_as_the_mean(arch):
    model = normalised(arch).eval()
    signal, _ = example(2)
    with torch.inference_mode():
        unknown = model(signal, torch.full((2, 2), torch.nan))
        mean = model(signal, torch.tensor([[60.0, 0.5]]).expand(2, 2))
    torch.testing.assert_close(unknown, mean)


@of_items
def test_on_crops_with_one_logit_an_items_result_does_not_depend_on_its_neighbours(arch):
    model = on_crops_with_one_logit(arch)
    signal, tabular = example()
    with torch.inference_mode():
        together = model(signal, tabular)
        alone = torch.cat([model(signal[i : i + 1], tabular[i : i + 1]) for i in range(len(signal))])
    assert together.shape == (4, 2)
    assert not together[:, 0].any()
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@of_items
def test_on_crops_gradients_reach_the_network(arch):
    model = on_crops_with_one_logit(arch).train()
    signal, tabular = example(16)
    model(signal, tabular).square().sum().backward()
    assert any(value.grad is not None and value.grad.any() for value in model.parameters())


MULTILABEL = Task(name="toy", kind="multilabel", labels=("A", "B", "C", "D"))
BINARY = Task(name="toy", kind="multiclass", labels=("no", "yes"))


@every_architecture
@pytest.mark.parametrize(("made", "task"), [(normalised, MULTILABEL), (on_crops_with_one_logit, BINARY)])
def test_the_exported_model_equals_it_at_any_batch(arch, made, task):
    served = Served(made(arch), task, SAMPLES, COLUMNS)
    session = onnxruntime.InferenceSession(to_onnx(served, {}))
    scripted = torch.jit.load(io.BytesIO(to_torchscript(served)))
    for batch in (1, 5):
        signal, _ = example(batch)
        metadata = torch.tensor([[71.0, torch.nan]]).repeat(batch, 1)
        with torch.inference_mode():
            expected = served(0.3 * signal, metadata).numpy()
            traced = scripted(0.3 * signal, metadata).numpy()
        given = {"signal": 0.3 * signal.numpy(), "metadata": metadata.numpy()}
        np.testing.assert_allclose(session.run(None, given)[0], expected, atol=1e-5)
        np.testing.assert_allclose(traced, expected, atol=1e-5)
