"""The steps from a record to what a model sees."""

import numpy as np
import pytest

from ecgtool.config import Preprocessing
from ecgtool.errors import DataError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.filters import butterworth, notch, remove_baseline
from ecgtool.signals.preprocess import fill, normalise, preprocess
from ecgtool.signals.resample import resample


def noise(leads=("I", "II"), samples=2000, fs=200.0):
    signal = np.random.default_rng(0).normal(0, 0.1, (len(leads), samples)).cumsum(axis=1).astype(np.float32)
    return Record(signal, fs, tuple(leads))


def test_without_steps_only_the_median_of_each_lead_is_taken_off():
    record = noise()
    signal, invalid, *_rest = preprocess(record, record.leads, Preprocessing(fs=200))
    np.testing.assert_array_equal(signal, record.signal - np.median(record.signal, axis=1, keepdims=True))
    assert (signal.dtype, invalid) == (np.float32, 0)


def test_the_steps_follow_in_the_order_that_is_promised():
    record = noise(samples=3000)
    steps = Preprocessing(fs=100, highpass=0.5, lowpass=40, notch=50, baseline="median", normalise="zscore")
    expected = remove_baseline(record.signal[::-1], 200.0)
    expected = resample(notch(butterworth(expected, 200.0, 0.5, 40.0), 200.0, 50.0), 200.0, 100.0)
    expected = expected - np.median(expected, axis=1, keepdims=True)
    expected = (expected - expected.mean(axis=1, keepdims=True)) / expected.std(axis=1, keepdims=True)
    np.testing.assert_allclose(preprocess(record, ("II", "I"), steps).signal, expected, atol=1e-4)


def test_the_record_is_left_as_it_was():
    record = noise()
    record.signal[0, 5:9] = np.nan
    before = record.signal.copy()
    preprocess(record, record.leads, Preprocessing(fs=100, highpass=1, baseline="median", normalise="peak"))
    np.testing.assert_array_equal(record.signal, before)


def test_leads_come_in_the_order_asked_for_and_limb_leads_are_derived():
    record = noise(("II", "I"))
    signal = preprocess(record, ("III", "I"), Preprocessing(fs=200)).signal
    three = record.signal[0] - record.signal[1]
    np.testing.assert_allclose(signal[0], three - np.median(three), atol=1e-5)


def test_invalid_samples_are_bridged_and_counted():
    record = Record(np.array([[np.nan, 0, 1, np.nan, np.nan, 4, 5, np.nan]] * 2, np.float32), 100.0, ("I", "II"))
    signal, invalid, *_rest = preprocess(record, ("I",), Preprocessing(fs=100))
    assert signal.tolist() == [[-2.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.5]]
    assert invalid == 4


def test_a_lead_without_any_valid_sample_becomes_zero():
    gaps = np.full((1, 6), True)
    assert fill(np.full((1, 6), np.nan, np.float32), gaps).tolist() == [[0.0] * 6]


def test_no_step_lets_invalid_samples_spread():
    record = noise()
    record.signal[:, 100:140] = np.nan
    steps = Preprocessing(fs=125, highpass=0.5, lowpass=40, notch=50, baseline="highpass", normalise="zscore")
    assert np.isfinite(preprocess(record, record.leads, steps).signal).all()


@pytest.mark.parametrize(("how", "low", "high"), [("none", 0, 4), ("peak", 0, 1), ("zscore", -1, 1)])
def test_each_lead_is_scaled_by_itself_and_a_flat_one_is_zero(how, low, high):
    signal = np.array([[0, 4, 0, 4], [0, 0, 0, 0]], np.float32)
    scaled = normalise(signal, how)
    assert (scaled.min(), scaled.max()) == (low, high)
    assert not scaled[1].any()


def test_a_filter_edge_too_high_for_the_record_is_refused():
    with pytest.raises(DataError, match="150 Hz needs a sampling rate over 300 Hz, not 200 Hz"):
        preprocess(noise(), ("I",), Preprocessing(fs=500, lowpass=150))


def test_a_missing_lead_and_an_empty_record_are_refused():
    with pytest.raises(DataError, match="lacks lead V1"):
        preprocess(noise(), ("V1",), Preprocessing(fs=100))
    with pytest.raises(DataError, match="no samples"):
        preprocess(noise(samples=0), ("I",), Preprocessing(fs=100))


def test_both_rates_of_a_real_recording_agree_after_preprocessing(recordings):
    root = recordings("ptbxl")
    steps = Preprocessing(fs=100, highpass=0.5, lowpass=40)
    for number in (1, 2, 3):
        low = preprocess(read_record(root / f"records100/00000/{number:05}_lr"), LEADS_12, steps).signal
        high = preprocess(read_record(root / f"records500/00000/{number:05}_hr"), LEADS_12, steps).signal
        assert low.shape == high.shape == (12, 1000)
        correlations = [np.corrcoef(a[50:-50], b[50:-50])[0, 1] for a, b in zip(low, high, strict=True)]
        assert min(correlations) > 0.98
