"""Annotation files: what is written is what the wfdb package reads, and what a file has no place for is refused."""

import numpy as np
import pytest
import wfdb

from ecgtool.errors import ConfigError, DataError
from ecgtool.formats.wfdb_annotate import CODES, list_annotations, write_annotations


def read(path):
    return wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])


def test_the_wfdb_package_reads_every_field_back(tmp_path):
    rng = np.random.default_rng(3)
    steps = rng.choice([0, 1, 17, 1023, 1024, 70_000, 5_000_000], 400)
    samples = np.cumsum(steps)
    symbols = rng.choice([symbol for symbol in CODES if symbol != '"'], 400)
    channels, numbers = rng.integers(0, 12, 400), rng.integers(0, 3, 400)
    path = write_annotations(tmp_path / "rec.pqrst", samples, symbols, fs=360, channels=channels, numbers=numbers)
    found = read(path)
    assert found.sample.tolist() == samples.tolist()
    assert found.symbol == symbols.tolist()
    assert found.chan.tolist() == channels.tolist()
    assert found.num.tolist() == numbers.tolist()
    assert found.fs == 360


def test_the_codes_are_those_of_the_wfdb_package():
    table = wfdb.io.annotation.ann_label_table
    theirs = dict(zip(table["symbol"], table["label_store"], strict=True))
    assert {symbol: int(theirs[symbol]) for symbol in CODES} == CODES


@pytest.mark.parametrize("fs", [128, 257.5, 333.3333])
def test_the_rate_is_stated_in_the_file(tmp_path, fs):
    path = write_annotations(tmp_path / "rec.aami", np.array([0, 5]), ["N", "V"], fs=fs)
    found = read(path)
    assert found.fs == pytest.approx(fs)
    assert (found.sample.tolist(), found.symbol) == ([0, 5], ["N", "V"])


def test_a_file_without_annotations_states_the_rate_and_no_more(tmp_path):
    path = write_annotations(tmp_path / "a.b.pqrst", np.array([], np.int64), [], fs=250)
    assert path.read_bytes().endswith(b"## time resolution: 250\0\0\0")


def test_what_wfdb_writes_of_the_same_annotations_reads_the_same(tmp_path, monkeypatch):
    samples, symbols = np.array([3, 3, 900, 90_000]), ["(", "N", ")", "t"]
    fields = {"chan": np.array([0, 1, 1, 0]), "num": np.array([1, 1, 1, 2])}
    wfdb.wrann("theirs", "pqrst", samples, symbol=symbols, fs=250, write_dir=str(tmp_path), **fields)
    ours = read(
        write_annotations(
            tmp_path / "ours.pqrst", samples, symbols, fs=250, channels=fields["chan"], numbers=fields["num"]
        )
    )
    theirs = read(tmp_path / "theirs.pqrst")
    assert (ours.sample.tolist(), ours.symbol) == (theirs.sample.tolist(), theirs.symbol)
    assert (ours.chan.tolist(), ours.num.tolist()) == (theirs.chan.tolist(), theirs.num.tolist())


@pytest.mark.parametrize("name", ["rec.atr", "rec.PQRST", "rec.q1c", "rec"])
def test_a_reference_or_a_name_that_tools_do_not_find_is_never_written(tmp_path, name):
    with pytest.raises(ConfigError):
        write_annotations(tmp_path / name, np.array([1]), ["N"], fs=250)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("samples", "symbols", "channels"),
    [([5, 4], "NN", [0, 0]), ([-1, 4], "NN", [0, 0]), ([1, 2], "N&", [0, 0]), ([1, 2], "NN", [0, 256])],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, samples, symbols, channels):
    with pytest.raises(DataError):
        write_annotations(tmp_path / "rec.pqrst", np.array(samples), list(symbols), fs=250, channels=np.array(channels))


def test_lists_of_a_folder_gain_lines_and_lose_none(tmp_path):
    (tmp_path / "RECORDS").write_text("100\n101\n")
    list_annotations(tmp_path, ["101", "102", "102"], "pqrst", "P, QRS and T waves")
    list_annotations(tmp_path, ["102"], "pqrst", "P, QRS and T waves")
    assert (tmp_path / "RECORDS").read_text() == "100\n101\n102\n"
    assert (tmp_path / "ANNOTATORS").read_text() == "pqrst\tP, QRS and T waves\n"


@pytest.mark.parametrize("annotator", ["pqrst", "aami"])
def test_what_is_written_survives_the_removal_of_identities(ecg, tmp_path, annotator):
    from ecgtool.formats import write_record
    from ecgtool.record import Record

    (tmp_path / "in").mkdir()
    signal = np.sin(np.arange(5000) / 50).astype(np.float32)[None]
    write_record(Record(signal, 250.0, ("II",)), tmp_path / "in" / "rec.hea", "wfdb")
    samples = np.array([5, 700, 4000])
    path = write_annotations(tmp_path / "in" / f"rec.{annotator}", samples, ["(", "N", ")"], fs=250)
    assert ecg("deidentify", "in", "--out", "clean").code == 0
    (made,) = (tmp_path / "clean").glob(f"*.{annotator}")
    assert made.read_bytes() == path.read_bytes()
