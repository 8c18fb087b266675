"""Schiller EDI XML: the rhythm, its units, and what is refused."""

import numpy as np
import pytest
from xml_files import EIGHT, beats, schiller, schiller_channel, schiller_wave

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12

COUNTS = beats()
CHANNELS = [schiller_channel(name, row) for name, row in zip(EIGHT, COUNTS, strict=True)]
ONE = schiller_channel("V1", COUNTS[0])


@pytest.fixture
def reading(tmp_path):
    """``reading(*waves)``: the record that a Schiller file with these waveforms gives."""

    def read(*waves):
        path = tmp_path / "ecg.xml"
        path.write_text(schiller(waves))
        return read_record(path)

    return read


def test_leads_arrive_in_millivolt(reading):
    record = reading(schiller_wave(CHANNELS))
    assert record.leads == LEADS_12
    np.testing.assert_allclose(record.select(EIGHT).signal, COUNTS * 0.0025, atol=1e-6)


def test_the_rhythm_is_preferred_to_averages(reading):
    averages = schiller_wave(CHANNELS, "ECG_AVERAGES")
    for waves in ((averages, schiller_wave([ONE])), (schiller_wave([ONE]), averages)):
        assert reading(*waves).leads == ("V1",)
    assert "average beat only" in reading(averages).meta["warnings"][0]
    assert "1 further recording;" in reading(schiller_wave([ONE]), schiller_wave([ONE])).meta["warnings"][0]


@pytest.mark.parametrize(("step", "unit", "mv"), [("2.5", "UV", 0.0025), ("0.005", "MV", 0.005), ("500", "NV", 0.0005)])
def test_every_unit_arrives_as_millivolt(reading, step, unit, mv):
    record = reading(schiller_wave([ONE], step=step, unit=unit))
    np.testing.assert_allclose(record.signal[0], COUNTS[0] * mv, rtol=1e-5, atol=1e-7)


def test_without_a_scale_it_is_not_calibrated(reading):
    assert not reading(schiller_wave([ONE], step="")).calibrated


@pytest.mark.parametrize(
    ("wave", "told"),
    [
        (schiller_wave([schiller_channel("V1", COUNTS[0], promised=300)]), "250 samples, not the 300"),
        (schiller_wave([ONE.replace("COMMASEPARATE", "ZIPPED")]), "ZIPPED; only COMMASEPARATE"),
        (schiller_wave([ONE.replace("<data>", "<data>x,")]), "not all numbers"),
        (schiller_wave([ONE], fs="x"), "how many samples a second"),
        (schiller_wave([ONE], fs="0"), "0 Hz"),
        (schiller_wave([ONE]).replace("exponent>1", "exponent>3"), "how many samples a second"),
        (schiller_wave([ONE, ONE]), "V1 more than once"),
        (schiller_wave([]), "holds no waveform"),
    ],
)
def test_what_cannot_be_a_recording_is_refused(reading, wave, told):
    with pytest.raises(FormatError, match=told):
        reading(wave)


def test_what_the_device_says_is_kept(reading):
    record = reading(schiller_wave([ONE]))
    expected = {
        "age": 60,
        "sex": "F",
        "device": "Schiller AT-10P",
        "start": "2020-01-31T10:11:12",
        "filters": ("notch 50 Hz",),
    }
    assert {key: record.meta[key] for key in expected} == expected
    assert record.patient == "P-10"


def test_the_real_recording_reads(recordings):
    record = read_record(recordings("xml/schiller/sample.xml"))
    assert (record.leads, record.fs, record.signal.shape) == (LEADS_12, 500, (12, 5000))
    np.testing.assert_allclose(record.signal[0, :5], [-0.06, -0.059, -0.059, -0.059, -0.059], atol=1e-6)
    assert "start" not in record.meta  # the device's clock was never set
