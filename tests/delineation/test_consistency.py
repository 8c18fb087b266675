"""Agreement of leads: votes, medians, and what is left alone."""

import numpy as np

from ecgtool.delineation.consistency import consistent
from ecgtool.waves import UNKNOWN, Wave, Waves

FS = 500.0
LEADS = ("I", "II", "III", "aVR")


def waves(rows, beats=(500, 1000)):
    return Waves(FS, LEADS, np.array(beats), np.array(sorted(rows), np.int64).reshape(-1, 6))


def complexes(leads=range(4), beats=(500, 1000)):
    return [(lead, number, Wave.QRS, at - 20, at, at + 20) for lead in leads for number, at in enumerate(beats)]


def test_what_agrees_stays_as_it_is():
    rows = complexes() + [(lead, 0, Wave.P, 400, 420 + lead, 440) for lead in range(4)]
    assert np.array_equal(consistent(waves(rows)).table, waves(rows).table)


def test_a_wave_in_one_lead_of_four_is_taken_away():
    rows = [*complexes(), (2, 1, Wave.P, 900, 920, 940)]
    assert len(consistent(waves(rows)).of(kind=Wave.P)) == 0


def test_a_wave_in_three_leads_of_four_is_given_to_the_fourth():
    rows = complexes() + [(lead, 1, Wave.T, 1100 + lead, 1140, 1200) for lead in range(3)]
    given = consistent(waves(rows)).of(lead=3, kind=Wave.T)
    assert given.tolist() == [[3, 1, Wave.T, 1101, 1150, 1200]]


def test_an_edge_far_from_the_median_is_drawn_near():
    rows = complexes()
    rows[0] = (0, 0, Wave.QRS, 440, 500, 600)
    edges = consistent(waves(rows)).of(lead=0, kind=Wave.QRS)[0]
    assert edges.tolist() == [0, 0, Wave.QRS, 465, 500, 535]


def test_a_dead_lead_is_given_nothing_and_has_no_vote():
    rows = complexes(range(3)) + [(lead, 0, Wave.P, 400, 420, 440) for lead in range(2)]
    found = consistent(waves(rows))
    assert len(found.of(lead=3)) == 0
    assert len(found.of(kind=Wave.P)) == 3


def test_two_leads_are_left_alone():
    rows = [*complexes(range(2)), (1, 0, Wave.P, 400, 420, 440)]
    assert np.array_equal(consistent(waves(rows)).table, waves(rows).table)


def test_unknown_edges_are_taken_from_the_others_and_waves_of_no_beat_kept():
    rows = [*complexes(), (0, UNKNOWN, Wave.P, 700, 710, 720)]
    rows[1] = (0, 1, Wave.QRS, UNKNOWN, 1000, 1020)
    found = consistent(waves(rows))
    assert found.of(lead=0, kind=Wave.QRS)[1].tolist() == [0, 1, Wave.QRS, 980, 1000, 1020]
    assert found.of(kind=Wave.P).tolist() == [[0, UNKNOWN, Wave.P, 700, 710, 720]]


def test_nothing_is_consistent_with_nothing():
    assert len(consistent(Waves.none(FS, LEADS))) == 0
