"""Filters: what they take out, what they leave where it was, and what they refuse."""

import numpy as np
import pytest
from scipy import signal as scipy_signal

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.errors import DataError
from ecgtool.signals.filters import butterworth, notch, remove_baseline

FS = 250.0
TIME = np.arange(2500) / FS
MIDDLE = slice(500, 2000)


def sine(frequency, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * frequency * TIME)).astype(np.float32)


def rms(signal):
    return float(np.sqrt(np.mean(np.square(signal))))


@pytest.mark.parametrize(
    ("highpass", "lowpass", "kept", "removed"),
    [(0.5, None, 5.0, 0.1), (None, 40.0, 5.0, 100.0), (0.5, 40.0, 10.0, 80.0), (0.5, 40.0, 10.0, 0.1)],
)
def test_a_band_is_kept_and_the_rest_removed(highpass, lowpass, kept, removed):
    mixed = butterworth(sine(kept) + sine(removed), FS, highpass, lowpass)
    assert rms(mixed[MIDDLE] - sine(kept)[MIDDLE]) < 0.02


def test_an_edge_lies_at_half_the_amplitude():
    assert rms(butterworth(sine(40.0), FS, lowpass=40.0)[MIDDLE]) / rms(sine(40.0)[MIDDLE]) == pytest.approx(
        0.5, abs=0.01
    )


def test_nothing_is_delayed():
    pulse = np.zeros((1, 1001), np.float32)
    pulse[0, 500] = 1
    for filtered in (butterworth(pulse, FS, 0.5, 40.0), notch(pulse, FS, 50.0), remove_baseline(pulse, FS, "highpass")):
        assert filtered.argmax() == 500
        np.testing.assert_allclose(filtered, filtered[:, ::-1], atol=1e-3)


@pytest.mark.parametrize("edge", [0.05, 0.5])
def test_an_offset_and_a_slope_leave_no_mark_at_the_ends(edge):
    slope = (5 + TIME / 10).astype(np.float32)[None]
    assert np.abs(butterworth(slope, FS, highpass=edge)).max() < 0.6
    assert np.abs(butterworth(np.full_like(slope, 5), FS, highpass=edge)).max() < 1e-3
    np.testing.assert_allclose(butterworth(slope, FS, lowpass=40.0), slope, atol=1e-3)


def test_mains_hum_is_notched_and_its_neighbours_stay():
    cleaned = notch(sine(50.0) + sine(40.0) + sine(60.0), FS, 50.0)
    assert rms((cleaned - sine(40.0) - sine(60.0))[MIDDLE]) < 0.08


@pytest.mark.parametrize("method", ["median", "highpass"])
def test_baseline_wander_is_removed_and_sharp_waves_stay(method):
    beats = np.zeros_like(TIME, dtype=np.float32)
    for onset in range(100, 2500, 200):
        beats[onset : onset + 15] = np.hanning(15)
    cleaned = remove_baseline((beats + sine(0.15, 2.0))[None], FS, method)[0]
    assert rms(cleaned[MIDDLE] - np.median(cleaned) - beats[MIDDLE]) < 0.12
    assert cleaned[MIDDLE].max() == pytest.approx(1, abs=0.15)


def test_leads_are_filtered_each_by_itself():
    both = np.stack([sine(5.0), sine(80.0)])
    for chosen in (
        lambda x: butterworth(x, FS, 0.5, 40.0),
        lambda x: notch(x, FS, 50.0),
        lambda x: remove_baseline(x, FS),
    ):
        np.testing.assert_allclose(chosen(both), np.stack([chosen(both[:1])[0], chosen(both[1:])[0]]), atol=1e-6)
        assert chosen(both).dtype == np.float32
        assert chosen(both[None]).shape == (1, 2, 2500)


@pytest.mark.parametrize("samples", [1, 2, 5, 30])
def test_a_signal_shorter_than_the_filter_settles_is_filtered_too(samples):
    short = np.ones((2, samples), np.float32)
    for filtered in (butterworth(short, FS, 0.05, 40.0), notch(short, FS, 50.0), remove_baseline(short, FS)):
        assert filtered.shape == short.shape
        assert np.isfinite(filtered).all()


@pytest.mark.parametrize("edge", [125.0, 150.0, 0.0, -1.0, float("nan")])
def test_an_edge_at_or_over_half_the_rate_is_refused(edge):
    signal = np.zeros((1, 100), np.float32)
    for attempt in (
        lambda: butterworth(signal, FS, lowpass=edge),
        lambda: butterworth(signal, FS, highpass=edge),
        lambda: notch(signal, FS, edge),
    ):
        with pytest.raises(DataError, match="needs a sampling rate over"):
            attempt()


def test_edges_in_the_wrong_order_are_refused():
    with pytest.raises(DataError, match="must lie below"):
        butterworth(np.zeros((1, 100), np.float32), FS, 40.0, 0.5)


def test_no_edge_changes_nothing():
    signal = sine(5.0)[None]
    assert butterworth(signal, FS) is signal


@pytest.mark.parametrize("lowpass", [None, 40.0])
def test_a_beat_on_the_last_sample_does_not_move_the_baseline(lowpass):
    """Ten seconds that end on an R peak come out about as they do in the middle of a minute."""
    for entry in (corpus := Synthetic(3, 60, 3, 100.0)).entries:
        whole = corpus.read(entry).signal
        peak = 3000 + int(np.abs(corpus.drawing(entry).clean[1, 3000:3100]).argmax())
        part = slice(peak - 999, peak + 1)
        off = butterworth(whole[:, part], 100.0, 0.5, lowpass) - butterworth(whole, 100.0, 0.5, lowpass)[:, part]
        assert np.abs(off).max() < 0.15


@pytest.mark.parametrize("edge", [0.05, 0.5, 5.0])
def test_the_high_pass_is_a_butterworth_run_forwards_and_backwards(edge):
    signal = np.random.default_rng(0).normal(0, 0.1, (2, 20_000)).cumsum(axis=1).astype(np.float32)
    sections = scipy_signal.butter(4, edge, "highpass", fs=FS, output="sos")
    expected = scipy_signal.sosfiltfilt(sections, signal.astype(float), padtype="even", padlen=19_000)
    inner = slice(round(3 * FS / edge), -round(3 * FS / edge)) if edge > 0.1 else slice(9500, 10_500)
    np.testing.assert_allclose(butterworth(signal, FS, highpass=edge)[:, inner], expected[:, inner], atol=4e-3)
