"""WFDB on miniature records that the tests write themselves, beside the wfdb package where it can read them."""

import numpy as np
import pytest
import wfdb

from ecgtool.errors import ConfigError, DataError, FormatError, NotFound
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_codec import STORAGE, checksums, decode, encode
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record

ALL_FORMATS = sorted(STORAGE)


def counts_for(fmt, frames, columns, seed=0):
    """Random counts that cover the format's whole range but its mark of an invalid sample."""
    top = 2 ** (STORAGE[fmt].bits - 1) - 1
    counts = np.random.default_rng(seed).integers(-top, top, (frames, columns), endpoint=True)
    counts.flat[:2] = -top, top
    return counts


def write(folder, lines, files, name="rec"):
    """A header of the given lines, and signal files: name -> (flat counts, format)."""
    for file, (counts, fmt) in files.items():
        (folder / file).write_bytes(encode(np.asarray(counts).reshape(-1), STORAGE[fmt]))
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / f"{name}.hea"


def by_wfdb(header, **options):
    """float32 [leads, samples] as the wfdb package reads it."""
    return wfdb.rdrecord(str(header.with_suffix("")), **options).p_signal.astype(np.float32).T


@pytest.mark.parametrize("fmt", ALL_FORMATS)
@pytest.mark.parametrize("total", range(1, 14))
def test_encoding_and_decoding_are_inverse_at_every_length(fmt, total):
    counts = counts_for(fmt, total + 2, 1)[:total].reshape(-1)
    data = encode(counts, STORAGE[fmt])
    assert len(data) == STORAGE[fmt].size(total)
    shared = fmt == 310 and total % 3 == 2  # two counts take as many bytes as three
    assert STORAGE[fmt].capacity(len(data)) == total + shared
    np.testing.assert_array_equal(decode(np.frombuffer(data, np.uint8), total, STORAGE[fmt]), counts)


@pytest.mark.parametrize("fmt", ALL_FORMATS)
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_every_format_reads_as_the_wfdb_package_reads_it(tmp_path, fmt, columns):
    counts = counts_for(fmt, 101, columns)
    lines = [f"rec {columns} 250 101"] + [f"rec.dat {fmt} 200(7)/mV 0 0 0 0 0 lead{n}" for n in range(columns)]
    header = write(tmp_path, lines, {"rec.dat": (counts, fmt)})
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, ((counts.T - 7) / 200.0).astype(np.float32))
    np.testing.assert_array_equal(record.signal, by_wfdb(header))


@pytest.mark.parametrize("fmt", ALL_FORMATS)
@pytest.mark.parametrize("columns", [1, 2, 5])
def test_a_range_holds_the_samples_of_the_whole_at_every_start(tmp_path, fmt, columns):
    counts = counts_for(fmt, 31, columns)
    lines = [f"rec {columns} 10 31"] + [f"rec.dat {fmt} 100/mV 0 0 0 0 0 lead{n}" for n in range(columns)]
    header = write(tmp_path, lines, {"rec.dat": (counts, fmt)})
    whole = read_record(header).signal
    for begin in range(31):
        for length in (1, 2, 5, 40):
            part = read_record(header, begin / 10, length / 10)
            np.testing.assert_array_equal(part.signal, whole[:, begin : begin + length])


def test_format_8_adds_up_differences_from_the_initial_value(tmp_path):
    steps = np.random.default_rng(0).integers(-128, 127, (1000, 2)).astype(np.int8)
    (tmp_path / "rec.dat").write_bytes(steps.tobytes())
    (tmp_path / "rec.hea").write_text("rec 2 100 1000\nrec.dat 8 200 12 0 -500 0 0 a\nrec.dat 8 200 12 0 70 0 0 b\n")
    record = read_record(tmp_path / "rec")
    np.testing.assert_array_equal(record.signal, by_wfdb(tmp_path / "rec.hea"))
    np.testing.assert_array_equal(read_record(tmp_path / "rec", 3, 4).signal, record.signal[:, 300:700])


@pytest.mark.parametrize("fmt", ALL_FORMATS)
def test_a_written_record_reads_back_the_same_here_and_in_the_wfdb_package(tmp_path, fmt):
    largest = 2 ** (STORAGE[fmt].bits - 1) / 1000
    counts = np.random.default_rng(1).integers(-99, 99, (12, 333))
    signal = (counts * largest / 100).round(3).astype(np.float32)
    header = write_wfdb(Record(signal, 500.0, LEADS_12, meta={"age": 71.5, "sex": "F"}), tmp_path, "rec", fmt)
    again = read_record(header)
    np.testing.assert_array_equal(again.signal, signal)
    np.testing.assert_array_equal(by_wfdb(header), signal)
    assert (again.leads, again.fs, again.meta["age"], again.meta["sex"]) == (LEADS_12, 500.0, 71.5, "F")
    assert "checksum" not in again.meta
    assert wfdb.rdheader(str(header.with_suffix(""))).checksum == checksums(counts_of(header)).tolist()


def counts_of(header):
    """Counts [samples, leads] by the wfdb package."""
    return wfdb.rdrecord(str(header.with_suffix("")), physical=False).d_signal


def test_a_lead_too_large_for_one_count_per_microvolt_is_written_more_coarsely(tmp_path):
    signal = np.array([[0.001, -0.002], [40.0, -39.998]], np.float32)
    header = write_wfdb(Record(signal, 100.0, ("I", "II")), tmp_path, "rec")
    assert [line.split()[2] for line in header.read_text().splitlines()[1:]] == ["1000(0)/mV", "500(0)/mV"]
    np.testing.assert_array_equal(read_record(header).signal, signal)


def test_what_cannot_be_written_is_refused(tmp_path):
    fits = Record(np.zeros((1, 4), np.float32), 100.0, ("I",))
    with pytest.raises(DataError, match="12 bits cannot hold"):
        write_wfdb(Record(np.full((1, 4), 9000, np.float32), 100.0, ("I",)), tmp_path, "rec", 212)
    with pytest.raises(DataError, match="lead name"):
        write_wfdb(Record(np.zeros((1, 4), np.float32), 100.0, ("I\nx",)), tmp_path, "rec")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_wfdb(fits, tmp_path, "rec", 8)
    with pytest.raises(ConfigError, match="record name"):
        write_wfdb(fits, tmp_path, "../rec")


@pytest.mark.parametrize("fmt", ALL_FORMATS)
def test_samples_marked_invalid_are_nan(tmp_path, fmt):
    signal = np.array([[0.1, np.nan, 0.05, 0.0, np.nan], [0.0, 0.1, 0.0, 0.1, 0.0]], np.float32)
    header = write_wfdb(Record(signal, 100.0, ("I", "II")), tmp_path, "rec", fmt)
    np.testing.assert_array_equal(read_record(header).signal, signal)
    np.testing.assert_array_equal(by_wfdb(header), signal)


@pytest.mark.parametrize(
    ("calibration", "millivolt"),
    [
        ("200", 2.0), ("200/mV", 2.0), ("0.2/uV", 2.0), ("0.2/µV", 2.0), ("0.2/μV", 2.0), ("200000/V", 2.0),
        ("0.0002/nV", 2.0), ("200(100)/mV", 1.5), ("200(-100)/mv", 2.5), ("-200/mV", -2.0), ("2e2/mV", 2.0),
    ],
)  # fmt: skip
def test_every_unit_of_voltage_arrives_as_millivolt(tmp_path, calibration, millivolt):
    header = write(tmp_path, ["rec 1 100 3", f"rec.dat 16 {calibration} 16 0 0 0 0 I"], {"rec.dat": ([400] * 3, 16)})
    record = read_record(header)
    np.testing.assert_allclose(record.signal, millivolt, rtol=1e-7)
    assert record.calibrated


def test_a_micro_sign_in_latin_1_is_understood(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 16 1/uV 16 0 0 0 0 I"], {"rec.dat": ([400] * 3, 16)})
    header.write_bytes(header.read_bytes().replace(b"uV", b"\xb5V"))
    assert read_record(header).signal[0, 0] == np.float32(0.4)


def test_the_baseline_is_the_adc_zero_where_none_is_given(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 212 200 11 1024 995 0 0 MLII"], {"rec.dat": ([1224] * 3, 212)})
    assert read_record(header).signal.tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize("line", ["rec.dat 16", "rec.dat 16 0 16 0 0 0 0 I", "rec.dat 16 0/mV"])
def test_a_signal_without_gain_is_read_at_200_per_millivolt_and_marked(tmp_path, line):
    header = write(tmp_path, ["rec 1 100 3", line], {"rec.dat": ([400] * 3, 16)})
    record = read_record(header)
    assert record.signal[0, 0] == 2.0
    assert not record.calibrated


def test_signals_that_are_no_voltage_are_left_out_and_named(tmp_path):
    lines = ["rec 3 100 4", "rec.dat 16 10/mmHg 0 0 0 0 0 ABP", "rec.dat 16 100/mV 0 0 0 0 0 II"]
    lines.append("rec.dat 16 100/Ohm 0 0 0 0 0 RESP")
    header = write(tmp_path, lines, {"rec.dat": (np.arange(12), 16)})
    record = read_record(header)
    assert record.leads == ("II",)
    assert record.calibrated
    assert record.meta["left_out"] == {"ABP": "mmHg", "RESP": "Ohm"}
    np.testing.assert_array_equal(record.signal, np.array([[1, 4, 7, 10]], np.float32) / 100)


def test_a_record_without_any_voltage_is_kept_in_its_own_unit_and_marked(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 16 4/NU 0 0 0 0 0 II"], {"rec.dat": ([6] * 3, 16)})
    record = read_record(header)
    assert record.signal[0, 0] == 1.5
    assert not record.calibrated
    assert record.meta["units"] == {"II": "NU"}


def test_an_uncalibrated_record_stays_so_when_written_and_read(tmp_path):
    record = Record(np.array([[0.5, 0.25]], np.float32), 100.0, ("II",), meta={"calibrated": False})
    again = read_record(write_wfdb(record, tmp_path, "rec"))
    np.testing.assert_array_equal(again.signal, record.signal)
    assert not again.calibrated


def test_signals_in_several_files_and_formats_are_one_record(tmp_path):
    one, two, three = counts_for(212, 75, 2, 1), counts_for(16, 75, 1, 2), counts_for(310, 75, 1, 3)
    lines = ["rec 4 100 75", "a.dat 212 100(0)/mV 0 0 0 0 0 I", "b.d1 16 200(3)/mV 0 0 0 0 0 II"]
    lines += ["a.dat 212 50(0)/mV 0 0 0 0 0 V1", "c 310 100(0)/mV 0 0 0 0 0 V2"]
    header = write(tmp_path, lines, {"a.dat": (one, 212), "b.d1": (two, 16), "c": (three, 310)})
    record = read_record(header)
    expected = [one[:, 0] / 100, (two[:, 0] - 3) / 200, one[:, 1] / 50, three[:, 0] / 100]
    np.testing.assert_array_equal(record.signal, np.array(expected).astype(np.float32))
    np.testing.assert_array_equal(read_record(header, 0.13, 0.5).signal, record.signal[:, 13:63])


def test_bytes_before_the_samples_are_skipped_as_in_challenge_files(tmp_path):
    counts = counts_for(16, 50, 2)
    lines = ["rec 2 100 50 2014-05-08 05:05:15", *[f"rec.mat 16x1+24 1000.0(0)/mV 16 0 0 0 0 {n}" for n in ("I", "II")]]
    header = write(tmp_path, lines, {"rec.mat": (counts, 16)})
    (tmp_path / "rec.mat").write_bytes(b"\1" * 24 + (tmp_path / "rec.mat").read_bytes())
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, (counts.T / 1000).astype(np.float32))
    assert record.meta["start"] == "2014-05-08T05:05:15"
    assert read_record(tmp_path / "rec.mat").leads == ("I", "II")


@pytest.mark.parametrize("spf", [1, 2, 3])
def test_several_samples_per_frame_raise_the_rate(tmp_path, spf):
    counts = counts_for(16, 40, 2 * spf)
    lines = ["rec 2 100 40"] + [f"rec.dat 16x{spf} 200(5)/mV 0 0 0 0 0 {lead}" for lead in ("I", "II")]
    header = write(tmp_path, lines, {"rec.dat": (counts, 16)})
    record = read_record(header)
    expanded = wfdb.rdrecord(str(header.with_suffix("")), smooth_frames=False).e_p_signal
    assert record.fs == 100 * spf
    np.testing.assert_array_equal(record.signal, np.array(expanded).astype(np.float32))
    np.testing.assert_array_equal(read_record(header, 0.1, 0.2).signal, record.signal[:, 10 * spf : 30 * spf])


def test_a_sparser_signal_is_held_until_its_next_sample(tmp_path):
    lines = ["rec 2 100 3", "rec.dat 16x4 1/mV 0 0 0 0 0 II", "rec.dat 16x2 1/mV 0 0 0 0 0 V1"]
    header = write(tmp_path, lines, {"rec.dat": (np.arange(18), 16)})
    record = read_record(header)
    assert record.fs == 400
    assert record.signal[0].tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15]
    assert record.signal[1].tolist() == [4, 4, 5, 5, 10, 10, 11, 11, 16, 16, 17, 17]


def test_skewed_signals_are_aligned_and_end_in_nan(tmp_path):
    counts = counts_for(212, 60, 3)
    skews = (0, 4, 1)
    lines = ["rec 3 100 60"] + [f"rec.dat 212:{skew} 200(5)/mV 0 0 0 0 0 lead{skew}" for skew in skews]
    header = write(tmp_path, lines, {"rec.dat": (counts, 212)})
    record = read_record(header)
    expected = np.full((3, 60), np.nan, np.float32)
    for row, skew in enumerate(skews):
        expected[row, : 60 - skew] = (counts[skew:, row] - 5) / 200
    np.testing.assert_array_equal(record.signal, expected)
    np.testing.assert_array_equal(read_record(header, 0.2, 0.2).signal, record.signal[:, 20:40])
    np.testing.assert_array_equal(read_record(header, 0.5).signal, record.signal[:, 50:])


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_a_record_larger_than_a_piece_is_read_as_one_that_fits(tmp_path, monkeypatch, piece):
    counts = counts_for(212, 60, 4)
    sums = [checksums(counts)[0], checksums(counts)[1:3].sum(), checksums(counts)[3]]
    storage = ("212", "212x2:3", "212:1")
    lines = ["rec 3 100 60"]
    lines += [f"rec.dat {how} 200(5)/mV 0 0 0 {total} 0 a{how}" for how, total in zip(storage, sums, strict=True)]
    header = write(tmp_path, lines, {"rec.dat": (counts, 212)})
    whole, part = read_record(header), read_record(header, 0.13, 0.44)
    assert "checksum" not in whole.meta
    monkeypatch.setattr("ecgtool.formats.wfdb_files._PIECE", piece)
    again = read_record(header)
    np.testing.assert_array_equal(again.signal, whole.signal)
    assert "checksum" not in again.meta
    np.testing.assert_array_equal(read_record(header, 0.13, 0.44).signal, part.signal)


def test_two_lines_that_read_the_same_are_two_signals(tmp_path):
    lines = ["rec 3 100 3", "a.dat 16 1/mV 0 0 0 0 0 ECG", "a.dat 16 1/mV 0 0 0 0 0 ECG", "b.dat 16 1/mV 0 0 0 0 0 II"]
    header = write(tmp_path, lines, {"a.dat": ([1, 2, 3, 4, 5, 6], 16), "b.dat": ([7, 8, 9], 16)})
    record = read_record(header)
    assert record.leads == ("ECG 1", "ECG 2", "II")
    assert record.signal.tolist() == [[1, 3, 5], [2, 4, 6], [7, 8, 9]]


def test_a_standard_lead_named_twice_is_refused(tmp_path):
    lines = ["rec 2 100 3", "a.dat 16 1/mV 0 0 0 0 0 V1", "a.dat 16 1/mV 0 0 0 0 0 v1"]
    header = write(tmp_path, lines, {"a.dat": (range(6), 16)})
    with pytest.raises(FormatError, match="names lead V1 more than once"):
        read_record(header)


def test_a_signal_without_name_is_numbered(tmp_path):
    header = write(tmp_path, ["rec 2 100 3", "a.dat 16", "a.dat 16"], {"a.dat": (range(6), 16)})
    assert read_record(header).leads == ("signal 1", "signal 2")


def test_a_wrong_checksum_is_told(tmp_path):
    header = write_wfdb(Record(np.ones((2, 50), np.float32), 100.0, ("I", "II")), tmp_path, "rec")
    samples = bytearray(header.with_suffix(".dat").read_bytes())
    samples[2] ^= 1  # lead II
    header.with_suffix(".dat").write_bytes(samples)
    assert read_record(header).meta["warnings"] == ("The checksum of II is not the one that the header states.",)
    assert "warnings" not in read_record(header, 0, 0.4).meta


def test_a_part_has_no_checksum_to_compare(tmp_path):
    header = write_wfdb(Record(np.ones((2, 50), np.float32), 100.0, ("I", "II")), tmp_path, "rec")
    assert "warnings" not in read_record(header, 0.1, 0.2).meta


def test_a_checksum_of_zero_was_never_computed(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 16 1/mV 16 0 0 0 0 I"], {"rec.dat": ([1, 2, 3], 16)})
    assert "warnings" not in read_record(header).meta


def test_the_length_follows_from_the_file_where_the_header_has_none(tmp_path):
    counts = counts_for(212, 33, 3)
    lines = ["rec 3 100", *["rec.dat 212 1/mV"] * 3]
    header = write(tmp_path, lines, {"rec.dat": (counts, 212)})
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, counts.T)
    assert "truncated" not in record.meta


def test_the_rate_is_250_where_the_header_has_none(tmp_path):
    header = write(tmp_path, ["rec 1", "rec.dat 16"], {"rec.dat": ([1, 2, 3], 16)})
    assert read_record(header).fs == 250.0


def test_a_signal_file_longer_than_promised_is_read_as_promised(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 16 1/mV"], {"rec.dat": (range(9), 16)})
    assert read_record(header).signal.tolist() == [[0, 1, 2]]


def test_a_missing_signal_file_is_named(tmp_path):
    header = write(tmp_path, ["rec 1 100 3", "other.dat 16 1/mV"], {})
    with pytest.raises(NotFound, match=r"other\.dat, which .*rec\.hea names"):
        read_record(header)


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        (["# Age: 78", "# Sex: Male"], {"age": 78.0, "sex": "M"}),
        (["# age: 81", "# sex: female"], {"age": 81.0, "sex": "F"}),
        (["#<age>: 51", "#<sex>: F"], {"age": 51.0, "sex": "F"}),
        (["# <age>: 25  <sex>: M  <diagnoses>: (none)"], {"age": 25.0, "sex": "M"}),
        (["# 69 M 1085 1629 x1", "# Aldomet, Inderal"], {"age": 69.0, "sex": "M"}),
        (["# -1 M 742 654 x1"], {"sex": "M"}),
        (["# Age: NaN", "# Sex: Unknown"], {}),
        (["# Age: 300"], {}),
        (["# Page: 7 of 12 M"], {}),
        ([], {}),
    ],
)
def test_age_and_sex_are_read_from_the_comments_of_the_usual_databases(tmp_path, comments, expected):
    header = write(tmp_path, ["rec 1 100 3", "rec.dat 16 1/mV", *comments], {"rec.dat": ([1, 2, 3], 16)})
    meta = read_record(header).meta
    assert {key: meta[key] for key in ("age", "sex") if key in meta} == expected


def test_blank_lines_comments_tabs_and_windows_line_ends_do_not_matter(tmp_path):
    header = write(tmp_path, [], {"rec.dat": ([1, 2, 3], 16)})
    header.write_bytes(
        b"\xef\xbb\xbf# made by hand\r\n\r\nrec\t1\t100\t3\r\n  rec.dat\t16\t1/mV\t0\t0\t0\t0\t0\tlead II\r\n"
    )
    record = read_record(header)
    assert record.leads == ("II",)
    assert record.meta["comments"] == ("made by hand",)


def test_a_comment_with_a_windows_ellipsis_is_one_comment(tmp_path):
    header = write(tmp_path, ["# note", "rec 1 100 3", "rec.dat 16 1/mV"], {"rec.dat": ([1, 2, 3], 16)})
    header.write_bytes(header.read_bytes().replace(b"note", b"to be \x85 2 continued"))
    assert read_record(header).signal.tolist() == [[1, 2, 3]]
    assert len(read_record(header).meta["comments"]) == 1


def test_a_header_that_two_readers_understand_differently_is_refused(tmp_path):
    wfdb.wrsamp("flac", 100, ["mV"] * 2, ["I", "II"], np.zeros((300, 2)), fmt=["516"] * 2, write_dir=str(tmp_path))
    header = tmp_path / "flac.hea"
    text = header.read_bytes()
    begin = text.rindex(b"flac.dat")
    header.write_bytes(text[:begin] + b"fla\x99c.dat" + text[begin + 8 :])
    with pytest.raises(FormatError, match="names 1 signals, it has 2"):
        read_record(header)


def test_flac_is_read_through_the_wfdb_package(tmp_path):
    signal = np.random.default_rng(0).normal(0, 0.2, (2000, 3)).cumsum(axis=0)
    names = ["I", "II", "V1"]
    wfdb.wrsamp("rec", 250, ["mV"] * 3, names, signal, fmt=["516"] * 3, write_dir=str(tmp_path))
    record = read_record(tmp_path / "rec")
    np.testing.assert_array_equal(record.signal, by_wfdb(tmp_path / "rec.hea"))
    np.testing.assert_array_equal(read_record(tmp_path / "rec", 2, 3).signal, record.signal[:, 500:1250])
    flac = tmp_path / "rec.dat"
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    with pytest.raises(FormatError, match="cannot be read as FLAC"):
        read_record(tmp_path / "rec")
