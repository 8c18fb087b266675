"""Files that people take for recordings are called what they are, and the way to the recording is told."""

import pytest

from ecgtool.errors import FormatError
from ecgtool.formats import read_record


def refusal(path, content):
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_record(path)
    return caught.value


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (b"%PDF-1.7\n", "a PDF document", "printed page"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", "DICOM"),
        (b"\xff\xd8\xff\xe0", "a picture (JPEG)", "DICOM"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "an Office document", "CSV"),
        (b"PK\x03\x04" + bytes(26) + b"ecg.edf", "a ZIP archive", "Unpack"),
        (b"\x1f\x8b\x08", "a gzip archive", "Unpack"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a sound or video file", "rate"),
        (b"\x89HDF\r\n", "an HDF5 file", ".npy"),
        (b"SQLite format 3\0", "a database", "Export"),
        (b"<?xml version='1.0'?><CardiologyXML><a/></CardiologyXML>", "CardioSoft", "MUSE XML"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page", "download"),
        (b"<ECGTrace><a/></ECGTrace>", "root element 'ecgtrace'", "RestingECG"),
        (b"", "empty", "wfdb"),
    ],
)
def test_content_decides_what_a_file_is_called(tmp_path, content, what, hint):
    error = refusal(tmp_path / "thing", content)
    assert what in error.message
    assert hint in error.hint


@pytest.mark.parametrize("suffix", [".xml", ".edf", ".hea"])
def test_a_known_suffix_does_not_hide_what_the_content_is(tmp_path, suffix):
    assert "a PDF document" in refusal(tmp_path / f"scan{suffix}", b"%PDF-1.7\n" + b"\0" * 600).message


def test_an_archive_of_a_format_that_is_one_is_left_to_its_reader(tmp_path):
    assert "archive, not a recording" not in refusal(tmp_path / "x.npz", b"PK\x03\x04").message


@pytest.mark.parametrize(
    ("name", "hint"), [("a.atr", "Annotations"), ("a.pdf", "picture"), ("a.xlsx", "CSV"), ("a.xle", "Export")]
)
def test_a_suffix_helps_where_the_content_says_nothing(tmp_path, name, hint):
    assert hint in refusal(tmp_path / name, bytes(range(7, 256)) * 3).hint


def test_what_lies_beside_a_header_is_answered_with_the_header(tmp_path):
    (tmp_path / "1.hea").write_text("1 0 500 0\n")
    assert "Give 1.hea" in refusal(tmp_path / "1.avf", bytes(range(7, 256)) * 3).hint
    assert "Formats read" in refusal(tmp_path / ("2" * 253), bytes(range(7, 256)) * 3).hint


@pytest.mark.parametrize(
    ("name", "text"),
    [("labels.json", "[]"), ("dataset.json", '{"fs": 500}'), ("rec.meta.json", "{}"), ("80000.json", ' [{"id": 1}]')],
)
def test_a_document_is_not_taken_for_a_recording_of_kardia(tmp_path, name, text):
    error = refusal(tmp_path / name, text.encode())
    assert "a document (JSON), not a recording" in error.message
    assert "ecg prepare folder" in error.hint


def test_an_xml_file_that_is_damaged_says_where(tmp_path):
    assert "line 2" in refusal(tmp_path / "a.xml", b"<RestingECG>\n<a></b></RestingECG>").message
    assert "not well-formed" in refusal(tmp_path / "b.xml", b"<\n<a></b></RestingECG>").message
