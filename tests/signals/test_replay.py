"""Rhythms played with a person's own beats: other times and other atria, the same complexes."""

import numpy as np
import pytest
from drawn_beats import drawn

from ecgtool.signals.replay import FEWEST, Person, beside_recorded, fibrillating, with_early_beats

FS = 180.0
ORIGINS = {"N": "sinus", "S": "atrial", "V": "ventricular"}
NORMAL, VENTRICULAR = 2, 1
"""Numbers of drawn people: one in sinus rhythm, one with ventricular ectopy."""


def person(number, seconds=150.0):
    record, truth = drawn(number, seconds=seconds, fs=FS)
    peaks = np.rint(np.array(truth.beat_s) * FS).astype(np.int64)
    inside = (peaks >= 0) & (peaks < record.signal.shape[1])
    origin = np.array([ORIGINS.get(kind, "") for kind in truth.beat_class])
    return Person(record.signal, FS, peaks[inside], origin[inside])


@pytest.fixture(scope="module")
def normal():
    return person(NORMAL)


def around(signal, peaks, before_s, after_s):
    """[leads, beats, samples] of a stretch of each beat well inside, level at its ends."""
    peaks = peaks[(peaks > FS) & (peaks < signal.shape[1] - FS)]
    held = signal[:, peaks[:, None] + np.arange(-round(before_s * FS), -round(after_s * FS))]
    ends = np.linspace(held[..., 0], held[..., -1], held.shape[-1], axis=-1)
    return held - ends


def height(signal, peaks):
    """How high the mean of what precedes the complexes is, in the first lead; waves that keep no time cancel out."""
    return np.ptp(around(signal, peaks, 0.24, 0.085)[0].mean(axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_fibrillation_is_irregular_and_has_no_p_waves(normal, seed):
    strip = fibrillating(normal, 120, np.random.default_rng(seed))
    changes = np.abs(np.diff(strip.peaks, 2)) / np.median(np.diff(strip.peaks))
    assert np.median(changes) > 0.08
    assert height(strip.signal, strip.peaks) < 0.4 * height(normal.signal, normal.peaks)
    assert set(strip.origin) == {"sinus"}


@pytest.mark.parametrize("rhythm", [fibrillating, with_early_beats])
def test_complexes_are_as_they_were_recorded(normal, rhythm):
    strip = rhythm(normal, 120, np.random.default_rng(0))
    mine, theirs = (
        around(signal, peaks, 0.06, -0.06)[0].mean(axis=0)
        for signal, peaks in ((strip.signal, strip.peaks), (normal.signal, normal.peaks))
    )
    assert np.corrcoef(mine, theirs)[0, 1] > 0.99


def test_early_beats_are_early_and_normal_ones_keep_their_p_waves(normal):
    strip = with_early_beats(normal, 150, np.random.default_rng(1))
    intervals = np.diff(strip.peaks, prepend=strip.peaks[0])
    atrial = np.flatnonzero(strip.origin == "atrial")
    assert len(atrial) > 1
    usual = np.median(intervals[strip.origin == "sinus"])
    assert (intervals[atrial[atrial > 0]] < 0.92 * usual).all()
    assert height(strip.signal, strip.peaks[strip.origin == "sinus"]) > 0.6 * height(normal.signal, normal.peaks)


def test_ventricular_beats_are_played_where_the_person_has_some(normal):
    ectopic = person(VENTRICULAR)
    for rhythm in (fibrillating, with_early_beats):
        assert "ventricular" not in rhythm(normal, 120, np.random.default_rng(0)).origin
        strip = rhythm(ectopic, 120, np.random.default_rng(0))
        wide = strip.peaks[strip.origin == "ventricular"]
        mine = around(strip.signal, wide, 0.1, -0.1)[0]
        own = around(ectopic.signal, ectopic.peaks[ectopic.ventricular], 0.1, -0.1)[0]
        distance = np.abs(mine[:, None] - own[None]).max(axis=2).min(axis=1)
        assert np.median(distance) < 0.15 * np.ptp(own)


def test_ventricular_beats_in_fibrillation_come_so_long_after_the_beat_before_and_a_pause_behind():
    strip = fibrillating(person(VENTRICULAR), 150, np.random.default_rng(0))
    intervals = np.diff(strip.peaks) / FS
    wide = np.flatnonzero(strip.origin == "ventricular")
    wide = wide[(wide > 0) & (wide < len(intervals))]
    assert len(wide) > 3
    others = np.delete(intervals, np.r_[wide - 1, wide])
    assert intervals[wide - 1].max() < np.median(others)
    assert intervals[wide - 1].std() < 0.5 * others.std()
    assert np.median(intervals[wide]) > np.median(others)


def test_a_stretch_beside_it_is_as_it_was_recorded(normal):
    rng = np.random.default_rng(3)
    strip = fibrillating(normal, 60, rng)
    both = beside_recorded(strip, normal, 40, rng)
    recorded = both.peaks[both.origin == ""]
    assert both.signal.shape[1] > strip.signal.shape[1] + 30 * FS
    assert (np.diff(both.peaks) > 0).all()
    assert (both.origin != "").sum() == len(strip.peaks)
    kept = {tuple(normal.signal[0, peak - 20 : peak + 20]) for peak in normal.peaks}
    assert all(tuple(both.signal[0, peak - 20 : peak + 20]) in kept for peak in recorded)


def test_the_same_chance_plays_the_same(normal):
    for rhythm in (fibrillating, with_early_beats):
        first, second = (rhythm(normal, 60, np.random.default_rng(7)) for _ in range(2))
        np.testing.assert_array_equal(first.signal, second.signal)
        assert np.isfinite(first.signal).all()


def test_few_beats_are_not_played(normal):
    few = Person(normal.signal, FS, normal.peaks[: FEWEST - 2], np.full(FEWEST - 2, "sinus"))
    assert not few.plays
    assert normal.plays
    assert not Person(normal.signal, FS, normal.peaks, np.full(len(normal.peaks), "")).plays
    assert not Person(normal.signal, FS, normal.peaks[:0], np.empty(0, "<U11")).plays
