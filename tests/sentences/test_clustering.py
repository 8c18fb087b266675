"""Clustering: the same seed gives the same words, and every method finds what there is to find."""

import numpy as np
import pytest

from ecgtool.sentences.clustering import METHODS
from ecgtool.sentences.warping import softly_warped


def bumps(number, seed=0):
    """Waves of three kinds, upwards, downwards and both, each shifted and scaled a little; and which kind each is."""
    rng = np.random.default_rng(seed)
    time, kind = np.linspace(0, 1, 32), np.arange(number) % 3
    at = 0.5 + rng.normal(0, 0.02, number)[:, None]
    up = np.exp(-(((time - at) / 0.12) ** 2))
    swing = np.exp(-(((time - at + 0.12) / 0.1) ** 2)) - np.exp(-(((time - at - 0.12) / 0.1) ** 2))
    shapes = np.choose(kind[:, None], [up, -up, swing]) * rng.uniform(0.9, 1.1, (number, 1))
    return np.column_stack([shapes, rng.normal(0, 0.05, number)]).astype(np.float32), kind


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_tells_three_kinds_apart(method):
    waves, kind = bumps(300)
    centres = METHODS.load(method)(waves, 3, 0)
    assert centres.shape == (3, 33)
    nearest = np.square(waves[:, None] - centres).sum(axis=2).argmin(axis=1)
    assert sorted(np.unique(nearest[kind == each]).tolist() for each in range(3)) == [[0], [1], [2]]


@pytest.mark.parametrize("method", list(METHODS))
def test_the_same_seed_gives_the_same_centres(method):
    waves, _kind = bumps(120)
    first, second = (METHODS.load(method)(waves, 4, 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_soft_barycentre_is_nearer_to_its_waves_than_their_mean():
    waves, kind = bumps(300)
    centres, means = (METHODS.load(name)(waves, 3, 0) for name in ("soft-dtw", "kmeans"))
    for each in range(3):
        own = waves[kind == each, :-1]
        apart = [
            min(softly_warped(own, np.repeat(c[None, :-1], len(own), axis=0), 4, 0.01).mean() for c in some)
            for some in (centres, means)
        ]
        assert apart[0] < apart[1]
