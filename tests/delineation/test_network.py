"""The network that is shipped: whole, and finding drawn waves where they are."""

import json
from importlib.resources import files

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import DEFAULT, delineate, network
from ecgtool.delineation.network_decode import decode, runs_of
from ecgtool.files import digest
from ecgtool.metrics.waves import figures, tally
from ecgtool.record import LEADS_12
from ecgtool.signals.peaks import r_peaks
from ecgtool.waves import Wave, Waves

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def corpus():
    return Synthetic(records=24, fs=500.0)


@pytest.fixture(scope="module")
def sinus(corpus):
    return next(drawing for entry in corpus.entries if (drawing := corpus.drawing(entry)).truth.rhythm == "sinus")


def of_truth(drawing):
    """The drawn waves as an expert's would be, the first and the last beat left out."""
    fs, rows = drawing.record.fs, []
    last = len(drawing.truth.beat_s) - 1
    for number, lead in enumerate(LEADS_12):
        for wave in drawing.truth.waves(lead):
            if 0 < wave.beat < last:
                times = [round(time * fs) for time in (wave.onset_s, wave.peak_s, wave.offset_s)]
                rows.append((number, wave.beat, Wave[wave.wave], *times))
    table = np.array(rows, np.int64).reshape(-1, 6)
    return Waves(fs, LEADS_12, np.rint(drawing.truth.beat_s * fs).astype(np.int64), table)


def found(drawing, **changed):
    record = drawing.record
    return delineate(changed.get("signal", record.signal), record.fs, record.leads, "unet1d")


def test_the_network_is_whole_small_and_has_a_card():
    folder = files("ecgtool.delineation")
    card = json.loads(folder.joinpath(network.CARD).read_text())
    model = folder.joinpath(card["file"])
    assert card["file"] == network.MODEL
    assert digest(model) == card["digest"]
    assert len(model.read_bytes()) < MOST_BYTES
    assert "ODC-By" in card["trained_on"]
    assert "Not a medical device" in card["limits"]
    splits = [set(numbers) for numbers in card["records"].values()]
    assert not set.intersection(splits[0], splits[1]) | set.intersection(splits[0], splits[2])
    assert not splits[1] & splits[2]
    assert DEFAULT == "unet1d"


def test_drawn_waves_are_found_where_they_were_drawn(corpus):
    drawings = [drawing for entry in corpus.entries if (drawing := corpus.drawing(entry)).truth.rhythm == "sinus"]
    made = figures([tally(of_truth(drawing), found(drawing)) for drawing in drawings[:8]])
    for name, boundary in made.total.items():
        assert boundary.sensitivity > 0.97, name
        assert abs(boundary.mean_ms) < 25, name
        assert boundary.sd_ms < 20, name


def told(corpus, rhythm):
    """P waves that were drawn in recordings of a rhythm, those that the network alone tells, and the beats."""
    drawings = [drawing for entry in corpus.entries if (drawing := corpus.drawing(entry)).truth.rhythm == rhythm][:6]
    drawn = sum(wave.wave == "P" for drawing in drawings for wave in drawing.truth.waves("II"))
    every = [network.unet1d(one.record.signal, 500.0, LEADS_12, r_peaks(one.record.signal, 500.0)) for one in drawings]
    return drawn, sum(len(waves.of(lead=1, kind=Wave.P)) for waves in every), sum(len(each.beats) for each in every)


def test_drawn_fibrillation_has_no_p_wave_though_the_network_is_left_alone():
    drawn, found_, beats = told(Synthetic(60, 10, 5, 500.0), "afib")
    assert drawn == found_ == 0
    assert beats > 40


def test_most_p_waves_of_drawn_tachycardia_are_told():
    drawn, found_, _ = told(Synthetic(60, 10, 5, 500.0), "tachycardia")
    assert 0.9 * drawn < found_ <= 1.05 * drawn
    assert drawn > 80


def test_waves_are_in_order_within_the_recording_and_at_most_one_of_a_kind_in_a_beat(sinus):
    waves = found(sinus)
    lead, beat, kind, onset, peak, offset = waves.table.T
    assert (onset <= peak).all()
    assert (peak <= offset).all()
    assert onset.min() >= 0
    assert offset.max() < sinus.record.signal.shape[1]
    keys = np.column_stack([lead, beat, kind])
    assert len(np.unique(keys, axis=0)) == len(keys)
    assert np.array_equal(np.lexsort((onset, lead)), np.arange(len(lead)))
    for one in range(len(LEADS_12)):
        rows = waves.of(lead=one)
        assert (rows[1:, 3] >= rows[:-1, 5] - 2).all(), "waves of a lead hardly overlap"


def test_a_beat_has_the_same_waves_in_all_leads(sinus):
    waves = found(sinus)
    counts = np.unique(waves.table[:, 1:3], axis=0, return_counts=True)[1]
    assert set(counts.tolist()) == {len(LEADS_12)}


def test_neither_unit_nor_offset_nor_drift_matters(sinus):
    drift = np.linspace(0, 20_000, sinus.record.signal.shape[1], dtype=np.float32)
    plain, other = found(sinus), found(sinus, signal=sinus.record.signal * 1000 + 40 + drift)
    assert len(plain) == len(other)
    assert np.abs(plain.table[:, 3:] - other.table[:, 3:]).max() <= 4


def test_a_lead_turned_over_has_its_waves_where_they_were(sinus):
    signal = sinus.record.signal.copy()
    signal[6:] *= -1
    made = figures([tally(found(sinus), found(sinus, signal=signal))])
    assert made.mean_f1 > 0.97


def test_a_lead_that_is_off_has_no_waves_and_takes_none_from_the_others(sinus):
    signal = sinus.record.signal.copy()
    signal[3] = 0.2
    waves = found(sinus, signal=signal)
    assert not len(waves.of(lead=3))
    made = figures([tally(found(sinus), waves)])
    assert made.by_lead["II"]["P onset"].sensitivity > 0.95


def test_silence_and_no_beats_give_no_waves():
    silence = np.zeros((2, 1000), np.float32)
    assert not len(network.unet1d(silence, 250.0, ("I", "II"), np.array([100, 400])))
    assert not len(
        network.unet1d(silence + np.arange(1000, dtype=np.float32), 250.0, ("I", "II"), np.empty(0, np.int64))
    )


def test_a_long_recording_is_found_as_its_parts_are(sinus):
    """Windows overlap: what is said of a sample does not depend on where they meet."""
    slow = sinus.record.signal[:, ::2]
    long = np.concatenate([slow] * 5, axis=1)
    said, parts = network.probabilities(long), network.probabilities(slow)
    assert said.shape == (12, 4, long.shape[1])
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    middle = slice(2 * slow.shape[1] + 400, 3 * slow.shape[1] - 400)
    again = said[:, :, middle].argmax(axis=1) == parts[:, :, 400:-400].argmax(axis=1)
    assert again.mean() > 0.97


def test_a_stretch_shorter_than_a_window_is_read_too(sinus):
    for samples in (1, 40, 700, 2499, 2500, 2501, 4250, 4251):
        assert network.probabilities(np.tile(sinus.record.signal[:2, ::2], 2)[:, :samples]).shape == (2, 4, samples)


def said_of(labels):
    """Probabilities that say labels [leads, samples] for sure."""
    return np.ascontiguousarray(np.eye(4, dtype=np.float32)[np.asarray(labels)].swapaxes(1, 2)) * 0.97 + 0.0075


def test_runs_are_stretches_of_one_label():
    runs = runs_of(np.array([[1, 1, 0, 2, 3, 3], [0, 0, 0, 0, 0, 1]]))
    assert runs.row.tolist() == [0, 0, 0, 1]
    assert runs.kind.tolist() == [0, 1, 2, 0]
    assert runs.start.tolist() == [0, 3, 4, 5]
    assert runs.stop.tolist() == [2, 4, 6, 6]


def beat_at(labels, place, p=True):
    """Draw P, QRS and T around an R peak at 250 Hz."""
    if p:
        labels[:, place - 45 : place - 20] = 1
    labels[:, place - 10 : place + 11] = 2
    labels[:, place + 40 : place + 80] = 3


def test_waves_belong_to_the_beats_that_are_given():
    labels = np.zeros((2, 600), np.int64)
    beat_at(labels, 150)
    beat_at(labels, 400, p=False)
    made = decode(said_of(labels), np.array([151.0, 399.0]), 250.0)
    table = {(int(k), int(b)) for k, b in zip(made.kind, made.beat, strict=True)}
    assert table == {(Wave.P, 0), (Wave.QRS, 0), (Wave.T, 0), (Wave.QRS, 1), (Wave.T, 1)}
    first = (made.kind == Wave.QRS) & (made.beat == 0) & (made.lead == 1)
    assert made.onset[first] == pytest.approx(140, abs=0.5)
    assert made.offset[first] == pytest.approx(160, abs=0.5)
    alone = decode(said_of(labels), np.array([399.0]), 250.0)
    assert set(alone.beat.tolist()) == {0}
    assert Wave.P not in alone.kind.tolist(), "the P wave is of another beat"


def test_noise_in_one_lead_neither_makes_a_wave_nor_hides_one():
    labels = np.zeros((5, 600), np.int64)
    beat_at(labels, 300)
    labels[0] = 0
    labels[0, 100:140] = 1
    labels[0, 290:310] = 3
    made = decode(said_of(labels), np.array([300.0]), 250.0)
    assert sorted(made.kind[made.lead == 0].tolist()) == [Wave.P, Wave.QRS, Wave.T]
    assert made.onset[(made.lead == 0) & (made.kind == Wave.QRS)] == pytest.approx(290, abs=0.5)


def test_a_doubtful_p_wave_among_beats_without_any_is_none():
    places = list(range(150, 1500, 130))
    labels = np.zeros((1, 1600), np.int64)
    for number, place in enumerate(places):
        beat_at(labels, place, p=number in (3, 7))
    said = said_of(labels)
    beats = np.array(places, float)
    assert (decode(said, beats, 250.0).kind == Wave.P).sum() == 2, "these are beyond doubt"
    doubtful = np.where(labels[:, None] == 1, np.array([0.4, 0.5, 0.05, 0.05], np.float32)[:, None], said)
    assert not (decode(doubtful, beats, 250.0).kind == Wave.P).any()
    for place in places:
        beat_at(labels, place)
    often = np.where(labels[:, None] == 1, np.array([0.4, 0.5, 0.05, 0.05], np.float32)[:, None], said_of(labels))
    assert (decode(often, beats, 250.0).kind == Wave.P).sum() == len(places)


def test_of_two_stretches_for_one_wave_the_surer_one_is_it():
    labels = np.zeros((1, 600), np.int64)
    beat_at(labels, 300)
    labels[0, 225:232] = 1
    made = decode(said_of(labels), np.array([300.0]), 250.0)
    assert made.onset[made.kind == Wave.P] == pytest.approx(255, abs=0.5)


def test_far_away_stretches_are_no_waves_of_a_beat():
    labels = np.zeros((1, 1000), np.int64)
    labels[0, 490:511] = 2
    labels[0, 200:230] = 1
    labels[0, 800:850] = 3
    assert decode(said_of(labels), np.array([500.0]), 250.0).kind.tolist() == [Wave.QRS]
    assert not len(decode(said_of(labels), np.array([700.0]), 250.0).kind), "what has no QRS complex is no beat"


def test_peaks_are_snapped_to_the_extremum_of_the_signal_itself(sinus):
    waves, record = found(sinus), sinus.record
    largest = int(np.ptp(record.signal, axis=1).argmax())
    for lead, _, _, onset, peak, offset in waves.of(lead=largest, kind=Wave.QRS).tolist():
        stretch = record.signal[lead, onset : offset + 1]
        line = np.linspace(stretch[0], stretch[-1], len(stretch))
        away = np.abs(stretch - line)
        assert away[peak - onset] == pytest.approx(away.max(), rel=0.02)


def test_a_pacing_spike_is_no_peak(sinus):
    plain = found(sinus)
    signal = sinus.record.signal.copy()
    complexes = plain.of(lead=4, kind=Wave.QRS)[1:-1]
    signal[4, complexes[:, 3] + 4] += 5
    paced = found(sinus, signal=signal).of(lead=4, kind=Wave.QRS)[1:-1]
    assert (np.abs(paced[:, 4] - complexes[:, 3] - 4) > 3).all()


def test_a_wave_is_no_hairline_in_any_lead():
    said = np.zeros((3, 4, 500), np.float32)
    said[:, 0], said[:, 2, 200:225] = 0.2, 0.8
    said[:2, 1, 150:175], said[2, 1, 160:162] = 0.8, 0.5
    said[2, 0, 150:175] = 0.9
    said[2, 0, 160:162] = 0.1
    held = decode(said / said.sum(axis=1, keepdims=True), np.array([212.0]), 250.0)
    p = held.kind == Wave.P
    assert p.sum() == 3
    assert (held.offset[p] - held.onset[p] > 15).all()
