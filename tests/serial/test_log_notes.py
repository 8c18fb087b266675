"""What is told of a log's lines and values: headers, decimals, a last line that may be cut."""

import numpy as np
import pytest
from logs import counts_of, edit, write_log

from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options
from ecgtool.serial.scale import Scale

N = 2000
COUNTS = counts_of(N)
STEPS = np.arange(N)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


def test_a_last_line_without_an_end_is_left_out_and_told(log):
    log.write_text("".join(f"{count}\n" for count in COUNTS) + "51")
    made = convert_log(log, Options(fs=250))
    assert made.record.signal.shape[1] == N
    assert made.facts["unfinished"]
    assert "truncated" not in made.record.meta
    assert any("no end" in note for note in made.notes)


@pytest.mark.parametrize(
    ("columns", "head", "leads"),
    [((STEPS * 4, COUNTS), "t_ms,chest", ("chest",)), ((COUNTS,), "ecg", ("ecg",)), ((COUNTS,), "ADC", ("ECG",))],
)
def test_a_header_is_told_as_one_and_is_no_stray_line(log, columns, head, leads):
    edit(write_log(log, *columns, header=["Ready!", head]), {900: [head, "Leads off!"]})
    made = convert_log(log, Options(fs=250))
    assert (made.facts["headers"], made.facts["stray_lines"]) == (2, [1, 901])
    assert made.record.leads == leads
    assert "a header names its columns, 2 times" in made.notes


@pytest.mark.parametrize(("step", "unit"), [(1, "adc"), (0.013, "unknown")])
def test_decimals_are_not_called_counts(log, step, unit):
    write_log(log, [f"{count * step:g}" for count in COUNTS])
    made = convert_log(log, Options(fs=250))
    assert made.facts["unit"] == unit
    assert not made.record.calibrated
    [said] = [note for note in made.notes if note.startswith("not calibrated")]
    assert ("counts of the converter" in said) == (unit == "adc")
    assert convert_log(log, Options(fs=250), Scale(unit="adc")).facts["unit"] == "adc"
