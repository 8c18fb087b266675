"""Waves as files: the table that scores read, and annotations that the wfdb package reads."""

import csv
import io

import numpy as np
import pytest
import wfdb

from ecgtool.delineation.files import HEAD, record_name, write_head, write_pqrst, write_rows
from ecgtool.waves import UNKNOWN, Waves


def waves(rows, leads=("MLII", "V1"), fs=360.0, beats=(40,)):
    return Waves(fs, leads, np.array(beats, np.int64), np.array(rows, np.int64).reshape(-1, 6))


ROWS = [(0, 0, 0, 9, 18, 27), (0, 0, 1, 36, 40, 45), (0, 0, 2, 90, UNKNOWN, 126), (1, 0, 1, 36, 42, 45)]


def test_a_table_has_a_row_per_wave_in_seconds_and_leaves_empty_what_is_not_known():
    file = io.BytesIO()
    write_head(file)
    write_rows(file, "100", waves(ROWS))
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert tuple(rows[0]) == HEAD == ("record", "lead", "wave", "onset_s", "peak_s", "offset_s")
    assert [(row["record"], row["lead"], row["wave"]) for row in rows] == [
        ("100", "MLII", "P"),
        ("100", "MLII", "QRS"),
        ("100", "MLII", "T"),
        ("100", "V1", "QRS"),
    ]
    assert [row["peak_s"] for row in rows] == ["0.0500", "0.1111", "", "0.1167"]
    assert float(rows[2]["offset_s"]) == pytest.approx(126 / 360, abs=1e-4)


def test_times_tell_neighbouring_samples_apart_whatever_the_rate():
    file = io.BytesIO()
    write_rows(file, "fast", waves([(0, 0, 1, 7, 8, 9)], fs=50_000.0))
    assert file.getvalue().decode().split(",")[3:] == ["0.000140", "0.000160", "0.000180\n"]


def test_names_that_a_spreadsheet_would_run_are_inert():
    file = io.BytesIO()
    write_rows(file, '=cmd|"a",b', waves(ROWS[:1], leads=("@x", "V1")))
    assert next(csv.reader(io.StringIO(file.getvalue().decode())))[:2] == ['\'=cmd|"a",b', "'@x"]


def test_annotations_hold_every_wave_of_every_lead_even_at_one_sample(tmp_path):
    path = write_pqrst(tmp_path, "100", [waves(ROWS)], 360.0, (0, 1))
    assert path == tmp_path / "100.pqrst"
    found = wfdb.rdann(str(tmp_path / "100"), "pqrst")
    assert found.fs == 360
    marks = list(zip(found.sample, found.symbol, found.chan, found.num, strict=True))
    assert [mark for mark in marks if mark[2] == 0] == [
        (9, "(", 0, 0), (18, "p", 0, 0), (27, ")", 0, 0),
        (36, "(", 0, 1), (40, "N", 0, 1), (45, ")", 0, 1),
        (90, "(", 0, 2), (126, ")", 0, 2),
    ]  # fmt: skip
    assert [mark for mark in marks if mark[2] == 1] == [(36, "(", 1, 1), (42, "N", 1, 1), (45, ")", 1, 1)]
    assert found.sample.tolist() == sorted(found.sample)


def test_marks_of_pieces_come_in_the_order_of_time_though_waves_reach_over_the_seam(tmp_path):
    first = waves([(0, 0, 2, 300, 330, 420), (1, 0, 2, 300, 335, 350)], fs=100.0)
    second = waves([(0, 0, 0, 410, 415, 418), (1, 0, 0, 360, 370, 380), (1, 0, 1, 9000, 9005, 9010)], fs=100.0)
    write_pqrst(tmp_path, "a", [first, waves([], fs=100.0), second], 100.0, (3, 7))
    found = wfdb.rdann(str(tmp_path / "a"), "pqrst")
    assert found.sample.tolist() == sorted(found.sample)
    assert len(found.sample) == 15
    seventh = [mark for mark, chan in zip(found.symbol, found.chan, strict=True) if chan == 7]
    assert "".join(seventh) == "(t)(p)(N)"


def test_a_recording_without_a_wave_has_annotations_without_a_mark(tmp_path):
    assert write_pqrst(tmp_path, "none", [waves([], beats=())], 250.0, (0, 1)).stat().st_size < 40


def test_a_recording_may_be_called_anything():
    assert record_name("../a b/100.x") == "a_b_100_x"
    assert record_name("???") == "recording"
