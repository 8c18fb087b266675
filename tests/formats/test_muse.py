"""GE MUSE XML: which waveform is read, what is derived, what is checked, who the person is."""

import numpy as np
import pytest
from xml_files import EIGHT, beats, muse, muse_lead, muse_wave

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12

COUNTS = beats()
V1 = muse_lead("V1", COUNTS[0])
RHYTHM = [muse_lead(name, row) for name, row in zip(EIGHT, COUNTS, strict=True)]


@pytest.fixture
def reading(tmp_path):
    """``reading(waves, **document)``: the record that a MUSE file with these waveforms gives."""

    def read(*waves, **document):
        path = tmp_path / "ecg.xml"
        path.write_text(muse(waves, **document), encoding="iso-8859-1")
        return read_record(path)

    return read


def test_twelve_leads_in_millivolt_come_of_the_eight_that_are_stored(reading):
    record = reading(muse_wave(RHYTHM))
    assert record.leads == LEADS_12
    assert record.meta["derived"] == ("III", "aVR", "aVL", "aVF")
    stored = COUNTS * 0.00488
    np.testing.assert_allclose(record.select(EIGHT).signal, stored, atol=1e-6)
    one, two = stored[:2]
    expected = [two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    np.testing.assert_allclose(record.select(["III", "aVR", "aVL", "aVF"]).signal, expected, atol=1e-6)


def test_the_rhythm_is_preferred_wherever_the_median_stands(reading):
    median = muse_wave([muse_lead("II", 9 * COUNTS[1][:60])], "Median", fs=1000)
    for waves in ((median, muse_wave(RHYTHM)), (muse_wave(RHYTHM), median)):
        record = reading(*waves)
        assert (record.fs, record.signal.shape) == (500, (12, 250))
        assert "warnings" not in record.meta


def test_of_several_rhythms_the_one_with_most_samples_is_read(reading):
    short = muse_wave([muse_lead(name, row[:100]) for name, row in zip(EIGHT, COUNTS, strict=True)])
    record = reading(short, muse_wave(RHYTHM), short)
    assert record.signal.shape[1] == 250
    assert record.meta["warnings"] == ("The file holds 2 further rhythms; the longest is read.",)


def test_a_median_beat_alone_is_read_and_told(reading):
    record = reading(muse_wave(RHYTHM, "Median"))
    assert "median beat only" in record.meta["warnings"][0]


@pytest.mark.parametrize(
    ("base", "exponent", "fs"), [("250", "0", 250), ("1000", "0", 1000), ("5", "2", 500), ("5000", "-1", 500)]
)
def test_the_rate_is_base_and_exponent(reading, base, exponent, fs):
    assert reading(muse_wave(RHYTHM, fs=base, exponent=exponent)).fs == fs


@pytest.mark.parametrize(("base", "exponent"), [("", "0"), ("x", "0"), ("500", "99"), ("0", "0"), ("-500", "0")])
def test_a_rate_that_cannot_be_is_refused(reading, base, exponent):
    with pytest.raises(FormatError):
        reading(muse_wave(RHYTHM, fs=base, exponent=exponent))


@pytest.mark.parametrize(
    ("scale", "unit", "volts"), [("4.88", "MICROVOLTS", 4.88e-6), ("0.005", "mV", 5e-6), ("2500", "nV", 2.5e-6)]
)
def test_every_unit_arrives_as_millivolt(reading, scale, unit, volts):
    record = reading(muse_wave([muse_lead("V1", COUNTS[0], scale=scale, unit=unit)]))
    np.testing.assert_allclose(record.signal[0], COUNTS[0] * volts * 1000, rtol=1e-5, atol=1e-7)
    assert record.calibrated


@pytest.mark.parametrize(("scale", "unit"), [("", "MICROVOLTS"), ("0", "MICROVOLTS"), ("1", "BANANAS"), ("1", "")])
def test_without_a_scale_it_is_not_calibrated(reading, scale, unit):
    record = reading(muse_wave([muse_lead("V1", COUNTS[0], scale=scale, unit=unit)]))
    assert not record.calibrated
    assert record.meta["units"] == {"V1": unit if scale == "1" else ""}  # counts are no microvolts
    np.testing.assert_array_equal(record.signal[0], COUNTS[0])


def test_fifteen_leads_keep_their_names(reading):
    names = (*EIGHT, "V3R", "v4r", "V7")
    record = reading(muse_wave([muse_lead(name, row) for name, row in zip(names, beats(11), strict=True)]))
    assert record.leads == (*LEADS_12, "V3R", "V4R", "V7")


def test_without_lead_ii_nothing_is_derived(reading):
    record = reading(muse_wave([muse_lead("I", COUNTS[0]), muse_lead("V1", COUNTS[1])]))
    assert record.leads == ("I", "V1")
    assert "derived" not in record.meta


@pytest.mark.parametrize(
    ("lead", "told"),
    [
        (muse_lead("V1", COUNTS[0], checksum=12345), "The checksum of lead V1"),
        (muse_lead("V1", COUNTS[0], promised=200), "Lead V1 has 250 samples, 50 more than it promises"),
        (V1.replace("<LeadOff>FALSE", "<LeadOff>TRUE"), "The electrode of lead V1 was off"),
        (V1.replace("<LeadTimeOffset>0", "<LeadTimeOffset>8"), "Lead V1 does not begin with the others"),
        (V1.replace("Total>500<", "Total>400<"), "Lead V1 has 500 bytes, not as many as it promises"),
    ],
)  # fmt: skip
def test_broken_promises_are_told(reading, lead, told):
    assert told in " ".join(reading(muse_wave([lead])).meta["warnings"])


def test_leads_fewer_than_promised_are_told(reading):
    wave = muse_wave(RHYTHM).replace("<NumberofLeads>8", "<NumberofLeads>12")
    assert reading(wave).meta["warnings"] == ("The file promises 12 leads and holds 8.",)


@pytest.mark.parametrize(
    ("wave", "told"),
    [
        (muse_wave([muse_lead("V1", COUNTS[0], promised=300)]), "250 samples, not the 300 it promises"),
        (muse_wave([V1, muse_lead("V2", COUNTS[0][:99])]), "lead V2 has 99 samples, lead V1 250"),
        (muse_wave([V1, muse_lead("v1", COUNTS[0])]), "V1 more than once"),
        (muse_wave([V1.replace("<WaveFormData>", "<WaveFormData>*")]), "not valid base64"),
        (muse_wave([V1.replace("LeadSampleSize>2", "LeadSampleSize>4")]), "4 bytes"),
        (muse_wave([muse_lead("V1", [])]), "no samples"),
        (muse_wave([muse_lead("V1" * 50, COUNTS[0])]), "too long"),
        (muse_wave([muse_lead("V1", COUNTS[0], scale="1e300")]), "too large"),
        (muse_wave([]), "holds no waveform"),
        ("", "holds no waveform"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_recording_is_refused(reading, wave, told):
    with pytest.raises(FormatError, match=told):
        reading(wave)


@pytest.mark.parametrize(
    ("age", "units", "years"),
    [("63", "YEARS", 63), ("63", "", 63), ("18", "MONTHS", 1.5), ("?", "YEARS", None), ("7", "MOONS", None)],
)
def test_the_age_is_in_years(reading, age, units, years):
    assert reading(muse_wave(RHYTHM), age=age, units=units).meta.get("age") == years


def test_what_the_device_says_is_kept(reading):
    record = reading(muse_wave(RHYTHM))
    assert record.patient == "P-7"
    expected = {
        "sex": "F",
        "device": "MAC55",
        "start": "2023-04-29T22:41:16",
        "filters": ("high-pass 0.05 Hz", "low-pass 150 Hz"),
    }
    assert {key: record.meta[key] for key in expected} == expected


def test_the_real_recording_equals_its_twin(recordings):
    """The twin holds whole microvolts, though its header says 200 counts per millivolt."""
    folder = recordings("xml/ge-muse")
    record, twin = read_record(folder / "muse-sinus.xml"), read_record(folder / "muse-sinus.hea")
    assert "warnings" not in record.meta
    microvolts = twin.signal * 200
    assert np.abs(record.select(twin.leads).signal * 1000 - microvolts).max() < 0.501
