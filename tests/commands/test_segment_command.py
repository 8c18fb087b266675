"""``ecg segment``: of recordings to see, as a table, as annotations; of a store, which gains the waves."""

import csv
import itertools
import subprocess
import sys

import numpy as np
import pytest
import wfdb
from support import make_store

from ecgtool.formats import write_record
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person
from ecgtool.store import Store


@pytest.fixture(scope="session")
def heart():
    """Ten seconds of twelve leads, with their truth."""
    return draw(Plan(Person.random(np.random.default_rng(11)), rate=75), 250.0, 10.0, seed=11, name="heart")


@pytest.fixture
def recording(heart, tmp_path):
    return write_record(heart.record, tmp_path / "heart.hea", "wfdb")


def saved(signal, path, fs=250.0, leads=("II",)):
    return write_record(Record(np.atleast_2d(signal).astype(np.float32), fs, leads), path, "wfdb")


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_recording_is_told_in_a_table(ecg, recording, heart):
    done = ecg("segment", recording)
    assert done.code == 0
    assert "heart" in done.out
    assert "Not a medical device" in done.out
    assert "--out waves.csv" in done.err
    assert "ecg plot" in done.err
    found = ecg("segment", recording, "--json").json["recordings"][0]
    assert found["beats"] == len(heart.truth.beat_s)
    assert found["heart_rate"] == pytest.approx(heart.truth.rate, rel=0.05)
    assert found["waves"]["QRS"] == 12 * found["beats"]


def test_sampling_too_slow_for_waves_is_told_in_one_line(ecg, heart, tmp_path):
    path = saved(heart.record.select(("II",)).signal[:, ::6], tmp_path / "slow.hea", 250 / 6)
    done = ecg("segment", path, "-q")
    assert done.code == 0
    done = ecg("segment", path)
    assert done.err.count("is slow") == 1
    assert "warning: slow: 41.6667 Hz is slow: below 50 Hz" in done.err


def test_a_table_has_the_waves_of_every_recording_and_lead(ecg, recording, heart, tmp_path):
    other = write_record(heart.record, tmp_path / "other.hea", "wfdb")
    done = ecg("segment", recording, other, "--out", "waves.csv", "--leads", "v2,ii")
    assert done.code == 0
    rows = rows_of(tmp_path / "waves.csv")
    assert {(row["record"], row["lead"]) for row in rows} == set(itertools.product(("heart", "other"), ("II", "V2")))
    peaks = [float(row["peak_s"]) for row in rows if row["wave"] == "QRS" and row["lead"] == "II"]
    assert len(peaks) == 2 * len(heart.truth.beat_s)
    assert np.abs(np.array(peaks[: len(peaks) // 2]) - heart.truth.beat_s).max() < 0.06


def test_a_table_that_is_there_is_kept_unless_forced(ecg, recording, tmp_path):
    (tmp_path / "waves.csv").write_text("mine")
    assert ecg("segment", recording, "--out", "waves.csv").code == 1
    assert (tmp_path / "waves.csv").read_text() == "mine"
    assert ecg("segment", recording, "--out", "waves.csv", "--force").code == 0


def test_workers_make_no_difference(ecg, recording, heart, tmp_path):
    others = [write_record(heart.record, tmp_path / f"r{number}.hea", "wfdb") for number in range(5)]
    assert ecg("segment", *others, recording, "--out", "one.csv").code == 0
    assert ecg("segment", *others, recording, "--out", "three.csv", "--workers", 3).code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "three.csv").read_bytes()


def test_two_folders_may_hold_a_record_of_one_name(ecg, recording, heart, tmp_path):
    (tmp_path / "b").mkdir()
    write_record(heart.record, tmp_path / "b" / "heart.hea", "wfdb")
    assert ecg("segment", recording, "b/heart.hea", "--out", "waves.csv").code == 0
    assert {row["record"] for row in rows_of(tmp_path / "waves.csv")} == {"heart", "b/heart"}


def test_annotations_go_into_a_folder_that_tools_can_read(ecg, recording, heart, tmp_path):
    done = ecg("segment", recording, "--out", "ann", "--leads", "V2,aVR")
    assert done.code == 0
    found = wfdb.rdann(str(tmp_path / "ann" / "heart"), "pqrst")
    assert set(found.chan) == {LEADS_12.index("V2"), LEADS_12.index("aVR")}
    assert found.symbol.count("N") == 2 * len(heart.truth.beat_s)
    assert (tmp_path / "ann" / "RECORDS").read_text() == "heart\n"
    assert (tmp_path / "ann" / "ANNOTATORS").read_text().startswith("pqrst\t")


def test_annotations_that_are_there_are_left_and_the_others_made(ecg, recording, heart, tmp_path):
    other = write_record(heart.record, tmp_path / "other.hea", "wfdb")
    assert ecg("segment", recording, "--out", "ann").code == 0
    before = (tmp_path / "ann" / "heart.pqrst").read_bytes()
    again = ecg("segment", recording, other, "--out", "ann", "--leads", "II")
    assert again.code == 0
    assert "1 of them had been done before" in again.err
    assert (tmp_path / "ann" / "heart.pqrst").read_bytes() == before
    assert (tmp_path / "ann" / "other.pqrst").exists()
    assert "QTc" in again.out
    assert "QTc" not in ecg("segment", recording, other, "--out", "ann", "--leads", "II").out
    assert ecg("segment", recording, "--out", "ann", "--leads", "II", "--force").code == 0
    assert (tmp_path / "ann" / "heart.pqrst").read_bytes() != before


def test_two_recordings_never_share_annotations(ecg, recording, heart, tmp_path):
    for name in ("a.b", "a_b"):
        np.savez(tmp_path / f"{name}.npz", signal=heart.record.signal, fs=250.0, leads=list(LEADS_12))
    done = ecg("segment", "a.b.npz", "a_b.npz", "--out", "ann")
    assert done.code == 1
    assert "written over" in done.err


def test_what_fails_is_told_in_a_line_and_the_others_are_done(ecg, recording, tmp_path):
    (tmp_path / "text.hea").write_text("no header at all")
    done = ecg("segment", "nothing.hea", recording, "text.hea", "--out", "waves.csv")
    assert done.code == 1
    errors = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
    assert {row["record"] for row in rows_of(tmp_path / "waves.csv")} == {"heart"}


def test_a_recording_that_breaks_off_on_the_way_leaves_no_row(ecg, recording, tmp_path, monkeypatch):
    from ecgtool.delineation import walk

    monkeypatch.setattr(walk, "PIECE_S", 4.0)
    monkeypatch.setattr(walk, "_SHORTEST_S", 4.0)
    monkeypatch.setattr(walk, "MARGIN_S", 1.0)
    real = walk.read_record

    def read(path, start_s=0.0, seconds=None):
        if start_s and "broken" in str(path):
            raise walk.DataError("The recording cannot be read on.")
        return real(path, start_s, seconds)

    monkeypatch.setattr(walk, "read_record", read)
    for suffix in (".hea", ".dat"):
        data = recording.with_suffix(suffix).read_bytes()
        (tmp_path / "broken").with_suffix(suffix).write_bytes(data.replace(b"heart", b"broken"))
    done = ecg("segment", "broken.hea", recording, "--out", "waves.csv")
    assert done.code == 1
    assert {row["record"] for row in rows_of(tmp_path / "waves.csv")} == {"heart"}
    done = ecg("segment", "broken.hea", recording, "--out", "ann")
    assert done.code == 1
    assert sorted(path.name for path in (tmp_path / "ann").iterdir()) == ["ANNOTATORS", "RECORDS", "heart.pqrst"]
    assert (tmp_path / "ann" / "RECORDS").read_text() == "heart\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.hea",), "does not exist"),
        (("heart.hea", "--leads", "V9"), "lacks lead V9"),
        (("heart.hea", "--method", "wavelets"), "Did you mean 'wavelet'?"),
        (("heart.hea", "--format", "wfdb"), "--out"),
        (("heart.hea", "--name", "x"), "--name"),
        (("heart.hea", "--beats", "reference"), "heart.atr does not exist"),
        (("letter.rtf",), "not a recording"),
        (("letter.rtf", "nothing.hea"), "None of the 2 recordings"),
        (("letter.rtf", "--out", "waves.csv"), "not a recording"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(ecg, recording, tmp_path, arguments, words):
    (tmp_path / "letter.rtf").write_text("Dear Sir or Madam")
    done = ecg("segment", *arguments)
    assert done.code == 1
    assert len(done.err.strip().splitlines()) == 1
    assert words in done.err
    assert not (tmp_path / "waves.csv").exists()


def test_a_signal_without_beats_has_an_answer_without_waves(ecg, tmp_path):
    rng = np.random.default_rng(1)
    saved(np.zeros(2500), tmp_path / "zeros.hea")
    saved(np.full(2500, 0.7), tmp_path / "level.hea")
    saved(np.full(2500, np.nan), tmp_path / "nan.hea")
    saved(np.zeros(3), tmp_path / "three.hea")
    saved(1e-3 * rng.standard_normal(2500), tmp_path / "hum.hea")
    done = ecg("segment", "zeros.hea", "level.hea", "nan.hea", "three.hea", "--out", "waves.csv", "--json")
    assert done.code == 0
    assert [it["beats"] for it in done.json["recordings"]] == [0, 0, 0, 0]
    assert [it["heart_rate"] for it in done.json["recordings"]] == [None] * 4
    assert rows_of(tmp_path / "waves.csv") == []
    assert ecg("segment", "hum.hea").code == 0


def test_short_slow_and_inverted_recordings_have_their_beats(ecg, heart, tmp_path):
    ii = heart.record.select(("II",)).signal[0]
    saved(ii[:750], tmp_path / "three-seconds.hea")
    saved(-ii, tmp_path / "inverted.hea")
    slow = draw(Plan(Person.random(np.random.default_rng(11)), rate=75), 20.0, 30.0, seed=11)
    write_record(slow.record, tmp_path / "slow.hea", "wfdb")
    found = ecg("segment", "three-seconds.hea", "inverted.hea", "slow.hea", "--json").json["recordings"]
    truth = heart.truth.beat_s
    assert found[0]["beats"] == pytest.approx((truth < 3).sum(), abs=1)
    assert found[1]["beats"] == pytest.approx(len(truth), abs=1)
    assert found[2]["beats"] == pytest.approx(len(slow.truth.beat_s), abs=2)


def test_gaps_and_a_lead_that_is_off_cost_no_other_waves(ecg, heart, tmp_path):
    signal = heart.record.signal.copy()
    signal[3] = 0.0
    signal[:, 1000:1250] = np.nan
    write_record(Record(signal, 250.0, LEADS_12), tmp_path / "gap.hea", "wfdb")
    assert ecg("segment", "gap.hea", "--out", "waves.csv").code == 0
    rows = [row for row in rows_of(tmp_path / "waves.csv") if row["wave"] == "QRS"]
    truth = heart.truth.beat_s
    seen = truth[(truth < 3.8) | (truth > 5.2)]
    for lead in ("II", "V5"):
        peaks = np.array([float(row["peak_s"]) for row in rows if row["lead"] == lead])
        assert all(np.abs(peaks - at).min() < 0.08 for at in seen)
        assert not ((peaks > 4.05) & (peaks < 4.95)).any()


@pytest.fixture
def store(tmp_path, heart, home):
    """A store of three items, each the synthetic heart, somewhat louder each time."""
    made = make_store(home / "stores" / "toy", items=3, leads=12, samples=2500, fs=250.0, unlabelled=0)
    signals = np.stack([np.rint(heart.record.signal * 1000 * gain) for gain in (1.0, 1.1, 1.2)]).astype(np.int16)
    np.save(made.path / "signals.npy", signals)
    return Store.open("toy")


def test_a_store_gains_the_waves(ecg, store, heart):
    done = ecg("segment", "toy", "--method", "wavelet", "--json")
    assert done.code == 0
    assert done.json["beats"] == 3 * len(heart.truth.beat_s)
    assert done.json["beats_from"] == "detected"
    held = Store.open("toy")
    assert held.wave_set().name == "wavelet"
    assert held.wave_counts()["QRS"] == 12 * done.json["beats"]
    assert "ecg sentences toy" in ecg("segment", "toy", "--method", "wavelet").err
    refused = ecg("segment", "toy", "--method", "wavelet", "--leads", "II")
    assert refused.code == 1
    assert ecg("segment", "toy", "--method", "wavelet", "--leads", "II", "--name", "two").code == 0
    assert set(Store.open("toy").waves(0, "two").column("lead")) == {1}


def test_a_store_may_be_left_as_it_is_and_a_copy_gain_the_waves(ecg, store, tmp_path):
    before = (store.path / "manifest.json").read_bytes()
    assert ecg("segment", "toy", "--out", "./copy").code == 0
    assert Store.open("./copy").manifest.waves
    assert (store.path / "manifest.json").read_bytes() == before
    assert ecg("segment", "toy", "--out", "./copy").code == 0  # nothing to do


def test_waves_of_a_store_are_written_as_files_too(ecg, store, tmp_path):
    assert ecg("segment", "toy", "--out", "waves.csv", "--leads", "II").code == 0
    assert {row["record"] for row in rows_of(tmp_path / "waves.csv")} == {"00000", "00001", "00002"}
    assert ecg("segment", "toy", "--out", "ann", "--format", "wfdb", "--leads", "II").code == 0
    assert set(wfdb.rdann(str(tmp_path / "ann" / "00002"), "pqrst").chan) == {1}
    assert ecg("segment", "toy:1", "--out", "one.csv", "--leads", "II").code == 0
    assert {row["record"] for row in rows_of(tmp_path / "one.csv")} == {"00001"}
    assert not Store.open("toy").manifest.waves


def test_the_beats_that_a_corpus_has_annotated_are_taken_and_that_is_said(ecg, store, heart):
    import json

    manifest = json.loads((store.path / "manifest.json").read_text())
    at = (heart.truth.beat_s[1:4] * 250).astype(np.int32)
    table = np.array([(item, sample, 0) for item in range(3) for sample in at], np.int32)
    np.save(store.path / "beats.npy", table)
    (store.path / "manifest.json").write_text(json.dumps({**manifest, "beats": 9, "symbols": ["N"]}))
    done = ecg("segment", "toy")
    assert "those that toy has annotated" in done.err
    assert Store.open("toy").waves(1).beats.tolist() == at.tolist()
    assert ecg("segment", "toy", "--beats", "detected", "--force").code == 0
    assert len(Store.open("toy").waves(1).beats) == len(heart.truth.beat_s)
    alone = ecg("segment", "toy:1", "--json")
    assert alone.json["recordings"][0]["beats"] == 3


def test_the_beats_that_are_annotated_beside_a_recording_are_taken_when_asked(ecg, recording, tmp_path):
    at = np.array([300, 460, 700, 1500])
    wfdb.wrann("heart", "atr", at, ["N", "+", "V", "N"], fs=250, write_dir=str(tmp_path))
    found = ecg("segment", recording, "--beats", "reference", "--json").json["recordings"][0]
    assert found["beats"] == 3
    by_name = ecg("segment", "heart", "--beats", "reference", "--json").json["recordings"][0]
    assert by_name["rr_ms"] == found["rr_ms"] == {"median": 2400.0, "beats": 2}
    assert ecg("segment", recording, "--json").json["recordings"][0]["beats"] > 8
    (tmp_path / "heart.atr").write_bytes(b"\x05")
    assert ecg("segment", recording, "--beats", "reference").code == 1


def test_annotated_beats_are_not_invented(ecg, store):
    done = ecg("segment", "toy", "--beats", "reference")
    assert done.code == 1
    assert "no annotated beats" in done.err


def test_a_store_among_recordings_is_refused(ecg, store, recording):
    done = ecg("segment", "toy", recording)
    assert done.code == 1
    assert "segmented alone" in done.err


def test_the_help_starts_without_torch_or_scipy():
    code = (
        "import sys; from ecgtool import cli; cli.run(['segment', '--help']); "
        "print(sorted({'torch', 'scipy', 'onnxruntime', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_what_a_file_does_not_keep_is_told(ecg, recording):
    header = recording.read_text().splitlines()
    fields = header[1].split()
    fields[6] = str(int(fields[6]) ^ 1)  # the checksum
    recording.write_text("\n".join([header[0], " ".join(fields), *header[2:]]) + "\n")
    done = ecg("segment", recording)
    assert done.code == 0
    assert "warning: heart:" in done.err


def test_measurements_are_a_row_per_recording(ecg, recording, heart, tmp_path):
    saved(np.zeros(2500), tmp_path / "flat.hea", leads=("=V1",))
    done = ecg("segment", recording, "flat.hea", "--measurements", "m.csv", "--out", "waves.csv")
    assert done.code == 0
    assert "Measurements: m.csv" in done.err
    first, flat = rows_of(tmp_path / "m.csv")
    assert float(first["rate"]) == pytest.approx(heart.truth.rate, rel=0.05)
    assert float(first["qt_ms"]) == pytest.approx(np.nanmedian(heart.truth.intervals.qt_ms), abs=40)
    assert float(first["qtc_fridericia_ms"]) > 0
    r = float(first["II_r_mv"])
    assert r == pytest.approx(np.percentile(heart.clean[1], 99.9), abs=0.35)
    assert (flat["beats"], flat["rate"], flat["II_r_mv"]) == ("0", "", "")
    assert "'=V1_r_mv" in flat
    refused = ecg("segment", recording, "--measurements", "m.csv")
    assert refused.code == 1
    assert "--force" in refused.err


def test_measurements_of_a_long_recording_are_those_of_all_its_pieces(ecg, recording, monkeypatch):
    from ecgtool.delineation import walk

    whole = ecg("segment", recording, "--json").json["recordings"][0]
    monkeypatch.setattr(walk, "PIECE_S", 3.0)
    monkeypatch.setattr(walk, "_SHORTEST_S", 3.0)
    monkeypatch.setattr(walk, "MARGIN_S", 2.0)
    pieces = ecg("segment", recording, "--json").json["recordings"][0]
    assert pieces["beats"] == whole["beats"]
    assert pieces["heart_rate"] == pytest.approx(whole["heart_rate"], abs=0.5)
    for interval in ("pr_ms", "qrs_ms", "qt_ms"):
        assert pieces[interval]["median"] == pytest.approx(whole[interval]["median"], abs=10)


def test_the_items_of_a_store_are_measured_from_its_waves(ecg, store, heart, tmp_path):
    assert ecg("segment", "toy", "--measurements", "m.csv").code == 0
    rows = rows_of(tmp_path / "m.csv")
    assert [row["record"] for row in rows] == ["00000", "00001", "00002"]
    assert float(rows[1]["II_r_mv"]) == pytest.approx(1.1 * float(rows[0]["II_r_mv"]), rel=0.02)
    again = ecg("segment", "toy", "--measurements", "m.csv", "--force", "--json")
    assert again.json["measurements"] == "m.csv"
