"""Lists of labels: three kinds of file, one meaning, and a line with file, row and field for what is wrong."""

import json

import pytest
from own_recordings import write_csv, write_json

from ecgtool.datasets.folder_labels import find_labels, read_labels
from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound


def rows_of(path):
    return [(row.file, row.labels, row.patient) for row in read_labels(path)]


def refusal(path):
    with pytest.raises(EcgError) as caught:
        read_labels(path)
    assert "\n" not in caught.value.message
    return caught.value.message


WANTED = [("a.edf", ("AF", "LVH"), "P1"), ("b", ("NORM",), "P2"), ("c.npy", None, "3")]


def test_a_list_of_objects(tmp_path):
    rows = [
        {"file": "a.edf", "label": ["AF", "LVH", "AF"], "patient_id": "P1"},
        {"filename": "b", "label": " NORM ", "patient_id": "P2"},
        {"file": "c.npy", "label": None, "patient_id": 3.0},
    ]
    write_json(tmp_path, rows)
    assert rows_of(tmp_path / "labels.json") == WANTED


@pytest.mark.parametrize(("delimiter", "parting"), [(",", ";"), (",", "|"), (";", "|"), ("\t", ";")])
def test_a_table_whatever_parts_its_cells(tmp_path, delimiter, parting):
    rows = [
        ["file", "label", "patient_id"],
        ["a.edf", f"AF {parting} LVH", "P1"],
        ["b", "NORM", "P2"],
        [],
        ["c.npy", "", "3"],
    ]
    write_csv(tmp_path, rows, delimiter=delimiter)
    assert rows_of(tmp_path / "labels.csv") == WANTED


def test_a_mark_alone_says_that_no_label_holds_and_an_empty_cell_says_nothing(tmp_path):
    write_csv(tmp_path, [["file", "label"], ["a", ";"], ["b", ""], ["c", "AF;"], ["d", "1.0|02"]])
    assert [row.labels for row in read_labels(tmp_path / "labels.csv")] == [(), None, ("AF",), ("1", "02")]


def test_a_table_as_spreadsheets_save_it(tmp_path):
    (tmp_path / "labels.csv").write_bytes("\ufeffFilename;Label;\r\nä.edf;AF;\r\n".encode())
    assert rows_of(tmp_path / "labels.csv") == [("ä.edf", ("AF",), "")]


@pytest.mark.parametrize("head", [[], [["Recording", "First_label", "Second_label"]]])
def test_a_reference_of_physionet_with_and_without_a_head(tmp_path, head):
    write_csv(tmp_path, [*head, ["A0001", "5", "8"], ["A0002", "N", ""]], name="REFERENCE.csv")
    assert rows_of(tmp_path / "REFERENCE.csv") == [("A0001", ("5", "8"), ""), ("A0002", ("N",), "")]


def test_labels_may_be_numbers(tmp_path):
    write_json(tmp_path, [{"file": "a", "label": 1}, {"file": "b", "label": [2.0, "3"]}])
    assert [row.labels for row in read_labels(tmp_path / "labels.json")] == [("1",), ("2", "3")]


def test_further_fields_are_kept_as_they_are(tmp_path):
    write_json(tmp_path, [{"file": "a", "label": "x", "fs": 250, "age": None}])
    assert dict(read_labels(tmp_path / "labels.json")[0].cells) == {"fs": 250, "age": None}


def test_a_part_of_a_recording(tmp_path):
    write_csv(tmp_path, [["file", "label", "start_s", "end_s"], ["a", "x", "1.5", "4"], ["a", "y", "4", ""]])
    first, second = read_labels(tmp_path / "labels.csv")
    assert (first.start_s, first.end_s, first.part) == (1.5, 4.0, True)
    assert (second.start_s, second.end_s, second.part) == (4.0, None, True)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"label": "x"}, "labels.json entry 2 names no 'file'."),
        ({"file": "", "label": "x"}, "labels.json entry 2 names no 'file'."),
        ({"file": "b", "label": {"x": 1}}, "labels.json entry 2: label holds \"{'x': 1}\"."),
        ({"file": "b", "label": ["x", ["y"]]}, "labels.json entry 2: label holds \"['y']\"."),
        ({"file": "b", "label": "x\x1b[31m"}, "labels.json entry 2: label holds 'x\\x1b[31m'."),
        ({"file": "b", "label": "x" * 201}, f"labels.json entry 2: label holds '{'x' * 60}'."),
        ({"file": "b", "label": "x", "patient_id": ["P"]}, "labels.json entry 2: patient_id holds \"['P']\"."),
        ({"file": "b", "label": "x", "start_s": "soon"}, "labels.json entry 2: start_s holds 'soon'."),
        ({"file": "b", "label": "x", "start_s": -1}, "labels.json entry 2: start_s holds '-1'."),
        ({"file": "b", "label": "x", "end_s": True}, "labels.json entry 2: end_s holds 'True'."),
        ({"file": "b", "label": "x", "end_s": 10**400}, f"labels.json entry 2: end_s holds '1{'0' * 59}'."),
        ({"file": "b", "label": "x", "start_s": 5, "end_s": 5}, "labels.json entry 2: end_s 5 does not lie after "
         "start_s 5."),
        ("b", "labels.json entry 2 is not an object with 'file' and 'label'."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_row_and_field(tmp_path, row, said):
    write_json(tmp_path, [{"file": "a", "label": "x"}, row])
    assert refusal(tmp_path / "labels.json") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "is not a list of recordings."),
        ("[]", "lists no recordings."),
        ('[{"file": "a", "lable": "x"}]', "has no 'label' in any row."),
        ("[{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_document_that_is_no_list_is_refused(tmp_path, text, said):
    (tmp_path / "labels.json").write_text(text)
    assert said in refusal(tmp_path / "labels.json")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["name", "label"], ["a", "x"]], "has no column 'file' or 'filename'."),
        ([["file", "lable"], ["a", "x"]], "has no 'label' in any row."),
        ([["file", "label"], ["a", "x", "y"]], "labels.csv line 2 has 3 cells, the head has 2."),
        ([["file", "label", "label"], ["a", "x", "y"]], "has the column 'label' more than once."),
        ([["file", "label"]], "lists no recordings."),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, rows, said):
    write_csv(tmp_path, rows)
    assert said in refusal(tmp_path / "labels.csv")


def test_a_table_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"file,label\na,\xff\xfe\n")
    assert "is not a CSV table" in refusal(tmp_path / "labels.csv")


@pytest.mark.parametrize("name", ["labels.json", "labels.csv", "REFERENCE.csv"])
def test_a_list_of_gigabytes_is_refused_before_it_is_read(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(5 * 2**30)
    assert "too large" in refusal(tmp_path / name)


def test_a_near_miss_is_told(tmp_path):
    write_json(tmp_path, [{"file": "a", "lable": "x"}])
    with pytest.raises(NotFound) as caught:
        read_labels(tmp_path / "labels.json")
    assert caught.value.hint == "Did you mean 'lable'?"


def test_which_list_counts(tmp_path):
    with pytest.raises(NotFound, match=r"has no labels.json, labels.csv or REFERENCE.csv"):
        find_labels(tmp_path)
    write_csv(tmp_path, [["a", "x"]], name="REFERENCE.csv")
    assert find_labels(tmp_path) == (tmp_path / "REFERENCE.csv", [])
    write_json(tmp_path, [])
    path, notes = find_labels(tmp_path)
    assert path.name == "labels.json"
    assert notes == ["Labels are read from labels.json; REFERENCE.csv is not read."]
    write_csv(tmp_path, [])
    with pytest.raises(ConfigError, match=r"both labels\.json and labels\.csv"):
        find_labels(tmp_path)


def test_any_byte_changed_gives_rows_or_one_line(tmp_path):
    rows = [{"file": "a", "label": ["x", "y"], "patient_id": 7, "start_s": 0.5, "end_s": 3, "age": 60}] * 3
    table = "file,label,patient_id,start_s\na,x;y,7,0.5\nb,z,8,\n"
    for name, text in (("labels.json", json.dumps(rows)), ("labels.csv", table), ("REFERENCE.csv", "a,x\nb,y\n")):
        path = tmp_path / name
        for place in range(0, len(text), 2):
            for byte in (b"\0", b'"', b"\n", b"\xff", b"9", b"]"):
                path.write_bytes(text[:place].encode() + byte + text[place + 1 :].encode())
                try:
                    read = read_labels(path)
                except (FormatError, NotFound):
                    continue
                assert all(row.file.isprintable() and "".join(row.labels or ()).isprintable() for row in read)
