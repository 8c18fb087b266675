"""Checks of whole recordings: wrong order, wrong gain, exchanged arms, wrong unit."""

from dataclasses import replace

import numpy as np
import pytest

from ecgtool.formats import read_record
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.signals.checks import check


@pytest.fixture(scope="module")
def sound():
    """Twelve leads that obey Einthoven and Goldberger, of waves that differ from lead to lead."""
    rng = np.random.default_rng(3)
    time = np.arange(5000) / 500
    beats = np.exp(-(((time % 0.8) - 0.4) ** 2) / 2e-4) - 0.3 * np.exp(-(((time % 0.8) - 0.44) ** 2) / 2e-4)
    later = np.exp(-(((time % 0.8) - 0.6) ** 2) / 2e-3)
    first, second = beats + 0.1 * later, 0.7 * beats + 0.35 * later
    chest = [(1 - 2 * share) * -beats + 0.2 * later for share in np.linspace(0, 1, 6)]
    record = Record(
        np.array([first, second, *chest], np.float32), 500.0, ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    )
    full = record.select(LEADS_12)
    return replace(full, signal=full.signal + rng.normal(0, 0.001, full.signal.shape).astype(np.float32))


def renamed(record, names):
    return replace(record, leads=tuple(names.get(name, name) for name in record.leads))


def rescaled(record, lead, factor):
    signal = record.signal.copy()
    signal[record.leads.index(lead)] *= factor
    return replace(record, signal=signal)


def test_a_sound_recording_has_nothing_to_tell(sound):
    assert check(sound) == ()


@pytest.mark.parametrize(("one", "other"), [("II", "III"), ("aVR", "aVL"), ("I", "aVF")])
def test_exchanged_limb_leads_are_named(sound, one, other):
    (line,) = check(renamed(sound, {one: other, other: one}))
    assert "contradict each other" in line
    assert f"{one} called {other}" in line
    assert f"{other} called {one}" in line


def test_a_lead_turned_over_is_named(sound):
    (line,) = check(rescaled(sound, "aVF", -1))
    assert line.endswith("is aVF turned over?")


def test_a_wrong_gain_of_one_lead_is_told(sound):
    (line,) = check(rescaled(sound, "III", 2))
    assert line.endswith("is the gain of every lead right?")


def test_leads_that_were_derived_cannot_contradict(sound):
    wrong = rescaled(sound, "III", 2)
    assert check(replace(wrong, meta={"derived": ("III", "aVR", "aVL", "aVF")})) == ()


def test_baseline_wander_of_one_lead_is_no_contradiction(sound):
    signal = sound.signal.copy()
    signal[2] += np.sin(2 * np.pi * 0.2 * np.arange(5000) / 500).astype(np.float32)
    assert check(replace(sound, signal=signal)) == ()


def test_exchanged_arms_are_told_although_the_identities_hold(sound):
    arms = renamed(rescaled(sound, "I", -1), {"II": "III", "III": "II", "aVR": "aVL", "aVL": "aVR"})
    assert check(arms) == ("Lead I runs against V6 and aVR points up: were the arm electrodes exchanged?",)
    eight = arms.select(LEADS_8)
    assert "arm electrodes" in check(eight)[0]


@pytest.mark.parametrize(("factor", "words"), [(1000, "spans over 20 mV"), (0.001, "No lead spans more than")])
def test_a_wrong_unit_is_told(sound, factor, words):
    wrong = replace(sound, signal=sound.signal * np.float32(factor))
    assert any(words in line for line in check(wrong))
    assert check(replace(wrong, meta={"calibrated": False})) == ()


def test_invalid_samples_and_short_recordings_are_borne(sound):
    signal = sound.signal.copy()
    signal[:, 100:300] = np.nan
    signal[4] = np.nan
    assert check(replace(sound, signal=signal)) == ()
    assert check(replace(sound, signal=sound.signal[:, :3])) == ()
    assert check(replace(sound, signal=np.zeros_like(sound.signal))) == ()


def test_a_lead_without_samples_hides_nothing_of_the_others(sound):
    wrong = rescaled(sound, "III", 2)
    signal = wrong.signal.copy()
    signal[sound.leads.index("V6")] = np.nan
    assert check(replace(wrong, signal=signal))[0].endswith("is the gain of every lead right?")
    assert "spans over 20 mV" in check(replace(sound, signal=np.where(np.isnan(signal), signal, 1000 * signal)))[-1]
    assert check(replace(sound, signal=np.full_like(signal, np.nan))) == ()


@pytest.mark.filterwarnings("error")
def test_numbers_of_any_size_are_borne(sound):
    assert check(replace(sound, signal=sound.signal * np.float32(1e37)))[-1].startswith("Every lead spans")
    assert check(replace(sound, signal=sound.signal * np.float32(1e-37)))[-1].startswith("No lead spans")


def test_ptb_xl_obeys_the_identities_and_ludb_does_not(recordings):
    ptbxl = sorted(recordings("ptbxl").glob("records100/*/*.hea"))[:100]
    assert not [path for path in ptbxl if any("contradict" in line for line in check(read_record(path)))]
    ludb = sorted(recordings("ludb").rglob("*.hea"))[:20]
    lines = [line for path in ludb for line in check(read_record(path)) if "contradict" in line]
    assert len(lines) > 10, "each of its leads is on a scale of its own"
    assert all(line.endswith("is the gain of every lead right?") for line in lines)
