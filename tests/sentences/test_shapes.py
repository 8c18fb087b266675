"""Shapes: spans as numbers that can be compared, and back."""

import numpy as np
import pytest

from ecgtool.sentences import shapes as module
from ecgtool.sentences.shapes import Scheme, averaged

RNG = np.random.default_rng(3)


def test_a_point_is_the_mean_of_its_part_of_the_span():
    signal = RNG.normal(size=200)
    spans = np.array([[10, 90], [90, 106]])
    made = averaged(signal, spans, 8)
    np.testing.assert_allclose(made[0], signal[10:90].reshape(8, 10).mean(axis=1))
    np.testing.assert_allclose(made[1], signal[90:106].reshape(8, 2).mean(axis=1))


def test_a_span_shorter_than_its_points_is_drawn_as_steps():
    made = averaged(np.array([5.0, 1.0, 3.0]), np.array([[1, 3]]), 4)
    np.testing.assert_allclose(made, [[1, 1, 3, 3]])


def test_a_span_whose_parts_are_no_whole_samples_keeps_its_mean():
    signal = RNG.normal(size=50)
    np.testing.assert_allclose(averaged(signal, np.array([[3, 40]]), 16).mean(), signal[3:40].mean())


def test_a_drift_of_a_second_in_a_long_recording_loses_no_precision():
    signal = np.concatenate([np.full(500_000, 1000.0), RNG.normal(scale=0.1, size=100)])
    spans = np.array([[0, 500_000], [500_000, 500_100]])
    np.testing.assert_allclose(averaged(signal, spans, 4)[1], signal[500_000:].reshape(4, 25).mean(axis=1), atol=1e-6)


def test_features_are_the_same_however_many_spans_are_summed_up_at_once(monkeypatch):
    signal, edges = RNG.normal(size=1000), np.arange(0, 1001, 50)
    spans = np.column_stack([edges[:-1], edges[1:]])
    whole = Scheme().features(signal, spans, 250.0)
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    np.testing.assert_allclose(Scheme().features(signal, spans, 250.0), whole, atol=1e-6)


def test_numbers_become_the_shape_and_the_duration_again():
    scheme = Scheme(points=16)
    level = RNG.normal(size=(5, 16))
    level -= (level[:, :1] + level[:, -1:]) / 2
    seconds = np.array([0.01, 0.08, 0.1, 0.4, 1.5])
    made, lasts = scheme.shapes(scheme.compressed(level, seconds))
    np.testing.assert_allclose(made, level, atol=1e-5)
    np.testing.assert_allclose(lasts, seconds, rtol=1e-5)


def test_neither_the_level_nor_the_rate_of_the_signal_matters():
    scheme, time = Scheme(), np.arange(1000) / 1000
    bump = np.exp(-(((time - 0.5) / 0.05) ** 2))
    fast = scheme.features(bump + 7, np.array([[350, 650]]), 1000.0)
    slow = scheme.features(bump.reshape(250, 4).mean(axis=1), np.array([[87, 163]]), 250.0)
    assert np.abs(fast - slow).max() < 0.05
    np.testing.assert_allclose(fast, scheme.features(bump, np.array([[350, 650]]), 1000.0), atol=1e-6)


def test_what_is_next_to_nothing_lies_together_whatever_its_shape():
    noise = Scheme().compressed(RNG.normal(scale=0.001, size=(50, 32)), np.full(50, 0.1))
    waves = Scheme().compressed(RNG.normal(scale=1.0, size=(50, 32)), np.full(50, 0.1))
    assert np.linalg.norm(noise, axis=1).max() < 0.1 < np.linalg.norm(waves, axis=1).min()


def test_a_flat_span_is_finite():
    made = Scheme().features(np.zeros(40), np.array([[0, 40]]), 100.0)
    assert np.isfinite(made).all()
    assert made[0, :-1].tolist() == [0.0] * 32


@pytest.mark.parametrize("spans", [np.empty((0, 2), np.int64)])
def test_no_spans_have_no_numbers(spans):
    assert Scheme().features(np.zeros(10), spans, 100.0).shape == (0, 33)
