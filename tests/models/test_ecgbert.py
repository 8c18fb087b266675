"""The language model of sentences: what it looks at, and what it must not."""

import pytest
import torch

from ecgtool.errors import ConfigError
from ecgtool.models.contract import Inputs, build
from ecgtool.models.ecgbert import around
from ecgtool.models.transformer import FARTHEST, Attention
from ecgtool.models.waveform import spans
from ecgtool.settings import Words

TINY = {"width": 16, "layers": 2, "heads": 2, "points": 8, "channels": 4, "longest": 32, "head_width": 8}
PAD, CLS, SEP, MASK, FIRST = 0, 1, 2, 3, 4
SAMPLES, PLACES, IDS = 200, 12, 20


def network(*, each=True, columns=0, outputs=5, leads=1, **options):
    torch.manual_seed(0)
    words = Words(ids=IDS, longest=PLACES, vocabulary="sha256:0")
    inputs = Inputs(leads, SAMPLES, 100.0, columns, words, each)
    return build("ecgbert", {**TINY, **options}, inputs, outputs).eval()


def sentence(names, *, length=10, lead=0):
    """Words of that many samples one after another between CLS and SEP, filled up with PAD."""
    rows = [(CLS, 0, 0, lead)]
    rows += [(name, index * length, (index + 1) * length, lead) for index, name in enumerate(names)]
    rows += [(SEP, 0, 0, lead)]
    rows += [(PAD, 0, 0, 0)] * (PLACES - len(rows))
    return torch.tensor(rows)


def signals(batch=1, leads=1):
    return torch.randn(batch, leads, SAMPLES, generator=torch.Generator().manual_seed(1))


SENTENCES = torch.stack([sentence([5, 6, 7, 8, 9, 10]), sentence([11, 4, 12], lead=1), sentence([])])


def test_the_samples_of_a_word_are_interpolated_from_its_first_to_its_last():
    ramp = torch.arange(200.0).reshape(1, 1, 200)
    cut = spans(ramp, torch.tensor([[10, 0]]), torch.tensor([[20, 2]]), 4)
    torch.testing.assert_close(cut[0, 0, 0], torch.tensor([10.0, 13.0, 16.0, 19.0]))
    torch.testing.assert_close(cut[0, 1, 0], torch.tensor([0.0, 1 / 3, 2 / 3, 1.0]))


def test_a_word_that_reaches_beyond_the_window_is_cut_at_its_edge():
    ramp = torch.arange(8.0).reshape(1, 1, 8)
    cut = spans(ramp, torch.tensor([[-4, 6]]), torch.tensor([[1, 12]]), 4)
    assert cut[0, 0, 0].tolist() == [0, 0, 0, 0]
    assert cut[0, 1, 0].max() == 7


def test_every_word_has_logits_and_a_sentence_has_them_by_its_first():
    signal = signals(3)
    with torch.inference_mode():
        assert network()(signal, tokens=SENTENCES).shape == (3, 5, PLACES)
        assert network(each=False)(signal, tokens=SENTENCES).shape == (3, 5)


@pytest.mark.parametrize("each", [True, False])
def test_a_sentence_means_the_same_beside_any_other_and_with_any_padding(each):
    model, signal = network(each=each), signals(3)
    longer = torch.cat([SENTENCES, torch.zeros(3, 5, 4, dtype=torch.int64)], dim=1)
    with torch.inference_mode():
        together = model(signal, tokens=SENTENCES)
        alone = torch.cat([model(signal[k : k + 1], tokens=SENTENCES[k : k + 1]) for k in range(3)])
        padded = model(signal, tokens=longer)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together, padded[..., :PLACES] if each else padded, atol=1e-5, rtol=1e-5)


def test_a_word_that_is_told_its_neighbours_means_the_same_with_any_padding():
    model, signal = network(around=2), signals(3)
    longer = torch.cat([SENTENCES, torch.zeros(3, 5, 4, dtype=torch.int64)], dim=1)
    with torch.inference_mode():
        short, long = model(signal, tokens=SENTENCES), model(signal, tokens=longer)[..., :PLACES]
    real = (SENTENCES[..., 0] != PAD).unsqueeze(1).expand_as(short)
    torch.testing.assert_close(short[real], long[real], atol=1e-5, rtol=1e-5)


def test_the_words_around_one_are_averaged_without_padding():
    hidden = torch.tensor([[1.0, 2.0, 6.0, 100.0]]).unsqueeze(-1)
    real = torch.tensor([[True, True, True, False]])
    assert around(hidden, real, 1)[0, :3, 0].tolist() == [1.5, 3.0, 4.0]


def test_what_is_learnt_from_does_not_depend_on_whether_hidden_words_are_embedded():
    model, signal = network(dropout=0.0), signals(3)
    masked = SENTENCES.clone()
    masked[0, 3, 0] = MASK
    with torch.inference_mode():
        torch.testing.assert_close(model.train()(signal, tokens=masked), model.eval()(signal, tokens=masked))


def test_words_that_are_judged_alone_are_judged_by_features():
    model, signal = network(columns=3, alone=0.999999).train(), signals(1)
    tabular = torch.randn(1, PLACES, 3)
    model.head.eval()
    seen = model(signal, tabular=tabular, tokens=SENTENCES[:1])
    model.head.training = True
    blind = model(signal, tabular=tabular, tokens=SENTENCES[:1])
    assert not torch.allclose(seen, blind)
    torch.testing.assert_close(blind, model(-signal, tabular=tabular, tokens=SENTENCES[:1]))
    model.eval()
    assert not torch.equal(*(model(given, tabular=tabular, tokens=SENTENCES[:1]) for given in (signal, -signal)))


def test_padding_is_not_looked_at():
    model, signal = network(), signals(1)
    strange = SENTENCES[:1].clone()
    strange[:, 8:, 1:] = torch.tensor([3, 90, 2])
    with torch.inference_mode():
        first, second = (model(signal, tokens=tokens)[..., :8] for tokens in (SENTENCES[:1], strange))
    torch.testing.assert_close(first, second)


def test_a_masked_word_is_blank_its_samples_and_its_length_are_not_looked_at():
    model, signal = network(), signals(1)
    masked = SENTENCES[:1].clone()
    masked[0, 3, 0] = MASK
    moved, shouted = masked.clone(), signal.clone()
    moved[0, 3, 1:3] = torch.tensor([20, 27])
    shouted[..., 20:30] = 50
    with torch.inference_mode():
        plain = model(signal, tokens=masked)
        assert torch.equal(plain, model(shouted, tokens=masked))
        assert torch.equal(plain, model(signal, tokens=moved))
        assert not torch.allclose(plain, model(shouted, tokens=SENTENCES[:1]))


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_name_span_and_lead_of_a_word_all_count(column):
    model, signal = network(), signals(1)
    changed = SENTENCES[:1].clone()
    changed[0, 2, column] += 2
    with torch.inference_mode():
        assert not torch.allclose(model(signal, tokens=SENTENCES[:1]), model(signal, tokens=changed), atol=1e-4)


def test_the_order_of_words_counts():
    model, signal = network(), signals(1)
    swapped = SENTENCES[:1].clone()
    swapped[0, [2, 3]] = swapped[0, [3, 2]]
    with torch.inference_mode():
        one, other = (model(signal, tokens=tokens)[0, :, 5] for tokens in (SENTENCES[:1], swapped))
    assert not torch.allclose(one, other, atol=1e-5)


def test_features_of_a_word_count_for_that_word_alone():
    model, signal = network(columns=2), signals(1)
    features = torch.zeros(1, PLACES, 2)
    changed = features.clone()
    changed[0, 4] = 1
    with torch.inference_mode():
        plain, moved = (model(signal, tabular=values, tokens=SENTENCES[:1]) for values in (features, changed))
        torch.testing.assert_close(plain, model(signal, tokens=SENTENCES[:1]))
    differs = (plain != moved).any(dim=1)[0]
    assert differs.nonzero().flatten().tolist() == [4]


def test_gradients_reach_every_parameter():
    model = network(columns=1).train()
    tokens = SENTENCES.clone()
    tokens[1, 2, 0] = MASK
    logits = model(signals(3), tabular=torch.ones(3, PLACES, 1), tokens=tokens)
    logits.square().sum().backward()
    missed = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert missed == []


@pytest.mark.parametrize(("layers", "linear"), [(0, 1), (1, 2), (3, 4)])
def test_the_depth_and_width_of_the_head_are_options(layers, linear):
    head = network(head_layers=layers, head_width=7).head
    found = [part for part in head.modules() if isinstance(part, torch.nn.Linear)]
    assert len(found) == linear
    assert all(part.out_features == 7 for part in found[:-1])


def test_attention_agrees_with_its_definition():
    torch.manual_seed(0)
    attention, tokens = Attention(8, 2).eval(), torch.randn(1, 5, 8)
    real = torch.tensor([[True, True, True, False, True]])
    with torch.inference_mode():
        query, key, value = (
            part.reshape(5, 2, 4).transpose(0, 1) for part in attention.project(tokens[0]).chunk(3, -1)
        )
        place = torch.arange(5)
        far = attention.distance[:, place - place[:, None] + FARTHEST]
        scores = (query @ key.mT / 2 + far).masked_fill(~real, -torch.inf).softmax(-1)
        expected = attention.out((scores @ value).transpose(0, 1).reshape(5, 8))
        found = attention(tokens, real[:, None, None, :])[0]
    torch.testing.assert_close(found, expected)


def test_the_published_size_is_the_default():
    words = Words(ids=74, longest=130, vocabulary="sha256:0")
    model = build("ecgbert", {}, Inputs(1, 3600, 360.0, 0, words, True), 70)
    assert len(model.encoder.blocks) == 12
    assert model.embedding.token.weight.shape == (74, 64)


def test_sentences_that_are_missing_or_too_long_are_refused():
    with pytest.raises(ConfigError, match="reads sentences") as caught:
        build("ecgbert", TINY, Inputs(1, SAMPLES, 100.0), 5)
    assert "ecg sentences" in caught.value.hint
    words = Words(ids=IDS, longest=99, vocabulary="sha256:0")
    with pytest.raises(ConfigError, match="up to 99 words"):
        build("ecgbert", TINY, Inputs(1, SAMPLES, 100.0, 0, words), 5)


@pytest.mark.parametrize("options", [{"width": 10, "heads": 4}, {"points": 10}])
def test_sizes_that_do_not_fit_together_are_refused(options):
    with pytest.raises(ConfigError, match="multiple"):
        network(**options)


def odds(net, features):
    """Log probabilities of the words of a sentence on two signals, the features being the same; [2, labels, words]."""
    with torch.inference_mode():
        said = [net(signals() * size, features, SENTENCES[:1]).log_softmax(dim=1) for size in (1, 3)]
    return torch.cat(said)


def test_labels_that_features_tell_keep_their_odds_whatever_the_words():
    features = torch.randn(1, PLACES, 4)
    first, second = odds(network(columns=4, by_features=2), features)
    torch.testing.assert_close(first[0] - first[1], second[0] - second[1])
    assert (first[2] - second[2]).abs().max() > 1e-4
    assert (first[0] - second[0]).abs().max() > 1e-5
    torch.testing.assert_close(first.exp().sum(dim=0), torch.ones(PLACES))
    first, second = odds(network(columns=4), features)
    assert ((first[0] - first[1]) - (second[0] - second[1])).abs().max() > 1e-4


@pytest.mark.parametrize(("outputs", "columns"), [(2, 4), (1, 4), (5, 0)])
def test_where_nothing_is_left_to_the_words_or_no_features_are_there_the_network_is_the_plain_one(outputs, columns):
    plain, asked = (network(outputs=outputs, columns=columns, by_features=number) for number in (0, 2))
    assert {key: value.shape for key, value in plain.state_dict().items()} == {
        key: value.shape for key, value in asked.state_dict().items()
    }


def test_features_are_dropped_out_in_training_alone():
    net, features = network(columns=4, tabular_dropout=0.5, dropout=0.0), torch.randn(1, PLACES, 4)
    with torch.inference_mode():
        still = [net(signals(), features, SENTENCES[:1]) for _ in range(2)]
        net.train()
        moving = [net(signals(), features, SENTENCES[:1]) for _ in range(2)]
    torch.testing.assert_close(*still)
    assert (moving[0] - moving[1]).abs().max() > 1e-4
