"""Tables of numbers, in every way they are written; what is no recording, or does not say its rate, is refused."""

import json
import tracemalloc

import fuzz_formats
import numpy as np
import pytest
from csv_files import SAMPLES, table, timed, values

from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.formats import read_record, write_record
from ecgtool.record import LEADS_12, Record

ROWS = values()


@pytest.fixture
def written(tmp_path):
    """``written(text, **said)``: a table, and the document beside it where anything is to be said."""

    def made(text, suffix=".csv", **said):
        path = tmp_path / f"rec{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if said:
            path.with_name("rec.meta.json").write_text(json.dumps(said))
        return path

    return made


WAYS = [(delimiter, ".") for delimiter in (",", ";", "\t", " ", "  ", ", ", " ; ")]
WAYS += [(delimiter, ",") for delimiter in (";", "\t", " ", "  ", " ; ")]  # with commas for both nobody could tell


@pytest.mark.parametrize(("delimiter", "decimal"), WAYS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_delimiter_and_decimal_mark_is_told_from_the_lines(written, delimiter, decimal, end):
    header = [delimiter.join(("time", "II", "V1"))]
    record = read_record(written(table(header, timed(ROWS), delimiter, decimal, end)))
    assert (record.fs, record.leads) == (250.0, ("II", "V1"))
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))


@pytest.mark.parametrize(
    ("header", "fs", "leads"),
    [
        (["# fs=250", "I,aVF"], 250, ("I", "aVF")),
        (["# fs: 250", "lead_i,AVF"], 250, ("I", "aVF")),
        (["# Sampling rate: 250 Hz", "I,aVF"], 250, ("I", "aVF")),
        (["# Sampling Rate (Hz):= 250.00", "# Labels:= I,aVF"], 250, ("I", "aVF")),
        (["# sampling frequency = 0.25 kHz"], 250, ("ECG 1", "ECG 2")),
        (["% sample_rate: 250", "I,aVF"], 250, ("I", "aVF")),
        (['# {"device": "x", "sampling rate": 250, "label": ["A1"]}', "I,aVF"], 250, ("I", "aVF")),
        (["\ufeff# fs=250", "", '"I","aVF"'], 250, ("I", "aVF")),
        (["# fs = 257.5", '"I (lead, left)",aVF'], 257.5, ("I (lead, left)", "aVF")),
    ],
)
def test_the_rate_may_stand_in_a_comment(written, header, fs, leads):
    record = read_record(written(table(header, ROWS)))
    assert (record.fs, record.leads) == (fs, leads)
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("time", 0.004), ("time", 4), ("time", 4000), ("Time (s)", 0.004), ("time [ms]", 4), ("time_ms", 4), ("t", 4),
        ("time (us)", 4000), ("time_µs", 4000), ("seconds", 0.004), ("millis", 4), ("'Elapsed time'", 0.004),
    ],
)  # fmt: skip
def test_a_column_of_times_gives_the_rate_in_its_unit(written, name, step):
    rows = np.column_stack([17 + step * np.arange(SAMPLES), ROWS])
    record = read_record(written(table([f"{name},II,V1"], rows)))
    assert record.fs == pytest.approx(250.0, rel=1e-9)
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))


def test_a_first_column_that_rises_evenly_is_time_without_a_name(written):
    assert read_record(written(table([], timed(ROWS)))).fs == 250.0


@pytest.mark.parametrize("fs", [100, 128, 250, 257, 333.25, 360, 500, 977, 1000])
def test_the_rate_is_found_through_rounded_times(written, fs):
    rows = values(4 * 1000)
    assert read_record(written(table(["time,II,V1"], timed(rows, fs)))).fs == pytest.approx(fs, rel=3e-4)


def test_a_step_of_one_is_a_count_of_samples_not_a_time(written):
    counted = np.column_stack([np.arange(SAMPLES), ROWS])
    for header in (["time,II,V1"], ["sample,II,V1"], [",II,V1"], []):
        record = read_record(written(table(["# fs=500", *header], counted)))
        assert record.fs == 500
        np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))
    with pytest.raises(FormatError, match="does not say its sampling rate"):
        read_record(written(table(["time,II,V1"], counted)))


@pytest.mark.parametrize(
    "start",
    [
        "0:{:06.3f}",
        "00:00:{:06.3f}",
        "[10:00:{:06.3f} 01/02/2003]",
        "2024-01-02T03:04:{:06.3f}",
        "2024-01-02 03:04:{:06.3f}Z",
    ],
)
def test_times_of_day_give_the_rate(written, start):
    lines = [f"{start.format(0.004 * row)},{one:.3f},{two:.3f}" for row, (one, two) in enumerate(ROWS)]
    record = read_record(written("\n".join(["time,II,V1", *lines, ""])))
    assert record.fs == 250.0
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))


def clock(ms):
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


@pytest.mark.parametrize("form", ["{}", "[{} 01/01/2000]", "2024-01-31 {}"])
def test_a_sample_lost_among_times_of_day_is_found(written, form):
    whole = [f"{form.format(clock(4 * number))},{number % 50}" for number in range(3000)]
    assert read_record(written("\n".join(["time,II (uV)", *whole, ""]))).fs == 250
    del whole[1500]
    with pytest.raises(FormatError, match="time of sample 1,501 ") as refusal:
        read_record(written("\n".join(["time,II (uV)", *whole, ""])))
    assert "times in seconds" in refusal.value.hint


@pytest.mark.parametrize(
    ("header", "step", "told"),
    [
        ("time,II", 4, "as milliseconds they mean 250 Hz"),
        ("time,II", 4000, "as microseconds they mean 250 Hz"),
        ("time,II", 0.004, ""),
        ("time_ms,II", 4, ""),
        ("# fs=250\ntime,II", 4, ""),
    ],
)
def test_a_unit_of_times_that_only_their_size_says_is_told(written, header, step, told):
    rows = np.column_stack([step * np.arange(SAMPLES), ROWS[:, 0]])
    record = read_record(written(table([header], rows)))
    assert record.fs == 250
    assert told in " ".join(record.meta.get("warnings", ()))
    assert ("warnings" in record.meta) == bool(told)


@pytest.mark.parametrize(("delimiter", "mark"), [(";", "."), (";", ","), ("\t", ".")])
def test_marks_between_thousands_are_not_taken_for_decimals(written, delimiter, mark):
    counts = np.rint(3000 * np.sin(np.arange(300) / 10)).astype(int)
    lines = [delimiter.join([f"{count:,}".replace(",", mark)] * 2) for count in counts]
    with pytest.raises(FormatError, match="are these thousands"):
        read_record(written("\n".join(["# fs=250", delimiter.join(("I", "II")), *lines, ""])))


def test_decimals_that_are_now_and_then_whole_are_no_thousands(written):
    values = np.round(500 * np.sin(np.arange(3000) / 10), 3) + 700
    values[::100] = np.rint(values[::100])
    lines = [f"{value:g}" for value in values]
    record = read_record(written("\n".join(["# fs=250", "II (uV)", *lines, ""])))
    np.testing.assert_allclose(record.signal[0], [float(line) / 1000 for line in lines], rtol=1e-6)


def test_excel_s_line_of_the_delimiter_is_no_header(written):
    record = read_record(written(table(["sep=;", "time (s);I (mV);II (mV)"], timed(ROWS), ";")))
    assert (record.fs, record.leads, record.calibrated) == (250.0, ("I", "II"), True)


def test_dates_give_the_start(written):
    lines = [f"2024-01-02T03:04:{row * 0.004:06.3f},{one:.3f}" for row, (one, _) in enumerate(ROWS)]
    assert read_record(written("\n".join(["time,II", *lines, ""]))).meta["start"] == "2024-01-02T03:04:00.000"


def test_an_even_ramp_that_is_named_a_lead_is_a_lead(written):
    rows = np.column_stack([np.arange(SAMPLES) / 1000, ROWS])
    assert read_record(written(table(["# fs=250", "I,II,V1"], rows))).leads == ("I", "II", "V1")


def test_physionet_s_two_lines_of_header_are_read(written):
    text = "'Elapsed time','MLII','V5'\n'seconds','mV','mV'\n"
    lines = [f"{row / 360:.3f},{one:.3f},{two:.3f}" for row, (one, two) in enumerate(ROWS)]
    record = read_record(written(text + "\n".join(lines) + "\n"))
    assert (record.fs, record.leads, record.calibrated) == (360.0, ("MLII", "V5"), True)
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32))


@pytest.mark.parametrize(
    ("names", "factors", "calibrated"),
    [
        ("I (mV),II (mV)", (1, 1), True),
        ("I [uV],II(µV)", (1e-3, 1e-3), True),
        ("I_mV,II_uV", (1, 1e-3), True),
        ("I (V),II (mV)", (1e3, 1), True),
        ("I,II", (1, 1), False),
        ("I (mV),II", (1, 1), False),
        ("I (counts),II (a.u.)", (1, 1), False),
    ],
)
def test_units_stand_in_the_names(written, names, factors, calibrated):
    record = read_record(written(table(["# fs=250", names], ROWS)))
    np.testing.assert_allclose(record.signal, ROWS.T * np.array(factors)[:, None], rtol=1e-6)
    assert (record.leads, record.calibrated) == (("I", "II"), calibrated)


def test_what_is_no_voltage_is_left_out_beside_voltages(written):
    record = read_record(written(table(["# fs=250", "II (mV),resp (Ohm)"], ROWS)))
    assert (record.leads, record.meta["left_out"]) == (("II",), {"resp": "Ohm"})


def test_a_document_beside_says_what_the_table_does_not(written):
    text = table(["a,b"], 1000 * ROWS)
    record = read_record(written(text, fs=125, leads=["I", "V1"], unit="adc", gain=1000, age=3))
    assert (record.fs, record.leads, record.calibrated, record.meta["age"]) == (125, ("I", "V1"), True, 3.0)
    np.testing.assert_allclose(record.signal, ROWS.T, atol=1e-6)


def test_missing_fields_count_as_missing_samples(written):
    lines = [f"{one:.3f},{two:.3f}" for one, two in ROWS]
    lines[3:7] = ",0.5", "nan,NA", '"",0.25', "null,1"
    record = read_record(written("\n".join(["# fs=250", "II,V1", *lines, ""])))
    assert np.flatnonzero(np.isnan(record.signal[0])).tolist() == [3, 4, 5, 6]
    np.testing.assert_array_equal(record.signal[1, 3:7], np.array([0.5, np.nan, 0.25, 1], np.float32))


def test_a_last_delimiter_is_no_lead(written):
    text = "# fs=250\nI,II,\n" + "".join(f"{one:.3f},{two:.3f},\n" for one, two in ROWS)
    assert read_record(written(text)).leads == ("I", "II")


@pytest.mark.parametrize("text", ["0,05\n-0,12\n0,31\n", "ECG\n1,05\n2,12\n3,31\n"])
def test_decimal_commas_in_a_single_column_are_known_by_what_cannot_be_two_columns(written, text):
    record = read_record(written(text, fs=100))
    assert record.leads == ("ECG",)
    assert record.signal[0, 0] % 1 == pytest.approx(0.05)


def test_two_columns_of_whole_numbers_are_two_leads(written):
    assert read_record(written("100,250\n101,251\n99,252\n", fs=100)).leads == ("ECG 1", "ECG 2")


def test_leads_down_are_read_where_the_layout_says_so(written):
    text = "".join(",".join(f"{value:.3f}" for value in lead) + "\n" for lead in ROWS.T)
    record = read_record(written(text, fs=250, leads=["I", "II"], layout="leads,samples"), 0.1, 0.2)
    np.testing.assert_array_equal(record.signal, ROWS.T.astype(np.float32)[:, 25:75])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (table(["I,II"], ROWS), "does not say its sampling rate"),
        ("file,label\na.npy,NORM\nb.npy,MI\n", "looks like a table of labels"),
        ("ecg_id,age,label\n1,50,NORM\n2,60,MI\n", "looks like a table of labels"),
        ("Dear colleague,\nthe recording is\nnormal\n", "holds text"),
        ("", "no line of numbers"),
        ("# fs=250\n", "no line of numbers"),
        ("I,II\n", "holds text"),
        ("# fs=250\nI,II,V1\n1,2\n3,4\n", "3 names in its header, but 2 columns"),
        ("# fs=250\na\nb\nc\n1\n2\n", "below its header|holds text"),
        (table(["# fs=250"], ROWS) + "1,2,3\n" + table([], ROWS), "sample 121 has 3 fields, the others 2"),
        (table(["# fs=250"], ROWS) + "\n" + table([], ROWS), "sample 121 has 0 fields"),
        (table(["# fs=250"], ROWS) + "lead,off\n", "sample 121 holds 'lead' where a number should be"),
        (table(["# fs=250"], ROWS) + "# pause\n" + table([], ROWS), "sample 121 has 1 fields"),
        (table(["# fs=500", "time (s),I,II"], timed(ROWS)), "its times mean 250 Hz, its header says 500 Hz"),
        (table(["time (s),I,II"], timed(ROWS)[::-1]), "do not rise"),
        (table(["time (s),I,II"], np.delete(timed(ROWS), 60, axis=0)), "is not where an even rate has it"),
        (table(["time (s),I,II"], np.delete(timed(ROWS), 5, axis=0)), "do not rise evenly|not where an even rate"),
        (table(["time (s),I,II"], timed(ROWS, 1e6)), "times that|do not rise|rise"),
        (table(["# fs=0", "I,II"], ROWS), "fs cannot be"),
        (table(["# fs=250", "I,I"], ROWS), "names lead I more than once"),
        (",".join(["1"] * 2000) + "\n" + ",".join(["2"] * 2000) + "\n", "2,000 columns"),
        (table(["# fs=250"], ROWS).encode("utf-16"), "UTF-16"),
        (b"1,2\0\n" * 10, "is not text"),
        (b"time,I\r0.004,1\r0.008,2\r", "CR alone"),
        ("time,I\n" + "2024-13-45T03:04:05,1\n" * 9, "in its column of times"),
        ("1" * 3_000_000, "below its header|over 1,048,576 bytes|no line of numbers|holds no number"),
        ("# fs=250\n" + "nan,\n" * 10, "holds text|holds no number|lines of differently"),
    ],
)
def test_what_is_no_recording_or_not_even_is_refused(written, text, what):
    with pytest.raises(FormatError, match=what) as refusal:
        read_record(written(text))
    assert "rec.csv" in refusal.value.message
    assert len(refusal.value.message) < 300


def test_the_document_settles_which_of_two_rates_is_right(written):
    assert read_record(written(table(["# fs=500", "time (s),I,II"], timed(ROWS)), fs=500)).fs == 500


def test_a_table_of_labels_is_refused_with_what_reads_it(written):
    with pytest.raises(FormatError) as refusal:
        read_record(written("file,label\na.npy,NORM\nb.npy,MI\n"))
    assert "ecg prepare folder" in refusal.value.hint


def test_a_last_line_without_an_end_is_kept_and_told(written):
    record = read_record(written(table(["# fs=250"], ROWS)[:-1]))
    assert record.signal.shape[1] == SAMPLES
    assert "no end" in record.meta["warnings"][0]


def test_a_last_line_with_fields_missing_is_left_out_and_told(written):
    record = read_record(written(table(["# fs=250"], ROWS) + "0.1"))
    assert record.signal.shape[1] == SAMPLES
    assert record.meta["truncated"]


def test_empty_lines_at_the_end_are_no_samples(written):
    assert read_record(written(table(["# fs=250"], ROWS) + "\r\n\n\n")).signal.shape[1] == SAMPLES


def test_a_table_of_ours_tells_that_it_was_cut_at_a_line(tmp_path):
    path = write_record(Record(ROWS.T.astype(np.float32), 250.0, ("I", "II")), tmp_path / "rec.csv", "csv")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-5]))
    record = read_record(path)
    assert record.meta["truncated"]
    assert "120" in record.meta["warnings"][0]


def test_parts_of_a_long_table_are_those_of_the_whole_and_cost_their_own_size(tmp_path):
    samples = 50_000
    signal = np.random.default_rng(0).normal(0, 1, (2, samples)).round(3).astype(np.float32)
    path = write_record(Record(signal, 250.0, ("I", "II")), tmp_path / "rec.csv", "csv")
    np.testing.assert_array_equal(read_record(path).signal, signal)
    tracemalloc.start()
    for start in (0, 8191, 8192, 20_001, samples - 100):
        part = read_record(path, start / 250, 100 / 250)
        np.testing.assert_array_equal(part.signal, signal[:, start : start + 100])
        assert part.meta["duration_s"] == samples / 250
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
    with pytest.raises(ConfigError):
        read_record(path, samples / 250)


def test_a_written_table_reads_elsewhere_too(tmp_path):
    pandas = pytest.importorskip("pandas")
    signal = (ROWS.T / 3).astype(np.float32)
    meta = {"age": 63.0, "sex": "F", "start": "2020-01-02T03:04:05", "device": "logger 2"}
    record = Record(signal, 360.0, ("MLII", "aVR"), patient="p 1", meta=meta)
    path = write_record(record, tmp_path / "rec.csv", "csv")
    frame = pandas.read_csv(path, comment="#")
    assert list(frame.columns) == ["time (s)", "MLII (mV)", "aVR (mV)"]
    np.testing.assert_allclose(frame.to_numpy()[:, 1:].T, signal, atol=0.0001)
    back = read_record(path)
    assert (back.fs, back.leads, back.patient) == (360.0, ("MLII", "aVR"), "p 1")
    assert {key: back.meta[key] for key in meta} == meta
    np.testing.assert_allclose(back.signal, signal, atol=0.0001)


def test_missing_samples_are_written_as_such(tmp_path):
    signal = ROWS.T.astype(np.float32)
    signal[0, 5:9] = np.nan
    path = write_record(Record(signal, 100.0, ("I", "II")), tmp_path / "rec.csv", "csv")
    np.testing.assert_array_equal(np.isnan(read_record(path).signal), np.isnan(signal))


@pytest.mark.parametrize("lead", ["a\nb", "a\rb", "\x1b[31m", "a\u202eb"])
def test_a_lead_name_that_breaks_its_line_is_not_written(tmp_path, lead):
    with pytest.raises(DataError, match="cannot stand in a line"):
        write_record(Record(np.ones((1, 9), np.float32), 100.0, (lead,)), tmp_path / "rec.csv", "csv")
    assert not (tmp_path / "rec.csv").exists()


def test_no_cell_of_a_written_table_is_a_formula(tmp_path):
    record = Record(np.ones((1, 9), np.float32), 100.0, ("=HYPERLINK(1)",), patient="@SUM(1)")
    for line in write_record(record, tmp_path / "rec.csv", "csv").read_text().splitlines():
        assert all(not cell.strip('"').startswith(("=", "+", "@")) for cell in line.split(","))


def test_hostile_text_in_a_table_does_nothing(written, ecg):
    for text in ("=cmd|'/C calc'!A0", "\x1b[31mred", "<script>", "../../x", "a" * 5000, "[bold]", "{{7*7}}"):
        path = written(f"# {text}\n# fs=250\n{text},II\n" + table([], ROWS))
        with fuzz_formats.harmless():
            fuzz_formats.check(path)
        outcome = ecg("info", path)
        assert "\x1b" not in outcome.out + outcome.err


def test_a_logger_s_file_reads_as_raw_counts_at_the_rate_of_its_header(recordings):
    record = read_record(recordings("serial") / "bitalino_ecg.txt")
    assert (record.fs, record.leads, record.calibrated) == (1000.0, ("ECG",), False)
    assert record.signal.shape == (1, 15_000)
    assert record.signal[0, :3].tolist() == [2044, 2044, 2044]


@pytest.mark.parametrize(
    "name",
    [
        "ptbxl/ptbxl_database.csv",
        "ptbxl/scp_statements.csv",
        "ludb/ludb.csv",
        "cinc2017/REFERENCE.csv",
        "ecgqa/ptbxl/answers.csv",
    ],
)
def test_tables_of_labels_are_known_for_what_they_are(recordings, name):
    folder, _, file = name.partition("/")
    with pytest.raises(FormatError, match="it looks like a table of labels"):
        read_record(recordings(folder) / file)


def test_twelve_leads_keep_their_order(tmp_path):
    signal = np.arange(1200, dtype=np.float32).reshape(12, 100) / 1000
    back = read_record(write_record(Record(signal, 500.0, LEADS_12), tmp_path / "rec.csv", "csv"))
    assert back.leads == LEADS_12
    np.testing.assert_allclose(back.signal, signal, atol=1e-6)
