"""EDF and BDF made by hand, beside pyedflib where it can read or write them."""

import tracemalloc

import numpy as np
import pyedflib
import pytest
from edf_files import counts_like, make_edf, signal, stamps
from recorded import ecg_like

from ecgtool.errors import ConfigError, DataError, EcgError, FormatError
from ecgtool.formats import read_record
from ecgtool.formats.edf_signals import lead_of
from ecgtool.formats.edf_write import write_edf
from ecgtool.formats.source import Source
from ecgtool.record import LEADS_12, Record


def by_pyedflib(path, label):
    """Values of the signal of this label, in its unit, as pyedflib reads them."""
    with pyedflib.EdfReader(str(path)) as file:
        return file.readSignal(file.getSignalLabels().index(label))


def test_a_real_recording_reads_as_pyedflib_reads_it(recordings):
    path = recordings("edf") / "sample.edf"
    record = read_record(path)
    assert record.leads == ("ECG",)
    np.testing.assert_allclose(record.signal[0], by_pyedflib(path, "ECG"), rtol=1e-6, atol=1e-9)


def test_the_ecg_among_twelve_signals_is_read_although_pyedflib_refuses_a_unit(recordings):
    path = recordings("edf") / "test_generator_2.edf"
    record = read_record(path)
    counts = np.frombuffer(path.read_bytes()[256 * 13 :], "<i2").reshape(600, -1)[:, 600:800].reshape(-1)
    np.testing.assert_allclose(record.signal[0], (counts + 0.5) * 2000 / 65535 / 1000, atol=1e-6)
    assert (record.leads, record.fs, len(record.meta["left_out"])) == (("ECG",), 200.0, 10)


def test_a_file_of_annotations_alone_is_refused_by_that_name(recordings):
    with pytest.raises(FormatError, match="annotations alone"):
        read_record(recordings("edf") / "test_edfann.edf")


@pytest.mark.parametrize("kind", [pyedflib.FILETYPE_EDF, pyedflib.FILETYPE_EDFPLUS, pyedflib.FILETYPE_BDFPLUS])
def test_what_pyedflib_writes_reads_the_same(tmp_path, kind):
    bdf = kind == pyedflib.FILETYPE_BDFPLUS
    path, waves = tmp_path / ("x.bdf" if bdf else "x.edf"), ecg_like(5, 200).signal[:3].astype(float)
    limit = 2 ** (23 if bdf else 15)
    with pyedflib.EdfWriter(str(path), 3, file_type=kind) as file:
        file.setSignalHeaders(
            [
                {
                    "label": label, "dimension": "mV", "sample_frequency": 200, "physical_min": -5.0,
                    "physical_max": 5.0, "digital_min": -limit, "digital_max": limit - 1, "transducer": "",
                    "prefilter": "HP:0.05Hz",
                }
                for label in ("ECG I", "ECG II", "ECG V1")
            ]
        )  # fmt: skip
        file.writeSamples(list(waves))
    record = read_record(path)
    assert (record.leads, record.fs, record.meta["filters"]) == (("I", "II", "V1"), 200.0, "HP:0.05Hz")
    np.testing.assert_allclose(record.signal, waves, atol=10 / limit)
    for row, label in enumerate(("ECG I", "ECG II", "ECG V1")):
        np.testing.assert_allclose(record.signal[row], by_pyedflib(path, label), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("fs", "samples"),
    [(500, 5000), (100, 1001), (360, 3249), (128.5, 1285), (1000, 500), (250, 90_000), (1000 / 3, 500)],
)
def test_a_written_record_is_within_a_step_here_and_in_pyedflib(tmp_path, fs, samples):
    waves = np.random.default_rng(0).normal(0, 0.02, (12, samples)).cumsum(axis=1).astype(np.float32)
    waves -= waves.mean(axis=1, keepdims=True)
    meta = {"sex": "M", "start": "2021-12-31T23:59:58", "device": "ACME 5", "age": 81.5, "filters": "HP:0.05Hz"}
    path = write_edf(Record(waves, fs, LEADS_12, patient="p 1", meta=meta), tmp_path / "x.edf")
    back = read_record(path)
    assert (back.fs, back.leads, back.patient, back.signal.shape) == (fs, LEADS_12, "p_1", waves.shape)
    assert {key: back.meta[key] for key in meta} == meta
    step = 0.0001 if np.abs(waves).max() < 3.2 else 0.001
    np.testing.assert_allclose(back.signal, waves, rtol=0, atol=step)
    for row, lead in enumerate(LEADS_12):
        np.testing.assert_allclose(back.signal[row], by_pyedflib(path, f"ECG {lead}") / 1000, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("largest", "step"), [(3.2, 1e-4), (30, 1e-3), (60, 2e-3), (3000, 0.1)])
def test_a_count_is_a_microvolt_or_less_wherever_the_lead_fits(tmp_path, largest, step):
    waves = np.linspace(-largest, largest, 400, dtype=np.float32).reshape(1, -1)
    back = read_record(write_edf(Record(waves, 100.0, ("MLII",)), tmp_path / "x.edf"))
    assert back.leads == ("MLII",)
    np.testing.assert_allclose(back.signal, waves, rtol=1e-6, atol=0.51 * step)


@pytest.mark.parametrize(
    ("waves", "fs", "lead", "what"),
    [
        (np.zeros((1, 650_000)), 360.0, "I", "no record of a decimal number of seconds"),
        (np.full((1, 100), np.nan), 100.0, "I", "gaps"),
        (np.zeros((1, 0)), 100.0, "I", "empty"),
        (np.full((1, 100), 5000.0), 100.0, "I", "which EDF cannot hold"),
        (np.zeros((1, 100)), 100.0, "a lead of a long name", "lead name"),
        (np.zeros((1, 100)), 100.0, "I\n", "lead name"),
        (np.zeros((1, 100)), 100.0, "Ableitung Ω", "lead name"),
    ],
)
def test_what_edf_cannot_hold_is_refused(tmp_path, waves, fs, lead, what):
    name = (lead,) if lead != "I\n" else ("x\ny",)
    with pytest.raises(DataError, match=what):
        write_edf(Record(waves.astype(np.float32), fs, name), tmp_path / "x.edf")
    assert not (tmp_path / "x.edf").exists()


@pytest.mark.parametrize(
    ("label", "lead"),
    [
        ("ECG II", "II"), ("EKG avf", "aVF"), ("ECG V2-Ref", "V2"), ("ECG_I", "I"), ("ecg-III", "III"), ("V1", "V1"),
        ("ECG MLII", "MLII"), ("ECG", "ECG"), ("EKG1", "EKG1"), ("ECG 1", "ECG 1"), ("ECG I-V2", "ECG I-V2"),
    ],
)  # fmt: skip
def test_a_label_names_a_lead_where_it_is_a_known_one(label, lead):
    assert lead_of(label) == lead


def chosen(tmp_path, *rows):
    """The record of a file of signals: label, unit, transducer."""
    signals = [
        signal(label, counts_like(2, 100, n), unit, transducer=worn) for n, (label, unit, worn) in enumerate(rows)
    ]
    return read_record(make_edf(tmp_path / "x.edf", signals))


def test_of_several_kinds_of_signals_the_ecg_is_read(tmp_path):
    record = chosen(tmp_path, ("EEG C3", "uV", ""), ("ECG II", "mV", ""), ("V5", "uV", ""), ("ABP", "mmHg", ""))
    assert record.leads == ("II", "V5")
    assert record.meta["left_out"] == {"EEG C3": "uV", "ABP": "mmHg"}
    assert record.calibrated


def test_a_transducer_may_say_that_a_signal_is_an_ecg(tmp_path):
    assert chosen(tmp_path, ("a", "uV", "ECG electrode"), ("b", "uV", "")).leads == ("a",)


def test_an_ecg_may_be_called_so_behind_other_words(tmp_path):
    assert chosen(tmp_path, ("CH1_ECG", "uV", ""), ("EEGECG", "uV", ""), ("C3", "uV", "")).leads == ("CH1_ECG",)


def test_where_nothing_is_called_ecg_all_voltages_are_read(tmp_path):
    record = chosen(tmp_path, ("a", "uV", ""), ("b", "mmHg", ""), ("c", "V", ""))
    assert record.leads == ("a", "c")


def test_an_ecg_without_a_unit_is_not_calibrated(tmp_path):
    record = chosen(tmp_path, ("EEG C3", "uV", ""), ("ECG", "", ""))
    assert (record.leads, record.calibrated, record.meta["units"]) == (("ECG",), False, {"ECG": ""})


def test_signals_of_one_label_are_numbered_and_a_lead_twice_is_refused(tmp_path):
    assert chosen(tmp_path, ("ECG", "uV", ""), ("ECG", "uV", "")).leads == ("ECG 1", "ECG 2")
    with pytest.raises(FormatError, match="lead II more than once"):
        chosen(tmp_path, ("ECG II", "uV", ""), ("II", "uV", ""))


@pytest.mark.parametrize(
    ("unit", "per_mv"),
    [("uV", 1e3), ("µV", 1e3), (b"\xb5V", 1e3), ("mV", 1), ("V", 1e-3), ("nV", 1e6), ("uVolt", 1e3), ("mVolt", 1)],
)
def test_every_unit_of_voltage_arrives_as_millivolt(tmp_path, unit, per_mv):
    counts = counts_like(2, 100)
    record = read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts, unit)]))
    np.testing.assert_allclose(record.signal[0], counts.reshape(-1) / per_mv, rtol=1e-6)


def test_a_decimal_comma_and_a_range_off_the_middle_are_understood(tmp_path):
    counts = counts_like(2, 100)
    file = make_edf(tmp_path / "x.edf", [signal("ECG", counts, "mV", ("2,5", "-1,5"), ("-2000", "2000"))])
    np.testing.assert_allclose(read_record(file).signal[0], 0.5 - counts.reshape(-1) / 1000, rtol=1e-5)


def test_24_bits_reach_from_the_lowest_to_the_highest_count(tmp_path):
    counts = np.array([[-(2**23), -1, 0, 1, 2**23 - 1, 70_000, -70_000, 256]])
    limits = ("-8388608", "8388607")
    record = read_record(make_edf(tmp_path / "x.bdf", [signal("ECG", counts, "uV", limits, limits)], bits=24))
    np.testing.assert_allclose(record.signal, counts / 1000, rtol=1e-7)


def test_a_sparser_lead_is_held_until_its_next_sample(tmp_path):
    dense, sparse = counts_like(3, 10, 1), counts_like(3, 4, 2)
    file = make_edf(tmp_path / "x.edf", [signal("ECG I", dense, "mV"), signal("ECG II", sparse, "mV")])
    record = read_record(file)
    np.testing.assert_array_equal(record.signal[0], dense.reshape(-1))
    np.testing.assert_array_equal(record.signal[1], sparse[:, [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]].reshape(-1))
    np.testing.assert_array_equal(read_record(file, 0.7, 1.6).signal, record.signal[:, 7:23])


def test_gaps_of_a_discontinuous_recording_are_nan(tmp_path):
    counts = counts_like(4, 10)
    file = make_edf(tmp_path / "x.edf", [signal("ECG", counts, "mV"), stamps([5, 6, 8.5, 9.5])], kind="EDF+D")
    record = read_record(file)
    expected = np.full(55, np.nan)
    expected[:20], expected[35:] = counts[:2].reshape(-1), counts[2:].reshape(-1)
    np.testing.assert_array_equal(record.signal[0], expected)
    np.testing.assert_array_equal(read_record(file, 1.5, 2.5).signal[0], expected[15:40])
    with pytest.raises(FormatError, match="only a gap"):
        read_record(file, 2.1, 1.0)


@pytest.mark.parametrize(
    ("onsets", "what"),
    [
        ([0, 1, 1.5, 3], "before the one before it ends"),
        ([0, 1, 0.5, 2], "before"),
        ([0, 1, 2, 9e8], "almost only gaps"),
    ],
)
def test_impossible_times_of_records_are_refused(tmp_path, onsets, what):
    signals = [signal("ECG", counts_like(4, 100)), stamps(onsets, 40)]
    with pytest.raises(FormatError, match=what):
        read_record(make_edf(tmp_path / "x.edf", signals, kind="EDF+D"))


def test_a_discontinuous_recording_without_times_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no annotations"):
        read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], kind="EDF+D"))
    silent = stamps([0, 1, 2, 3])
    silent["counts"][2] = 0
    with pytest.raises(FormatError, match="record 3 does not say"):
        read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100)), silent], kind="EDF+D"))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"length": 513}, "the header's length"),
        ({"length": "x"}, "the header's length"),
        ({"signals": 0}, "the number of signals"),
        ({"signals": -1}, "the number of signals"),
        ({"signals": 9999}, "the number of signals"),
        ({"signals": 99}, "ends within the header"),
        ({"records": -2}, "the number of records"),
        ({"records": "many"}, "the number of records"),
        ({"duration": 0}, "the duration of a record"),
        ({"duration": "nan"}, "the duration of a record"),
        ({"duration": "-1"}, "the duration of a record"),
        ({"duration": "1e9"}, "the duration of a record"),
        ({"duration": "1e-6"}, "sampling rate"),
        ({"duration": "9999"}, "sampling rate"),
    ],
)
def test_a_damaged_header_is_one_error_that_says_where(tmp_path, fields, what):
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], **fields)
    with pytest.raises(FormatError, match=what) as refusal:
        read_record(path)
    assert "x.edf" in refusal.value.message


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"physical": ("1", "1")}, "physical range"),
        ({"physical": ("", "1")}, "physical range"),
        ({"physical": ("nan", "1")}, "physical range"),
        ({"physical": ("-1e99", "1e99")}, "physical range"),
        ({"digital": ("5", "5")}, "digital range of 'ECG' is empty"),
        ({"digital": ("5", "-5")}, "digital range of 'ECG' is empty"),
        ({"digital": ("-99999", "99999")}, "digital range"),
        ({"digital": ("a", "b")}, "digital range"),
        ({"spr": 0}, "samples per record"),
        ({"spr": "1e3"}, "samples per record"),
        ({"spr": 99999999}, "not one whole record"),
    ],
)
def test_a_damaged_signal_is_refused_where_it_is_read(tmp_path, fields, what):
    broken = signal("ECG", counts_like(4, 100)) | fields
    with pytest.raises(FormatError, match=what):
        read_record(make_edf(tmp_path / "x.edf", [broken]))


def test_the_range_of_a_signal_that_is_left_out_does_not_matter(tmp_path):
    other = signal("ABP", counts_like(4, 10), "mmHg", ("0", "0"))
    assert read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100)), other])).leads == ("ECG",)


def test_fewer_records_than_promised_mark_the_recording_and_more_are_told(tmp_path):
    counts = counts_like(4, 100)
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts)], records=6)
    record = read_record(path)
    assert record.meta["truncated"]
    assert record.signal.shape == (1, 400)
    record = read_record(make_edf(path, [signal("ECG", counts)], records=3))
    assert record.signal.shape == (1, 300)
    assert record.meta["warnings"] == ("200 bytes follow the last record that the header promises.",)
    assert "truncated" not in record.meta


def test_small_records_are_located_by_their_times_across_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("ecgtool.formats.edf_data._PIECE", 100)
    counts = counts_like(40, 2)
    onsets = np.arange(40) * 0.2 + (np.arange(40) >= 17) * 0.4
    file = make_edf(tmp_path / "x.edf", [signal("ECG", counts, "mV"), stamps(onsets)], duration="0.2", kind="EDF+D")
    expected = np.insert(counts.reshape(-1).astype(float), 34, [np.nan] * 4)
    np.testing.assert_array_equal(read_record(file).signal[0], expected)


def test_more_gaps_than_a_recording_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ecgtool.formats.edf_data._MOST_GAPS", 3)
    few = [signal("ECG", counts_like(4, 10)), stamps([0, 2, 4, 6])]
    many = [signal("ECG", counts_like(5, 10)), stamps([0, 2, 4, 6, 8])]
    assert read_record(make_edf(tmp_path / "few.edf", few, kind="EDF+D")).seconds == 7.0
    with pytest.raises(FormatError, match="more than 3 gaps"):
        read_record(make_edf(tmp_path / "many.edf", many, kind="EDF+D"))


@pytest.mark.parametrize("promised", [-1, 0])
def test_a_recording_that_was_never_closed_is_as_long_as_the_file(tmp_path, promised):
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], records=promised)
    path.write_bytes(path.read_bytes()[:-50])
    record = read_record(path)
    assert record.signal.shape == (1, 300)
    assert record.meta["truncated"]


def test_a_lying_header_takes_no_memory(tmp_path):
    sparse = signal("ECG II", counts_like(1, 1))
    path = make_edf(tmp_path / "x.edf", [signal("ECG I", counts_like(1, 90)), sparse], records=99_999_999)
    tracemalloc.start()
    read_record(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def test_a_range_reads_its_own_records_alone(tmp_path, monkeypatch):
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(1000, 100))])
    read, lengths = Source.read, []
    monkeypatch.setattr(Source, "read", lambda self, at, length: lengths.append(length) or read(self, at, length))
    read_record(path, 500, 2)
    assert sum(lengths) < 2000


def test_the_person_is_age_sex_and_a_code_and_nothing_else(tmp_path):
    fields = {
        "patient": "MCH-0234567 F 02-MAY-1951 Haagse_Harry",
        "recording": "Startdate 02-MAR-2002 EMG561 BK/JOP Sony._MNC_R_Mk2",
    }
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], kind="EDF+C", **fields)
    record = read_record(path)
    assert (record.patient, record.meta["sex"], record.meta["age"]) == ("MCH-0234567", "F", 50.8)
    assert (record.meta["start"], record.meta["device"]) == ("2002-03-02T05:06:07", "Sony. MNC R Mk2")
    assert not any(word in str(record.meta) for word in ("Harry", "1951", "EMG561", "BK/JOP"))


def test_without_edf_plus_the_free_fields_stay_in_the_file(tmp_path):
    record = read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], patient="Haagse Harry"))
    assert (record.patient, record.meta["start"]) == ("", "2004-02-03T05:06:07")
    assert "Harry" not in str(record.meta)


@pytest.mark.parametrize(
    ("patient", "recording"),
    [("", ""), ("X", "Startdate"), ("X X X X", "Startdate X X X X"), ("a Q 99-ZZZ-1 b", "Startdate 31-FEB-2001 X X X")],
)
def test_what_the_free_fields_do_not_say_is_not_told(tmp_path, patient, recording):
    fields = {"patient": patient, "recording": recording}
    record = read_record(make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))], kind="EDF+C", **fields))
    assert not {"age", "sex", "start", "device"} & set(record.meta)


def test_a_range_after_the_end_is_the_users_mistake(tmp_path):
    path = make_edf(tmp_path / "x.edf", [signal("ECG", counts_like(4, 100))])
    with pytest.raises(ConfigError):
        read_record(path, 4.0)
    with pytest.raises(EcgError, match="does not exist"):
        read_record(tmp_path / "y.edf")
