"""What is measured in a drawn recording is what its truth says, which the measuring never sees."""

from dataclasses import replace

import numpy as np
import pytest

from ecgtool.errors import DataError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_beats import TERRITORY
from ecgtool.signals.synth_noise import SILENT, Noise
from ecgtool.signals.synth_person import Person
from ecgtool.signals.waveform_check import find_beats, measure

NOISY = Noise(0.1, 0.025, 0.01, 0.3)
PEOPLE = range(6)


def drawn(number, fs=500, seconds=10.0, **options):
    return draw(Plan(Person.random(np.random.default_rng(number)), **options), fs, seconds, number)


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 48},
        {"rate": 75},
        {"rate": 140},
        {"fibrillating": True, "rate": 130},
        {"conduction": "left"},
        {"ectopy": "ventricular", "ectopic_every": 4},
        {"territory": "lateral"},
    ],
    ids=str,
)
@pytest.mark.parametrize("noise", [SILENT, NOISY], ids=["silent", "noisy"])
def test_every_beat_is_found_and_nothing_else(options, noise):
    for number in PEOPLE:
        drawing = drawn(number, noise=noise, **options)
        whole = [time for time in drawing.truth.beat_s if 0.1 < time < 9.9]
        found = find_beats(drawing.record.signal, 500) / 500
        nearest = [np.abs(found - time).min() for time in whole]
        assert max(nearest) < 0.06
        assert len(whole) <= len(found) <= len(drawing.truth.beat_s)


def test_rates_and_irregularity_are_those_of_the_truth():
    for number in PEOPLE:
        for options in ({"rate": 48}, {"rate": 135}, {"fibrillating": True, "rate": 90}):
            drawing = drawn(number, 250, 30, noise=NOISY, **options)
            waveform, rr = measure(drawing.record), drawing.truth.rr_s
            assert waveform.rate == pytest.approx(drawing.truth.rate, rel=0.03)
            assert waveform.irregularity == pytest.approx(
                np.sqrt(np.mean(np.diff(rr) ** 2)) / rr.mean(), rel=0.15, abs=0.01
            )
            assert waveform.rr_variation == pytest.approx(rr.std() / rr.mean(), rel=0.15, abs=0.01)
            assert (waveform.irregularity > 0.1) == ("fibrillating" in options)


@pytest.mark.parametrize("conduction", ["normal", "right", "left"])
@pytest.mark.parametrize("noise", [SILENT, NOISY], ids=["silent", "noisy"])
def test_qrs_is_as_wide_as_it_was_drawn(conduction, noise):
    for number in PEOPLE:
        drawing = drawn(number, conduction=conduction, noise=noise)
        waveform = measure(drawing.record)
        assert waveform.qrs_ms == pytest.approx(np.nanmedian(drawing.truth.intervals.qrs_ms), abs=25)
        assert (waveform.qrs_ms > 120) == (conduction != "normal")


@pytest.mark.parametrize("territory", ["anterior", "inferior", "lateral"])
def test_st_is_raised_where_and_as_much_as_it_was_drawn(territory):
    for number in PEOPLE:
        drawing = drawn(number, territory=territory, elevation_mv=0.3, noise=NOISY)
        levels = measure(drawing.record).st_mv
        inside = [levels[lead] for lead in TERRITORY[territory]]
        assert np.mean(inside) == pytest.approx(0.33, abs=0.12)
        level = measure(drawn(number, noise=NOISY, rate=65).record).st_mv
        assert max(abs(value) for value in level.values()) < 0.1


def test_a_tall_t_wave_is_no_beat():
    for number in PEOPLE:
        drawing = drawn(number, rate=60, noise=SILENT)
        at = np.round(drawing.truth.beat_s * 500).astype(int)
        bump = np.exp(-0.5 * (np.arange(-60, 61) / 18) ** 2).astype(np.float32)
        tall = drawing.record.signal.copy()
        for beat in at[1:-1]:
            tall[:, beat + 60 : beat + 181] += bump  # a millivolt more in every lead
        assert len(find_beats(tall, 500)) == len(find_beats(drawing.record.signal, 500))


def test_a_beat_that_the_beginning_cuts_is_left_out():
    drawing = drawn(3, rate=60, noise=SILENT)
    at = np.round(drawing.truth.beat_s * 500).astype(int)
    assert len(find_beats(drawing.record.signal[:, at[2] + 5 :], 500)) == len(at) - 3


def test_gaps_do_not_keep_from_measuring():
    drawing = drawn(1, noise=SILENT)
    signal = drawing.record.signal.copy()
    signal[3, 100:900] = np.nan
    assert measure(replace(drawing.record, signal=signal)).rate == pytest.approx(drawing.truth.rate, rel=0.02)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(DataError, match="0 beats"):
        measure(Record(np.zeros((12, 5000), np.float32), 500, LEADS_12, "flat"))
    with pytest.raises(DataError, match="50 Hz"):
        measure(Record(np.zeros((12, 500), np.float32), 50, LEADS_12, "slow"))
    with pytest.raises(DataError, match="beats"):
        measure(drawn(1, seconds=2).record)


def test_real_beats_are_found_as_their_annotators_did(recordings):
    """Beats of LUDB, whose annotations leave out the first and the last ones."""
    import wfdb

    folder = recordings("ludb")
    missed, extra, all_beats = 0, 0, 0
    for path in sorted(folder.rglob("*.hea"))[:20]:
        record = read_record(path)
        marks = wfdb.rdann(str(path.with_suffix("")), "ii")
        beats = np.array([at for at, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol == "N"])
        found = find_beats(record.signal, record.fs)
        inside = found[(found > beats[0] - 75) & (found < beats[-1] + 75)]
        missed += sum(np.abs(inside - beat).min(initial=5000) > 75 for beat in beats)
        extra += sum(np.abs(beats - beat).min() > 75 for beat in inside)
        all_beats += len(beats)
    assert all_beats > 100
    assert missed + extra <= 0.02 * all_beats
