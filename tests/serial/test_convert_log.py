"""A log becomes the recording that its device meant, or one line says why not."""

import numpy as np
import pytest
from logs import counts_of, edit, write_log

from ecgtool.errors import ConfigError, DataError, FormatError, NotFound
from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options
from ecgtool.serial.scale import Scale

N = 2000
COUNTS = counts_of(N)
STEPS = np.arange(N)


def signal_of(converted):
    return converted.record.signal[0]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


def test_a_column_of_values_needs_a_rate_and_says_so(log):
    write_log(log, COUNTS)
    with pytest.raises(DataError, match="neither times nor a sampling rate") as refused:
        convert_log(log)
    assert "--fs" in refused.value.hint
    made = convert_log(log, Options(fs=250))
    assert np.array_equal(signal_of(made), COUNTS)
    assert (made.record.fs, made.record.leads, made.record.calibrated) == (250, ("ECG",), False)


@pytest.mark.parametrize(
    ("unit", "column"),
    [
        ("s", [f"{step * 0.004:.3f}" for step in STEPS]),
        ("ms", STEPS * 4),
        ("us", STEPS * 4000 + 17),
        ("ms", [f"{step * 4 + 1.7e12:.0f}" for step in STEPS]),
        ("s", [f"{step * 0.004 + 1.7e9:.3f}" for step in STEPS]),
    ],
    ids=["s", "ms", "us", "ms since 1970", "s since 1970"],
)
def test_times_are_read_in_the_unit_of_their_step(log, unit, column):
    made = convert_log(write_log(log, column, COUNTS))
    assert made.facts["time_unit"] == unit
    assert "recognised" in made.facts["time_unit_from"]
    assert made.record.fs == 250
    assert np.array_equal(signal_of(made), COUNTS)


@pytest.mark.parametrize(
    ("name", "unit", "step", "fs"),
    [("time_ms", "ms", 4, 250), ("t [us]", "us", 100, 10_000), ("micros", "us", 4000, 250), ("time (s)", "s", 1, 1)],
)
def test_the_header_says_the_unit(log, name, unit, step, fs):
    made = convert_log(write_log(log, STEPS * step, COUNTS, header=[f"{name},II"]))
    assert (made.facts["time_unit"], made.facts["time_unit_from"]) == (unit, "header")
    assert (made.record.fs, made.record.leads) == (fs, ("II",))


def test_a_step_that_no_unit_makes_a_usual_rate_of_is_refused(log):
    write_log(log, STEPS * 60, COUNTS)
    with pytest.raises(FormatError, match="no usual rate"):
        convert_log(log)
    assert convert_log(log, Options(time_unit="ms")).record.fs == pytest.approx(1000 / 60, abs=1e-3)


def test_a_step_of_one_is_never_guessed(log):
    write_log(log, STEPS, COUNTS)
    with pytest.raises(FormatError, match="steps by 1"):
        convert_log(log)
    assert convert_log(log, Options(time_unit="ms")).record.fs == 1000
    counted = convert_log(log, Options(fs=250))
    assert (counted.record.fs, counted.facts["time_unit"]) == (250, "samples")


def test_times_in_whole_milliseconds_do_not_blur_a_rate_between_them(log):
    made = convert_log(write_log(log, (STEPS * 1000 / 360).astype(int), COUNTS))
    assert made.record.fs == 360
    assert made.facts["regular"]
    assert np.array_equal(signal_of(made), COUNTS)


@pytest.mark.parametrize("per_tick", [2, 4])
def test_several_samples_in_one_tick_are_spread_over_it(log, per_tick):
    times = STEPS // per_tick * 4
    made = convert_log(write_log(log, times, COUNTS))
    assert made.record.fs == 250 * per_tick
    assert made.facts["repeated"] == 0
    assert np.array_equal(signal_of(made), COUNTS)


@pytest.mark.parametrize("interpolate", ["linear", "spline"])
def test_irregular_times_are_put_on_a_uniform_grid(log, interpolate):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(3.0, 5.0, N))
    wave = 500 + 100 * np.sin(2 * np.pi * 1.3 * times / 1000)
    made = convert_log(write_log(log, times.round(3), wave.round(4)), Options(interpolate=interpolate))
    assert not made.facts["regular"]
    assert made.record.fs == 250
    grid = times[0] / 1000 + np.arange(made.record.signal.shape[1]) / 250
    error = np.abs(signal_of(made) - (500 + 100 * np.sin(2 * np.pi * 1.3 * grid))).max()
    assert error < {"linear": 0.1, "spline": 0.01}[interpolate]
    assert any("jitter" in note for note in made.notes)


def test_missing_samples_are_filled_where_they_are_few_and_gaps_where_they_are_many(log):
    lost = [*range(100, 103), *range(500, 750)]
    kept = np.delete(STEPS, lost)
    made = convert_log(write_log(log, kept * 4, COUNTS[kept]))
    signal = signal_of(made)
    assert len(signal) == N
    assert np.array_equal(signal[kept], COUNTS[kept])
    assert np.allclose(signal[100:103], np.linspace(COUNTS[99], COUNTS[103], 5)[1:4])
    assert np.isnan(signal[500:750]).all()
    assert made.facts["filled"] == 3
    assert made.facts["gaps"] == [{"start_s": 1.996, "seconds": 1.004}]
    assert any("gap of 1 s after 1.996 s" in note for note in made.notes)


def test_the_longest_gap_that_is_filled_is_the_users(log):
    kept = np.delete(STEPS, range(500, 750))
    write_log(log, kept * 4, COUNTS[kept])
    assert not np.isnan(signal_of(convert_log(log, Options(max_gap_s=2.0)))).any()
    kept = np.delete(STEPS, [500])
    write_log(log, kept * 4, COUNTS[kept])
    assert np.flatnonzero(np.isnan(signal_of(convert_log(log, Options(max_gap_s=0.0))))).tolist() == [500]


@pytest.mark.parametrize(
    ("column", "options", "wraps"),
    [
        ((2**32 - 3000 + STEPS * 4) % 2**32, Options(), 1),
        ((2**32 - 3_000_000 + STEPS * 4000) % 2**32, Options(), 1),
        ((60_000 + STEPS * 4) % 65536, Options(), 1),
        ((250 + STEPS) % 256, Options(fs=250), 8),
        (STEPS % 16, Options(fs=250), 124),
        (((2**32 - 3_000_000 + STEPS * 4000) % 2**32 / 1000).round(3), Options(), 1),
        (((2**32 - 3000 + STEPS * 4) % 2**32 / 1000).round(3), Options(), 1),
    ],
    ids=["millis", "micros", "16 bits", "8 bits", "4 bits", "micros / 1000", "millis / 1000"],
)
def test_clocks_that_wrap_are_counted_on(log, column, options, wraps):
    made = convert_log(write_log(log, column, COUNTS), options)
    assert made.facts["wraps"] == wraps
    assert (made.record.fs, made.facts["gaps"], made.facts["filled"]) == (250, [], 0)
    assert np.array_equal(signal_of(made), COUNTS)


def test_a_sequence_number_shows_what_was_lost_over_its_wrap(log):
    kept = np.delete(STEPS, range(250, 260))
    made = convert_log(write_log(log, kept % 256, COUNTS[kept]), Options(fs=250, max_gap_s=0.01))
    assert np.flatnonzero(np.isnan(signal_of(made))).tolist() == list(range(250, 260))


def test_lines_that_come_twice_count_once(log):
    twice = np.repeat(STEPS, 2)
    made = convert_log(write_log(log, twice * 4, COUNTS[twice]))
    assert made.facts["repeated"] == N
    assert np.array_equal(signal_of(made), COUNTS)
    again = np.concatenate([STEPS[:100], STEPS[90:]])
    made = convert_log(write_log(log, again * 4, COUNTS[again]))
    assert made.facts["repeated"] == 10
    assert np.array_equal(signal_of(made), COUNTS)


@pytest.mark.parametrize("slip", ["99999999", "3"])
def test_a_time_that_jumps_away_and_back_is_left_out(log, slip):
    write_log(log, STEPS * 4, COUNTS)
    made = convert_log(edit(log, {1000: f"{slip},500"}))
    assert made.facts["slips"] + made.facts["repeated"] == 1
    assert (made.facts["filled"], made.facts["gaps"], len(signal_of(made))) == (1, [], N)


def test_a_clock_that_begins_anew_leaves_a_gap_and_is_told(log):
    times = np.concatenate([STEPS[:1200] * 4, STEPS[:800] * 4])
    made = convert_log(write_log(log, times, COUNTS))
    signal = signal_of(made)
    assert np.array_equal(signal[:1200], COUNTS[:1200])
    assert np.array_equal(signal[-800:], COUNTS[1200:])
    assert np.isnan(signal[1200:-800]).all()
    assert any("begins anew" in note for note in made.notes)


@pytest.mark.parametrize(
    ("delimiter", "decimal", "end"),
    [(";", ",", "\n"), ("\t", ",", "\r\n"), ("  ", ".", "\n"), ("|", ".", "\r\n"), (", ", ".", "\n"), (";", ".", "\r")],
)
def test_delimiters_decimal_marks_and_line_ends_are_recognised(log, delimiter, decimal, end):
    volts = [f"{count / 1000:.3f}" for count in COUNTS]
    times = [f"{step * 4}.0" for step in STEPS]
    made = convert_log(write_log(log, times, volts, volts, delimiter=delimiter, decimal=decimal, end=end))
    assert made.record.leads == ("ECG 1", "ECG 2")
    assert np.allclose(made.record.signal, COUNTS / 1000)


def test_a_comma_that_may_be_either_is_not_guessed(log):
    write_log(log, [f"1,{count:04d}" for count in COUNTS])
    with pytest.raises(FormatError, match="decimal mark"):
        convert_log(log, Options(fs=250))
    one = convert_log(log, Options(fs=250, decimal=","))
    assert np.allclose(signal_of(one), 1 + COUNTS / 10_000)
    two = convert_log(log, Options(fs=250, delimiter=",", decimal="."))
    assert two.record.leads == ("ECG 1", "ECG 2")


def test_text_of_a_serial_monitor_is_counted_and_told(log):
    write_log(log, STEPS * 4, COUNTS)
    boot = ["ets Jun  8 2016 00:22:57", "", "rst:0x1 (POWERON_RESET),boot:0x13", "40,51", "# a comment"]
    strays = {700: "Leads off!", 701: "2800,4\0", 1500: "5996,1e400", 1600: "1_0,5", 1700: "--5,3"}
    edit(log, {1: [*boot, "0,500"], **strays})
    made = convert_log(log)
    facts = made.facts
    assert (facts["blank"], facts["comments"], facts["stray"]) == (1, 1, 7)
    assert facts["stray_lines"] == [1, 3, 705, 706, 1505]
    assert any("7 stray line(s) left out: line 1, 3, 705, 706, 1505 ..." in note for note in made.notes)
    assert np.array_equal(signal_of(made)[900:1000], COUNTS[900:1000])


def test_leads_off_marks_are_invalid_samples(log):
    write_log(log, ["!" if 100 <= step < 200 else count for step, count in enumerate(COUNTS)])
    signal = signal_of(convert_log(log, Options(fs=250)))
    assert np.flatnonzero(np.isnan(signal)).tolist() == list(range(100, 200))
    write_log(log, STEPS * 4, ["!" if 100 <= step < 200 else count for step, count in enumerate(COUNTS)])
    made = convert_log(log)
    assert np.flatnonzero(np.isnan(signal_of(made))).tolist() == list(range(100, 200))
    assert made.facts["stray"] == 0


def test_the_clock_that_a_monitor_prints_before_each_line_is_time(log):
    stamps = [f"23:59:{58 + s:02d}.{ms:03d} -> {count}" for s, ms, count in _stamped()]
    made = convert_log(write_log(log, [*stamps, *(f"00:00:00.{4 * step:03d} -> 500" for step in range(100))]))
    assert (made.record.fs, made.facts["wraps"], made.facts["time_unit"]) == (250, 1, "s")
    assert np.array_equal(signal_of(made)[:500], COUNTS[:500])


def _stamped():
    return [(step // 250, step % 250 * 4, COUNTS[step]) for step in range(500)]


@pytest.mark.parametrize(
    "line",
    [
        "# Sampling Rate (Hz):= 1000.00",
        "// fs=1000",
        "% sample rate: 1 kHz",
        '# {"fs": 1000}',
        "Sampling frequency 1000 Hz",
    ],
)
def test_a_rate_in_the_header_is_used_and_said(log, line):
    made = convert_log(write_log(log, COUNTS, header=[line]))
    assert (made.record.fs, made.facts["fs_from"]) == (1000, "header")
    assert any("as its header says" in note for note in made.notes)
    other = convert_log(log, Options(fs=500))
    assert other.record.fs == 500
    assert any("its header says 1000 Hz" in note for note in other.notes)


def test_an_opensignals_header_says_rate_resolution_and_columns(log):
    header = (
        '# {"00:07": {"sensor": ["ECG"], "column": ["nSeq", "I1", "A2"], "sampling rate": 1000, "label": ["A2"], '
        '"resolution": [4, 1, 10], "device": "bitalino", "date": "2020-01-02", "time": "10:11:12"}}'
    )
    write_log(log, STEPS % 16, STEPS * 0, COUNTS, delimiter="\t", header=["# OpenSignals", header, "# EndOfHeader"])
    made = convert_log(log, scale=Scale(vref=3.3, gain=1100))
    assert (made.record.fs, made.record.leads) == (1000, ("A2",))
    assert made.record.meta["device"] == "bitalino"
    assert made.record.meta["start"] == "2020-01-02 10:11:12"
    assert np.allclose(signal_of(made), (COUNTS - 512) * 3300 / 1024 / 1100, atol=1e-5)


def test_counts_become_millivolts_by_the_formula_that_is_said(log):
    write_log(log, COUNTS)
    made = convert_log(log, Options(fs=250), Scale(vref=3.3, bits=10, gain=1100))
    assert np.allclose(signal_of(made), (COUNTS - 512) * 3.3 * 1000 / 1024 / 1100, atol=1e-5)
    assert made.record.calibrated
    assert "mV = (count - 512) * 3.3 V * 1000 / 2^10 / 1100" in made.notes
    zero = convert_log(log, Options(fs=250), Scale(vref=3.3, bits=10, gain=1100, zero=480))
    assert np.allclose(signal_of(zero), (COUNTS - 480) * 3.0 / 1024, atol=1e-5)


def test_signed_counts_span_the_reference_voltage_on_either_side(log):
    write_log(log, COUNTS - 600)
    made = convert_log(log, Options(fs=250), Scale(vref=2.4, bits=24, gain=6))
    assert np.allclose(signal_of(made), (COUNTS - 600) * 2400 / 2**23 / 6, atol=1e-7)


def test_values_that_a_converter_cannot_give_are_invalid_and_many_are_refused(log):
    write_log(log, [100_000 if step == 5 else count for step, count in enumerate(COUNTS)])
    made = convert_log(log, Options(fs=250), Scale(vref=3.3, bits=10, gain=1100))
    assert np.flatnonzero(np.isnan(signal_of(made))).tolist() == [5]
    write_log(log, COUNTS * 4)
    with pytest.raises(DataError, match="no counts of 10 bits"):
        convert_log(log, Options(fs=250), Scale(vref=3.3, bits=10, gain=1100))


@pytest.mark.parametrize(("name", "factor"), [("ECG_mV", 1.0), ("ECG (uV)", 1e-3), ("ecg [V]", 1e3)])
def test_a_unit_in_the_header_is_used(log, name, factor):
    made = convert_log(write_log(log, STEPS * 4, COUNTS, header=[f"time_ms,{name}"]))
    assert made.record.calibrated
    assert np.allclose(signal_of(made), COUNTS * factor, rtol=1e-6)
    assert made.record.leads[0].lower() == "ecg"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"bits": 10, "gain": 1100.0}, "--vref"),
        ({"vref": 3.3, "unit": "mV"}, "--vref"),
        ({"bits": 40}, "--bits"),
        ({"vref": -1.0}, "--vref"),
        ({"unit": "furlong"}, "--unit"),
        ({"zero": float("nan")}, "--zero"),
    ],
)
def test_scales_that_cannot_be_are_refused(given, what):
    with pytest.raises(ConfigError, match=what):
        Scale(**given)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"fs": 0.0}, "--fs"),
        ({"fs": float("nan")}, "--fs"),
        ({"time_unit": "h"}, "--time-unit"),
        ({"interpolate": "magic"}, "--interpolate"),
        ({"delimiter": "x"}, "--delimiter"),
        ({"delimiter": ",", "decimal": ","}, "both"),
        ({"max_gap_s": -1.0}, "--max-gap-s"),
        ({"value_cols": (1, 1)}, "--value-col"),
        ({"value_cols": (-1,)}, "--value-col"),
        ({"value_cols": (1,), "time_col": 1}, "both"),
    ],
)
def test_options_that_cannot_be_are_refused(given, what):
    with pytest.raises(ConfigError, match=what):
        Options(**given)


def test_columns_are_chosen_by_number_and_leads_named(log):
    write_log(log, COUNTS, STEPS * 0, STEPS * 4, COUNTS + 1)
    made = convert_log(log, Options(time_col=2, value_cols=(3, 0), leads=("II", "v1")))
    assert made.record.leads == ("II", "V1")
    assert np.array_equal(made.record.signal[0], COUNTS + 1)
    for options, what in (
        (Options(time_col=7), "no column 7"),
        (Options(fs=250, value_cols=(4,)), "no column 4"),
        (Options(time_col=2, leads=("II",)), "names 1"),
    ):
        with pytest.raises(ConfigError, match=what):
            convert_log(log, options)


def test_a_rate_that_contradicts_the_times_is_refused_and_a_close_one_is_the_grid(log):
    write_log(log, STEPS * 4, COUNTS)
    with pytest.raises(ConfigError, match="contradicts its times"):
        convert_log(log, Options(fs=500))
    close = convert_log(log, Options(fs=256))
    assert close.record.fs == 256
    assert len(signal_of(close)) == pytest.approx(N * 256 / 250, abs=2)


@pytest.mark.parametrize(
    "text",
    ["", "\n\n\n", "hello\nworld\n", "\0" * 5000, "nan\nnan\n", "!\n!\n!\n", "1,2\n", "0,1\n4,2\n", "\xff\xfe", "#\n"],
)
def test_what_is_no_log_is_refused(log, text):
    log.write_text(text, encoding="latin-1")
    with pytest.raises((FormatError, DataError, ConfigError)):
        convert_log(log)


def test_logs_that_are_no_files_are_refused(tmp_path):
    with pytest.raises(NotFound):
        convert_log(tmp_path / "none.txt")
    with pytest.raises(FormatError, match="not a file"):
        convert_log(tmp_path)
    with pytest.raises(NotFound):
        convert_log(tmp_path / "a\0b")


def test_a_log_as_powershell_writes_it_is_read(log):
    log.write_bytes(
        ("\ufeff" + "".join(f"{4 * step},{count}\r\n" for step, count in enumerate(COUNTS))).encode("utf-16-le")
    )
    assert np.array_equal(signal_of(convert_log(log)), COUNTS)
    log.write_bytes(b"\xef\xbb\xbf" + b"".join(b"%d,%d\n" % (4 * step, count) for step, count in enumerate(COUNTS)))
    assert np.array_equal(signal_of(convert_log(log)), COUNTS)


def test_the_real_log_is_read(recordings):
    path = recordings("serial") / "bitalino_ecg.txt"
    made = convert_log(path, scale=Scale(vref=3.3, gain=1100))
    assert (made.record.fs, made.record.leads, made.record.signal.shape) == (1000, ("ECG",), (1, 15_000))
    assert made.record.calibrated
    assert np.allclose(signal_of(made), (np.loadtxt(path) - 2048) * 3300 / 4096 / 1100, atol=1e-5)
