"""RR features: what intervals alone say of a beat, and what each may know."""

import numpy as np
import pytest

from ecgtool.errors import ConfigError
from ecgtool.signals.rr import FEATURES, features

FS = 100.0


def peaks(*seconds):
    """R peaks so many seconds apart."""
    return np.cumsum(np.r_[0.5, seconds] * FS).round().astype(np.int64)


REGULAR = [0.8] * 12
EARLY = [*REGULAR, 0.5, 1.1, *REGULAR]
"""The beat after twelve regular ones comes early and is followed by a pause."""
AT = len(REGULAR) + 1


def test_intervals_before_and_after_are_in_seconds():
    made = features(peaks(0.8, 0.5, 1.1), FS, ("previous", "next"))
    assert np.allclose(made[1:3], [[0.8, 0.5], [0.5, 1.1]])
    assert np.isnan(made[0, 0])
    assert np.isnan(made[-1, 1])


def test_an_early_beat_is_compared_with_the_rhythm_before_it_not_with_itself():
    made = features(peaks(*EARLY), FS, ("local", "ratio", "next_ratio"))
    assert np.allclose(made[AT], [0.8, np.log(0.5 / 0.8), np.log(1.1 / 0.8)])


def test_one_early_beat_leaves_the_rhythm_regular_and_fibrillation_does_not():
    random = np.random.default_rng(0)
    early = features(peaks(*EARLY), FS, ("irregularity",))
    fibrillation = features(peaks(*random.uniform(0.4, 1.1, 40)), FS, ("irregularity",))
    assert early.max() < 0.02
    assert fibrillation[10:-10].min() > 0.1


def test_a_short_interval_stands_out_among_regular_ones_and_not_in_fibrillation():
    random = np.random.default_rng(0)
    names = ("over_shortest_10", "around_spread_10")
    early = features(peaks(*EARLY), FS, names)[AT]
    fibrillation = features(peaks(*random.uniform(0.4, 1.1, 200)), FS, names)
    assert np.allclose(early, [np.log(0.5 / 0.8), -np.log1p(-np.log(0.5 / 0.8) / 0.04)], atol=1e-5)
    short = fibrillation[fibrillation[:, 0] < 0]
    assert len(short) > 3
    assert np.all(short > early)


def test_the_context_of_a_beat_leaves_out_its_own_interval_and_the_pause():
    names = ("spread_10", "change_10", "steady_10", "rank_10")
    assert np.allclose(features(peaks(*EARLY), FS, names)[AT], [0, 0, 1, 0], atol=1e-6)


@pytest.mark.parametrize(("name", "share"), [("over_shortest_10", 0), ("over_quartile_10", 25)])
def test_quantiles_of_the_other_intervals_are_those_of_numpy(name, share):
    seconds = np.random.default_rng(2).integers(40, 110, 40) / FS
    others = np.r_[seconds[10:20], seconds[22:31]]
    made = features(peaks(*seconds), FS, (name,))[21, 0]
    assert made == pytest.approx(np.log(seconds[20] / np.percentile(others, share)), rel=1e-5)


@pytest.mark.parametrize("name", FEATURES)
def test_a_causal_feature_does_not_change_with_what_comes_later(name):
    random = np.random.default_rng(1)
    first, one, other = random.uniform(0.5, 1.1, (3, 30))
    made = [features(peaks(*first, *later), FS, (name,))[:31] for later in (one, other)]
    assert np.array_equal(*made, equal_nan=True) == FEATURES[name].causal


@pytest.mark.parametrize("beats", [0, 1, 2, 3])
def test_few_beats_have_features_that_are_not_known_rather_than_an_error(beats):
    made = features(peaks(*[0.8] * beats)[:beats], FS, tuple(FEATURES))
    assert made.shape == (beats, len(FEATURES))
    assert not np.isinf(made).any()


def test_two_marks_on_one_sample_have_no_interval():
    made = features(np.array([50, 130, 130, 210]), FS, tuple(FEATURES))
    assert not np.isinf(made).any()


def test_a_feature_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="RR feature 'ratios'") as caught:
        features(peaks(0.8), FS, ("ratios",))
    assert "ratio" in caught.value.hint
