import numpy as np
import pytest
from drawn_beats import drawn

from ecgtool.signals.beat_align import aligned

FS = 250.0


def test_peaks_that_jump_between_two_points_of_a_beat_come_to_one():
    record, truth = drawn(2, fs=FS)
    peaks = np.rint(truth.beat_s[1:-1] * FS).astype(np.int64)
    jumping = peaks + np.where(np.arange(len(peaks)) % 4 == 0, 9, 0)
    moved = aligned(record.signal, FS, jumping)
    assert np.std(jumping - peaks) > 3
    assert np.std(moved - peaks) < 1


def test_ectopic_beats_stay_where_they_were_found():
    record, truth = drawn(1, fs=FS)
    peaks = np.rint(truth.beat_s[1:-1] * FS).astype(np.int64)
    ectopic = np.array(truth.beat_class[1:-1]) == "V"
    moved = aligned(record.signal, FS, peaks)
    assert ectopic.sum() > 4
    assert (moved[ectopic] == peaks[ectopic]).all()


def test_few_beats_gaps_and_flat_signals_are_left_alone():
    flat = np.zeros((2, 5000), np.float32)
    peaks = np.arange(100, 4900, 200)
    assert aligned(flat, FS, peaks).tolist() == peaks.tolist()
    assert aligned(np.full_like(flat, np.nan), FS, peaks).tolist() == peaks.tolist()
    assert aligned(flat, FS, peaks[:3]).tolist() == peaks[:3].tolist()
    assert len(aligned(flat, FS, peaks[:0])) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_the_unit_of_the_signal_is_of_no_account(unit):
    random = np.random.default_rng(3)
    peaks = np.arange(200, 6000, 250)
    signal = 0.05 * random.normal(size=(2, 6200)).astype(np.float32)
    for peak in peaks:
        signal[:, peak - 10 : peak + 11] += np.hanning(21).astype(np.float32)
    off = peaks + random.integers(-6, 7, len(peaks))
    found = aligned(signal, 250.0, off)
    np.testing.assert_array_equal(aligned(signal * np.float32(unit), 250.0, off), found)
    assert np.ptp(found - peaks) < np.ptp(off - peaks)
