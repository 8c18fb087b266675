"""The high-pass that keeps the ST segment: what it takes out, what it leaves, and what it does at the ends."""

import subprocess
import sys

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.errors import DataError
from ecgtool.signals import highpass
from ecgtool.signals.filters import butterworth
from ecgtool.signals.highpass import kernel, linear_phase_highpass, reach_s

EDGE = 0.05


def sine(frequency, seconds, fs=100.0, phase=0.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * fs)) / fs + phase).astype(np.float32)[None]


def beats(fs, *, every_s, plateau_mv=0.2, seconds=10.0):
    """Spikes of 1 mV, each followed from 60 to 360 ms by a plateau: the ST segment of an infarct; and where it is."""
    times = np.arange(round(seconds * fs)) / fs
    since = (times - 0.2) % every_s
    plateau = (since >= 0.06) & (since < 0.36)
    signal = np.where(since < 0.04, 1.0, 0.0) + plateau_mv * plateau
    return signal.astype(np.float32)[None], plateau, (since > 0.45) & (since < every_s - 0.05)


def st_level(signal, plateau, line):
    """Mean of the plateaus over the isoelectric line of each cycle, in microvolt: the worst of the cycles."""
    cycles = np.cumsum(np.diff(plateau.astype(int), prepend=0) == 1)
    levels = [
        signal[0, plateau & (cycles == cycle)].mean() - signal[0, line & (cycles == cycle)].mean()
        for cycle in range(1, cycles.max())
    ]
    return 1000 * np.array(levels)


@pytest.mark.parametrize("fs", [100.0, 500.0])
@pytest.mark.parametrize("drift_mv", [0.0, 1.0])
@pytest.mark.parametrize("every_s", [0.6, 0.9, 1.5])
def test_an_st_elevation_of_200_microvolts_is_kept(fs, drift_mv, every_s):
    signal, plateau, line = beats(fs, every_s=every_s)
    drift = drift_mv * np.linspace(-1, 1, signal.shape[1], dtype=np.float32)
    found = st_level(linear_phase_highpass(signal + drift, fs, EDGE), plateau, line)
    np.testing.assert_allclose(found, 200, atol=2.5)


def test_a_strong_high_pass_bends_it_in_a_slow_rhythm():
    signal, plateau, line = beats(500.0, every_s=1.5)
    strong = st_level(butterworth(signal, 500.0, highpass=0.67), plateau, line)
    assert np.abs(strong - 200).max() > 20


@pytest.mark.parametrize("at_s", [5.0, 1.0, 9.5])
def test_a_single_plateau_keeps_its_level_and_leaves_next_to_no_undershoot(at_s):
    step = np.zeros((1, 5000), np.float32)
    begin = round(at_s * 500)
    step[0, begin : begin + 150] = 0.2
    made = linear_phase_highpass(step, 500.0, EDGE)[0] * 1000
    within, before, outside = np.split(made, [begin, begin + 150])[1], made[begin - 100 : begin], made.copy()
    outside[begin : begin + 150] = 0
    assert np.ptp(within) < 1
    assert within.mean() - before.mean() == pytest.approx(200, abs=1)
    assert np.abs(outside).max() < 25  # of which 6 are the plateau's share in the mean


def test_the_impulse_of_the_standard_leaves_no_displacement_and_no_slope():
    """IEC 60601-2-25: 0.3 mV s (3 mV over 100 ms) must displace what is outside by under 0.1 mV, 0.3 mV/s."""
    impulse = np.zeros((1, 60_000), np.float32)
    impulse[0, 30_000:30_050] = 3
    made = np.delete(linear_phase_highpass(impulse, 500.0, EDGE)[0], np.arange(29_999, 30_051))
    assert np.abs(made).max() < 0.03
    assert np.abs(np.diff(made)).max() * 500 < 0.01


def test_the_impulse_response_is_symmetric_and_sums_to_nothing():
    response = kernel(100.0, EDGE)
    assert len(response) == 2 * int(reach_s(EDGE) * 100) + 1
    np.testing.assert_array_equal(response, response[::-1])
    assert abs(response.sum()) < 1e-12
    impulse = np.zeros((1, 20_001), np.float32)
    impulse[0, 10_000] = 1
    made = linear_phase_highpass(impulse, 100.0, EDGE)[0]
    np.testing.assert_allclose(made, made[::-1], atol=1e-7)
    side = len(response) // 2
    np.testing.assert_allclose(made[10_000 - side : 10_001 + side], response, atol=1e-4)


@pytest.mark.parametrize(("frequency", "low", "high"), [(0.01, 0, 0.05), (0.05, 0.69, 0.72), (0.1, 0.98, 1)])
def test_the_gain_is_3_db_down_at_the_edge_and_26_at_a_fifth_of_it(frequency, low, high):
    wave = sine(frequency, 1000)
    inner = slice(3000, -3000)
    made = linear_phase_highpass(wave, 100.0, EDGE)[:, inner]
    gain = made.std() / wave[:, inner].std()
    assert low <= gain <= high
    assert np.corrcoef(made[0], wave[0, inner])[0, 1] > 0.995  # of no delay


@pytest.mark.parametrize("frequency", [0.5, 1.0, 10.0, 40.0])
def test_what_lies_above_comes_through_to_the_last_digits(frequency):
    wave = sine(frequency, 600, phase=0.3)
    inner = slice(int(reach_s(EDGE) * 100), -int(reach_s(EDGE) * 100))
    made = linear_phase_highpass(wave, 100.0, EDGE)
    np.testing.assert_allclose(made[:, inner], wave[:, inner], atol=1e-5)


@pytest.mark.parametrize(("samples", "fs", "edge"), [(1000, 100.0, 0.05), (5000, 500.0, 0.05), (600, 360.0, 0.67)])
def test_it_is_the_convolution_of_the_mirrored_signal_with_its_kernel(samples, fs, edge):
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.1, (3, samples)).cumsum(axis=1).astype(np.float32)
    times = np.arange(samples) - (samples - 1) / 2
    level = signal - signal.mean(axis=1, keepdims=True)
    if samples / fs >= highpass.SHORT_S:
        level = level - (level @ times / (times @ times))[:, None] * times
    response = kernel(fs, edge)
    side = len(response) // 2
    longer = np.pad(level.astype(float), ((0, 0), (side, side)), mode="symmetric")
    expected = [np.convolve(lead, response, "valid") for lead in longer]
    np.testing.assert_allclose(linear_phase_highpass(signal, fs, edge), expected, atol=1e-5)


def test_a_long_signal_takes_another_way_to_the_same_result(monkeypatch):
    signal = np.random.default_rng(1).normal(0, 0.1, (2, 6001)).cumsum(axis=1).astype(np.float32) + 5
    one = linear_phase_highpass(signal, 100.0, EDGE)
    monkeypatch.setattr(highpass, "_OPERATOR_VALUES", 0)
    np.testing.assert_allclose(linear_phase_highpass(signal, 100.0, EDGE), one, atol=2e-5)


@pytest.mark.parametrize("seconds", [5, 10, 60])
def test_an_offset_and_a_straight_line_are_gone_up_to_the_ends(seconds):
    line = np.linspace(300, 305, seconds * 100, dtype=np.float32)[None]
    assert np.abs(linear_phase_highpass(line, 100.0, EDGE)).max() < 2e-4


def test_a_beat_on_the_last_sample_makes_no_artefact():
    """The rest of ten seconds stays where a minute, of which they are the middle, puts it; whatever they end on."""
    corpus = Synthetic(4, 60, 3, 100.0)
    for entry in corpus.entries:
        whole = corpus.drawing(entry).clean
        peak = 3000 + int(np.abs(whole[1, 3000:3100]).argmax())
        expected = linear_phase_highpass(whole, 100.0, EDGE)[:, peak - 999 : peak + 1]
        made = linear_phase_highpass(np.ascontiguousarray(whole[:, peak - 999 : peak + 1]), 100.0, EDGE)
        off = (made - expected) - np.median(made - expected, axis=1, keepdims=True)
        assert np.abs(off).max() < 0.025
        assert np.abs(off[:, 20:] - off[:, :-20]).max() < 0.003  # over the 200 ms from P to ST


def test_a_part_with_the_reach_of_the_kernel_around_it_comes_out_as_in_the_whole():
    signal = np.random.default_rng(2).normal(0, 0.02, (2, 30_000)).cumsum(axis=1).astype(np.float32)
    around = int(reach_s(EDGE) * 100)
    part = linear_phase_highpass(signal[:, 10_000 - around : 12_000 + around], 100.0, EDGE)[:, around:-around]
    np.testing.assert_allclose(part, linear_phase_highpass(signal, 100.0, EDGE)[:, 10_000:12_000], atol=2e-5)


@pytest.mark.parametrize("samples", [1, 2, 3, 30])
def test_short_signals_lose_their_mean_alone(samples):
    signal = np.arange(2 * samples, dtype=np.float32).reshape(2, samples) ** 2
    made = linear_phase_highpass(signal, 100.0, EDGE)
    np.testing.assert_allclose(made, signal - signal.mean(axis=1, keepdims=True), rtol=1e-5)


def test_the_signal_is_left_as_it_was_and_any_leading_axes_will_do():
    signal = np.random.default_rng(0).normal(size=(2, 3, 1000)).astype(np.float32)
    before = signal.copy()
    made = linear_phase_highpass(signal, 100.0, EDGE)
    np.testing.assert_array_equal(signal, before)
    np.testing.assert_allclose(made[1], linear_phase_highpass(signal[1], 100.0, EDGE), atol=1e-6)
    assert made.dtype == np.float32


@pytest.mark.parametrize("edge", [50.0, 60.0])
def test_an_edge_at_or_over_half_the_rate_is_refused(edge):
    with pytest.raises(DataError, match=f"edge of {edge:g} Hz needs a sampling rate over {2 * edge:g} Hz"):
        linear_phase_highpass(np.zeros((1, 1000), np.float32), 100.0, edge)


def test_scipy_is_not_needed():
    code = (
        "import sys, numpy as np; from ecgtool.settings import Preprocessing; from ecgtool.record import Record;"
        "from ecgtool.signals.preprocess import preprocess;"
        "steps = Preprocessing(fs=100, highpass=0.05, highpass_filter='fir');"
        "preprocess(Record(np.zeros((1, 1000), np.float32), 100.0, ('I',)), ('I',), steps);"
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
