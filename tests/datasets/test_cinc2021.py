"""The 2021 Challenge: its 26 scored classes, from codes in headers; whatever else the headers hold."""

import numpy as np
import pytest
from own_recordings import millivolts

from ecgtool.datasets.cinc2021 import TASK, CinC2021, make_targets
from ecgtool.datasets.cinc2021_codes import LABEL_OF, SCORED, TIMED, VOLTAGE
from ecgtool.datasets.prepare import prepare
from ecgtool.datasets.splits import Division
from ecgtool.errors import DataError, FormatError, NotFound
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record
from ecgtool.settings import Preprocessing

CODES = ("426783006", "164889003,59118001", "713427006", "17338001", "164873001", "427172004,284470004", "63593006")


def write_challenge(folder, codes=CODES, *, fs=500.0, seconds=10.0, top="g1", age="61", sex="Female"):
    """Records of twelve leads as the Challenge lays them out, but that the samples lie in a .dat."""
    for number, stated in enumerate(codes):
        place = folder / top
        place.mkdir(parents=True, exist_ok=True)
        signal = millivolts(number, seconds, fs, LEADS_12)
        write_wfdb(Record(signal, fs, LEADS_12), place, f"{top}{number:03d}")
        with (place / f"{top}{number:03d}.hea").open("a") as file:
            file.write(f"# Age: {age}\n# Sex: {sex}\n# Dx: {stated}\n# Rx: Unknown\n# Hx: Unknown\n# Sx: Unknown\n")
    return folder


def labels(made):
    rows = made.targets["scored"]
    return [[label for label, mark in zip(TASK.labels, row, strict=True) if mark == 1] for row in rows]


def test_thirty_codes_are_twenty_six_classes():
    assert len(LABEL_OF) == 30
    assert len(SCORED) == len({scored.label for scored in SCORED}) == 26
    assert all(code.isdigit() and 7 <= len(code) <= 9 for code in LABEL_OF)
    assert {*TIMED, *VOLTAGE} <= set(TASK.labels)


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("733534002", "164909002", "CLBBB"),
        ("713427006", "59118001", "CRBBB"),
        ("284470004", "63593006", "PAC"),
        ("427172004", "17338001", "PVC"),
    ],
)
def test_pairs_that_are_scored_as_one_diagnosis_are_one_class(one, other, label):
    targets, _notes = make_targets([(one,), (other,), (one, other)])
    assert (targets == targets[0]).all()
    assert targets[0].sum() == 1
    assert TASK.labels[targets[0].argmax()] == label


def test_codes_become_labels_and_unscored_ones_are_counted(tmp_path):
    made = CinC2021(write_challenge(tmp_path / "c"))
    assert labels(made) == [["NSR"], ["AF", "CRBBB"], ["CRBBB"], ["PVC"], [], ["PAC", "PVC"], ["PAC"]]
    assert "Codes that the Challenge does not score: 164873001 (1)." in made.notes
    assert "1 recordings carry none of the scored classes; they count as negatives of all of them." in made.notes
    assert (made.targets["scored"][4] == 0).all()


def test_a_header_without_a_diagnosis_is_not_labelled(tmp_path):
    made = CinC2021(write_challenge(tmp_path / "c", ("426783006", "Unknown", "")))
    assert (made.targets["scored"][1:] == 255).all()


def test_person_and_folder_come_from_the_headers(tmp_path):
    write_challenge(tmp_path / "c", ("426783006",), top="g1", age="92")
    write_challenge(tmp_path / "c", ("164889003",), top="g2", age="NaN", sex="Unknown")
    made = CinC2021(tmp_path / "c")
    assert [entry.id for entry in made.entries] == ["g1/g1000", "g2/g2000"]
    np.testing.assert_array_equal(made.tabular_values, np.float32([[90, 1], [np.nan, np.nan]]))
    assert any("not by patient" in note for note in made.notes)


def test_other_rates_and_lengths_become_ten_seconds_at_500_hz(tmp_path):
    folder = tmp_path / "c"
    write_challenge(folder, CODES[:2], top="a")
    write_challenge(folder, CODES[2:4], top="b", fs=1000.0, seconds=12.0)
    write_challenge(folder, CODES[4:6], top="c", fs=257.0, seconds=6.0)
    made = CinC2021(folder)
    assert "Rates differ: 257 Hz (2), 500 Hz (2), 1000 Hz (2)." in made.notes
    assert "Recordings last from 6 to 12 s." in made.notes
    store = prepare(made, tmp_path / "s", steps=Preprocessing(fs=500, fit="centre"))
    assert store.signals.shape == (6, 12, 5000)
    np.testing.assert_allclose(store.millivolts(0)[0], made.read(made.entries[0]).signal[0], atol=0.11)
    assert not store.signals[5][:, :900].any()
    assert any("shorter than 10 s" in note for note in store.manifest.notes)


def test_windows_are_cut_of_the_longest(tmp_path):
    folder = write_challenge(tmp_path / "c", CODES[:3], seconds=12.0)
    store = prepare(CinC2021(folder, windows=True), tmp_path / "s", steps=Preprocessing(fs=250), window_s=5)
    assert store.signals.shape == (6, 12, 1250)


def test_damaged_headers_are_told_and_the_rest_is_kept(tmp_path):
    folder = write_challenge(tmp_path / "c", CODES[:3])
    (folder / "g1" / "g1001.hea").write_text("g1001 12 500\n")
    made = CinC2021(folder)
    assert len(made.entries) == 2
    assert made.notes[0].startswith("1 headers are damaged: g1/g1001.hea: ")


def test_folders_that_are_not_the_challenges_are_refused(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        CinC2021(tmp_path / "no")
    (tmp_path / "c").mkdir()
    with pytest.raises(NotFound, match=r"holds no \.hea"):
        CinC2021(tmp_path / "c")
    (tmp_path / "c" / "a.hea").write_text("what is this")
    with pytest.raises(DataError, match="None of the 1 headers"):
        CinC2021(tmp_path / "c")
    write_challenge(tmp_path / "c", ("Unknown",))
    with pytest.raises(DataError, match="states a diagnosis"):
        CinC2021(tmp_path / "c")


def test_any_byte_of_a_header_changed_gives_a_corpus_or_one_line(tmp_path):
    folder = write_challenge(tmp_path / "c", CODES[:2], seconds=0.1)
    path = folder / "g1" / "g1000.hea"
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        for byte in (b"\0", b"\xff", b"9", b"\n"):
            path.write_bytes(whole[:place] + byte + whole[place + 1 :])
            try:
                made = CinC2021(folder)
            except (NotFound, DataError, FormatError):
                continue
            assert len(made.entries) in (1, 2)


def test_divisions_are_by_recording_and_reproducible(tmp_path):
    folder = write_challenge(tmp_path / "c", CODES * 4, seconds=0.1)
    splits = [entry.split for entry in CinC2021(folder, division=Division.of(folds=4)).entries]
    assert splits == [entry.split for entry in CinC2021(folder, division=Division.of(folds=4)).entries]
    assert splits.count("test") == splits.count("val") == 7


def test_the_real_ones_prepare(ecg, recordings):
    made = ecg("prepare", "cinc2021", recordings("cinc2021"), "--json")
    assert made.code == 0, made.err
    assert made.json["items"] == 20
    assert (made.json["fs"], made.json["samples"]) == (500, 5000)
    counts = {label: sum(splits.values()) for label, splits in made.json["tasks"]["scored"].items()}
    found = {label: number for label, number in counts.items() if number and not label.startswith("(")}
    assert found == {"CRBBB": 2, "LQT": 2, "NSR": 5, "SB": 4, "STach": 6, "TAb": 1, "TInv": 1}
    assert any("253352002 (3)" in note for note in made.json["notes"])


def test_the_window_of_the_command_needs_no_other_fit(ecg, recordings):
    made = ecg(
        "prepare", "cinc2021", recordings("cinc2021"), "--window-s", "5", "--fs", "100", "--leads", "II,V5", "--json"
    )
    assert made.code == 0, made.err
    assert (made.json["items"], made.json["leads"], made.json["samples"]) == (40, ["II", "V5"], 500)
