"""Damaged, lying and hostile WFDB files: one error, no memory, nothing read outside the folder."""

import logging
import os
import tracemalloc

import fuzz_formats
import numpy as np
import pytest
import soundfile

from ecgtool.errors import EcgError, FormatError
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record

GOOD = "rec 1 100 50\nrec.dat 16 200/mV 16 0 0 0 0 I\n"


@pytest.fixture
def header(tmp_path):
    signal = np.arange(50, dtype=np.float32).reshape(1, 50) / 1000
    return write_wfdb(Record(signal, 100.0, ("I",)), tmp_path / "corpus", "rec")


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "ecgtool")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("rec 1 100 50", "rec 1 -5 50", "line 1: the sampling rate cannot be '-5'"),
        ("rec 1 100 50", "rec 1 0 50", "the sampling rate"),
        ("rec 1 100 50", "rec 1 nan 50", "the sampling rate"),
        ("rec 1 100 50", "rec 1 1e9 50", "the sampling rate"),
        ("rec 1 100 50", "rec 1 fast 50", "the sampling rate"),
        ("rec 1 100 50", "rec one 100 50", "the number of signals"),
        ("rec 1 100 50", "rec 0 100 50", "the number of signals"),
        ("rec 1 100 50", "rec 99999 100 50", "the number of signals"),
        ("rec 1 100 50", "rec 2 100 50", "promises 2 signals, 1 follow"),
        ("rec 1 100 50", "rec/2 1 100 50", "promises 2 segments, 1 follow"),
        ("rec 1 100 50", "rec 1 100 -50", "the number of samples"),
        ("rec 1 100 50", "rec 1 100 100000000000", "100 bytes; its header promises 200,000,000,000"),
        ("rec 1 100 50", "rec 1 100 " + "9" * 5000, "the number of samples"),
        ("rec 1 100 50", "rec", "the record line"),
        (" 16 200/mV", " 17 200/mV", "storage format 17 is unknown"),
        (" 16 200/mV", " 0 200/mV", "storage format 0 is unknown"),
        (" 16 200/mV", " sixteen 200/mV", "line 2: the storage format"),
        (" 16 200/mV", " 16x0 200/mV", "the storage format"),
        (" 16 200/mV", " 16x99999 200/mV", "the storage format"),
        (" 16 200/mV", " 16x9999 200/mV", "bytes; its header promises"),
        (" 16 200/mV", " 16:50 200/mV", "skew"),
        (" 16 200/mV", " 16:99999999999 200/mV", "skew"),
        (" 16 200/mV", " 16+1 200/mV", "100 bytes; its header promises 101"),
        (" 16 200/mV", " 32 200/mV", "100 bytes; its header promises 200"),
        (" 16 200/mV", " 516 200/mV", "cannot be read as FLAC"),
        ("200/mV", "nan/mV", "the gain"),
        ("200/mV", "inf", "the gain"),
        ("200/mV", "1e-300/mV", "the gain"),
        ("200/mV", "200(1e99)/mV", "a number of counts"),
        ("200/mV", "200(zero)/mV", "a number of counts"),
        ("200/mV", "/mV", "the gain"),
        ("16 0 0 0 0 I", "16 x 0 0 0 I", "a number of counts"),
        ("rec.dat", "-", "does not exist|no signal file"),
        (GOOD, "", "is empty"),
        (GOOD, "# only a comment\n", "is empty"),
        (GOOD, "\0" * 100, "record line"),
    ],
)
def test_a_damaged_header_is_one_error_that_says_where(header, old, new, what):
    header.write_text(GOOD.replace(old, new))
    with pytest.raises(EcgError, match=what) as refusal:
        read_record(header)
    assert "rec." in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        "rec 1 100 100000000000\nrec.dat 212 200/mV 16 0 0 0 0 I\n",
        "rec 1024 100 1000000\n" + "rec.dat 16x9999 200/mV 16 0 0 0 0 a\n" * 1024,
        "rec 1024 100\n" + "rec.dat 16 200/mV 16 0 0 0 0 a\n" * 1023 + "rec.dat 16x1000 200/mV 16 0 0 0 0 a\n",
        "rec 1 100 1000000000\nrec.dat 516 200/mV 16 0 0 0 0 I\n",
        "rec 1 100 100000000\nrec.dat 8 200/mV 16 0 0 0 0 I\n",
        "rec/2 1 100 10000000050\nrec2 50\n~ 10000000000\n",
        "rec/1000000 1 100 50\n",
        "rec 1 100 50\nrec.dat 16 200/mV 16 0 0 0 0 " + "I" * 3_000_000,
        "#" * 5_000_000,
    ],
)
def test_a_header_that_lies_about_sizes_costs_no_memory(header, text):
    (header.parent / "rec2.hea").write_text(GOOD)
    header.with_suffix(".dat").write_bytes(b"\1" * 400_000)
    header.write_text(text)
    assert peak_memory(header) < fuzz_formats.MEMORY_LIMIT


def peak_memory(path, start=0.0, seconds=None):
    """Bytes that reading takes at most, whether it succeeds or not."""
    tracemalloc.start()
    try:
        read_record(path, start, seconds)
    except EcgError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_a_huge_header_is_not_read(header):
    os.truncate(header, 2**28)
    assert peak_memory(header) < fuzz_formats.MEMORY_LIMIT
    with pytest.raises(FormatError, match="too large"):
        read_record(header)


def test_a_compressed_flat_line_does_not_unpack_without_bound(header):
    samples = 5_000_000
    soundfile.write(header.with_suffix(".dat"), np.zeros(samples, np.int16), 96_000, format="FLAC")
    header.write_text(GOOD.replace("100 50", f"100 {samples}").replace(" 16 200", " 516 200"))
    with pytest.raises(FormatError, match="promises 5,000,000 samples of a file of"):
        read_record(header)
    assert read_record(header, 0, 10).signal.shape == (1, 1000)


def test_a_cut_signal_file_is_refused_even_where_the_range_lies_before_the_cut(header):
    os.truncate(header.with_suffix(".dat"), 90)
    with pytest.raises(FormatError, match="90 bytes"):
        read_record(header, 0, 0.1)


@pytest.mark.parametrize("fmt", [16, 212, 310])
@pytest.mark.parametrize("stated", [True, False])
def test_a_signal_file_cut_anywhere_is_refused_or_marked(tmp_path, fmt, stated):
    signal = np.random.default_rng(0).normal(0, 0.05, (2, 401)).astype(np.float32)
    header = write_wfdb(Record(signal, 100.0, ("I", "II")), tmp_path, "rec", fmt)
    if not stated:
        header.write_text(header.read_text().replace("rec 2 100 401", "rec 2 100"))
    samples = header.with_suffix(".dat")
    whole = samples.read_bytes()
    for percent in range(100):
        samples.write_bytes(whole[: len(whole) * percent // 100])
        try:
            record = read_record(header)
        except FormatError:
            continue
        assert not stated
        assert record.meta["truncated"]


def test_a_header_cut_anywhere_is_refused_or_marked_or_lacks_comments_alone(tmp_path):
    signal = np.random.default_rng(0).normal(0, 0.1, (3, 100)).astype(np.float32)
    header = write_wfdb(Record(signal, 100.0, ("I", "II", "V1"), meta={"age": 70, "sex": "F"}), tmp_path, "rec")
    whole, expected = header.read_text(), read_record(header)
    for length in range(len(whole)):
        header.write_text(whole[:length])
        try:
            record = read_record(header)
        except EcgError:
            continue
        if "truncated" not in record.meta:
            np.testing.assert_array_equal(record.signal, expected.signal)
            assert (record.leads, record.fs) == (expected.leads, expected.fs)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.dat", "..\\secret.dat", "{root}/secret.dat", "file://{root}/secret.dat", "sub/../../secret.dat",
        "link.dat", "folder/secret.dat", "C:secret.dat", "..", ".", "x" * 300,
    ],
)  # fmt: skip
def test_no_header_reads_a_file_outside_its_folder(header, tmp_path, name):
    canary = 12345
    (tmp_path / "secret.dat").write_bytes(np.full(50, canary, "<i2").tobytes())
    (header.parent / "link.dat").symlink_to(tmp_path / "secret.dat")
    (header.parent / "folder").symlink_to(tmp_path)
    header.write_text(GOOD.replace("rec.dat", name.format(root=tmp_path)).replace("200/mV", "1/mV"))
    outcome = fuzz_formats.check(header, canary)
    assert isinstance(outcome, EcgError)


def test_a_link_within_the_folder_is_followed(header):
    samples = header.with_suffix(".dat")
    samples.rename(header.parent / "objects")
    samples.symlink_to("objects")
    assert read_record(header).signal.shape == (1, 50)


def test_a_signal_file_that_is_a_folder_is_refused(header):
    header.with_suffix(".dat").unlink()
    header.with_suffix(".dat").mkdir()
    with pytest.raises(EcgError, match="not a file"):
        read_record(header)


def test_changed_samples_are_told_by_the_checksum(tmp_path):
    signal = np.random.default_rng(0).normal(0, 0.1, (12, 100)).astype(np.float32)
    header = write_wfdb(Record(signal, 100.0, LEADS_12), tmp_path, "rec")
    samples = header.with_suffix(".dat")
    whole = samples.read_bytes()
    for at in range(0, len(whole), 37):
        samples.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        assert "checksum" in read_record(header).meta["warnings"][0]
