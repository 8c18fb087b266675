"""The boundaries that the truth states are those of the signal that was drawn."""

import numpy as np
import pytest

from ecgtool.record import LEADS_12
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_dipole import QRS, WAVES, P, T, leads_of, moment, twelve
from ecgtool.signals.synth_person import Person

FS = 1000


@pytest.fixture(scope="module")
def drawing():
    person = Person.random(np.random.default_rng(8))
    return draw(Plan(person, rate=62, ectopy="ventricular", ectopic_every=4), FS, 20, 8)


def part_of(drawing, wave):
    """One kind of wave alone, in all leads; [12, samples]."""
    pulses = drawing.truth.pulses
    dipole = moment(pulses.where(pulses.wave == wave), FS, round(drawing.truth.seconds * FS))
    return twelve(leads_of(dipole, drawing.truth.precordial_gain))


@pytest.mark.parametrize("wave", [P, QRS, T], ids=lambda wave: WAVES[wave])
def test_a_wave_is_small_outside_its_bounds_and_largest_at_its_peak(drawing, wave):
    alone = np.abs(part_of(drawing, wave))
    share = 0.02 if wave == QRS else 0.05
    for name in ("I", "II", "V1", "V5"):
        signal = alone[LEADS_12.index(name)]
        found = [each for each in drawing.truth.waves(name) if each.wave == WAVES[wave]]
        assert len(found) > 8
        for each in found:
            onset, peak, offset = (round(time * FS) for time in each[2:])
            largest = signal[onset : offset + 1].max()
            assert signal[peak] == pytest.approx(largest, rel=0.01)
            assert signal[onset] == pytest.approx(share * largest, abs=0.03 * largest)
            assert signal[offset] == pytest.approx(share * largest, abs=0.03 * largest)
            assert signal[max(onset - 60, 0) : max(onset - 2, 0)].max(initial=0) <= 1.1 * share * largest


def test_waves_come_in_order_and_inside_the_recording(drawing):
    truth = drawing.truth
    waves = truth.waves()
    assert [wave.onset_s for wave in waves] == sorted(wave.onset_s for wave in waves)
    for wave in waves:
        assert 0 <= wave.onset_s < wave.peak_s < wave.offset_s < truth.seconds
    by_beat = {(wave.beat, wave.wave): wave for wave in waves}
    for (beat, kind), wave in by_beat.items():
        if kind == "P" and (beat, "QRS") in by_beat:
            assert wave.offset_s <= by_beat[beat, "QRS"].onset_s + 0.01
        if kind == "T":
            assert wave.onset_s > by_beat[beat, "QRS"].onset_s


def test_each_beat_lies_inside_its_qrs(drawing):
    for wave in drawing.truth.waves():
        if wave.wave == "QRS":
            assert wave.onset_s < drawing.truth.beat_s[wave.beat] < wave.offset_s


def test_bounds_over_all_leads_embrace_those_of_each(drawing):
    overall = {(wave.beat, wave.wave): wave for wave in drawing.truth.waves()}
    for name in LEADS_12:
        for wave in drawing.truth.waves(name):
            around = overall.get((wave.beat, wave.wave))
            if around:
                assert around.onset_s <= wave.onset_s
                assert around.offset_s >= wave.offset_s


def test_intervals_are_the_persons():
    for number in range(8):
        person = Person.random(np.random.default_rng(number))
        intervals = draw(Plan(person, rate=60), 100, 10, number).truth.intervals
        assert np.nanmedian(intervals.pr_ms) == pytest.approx(person.pr_ms, abs=15)
        assert np.nanmedian(intervals.qrs_ms) == pytest.approx(person.qrs_ms, abs=12)
        assert np.nanmedian(intervals.qt_ms) == pytest.approx(person.qtc_ms, abs=40)


def test_a_long_recording_has_the_truth_of_every_beat():
    person = Person.random(np.random.default_rng(1))
    truth = draw(Plan(person, rate=75), 50, 600, 1).truth
    assert len(truth.beat_s) == pytest.approx(750, rel=0.05)
    qrs = [wave for wave in truth.waves() if wave.wave == "QRS"]
    assert len(qrs) >= len(truth.beat_s) - 2


def test_a_recording_without_a_beat_has_no_waves():
    person = Person.random(np.random.default_rng(1))
    truth = draw(Plan(person, rate=40), 100, 0.2, 3).truth
    assert len(truth.beat_s) <= 1
    assert np.isnan(truth.rate)
    assert len(truth.waves()) <= 3
