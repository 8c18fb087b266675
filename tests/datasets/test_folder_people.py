"""Whose recordings are in a folder: patients, splits, age and sex."""

import json

import numpy as np
import pytest
from own_recordings import (
    KEY,
    LEADS,
    corpus,
    note,
    refusal,
    write_json,
    write_lab,
    write_npy_recording,
    write_wfdb_recording,
)

from ecgtool.datasets.splits import Division
from ecgtool.deidentify.key import Key


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    return folder


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
    other = corpus(lab, Key(bytes(31) + b"\1"))
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
    assert note(made, "written in more than one way").endswith("entry 2.")


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
    assert made.tabular == ("age", "sex", "weight")
    nan = np.nan
    np.testing.assert_array_equal(
        made.tabular_values, np.float32([[63, 1, 71.5], [90, 0, nan], [nan, nan, 80], [20, 0, nan]])
    )
    assert [tuple(entry.metadata.items()) for entry in made.entries[:2]] == [
        (("age", 63), ("sex", 1), ("weight", 71.5)),
        (("age", 90), ("sex", 0), ("weight", None)),
    ]
    for name in ("name", "zip", "id"):
        assert note(made, f"Column '{name}' is no input").rstrip(".").endswith(("it is empty", "takes it all the same"))
    assert note(made, "ages over 89").startswith("1 ages over 89 are kept as 90")
    assert corpus(lab, inputs=("sex", "weight")).tabular == ("sex", "weight")


def test_texts_of_a_few_kinds_become_inputs_and_lists_do_not(lab):
    rows = write_lab(lab, 8)
    write_json(lab, [{**row, "device": "AB"[place % 2], "history": [place], "fold": place % 3, "split": "train"}
                     for place, row in enumerate(rows)])  # fmt: skip
    made = corpus(lab)
    assert made.tabular == ("device=A", "device=B")
    assert made.entries[1].metadata == {"device": "B"}
    assert "holds lists" in note(made, "'history'")
    assert "divides the recordings" in note(made, "'fold'")
    assert corpus(lab, inputs=()).tabular == ()


def test_a_name_inside_the_file_that_is_nobodys_does_not_make_all_recordings_one_persons(lab):
    for number, who in enumerate(("Anonymous", "ANONYMOUS", "0000", "X-X", "unknown", "4711")):
        document = {"fs": 100, "leads": LEADS, "unit": "mV", "layout": "leads,samples", "patient": who}
        write_npy_recording(lab, f"r{number}", number)
        (lab / f"r{number}.meta.json").write_text(json.dumps(document))
    write_json(lab, [{"file": f"r{number}", "label": number % 2} for number in range(6)])
    made = corpus(lab)
    assert len({entry.patient for entry in made.entries}) == 6
    assert note(made, "who it is of").startswith("5 recordings do not say who it is of")


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
