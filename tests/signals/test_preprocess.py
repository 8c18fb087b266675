"""The steps from a record to what a model sees."""

import numpy as np
import pytest

from ecgtool.errors import DataError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.settings import Preprocessing
from ecgtool.signals.filters import butterworth, notch, remove_baseline
from ecgtool.signals.highpass import linear_phase_highpass
from ecgtool.signals.preprocess import channels, fill, normalise, preprocess, settling_s
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


# --- recordings of another length, or without some leads -------------------------------------------------------------

CENTRED = Preprocessing(fs=200, fit="centre")


def test_of_a_longer_recording_the_middle_is_kept_with_its_own_offset():
    record = noise(samples=2001)
    made = preprocess(record, record.leads, CENTRED, 1000)
    middle = record.signal[:, 500:1500]
    np.testing.assert_array_equal(made.signal, middle - np.median(middle, axis=1, keepdims=True))
    assert made.begin_s == 2.5


@pytest.mark.parametrize(("samples", "before", "after"), [(999, 1, 0), (997, 2, 1), (400, 300, 300)])
def test_a_shorter_recording_lies_between_zeros(samples, before, after):
    record = noise(samples=samples)
    made = preprocess(record, record.leads, CENTRED, 1000)
    level = record.signal - np.median(record.signal, axis=1, keepdims=True)
    np.testing.assert_array_equal(made.signal, np.pad(level, ((0, 0), (before, after))))
    assert made.begin_s == -before / 200


def test_an_item_is_scaled_by_what_is_kept_of_it():
    record = noise(samples=3000)
    steps = Preprocessing(fs=200, fit="centre", normalise="zscore")
    long = preprocess(record, record.leads, steps, 1000).signal
    np.testing.assert_allclose(long.std(axis=1), 1, rtol=1e-5)
    short = preprocess(record, record.leads, steps, 4000).signal
    np.testing.assert_allclose(short[:, 500:3500].std(axis=1), 1, rtol=1e-5)
    assert not short[:, :500].any()


def test_the_length_is_kept_where_nothing_is_to_fit():
    record = noise(samples=1234)
    assert preprocess(record, record.leads, Preprocessing(fs=200), 1000).signal.shape == (2, 1234)
    assert preprocess(record, record.leads, CENTRED).signal.shape == (2, 1234)


MASKED = Preprocessing(fs=100, missing="mask")


def test_the_mask_says_which_share_of_the_leads_was_recorded():
    leads = channels(LEADS_8, MASKED)
    assert leads == (*LEADS_8, "mask")
    whole = preprocess(noise(LEADS_12), leads, MASKED)
    assert whole.signal.shape == (9, 1000)
    assert (whole.signal[-1] == 1).all()
    assert whole.imputed == ()
    few = preprocess(noise(("I", "II", "V1", "V2", "V5", "V6")), leads, MASKED)
    assert (few.signal[-1] == 0.75).all()
    assert few.imputed == ("V3", "V4")
    np.testing.assert_allclose(few.signal[4], few.signal[3], atol=1e-6)  # V3 as V2


def test_the_mask_follows_invalid_samples_and_is_0_where_there_are_zeros():
    record = noise(LEADS_8, samples=1000)
    record.signal[0, 200:400] = np.nan
    steps = Preprocessing(fs=100, missing="mask", fit="centre", normalise="zscore")
    made = preprocess(record, channels(LEADS_8, steps), steps, 600)
    mask = made.signal[-1]
    assert (mask[:50] == 0).all()
    assert (mask[550:] == 0).all()
    assert (mask[150:250] == 0.875).all()
    assert (mask[250:550] == 1).all()
    assert made.invalid == 200


def test_what_is_made_up_does_not_count_as_invalid():
    record = noise(("I", "II", "V1", "V2"))
    record.signal[3, 5:9] = np.nan
    assert preprocess(record, channels(LEADS_8, MASKED), MASKED).invalid == 4


def test_a_document_without_the_new_fields_means_what_it_meant():
    steps = Preprocessing.model_validate({"fs": 100, "highpass": 0.5})
    assert (steps.highpass_filter, steps.fit, steps.missing) == ("butterworth", "refuse", "refuse")
    record = noise(samples=1000)
    expected = butterworth(record.signal, 200.0, highpass=0.5)
    expected = resample(expected, 200.0, 100.0)
    made = preprocess(record, record.leads, steps).signal
    np.testing.assert_allclose(made, expected - np.median(expected, axis=1, keepdims=True), atol=1e-6)


def test_both_high_passes_are_in_reach():
    record = noise(samples=1000)
    made = preprocess(record, record.leads, Preprocessing(fs=200, highpass=0.05, highpass_filter="fir")).signal
    expected = linear_phase_highpass(record.signal, 200.0, 0.05)
    np.testing.assert_allclose(made, expected - np.median(expected, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        (Preprocessing(fs=100), 15),
        (Preprocessing(fs=100, highpass=0.05, highpass_filter="fir"), 25),
        (Preprocessing(fs=100, highpass=0.5), 15),
        (Preprocessing(fs=100, highpass=0.05), 60),
    ],
)
def test_a_stretch_comes_out_as_in_the_whole_but_for_its_offset(steps, seconds):
    assert settling_s(steps) == pytest.approx(seconds, abs=0.1)
    record = noise(samples=60_000)
    record.signal[:] *= 0.2
    whole = preprocess(record, record.leads, steps).signal
    margin = int(settling_s(steps) * 200)
    part = Record(record.signal[:, 20_000 - margin : 40_000 + margin], 200.0, record.leads)
    made = preprocess(part, record.leads, steps).signal[:, margin // 2 : margin // 2 + 10_000]
    off = made - whole[:, 10_000:20_000]
    assert np.ptp(off, axis=1).max() < 0.001
