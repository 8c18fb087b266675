"""Resampling: counts, times, ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgtool.signals.resample import resample

RATES = [(500, 100), (1000, 500), (360, 100), (250, 100), (128, 250), (257, 500), (977.5, 500), (100, 500), (300, 100)]


def waves(fs, seconds):
    time = np.arange(round(fs * seconds)) / fs
    return np.stack([np.sin(2 * np.pi * 3 * time), 2 + 0.5 * np.cos(2 * np.pi * 7 * time)]).astype(np.float32)


@pytest.mark.parametrize(("fs", "to"), RATES)
def test_slow_waves_are_where_they_were(fs, to):
    made, expected = resample(waves(fs, 10), fs, to), waves(to, 10)
    inner = slice(int(to / 5), -int(to / 5))
    np.testing.assert_allclose(made[:, inner], expected[:, inner], atol=0.01)
    np.testing.assert_allclose(made, expected, atol=0.06)
    assert made.dtype == np.float32


@pytest.mark.parametrize(("fs", "to"), RATES)
def test_an_offset_and_a_slope_have_no_artefact_at_the_ends(fs, to):
    made = resample((3 + np.arange(2000) / 500).astype(np.float32)[None], fs, to)
    expected = 3 + np.arange(made.shape[1]) * (fs / to) / 500
    np.testing.assert_allclose(made[0], expected, atol=0.01)


def test_what_the_new_rate_cannot_hold_is_taken_out_rather_than_folded_back():
    time = np.arange(5000) / 500
    fast = np.sin(2 * np.pi * 90 * time).astype(np.float32)[None]
    assert np.abs(resample(fast, 500, 100)[:, 50:-50]).max() < 0.01


@settings(deadline=None, max_examples=60)
@given(samples=st.integers(1, 400), fs=st.integers(30, 1000), to=st.integers(30, 1000))
def test_the_number_of_samples_is_exact_at_any_length_and_rate(samples, fs, to):
    made = resample(np.ones((2, samples), np.float32), fs, to)
    assert made.shape == (2, round(samples * to / fs))
    np.testing.assert_allclose(made, 1, atol=0.01)


def test_the_same_rate_changes_nothing():
    signal = waves(100, 1)
    assert resample(signal, 100, 100.0) is signal
