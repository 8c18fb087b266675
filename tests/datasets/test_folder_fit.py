"""What the recordings of a folder have in common: rate, leads, length; what its list says of them; labelled parts."""

import json

import numpy as np
import pytest
from own_recordings import (
    LEADS,
    corpus,
    millivolts,
    note,
    refusal,
    write_csv,
    write_json,
    write_lab,
    write_npy_recording,
    write_recordings,
)


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    return folder


def test_dataset_json_says_what_files_cannot(lab):
    for number in range(4):
        write_npy_recording(lab, f"r{number}", number, said=False)
    (lab / "dataset.json").write_text(json.dumps({"fs": 100, "leads": LEADS, "layout": "leads,samples", "unit": "uV"}))
    write_json(lab, [{"file": f"r{number}", "label": number % 2} for number in range(4)])
    made = corpus(lab)
    np.testing.assert_allclose(made.read(made.entries[1]).signal, millivolts(1) / 1000, atol=1e-6)
    assert set(made.sources) == {"labels.json", "dataset.json"}


def test_a_row_says_more_of_its_recording_than_dataset_json(lab):
    for number in range(3):
        write_npy_recording(lab, f"r{number}", number, said=False)
    (lab / "dataset.json").write_text(json.dumps({"fs": 50, "layout": "leads,samples", "unit": "mV"}))
    rows = [["file", "label", "fs", "leads"], ["r0", "x", "100", "I|II|V1"], ["r1", "y", "100", "I II V1"]]
    write_csv(lab, [*rows, ["r2", "y", "100", "I;II;V1"]])
    made = corpus(lab)
    assert (made.fs, made.leads, made.samples) == (100.0, LEADS, 400)
    assert made.read(made.entries[0]).fs == 100
    assert made.entries[0].metadata == {}


def test_a_row_that_contradicts_the_rate_of_its_file_leaves_it_out(lab):
    write_recordings(lab, 3)
    write_csv(lab, [["file", "label", "fs"], ["r000", "x", "250"], ["r001", "y", "100"], ["r002", "x", ""]])
    made = corpus(lab)
    assert (
        note(made, "cannot be read") == "1 recordings cannot be read: line2 has a rate of 100 Hz, but its row says 250."
    )


def test_what_a_row_says_that_cannot_be_is_told(lab):
    write_recordings(lab, 2)
    write_csv(lab, [["file", "label", "fs"], ["r000", "x", "fast"], ["r001", "y", ""]])
    assert refusal(lab).message.startswith("labels.csv line 2: fs cannot be 'fast'")


def test_labelled_parts_are_entries_of_their_own(lab):
    write_recordings(lab, 3, seconds=20.0)
    rows = [
        ["file", "label", "start_s", "end_s", "patient_id"],
        ["r000", "x", "0", "8", "A"],
        ["r000", "y", "6", "14", "A"],
        ["r001", "x", "12", "", "B"],
        ["r002", "y", "2.5", "10.5", "C"],
    ]
    write_csv(lab, rows)
    made = corpus(lab, keep_names=True)
    assert [entry.id for entry in corpus(lab).entries] == ["line2", "line3", "line4", "line5"]
    assert [(entry.id, entry.start_s, entry.seconds) for entry in made.entries] == [
        ("r000@0-8", 0.0, 8.0), ("r000@6-14", 6.0, 8.0), ("r001@12-", 12.0, 8.0), ("r002@2.5-10.5", 2.5, 8.0)
    ]  # fmt: skip
    assert made.samples == 800
    part = made.read(made.entries[1])
    np.testing.assert_allclose(part.signal, millivolts(0, 20.0)[:, 600:1400], atol=5e-4)
    assert made.entries[0].patient == made.entries[1].patient


def test_parts_of_one_recording_stay_in_one_split_without_any_patient(lab):
    write_recordings(lab, 6, seconds=20.0)
    parts = [[f"r{number:03d}", "xy"[part // 4 % 2], part, part + 4] for number in range(6) for part in (0, 4, 8, 12)]
    write_csv(lab, [["file", "label", "start_s", "end_s"], *parts])
    splits = {}
    for entry in corpus(lab).entries:
        splits.setdefault(entry.patient, set()).add(entry.split)
    assert len(splits) == 6
    assert all(len(held) == 1 for held in splits.values())


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("1", "4.5", "labels.csv line 3: end_s 4.5 is beyond the end of r001 (4 s)."),
        ("4", "", "labels.csv line 3: start_s 4 is beyond the end of r001 (4 s)."),
        ("9", "12", "labels.csv line 3: start_s 12 is beyond the end of r001 (4 s)."),
    ],
)
def test_a_part_beyond_the_end_is_refused(lab, start, end, said):
    write_recordings(lab, 2)
    write_csv(lab, [["file", "label", "start_s", "end_s"], ["r000", "x", "", ""], ["r001", "y", start, end]])
    assert refusal(lab).message == said


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (["r000.hea", "y", "A", "100", "", ""], "labels.csv line 3 labels r000.hea, as labels.csv line 2 does."),
        (["r000", "y", "B", "100", "1", "2"], "labels.csv line 3 gives r000 another patient than labels.csv line 2."),
        (["r000", "y", "A", "250", "1", "2"], "labels.csv line 3 describes r000 otherwise than labels.csv line 2."),
    ],
)
def test_rows_that_contradict_each_other_are_refused(lab, second, said):
    write_recordings(lab, 1)
    write_csv(
        lab, [["file", "label", "patient_id", "fs", "start_s", "end_s"], ["r000", "x", "A", "100", "", ""], second]
    )
    assert refusal(lab).message == said


def test_recordings_of_other_lengths_need_a_window_or_a_fit(lab):
    write_lab(lab, 4)
    write_npy_recording(lab, "r001", 1, seconds=6.0)
    error = refusal(lab)
    assert error.message == "Recordings last from 4 to 6 s, and an item has one length."
    assert "--window-s 5" in error.hint
    assert "--fit centre" in error.hint
    assert corpus(lab, windows=True).samples == 600
    made = corpus(lab, centre=True)
    assert made.samples == 400
    assert note(made, "commonest length") == "3 of 4 recordings last 4 s, the commonest length."


def test_a_sample_more_or_less_is_the_same_length(lab):
    write_lab(lab, 4)
    write_npy_recording(lab, "r001", 1, seconds=4.01)
    assert corpus(lab).samples == 401


def test_the_commonest_rate_is_that_of_the_store_and_others_are_told(lab):
    write_lab(lab, 4)
    write_npy_recording(lab, "r001", 1, fs=250.0)
    made = corpus(lab)
    assert (made.fs, made.samples) == (100.0, 400)
    assert note(made, "commonest rate") == "3 recordings have 100 Hz, the commonest rate; others: 250 Hz (1)."


def test_leads_are_those_that_all_have_with_limb_leads_that_follow(lab):
    write_npy_recording(lab, "a", 0, leads=("V1", "aVF", "II", "I"))
    write_npy_recording(lab, "b", 1, leads=("I", "III", "V1", "V6"))
    write_json(lab, [{"file": "a", "label": 0}, {"file": "b", "label": 1}])
    made = corpus(lab)
    assert made.leads == ("V1", "aVF", "II", "I")
    assert note(made, "all recordings have").endswith("such as III, V6; entry1 has only V1, aVF, II, I.")
    assert corpus(lab, leads=("V1",)).leads == ("V1",)


def test_leads_that_have_nothing_in_common_are_refused(lab):
    write_npy_recording(lab, "a", 0, leads=("I", "V1"))
    write_npy_recording(lab, "b", 1, leads=("V1", "V2"))
    write_npy_recording(lab, "c", 2, leads=("I", "V2"))
    write_json(lab, [{"file": name, "label": name} for name in "abc"])
    assert refusal(lab).message == "The recordings have no lead in common: entry3 has I, V2, those before it share V1."
