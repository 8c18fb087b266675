"""SCP-ECG files made section by section, and what another reader makes of them where it is there."""

import struct
import tracemalloc

import numpy as np
import pytest
from recorded import ecg_like
from scp_files import (
    CODES,
    DEFAULT,
    ENCODERS,
    OWN,
    by_default,
    by_own,
    coded,
    counts_of,
    leads_body,
    make_file,
    make_residual,
    make_scp,
    own_tables,
    packed,
    person_body,
    plain,
)

from ecgtool.errors import FormatError
from ecgtool.formats import read_record
from ecgtool.formats.lead_codes import is_computed, lead_of_code
from ecgtool.formats.scp_huffman import STANDARD, BadTable, decode, parse_tables

LEADS = ("I", "II", "V1")
RECORD = ecg_like(1.0, 500.0, LEADS)
COUNTS = counts_of(RECORD)


def test_the_real_recording_is_what_its_second_differences_say(recordings):
    path = recordings("scp") / "example.scp"
    record = read_record(path)
    assert record.leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "III", "aVR", "aVL", "aVF")
    assert (record.fs, record.signal.shape, record.patient) == (500.0, (12, 5000), "SBJ-123")
    assert (record.meta["age"], record.meta["sex"], record.meta["device"]) == (49.5, "M", "ELI250")
    assert not {"warnings", "truncated"} & set(record.meta)
    assert "Clark" not in str(record.meta)
    one, two, three = (record.signal[record.leads.index(lead)] for lead in ("I", "II", "III"))
    np.testing.assert_allclose(two - one, three, atol=0.0026)  # within a count of 2.5 µV


def test_the_real_recording_reads_as_ecgdatakit_reads_it(recordings):
    parsing = pytest.importorskip("ecgdatakit.parsing")
    path = recordings("scp") / "example.scp"
    ours, theirs = read_record(path), parsing.FileParser().parse(str(path))
    assert [lead.label for lead in theirs.leads] == list(ours.leads)
    for lead, row in zip(theirs.leads, ours.signal, strict=True):
        np.testing.assert_allclose(row, lead.samples, rtol=0, atol=1e-6)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_every_way_of_storing_samples_gives_them_back(tmp_path, encoder, order):
    path = make_scp(tmp_path / "x.scp", COUNTS, LEADS, encoder=encoder, order=order)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, COUNTS * 0.0025, rtol=1e-6)
    assert (record.leads, record.fs) == (LEADS, 500.0)
    np.testing.assert_array_equal(read_record(path, 0.1, 0.5).signal, record.signal[:, 50:300])


def test_the_standard_table_is_that_of_the_standard():
    known = {f"{entry.pattern:0{entry.prefix}b}"[::-1]: entry.base for entry in STANDARD if entry.bits == entry.prefix}
    assert known == {text: value for value, text in DEFAULT.items()}


def test_numbers_of_any_size_survive_the_code_of_the_standard():
    values = [*range(-300, 300), -32768, 32767, 0, 0, 127, -128, 128, -129]
    assert decode(by_default(values), (STANDARD,), len(values)).tolist() == values


def test_a_code_may_change_the_table():
    values = [*range(-5, 6), 0, 1, -1, 2, -2, 30_000, -30_000] * 3
    tables = parse_tables(own_tables())
    assert len(tables) == len(OWN)
    assert decode(by_own(values), tables, len(values)).tolist() == values


def test_decoding_stops_where_the_codes_end():
    assert decode(by_default([5, -5, 700]), (STANDARD,), 10).tolist()[:3] == [5, -5, 700]
    assert decode(packed("1111111111" + "0" * 14), (STANDARD,), 1).tolist() == []
    assert decode(packed("100" + "11111"), (STANDARD,), 5).tolist() == [1]
    assert decode(b"", (STANDARD,), 3).tolist() == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (struct.pack("<H", 0), "no Huffman table"),
        (struct.pack("<H", 500), "500 Huffman tables"),
        (struct.pack("<HH", 1, 0), "empty or cut short"),
        (struct.pack("<HHBBBhI", 1, 2, 1, 1, 1, 0, 0), "empty or cut short"),
        (struct.pack("<HHBBBhI", 1, 1, 0, 1, 1, 0, 0), "0 and 1 bits"),
        (struct.pack("<HHBBBhI", 1, 1, 17, 17, 1, 0, 0), "17 and 17 bits"),
        (struct.pack("<HHBBBhI", 1, 1, 4, 3, 1, 0, 0), "4 and 3 bits"),
        (struct.pack("<HHBBBhI", 1, 1, 4, 60, 1, 0, 0), "4 and 60 bits"),
        (struct.pack("<HHBBBhI", 1, 1, 4, 4, 0, 2, 0), "4 and 4 bits"),
        (struct.pack("<HHBBBhI", 1, 1, 4, 4, 0, 0, 0), "4 and 4 bits"),
    ],
)
def test_a_table_that_cannot_be_is_refused(tmp_path, body, what):
    with pytest.raises(BadTable, match=what):
        parse_tables(body)
    sections = {2: body, 3: leads_body([1], [(1, 500)]), 6: coded(COUNTS[:1], 0, plain)}
    with pytest.raises(FormatError, match=what):
        read_record(make_file(tmp_path / "x.scp", sections))


def test_the_reference_beat_is_put_back_where_it_was_subtracted(tmp_path):
    beats = [(0, 20, 60, 130), (1, 150, 200, 240), (0, 300, 340, 400), (0, 480, 490, 500)]
    path = make_residual(tmp_path / "x.scp", COUNTS, LEADS, COUNTS[:, 50:170], beats, 45)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, COUNTS * 0.0025, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(read_record(path, 0.2, 0.5).signal, record.signal[:, 100:350])


def test_a_residual_without_its_reference_beat_is_refused(tmp_path):
    sections = {3: leads_body([1], [(1, 500)], subtracted=True), 6: coded(COUNTS[:1], 0, plain)}
    with pytest.raises(FormatError, match="no reference beat"):
        read_record(make_file(tmp_path / "x.scp", sections))
    sections[5] = coded(COUNTS[:1, :100], 0, plain)
    with pytest.raises(FormatError, match="no list of beats"):
        read_record(make_file(tmp_path / "x.scp", sections))
    sections[5] = coded(COUNTS[:1, :100], 0, plain, interval=1000)
    with pytest.raises(FormatError, match="does not fit the rhythm"):
        read_record(make_file(tmp_path / "x.scp", sections))


def test_a_reference_beat_of_another_step_is_scaled(tmp_path):
    sections = {
        3: leads_body([1], [(1, 500)], subtracted=True),
        4: struct.pack("<HHHHIII", 200, 1, 1, 0, 1, 1, 100),
        5: coded(np.full((1, 100), 10), 0, plain, nanovolts=5000),
        6: coded(COUNTS[:1], 0, plain),
    }
    record = read_record(make_file(tmp_path / "x.scp", sections))
    np.testing.assert_allclose(record.signal[0, :100] - COUNTS[0, :100] * 0.0025, 0.05, rtol=1e-3)
    np.testing.assert_allclose(record.signal[0, 100:], COUNTS[0, 100:] * 0.0025, rtol=1e-6)


def test_bimodal_compression_is_refused_by_that_name_until_version_3(tmp_path):
    with pytest.raises(FormatError, match="bimodal compression"):
        read_record(make_scp(tmp_path / "x.scp", COUNTS, LEADS, bimodal=1))
    record = read_record(make_scp(tmp_path / "x.scp", COUNTS, LEADS, bimodal=1, version=30))
    np.testing.assert_allclose(record.signal, COUNTS * 0.0025, rtol=1e-6)


@pytest.mark.parametrize(("nanovolts", "interval", "fs"), [(1000, 1000, 1000), (4880, 4000, 250), (65535, 10000, 100)])
def test_step_and_rate_are_those_of_the_file(tmp_path, nanovolts, interval, fs):
    options = {"nanovolts": nanovolts, "interval": interval}
    record = read_record(make_scp(tmp_path / "x.scp", COUNTS, LEADS, **options))
    np.testing.assert_allclose(record.signal, COUNTS * nanovolts / 1e6, rtol=1e-6)
    assert record.fs == fs


def test_without_a_step_the_record_is_not_calibrated(tmp_path):
    record = read_record(make_scp(tmp_path / "x.scp", COUNTS, LEADS, nanovolts=0))
    assert not record.calibrated
    np.testing.assert_array_equal(record.signal, COUNTS)


def test_leads_recorded_one_after_the_other_are_nan_before_and_after(tmp_path):
    sections = {3: leads_body([1, 3], [(1, 200), (201, 500)])}
    runs = [plain(COUNTS[0, :200]), plain(COUNTS[1, 200:])]
    sections[6] = struct.pack("<HHBBHH", 2500, 2000, 0, 0, *map(len, runs)) + b"".join(runs)
    path = make_file(tmp_path / "x.scp", sections)
    record = read_record(path)
    assert record.leads == ("I", "V1")
    np.testing.assert_array_equal(np.isnan(record.signal), [[False] * 200 + [True] * 300, [True] * 200 + [False] * 300])
    np.testing.assert_allclose(record.signal[1, 200:], COUNTS[1, 200:] * 0.0025, rtol=1e-6)
    np.testing.assert_array_equal(read_record(path, 0.3, 0.2).signal, record.signal[:, 150:250])
    np.testing.assert_array_equal(read_record(path, 0.5, 0.2).signal, record.signal[:, 250:350])


def test_leads_that_were_computed_are_marked(tmp_path):
    path = make_file(tmp_path / "x.scp", {3: leads_body([31, 2], [(1, 500)] * 2), 6: coded(COUNTS[:2], 0, plain)})
    record = read_record(path)
    assert (record.leads, record.meta["derived"]) == (("I", "II"), ("I",))


def test_the_numbers_of_leads_are_those_of_mdc():
    concepts = pytest.importorskip("pydicom.sr._concepts_dict").concepts["MDC"]
    meanings = {
        code: meaning for entry in concepts.values() for code, (meaning, groups) in entry.items() if 3001 in groups
    }
    for name, number in CODES.items():
        assert name in meanings[f"2:{number}"].replace(",", "").split()
    for code, meaning in meanings.items():
        number = int(code.removeprefix("2:"))
        assert number in (0, 148, 149, 150, 151, 123, 124) or lead_of_code(number), meaning
        assert is_computed(number) == meaning.startswith("Derived"), meaning


@pytest.mark.parametrize(
    ("at", "told"),
    [(0, "The checksum of the file"), (-30, "The checksum of section 6")],
)
def test_a_checksum_that_does_not_hold_is_told(tmp_path, at, told):
    path = make_scp(tmp_path / "x.scp", COUNTS, LEADS, encoder="plain")
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert any(line.startswith(told) for line in read_record(path).meta["warnings"])


def test_a_file_that_ends_early_is_marked_where_the_rhythm_is_whole(tmp_path):
    sections = {1: person_body(), 3: leads_body([1], [(1, 500)]), 6: coded(COUNTS[:1], 0, plain), 8: bytes(100)}
    path = make_file(tmp_path / "x.scp", sections)
    path.write_bytes(path.read_bytes()[:-50])
    record = read_record(path)
    assert record.meta["truncated"]
    np.testing.assert_allclose(record.signal, COUNTS[:1] * 0.0025, rtol=1e-6)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="section 6 does not lie where the file says"):
        read_record(path)


def sections_of(**changes):
    """The sections of a small file; ``changes`` replace or drop them: ``s6=None``."""
    sections = {1: person_body(), 3: leads_body([1], [(1, 500)]), 6: coded(COUNTS[:1], 0, plain)}
    sections |= {int(name[1:]): body for name, body in changes.items()}
    return {number: body for number, body in sections.items() if body is not None}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"s6": None}, "no rhythm"),
        ({"s3": None}, "no lead definition"),
        ({"s3": b"\0\0"}, "defines no leads"),
        ({"s3": b"\x05\0" + bytes(9)}, "fewer than it says"),
        ({"s3": leads_body([1], [(300, 200)])}, "ends before it begins"),
        ({"s3": leads_body([1], [(1, 600)])}, "lead I ends after 500 of 600 samples"),
        ({"s3": leads_body([1], [(1, 2**32 - 1)])}, "almost only gaps|ends after"),
        ({"s3": leads_body([1, 1], [(1, 250)] * 2), "s6": coded(COUNTS[:2, :250], 0, plain)}, "lead I more than once"),
        ({"s6": coded(COUNTS[:1], 0, plain, interval=0)}, "the rhythm cannot be"),
        ({"s6": coded(COUNTS[:1], 0, plain, interval=1)}, "sampling rate"),
        ({"s6": struct.pack("<HHBBH", 1, 2000, 3, 0, 0)}, "the rhythm cannot be"),
        ({"s6": struct.pack("<HHBBH", 1, 2000, 0, 0, 999)}, "the rhythm cannot be"),
        ({"s6": b"\0\0"}, "no rhythm"),
        ({"s2": struct.pack("<H", 19999), "s6": struct.pack("<HHBBH", 1, 2000, 0, 0, 0)}, "ends after 0 of 500"),
    ],
)
def test_a_damaged_file_is_one_error_that_says_where(tmp_path, changes, what):
    with pytest.raises(FormatError, match=what) as refusal:
        read_record(make_file(tmp_path / "x.scp", sections_of(**changes)))
    assert "x.scp" in refusal.value.message


def test_a_lying_length_takes_no_memory(tmp_path):
    sections = {2: struct.pack("<H", 19999), 3: leads_body([1], [(1, 2**32 - 1)]), 6: coded(COUNTS[:1], 2, by_default)}
    path = make_file(tmp_path / "x.scp", sections)
    tracemalloc.start()
    for range_ in ((0, None), (0, 1000), (0, 2)):
        with pytest.raises(FormatError):
            read_record(path, *range_)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_what_section_1_does_not_say_is_not_told(tmp_path):
    tags = {f"t{tag}": None for tag in (2, 4, 8, 14, 25, 26, 27, 28, 29)}
    record = read_record(make_file(tmp_path / "x.scp", sections_of(s1=person_body(**tags))))
    assert record.patient == ""
    assert not {"age", "sex", "start", "device", "filters"} & set(record.meta)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, {"age": 63.0, "sex": "F", "start": "2013-04-05T06:07:08", "device": "FIVE"}),
        ({"t4": struct.pack("<HB", 18, 2)}, {"age": 1.5}),
        ({"t4": None, "t5": struct.pack("<HBB", 1950, 1, 2)}, {"age": 63.3}),
        ({"t8": b"\x01"}, {"sex": "M"}),
        ({"t26": None}, {"start": "2013-04-05"}),
        ({}, {"filters": "high-pass 0.05 Hz, low-pass 150 Hz, notch 50 Hz"}),
    ],
)
def test_the_person_is_age_sex_and_an_id_and_nothing_else(tmp_path, tags, expected):
    record = read_record(make_file(tmp_path / "x.scp", sections_of(s1=person_body(**tags))))
    assert {key: record.meta[key] for key in expected} == expected
    assert record.patient == "P17"
    assert not any(word in str(record.meta) for word in ("Doe", "Jane", "1950"))
