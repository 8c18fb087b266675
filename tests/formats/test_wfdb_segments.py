"""WFDB records of several segments, in both layouts, beside the wfdb package."""

import numpy as np
import pytest
import wfdb

from ecgtool.errors import EcgError, FormatError, NotFound
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record


def segment(folder, name, leads, samples, seed=0, fs=100.0):
    signal = np.random.default_rng(seed).integers(-500, 500, (len(leads), samples)).astype(np.float32) / 1000
    write_wfdb(Record(signal, fs, leads), folder, name)
    return signal


@pytest.fixture
def fixed(tmp_path):
    one, two = segment(tmp_path, "s1", ("I", "II"), 150), segment(tmp_path, "s2", ("I", "II"), 80, seed=1)
    (tmp_path / "all.hea").write_text("all/2 2 100 230\ns1 150\ns2 80\n# Age: 40\n")
    return tmp_path / "all.hea", np.concatenate([one, two], axis=1)


def test_the_fixed_layout_is_its_segments_one_after_the_other(fixed):
    header, expected = fixed
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, expected)
    theirs = wfdb.rdrecord(str(header.with_suffix(""))).p_signal.astype(np.float32).T
    np.testing.assert_array_equal(record.signal, theirs)
    assert (record.leads, record.fs, record.meta["age"], record.calibrated) == (("I", "II"), 100.0, 40.0, True)
    assert record.meta["duration_s"] == 2.3


def test_a_range_crosses_segments(fixed):
    header, expected = fixed
    for begin, length in ((0, 10), (140, 20), (150, 5), (149, 81), (229, 1)):
        part = read_record(header, begin / 100, length / 100)
        np.testing.assert_array_equal(part.signal, expected[:, begin : begin + length])


def test_the_variable_layout_has_nan_in_gaps_and_for_signals_a_segment_lacks(tmp_path):
    one, two = segment(tmp_path, "s1", ("II",), 100), segment(tmp_path, "s2", ("V1", "II"), 50, seed=1)
    (tmp_path / "layout.hea").write_text("layout 2 100 0\n~ 0 1000/mV 0 0 0 0 0 II\n~ 0 1000/mV 0 0 0 0 0 V1\n")
    (tmp_path / "all.hea").write_text("all/4 2 100 190\nlayout 0\ns1 100\n~ 40\ns2 50\n")
    record = read_record(tmp_path / "all")
    expected = np.full((2, 190), np.nan, np.float32)
    expected[0, :100], expected[1, 140:], expected[0, 140:] = one[0], two[0], two[1]
    assert record.leads == ("II", "V1")
    np.testing.assert_array_equal(record.signal, expected)
    theirs = wfdb.rdrecord(str(tmp_path / "all")).p_signal.astype(np.float32).T
    np.testing.assert_array_equal(record.signal, theirs)
    assert np.isnan(read_record(tmp_path / "all", 1.1, 0.2).signal).all()


@pytest.mark.parametrize(
    ("master", "what"),
    [
        ("all/2 2 100 999\ns1 150\ns2 80\n", "promises 999"),
        ("all/2 2 100 231\ns1 151\ns2 80\n", "has 150 samples, not 151"),
        ("all/2 2 200 230\ns1 150\ns2 80\n", "has 100 Hz, the record 200 Hz"),
        ("all/3 2 100 230\ns1 150\ns2 80\n", "promises 3 segments"),
        ("all/2 2 100 460\nall 230\nall 230\n", "has segments itself"),
        ("all/1 2 100 100\n~ 100\n", "only gaps"),
        ("all/2 2 100 230\ns1 150\n../s2 80\n", "does not stay inside"),
        ("all/2 2 100 230\ns1 150\n/etc/s2 80\n", "does not stay inside"),
        ("all/2 2 100 99999999999\ns1 150\n~ 99999999849\n", "mostly gaps"),
        ("all/2 2 100 160\ns1 150\nother 10\n", "not those of the layout"),
    ],
)
def test_segments_that_do_not_fit_are_refused(fixed, master, what):
    header, _ = fixed
    segment(header.parent, "other", ("I", "V6"), 10)
    header.write_text(master)
    with pytest.raises(FormatError, match=what):
        read_record(header)


def test_a_missing_segment_is_named(fixed):
    header, _ = fixed
    header.with_name("s2.hea").unlink()
    with pytest.raises(NotFound, match=r"s2\.hea"):
        read_record(header)
    assert read_record(header, 0, 1).signal.shape == (2, 100)


def test_a_segment_that_links_out_of_the_folder_is_refused(fixed, tmp_path):
    header, _ = fixed
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    header.with_name("s2.hea").rename(outside / "s2.hea")
    header.with_name("s2.hea").symlink_to(outside / "s2.hea")
    with pytest.raises(EcgError, match="leads out of"):
        read_record(header)
