"""WFDB on real recordings, beside the wfdb package: the same to the last bit."""

import numpy as np
import pytest
import wfdb

from ecgtool.formats import read_record

FOLDERS = ("mitdb", "nstdb", "qtdb", "ludb", "cinc2021", "wfdb-samples", "ptbxl", "xml")


@pytest.mark.parametrize("name", FOLDERS)
def test_every_recording_is_what_the_wfdb_package_reads(recordings, name):
    headers = sorted(recordings(name).rglob("*.hea"))
    assert headers
    for header in headers:
        theirs = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
        record = read_record(header)
        physical = theirs.dac(return_res=64)
        np.testing.assert_array_equal(record.signal, physical.astype(np.float32).T, err_msg=str(header))
        counts = np.rint(record.signal.T.astype(np.float64) * theirs.adc_gain + theirs.baseline)
        if all(fmt not in ("24", "32") for fmt in theirs.fmt):  # more bits than float32 has
            np.testing.assert_array_equal(counts, theirs.d_signal, err_msg=str(header))
        assert record.fs == theirs.fs
        assert [lead.lower() for lead in record.leads] == [lead.lower() for lead in theirs.sig_name]
        assert "checksum" not in record.meta
        assert "truncated" not in record.meta


@pytest.mark.parametrize("name", ["mitdb", "wfdb-samples", "qtdb"])
def test_ranges_are_what_the_wfdb_package_reads(recordings, name):
    for header in sorted(recordings(name).glob("*.hea"))[:6]:
        whole = read_record(header)
        for begin, length in ((0, 1), (1, 7), (3, 100), (101, 33), (whole.signal.shape[1] - 5, 5)):
            part = read_record(header, begin / whole.fs, length / whole.fs)
            np.testing.assert_array_equal(part.signal, whole.signal[:, begin : begin + length])


def test_challenge_headers_that_put_the_date_first_are_read(recordings):
    headers = sorted(recordings("cinc2017").glob("*.hea"))
    assert len(headers) == 200
    for header in headers:
        record = read_record(header)
        samples = np.frombuffer(header.with_suffix(".mat").read_bytes()[24:], "<i2")
        np.testing.assert_array_equal(record.signal[0], samples.astype(np.float32) / np.float32(1000))
        assert (record.fs, record.leads, record.meta["start"][:2]) == (300.0, ("ECG",), "20")


def test_recordings_without_gain_are_marked_uncalibrated(recordings):
    assert not read_record(recordings("nstdb") / "bw.hea").calibrated
    assert read_record(recordings("nstdb") / "118e00.hea").calibrated


def test_age_and_sex_of_real_headers_are_read(recordings):
    assert read_record(recordings("mitdb") / "100.hea").meta["age"] == 69.0
    assert read_record(recordings("ludb") / "data" / "1.hea").meta["sex"] == "F"
    assert read_record(recordings("cinc2021") / "E07500.hea").meta["age"] == 78.0
    assert read_record(recordings("wfdb-samples") / "s0010_re.hea").meta["sex"] == "F"
    assert "age" not in read_record(recordings("mitdb") / "103.hea").meta
