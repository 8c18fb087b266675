"""beat-cnn: what its waveform and its features may say."""

import pytest
import torch

from ecgtool.models.beat_cnn import BEAT_CNN, BeatCNNOptions
from ecgtool.models.contract import Inputs


def network(labels=5, columns=6, **options):
    torch.manual_seed(0)
    return BEAT_CNN.build(BeatCNNOptions(**options), Inputs(2, 90, 180.0, columns, None), labels).eval()


def other_waveforms(net):
    """Log probabilities of beats with the same features and other waveforms, [beats, labels] twice."""
    features = torch.randn(16, 6)
    return [net(torch.randn(16, 2, 90), features).log_softmax(dim=1) for _ in range(2)]


def test_labels_that_features_tell_keep_their_odds_whatever_the_waveform():
    first, second = other_waveforms(network(by_features=2))
    torch.testing.assert_close(first[:, 0] - first[:, 1], second[:, 0] - second[:, 1])
    assert (first[:, 2] - second[:, 2]).abs().max() > 1e-3
    assert (first[:, 0] - second[:, 0]).abs().max() > 1e-4


def test_otherwise_the_waveform_tells_everything():
    first, second = other_waveforms(network())
    assert ((first[:, 0] - first[:, 1]) - (second[:, 0] - second[:, 1])).abs().max() > 1e-3


@pytest.mark.parametrize(("labels", "columns"), [(2, 6), (1, 6), (5, 0)])
def test_where_nothing_is_left_to_the_waveform_or_no_features_are_there_it_changes_nothing(labels, columns):
    plain, asked = (network(labels, columns, by_features=number) for number in (0, 2))
    assert {name: value.shape for name, value in plain.state_dict().items()} == {
        name: value.shape for name, value in asked.state_dict().items()
    }
