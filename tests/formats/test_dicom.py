"""DICOM waveforms made with pydicom, and what pydicom itself reads from them."""

import tracemalloc
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from dicom_files import SYNTAXES, channel, code, counts_of, group, make_dicom
from recorded import ecg_like

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.formats.source import Source
from ecgtool.record import LEADS_12

RECORD = ecg_like(1.0, 500.0)
COUNTS = counts_of(RECORD)


def by_pydicom(path, number):
    """Values [channels, samples] of a group in the channels' unit, as pydicom reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True).waveform_array(number).T


def single(path, counts=COUNTS[:2], fields=None, **options):
    """A file of one group of leads I and II; ``fields`` are of the group."""
    return make_dicom(path, [group(counts, [channel("I"), channel("II")], **(fields or {}))], **options)


@pytest.mark.parametrize("name", ["cardio_sample.dcm", "waveform_ecg.dcm"])
def test_a_real_recording_reads_as_pydicom_reads_it(recordings, name):
    path = recordings("dicom") / name
    record = read_record(path)
    assert record.leads == LEADS_12
    assert record.seconds == 10.0
    np.testing.assert_allclose(record.signal, by_pydicom(path, 0) / 1000, rtol=1e-6)
    assert record.meta["left_out"] == {"MEDIAN BEAT": "12 channels of 1.2 s"}
    assert record.meta["age"] in (39.0, 42.0)
    assert "Anonym" not in str(record.meta)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_every_transfer_syntax_reads_the_same(tmp_path, syntax, undefined):
    channels = [channel(lead) for lead in LEADS_12]
    path = make_dicom(tmp_path / "x.dcm", [group(COUNTS, channels, big=syntax == "big")], syntax, undefined=undefined)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, COUNTS * 0.0025, rtol=1e-6)
    assert (record.leads, record.fs, record.patient) == (LEADS_12, 500.0, "P17")


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_a_file_without_a_preamble_is_read(tmp_path, syntax):
    path = single(tmp_path / "x.bin", syntax=syntax, preamble=False)
    np.testing.assert_allclose(read_record(path).signal, COUNTS[:2] * 0.0025, rtol=1e-6)


@pytest.mark.parametrize("kind", ["SB", "UB", "SS", "US", "SL"])
def test_every_type_of_sample_reads_as_pydicom_reads_it(tmp_path, kind):
    info = np.iinfo({"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4"}[kind])
    counts = np.linspace(info.min, info.max, 100).astype(np.int64).reshape(2, 50)
    channels = [channel("I", baseline="-12.5", correction="1.1"), channel("II", unit="mV", sensitivity="0.0025")]
    path = make_dicom(tmp_path / "x.dcm", [group(counts, channels, kind=kind)])
    expected = by_pydicom(path, 0) / np.array([[1000], [1]])
    np.testing.assert_allclose(read_record(path).signal, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", [1, -1])
def test_the_rhythm_is_preferred_over_a_median_beat(tmp_path, order):
    rhythm = group(COUNTS[:2, :300], [channel("I"), channel("II")])
    beat = group(COUNTS[2:4], [channel("I"), channel("II")], label="MEDIAN BEAT", originality="DERIVED")
    record = read_record(make_dicom(tmp_path / "x.dcm", [rhythm, beat][::order]))
    np.testing.assert_allclose(record.signal, COUNTS[:2, :300] * 0.0025, rtol=1e-6)
    assert record.meta["left_out"] == {"MEDIAN BEAT": "2 channels of 1 s"}


def test_of_several_rhythms_the_longest_is_read_and_pressure_is_none(tmp_path):
    short = group(COUNTS[:2, :200], [channel("I"), channel("II")], label="A")
    long = group(COUNTS[:1], [channel("V1")], label="B")
    pressure = group(COUNTS[:1].repeat(2, axis=1), [channel("ART", unit="mm[Hg]", source=False)], label="C")
    record = read_record(make_dicom(tmp_path / "x.dcm", [short, pressure, long]))
    assert record.leads == ("V1",)
    assert set(record.meta["left_out"]) == {"A", "C"}


def test_a_code_may_be_the_name_itself(tmp_path):
    lead = channel("V1", ChannelSourceSequence=code("MDC_ECG_LEAD_V1", "MDC", ""))
    assert read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:1], [lead])])).leads == ("V1",)


def test_leads_are_named_by_code_then_label_then_meaning(tmp_path):
    channels = [
        channel("I", ChannelLabel="something"),
        channel("II", ChannelSourceSequence=code("2:62", "MDC", "Lead aVR")),
        channel("II", source=False, ChannelLabel="Lead V3"),
        channel("II", ChannelSourceSequence=code("xyz", "99LOCAL", "Lead II (Einthoven)")),
        channel("II", source=False, ChannelLabel="Kanal A"),
        channel("II", source=False),
        channel("II", ChannelSourceSequence=code("2:35", "MDC", "Derived Lead V3"), ChannelLabel="x"),
    ]
    channels[6].ChannelSourceSequence[0].CodeValue = "2:36"
    record = read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:7], channels)]))
    assert record.leads == ("I", "aVR", "V3", "II", "Kanal A", "channel 6", "V4")
    assert record.meta["derived"] == ("V4",)


def test_a_group_that_says_it_is_derived_marks_its_leads(tmp_path):
    path = single(tmp_path / "x.dcm", fields={"originality": "DERIVED"})
    assert read_record(path).meta["derived"] == ("I", "II")


def test_padding_is_nan(tmp_path):
    counts = COUNTS[:2].copy()
    counts[1, 100:120] = -32768
    fields = {"WaveformPaddingValue": np.int16(-32768).tobytes()}
    item = group(counts, [channel("I"), channel("II")], **fields)
    item["WaveformPaddingValue"].VR = "OW"
    record = read_record(make_dicom(tmp_path / "x.dcm", [item]))
    assert np.flatnonzero(np.isnan(record.signal[1])).tolist() == list(range(100, 120))
    assert not np.isnan(record.signal[0]).any()


def test_a_channel_without_sensitivity_is_not_calibrated(tmp_path):
    record = read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:1], [channel("I", unit="")])]))
    np.testing.assert_array_equal(record.signal, COUNTS[:1])
    assert (record.calibrated, record.meta["units"]) == (False, {"I": ""})


def test_other_than_voltages_are_left_out(tmp_path):
    channels = [channel("I"), channel("ART", unit="mm[Hg]", source=False, ChannelLabel="ART")]
    record = read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:2], channels)]))
    assert (record.leads, record.meta["left_out"]) == (("I",), {"ART": "mm[Hg]"})


def test_filters_and_skew_are_told(tmp_path):
    filters = {"FilterLowFrequency": "0.05", "FilterHighFrequency": "150", "NotchFilterFrequency": "50"}
    channels = [channel("I", **filters), channel("II", ChannelSampleSkew="2")]
    meta = read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:2], channels)])).meta
    assert meta["filters"] == "I: high-pass 0.05 Hz, low-pass 150 Hz, notch 50 Hz"
    assert meta["warnings"] == ("Channels are up to 2 samples apart; they are not aligned.",)


def test_a_skew_stated_in_seconds_is_told_in_samples(tmp_path):
    channels = [channel("I"), channel("II", ChannelTimeSkew="-0.01")]
    for each in channels:
        del each.ChannelSampleSkew
    meta = read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:2], channels)])).meta
    assert meta["warnings"] == ("Channels are up to 5 samples apart; they are not aligned.",)


def test_channels_that_all_begin_late_are_not_apart(tmp_path):
    channels = [channel("I", ChannelSampleSkew="7"), channel("II", ChannelSampleSkew="7")]
    assert "warnings" not in read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:2], channels)])).meta


def test_leads_that_other_groups_alone_hold_are_told(tmp_path):
    chest, limbs = [channel("V1"), channel("V2")], [channel("I"), channel("II")]
    beat = group(COUNTS[:1], [channel("V6")], label="MEDIAN BEAT")
    groups = [group(COUNTS[:2], limbs), group(COUNTS[2:4], chest), beat]
    record = read_record(make_dicom(tmp_path / "x.dcm", groups))
    assert record.leads == ("I", "II")
    assert record.meta["warnings"] == ("Further leads lie in other groups and are not read: V1, V2.",)


@pytest.mark.parametrize(
    ("stated", "age"),
    [("063Y", 63.0), ("018M", 1.5), ("052W", 1.0), ("010D", 0.027), ("", 63.3), ("999Y", 63.3)],
)
def test_an_age_is_stated_or_follows_from_the_birth_date(tmp_path, stated, age):
    record = read_record(single(tmp_path / "x.dcm", PatientAge=stated))
    assert record.meta["age"] == pytest.approx(age, abs=0.01)


def test_the_person_is_age_sex_and_an_id_and_nothing_else(tmp_path):
    note = pydicom.Dataset()
    note.UnformattedTextValue = "seen by Dr Planted"
    private = {"InstitutionName": "Planted", "OperatorsName": "Planted^O", "StudyDescription": "Planted"}
    record = read_record(single(tmp_path / "x.dcm", WaveformAnnotationSequence=[note], **private))
    assert (record.patient, record.meta["sex"], record.meta["device"]) == ("P17", "F", "ACME Five")
    assert record.meta["start"] == "2013-04-05T06:07:08"
    assert not any(word in str(record.meta) + record.id for word in ("Planted", "Doe", "1950"))


def test_the_start_is_the_first_that_is_stated(tmp_path):
    later = {"ContentDate": "20140506", "ContentTime": "070809", "StudyDate": "20150607"}
    record = read_record(single(tmp_path / "x.dcm", AcquisitionDateTime="", **later))
    assert record.meta["start"] == "2014-05-06T07:08:09"


def test_a_range_reads_its_own_samples_alone(tmp_path, monkeypatch):
    counts = np.tile(COUNTS[:2], (1, 2000))
    path = single(tmp_path / "x.dcm", counts)
    read, lengths = Source.read, []
    monkeypatch.setattr(Source, "read", lambda self, at, length: lengths.append(length) or read(self, at, length))
    record = read_record(path, 1000, 1)
    np.testing.assert_allclose(record.signal, COUNTS[:2] * 0.0025, rtol=1e-6)
    assert sum(lengths) < path.stat().st_size / 2


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"NumberOfWaveformSamples": 501}, "promises 501 samples of 2 channels"),
        ({"NumberOfWaveformSamples": 0}, "does not state the channels and samples"),
        ({"NumberOfWaveformSamples": 2**32 - 1}, "promises 4,294,967,295 samples"),
        ({"NumberOfWaveformChannels": 3, "NumberOfWaveformSamples": 300}, "describes 2 channels of 3"),
        ({"NumberOfWaveformChannels": 0}, "does not state the channels and samples"),
        ({"NumberOfWaveformChannels": 65535}, "does not state the channels and samples"),
        ({"WaveformBitsAllocated": 8}, "samples of type 'SS' with 8 bits"),
        ({"WaveformSampleInterpretation": "MB"}, "samples of type 'MB'"),
        ({"SamplingFrequency": "0"}, "sampling frequency"),
        ({"SamplingFrequency": "-500"}, "sampling frequency"),
        ({"SamplingFrequency": "1000000"}, "sampling rate"),
    ],
)
def test_a_damaged_group_is_one_error_that_says_what(tmp_path, fields, what):
    with pytest.raises(FormatError, match=what) as refusal:
        read_record(single(tmp_path / "x.dcm", fields=fields))
    assert "x.dcm" in refusal.value.message


@pytest.mark.parametrize("fields", [{"sensitivity": "0"}, {"sensitivity": "1e30"}, {"baseline": "1e30"}])
def test_a_scale_that_cannot_be_is_refused(tmp_path, fields):
    with pytest.raises(FormatError, match="sensitivity or baseline of channel 1"):
        read_record(make_dicom(tmp_path / "x.dcm", [group(COUNTS[:1], [channel("I", **fields)])]))


def test_a_picture_of_dicom_is_refused_by_that_name(tmp_path):
    path = single(tmp_path / "x.dcm")
    data = pydicom.dcmread(path)
    del data.WaveformSequence
    data.save_as(path)
    with pytest.raises(FormatError, match="holds no waveform"):
        read_record(path)


def meta_and(body, syntax):
    """A file whose data set is ``body``."""
    uid = SYNTAXES[syntax].encode()
    uid += b"\0" * (len(uid) % 2)
    element = b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    length = b"\x02\0\0\0UL\x04\0" + len(element).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + element + body


SEQUENCE, ITEM = b"\0\x54\0\x01SQ\0\0\xff\xff\xff\xff", b"\xfe\xff\0\xe0\xff\xff\xff\xff"
ANNOTATIONS, SMALL = b"\x40\0\x20\xb0" + SEQUENCE[4:] + ITEM, b"\x08\0\x60\0CS\0\0"
NESTED = b"\x3a\0\0\x02SQ\0\0\xff\xff\xff\xff" + ITEM


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\x08\0\x60\0CS\xf0\x00ECG", "leads beyond what holds it"),
        (b"\x10\0\x10\0OB\0\0\xf0\xff\xff\xffDoe", "leads beyond what holds it"),
        (SEQUENCE + ITEM, "an item has no end"),
        (SEQUENCE, "a sequence has no end"),
        (SEQUENCE + b"\x08\0\0\0UL\x04\0\0\0\0\0", "stands where an item of a sequence should"),
        (SEQUENCE + b"\xfe\xff\0\xe0\xff\xff\xff\x7f", "leads beyond its sequence"),
        (SEQUENCE + ITEM + NESTED * 100_000, "nested more than 16 deep"),
        (SMALL * 100_000, "in more than 65,536 elements"),
        (b"\x08\0\x60\0", "ends within an element"),
    ],
)
def test_lengths_and_nesting_that_cannot_be_are_refused_without_memory(tmp_path, body, what):
    path = tmp_path / "x.dcm"
    path.write_bytes(meta_and(body, "explicit"))
    tracemalloc.start()
    with pytest.raises(FormatError, match=what):
        read_record(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_a_file_of_endless_small_elements_is_refused(tmp_path):
    path = tmp_path / "x.dcm"
    path.write_bytes(meta_and(ANNOTATIONS + SMALL * 600_000, "explicit"))
    with pytest.raises(FormatError, match="more than 524,288 elements"):
        read_record(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    path = tmp_path / "x.dcm"
    path.write_bytes(meta_and(packed, "deflated"))
    tracemalloc.start()
    with pytest.raises(FormatError, match="unpacks to more than 24 MiB"):
        read_record(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26


@pytest.mark.parametrize("keep", [0.5, 0.95])
def test_packed_data_that_are_cut_or_damaged_are_refused(tmp_path, keep):
    data = single(tmp_path / "x.dcm", syntax="deflated").read_bytes()
    (tmp_path / "x.dcm").write_bytes(data[: int(keep * len(data))])
    with pytest.raises(FormatError, match="ends within its packed data"):
        read_record(tmp_path / "x.dcm")
    (tmp_path / "x.dcm").write_bytes(data[:-300] + b"\xff" * 300)
    with pytest.raises(FormatError):
        read_record(tmp_path / "x.dcm")
