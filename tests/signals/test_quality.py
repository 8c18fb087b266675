"""Quality of leads: what is wrong with a lead is named, and nothing is said of a sound one."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from ecgtool.formats import read_record
from ecgtool.record import Record
from ecgtool.signals.quality import quality

FS = 360.0


@pytest.fixture(scope="module")
def heart():
    """A minute of one lead: narrow complexes, T waves, a little noise; millivolts."""
    rng = np.random.default_rng(1)
    time = np.arange(round(60 * FS)) / FS
    phase = time % 0.85 - 0.4
    beats = np.exp(-(phase**2) / 2e-4) - 0.25 * np.exp(-((phase - 0.03) ** 2) / 2e-4)
    return beats + 0.2 * np.exp(-((phase - 0.25) ** 2) / 3e-3) + rng.normal(0, 0.005, len(time)), time, rng


def judged(signal, **meta):
    return quality(Record(np.asarray(signal, np.float32)[None], FS, ("II",), meta=meta))[0]


def test_a_sound_lead_is_good(heart):
    found = judged(heart[0])
    assert (found.verdict, found.reasons) == ("good", ())
    assert found.kurtosis > 12
    assert 0.4 < found.qrs_power < 0.95


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s, t, r: s + 1.5 * np.sin(2 * np.pi * 0.3 * t), "baseline wander"),
        (lambda s, t, r: s + 0.5 * np.sin(2 * np.pi * 50 * t), "noise above 40 Hz: mains or muscles"),
        (lambda s, t, r: np.clip(s, -0.1, 0.3), "runs against the end of its scale"),
        (lambda s, t, r: r.normal(0, 0.3, len(s)), "no QRS complexes stand out"),
        (lambda s, t, r: np.sin(2 * np.pi * 7 * t), "no QRS complexes stand out"),
        (lambda s, t, r: s + 30 * (np.abs(t % 10 - 5) < 0.02), "artefacts tower over the beats"),
        (lambda s, t, r: np.where(t % 5 < 1, np.nan, s), "samples marked invalid"),
    ],
)
def test_what_is_wrong_is_named(heart, spoil, reason):
    found = judged(spoil(*heart))
    assert found.verdict == "poor"
    assert reason in found.reasons


def _wide(time, beat_s, jitter_s=0.0):
    """Complexes of 160 ms and T waves against them, as of left bundle branch block or a pacemaker."""
    number = np.arange(round(time[-1] / beat_s) + 1)
    phase = time - (number * beat_s + jitter_s * np.sin(number))[:, None]
    complexes = np.exp(-(phase**2) / 1e-3) + 0.8 * np.exp(-((phase - 0.06) ** 2) / 1e-3)
    return (0.4 * np.exp(-((phase - 0.25) ** 2) / 4e-3) - complexes).sum(axis=0)


@pytest.mark.parametrize("fs", [50.0, 100.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("beat_s", [0.4, 0.6, 1.0])
def test_wide_complexes_are_no_noise_at_any_rate(fs, beat_s):
    time = np.arange(round(30 * fs)) / fs
    signal = _wide(time, beat_s, 0.01) + np.random.default_rng(2).normal(0, 0.01, len(time))
    found = quality(Record(signal.astype(np.float32)[None], fs, ("V1",)))[0]
    assert (found.verdict, found.reasons) == ("good", ())
    noise = np.random.default_rng(2).normal(0, 0.3, len(time)).astype(np.float32)
    assert quality(Record(noise[None], fs, ("V1",)))[0].verdict == "poor"


def test_wander_of_a_small_lead_is_no_fault_before_it_can_be_seen(heart):
    small, time, _ = heart
    wander = np.sin(2 * np.pi * 0.3 * time)
    assert judged(0.1 * small + 0.1 * wander).verdict == "good"
    assert judged(0.1 * small + 0.2 * wander).reasons == ("baseline wander",)
    assert judged(0.1 * small + 0.1 * wander, calibrated=False).reasons == ("baseline wander",)


def test_left_bundle_branch_block_and_pacemakers_are_not_called_noise(recordings):
    folder = recordings("ptbxl")
    with (folder / "ptbxl_database.csv").open(newline="") as file:
        files = [row["filename_lr"] for row in csv.DictReader(file) if re.search("CLBBB|PACE", row["scp_codes"])]
    there = [folder / f"{name}.hea" for name in files if (folder / f"{name}.hea").is_file()]
    good = [lead.verdict == "good" for path in there for lead in quality(read_record(path))]
    assert len(good) > 100
    assert np.mean(good) > 0.9


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (np.zeros(7200), "flat line"),
        (np.full(7200, np.nan), "no valid samples"),
        (np.random.default_rng(0).normal(0, 0.001, 7200), "next to nothing at 5-40 Hz: electrode off?"),
    ],
)
def test_a_lead_without_an_electrode_is_off(signal, reason):
    found = judged(signal)
    assert (found.verdict, found.reasons) == ("off", (reason,))


def test_a_lead_that_was_recorded_for_a_part_of_the_page_is_not_called_off(heart):
    signal = np.full(3600, np.nan)
    signal[900:1800] = heart[0][:900]
    found = judged(signal)
    assert (found.verdict, found.reasons, found.invalid) == ("poor", ("samples marked invalid",), 0.75)
    assert found.kurtosis > 12
    short = judged(heart[0][:180])
    assert (short.verdict, short.reasons) == ("poor", ("less than a second of valid samples",))


def test_a_bad_tenth_makes_a_lead_doubtful_and_says_how_much(heart):
    signal = heart[0].copy()
    signal[: round(10 * FS)] = 0
    found = judged(signal)
    assert (found.verdict, found.reasons) == ("doubtful", ("flat line (17%)",))


def test_the_size_of_what_is_not_calibrated_is_not_judged(heart):
    assert judged(heart[0] * 1e-4, calibrated=False).verdict == "good"
    assert judged(heart[0] * 1e-4).verdict == "off"


def test_waves_that_no_heart_makes_are_doubted(heart):
    assert judged(heart[0] * 8).reasons == ("waves of over 5 mV: is the gain right?",)
    assert judged(heart[0] * 8, calibrated=False).verdict == "good"


def test_indices_do_not_depend_on_scale_or_offset(heart):
    one, other = judged(heart[0]), judged(heart[0] * 3 + 5)
    assert other.kurtosis == pytest.approx(one.kurtosis, rel=1e-3)
    assert other.baseline == pytest.approx(one.baseline, rel=1e-3)


@pytest.mark.parametrize("samples", [0, 1, 2, 50, 400])
def test_short_recordings_are_borne(samples):
    assert judged(np.linspace(0, 1, samples)).verdict in ("off", "poor", "doubtful", "good")


def test_noise_of_the_stress_database_is_poor_and_a_clean_recording_good(recordings):
    for name in ("bw", "ma"):
        assert {lead.verdict for lead in quality(read_record(recordings("nstdb") / f"{name}.hea"))} == {"poor"}
    assert {lead.verdict for lead in quality(read_record(recordings("mitdb") / "100.hea"))} == {"good"}


def test_recordings_labelled_as_noise_are_doubted_more_often(recordings):
    folder = recordings("cinc2017")
    rows = json.loads((folder / "labels.json").read_text())
    doubted = {"noise": [], "normal": []}
    for row in rows:
        label = row["label"] if isinstance(row["label"], str) else row["label"][0]
        if label in doubted:
            path = (folder / (row.get("file") or row["filename"])).with_suffix(".hea")
            doubted[label].append(quality(read_record(path))[0].verdict != "good")
    assert np.mean(doubted["normal"]) < 0.1
    assert np.mean(doubted["noise"]) > 3 * np.mean(doubted["normal"])


def test_a_recording_of_several_leads_is_judged_lead_by_lead(heart):
    record = Record(np.stack([heart[0], np.zeros(len(heart[0]))]).astype(np.float32), FS, ("I", "II"))
    assert [lead.verdict for lead in quality(replace(record, id="two"))] == ["good", "off"]
