"""What is drawn is measured again, the way a reader of electrocardiograms would."""

from dataclasses import replace

import numpy as np
import pytest

from ecgtool.record import LEADS_12
from ecgtool.signals.synth import LABELS, Plan, draw
from ecgtool.signals.synth_beats import TERRITORY
from ecgtool.signals.synth_dipole import P, leads_of, moment, twelve
from ecgtool.signals.synth_noise import SILENT, Noise
from ecgtool.signals.synth_person import Person

FS = 500
PEOPLE = range(12)


def person(number, **options):
    return Person.random(np.random.default_rng(number), **options)


def drawn(number, seconds=10.0, fs=FS, hypertrophy=False, **options):
    plan = Plan(person(number, hypertrophy=hypertrophy), hypertrophy=hypertrophy, **options)
    return draw(plan, fs, seconds, number)


def lead(drawing, name):
    return drawing.clean[LEADS_12.index(name)].astype(float)


def around(drawing, name, before_s, after_s, kinds="N"):
    """Samples of a lead around each beat well inside the recording; [beats, samples]."""
    times = [
        time
        for time, kind in zip(drawing.truth.beat_s, drawing.truth.beat_class, strict=True)
        if kind in kinds and 0.5 < time < drawing.truth.seconds - 0.7
    ]
    fs = drawing.record.fs
    steps = np.arange(round(-before_s * fs), round(after_s * fs))
    return lead(drawing, name)[np.round(np.array(times) * fs).astype(int)[:, None] + steps]


def beats_alone(drawing):
    """The beats without what fibrillates between them; [12, samples]."""
    truth = drawing.truth
    dipole = moment(truth.pulses, drawing.record.fs, drawing.clean.shape[1])
    return twelve(leads_of(dipole, truth.precordial_gain))


def qrs_height(drawing, name, kinds="N"):
    """Mean R and S of a lead, above and below the level before QRS, in mV."""
    beats = around(drawing, name, 0.08, 0.1, kinds)
    level = beats[:, :1]
    return float((beats - level).max(axis=1).mean()), float((beats - level).min(axis=1).mean())


def st_level(drawing, name):
    """Mean level 40 to 60 ms after the end of QRS against the end of PR, in mV."""
    signal, found = lead(drawing, name), []
    for wave in drawing.truth.waves():
        if wave.wave == "QRS" and wave.offset_s + 0.1 < drawing.truth.seconds and wave.onset_s > 0.1:
            before = signal[round((wave.onset_s - 0.012) * FS) : round((wave.onset_s - 0.002) * FS)].mean()
            after = signal[round((wave.offset_s + 0.04) * FS) : round((wave.offset_s + 0.06) * FS)].mean()
            found.append(after - before)
    return float(np.mean(found))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fibrillating": True},
        {"conduction": "left"},
        {"territory": "inferior"},
        {"ectopy": "ventricular"},
        {"noise": Noise(0.2, 0.05, 0.05, 5.0)},
    ],
    ids=str,
)
def test_einthoven_and_goldberger_hold_with_and_without_noise(options):
    drawing = drawn(1, **options)
    for signal in (drawing.clean, drawing.record.signal):
        i, ii, iii, avr, avl, avf = signal[:6]
        np.testing.assert_allclose(iii, ii - i, atol=1e-6)
        np.testing.assert_allclose(avr, -(i + ii) / 2, atol=1e-6)
        np.testing.assert_allclose(avl, i - ii / 2, atol=1e-6)
        np.testing.assert_allclose(avf, ii - i / 2, atol=1e-6)
        assert np.abs(avr + avl + avf).max() < 1e-6


def test_the_same_seed_draws_the_same_and_another_does_not():
    plan = Plan(person(1), fibrillating=True, rate=90)
    one, same, other = (draw(plan, 250, 10, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.record.signal, same.record.signal)
    np.testing.assert_array_equal(one.truth.beat_s, same.truth.beat_s)
    assert not np.array_equal(one.record.signal, other.record.signal)


def test_another_rate_samples_the_same_heart():
    plan = Plan(person(2), noise=SILENT)
    fine, coarse = draw(plan, 1000, 10, 3), draw(plan, 100, 10, 3)
    np.testing.assert_allclose(fine.clean[:, ::10], coarse.clean, atol=1e-5)
    assert fine.truth.waves() == coarse.truth.waves()


def test_a_record_says_who_and_what_it_is():
    drawing = draw(Plan(person(3)), 100, 10, 1, "r1", "p1")
    record = drawing.record
    assert (record.id, record.patient, record.leads, record.fs) == ("r1", "p1", LEADS_12, 100)
    assert record.signal.shape == (12, 1000)
    assert record.signal.dtype == np.float32
    assert record.calibrated
    assert record.meta["sex"] in ("M", "F")
    assert 18 <= record.meta["age"] <= 92


def test_r_grows_and_s_shrinks_from_v1_to_v5():
    for number in PEOPLE:
        drawing = drawn(number)
        heights = {name: qrs_height(drawing, name) for name in ("V1", "V2", "V4", "V5", "V6")}
        share = {name: r / (r - s) for name, (r, s) in heights.items()}
        assert share["V1"] < share["V2"] + 0.05 < share["V4"] < share["V5"] + 0.1
        assert share["V1"] < 0.5 < share["V5"]


def test_normal_beats_have_septal_q_upright_t_and_an_inverted_avr():
    for number in PEOPLE:
        drawing = drawn(number)
        assert qrs_height(drawing, "V6")[1] < -0.02
        assert around(drawing, "V1", 0.04, 0.0).max() > 0.05  # r in V1
        assert around(drawing, "aVR", 0.05, 0.45).mean() < 0
        for name in ("V3", "V4", "V5"):
            beats = around(drawing, name, 0.1, 0.5)
            assert beats[:, round(0.3 * FS) : round(0.5 * FS)].max() > 0.05


def test_p_is_upright_in_ii_and_before_every_sinus_beat():
    for number in PEOPLE:
        drawing = drawn(number, rate=65)
        p = [wave for wave in drawing.truth.waves("II") if wave.wave == "P"]
        assert len(p) >= len(drawing.truth.beat_s) - 1
        peaks = lead(drawing, "II")[np.round([wave.peak_s * FS for wave in p]).astype(int)]
        starts = lead(drawing, "II")[np.round([wave.onset_s * FS for wave in p]).astype(int)]
        assert (peaks - starts).min() > 0.03


def test_the_axis_in_the_leads_is_the_persons():
    for number in PEOPLE:
        drawing = drawn(number)
        i, avf = (around(drawing, name, 0.06, 0.07) for name in ("I", "aVF"))
        level_i, level_avf = (each[:, :3].mean() for each in (i, avf))
        axis = np.rad2deg(np.arctan2((avf - level_avf).sum() * 2 / np.sqrt(3), (i - level_i).sum()))
        assert axis == pytest.approx(person(number).axis_deg, abs=15)


@pytest.mark.parametrize("territory", ["anterior", "inferior", "lateral"])
def test_st_is_raised_in_its_territory_and_lowered_opposite(territory):
    opposite = {"anterior": ("III", "aVF"), "inferior": ("aVL",), "lateral": ("III",)}[territory]
    for number in PEOPLE:
        drawing = drawn(number, territory=territory, elevation_mv=0.3)
        levels = {name: st_level(drawing, name) for name in LEADS_12}
        inside = [levels[name] for name in TERRITORY[territory]]
        assert min(inside) > 0.1
        assert np.mean(inside) == pytest.approx(0.3, abs=0.1)
        assert all(levels[name] < -0.05 for name in opposite)
        assert drawing.truth.labels == ("st_elevation",)


def test_st_is_level_without_injury():
    for number in PEOPLE:
        drawing = drawn(number, rate=65)
        assert max(abs(st_level(drawing, name)) for name in LEADS_12) < 0.09


def test_fibrillation_is_irregular_without_p_but_with_f_waves():
    for number in PEOPLE:
        drawing = drawn(number, seconds=60, rate=85, fibrillating=True)
        rr = drawing.truth.rr_s
        assert rr.std() / rr.mean() > 0.12
        assert abs(np.corrcoef(rr[:-1], rr[1:])[0, 1]) < 0.35
        assert not [wave for wave in drawing.truth.waves() if wave.wave == "P"]
        waves = drawing.clean - beats_alone(drawing)
        spectrum = np.abs(np.fft.rfft(waves[LEADS_12.index("V1")])) ** 2
        assert 4 < spectrum.argmax() / drawing.truth.seconds < 9.5
        heights = dict(zip(LEADS_12, waves.std(axis=1), strict=True))
        assert 0.03 < heights["V1"] < 0.2
        assert heights["I"] < heights["II"] < heights["V1"]
        assert heights["V6"] < 0.8 * heights["V1"]


def test_fibrillation_leaves_no_wave_locked_to_qrs_where_p_would_be():
    sinus, fibrillating = drawn(4, seconds=120), drawn(4, seconds=120, fibrillating=True, rate=75)
    before = {name: around(each, "II", 0.22, -0.06) for name, each in (("sinus", sinus), ("afib", fibrillating))}
    p = np.ptp(before["sinus"].mean(axis=0))
    assert p > 0.05
    assert np.ptp(before["afib"].mean(axis=0)) < p / 2


@pytest.mark.parametrize(("rate", "label"), [(45, "bradycardia"), (130, "tachycardia")])
def test_the_rate_is_what_was_planned_and_labelled(rate, label):
    for number in PEOPLE:
        truth = drawn(number, seconds=30, rate=rate).truth
        assert truth.rate == pytest.approx(rate, rel=0.05)
        assert truth.labels == (label,)
        assert truth.rhythm == label


def test_bundle_branch_block_is_wide_with_its_own_shape():
    for number in PEOPLE:
        normal, right, left = (drawn(number, conduction=kind) for kind in ("normal", "right", "left"))
        assert np.nanmax(normal.truth.intervals.qrs_ms) < 120
        assert np.nanmin(right.truth.intervals.qrs_ms) > 120
        assert np.nanmin(left.truth.intervals.qrs_ms) > 120
        late = around(right, "V1", -0.03, 0.09)
        assert late.max(axis=1).mean() > 0.2  # R' in V1
        assert around(right, "V6", -0.03, 0.09).min(axis=1).mean() < -0.1  # wide S
        early = around(left, "V1", 0.06, 0.02)
        assert (early - early[:, :1]).max(axis=1).mean() < 0.05  # no r in V1
        assert qrs_height(left, "V1")[1] < -0.5
        early = around(left, "V6", 0.06, 0.02)
        assert (early - early[:, :1]).min(axis=1).mean() > -0.05  # no q in V6
        assert qrs_height(left, "V6")[0] > 0.4
        t = around(left, "V6", -0.25, 0.45)
        assert t.mean() < 0 < around(left, "V1", -0.25, 0.45).mean()  # discordant
        assert left.truth.labels == right.truth.labels == ("bundle_branch_block",)


def test_hypertrophy_exceeds_sokolow_and_lyon_and_others_do_not():
    for number in PEOPLE:
        thick, usual = drawn(number, hypertrophy=True), drawn(number)
        for drawing, holds in ((thick, True), (usual, False)):
            voltage = max(qrs_height(drawing, name)[0] for name in ("V5", "V6")) - qrs_height(drawing, "V1")[1]
            assert (voltage > 3.5) is holds
        assert around(thick, "V6", -0.22, 0.34).mean() < -0.03  # strain
        assert thick.truth.labels == ("hypertrophy",)


def test_ventricular_beats_are_early_wide_without_p_and_followed_by_a_full_pause():
    seen = 0
    for number in PEOPLE:
        truth = drawn(number, seconds=30, ectopy="ventricular", ectopic_every=5).truth
        usual = np.median(truth.rr_s)
        p_beats = {wave.beat for wave in truth.waves() if wave.wave == "P"}
        for beat in np.flatnonzero(np.array(truth.beat_class) == "V"):
            assert truth.intervals.qrs_ms[beat] > 120
            assert beat not in p_beats
            if 0 < beat < len(truth.beat_s) - 1:
                seen += 1
                assert truth.rr_s[beat - 1] < 0.85 * usual
                assert truth.rr_s[beat - 1] + truth.rr_s[beat] == pytest.approx(2 * usual, rel=0.2)
        assert truth.labels == ("arrhythmia", "ectopy")
    assert seen > 30


def test_atrial_beats_are_early_and_narrow_and_their_pause_does_not_compensate():
    both = []
    for number in PEOPLE:
        drawing = drawn(number, seconds=30, rate=65, ectopy="atrial", ectopic_every=5)
        truth = drawing.truth
        usual = np.median(truth.rr_s)
        for beat in np.flatnonzero(np.array(truth.beat_class) == "S"):
            assert truth.intervals.qrs_ms[beat] < 120
            if 0 < beat < len(truth.beat_s) - 1:
                assert truth.rr_s[beat - 1] < 0.88 * usual
                both.append((truth.rr_s[beat - 1] + truth.rr_s[beat]) / usual)
        assert set(truth.beat_class) == {"N", "S"}
    assert len(both) > 30
    assert np.mean(both) < 1.9


def test_p_of_an_atrial_beat_points_up():
    for number in PEOPLE:
        drawing = drawn(number, seconds=30, rate=65, ectopy="atrial", ectopic_every=5)
        pulses = drawing.truth.pulses
        dipole = moment(pulses.where(pulses.wave == P), FS, drawing.clean.shape[1])
        avf = twelve(leads_of(dipole, drawing.truth.precordial_gain))[LEADS_12.index("aVF")]
        for time, kind in zip(drawing.truth.beat_s, drawing.truth.beat_class, strict=True):
            around_p = avf[max(round((time - 0.25) * FS), 0) : round(time * FS)]
            extreme = around_p[np.abs(around_p).argmax()] if len(around_p) else 0.0
            if time > 0.3:
                assert (extreme < -0.03) if kind == "S" else (extreme > 0.03)


def test_fusion_beats_lie_between_the_two_they_fuse():
    for number in range(40):
        drawing = drawn(number, seconds=60, ectopy="ventricular", ectopic_every=3)
        kinds = np.array(drawing.truth.beat_class)
        if not (kinds == "F").any():
            continue
        widths = drawing.truth.intervals.qrs_ms
        mean = {kind: np.nanmean(widths[kinds == kind]) for kind in "NFV"}
        assert mean["N"] < mean["F"]
        return
    pytest.fail("no fusion beat in 40 recordings")


def test_sinus_rhythm_varies_with_breath_and_less_with_age():
    young = replace(person(5), age=25, variability=0.05)
    old = replace(person(5), age=85, variability=0.018)
    spread = [draw(Plan(each, rate=65), 50, 300, 1).truth.rr_s.std() for each in (young, old)]
    assert 0.02 < spread[0] < 0.09
    assert spread[1] < spread[0] / 1.8
    truth = draw(Plan(young, rate=65), 50, 300, 1).truth
    grid = np.arange(5, 295, 0.25)
    tachogram = np.interp(grid, truth.beat_s[1:], truth.rr_s)
    power = np.abs(np.fft.rfft((tachogram - tachogram.mean()) * np.hanning(len(grid)))) ** 2
    frequencies = np.fft.rfftfreq(len(grid), 0.25)
    low, high = (power[(frequencies >= a) & (frequencies < b)].sum() for a, b in ((0.04, 0.15), (0.15, 0.4)))
    assert 0.2 < low / high < 8
    assert low + high > 0.6 * power.sum()


def test_qt_follows_fridericia():
    for rate in (45, 75, 120):
        truth = drawn(6, seconds=20, rate=rate).truth
        qt = np.nanmedian(truth.intervals.qt_ms)
        corrected = qt / np.cbrt(60 / rate)
        assert corrected == pytest.approx(person(6).qtc_ms, abs=35)


def test_noise_is_as_loud_as_asked_and_band_limited():
    quiet, loud = (draw(Plan(person(1), noise=noise), FS, 10, 1) for noise in (SILENT, Noise(0.3, 0, 0, 0)))
    np.testing.assert_array_equal(quiet.record.signal, quiet.clean)
    wander = (loud.record.signal - loud.clean).astype(float)
    power = np.abs(np.fft.rfft(wander - wander.mean(axis=1, keepdims=True))) ** 2
    frequencies = np.fft.rfftfreq(wander.shape[1], 1 / FS)
    assert power[:, frequencies > 1.5].sum() < 0.02 * power.sum()
    mains = draw(Plan(person(1), noise=Noise(0, 0, 0.05, 0, 60)), FS, 10, 1)
    hum = np.abs(np.fft.rfft((mains.record.signal - mains.clean)[0]))
    assert frequencies[hum.argmax()] == pytest.approx(60, abs=0.2)
    muscle = draw(Plan(person(1), noise=Noise(0, 0.05, 0, 0)), FS, 10, 1)
    spectrum = np.abs(np.fft.rfft((muscle.record.signal - muscle.clean)[0])) ** 2
    assert spectrum[(frequencies > 15) & (frequencies < 170)].sum() > 0.9 * spectrum.sum()
    assert 0.02 < (muscle.record.signal - muscle.clean)[0].std() < 0.2


def test_mains_above_the_recorders_band_are_not_folded_back():
    noisy = draw(Plan(person(1), noise=Noise(0, 0, 0.5, 0, 50)), 100, 10, 1)
    np.testing.assert_array_equal(noisy.record.signal, noisy.clean)


def test_labels_are_the_promised_names():
    assert {"normal", "st_elevation", "arrhythmia", "afib", "tachycardia", "bradycardia"} <= set(LABELS)
    assert drawn(1).truth.labels == ("normal",)
    assert drawn(1, rate=130, fibrillating=True, seconds=30).truth.labels == ("arrhythmia", "afib", "tachycardia")
