"""Dynamic time warping on whole batches, against the recursion written out cell by cell."""

import numpy as np
import pytest

from ecgtool.sentences.warping import aligned, softly_warped, warped

RNG = np.random.default_rng(0)


def table(shape, centre, band, least):
    """The cost of the way to the last cell (Sakoe and Chiba 1978; Cuturi and Blondel 2017, algorithm 1)."""
    points = len(shape)
    costs = np.full((points + 1, points + 1), np.inf)
    costs[0, 0] = 0
    for i in range(1, points + 1):
        for j in range(1, points + 1):
            if abs(i - j) <= band:
                before = np.array([costs[i - 1, j], costs[i, j - 1], costs[i - 1, j - 1]])
                costs[i, j] = (shape[i - 1] - centre[j - 1]) ** 2 + least(before)
    return costs[points, points]


def soft_minimum(smoothness):
    def least(values):
        low = values.min()
        return low - smoothness * np.log(np.exp(-(values - low) / smoothness).sum())

    return least


@pytest.mark.parametrize("points", [4, 7, 12])
@pytest.mark.parametrize("band", [0, 1, 2, 5, 20])
def test_distances_are_those_of_the_recursion(points, band):
    shapes, centres = (RNG.normal(size=(n, points)).astype(np.float32) for n in (5, 3))
    known = [[table(shape, centre, band, np.min) for centre in centres] for shape in shapes]
    np.testing.assert_allclose(warped(shapes, centres, band), known, rtol=1e-4)


def test_without_a_shift_it_is_the_euclidean_distance():
    shapes, centres = (RNG.normal(size=(n, 9)).astype(np.float32) for n in (4, 2))
    known = np.square(shapes[:, None] - centres).sum(axis=2)
    np.testing.assert_allclose(warped(shapes, centres, 0), known, rtol=1e-5)


@pytest.mark.parametrize("band", [1, 3, 20])
@pytest.mark.parametrize("smoothness", [1.0, 0.1, 0.01])
def test_soft_distances_are_those_of_the_recursion(band, smoothness):
    shapes, centres = RNG.normal(size=(2, 6, 8)).astype(np.float32)
    known = [table(a, b, band, soft_minimum(smoothness)) for a, b in zip(shapes, centres, strict=True)]
    np.testing.assert_allclose(softly_warped(shapes, centres, band, smoothness), known, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("smoothness", [1.0, 0.05])
def test_the_alignment_is_half_the_gradient_of_the_soft_distance(smoothness):
    shapes, centres = RNG.normal(size=(2, 4, 6)).astype(np.float32)
    weight, pull = aligned(shapes, centres, 2, smoothness)
    step = 1e-5
    for pair in range(4):
        for point in range(6):
            both = [np.array(centres[pair], np.float64) + sign * step * np.eye(6)[point] for sign in (1, -1)]
            high, low = (table(shapes[pair], centre, 2, soft_minimum(smoothness)) for centre in both)
            gradient = 2 * (weight[pair, point] * centres[pair, point] - pull[pair, point])
            assert gradient == pytest.approx((high - low) / (2 * step), abs=1e-4)


def test_moving_a_centre_to_what_it_is_aligned_with_lowers_its_soft_distances():
    shapes = np.cumsum(RNG.normal(size=(30, 16)), axis=1).astype(np.float32) * 0.2
    centre = shapes[:1]
    before = np.inf
    for _ in range(6):
        each = np.repeat(centre, len(shapes), axis=0)
        now = softly_warped(shapes, each, 4, 0.05).sum()
        assert now <= before + 1e-9
        before = now
        weight, pull = aligned(shapes, each, 4, 0.05)
        centre = (pull.sum(axis=0) / weight.sum(axis=0))[None].astype(np.float32)


def test_a_shape_that_is_shifted_is_near_to_itself():
    time = np.linspace(0, 1, 32)
    bumps = np.exp(-(((time[None] - np.array([[0.45], [0.55]])) / 0.1) ** 2)).astype(np.float32)
    assert warped(bumps[:1], bumps[1:], 4)[0, 0] < 0.01 * np.square(bumps[0] - bumps[1]).sum()
