"""HL7 annotated ECG: which series is read, units, rates, and what the file says of itself."""

import numpy as np
import pytest
from xml_files import EIGHT, aecg, aecg_lead, aecg_series, beats

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12

COUNTS = beats()
ROWS = [aecg_lead(f"MDC_ECG_LEAD_{name.upper()}", row) for name, row in zip(EIGHT, COUNTS, strict=True)]
ONE = aecg_lead("MDC_ECG_LEAD_V2", COUNTS[0])
BEAT = [aecg_lead("MDC_ECG_LEAD_II", 9 * COUNTS[1][:60])]


@pytest.fixture
def reading(tmp_path):
    """``reading(*series)``: the record that an annotated ECG with these series gives."""

    def read(*series):
        path = tmp_path / "ecg.xml"
        path.write_text(aecg(series))
        return read_record(path)

    return read


def test_leads_arrive_in_millivolt_under_their_names(reading):
    record = reading(aecg_series(ROWS))
    assert record.leads == LEADS_12
    assert record.meta["derived"] == ("III", "aVR", "aVL", "aVF")
    np.testing.assert_allclose(record.select(EIGHT).signal, COUNTS * 0.0025, atol=1e-6)


def test_the_rhythm_is_preferred_wherever_the_beat_stands(reading):
    for tag in ("series", "derivedSeries"):
        beat = aecg_series(BEAT * 20, code="REPRESENTATIVE_BEAT", tag=tag)
        for series in ((beat, aecg_series([ONE])), (aecg_series([ONE]), beat)):
            record = reading(*series)
            assert record.leads == ("V2",)
            assert "warnings" not in record.meta


def test_a_beat_alone_is_read_and_told(reading):
    record = reading(aecg_series(BEAT, code="REPRESENTATIVE_BEAT", tag="derivedSeries"))
    assert "no rhythm, only a series of type REPRESENTATIVE_BEAT" in record.meta["warnings"][0]


def test_of_several_rhythms_the_longest_is_read_and_the_others_told(reading):
    record = reading(aecg_series(BEAT), aecg_series([ONE]), aecg_series(BEAT))
    assert record.leads == ("V2",)
    assert record.meta["warnings"] == ("The file holds 2 further rhythms; the longest is read.",)


@pytest.mark.parametrize(
    ("increment", "unit", "fs"), [("0.002", "s", 500), ("4", "ms", 250), ("1000", "us", 1000), ("0.0078125", "s", 128)]
)
def test_the_rate_is_that_of_the_time_sequence(reading, increment, unit, fs):
    for absolute in (True, False):
        assert reading(aecg_series([ONE], increment=increment, unit=unit, absolute=absolute)).fs == fs


@pytest.mark.parametrize(
    ("increment", "unit"),
    [("0", "s"), ("-1", "s"), ("x", "s"), ("1", "h"), ("1e-9", "s"), ("1e308", "s"), ("1e-308", "s")],
)
def test_a_rate_that_cannot_be_is_refused(reading, increment, unit):
    with pytest.raises(FormatError):
        reading(aecg_series([ONE], increment=increment, unit=unit))


def test_an_increment_without_a_unit_is_not_taken_for_seconds(tmp_path):
    path = tmp_path / "x.xml"
    path.write_text(aecg([aecg_series([ONE], increment="0.002")]).replace('"0.002" unit="s"', '"0.002"'))
    with pytest.raises(FormatError, match="does not say how many samples"):
        read_record(path)


@pytest.mark.parametrize(("scale", "unit", "mv"), [("2.5", "uV", 0.0025), ("0.005", "mV", 0.005), ("1e-6", "V", 0.001)])
def test_origin_and_scale_have_units(reading, scale, unit, mv):
    lead = aecg_lead("MDC_ECG_LEAD_V2", COUNTS[0], scale=scale, unit=unit)
    np.testing.assert_allclose(reading(aecg_series([lead])).signal[0], COUNTS[0] * mv, rtol=1e-5, atol=1e-7)
    moved = ONE.replace('<origin value="0" unit="uV"/>', '<origin value="0.5" unit="mV"/>')
    np.testing.assert_allclose(reading(aecg_series([moved])).signal[0], COUNTS[0] * 0.0025 + 0.5, atol=1e-6)


def test_digits_without_a_unit_are_not_calibrated(reading):
    record = reading(aecg_series([aecg_lead("MDC_ECG_LEAD_V2", COUNTS[0], kind="SLIST_INT")]))
    assert not record.calibrated
    np.testing.assert_array_equal(record.signal[0], COUNTS[0])


def test_what_is_no_voltage_is_left_out(reading):
    record = reading(aecg_series([ONE, aecg_lead("MDC_PRESS_BLD", COUNTS[1][:9], unit="mm[Hg]")]))
    assert record.leads == ("V2",)
    assert record.meta["left_out"] == {"MDC_PRESS_BLD": "mm[Hg]"}


def test_a_recording_shorter_than_it_says_is_told(reading):
    record = reading(aecg_series([ONE], seconds='<high value="20021122091010"/>'))
    assert record.meta["warnings"] == ("The file promises 10 s and holds 0.5 s.",)


def test_who_and_when_are_kept_without_name_or_birth(reading):
    record = reading(aecg_series([ONE]))
    expected = {
        "age": 46,
        "sex": "F",
        "device": "ELI250",
        "start": "2002-11-22T09:10:00",
        "filters": ("low-pass 150 Hz",),
    }
    assert {key: record.meta[key] for key in expected} == expected
    assert record.patient == "SBJ-9"


def test_the_age_follows_from_the_birth_date_where_none_is_reported(tmp_path):
    path = tmp_path / "ecg.xml"
    path.write_text(aecg([aecg_series([ONE])]).replace("21612-7", "other"))
    assert read_record(path).meta["age"] == 49


@pytest.mark.parametrize(
    ("series", "told"),
    [
        ([], "holds no waveform"),
        ([aecg_series([])], "holds no waveform"),
        ([aecg_series([ONE, aecg_lead("MDC_ECG_LEAD_V3", COUNTS[0][:9])])], "V3 has 9 samples"),
        ([aecg_series([ONE, ONE])], "V2 more than once"),
        ([aecg_series([ONE.replace("<digits>", "<digits>x ")])], "not all numbers"),
        ([aecg_series([ONE.replace('scale value="2.5"', 'scale value="x"')])], "scale or origin"),
        ([aecg_series([ONE]).replace("increment", "decrement")], "how many samples a second"),
    ],
)
def test_what_cannot_be_a_recording_is_refused(reading, series, told):
    with pytest.raises(FormatError, match=told):
        reading(*series)


@pytest.mark.parametrize("name", ["Example aECG.xml", "subject1_0.xml", "subject2_1.xml", "minimum_aecg.xml"])
def test_the_real_recordings_equal_the_reference_reader(name, recordings):
    ecgdatakit = pytest.importorskip("ecgdatakit")
    path = recordings("xml/hl7-aecg") / name
    record, reference = read_record(path), ecgdatakit.FileParser.parse(path)
    assert set(record.leads) == {lead.label for lead in reference.leads}
    for lead in reference.leads:
        assert lead.sampling_rate == record.fs
        np.testing.assert_allclose(record.signal[record.leads.index(lead.label)], lead.samples, atol=1e-6)


def test_the_empty_example_gets_a_line(recordings):
    with pytest.raises(FormatError, match=r"empty\.xml holds no waveform"):
        read_record(recordings("xml/hl7-aecg") / "empty.xml")
