"""Label maps, and the SCP codes that PTB-XL groups into superclasses."""

import json

import pytest

from ecgtool.datasets.cells import Places
from ecgtool.datasets.label_map import read_label_map
from ecgtool.datasets.labels import make_task
from ecgtool.datasets.ptbxl_labels import SUPERCLASSES, read_statements
from ecgtool.datasets.scp_codes import NOT_DIAGNOSTIC, SUPERCLASS_OF
from ecgtool.errors import DataError, EcgError, FormatError, NotFound


def task_of(rows, mapping=None, system=""):
    return make_task("label", rows, Places("a.csv", range(1, len(rows) + 1)), mapping, system)


ROWS = [("AFIB", "LVH"), ("AFLT",), ("noise",), ("afib",), ("other",)]


def test_several_labels_become_one_and_an_empty_name_leaves_out(tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"AFIB": "AF", "AFLT": "AF", "noise": "", "VT": "VT"}))
    made, notes = read_label_map(str(tmp_path / "map.json")).apply(ROWS)
    assert made == [("AF", "LVH"), ("AF",), (), ("AF",), ("other",)]
    assert notes == [
        "Labels that the map leaves out: noise (1).",
        "Labels that the map does not name stay as they are: LVH (1), other (1).",
        "The map names labels that no recording has: VT.",
    ]


def test_a_map_may_be_a_table(tmp_path):
    (tmp_path / "map.csv").write_text("from,to\nAFIB,AF\nnoise,\n")
    assert dict(read_label_map(str(tmp_path / "map.csv")).to) == {"AFIB": "AF", "noise": ""}


def test_a_map_may_keep_apart_what_differs_in_case(tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"A": "atrial", "a": "aberrated"}))
    assert read_label_map(str(tmp_path / "map.json")).apply([("A",), ("a",)])[0] == [("atrial",), ("aberrated",)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.json", "[]"),
        ("map.json", "{}"),
        ("map.json", '{"a": ["b"]}'),
        ("map.json", '{"a": true}'),
        ("map.json", '{"a": "\\u001b"}'),
        ("map.csv", "from,to\na,b\na,c\n"),
        ("map.csv", "from,to\n,c\n"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=name):
        read_label_map(str(tmp_path / name))


def test_a_map_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(NotFound) as caught:
        read_label_map("scp-superdiagnostics")
    assert caught.value.hint == "Did you mean 'scp-superdiagnostic'?"


def test_scp_codes_become_superclasses_and_other_labels_are_told():
    mapping = read_label_map("scp-superdiagnostic")
    task, targets, notes = task_of([("NORM", "SR"), ("IMI", "LVH"), ("SR",), ("FOO",)], mapping)
    assert (task.kind, task.labels) == ("multilabel", ("CD", "HYP", "MI", "NORM", "STTC"))
    assert task.voltage_labels == ("HYP", "MI", "STTC")
    assert targets.tolist() == [[0, 0, 0, 1, 0], [0, 1, 1, 0, 0], [255] * 5, [255] * 5]
    assert notes[:2] == [
        "Labels that the map leaves out: SR (2).",
        "Labels that the map does not name are left out: FOO (1).",
    ]


def test_the_superclasses_are_those_of_ptbxl(recordings):
    statements = read_statements(recordings("ptbxl") / "scp_statements.csv")
    assert set(SUPERCLASS_OF.values()) == set(SUPERCLASSES)
    assert dict(SUPERCLASS_OF) == {code: each.superclass for code, each in statements.items() if each.diagnostic}
    assert {code for code, each in statements.items() if not each.diagnostic} == NOT_DIAGNOSTIC


def test_one_label_each_makes_a_task_of_classes():
    task, targets, notes = task_of([("b",), ("a",), None, ("b",)])
    assert (task.kind, task.labels, task.metric) == ("multiclass", ("a", "b"), "macro_auroc")
    assert task_of([("b",), ("a",), ("c",)])[0].metric == "macro_f1"
    assert targets.tolist() == [1, 0, -1, 1]
    assert notes[0] == "1 rows have no label; they are kept without one: line 3."


def test_several_labels_make_a_task_of_labels():
    task, targets, _notes = task_of([("b", "a"), ("a",), None, ()])
    assert (task.kind, task.labels) == ("multilabel", ("a", "b"))
    assert targets.tolist() == [[1, 1], [1, 0], [255, 255], [0, 0]]


def test_a_row_of_which_no_label_holds_makes_a_task_of_labels():
    task, targets, _notes = task_of([("a",), ("b",), ()])
    assert (task.kind, targets.tolist()) == ("multilabel", [[1, 0], [0, 1], [0, 0]])


def test_numbers_are_labels_in_their_order():
    assert task_of([("10",), ("9",), ("x",)])[0].labels == ("9", "10", "x")


def test_labels_that_differ_in_case_or_spaces_are_one_and_told():
    task, targets, notes = task_of([("AF",), ("af",), ("AF",), ("no rmal",), ("normal",)])
    assert task.labels == ("no rmal", "AF")
    assert targets.tolist() == [1, 1, 1, 0, 0]
    assert notes[0] == (
        "Labels written in more than one way (case or spaces) were taken as one: 'af' as 'AF', 'normal' as 'no rmal' "
        "(lines 2, 5)."
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([None, None], "None of the 2 rows has a label"),
        ([("a",), ("a",)], "the one label 'a'"),
        ([(f"{number} mV",) for number in range(300)], "300 different labels, 256 at most"),
    ],
)
def test_labels_that_nothing_can_learn_are_refused(rows, said):
    with pytest.raises(DataError, match=said):
        task_of(rows)


def test_scp_codes_say_which_of_them_rest_on_voltages_and_rates():
    task, _targets, _notes = task_of([("LVH", "SBRAD"), ("AFIB",), ("STD_",)], system="scp")
    assert task.voltage_labels == ("LVH", "STD_")
    assert task.timed_labels == ("SBRAD",)
    assert task_of([("LVH",), ("AFIB",)])[0].voltage_labels == ()


def test_hostile_maps_raise_one_error(tmp_path):
    path = tmp_path / "map.json"
    for text in ('{"a": 1e999}', '{"a": ' + "[" * 50_000, "\x00", '{"' + "a" * 300 + '": "b"}'):
        path.write_text(text)
        with pytest.raises(EcgError):
            read_label_map(str(path))
