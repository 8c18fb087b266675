"""From the leads of a recording to those a model takes: recorded, derived, imputed."""

import numpy as np
import pytest

from ecgtool.errors import DataError
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.signals.leads import choose


def record(leads, samples=50):
    """A recording whose lead number n of the twelve is n mV."""
    rows = [np.full(samples, LEADS_12.index(lead) + 1, np.float32) for lead in leads]
    return Record(np.stack(rows), 100.0, tuple(leads), "r1")


def without(*leads):
    return record([lead for lead in LEADS_12 if lead not in leads])


def levels(chosen):
    return dict(zip(LEADS_8, chosen.signal[:, 0].tolist(), strict=True))


def test_what_is_there_is_taken_as_it_is():
    chosen = choose(record(LEADS_12), LEADS_8, impute=True)
    assert list(levels(chosen).values()) == [1, 2, 7, 8, 9, 10, 11, 12]
    assert chosen.recorded.all()


@pytest.mark.parametrize(
    ("missing", "imputed"),
    [
        (("V3",), {"V3": (8 + 10) / 2}),
        (("V1",), {"V1": 8}),
        (("V6",), {"V6": 11}),
        (("V3", "V4"), {"V3": 8, "V4": 11}),
        (("V1", "V2", "V3"), {"V1": 0, "V2": 0, "V3": 10}),
        (("I", "II", "III"), {"I": 0, "II": 0}),
    ],
)
def test_a_missing_chest_lead_is_between_its_neighbours_and_a_limb_lead_is_not_guessed(missing, imputed):
    chosen = choose(without(*missing), LEADS_8, impute=True)
    assert {lead: levels(chosen)[lead] for lead in imputed} == imputed
    assert [lead for lead, held in zip(LEADS_8, chosen.recorded, strict=True) if not held] == list(imputed)


def test_a_limb_lead_that_two_others_fix_is_recorded():
    chosen = choose(without("I"), LEADS_8, impute=True)
    assert levels(chosen)["I"] == 2 - 3  # I = II - III
    assert chosen.recorded.all()


def test_a_lead_without_a_valid_sample_was_not_recorded():
    held = record(LEADS_12)
    held.signal[8] = np.nan
    chosen = choose(held, LEADS_8, impute=True)
    assert levels(chosen)["V3"] == 9
    assert chosen.recorded.tolist() == [True] * 4 + [False] + [True] * 3


def test_without_imputing_a_missing_lead_is_refused():
    with pytest.raises(DataError, match="lacks lead V3"):
        choose(without("V3"), LEADS_8, impute=False)


def test_a_recording_with_none_of_the_leads_is_refused():
    other = Record(np.zeros((1, 50), np.float32), 100.0, ("MLII",), "r2")
    with pytest.raises(DataError, match="'r2' has none of the leads I, II, V1"):
        choose(other, LEADS_8, impute=True)


@pytest.mark.parametrize("impute", [True, False])
def test_a_modified_lead_serves_only_where_asked(impute):
    holter = Record(np.stack([np.full(50, 7, np.float32), np.ones(50, np.float32)]), 100.0, ("MLII", "V1"), "h")
    chosen = choose(holter, ("II", "V1"), impute=impute, stand_in=True)
    assert chosen.signal[:, 0].tolist() == [7, 1]
    assert chosen.recorded.all()
    assert chosen.stand_ins == {"II": "MLII"}
    if impute:
        assert choose(holter, ("II", "V1"), impute=True).recorded.tolist() == [False, True]
    else:
        with pytest.raises(DataError, match="would take MLII for II"):
            choose(holter, ("II", "V1"), impute=False)
