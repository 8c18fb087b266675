"""A folder of own recordings as a corpus: which file a name means, whose it is, what all recordings have in common."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from own_recordings import (
    LEADS,
    millivolts,
    write_csv,
    write_json,
    write_lab,
    write_npy_recording,
    write_recordings,
    write_wfdb_recording,
)

from ecgtool.datasets.folder import Choices, Folder
from ecgtool.datasets.splits import Division
from ecgtool.deidentify.key import Key
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, NotFound

KEY = Key(bytes(32))


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    return folder


def corpus(folder, **choices):
    return Folder(folder, "lab", KEY, Choices(**choices))


def refusal(folder, **choices):
    with pytest.raises(EcgError) as caught:
        corpus(folder, **choices)
    assert "\n" not in caught.value.message
    return caught.value


def note(made, words):
    found = [each for each in made.notes if words in each]
    assert found, made.notes
    return found[0]


def by_id(made):
    return {entry.id: entry for entry in made.entries}


def test_files_of_any_format_are_read_in_millivolts(lab):
    write_lab(lab)
    made = corpus(lab)
    assert [entry.record for entry in made.entries[:3]] == ["r000.hea", "r001.npy", "r002.csv"]
    assert (made.fs, made.leads, made.samples) == (100.0, LEADS, 400)
    for number, entry in enumerate(made.entries):
        record = made.read(entry)
        assert (record.id, record.patient) == (entry.id, entry.patient)
        np.testing.assert_allclose(record.signal, millivolts(number), atol=5e-4)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a.hea", "ward/a.hea"),
        ("a.dat", "ward/a.hea"),
        ("a", "ward/a.hea"),
        ("ward/a", "ward/a.hea"),
        ("ward\\a.dat", "ward/a.hea"),
        ("./ward/a.hea", "ward/a.hea"),
        ("b", "ward/b.npy"),
        ("{folder}/ward/b.npy", "ward/b.npy"),
    ],
)
def test_a_recording_is_found_by_its_path_or_its_name_with_or_without_suffix(lab, name, meant):
    write_wfdb_recording(lab, "ward/a", 0)
    write_npy_recording(lab, "ward/b", 1)
    write_npy_recording(lab, "c", 2)
    (lab / "ward" / "b.txt").write_text("a note")
    write_json(lab, [{"file": name.format(folder=lab), "label": "x"}, {"file": "c", "label": "y"}])
    assert [entry.record for entry in corpus(lab).entries] == [meant, "c.npy"]


def test_a_name_that_may_be_several_recordings_is_refused_with_its_row(lab):
    for place in ("one/a", "two/a", "b"):
        write_npy_recording(lab, place, 0)
    write_json(lab, [{"file": "b", "label": "x"}, {"file": "a", "label": "y"}])
    error = refusal(lab)
    assert error.message == "labels.json entry 2: 'a' may be one/a.npy or two/a.npy."


@pytest.mark.parametrize("name", ["../secret.npy", "/etc/passwd", "a/../../secret.npy", "C:/x.npy", "a\0b", "link.npy"])
def test_no_name_leads_out_of_the_folder(lab, name):
    write_npy_recording(lab.parent, "secret", 0)
    (lab / "link.npy").symlink_to(lab.parent / "secret.npy")
    write_npy_recording(lab, "b", 1)
    write_csv(lab, [["file", "label"], ["b", "x"], [name, "y"]])
    error = refusal(lab)
    assert isinstance(error, FormatError)
    assert "labels.csv" in error.message


def test_missing_unreadable_and_unlisted_recordings_are_counted_and_named(lab):
    rows = write_lab(lab)
    (lab / "r001.npy").unlink()
    (lab / "r003.hea").write_text("r003 1 100 400\n")
    (lab / "README.txt").write_text("hello")
    write_json(lab, [*rows[:8], {"file": "gone.edf", "label": "AF"}, {"file": "r009", "label": ""}])
    made = corpus(lab)
    assert note(made, "are missing") == "2 recordings of labels.json are missing: r001.npy, gone.edf."
    assert note(made, "cannot be read").startswith("1 recordings cannot be read: r003.hea: ")
    assert note(made, "have no row") == (
        "3 recordings have no row in labels.json and were left out: r008.csv, r010.npy, r011.csv."
    )
    assert note(made, "have no label") == "1 rows have no label; they are kept without one: r009."
    assert [entry.id for entry in made.entries] == ["r000", "r002", "r004", "r005", "r006", "r007", "r009"]
    assert made.targets["label"].tolist() == [0, 1, 0, 0, 1, 1, -1]


def test_a_folder_without_any_listed_recording_is_refused(lab):
    write_json(lab, [{"file": "a.edf", "label": "x"}])
    assert refusal(lab).message.startswith("None of the 1 recordings of labels.json is in ")


def test_a_folder_of_damaged_recordings_alone_is_refused_with_the_first_reason(lab):
    (lab / "a.npy").write_bytes(b"\x93NUMPY nothing")
    write_json(lab, [{"file": "a.npy", "label": "x"}])
    error = refusal(lab)
    assert isinstance(error, DataError)
    assert error.message.startswith("None of the 1 recordings of labels.json can be read. The first: a.npy")


def test_a_folder_that_is_not_there_and_one_without_labels_are_refused(lab):
    assert isinstance(refusal(lab / "no"), NotFound)
    write_recordings(lab, 1)
    assert isinstance(refusal(lab / "r000.hea"), NotFound)
    error = refusal(lab)
    assert "has no labels.json, labels.csv or REFERENCE.csv" in error.message
    assert "file,label,patient_id" in error.hint


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
    assert made.entries[0].metadata.keys() == {"age", "sex"}


def test_a_row_that_contradicts_the_rate_of_its_file_leaves_it_out(lab):
    write_recordings(lab, 3)
    write_csv(lab, [["file", "label", "fs"], ["r000", "x", "250"], ["r001", "y", "100"], ["r002", "x", ""]])
    made = corpus(lab)
    assert (
        note(made, "cannot be read")
        == "1 recordings cannot be read: r000.hea has a rate of 100 Hz, but its row says 250."
    )


def test_what_a_row_says_that_cannot_be_is_told(lab):
    write_recordings(lab, 2)
    write_csv(lab, [["file", "label", "fs"], ["r000", "x", "fast"], ["r001", "y", ""]])
    assert refusal(lab).message.startswith("labels.csv line 2: fs cannot be 'fast'")


def test_patients_stay_together_and_their_ids_stay_out(lab):
    write_lab(lab, 40)
    made = corpus(lab)
    splits = {}
    for entry in made.entries:
        splits.setdefault(entry.patient, set()).add(entry.split)
    assert len(splits) == 20
    assert all(len(held) == 1 for held in splits.values())
    assert {split for held in splits.values() for split in held} == {"train", "val", "test"}
    assert "P0" not in splits
    assert made.entries[0].patient == KEY.patient("id P0")


def test_splits_do_not_depend_on_the_key(lab):
    write_lab(lab, 40)
    other = Folder(lab, "lab", Key(bytes(31) + b"\1"), Choices())
    assert [entry.split for entry in other.entries] == [entry.split for entry in corpus(lab).entries]
    assert {entry.patient for entry in other.entries}.isdisjoint(entry.patient for entry in corpus(lab).entries)


def test_the_file_names_the_patient_where_the_list_does_not(lab):
    for number in range(6):
        document = {"fs": 100, "leads": LEADS, "unit": "mV", "layout": "leads,samples", "patient": f"Q{number // 3}"}
        write_npy_recording(lab, f"r{number}", number)
        (lab / f"r{number}.meta.json").write_text(json.dumps(document))
    write_json(lab, [{"file": f"r{number}", "label": number % 2} for number in range(6)])
    made = corpus(lab)
    assert len({entry.patient for entry in made.entries}) == 2
    assert not any("who it is of" in each for each in made.notes)


def test_without_patients_each_recording_is_its_own_and_that_is_said(lab):
    rows = write_lab(lab)
    write_json(lab, [{"file": row["file"], "label": row["label"]} for row in rows])
    made = corpus(lab)
    assert len({entry.patient for entry in made.entries}) == 12
    assert note(made, "who it is of").startswith("No recording says who it is of: each counts as a patient of its own.")
    write_json(lab, [{**row, "patient_id": row["patient_id"] if place else None} for place, row in enumerate(rows)])
    assert note(corpus(lab), "who it is of").startswith("1 recordings do not say who it is of")


def test_a_patient_written_in_two_ways_is_one(lab):
    rows = write_lab(lab, 6)
    rows[1]["patient_id"] = "p 0"
    write_json(lab, rows)
    made = corpus(lab)
    assert made.entries[0].patient == made.entries[1].patient
    assert note(made, "written in more ways")


def test_the_columns_own_folds_are_the_splits(lab):
    rows = write_lab(lab, 9)
    write_json(lab, [{**row, "part": place % 3 + 4} for place, row in enumerate(rows)])
    made = corpus(lab, fold_column="part")
    assert [(entry.split, entry.fold) for entry in made.entries[:3]] == [("train", 4), ("val", 5), ("test", 6)]
    assert note(made, "Folds") == "Folds of the column 'part': 6 is test, 5 val, the 1 others train."
    assert note(made, "more than one split").startswith("4 patients are in more than one split")
    assert "part" not in made.entries[0].metadata


def test_dataset_json_may_name_the_column_of_folds(lab):
    rows = write_lab(lab, 9)
    write_json(lab, [{**row, "part": place % 3} for place, row in enumerate(rows)])
    (lab / "dataset.json").write_text('{"fold_column": "part"}')
    assert corpus(lab).entries[2].split == "test"
    assert corpus(lab, division=Division.of("100,0,0")).entries[2].split == "train"


def test_a_column_may_hold_the_names_of_splits(lab):
    rows = write_lab(lab, 6)
    words = ("train", "Training", "val", "validation", "test", "TEST")
    write_json(lab, [{**row, "part": word} for row, word in zip(rows, words, strict=True)])
    splits = [entry.split for entry in corpus(lab, fold_column="part").entries]
    assert splits == ["train", "train", "val", "val", "test", "test"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2, 3, "x", 2, 3], "labels.json entry 4: part holds 'x'."),
        ([1, 2, 3, None, 2, 3], "labels.json entry 4: part holds 'None'."),
        ([1, 2, 3, 1.5, 2, 3], "labels.json entry 4: part holds '1.5'."),
        (["train", "val", "test", 1, "val", "test"], "labels.json entry 4: part holds '1'."),
        ([1, 2, 1, 2, 1, 2], "The column 'part' holds 2 folds; train, val and test need 3."),
    ],
)
def test_folds_that_cannot_be_are_told(lab, values, said):
    rows = write_lab(lab, 6)
    write_json(lab, [{**row, "part": value} for row, value in zip(rows, values, strict=True)])
    assert refusal(lab, fold_column="part").message == said


def test_a_column_that_no_row_has_is_told_with_the_nearest(lab):
    rows = write_lab(lab, 3)
    write_json(lab, [{**row, "fold": 1} for row in rows])
    assert refusal(lab, fold_column="folds").hint == "Did you mean 'fold'?"


def test_folds_of_our_own_keep_patients_together(lab):
    write_lab(lab, 40)
    made = corpus(lab, division=Division.of(folds=5))
    assert {entry.fold for entry in made.entries} == {1, 2, 3, 4, 5}
    assert {entry.split for entry in made.entries if entry.fold == 5} == {"test"}


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
    made = corpus(lab)
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
        splits.setdefault(entry.record, set()).add(entry.split)
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
    assert note(made, "all recordings have").endswith("such as III, V6; a.npy has only V1, aVF, II, I.")
    assert corpus(lab, leads=("V1",)).leads == ("V1",)


def test_leads_that_have_nothing_in_common_are_refused(lab):
    write_npy_recording(lab, "a", 0, leads=("I", "V1"))
    write_npy_recording(lab, "b", 1, leads=("V1", "V2"))
    write_npy_recording(lab, "c", 2, leads=("I", "V2"))
    write_json(lab, [{"file": name, "label": name} for name in "abc"])
    assert refusal(lab).message == "The recordings have no lead in common: c.npy has I, V2, those before it share V1."


def test_age_and_sex_are_inputs_and_numbers_are_kept(lab):
    rows = write_lab(lab, 4)
    further = [
        {"age": 63, "sex": "F", "weight": 71.5, "name": "Anna Muster", "zip": 8001},
        {"age": "300", "sex": "male", "weight": "", "name": "Bert"},
        {"age": "unknown", "sex": None, "weight": "80"},
        {"age": 20.0, "sex": 0, "id": 7},
    ]
    write_json(lab, [{**row, **more} for row, more in zip(rows, further, strict=True)])
    made = corpus(lab)
    assert made.tabular == ("age", "sex")
    np.testing.assert_array_equal(made.tabular_values, np.float32([[63, 1], [90, 0], [np.nan, np.nan], [20, 0]]))
    assert [tuple(entry.metadata.items()) for entry in made.entries[:2]] == [
        (("age", 63), ("sex", 1), ("weight", 71.5)),
        (("age", 90), ("sex", 0), ("weight", None)),
    ]
    assert note(made, "were not kept") == "3 columns were not kept: name, zip, id."
    assert note(made, "ages over 89") == "1 ages over 89 are kept as 90."


def test_age_and_sex_come_from_the_files_where_the_list_is_silent(lab):
    for number in range(3):
        write_wfdb_recording(lab, f"r{number}", number)
        with (lab / f"r{number}.hea").open("a") as file:
            file.write(f"# Age: {50 + number}\n# Sex: {'Female' if number else 'Male'}\n")
    write_json(lab, [{"file": f"r{number}", "label": number % 2} for number in range(3)])
    assert corpus(lab).tabular_values.tolist() == [[50, 0], [51, 1], [52, 1]]


@pytest.mark.parametrize(("field", "value"), [("age", "old"), ("age", -3), ("age", 200), ("sex", "2"), ("sex", "x")])
def test_an_age_or_sex_that_cannot_be_is_told(lab, field, value):
    rows = write_lab(lab, 3)
    write_json(lab, [rows[0], {**rows[1], field: value}, rows[2]])
    assert refusal(lab).message == f"labels.json entry 2: {field} holds '{value}'."


def test_an_unlisted_wfdb_record_is_one_recording_not_two_files(lab):
    write_lab(lab, 3)
    write_wfdb_recording(lab, "sub/x", 5)
    assert note(corpus(lab), "have no row") == "1 recordings have no row in labels.json and were left out: sub/x.hea."


def test_names_that_are_no_text_are_left_out_and_counted(lab):
    write_lab(lab, 3)
    for name in (b"\xff\xfe.npy", b"a\x1b[31m.npy", b"line\nbreak.npy"):
        os.link(lab / "r001.npy", os.fsencode(lab) + b"/" + name)
    assert note(corpus(lab), "names are no text") == "3 files were left out: their names are no text."


def test_formulas_in_names_are_inert_and_still_read(lab):
    for number, name in enumerate(("=1+1", "-x", "b")):
        write_npy_recording(lab, name, number)
    write_json(lab, [{"file": name, "label": "xy"[place % 2]} for place, name in enumerate(("=1+1", "-x", "b"))])
    made = corpus(lab)
    assert [entry.id for entry in made.entries] == ["'=1+1", "'-x", "b"]
    assert [entry.record for entry in made.entries] == ["./=1+1.npy", "./-x.npy", "b.npy"]
    np.testing.assert_allclose(made.read(made.entries[1]).signal, millivolts(1), atol=1e-6)


def test_no_message_of_reading_says_where_the_folder_lies(lab):
    write_lab(lab, 3)
    made = corpus(lab)
    (lab / "r001.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(FormatError) as caught:
        made.read(made.entries[1])
    assert str(lab) not in caught.value.message
    assert "r001.npy" in caught.value.message


def test_an_unknown_entry_leads_nowhere(lab):
    write_lab(lab, 3)
    made = corpus(lab)
    with pytest.raises(FormatError):
        made.read(replace(made.entries[0], record="../secret.npy"))


def test_dataset_json_that_is_none_is_refused(lab):
    write_lab(lab, 3)
    for text in ("[]", '{"fold_column": 7}', "{"):
        (lab / "dataset.json").write_text(text)
        assert "dataset.json" in refusal(lab).message


def test_codes_that_may_be_grouped_are_told(lab):
    rows = write_lab(lab, 4, labels=("NORM", "LVH"))
    (lab / "dataset.json").write_text('{"label_system": "SCP"}')
    made = corpus(lab)
    assert note(made, "SCP codes")
    assert made.tasks[0].voltage_labels == ("LVH",)
    assert len(rows) == len(made.entries)


HOSTILE = (
    *(None, "", " ", "x", "=1+1", "../x", "\x1b[2J", "a\0b", "\ud800", "NaN", "1e999", "-1", "100", "I,II", "9" * 5000),
    *(True, -1, 0, 1.5, 1e308, float("nan"), float("inf"), 10**400, [], [[]], ["x", None], {}, {"a": [1]}, "r001.npy"),
)


def test_whatever_a_list_holds_it_is_a_corpus_or_one_line(lab):
    rows = write_lab(lab, 4, seconds=1.0)
    fields = ("file", "filename", "label", "patient_id", "start_s", "end_s", "fs", "leads", "unit", "layout", "gain",
              "baseline", "calibrated", "age", "sex", "weight", "fold", "\x07", "id")  # fmt: skip
    rng = np.random.default_rng(7)
    outcomes = set()
    for _turn in range(300):
        changed = [dict(row) for row in rows]
        for _change in range(rng.integers(1, 4)):
            row = changed[rng.integers(len(changed))]
            row[fields[rng.integers(len(fields))]] = HOSTILE[rng.integers(len(HOSTILE))]
        (lab / "labels.json").write_text(json.dumps(changed))
        try:
            made = corpus(lab)
        except EcgError as error:
            outcomes.add(type(error))
            continue
        outcomes.add(Folder)
        for entry in made.entries:
            assert f"{entry.id}{entry.patient}{entry.record}{''.join(entry.metadata)}".isprintable()
            assert np.isfinite(made.read(entry).signal).any()
        assert made.tabular_values.shape == (len(made.entries), len(made.tabular))
    assert {Folder, FormatError} <= outcomes


def test_a_folder_that_cannot_be_listed_is_told(lab, monkeypatch):
    write_lab(lab, 3)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(EcgError, match="Permission denied"):
        corpus(lab)


def test_a_disk_that_fails_under_the_survey_stops_it(lab, monkeypatch):
    write_lab(lab, 3)
    real = os.open

    def failing(path, *arguments, **more):
        if str(path).endswith("r002.csv"):
            raise OSError(5, "Input/output error", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", failing)
    error = refusal(lab)
    assert not isinstance(error, FormatError | NotFound | DataError | ConfigError)
    assert "Input/output error" in error.message
