"""Record: what it refuses, lead names, and the algebra of limb leads."""

import dataclasses

import numpy as np
import pytest

from ecgtool.errors import DataError
from ecgtool.record import LEADS_8, LEADS_12, Record, lead_name


def make(leads, samples=50, fs=100.0, **options):
    signal = np.random.default_rng(0).normal(size=(len(leads), samples)).astype(np.float32)
    return Record(signal, fs, tuple(leads), **options)


def whole():
    """Twelve leads that obey Einthoven and Goldberger."""
    eight = make(LEADS_8).signal
    one, two = eight[0], eight[1]
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return Record(np.stack([*limbs, *eight[2:]]).astype(np.float32), 100.0, LEADS_12)


@pytest.mark.parametrize(
    "signal",
    [np.zeros(5, np.float32), np.zeros((1, 5)), np.zeros((1, 5), np.int16), np.zeros((2, 5), np.float32)],
)
def test_a_wrong_shape_or_type_is_refused(signal):
    with pytest.raises(DataError):
        Record(signal, 100.0, ("I",))


@pytest.mark.parametrize("fs", [0.0, -5.0, 0.5, 100_001.0, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(fs):
    with pytest.raises(DataError, match="sampling rate"):
        make(["I"], fs=fs)


def test_a_lead_named_twice_is_refused_however_it_is_written():
    with pytest.raises(DataError, match="aVR more than once"):
        make(["AVR", "lead_avr"])


@pytest.mark.parametrize(
    ("written", "standard"),
    [("i", "I"), ("AVR", "aVR"), ("avl", "aVL"), ("Lead II", "II"), ("LEAD_V3", "V3"), (" v6 ", "V6"), ("MLII", "MLII"),
     ("ECG 1", "ECG 1"), ("vx", "vx"), ("MDC_ECG_LEAD_II", "II"), ("MDC_ECG_LEAD_AVR", "aVR"),
     ("mdc_ecg_lead_v3r", "V3R"),
     ("MDC_ECG_ELEC_POTL_V6", "V6"), ("MDC_ECG_LEAD_MLII", "MLII"), ("MDC_ECG_LEAD_X", "X"), ("LEAD_II", "II"),
     ("Lead-aVF", "aVF"), ("leadiii", "III"), ("ECG II", "II"), ("EKG V5", "V5"), ("ECG_aVL", "aVL"), ("ECG1", "ECG1"),
     ("Ⅱ", "II"), ("ⅲ", "III"), ("ａＶＲ", "aVR"), ("Ｖ１", "V1"), ("V 1", "V1"), ("aV_R", "aVR"),
     ("DII", "II"), ("v9", "V9"),
     ("-aVR", "-aVR"), ("Lead -aVR", "Lead -aVR"), ("MCL1", "MCL1"), ("mlii", "mlii"), ("CM5", "CM5"), ("V", "V"),
     ("Lead", "Lead"), ("ECG", "ECG"), ("", ""), ("VII", "VII"), ("IV", "IV")],
)  # fmt: skip
def test_lead_names_are_written_the_standard_way(written, standard):
    assert lead_name(written) == standard
    assert make([written]).leads == (standard,)


def test_a_modified_lead_stands_in_only_where_asked():
    record = make(["MLII", "mcl1"])
    with pytest.raises(DataError, match="lacks lead II; it has MLII, mcl1"):
        record.select(["II"])
    served = record.select(["V1", "II"], stand_in=True)
    assert served.leads == ("V1", "II")
    assert served.meta["stand_ins"] == {"V1": "mcl1", "II": "MLII"}
    np.testing.assert_array_equal(served.signal, record.signal[::-1])


def test_the_lead_itself_is_preferred_to_its_stand_in():
    record = make(["MLII", "II", "V5"])
    served = record.select(["II"], stand_in=True)
    np.testing.assert_array_equal(served.signal, record.signal[1:2])
    assert "stand_ins" not in served.meta


def test_no_limb_lead_is_derived_from_a_stand_in():
    with pytest.raises(DataError, match="lacks lead III;"):
        make(["I", "MLII"]).select(["II", "III"], stand_in=True)


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make(["I"]).fs = 200.0


def test_leads_are_selected_by_name_in_the_order_asked_for():
    record = make(["V5", "I", "MLII"])
    chosen = record.select(["MLII", "v5"])
    assert chosen.leads == ("MLII", "V5")
    np.testing.assert_array_equal(chosen.signal, record.signal[[2, 0]])


def test_selecting_what_is_there_already_copies_nothing():
    record = make(LEADS_12)
    assert record.select(LEADS_12) is record


@pytest.mark.parametrize("pair", [("I", "II"), ("I", "III"), ("III", "II")])
def test_all_limb_leads_follow_from_any_two_of_einthovens(pair):
    full = whole()
    some = full.select(pair).select(LEADS_12[:6])
    np.testing.assert_allclose(some.signal, full.signal[:6], atol=1e-5)
    assert some.signal.dtype == np.float32


def test_eight_leads_give_twelve():
    full = whole()
    np.testing.assert_allclose(full.select(LEADS_8).select(LEADS_12).signal, full.signal, atol=1e-5)


def test_a_recorded_lead_is_never_replaced_by_a_derived_one():
    record = make(["I", "II", "III"])
    np.testing.assert_array_equal(record.select(["III", "I"]).signal, record.signal[[2, 0]])


@pytest.mark.parametrize(
    ("leads", "wanted"), [(["I", "II"], "V1"), (["I", "aVF"], "II"), (["MLII", "I"], "III"), (["V1"], "I")]
)
def test_a_lead_that_cannot_be_derived_is_named(leads, wanted):
    with pytest.raises(DataError, match=f"lacks lead {wanted}"):
        make(leads).select([wanted])


def test_invalid_samples_stay_invalid_in_derived_leads():
    record = make(["I", "II"])
    record.signal[0, 7] = np.nan
    derived = record.select(["III"]).signal
    assert np.isnan(derived).tolist() == [[index == 7 for index in range(50)]]


def test_calibration_is_assumed_unless_denied():
    assert make(["I"]).calibrated
    assert not make(["I"], meta={"calibrated": False}).calibrated
    assert make(["I"], fs=25.0).seconds == 2.0
