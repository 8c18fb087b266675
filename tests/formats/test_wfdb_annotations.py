"""Annotation files: read as the wfdb package reads them, and refused where they are damaged."""

import numpy as np
import pytest
import wfdb

from ecgtool.errors import FormatError, NotFound
from ecgtool.formats.wfdb_annotations import read_annotations


def write(folder, **fields):
    """A file ``r.atr`` written by the wfdb package."""
    wfdb.wrann("r", "atr", write_dir=str(folder), **fields)
    return folder / "r.atr"


def test_samples_symbols_and_channels_are_those_that_were_written(tmp_path):
    samples, symbols = np.array([5, 90, 5000, 700_000]), ["N", "V", "+", "/"]
    path = write(tmp_path, sample=samples, symbol=symbols, chan=np.array([0, 1, 1, 0]), num=np.array([0, 2, 3, 0]))
    held = read_annotations(path)
    assert held.sample.tolist() == samples.tolist()
    assert held.symbol == tuple(symbols)
    assert held.chan.tolist() == [0, 1, 1, 0]
    assert held.num.tolist() == [0, 2, 3, 0]


def test_texts_and_subtypes_belong_to_their_mark_alone(tmp_path):
    path = write(
        tmp_path,
        sample=np.array([5, 90, 300]),
        symbol=["+", "N", "~"],
        aux_note=["(AFIB", "", "odd"],
        subtype=np.array([0, 0, 1]),
    )
    held = read_annotations(path)
    assert held.aux == ("(AFIB", "", "odd")
    assert held.subtype.tolist() == [0, 0, 1]


def test_a_stated_rate_is_no_mark(tmp_path):
    held = read_annotations(write(tmp_path, sample=np.array([5, 90]), symbol=["N", "N"], fs=250))
    assert held.fs == 250
    assert held.sample.tolist() == [5, 90]


def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path):
    path = write(tmp_path, sample=np.array([5, 90, 5000]), symbol=["+", "N", "V"], aux_note=["(N", "", ""])
    data = path.read_bytes()
    for size in range(len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(FormatError, match=r"r\.atr ends within"):
            read_annotations(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound, match=r"none\.atr"):
        read_annotations(tmp_path / "none.atr")


def test_every_real_annotation_is_read_as_by_the_wfdb_package(recordings):
    for path in sorted(recordings("mitdb").glob("2*.atr")):
        held, oracle = read_annotations(path), wfdb.rdann(str(path.with_suffix("")), "atr")
        assert np.array_equal(held.sample, oracle.sample)
        assert list(held.symbol) == oracle.symbol
