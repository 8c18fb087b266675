"""MATLAB files: what scipy writes reads the same; Challenge files stay WFDB; damage and bombs are one line."""

import struct
import zlib

import fuzz_formats
import numpy as np
import pytest
from mat_files import LEADS
from npy_files import counts, document
from scipy.io import savemat
from test_wfdb_refusals import peak_memory

from ecgtool.errors import FormatError
from ecgtool.formats import FORMATS, read_record
from ecgtool.record import LEADS_12

SAID = {"fs": 250.0, "leads": np.array(LEADS, object), "unit": "mV"}
TYPES = ("f4", "f8", "i1", "i2", "i4", "u1", "u2", "u4")


@pytest.mark.parametrize("dtype", [*TYPES, "i8", "u8"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_matrices_of_every_type_read_as_they_were_saved(tmp_path, dtype, packed, transposed):
    values = np.abs(counts() / 10).round().astype(dtype)
    savemat(tmp_path / "rec.mat", {"x": values.T if transposed else values, **SAID}, do_compression=packed)
    record = read_record(tmp_path / "rec.mat")
    assert (record.fs, record.leads, record.calibrated) == (250.0, LEADS, True)
    np.testing.assert_array_equal(record.signal, values.astype(np.float32))
    np.testing.assert_array_equal(read_record(tmp_path / "rec.mat", 0.2, 0.2).signal, record.signal[:, 50:100])


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "u1", "u2"])
def test_version_4_reads_as_it_was_saved(tmp_path, dtype):
    values = np.abs(counts() / 10).round().astype(dtype)
    savemat(tmp_path / "rec.mat", {"fs": 250, "val": values}, format="4")
    document(tmp_path / "rec.mat", leads=LEADS, unit="mV")
    np.testing.assert_array_equal(read_record(tmp_path / "rec.mat").signal, values.astype(np.float32))


@pytest.mark.parametrize("leads", [np.array(LEADS, object), np.array(LEADS), np.array(LEADS, object)[:, None]])
@pytest.mark.parametrize("packed", [True, False])
def test_names_of_leads_may_be_a_cell_array_or_letters(tmp_path, leads, packed):
    savemat(tmp_path / "rec.mat", {"signal": counts(), "fs": 250, "leads": leads}, do_compression=packed)
    assert read_record(tmp_path / "rec.mat").leads == LEADS


@pytest.mark.parametrize("name", ["fs", "Fs", "FS", "sampling_rate"])
def test_the_rate_has_several_names(tmp_path, name):
    savemat(tmp_path / "rec.mat", {"ecg": counts(leads=1), name: 360})
    record = read_record(tmp_path / "rec.mat")
    assert (record.fs, record.leads, record.calibrated) == (360.0, ("ECG",), False)


def test_among_several_matrices_a_known_name_is_the_recording(tmp_path):
    savemat(tmp_path / "rec.mat", {"filtered": counts() * 0, "val": counts(), **SAID})
    assert read_record(tmp_path / "rec.mat").signal.any()


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({"x": counts(), "y": counts()}, r"which of its variables is the recording \(.*x \(numbers\), y \(numbers\)\)"),
        ({"ecg": {"signal": counts()}}, "holds a struct in 'ecg', not numbers"),
        ({"val": counts() * 1j}, "holds complex numbers"),
        ({"val": counts() > 0}, "holds truth values"),
        ({"val": np.zeros((3, 4, 5))}, "an array of 3 axes"),
        ({"signal": "words"}, "holds text"),
        ({}, "which of its variables"),
    ],
)
def test_what_holds_no_clear_matrix_of_numbers_is_refused(tmp_path, variables, what):
    savemat(tmp_path / "rec.mat", {**SAID, **variables})
    with pytest.raises(FormatError, match=what):
        read_record(tmp_path / "rec.mat")


def test_axes_that_nothing_tells_apart_are_refused(tmp_path):
    savemat(tmp_path / "rec.mat", {"val": counts(), "fs": 250})
    with pytest.raises(FormatError, match="which axis is the leads is not said"):
        read_record(tmp_path / "rec.mat")


@pytest.mark.parametrize("head", [b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM", b"\x89HDF\r\n\x1a\n" + bytes(200)])
@pytest.mark.parametrize("suffix", [".mat", ".h5"])
def test_version_7_3_is_refused_with_what_to_do(tmp_path, head, suffix):
    path = tmp_path / f"rec{suffix}"
    path.write_bytes(head + bytes(1000))
    with pytest.raises(FormatError, match=r"7\.3") as refusal:
        read_record(path)
    assert "-v7" in refusal.value.hint


def matrix(name, shape, values, claimed=None):
    """A variable of version 5, as bytes; its values may claim another size."""
    body = struct.pack("<4I", 6, 8, 6, 0) + struct.pack("<2I2i", 5, 8, *shape)
    body += struct.pack("<2I", 1, len(name)) + name.encode().ljust(-(-len(name) // 8) * 8, b"\0")
    body += struct.pack("<2I", 9, len(values) if claimed is None else claimed) + values
    return struct.pack("<2I", 14, len(body)) + body


HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"


@pytest.mark.parametrize(
    "variable",
    [
        matrix("signal", (3, 10**8), b"", 24 * 10**8),
        matrix("signal", (2**31 - 1, 2**31 - 1), b""),
        matrix("signal", (-3, 5), bytes(120)),
        matrix("signal", (3, 5), bytes(64)),
        matrix("signal", (3, 5), bytes(120), 64),
        struct.pack("<2I", 14, 2**32 - 1),
        struct.pack("<2I", 15, 100) + bytes(100),
        struct.pack("<2I", 14, 0),
        b"\1\2\3",
    ],
    ids=range(9),
)
def test_a_variable_that_lies_is_one_line_and_costs_no_memory(tmp_path, variable):
    path = document(tmp_path / "rec.mat", fs=100, leads=LEADS)
    path.write_bytes(HEAD + variable)
    assert peak_memory(path) < 2**20
    with pytest.raises(FormatError, match=r"rec\.mat"):
        read_record(path)


@pytest.mark.parametrize("name", ["signal", "fs", "leads"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, name):
    packed = zlib.compress(matrix(name, (3, 10**7), bytes(24 * 10**7)), 9)
    others = b"" if name == "signal" else matrix("signal", (3, 5), bytes(120))
    path = document(tmp_path / "rec.mat", fs=100, leads=LEADS)
    path.write_bytes(HEAD + others + struct.pack("<2I", 15, len(packed)) + packed)
    assert path.stat().st_size < 300_000
    assert peak_memory(path) < fuzz_formats.MEMORY_LIMIT


def test_very_many_variables_are_refused(tmp_path):
    path = document(tmp_path / "rec.mat", fs=100)
    path.write_bytes(HEAD + matrix("a", (1, 1), bytes(8)) * 1500)
    with pytest.raises(FormatError, match="more than 1,000 variables"):
        read_record(path)


def test_part_of_a_long_matrix_costs_its_own_size(tmp_path):
    samples = 10**7
    begin = HEAD + matrix("signal", (3, samples), b"", 24 * samples)
    length = struct.pack("<I", len(begin) - 136 + 24 * samples)
    path = document(tmp_path / "rec.mat", fs=100, leads=LEADS, unit="mV")
    with path.open("wb") as file:
        file.write(begin[:132] + length + begin[136:])
        file.truncate(len(begin) + 24 * samples)
        file.seek(len(begin) + 24 * 5_000_000)
        file.write(np.arange(6.0).tobytes())
    np.testing.assert_array_equal(read_record(path, 50_000, 0.02).signal, [[0, 3], [1, 4], [2, 5]])
    assert peak_memory(path, 0, 10) < 2**20


@pytest.mark.parametrize(("folder", "leads"), [("cinc2017", ("ECG",)), ("cinc2021", LEADS_12)])
def test_challenge_files_are_wfdb_whichever_file_is_given(recordings, folder, leads):
    for header in sorted(recordings(folder).glob("*.hea"))[::25]:
        expected = read_record(header)
        assert (expected.leads, expected.calibrated) == (leads, True)
        for path in (header.with_suffix(""), header.with_suffix(".mat")):
            record = read_record(path)
            np.testing.assert_array_equal(record.signal, expected.signal)
            assert (record.id, record.fs, record.leads, record.meta) == (
                header.stem,
                expected.fs,
                leads,
                expected.meta,
            )


def test_a_challenge_file_without_its_header_needs_to_be_told_its_rate(recordings, tmp_path):
    path = tmp_path / "A00001.mat"
    path.write_bytes((recordings("cinc2017") / "A00001.mat").read_bytes())
    assert FORMATS.load("mat").sniff(path, path.read_bytes()[:4096])
    with pytest.raises(FormatError, match="does not say its sampling rate"):
        read_record(path)
    document(path, fs=300, unit="adc", gain=1000)
    np.testing.assert_array_equal(read_record(path).signal, read_record(recordings("cinc2017") / "A00001.hea").signal)
