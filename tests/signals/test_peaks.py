"""R peaks on drawn recordings, whose beats are known, and on what is hardly a recording."""

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.formats import read_record
from ecgtool.signals.peaks import r_peaks, rough

WINDOW_S = 0.15


def matched(truth_s, found_s):
    """How many beats have a peak of their own within the window."""
    near = np.abs(np.subtract.outer(truth_s, found_s)) <= WINDOW_S
    return int(near.any(axis=1).sum()), int(near.any(axis=0).sum())


def test_beats_of_drawn_recordings_are_found():
    corpus = Synthetic(20, 10, 3, 250.0)
    beats = found = hits = right = 0
    for entry in corpus.entries:
        peaks = r_peaks(corpus.read(entry).signal, 250.0) / 250.0
        truth = corpus.truth(entry).beat_s
        hit, good = matched(truth, peaks)
        beats, found, hits, right = beats + len(truth), found + len(peaks), hits + hit, right + good
    assert hits >= 0.97 * beats
    assert right >= 0.97 * found


@pytest.mark.parametrize("fs", [20.0, 100.0, 500.0, 100_000.0])
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
def test_a_line_without_a_heart_has_no_beats(fs, value):
    peaks = r_peaks(np.full((2, int(3 * fs)), value, np.float32), fs)
    assert peaks.shape == (0,)
    assert peaks.dtype == np.int64


def drawn(number=0, fs=500.0, seconds=30):
    corpus = Synthetic(6, seconds, 8, fs)
    entry = corpus.entries[number]
    return corpus.read(entry).signal, corpus.truth(entry).beat_s


def test_inverting_or_scaling_the_leads_changes_nothing():
    signal, _truth = drawn()
    assert np.array_equal(r_peaks(signal, 500.0), r_peaks(-signal, 500.0))
    assert np.array_equal(r_peaks(signal, 500.0), r_peaks(1000 * signal, 500.0))


def test_a_lead_of_nothing_but_noise_takes_no_beat_away():
    signal, truth = drawn()
    noisy = signal.copy()
    noisy[3] = 5 * np.random.default_rng(0).standard_normal(signal.shape[1])
    noisy[5] = 0
    noisy[7] = np.nan
    peaks = r_peaks(noisy, 500.0)
    assert matched(truth, peaks / 500.0) == (len(truth), len(peaks))


def test_no_beat_lies_in_a_gap_of_all_leads():
    signal, truth = drawn()
    signal[:, 4000:7000] = np.nan
    peaks = r_peaks(signal, 500.0)
    assert not ((peaks >= 4000) & (peaks < 7000)).any()
    outside = truth[(truth < 7.8) | (truth > 14.2)]
    assert matched(outside, peaks / 500.0)[0] == len(outside)


def test_atrial_pacing_spikes_are_no_beats():
    signal, truth = drawn()
    paced = signal.copy()
    for at in np.round((truth - 0.3) * 500).astype(int):
        if at >= 0:
            paced[:, at : at + 2] += 3.0
    peaks = r_peaks(paced, 500.0)
    assert matched(truth, peaks / 500.0) == (len(truth), len(peaks))
    assert np.abs(peaks - r_peaks(signal, 500.0)).max() <= 2


def test_a_second_lead_bridges_a_burst_of_noise():
    signal, truth = drawn()
    noisy = signal[[1, 7]].copy()
    noise = np.random.default_rng(1).standard_normal(2000)
    noisy[0, 5000:7000] += 2 * np.convolve(noise, np.full(15, 1 / 15), "same")  # as slow as a QRS complex
    alone, both = (r_peaks(leads, 500.0) / 500.0 for leads in (noisy[:1], noisy))
    assert matched(truth, alone)[0] <= len(truth) - 3
    assert abs(len(both) - len(truth)) <= 1
    assert matched(truth, both)[0] >= len(truth) - 1


def test_a_lead_whose_electrode_comes_off_and_on_takes_no_beat_away():
    signal, truth = drawn(seconds=60)
    loose = signal[[1, 7]].copy()
    random = np.random.default_rng(1)
    for at in random.integers(0, loose.shape[1] - 200, 25):
        loose[1, at : at + random.integers(20, 200)] += random.choice([-5.0, 5.0])
    peaks = r_peaks(loose, 500.0)
    hit, right = matched(truth, peaks / 500.0)
    assert (hit, right) == (len(truth), len(peaks))


def test_a_slow_heart_is_heard_beside_a_lead_of_noise():
    signal, truth = drawn(seconds=60)
    beats = truth[::3]  # of each three beats the first is left, the others are lines
    slow = np.tile(signal[[1, 7]][:, :1], (1, signal.shape[1]))
    for at in np.round(beats * 500).astype(int):
        near = slice(max(0, at - 150), at + 250)
        slow[:, near] = signal[[1, 7]][:, near]
    slow[1] = 0.3 * np.random.default_rng(5).standard_normal(signal.shape[1])
    assert matched(beats, r_peaks(slow.astype(np.float32), 500.0) / 500.0)[0] == len(beats)


@pytest.mark.parametrize("leads", [[1], [1, 7]])
def test_no_beat_lies_where_a_recording_sticks_at_its_limit(leads):
    signal, truth = drawn()
    stuck = signal[leads].copy()
    stuck[:, 10_000:] = -32.768
    peaks = r_peaks(stuck, 500.0)
    before = truth[truth < 19.8]
    assert matched(before, peaks / 500.0) == (len(before), len(peaks))


def test_a_line_that_stays_at_its_usual_value_between_spikes_keeps_its_beats():
    signal = np.zeros((1, 20_000), np.float32)
    for at in range(500, 20_000, 400):
        signal[0, at - 10 : at + 11] = np.hanning(21)
    assert np.array_equal(r_peaks(signal, 500.0), np.arange(500, 20_000, 400))


@pytest.mark.parametrize(("fs", "told"), [(49.9, True), (50.0, False), (500.0, False)])
def test_slow_sampling_is_told(fs, told):
    assert bool(rough(fs)) is told


def test_peaks_lie_on_the_extremum_of_a_lead():
    signal, _truth = drawn()
    lead = signal[1]
    peaks = r_peaks(lead[None], 500.0)
    for peak in peaks[peaks > 125]:
        away = np.abs(lead - np.median(lead[peak - 125 : peak + 126]))
        assert away[peak] >= 0.98 * away[peak - 20 : peak + 21].max()


def test_noise_alone_holds_next_to_no_beats():
    noise = np.random.default_rng(2).standard_normal((2, 36_000)).astype(np.float32)
    assert len(r_peaks(noise, 360.0)) <= 3


def test_pieces_of_a_long_recording_hold_the_same_beats():
    signal, _truth = drawn(seconds=120)
    whole = r_peaks(signal, 500.0)
    later = r_peaks(signal[:, 20_000:], 500.0) + 20_000
    whole, later = whole[whole > 30_000], later[later > 30_000]
    assert len(whole) == len(later)
    assert np.abs(whole - later).max() <= 2


@pytest.mark.parametrize("fs", [50.0, 100.0, 250.0, 1000.0, 10_000.0])
def test_the_rate_of_sampling_does_not_matter(fs):
    signal, truth = drawn(2, fs, 10)
    peaks = r_peaks(signal, fs)
    assert matched(truth, peaks / fs) == (len(truth), len(peaks))


@pytest.mark.parametrize(
    ("record", "leads", "least"),
    [("100", [0], 0.999), ("203", [0], 0.985), ("208", [0], 0.993), ("200", [0, 1], 0.997), ("103", [0, 1], 0.999)],
)
def test_beats_of_real_recordings_are_found(recordings, record, leads, least):
    wfdb = pytest.importorskip("wfdb")
    path = str(recordings("mitdb") / record)
    signal = read_record(recordings("mitdb") / f"{record}.hea").signal[leads]
    marks = wfdb.rdann(path, "atr")
    truth = np.array(
        [at for at, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in "NLRBAaJSVrFejnE/fQ?"]
    )
    peaks = r_peaks(signal, 360.0)
    near = np.searchsorted(peaks, truth - 54), np.searchsorted(peaks, truth + 54)
    hits = int((near[1] > near[0]).sum())
    assert 2 * hits / (len(truth) + len(peaks)) >= least
