"""The way in: what a path may mean, and what is said when it means nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound
from ecgtool.formats import FORMATS, read_record
from ecgtool.formats.contract import Format
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record


@pytest.fixture
def header(tmp_path):
    signal = np.arange(2000, dtype=np.float32).reshape(2, 1000) / 1000
    return write_wfdb(Record(signal, 250.0, ("I", "V5")), tmp_path / "study.2020", "rec1")


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_wfdb_record_is_found_by_stem_header_or_signal_file(header, suffix):
    record = read_record(header.with_suffix(suffix))
    assert (record.id, record.leads, record.fs) == ("rec1", ("I", "V5"), 250.0)


def test_a_path_may_be_text(header):
    assert read_record(str(header)).leads == ("I", "V5")


def test_a_header_is_known_by_its_content_whatever_its_suffix(header):
    other = header.with_suffix(".txt")
    header.rename(other)
    assert read_record(other).leads == ("I", "V5")


def test_a_signal_file_of_any_suffix_is_known_by_the_header_beside_it(header):
    header.write_text(header.read_text().replace("rec1.dat", "rec1.xyz"))
    samples = header.with_suffix(".dat").rename(header.with_suffix(".xyz"))
    assert read_record(samples).leads == ("I", "V5")


def test_a_missing_file_is_not_found():
    with pytest.raises(NotFound, match=r"nothing\.hea does not exist"):
        read_record("nothing.hea")


def test_a_signal_file_without_header_says_so(header):
    header.unlink()
    with pytest.raises(NotFound, match=r"has no header rec1\.hea beside it"):
        read_record(header.with_suffix(".dat"))


@pytest.mark.parametrize("suffix", [".pdf", ".PNG", ".jpg"])
def test_a_picture_is_refused_with_advice(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(b"%PDF-1.7\0\0")
    with pytest.raises(FormatError) as refusal:
        read_record(path)
    assert "picture" in refusal.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"name,value\nx,2\n", b"Dear colleague,\nthe ECG is normal.\n", bytes(range(256))]
)
def test_what_is_no_recording_is_refused_with_the_formats_that_are(tmp_path, content):
    path = tmp_path / "thing.bin"
    path.write_bytes(content)
    with pytest.raises(FormatError) as refusal:
        read_record(path)
    assert "wfdb" in refusal.value.hint


@pytest.mark.parametrize("path", [".", "", "/", "a\0b", "x" * 300, "/dev/null", "~", "http://127.0.0.1/rec.hea"])
def test_paths_that_cannot_be_recordings_are_one_error(path):
    with pytest.raises(EcgError):
        read_record(path)


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.hea")
    with pytest.raises(EcgError):
        read_record(tmp_path / "pipe.hea")


@pytest.mark.parametrize(("start", "seconds"), [(-1, 1), (0, 0), (0, -1), (float("nan"), 1), (float("inf"), 1), (4, 1)])
def test_a_range_outside_the_recording_is_refused(header, start, seconds):
    with pytest.raises(ConfigError):
        read_record(header, start, seconds)


def test_a_range_that_ends_beyond_the_recording_is_cut_there(header):
    record = read_record(header, 3.0, 100.0)
    assert record.seconds == 1.0
    assert (record.meta["start_s"], record.meta["duration_s"]) == (3.0, 4.0)


def test_a_recording_read_in_pieces_is_the_recording(header):
    whole = read_record(header).signal
    pieces = [read_record(header, start, 1.0).signal for start in range(4)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


def test_every_registered_format_keeps_the_contract():
    for name in FORMATS:
        member = FORMATS.load(name)
        assert isinstance(member, Format)
        assert member.name == name
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in member.suffixes)
        assert member.sniff(Path("nowhere.xyz"), b"") is False
