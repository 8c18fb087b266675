"""Formats that ecgdatakit reads, behind the same promise: millivolts, marks, one line for whatever goes wrong."""

import json
import sys

import numpy as np
import pytest
import vendor_files
from vendor_files import definition, edan, ishne, kardia, mfer, mortara
from xml_files import beats

from ecgtool.errors import ConfigError, FormatError
from ecgtool.formats import FORMATS, read_record

COUNTS = beats(3)
MADE = {
    "ishne": vendor_files.ishne_samples,
    "mfer": vendor_files.mfer_samples,
    "mortara": vendor_files.mortara_samples,
    "kardia": vendor_files.kardia_samples,
    "edan": vendor_files.edan_samples,
}


@pytest.fixture
def reading(tmp_path):
    """``reading(name, content)``: the record in a file of that name."""
    pytest.importorskip("ecgdatakit")

    def read(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return read_record(path)

    return read


@pytest.mark.parametrize(
    ("name", "content", "counts", "step_uv", "fs"),
    [
        ("a.ecg", ishne(COUNTS), COUNTS, 2.5, 200),
        ("a.mwf", mfer(COUNTS), COUNTS, 5, 250),
        ("a.xml", mortara(beats(8)), beats(8), 2.5, 500),
        ("a.json", kardia(beats(6)), beats(6), 0.5, 300),
    ],
)
def test_values_arrive_in_millivolt(reading, name, content, counts, step_uv, fs):
    record = reading(name, content)
    assert record.calibrated
    assert record.fs == fs
    np.testing.assert_allclose(record.signal, counts * step_uv / 1000, atol=1e-6)


def test_what_has_no_scale_is_not_calibrated(reading):
    record = reading("a.arc", edan(COUNTS // 4))
    assert not record.calibrated
    assert "experimental" in record.meta["warnings"][0]


def test_who_and_when_are_kept_without_the_name(reading):
    record = reading("a.ecg", ishne(COUNTS))
    assert (record.patient, record.meta["sex"], record.meta["age"]) == ("P-11", "F", 60)
    assert record.meta["start"] == "2020-01-31T10:11:12"
    assert "Zimtstern" not in repr(record.meta)


def test_a_wrong_checksum_is_told(reading):
    assert "checksum" in reading("a.ecg", ishne(COUNTS, checksum=12345)).meta["warnings"][0]


def test_a_short_holter_is_marked(reading):
    record = reading("a.ecg", ishne(COUNTS, promised=1000))
    assert record.meta["truncated"]
    assert "1,000 samples, the file holds 250" in record.meta["warnings"][-1]


def test_a_length_that_counts_all_leads_is_no_promise_broken(reading):
    assert "truncated" not in reading("a.ecg", ishne(COUNTS, promised=750)).meta


def test_an_invalid_sample_is_nan(reading):
    counts = COUNTS.copy()
    counts[1, 7] = -32768
    record = reading("a.ecg", ishne(counts))
    assert np.argwhere(np.isnan(record.signal)).tolist() == [[1, 7]]


def test_the_rate_keeps_its_fraction(reading):
    content = mfer(COUNTS).replace(definition(0x0B, b"\x01\xfd\x04\x00"), definition(0x0B, b"\x01\xfd\x03\x00"))
    assert reading("a.mwf", content).fs == pytest.approx(1000 / 3)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.ecg", b"ISHNE1.0" + b"\0" * 100, "cannot be read as ISHNE Holter: File too small"),
        ("a.mwf", mfer(COUNTS, channels=60_000), "more channels than any recorder"),
        ("a.mwf", b"\x40\x20MFR " + b" " * 28 + b"\x67\x80" * 2000, "nests MFER definitions"),
        ("a.json", kardia(COUNTS[:1], ("leadI",))[:-9], "cannot be read as AliveCor Kardia"),
        ("a.json", b'{"recordedAt":' + b"[" * 100_000, "RecursionError|recursion"),
        ("a.json", json.dumps({"recordedAt": "2020", "data12L": {}}).encode(), "not supported"),
        ("a.xml", b"<!DOCTYPE ECG [<!ENTITY a 'b'>]><ECG><CHANNEL/></ECG>", "entities"),
        ("a.xml", b"<ECG><CHANNEL/></ECG>", "cannot be read as Mortara"),
        ("a.xml", b"<ECG>" + b"<CHANNEL>" * 2000, "deep"),
    ],
)
def test_whatever_goes_wrong_is_one_line(reading, name, content, told):
    with pytest.raises(FormatError, match=told) as refusal:
        reading(name, content)
    assert len(refusal.value.message) < 600


def test_a_file_too_large_to_be_held_is_refused_unread(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"recordedAt":')
    with path.open("r+b") as file:
        file.truncate(9 * 2**20)
    with pytest.raises(FormatError, match=r"read up to 8,388,608"):
        read_record(path)


@pytest.mark.parametrize("name", MADE)
def test_without_the_package_a_line_says_how_to_get_it(name, tmp_path, monkeypatch):
    for module in [module for module in sys.modules if module.partition(".")[0] == "ecgdatakit"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "ecgdatakit", None)
    with pytest.raises(ConfigError, match="needs the package ecgdatakit") as refusal:
        read_record(MADE[name](tmp_path)[0])
    assert refusal.value.hint == "Run: pip install 'ecgtool[vendor]'"


def test_knowing_a_file_does_not_import_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ecgdatakit", None)
    for name, made in MADE.items():
        folder = tmp_path / name
        folder.mkdir()
        path = made(folder)[0]
        assert FORMATS.load(name).sniff(path, path.read_bytes()[:4096])


def test_samples_beside_an_edan_header_must_not_lie_elsewhere(reading, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    header = bytearray(3672)
    header[4:12] = (1_600_000_000).to_bytes(4, "little") + (1_600_000_010).to_bytes(4, "little")
    header[12], header[32:34] = 3, (250).to_bytes(2, "little")
    (inner / "patient.hea").write_bytes(header)
    (tmp_path / "elsewhere.dat").write_bytes(np.full(36, 16384, "<u2").tobytes())
    (inner / "ecgraw.dat").symlink_to(tmp_path / "elsewhere.dat")
    with pytest.raises(FormatError, match="through a link"):
        read_record(inner / "patient.hea")
    (inner / "ecgraw.dat").unlink()
    (inner / "ecgraw.dat").write_bytes(np.full(3 * 2500, 16384, "<u2").tobytes())
    record = read_record(inner / "patient.hea")
    assert (len(record.leads), record.fs, record.calibrated) == (3, 250, False)
