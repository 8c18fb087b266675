"""Boundaries against an expert's: the same figures as of an independent count."""

import numpy as np
import pytest

from ecgtool.metrics.waves import BOUNDARIES, figures, matched, tally
from ecgtool.waves import UNKNOWN, Wave, Waves


def waves(rows, leads=("I", "II"), fs=500.0, beats=(500,)):
    """Rows of lead, kind, onset, peak, offset; all of beat 0."""
    table = [(lead, 0, int(kind), *times) for lead, kind, *times in rows]
    return Waves(fs, leads, np.array(beats, np.int64), np.array(table, np.int64).reshape(-1, 6))


MARKED = waves(
    [
        (0, Wave.P, 400, 425, 450),
        (0, Wave.QRS, 480, 500, 520),
        (0, Wave.T, 600, 700, 750),
        (1, Wave.QRS, 482, 500, 522),
    ]
)


def test_a_perfect_answer_has_no_errors():
    made = figures([tally(MARKED, MARKED)])
    assert made.mean_f1 == 1
    assert made.records == 1
    assert made.total["QRS onset"].marked == 2
    assert {each.f1 for each in made.total.values()} == {1.0}
    assert made.by_lead["II"]["P onset"].f1 is None, "there is no P wave to be found in that lead"


def test_errors_are_in_milliseconds_and_late_is_above_zero():
    late = waves([(0, Wave.QRS, 485, 500, 510), (1, Wave.QRS, 485, 500, 512)])
    onset = figures([tally(MARKED, late)]).total["QRS onset"]
    assert onset.mean_ms == pytest.approx((10 + 6) / 2)
    assert onset.sd_ms == pytest.approx(2)
    assert figures([tally(MARKED, late)]).total["QRS offset"].mean_ms == pytest.approx(-20)
    assert figures([tally(MARKED, late)]).total["P onset"].sensitivity == 0


def test_another_rate_is_no_error():
    half = waves([(0, Wave.QRS, 240, 250, 260), (1, Wave.QRS, 241, 250, 261)], fs=250.0, beats=(250,))
    assert figures([tally(MARKED, half)]).total["QRS onset"].mean_ms == 0


def test_what_lies_outside_the_span_that_was_marked_does_not_count():
    more = waves([(0, Wave.T, 100, 150, 200), (0, Wave.T, 620, 700, 740), (0, Wave.P, 900, 925, 950)])
    total = figures([tally(MARKED, more)]).total
    assert (total["T onset"].found, total["P onset"].found) == (1, 0)
    assert total["T onset"].ppv == 1


def test_a_boundary_is_matched_once():
    made = matched(np.array([1.0, 1.1]), np.array([1.05, 3.0]))
    assert (len(made.errors), made.marked, made.found) == (1, 2, 2)
    assert not len(matched(np.array([1.0]), np.array([])).errors)
    assert len(matched(np.array([1.0]), np.array([1.15 - 1e-9])).errors) == 1
    assert not len(matched(np.array([1.0]), np.array([1.16])).errors)


def test_what_an_expert_left_open_is_not_asked_for():
    open_end = waves([(0, Wave.T, UNKNOWN, 700, 750)])
    total = figures([tally(open_end, MARKED)]).total
    assert total["T onset"].marked == 0
    assert total["T offset"].marked == 1


def test_leads_that_only_one_of_them_has_do_not_count():
    found = waves([(0, Wave.QRS, 482, 500, 522)], leads=("II",))
    made = figures([tally(MARKED, found)])
    assert list(made.by_lead) == ["II"]
    assert made.total["QRS onset"].f1 == 1


def test_intervals_hold_the_figures_and_shrink_to_them_where_records_are_alike():
    late = waves([(0, Wave.QRS, 485, 500, 510), (1, Wave.QRS, 485, 500, 512)])
    alike = figures([tally(MARKED, late)] * 5, resamples=50).total["QRS onset"]
    assert alike.sd_interval == pytest.approx((alike.sd_ms, alike.sd_ms))
    mixed = figures([tally(MARKED, late), tally(MARKED, MARKED), tally(MARKED, waves([]))] * 3, resamples=200)
    onset = mixed.total["QRS onset"]
    assert onset.f1_interval[0] < onset.f1 < onset.f1_interval[1]
    assert (
        onset
        == figures([tally(MARKED, late), tally(MARKED, MARKED), tally(MARKED, waves([]))] * 3, 200).total["QRS onset"]
    ), "drawn alike each time"


def test_nothing_marked_and_nothing_found_are_no_figures():
    made = figures([tally(waves([]), waves([]))], resamples=10)
    assert made.mean_f1 is None
    assert set(made.total) == set(BOUNDARIES)
    assert made.total["P onset"].f1_interval is None
