"""MUSE XML as it is written: what a recorder's own files hold, and what is read back of it."""

import numpy as np
import pytest

from ecgtool.errors import DataError
from ecgtool.formats import read_record, write_record
from ecgtool.formats.muse_write import DEVICE_STEP_UV, MuseDetails, write_muse
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person

META = {"age": 63.0, "sex": "F", "device": "MAC 7 <&>", "start": "2021-05-17T10:11:12", "calibrated": True}


@pytest.fixture(scope="module")
def heart():
    """A drawn recording of twelve leads, for which Einthoven's and Goldberger's identities hold."""
    record = draw(Plan(Person.random(np.random.default_rng(3))), 500, 4, 3, "rec", "4711").record
    return Record(record.signal, record.fs, record.leads, record.id, record.patient, META)


def test_eight_leads_are_stored_and_twelve_come_back_to_half_a_count(heart, tmp_path):
    path = write_muse(heart, tmp_path / "rec.xml", MuseDetails(step_uv=DEVICE_STEP_UV))
    back = read_record(path)
    assert path.read_text().count("<LeadData>") == 8
    assert "<LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>" in path.read_text()
    assert (back.leads, back.fs, back.patient) == (LEADS_12, 500, "4711")
    assert back.meta["derived"] == ("III", "aVR", "aVL", "aVF")
    stored = np.abs(back.select(LEADS_8).signal - heart.select(LEADS_8).signal)
    assert stored.max() <= 1.0001 * DEVICE_STEP_UV / 2000
    assert np.abs(back.signal - heart.signal).max() <= 1.01 * DEVICE_STEP_UV / 1000  # two counts meet in a derived lead
    assert {key: back.meta[key] for key in META} == META
    assert "warnings" not in back.meta


def test_limb_leads_that_do_not_follow_from_i_and_ii_are_stored(heart, tmp_path):
    signal = heart.signal.copy()
    signal[LEADS_12.index("aVL")] += 0.01
    odd = Record(signal, 500, LEADS_12, meta={"calibrated": True})
    path = write_record(odd, tmp_path / "odd.xml", "muse")
    assert path.read_text().count("<LeadData>") == 9
    assert np.abs(read_record(path).signal - signal).max() < 0.0011


def test_a_median_beat_stands_before_the_rhythm_and_the_rhythm_is_read(heart, tmp_path):
    median = heart.signal[:, :600]
    path = write_muse(heart, tmp_path / "rec.xml", MuseDetails(median=median))
    text = path.read_text()
    assert text.index("<WaveformType>Median") < text.index("<WaveformType>Rhythm")
    assert text.count("<LeadData>") == 16
    assert read_record(path).signal.shape == (12, 2000)


def test_further_blocks_join_those_of_the_record(heart, tmp_path):
    blocks = {
        "PatientDemographics": {"PatientLastName": "Ångström <Ω>", "DateofBirth": "01-02-1958"},
        "Diagnosis": {"Modality": "RESTING", "DiagnosisStatement": [{"StmtText": "Sinus"}, {"StmtText": "Normal"}]},
        "Order": {"HISAccountNumber": None},
    }
    path = write_muse(heart, tmp_path / "rec.xml", MuseDetails(blocks))
    text = path.read_text("iso-8859-1")
    assert "<PatientLastName>Ångström &lt;&#937;&gt;</PatientLastName>" in text
    assert text.count("<PatientDemographics>") == 1
    assert text.count("<DiagnosisStatement>") == 2
    assert "HISAccountNumber" not in text
    assert read_record(path).meta["age"] == 63


@pytest.mark.parametrize("fs", [250, 360, 512.5, 977.001, 1000 / 3.2])
def test_any_rate_of_few_decimals_is_read_back_as_it_was(fs, tmp_path):
    record = Record(np.ones((1, 50), np.float32), fs, ("V1",))
    assert read_record(write_muse(record, tmp_path / "rec.xml")).fs == pytest.approx(fs, rel=1e-12)


@pytest.mark.parametrize("largest", [0.0, 1.0, 32.7, 60.0, 3000.0])
def test_the_count_is_as_fine_as_the_amplitude_allows(largest, tmp_path):
    signal = np.array([[largest, -largest, largest / 3]], np.float32)
    back = read_record(write_muse(Record(signal, 500, ("V1",)), tmp_path / "rec.xml"))
    assert np.abs(back.signal - signal).max() <= max(largest / 32767, 0.0005) * 1.26


@pytest.mark.parametrize(
    ("signal", "fs", "lead", "said"),
    [
        ([[1.0, np.nan]], 500, "V1", "gaps"),
        (np.empty((1, 0)), 500, "V1", "empty"),
        ([[5000.0]], 500, "V1", "reaches 5000 mV"),
        ([[1.0]], 1000 / 3, "V1", "cannot hold the rate"),
        ([[1.0]], 500, "\x1b[31m", "lead name"),
        ([[1.0]], 500, " ", "lead name"),
        ([[1.0]], 500, "V" * 65, "lead name"),
        (np.zeros((1, 2**23 + 1)), 500, "V1", "too long"),
    ],
)
def test_what_such_a_file_cannot_hold_is_refused_and_nothing_is_written(signal, fs, lead, said, tmp_path):
    with pytest.raises(DataError, match=said):
        write_muse(Record(np.asarray(signal, np.float32), fs, (lead,)), tmp_path / "rec.xml")
    assert not list(tmp_path.glob("*.xml"))


def test_text_that_xml_has_not_is_refused(tmp_path):
    record = Record(np.ones((1, 5), np.float32), 500, ("V1",), patient="\0")
    with pytest.raises(DataError, match="PatientID"):
        write_muse(record, tmp_path / "rec.xml")
