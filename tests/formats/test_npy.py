"""NumPy arrays: every type and order, either axis first; what is not numbers, lies or explodes is refused."""

import io
import json
import zipfile

import fuzz_formats
import numpy as np
import pytest
from npy_files import LEADS, counts, document
from test_wfdb_refusals import peak_memory

from ecgtool.errors import EcgError, FormatError
from ecgtool.formats import read_record, write_record
from ecgtool.record import LEADS_12, Record

TYPES = [f"{order}{kind}" for order in "<>" for kind in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8")]
TYPES += ["i1", "u1"]


def saved(path, array, **said):
    np.save(path, array)
    return document(path, **{"fs": 100, "unit": "mV", **said})


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("layout", ["leads,samples", "samples,leads"])
def test_every_type_and_order_reads_as_numpy_reads_it(tmp_path, dtype, order, layout):
    values = np.abs(counts() / 10).round().astype(dtype)
    array = np.array(values if layout == "leads,samples" else values.T, order=order)
    path = saved(tmp_path / "rec.npy", array, layout=layout)
    np.testing.assert_array_equal(read_record(path).signal, values.astype(np.float32))
    np.testing.assert_array_equal(read_record(path, 0.5, 0.7).signal, values.astype(np.float32)[:, 50:120])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(tmp_path, version):
    path = document(tmp_path / "rec.npy", fs=100, leads=LEADS)
    with path.open("wb") as file:
        np.lib.format.write_array(file, counts(), version=version)
    np.testing.assert_array_equal(read_record(path).signal, counts())


@pytest.mark.parametrize(
    ("shape", "said", "leads"),
    [
        ((200,), {}, ("ECG",)),
        ((200, 1), {}, ("ECG",)),
        ((1, 200), {"leads": ["MLII"]}, ("MLII",)),
        ((200, 3), {"leads": LEADS}, LEADS),
        ((3, 200), {"leads": LEADS}, LEADS),
        ((200, 3), {"layout": "samples,leads"}, ("ECG 1", "ECG 2", "ECG 3")),
        ((12, 12), {"layout": "samples,leads", "leads": LEADS_12}, LEADS_12),
    ],
)
def test_the_axes_are_told_by_what_is_said(tmp_path, shape, said, leads):
    assert read_record(saved(tmp_path / "rec.npy", np.ones(shape), **said)).leads == leads


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((200, 3), {}),
        ((12, 5000), {}),
        ((12, 12), {"leads": LEADS_12}),
        ((200, 3), {"leads": ["I", "II"]}),
        ((1, 1), {}),
        ((2, 3, 200), {"leads": LEADS}),
        ((200, 3), {"layout": "leads,samples", "leads": LEADS}),
        ((5000, 4), {"layout": "leads,samples"}),
        ((0, 3), {"leads": LEADS}),
        ((), {}),
    ],
)
def test_axes_that_nothing_tells_apart_are_refused(tmp_path, shape, said):
    with pytest.raises(FormatError, match=r"rec\.npy"):
        read_record(saved(tmp_path / "rec.npy", np.ones(shape), **said))


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, "x", None], dtype=object),
        np.zeros(5, dtype=[("a", "f4"), ("b", "i2")]),
        np.zeros(5, complex),
        np.zeros(5, bool),
        np.array(["a", "b"]),
        np.array([b"ab"]),
        np.zeros(5, "datetime64[s]"),
        np.zeros(5, np.longdouble),
        np.zeros(5, "V3"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_of_anything_but_numbers_are_refused(tmp_path, array):
    path = document(tmp_path / "rec.npy", fs=100)
    np.save(path, array, allow_pickle=True)
    with pytest.raises(FormatError, match=r"not numbers|never opened|fields or objects"):
        read_record(path)


def header(descr="'<f8'", order="False", shape="(100,)", length=None, version=1):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    stated = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + stated.to_bytes(2 if version == 1 else 4, "little") + text


@pytest.mark.parametrize(
    "start",
    [
        header(shape="(100000000000,)"),
        header(shape="(3, 100000000000)"),
        header(shape="(" + "9" * 400 + ",)"),
        header(shape="(" + "1000, " * 32 + ")"),
        header(shape="(-5,)"),
        header(shape="(2.5,)"),
        header(shape="(" * 30_000),
        header(shape="(__import__('os').system('true'),)"),
        header(descr="'|O'"),
        header(descr="[('a', '<f8')]"),
        header(descr="'<f" + "8" * 30 + "'"),
        header(descr="'<U999999999'"),
        header(order="Maybe"),
        header(length=0),
        header(length=3),
        header(length=65535),
        header(length=2**32 - 1, version=2),
        header(version=9),
    ],
    ids=range(18),
)
def test_a_header_that_lies_is_one_line_and_costs_no_memory(tmp_path, start):
    path = document(tmp_path / "rec.npy", fs=100, layout="leads,samples")
    path.write_bytes(start + bytes(1000))
    assert peak_memory(path) < 2**20
    with fuzz_formats.harmless(), pytest.raises(FormatError, match=r"rec\.npy"):
        read_record(path)


def test_part_of_a_long_recording_takes_no_more_memory_than_the_part(tmp_path):
    path = document(tmp_path / "rec.npy", fs=100, layout="samples,leads", unit="mV")
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**8, 3)})
        begin = file.tell()
        file.truncate(begin + 8 * 3 * 10**8)
        file.seek(begin + 8 * 3 * 5 * 10**7)
        file.write(np.arange(6.0).tobytes())
    record = read_record(path, 5e5, 0.02)
    np.testing.assert_array_equal(record.signal, [[0, 3], [1, 4], [2, 5]])
    assert record.meta["duration_s"] == 1e6
    assert peak_memory(path, 0, 10) < 2**20


def test_bytes_after_the_array_are_told(tmp_path):
    path = saved(tmp_path / "rec.npy", counts(), leads=LEADS)
    path.write_bytes(path.read_bytes() + b"more")
    assert read_record(path).meta["warnings"] == ("4 bytes follow the array.",)


def test_values_that_are_no_number_count_as_missing(tmp_path):
    values = counts(leads=1)[0]
    values[3:6] = np.nan, np.inf, -np.inf
    record = read_record(saved(tmp_path / "rec.npy", values))
    assert np.flatnonzero(np.isnan(record.signal[0])).tolist() == [3, 4, 5]
    assert "2 values are infinite" in record.meta["warnings"][0]


def test_an_array_without_a_number_is_refused(tmp_path):
    with pytest.raises(FormatError, match="holds no number"):
        read_record(saved(tmp_path / "rec.npy", np.full(100, np.nan)))


def test_an_archive_says_all_of_itself(tmp_path):
    path = tmp_path / "rec.npz"
    more = {
        "unit": ["uV", "mV", "V"],
        "age": 63,
        "sex": "F",
        "calibrated": True,
        "patient": "p1",
        "layout": "samples,leads",
    }
    np.savez(path, signal=counts().T, fs=np.array([250.0]), leads=np.array(LEADS), **more)
    record = read_record(path)
    assert (record.fs, record.leads, record.patient, record.calibrated) == (250.0, LEADS, "p1", True)
    assert (record.meta["age"], record.meta["sex"]) == (63.0, "F")
    np.testing.assert_allclose(record.signal, counts() * [[0.001], [1], [1000]], rtol=1e-6)


def test_the_only_array_of_an_archive_is_the_recording(tmp_path):
    np.savez(tmp_path / "rec.npz", heart=counts(), fs=100, leads=LEADS, version=3)
    assert read_record(tmp_path / "rec.npz").signal.shape == (3, 200)


def test_an_archive_of_several_arrays_without_the_name_is_refused(tmp_path):
    np.savez(tmp_path / "rec.npz", x=counts(), y=counts(), fs=100)
    with pytest.raises(FormatError, match=r"which of its arrays is the recording \(fs, x, y\)"):
        read_record(tmp_path / "rec.npz")


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return path


def array_bytes(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = header(shape="(3, 25000000)", descr="'|i1'") + bytes(75_000_000)
    path = archive(tmp_path / "rec.npz", {"signal.npy": bomb, "fs.npy": array_bytes(np.array(100))})
    document(path, leads=LEADS)
    assert path.stat().st_size < 200_000
    assert peak_memory(path) < fuzz_formats.MEMORY_LIMIT
    with pytest.raises(FormatError, match="that is no recording"):
        read_record(path)


def test_a_bomb_beside_the_recording_is_not_unpacked(tmp_path):
    members = {"signal.npy": array_bytes(counts()), "fs.npy": array_bytes(np.array(100)), "x.npy": bytes(10**8)}
    members["leads.npy"] = array_bytes(np.array(LEADS))
    path = archive(tmp_path / "rec.npz", members)
    assert peak_memory(path) < 2**21
    assert read_record(path).leads == LEADS


def test_an_archive_of_very_many_members_is_refused(tmp_path):
    path = archive(tmp_path / "rec.npz", {f"a{number}.npy": b"" for number in range(2000)})
    with pytest.raises(FormatError, match="too many arrays"):
        read_record(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_in_another_way_is_refused(tmp_path, compression):
    path = archive(tmp_path / "rec.npz", {"signal.npy": array_bytes(counts())}, compression)
    with pytest.raises(FormatError, match="packed in a way"):
        read_record(path)


def test_objects_in_an_archive_are_never_unpickled(tmp_path):
    planted = tmp_path / "planted"

    class Planted:
        def __reduce__(self):
            return planted.write_text, ("executed",)

    for name in ("signal", "leads"):
        members = {"signal.npy": array_bytes(counts()), "fs.npy": array_bytes(np.array(100))}
        members[f"{name}.npy"] = array_bytes(np.array([Planted()], dtype=object))
        with pytest.raises(FormatError, match=r"fields or objects|never opened"):
            read_record(archive(tmp_path / "rec.npz", members))
    assert not planted.exists()


@pytest.mark.parametrize("name", ["../signal", "/etc/passwd", "a" * 300, "C:\\signal", "a\0b"])
def test_names_in_an_archive_lead_nowhere(tmp_path, name):
    members = {f"{name}.npy": array_bytes(counts()), "fs.npy": array_bytes(np.array(100))}
    path = document(archive(tmp_path / "rec.npz", members), leads=LEADS)
    with fuzz_formats.harmless():
        outcome = fuzz_formats.check(path)
    assert isinstance(outcome, EcgError) or outcome.signal.shape == (3, 200)


def test_a_changed_byte_in_a_packed_array_is_found(tmp_path):
    path = tmp_path / "rec.npz"
    np.savez(path, signal=np.random.default_rng(0).normal(size=(3, 2000)), fs=100, leads=LEADS)
    data = bytearray(path.read_bytes())
    data[20_000] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(FormatError, match="CRC"):
        read_record(path)


def test_an_unpacked_zip_of_other_things_is_not_an_array(tmp_path):
    path = archive(tmp_path / "rec.zip", {"readme.txt": b"hello"})
    with pytest.raises(FormatError) as refusal:
        read_record(path)
    assert "Unpack" in refusal.value.hint


def test_a_written_recording_is_the_array_and_its_document(tmp_path):
    signal = counts().astype(np.float32) / 1000
    record = Record(signal, 360.0, ("MLII", "V1", "ECG"), patient="p1", meta={"age": 70.0, "sex": "M", "device": "x"})
    path = write_record(record, tmp_path / "new" / "rec.npy", "npy")
    np.testing.assert_array_equal(np.load(path), signal)
    said = json.loads((tmp_path / "new" / "rec.meta.json").read_text())
    assert said["layout"] == "leads,samples"
    back = read_record(path)
    np.testing.assert_array_equal(back.signal, signal)
    assert (back.patient, back.leads, dict(back.meta)["device"]) == ("p1", ("MLII", "V1", "ECG"), "x")


def test_what_is_known_of_an_uncalibrated_unit_is_kept(tmp_path):
    record = read_record(saved(tmp_path / "rec.npy", counts(), leads=LEADS, unit="zscore"))
    back = read_record(write_record(record, tmp_path / "again.npy", "npy"))
    assert back.meta["units"] == dict.fromkeys(LEADS, "zscore")
    assert not back.calibrated


def test_z_scored_ptbxl_reads_and_is_not_calibrated(recordings):
    folder = recordings("ptbxl-z")
    paths = sorted(folder.glob("*.npy"))
    for path in paths[::40]:
        record = read_record(path)
        np.testing.assert_array_equal(record.signal, np.load(path).T.astype(np.float32))
        assert (record.fs, record.leads, record.calibrated) == (100.0, LEADS_12, False)
