"""How a beat differs from the usual one: told of the beat that differs, in the part that differs."""

import numpy as np
import pytest

from ecgtool.signals.beat_shape import NAMES, shapes

FS = 250.0
ODD = 20


def bump(times, at, width, size):
    return size * np.exp(-(((times - at) / width) ** 2))


def recording(leads=2, *, p=0.15, width=0.02, beats=40):
    """Beats 0.8 s apart with P, QRS and T; in beat :data:`ODD` the P wave is ``p`` mV and the QRS ``width`` wide."""
    peaks = (0.6 + 0.8 * np.arange(beats)) * FS
    times = np.arange(round((beats + 1) * 0.8 * FS)) / FS
    signal = np.zeros(len(times))
    for beat, at in enumerate(peaks / FS):
        odd = beat == ODD
        signal += bump(times, at - 0.16, 0.03, p if odd else 0.15)
        signal += bump(times, at, width if odd else 0.02, 1.0) + bump(times, at + 0.28, 0.05, 0.3)
    scales = np.array([1.0, 0.5, 0.7])[:leads, None]
    noise = np.random.default_rng(0).normal(0, 0.005, (leads, len(times)))
    return (scales * signal + noise).astype(np.float32), np.rint(peaks).astype(np.int64)


def column(made, name):
    return made[:, NAMES.index(name)]


def test_a_beat_without_its_p_wave_differs_there_and_not_in_its_qrs():
    made = shapes(*in_order(recording(p=0.0)))
    others = np.delete(np.arange(len(made)), [0, ODD, len(made) - 1])
    assert column(made, "p_similarity_1")[ODD] < 0.5 < 0.95 < column(made, "p_similarity_1")[others].min()
    assert column(made, "p_surprise_2")[ODD] > column(made, "p_surprise_2")[others].max() + 1
    assert column(made, "qrs_similarity_1")[ODD] > 0.99


def test_a_wide_beat_is_wide():
    made = shapes(*in_order(recording(width=0.06)))
    others = np.delete(np.arange(len(made)), [0, ODD, len(made) - 1])
    assert column(made, "qrs_width")[ODD] > column(made, "qrs_width")[others].max()
    assert column(made, "qrs_width_ratio")[ODD] > 0.3
    assert column(made, "qrs_slope_ratio")[ODD] < -0.5
    assert column(made, "qrs_change_1")[ODD] > column(made, "qrs_change_1")[others].max() + 1


def test_the_size_of_a_recording_hardly_matters():
    signal, peaks = recording(p=0.0)
    one, twice = shapes(signal, FS, peaks), shapes(2 * signal, FS, peaks)
    assert np.abs(one - twice)[:, [NAMES.index(f"{part}_similarity_1") for part in ("p", "qrs", "t")]].max() < 0.05


def test_a_lead_that_is_not_there_or_flat_is_unknown():
    signal, peaks = recording(1)
    made = shapes(signal, FS, peaks)
    assert np.isnan(column(made, "p_similarity_2")).all()
    assert np.isfinite(column(made, "p_similarity_1")).all()
    flat = shapes(np.concatenate([signal, np.zeros_like(signal)]), FS, peaks)
    assert np.array_equal(made, flat, equal_nan=True)


def test_only_the_first_two_leads_are_compared():
    signal, peaks = recording(3)
    assert np.array_equal(shapes(signal, FS, peaks), shapes(signal[:2], FS, peaks))


@pytest.mark.parametrize("beats", [0, 1, 2])
def test_few_beats_are_no_error(beats):
    signal, peaks = recording()
    made = shapes(signal, FS, peaks[:beats])
    assert made.shape == (beats, len(NAMES))
    assert not np.isinf(made).any()


@pytest.mark.parametrize("fs", [20.0, 50.0, 1000.0])
def test_any_rate_will_do(fs):
    random = np.random.default_rng(0)
    made = shapes(
        random.normal(size=(2, round(20 * fs))).astype(np.float32), fs, (np.arange(1, 20) * fs).astype(np.int64)
    )
    assert np.isfinite(made).all()


def test_a_recording_shorter_than_a_beat_is_no_error():
    made = shapes(np.array([[0.0, 0.1, 0.2]], np.float32), FS, np.array([1]))
    assert made.shape == (1, len(NAMES))


def in_order(recorded):
    signal, peaks = recorded
    return signal, FS, peaks
