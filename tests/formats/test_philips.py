"""Philips Sierra ECG: compression, the limb leads behind it, the calibration pulse, and what is refused."""

import base64
import importlib
import struct

import numpy as np
import pytest
from xml_files import TWELVE, beats, philips, philips_plain, philips_xli, twelve_counts, xli_chunk

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.formats.philips_xli import unpack_xli
from ecgtool.record import LEADS_12

SAMPLES = ("129DYPRG.XML", "3191723_ZZDEMOPTONLY_1-04_orig.xml", "ad4d3d80-d165_1-04_orig.xml")


@pytest.fixture
def reading(tmp_path):
    """``reading(parsed, **document)``: the record that a Sierra file with these waveforms gives."""

    def read(parsed, **document):
        path = tmp_path / "ecg.xml"
        path.write_text(philips(parsed, **document))
        return read_record(path)

    return read


def codes_of(*codes):
    """Codes of ten bits behind the header of a chunk."""
    bits = "".join(f"{code:010b}" for code in codes)
    packed = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return struct.pack("<ihh", len(packed), 1, 0) + packed


@pytest.mark.parametrize("samples", [2, 3, 4, 250, 5500])
def test_what_is_packed_unpacks_to_the_same(tmp_path, samples):
    counts = beats(3, samples)
    unpacked = unpack_xli(tmp_path, b"".join(map(xli_chunk, counts)), 3, samples)
    np.testing.assert_array_equal(unpacked, counts)


def test_sixteen_bits_wrap_as_in_the_device(tmp_path):
    counts = np.array([[0, 32767, -32768, 32767, 0, -1, 5, -30000, 30000]])
    np.testing.assert_array_equal(unpack_xli(tmp_path, xli_chunk(counts[0]), 1, 9), counts)


def test_a_code_that_names_the_entry_it_makes_is_understood(tmp_path):
    run = np.full((1, 400), 17)
    np.testing.assert_array_equal(unpack_xli(tmp_path, xli_chunk(run[0]), 1, 400), run)


@pytest.mark.parametrize("old", [False, True])
def test_limb_leads_are_restored_from_their_differences(reading, old):
    counts = twelve_counts()
    version = {"version": "1.03", "kind": "SierraECG", "names": " ".join(TWELVE)} if old else {}
    record = reading(philips_xli(counts, old=old), **version)
    assert record.leads == LEADS_12
    np.testing.assert_allclose(record.signal, counts * 0.005, atol=1e-6)
    assert "derived" not in record.meta


@pytest.mark.parametrize("coding", ["Base64", "Plain"])
def test_samples_that_are_not_compressed_are_what_they_say(reading, coding):
    counts = beats(3)
    record = reading(philips_plain(counts, ("V1", "V2", "V3"), coding=coding))
    np.testing.assert_allclose(record.signal, counts * 0.0025, atol=1e-6)


def test_an_offset_is_taken_off(reading):
    record = reading(philips_plain(beats(1), ("V1",), extra='signaloffset="100"'))
    np.testing.assert_allclose(record.signal, (beats(1) - 100) * 0.0025, atol=1e-6)


def test_the_calibration_pulse_is_left_out(reading):
    pulse = np.zeros((12, 200), np.int64)
    pulse[:, 50:150] = 200
    record = reading(philips_xli(np.hstack([twelve_counts(1000), pulse])))
    np.testing.assert_allclose(record.signal, twelve_counts(1000) * 0.005, atol=1e-6)
    assert record.meta["left_out"] == {"calibration pulse": "0.4 s at the end"}
    assert record.meta["duration_s"] == 2.0


@pytest.mark.parametrize("height", [0, 180])
def test_leads_that_end_alike_without_a_millivolt_are_kept(reading, height):
    tail = np.zeros((12, 200), np.int64)
    tail[:, 50:150] = height
    assert reading(philips_xli(np.hstack([twelve_counts(1000), tail]))).signal.shape[1] == 1200


@pytest.mark.parametrize(
    ("stated", "age"),
    [("<years>50</years>", 50), ("<dateofbirth>1976-12-02</dateofbirth>", 34), ("<dateofbirth>x</dateofbirth>", None)],
)
def test_the_age_is_stated_or_follows_from_the_birth_date(tmp_path, stated, age):
    path = tmp_path / "ecg.xml"
    path.write_text(philips(philips_xli(twelve_counts())).replace("<years>50</years>", stated))
    record = read_record(path)
    assert record.meta.get("age") == age
    assert "1976" not in repr(record.meta)


def test_without_a_resolution_it_is_not_calibrated(reading):
    parsed = philips_plain(beats(1), ("V1",)).replace('resolution="2.5"', "")
    record = reading(parsed, sampling="unstated")
    assert not record.calibrated
    np.testing.assert_array_equal(record.signal, beats(1))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (('durationperchannel="500"', 'durationperchannel="600"'), "250 samples, not the 300 it promises"),
        (('durationperchannel="500"', 'durationperchannel="99999999999"'), "no resting ECG"),
        (('durationperchannel="500"', 'durationperchannel="-500"'), "no resting ECG"),
        (('durationperchannel="500"', 'durationperchannel="1e308"'), "no resting ECG"),
        (('numberofleads="3"', 'numberofleads="4"'), "4 leads and names for 3"),
        (('numberofleads="3"', 'numberofleads="0"'), "0 leads"),
        (('numberofleads="3"', 'numberofleads="0.5"'), "0.5 leads"),
        (('leadlabels="V1 V2 V3"', 'leadlabels="V1 V2 v1"'), "more than once"),
        (('dataencoding="Base64"', 'dataencoding="Hex"'), "not known: hex"),
        (('bitspersample="16"', 'bitspersample="12"'), "12.0 bits"),
        (("Uncompressed", "Zip"), "not known"),
        ((">AAAA", ">A*AA"), "not valid base64"),
    ],
)
def test_a_damaged_waveform_is_refused(reading, changed, told):
    counts = beats(3)
    counts[0, :2] = 0
    parsed = philips_plain(counts, ("V1", "V2", "V3"))
    assert changed[0] in parsed
    with pytest.raises(FormatError) as refusal:
        reading(parsed.replace(*changed))
    assert told in refusal.value.message


@pytest.mark.parametrize("fs", [0, -500, 1e308, "x", ""])
def test_a_rate_that_cannot_be_is_refused(reading, fs):
    with pytest.raises(FormatError, match=r"Hz|samples a second"):
        reading(philips_xli(twelve_counts()), fs=fs)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"kind": "MortaraECG"}, "type 'MortaraECG' version '1.04'"),
        ({"version": "2.0"}, "version '2.0'"),
        ({"version": ""}, "version ''"),
    ],
)
def test_other_documents_are_refused(reading, document, told):
    with pytest.raises(FormatError, match=told):
        reading(philips_xli(twelve_counts()), **document)


def test_a_document_without_a_waveform_is_refused(reading):
    with pytest.raises(FormatError, match="holds no waveform"):
        reading("")


@pytest.mark.parametrize(
    ("chunk", "told"),
    [
        (b"\0\0", "ends after 0 of its 1"),
        (struct.pack("<ihh", 99, 1, 0) + b"abc", "cut or damaged"),
        (struct.pack("<ihh", -1, 1, 0) + b"abc", "cut or damaged"),
        (codes_of(1023), "holds no samples"),
        (codes_of(300, 1, 1023), "begins with an unknown code"),
        (codes_of(1, 700, 1023), "before it is defined"),
    ],
)
def test_a_damaged_chunk_is_refused(tmp_path, chunk, told):
    with pytest.raises(FormatError, match=told):
        unpack_xli(tmp_path, chunk, 1, 1000)


def test_a_small_file_cannot_unpack_to_gigabytes(reading):
    growing = [0, *range(256, 1022)]  # each code is one byte longer than the one before
    bomb = codes_of(*growing, *[1021] * 200_000, 1023)
    text = base64.b64encode(bomb * 12).decode()
    parsed = philips_xli(twelve_counts())
    body = parsed[: parsed.index(">") + 1].replace('durationperchannel="500"', 'durationperchannel="11000"')
    with pytest.raises(FormatError, match="unpacks to more samples"):
        reading(f"{body}{text}</parsedwaveforms>")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_real_recordings_hold_ten_seconds_without_the_pulse(name, recordings):
    record = read_record(recordings("xml/philips-sierra") / name)
    assert record.leads == LEADS_12
    assert 10.5 <= record.seconds < 10.7
    assert "calibration pulse" in record.meta["left_out"]
    steps = record.signal / 0.005
    np.testing.assert_allclose(steps, np.rint(steps), atol=2e-3)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_real_recordings_equal_the_reference_reader(name, recordings):
    ecgdatakit = pytest.importorskip("ecgdatakit")
    path = recordings("xml/philips-sierra") / name
    record, reference = read_record(path), ecgdatakit.FileParser.parse(path)
    end = record.signal.shape[1]
    for lead in reference.leads:
        mine = record.signal[record.leads.index(lead.label)]
        assert np.abs(mine - lead.samples[:end]).max() < 0.0025
        assert set(np.rint(lead.samples[end:] * 200)) == {0, 200}  # the pulse, and nothing but the pulse


@pytest.mark.parametrize("name", SAMPLES)
def test_the_real_recordings_equal_sierraecg(name, recordings):
    try:
        sierraecg = importlib.import_module("sierraecg")
    except ImportError:
        pytest.skip("sierraecg is not installed")
    path = recordings("xml/philips-sierra") / name
    record = read_record(path)
    for lead in sierraecg.read_file(str(path)).leads:
        mine = record.signal[record.leads.index(lead.label)]
        np.testing.assert_array_equal(np.rint(mine * 200), np.array(lead.samples)[: len(mine)])
