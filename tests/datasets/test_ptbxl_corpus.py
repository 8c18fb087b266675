"""PTB-XL in miniature: label sets, likelihoods, folds, lists, ages, and what is wrong with a table in one line."""

import csv
import json

import numpy as np
import pytest
from corpora import PTBXL_CODES, STATEMENTS, contents, ptbxl_rows, write_ptbxl, write_table

from ecgtool.datasets.ptbxl import PTBXL
from ecgtool.datasets.ptbxl_labels import TASKS, make_task, parse_codes, read_statements
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound
from ecgtool.store import Store
from ecgtool.task import NOT_LABELLED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables and recordings at both rates; not to be changed."""
    return write_ptbxl(tmp_path_factory.mktemp("ptbxl"))


@pytest.fixture
def tables(tmp_path):
    """Write tables without recordings, one column of some rows changed: ``tables(age={0: "old"})``."""

    def write(**changes):
        rows = ptbxl_rows()
        for column, cells in changes.items():
            for row, cell in cells.items():
                rows[row][column] = cell
        (tmp_path / "tables" / "records100").mkdir(parents=True, exist_ok=True)
        return write_ptbxl(tmp_path / "tables", rows, signals=False)

    return write


def labels_of(corpus, row, task):
    """The labels of a row of the corpus; None where it is left out."""
    marks = corpus.targets[task.name][row]
    return None if marks[0] == NOT_LABELLED else {label for label, mark in zip(task.labels, marks, strict=True) if mark}


def test_superclasses_come_in_their_usual_order(folder):
    [task] = PTBXL(folder).tasks
    assert task.labels == ("CD", "HYP", "MI", "NORM", "STTC")
    assert task.kind == "multilabel"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("superdiagnostic", [{"NORM"}, {"NORM"}, {"MI"}, {"HYP", "STTC"}, {"CD", "HYP"}, None, None, {"STTC"}]),
        (
            "subdiagnostic",
            [{"NORM"}, {"NORM"}, {"IMI", "AMI"}, {"LVH", "STTC"}, {"CLBBB", "LVH"}, None, None, {"STTC"}],
        ),
        ("diagnostic", [{"NORM"}, {"NORM"}, {"IMI", "ASMI"}, {"LVH", "NDT"}, {"CLBBB", "LVH"}, None, None, {"NDT"}]),
        ("form", [None, {"LVOLT"}, None, {"NDT"}, None, None, None, {"NDT"}]),
        ("rhythm", [{"SR"}, {"SR"}, {"SR"}, {"AFIB"}, None, {"SR"}, None, None]),
        ("all", [set(codes) - {"UNHEARD"} or None for codes in PTBXL_CODES]),
        (
            "hierarchical",
            [
                {"NORM", "NORM.NORM", "NORM.NORM.NORM"},
                {"NORM", "NORM.NORM", "NORM.NORM.NORM"},
                {"MI", "MI.IMI", "MI.IMI.IMI", "MI.AMI", "MI.AMI.ASMI"},
                {"HYP", "HYP.LVH", "HYP.LVH.LVH", "STTC", "STTC.STTC", "STTC.STTC.NDT"},
                {"CD", "CD.CLBBB", "CD.CLBBB.CLBBB", "HYP", "HYP.LVH", "HYP.LVH.LVH"},
                None,
                None,
                {"STTC", "STTC.STTC", "STTC.STTC.NDT"},
            ],
        ),
    ],
)
def test_each_label_set_takes_its_own_statements(folder, name, expected):
    corpus = PTBXL(folder, [name])
    [task] = corpus.tasks
    assert [labels_of(corpus, row, task) for row in range(8)] == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("any", [{"NORM"}, {"NORM"}, {"MI"}, {"HYP", "STTC"}, {"CD", "HYP"}, None, None, {"STTC"}]),
        ("gt0", [{"NORM"}, {"NORM"}, {"MI"}, {"STTC"}, {"CD", "HYP"}, None, None, {"STTC"}]),
        ("eq100", [{"NORM"}, None, {"MI"}, None, {"CD", "HYP"}, None, None, {"STTC"}]),
    ],
)
def test_the_likelihood_rule_says_which_statements_count(folder, rule, expected):
    corpus = PTBXL(folder, likelihood=rule)
    assert [labels_of(corpus, row, corpus.tasks[0]) for row in range(8)] == expected


def test_rhythm_statements_carry_no_likelihood_and_count_only_under_any(folder):
    assert (PTBXL(folder, ["rhythm"], likelihood="gt0").targets["rhythm"] == NOT_LABELLED).all()


@pytest.mark.parametrize(
    ("name", "number"),
    [("superdiagnostic", 5), ("subdiagnostic", 23), ("diagnostic", 44), ("form", 19), ("rhythm", 12), ("all", 71)],
)
def test_the_statements_of_the_release_give_so_many_labels(recordings, name, number):
    assert len(make_task(name, read_statements(recordings("ptbxl") / "scp_statements.csv")).labels) == number


def test_the_hierarchy_of_the_release_has_three_levels_each_below_its_parent(recordings):
    with (recordings("ptbxl") / "scp_statements.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["diagnostic"] == "1.0"]
    task = make_task("hierarchical", read_statements(recordings("ptbxl") / "scp_statements.csv"))
    assert task.kind == "hierarchical"
    leaves = {f"{row['diagnostic_class']}.{row['diagnostic_subclass']}.{row['']}" for row in rows}
    assert {label for label in task.labels if label.count(".") == 2} == leaves
    assert len([label for label in task.labels if label.count(".") == 1]) == 23
    assert [label for label in task.labels if "." not in label] == ["CD", "HYP", "MI", "NORM", "STTC"]
    assert set(task.labels) - set(task.parents) == {"CD", "HYP", "MI", "NORM", "STTC"}
    for label, parent in task.parents.items():
        assert label.startswith(f"{parent}.")
        assert parent in task.labels


def test_whoever_carries_a_label_carries_its_parent(folder):
    corpus = PTBXL(folder, ["hierarchical"])
    [task] = corpus.tasks
    column = {label: corpus.targets["hierarchical"][:, index] for index, label in enumerate(task.labels)}
    for label, parent in task.parents.items():
        assert (column[parent] >= column[label]).all()


def test_folds_are_the_published_ones(folder):
    for entry, row in zip(PTBXL(folder).entries, ptbxl_rows(), strict=True):
        assert entry.fold == int(row["strat_fold"])
        assert entry.split == {9: "val", 10: "test"}.get(entry.fold, "train")
        assert (entry.id, entry.patient, entry.record) == (row["ecg_id"], row["patient_id"][:-2], row["filename_lr"])


def test_age_and_sex_are_tabular_and_nobody_is_300(folder):
    corpus = PTBXL(folder)
    assert corpus.tabular == ("age", "sex")
    np.testing.assert_array_equal(corpus.tabular_values[:6, 0], [30, 31, 32, 90, np.nan, 35])
    np.testing.assert_array_equal(corpus.tabular_values[:4, 1], [0, 1, 0, 1])
    assert [entry.metadata["age_over_89"] for entry in corpus.entries[:5]] == [0, 0, 0, 1, 0]


def test_an_unknown_sex_is_unknown(tables):
    assert np.isnan(PTBXL(tables(sex={1: ""})).tabular_values[1, 1])


@pytest.mark.parametrize(("fs", "suffix"), [(100, "_lr"), (500, "_hr")])
def test_recordings_of_the_chosen_rate_are_read(folder, fs, suffix):
    corpus = PTBXL(folder, source_fs=fs)
    assert (corpus.fs, corpus.samples) == (fs, 10 * fs)
    record = corpus.read(corpus.entries[2])
    assert record.fs == fs
    assert record.leads == corpus.leads
    counts = np.random.default_rng(3).integers(-900, 900, (12, 10 * fs))
    np.testing.assert_allclose(record.signal, counts / 1000, atol=1e-6)
    assert corpus.entries[2].record.endswith(suffix)


def test_codes_that_the_table_does_not_know_are_told(folder):
    assert any("UNHEARD" in note for note in PTBXL(folder).notes)


def test_a_part_of_the_release_is_said_to_be_one(folder):
    assert "20 records" in PTBXL(folder).notes[0]
    assert "21,799" in PTBXL(folder).notes[0]


@pytest.mark.parametrize(
    ("column", "cells", "kind"),
    [
        ("scp_codes", {6: "{'NORM': }"}, FormatError),
        ("scp_codes", {6: "['NORM']"}, FormatError),
        ("scp_codes", {6: "{'NORM': 'sure'}"}, FormatError),
        ("scp_codes", {6: "{1: 100.0}"}, FormatError),
        ("scp_codes", {6: "__import__('os').system('touch hit')"}, FormatError),
        ("scp_codes", {6: "(" * 5000}, FormatError),
        ("ecg_id", {6: "6"}, FormatError),
        ("ecg_id", {6: ""}, FormatError),
        ("patient_id", {6: "abc"}, FormatError),
        ("patient_id", {6: "12.5"}, FormatError),
        ("age", {6: "old"}, FormatError),
        ("sex", {6: "2"}, FormatError),
        ("strat_fold", {6: "11"}, FormatError),
        ("strat_fold", {6: "inf"}, FormatError),
    ],
)
def test_a_wrong_cell_is_one_line_that_names_file_row_and_column(tables, tmp_path, column, cells, kind):
    with pytest.raises(kind) as wrong:
        PTBXL(tables(**{column: cells}))
    assert "ptbxl_database.csv line 8" in wrong.value.message
    assert column in wrong.value.message
    assert len(wrong.value.message) < 300 + len(str(tmp_path))
    assert not (tmp_path / "hit").exists()


@pytest.mark.parametrize("column", ["ecg_id", "patient_id", "scp_codes", "strat_fold", "filename_lr"])
def test_a_missing_column_is_named_with_its_file(tables, column):
    folder = tables()
    rows = [{name: cell for name, cell in row.items() if name != column} for row in ptbxl_rows()]
    write_table(folder / "ptbxl_database.csv", rows)
    with pytest.raises(NotFound, match=rf"ptbxl_database\.csv has no column '{column}'"):
        PTBXL(folder)


def test_a_diagnosis_without_a_class_is_named(tables):
    folder = tables()
    text = (folder / "scp_statements.csv").read_text()
    (folder / "scp_statements.csv").write_text(text.replace(",MI,IMI", ",,IMI"))
    with pytest.raises(FormatError, match=r"scp_statements\.csv line 3.*IMI"):
        PTBXL(folder)


def test_folders_that_are_not_there_are_named_with_a_hint(tables, tmp_path):
    with pytest.raises(NotFound, match="nowhere does not exist"):
        PTBXL(tmp_path / "nowhere")
    folder = tables()
    with pytest.raises(NotFound, match="is not a folder"):
        PTBXL(folder / "ptbxl_database.csv")
    with pytest.raises(NotFound, match=r"has no ptbxl_database\.csv") as inside:
        PTBXL(folder.parent)
    assert str(folder) in inside.value.hint
    with pytest.raises(NotFound, match="has no records500") as rate:
        PTBXL(folder, source_fs=500)
    assert "--source-fs 100" in rate.value.hint
    (folder / "scp_statements.csv").unlink()
    with pytest.raises(NotFound, match=r"scp_statements\.csv"):
        PTBXL(folder)


@pytest.mark.parametrize("content", [b"", b"ecg_id\n", b"\xff\xfe\x00", b'"open', b"\x00" * 50, b"a,b\n1\n"])
def test_a_table_that_is_none_is_one_error(tables, content):
    folder = tables()
    for name in ("ptbxl_database.csv", "scp_statements.csv"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(EcgError, match=name):
            PTBXL(folder)
        (folder / name).write_bytes(kept)


def test_a_table_with_short_rows_is_one_error(tables):
    path = tables() / "ptbxl_database.csv"
    path.write_text("\n".join([*path.read_text().splitlines()[:4], "5,6,7"]) + "\n")
    with pytest.raises(FormatError, match="line 5 has 3 cells"):
        PTBXL(path.parent)


@pytest.mark.parametrize("record", ["/etc/hostname", "../outside/00001_lr", "records100/../../outside/00001_lr"])
def test_a_recording_outside_the_folder_is_not_read(folder, tables, tmp_path, record):
    write_ptbxl(tmp_path / "outside", ptbxl_rows(1), rates=(100,))
    corpus = PTBXL(tables())
    entry = corpus.entries[0]
    with pytest.raises(FormatError):
        corpus.read(type(entry)(entry.id, entry.patient, record, entry.split))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"tasks": ("superdiagnostics",)}, "superdiagnostic"),
        ({"source_fs": 250}, "500"),
        ({"likelihood": "gt"}, "gt0"),
        ({"likelihood": "eq"}, "eq100"),
        ({"division": Division(), "manifests": "lists"}, "--splits"),
    ],
)
def test_an_option_that_cannot_be_says_what_can(folder, options, word):
    with pytest.raises(ConfigError) as refused:
        PTBXL(folder, **options)
    assert word in refused.value.hint


def write_lists(folder, lists, suffix=".csv"):
    folder.mkdir(exist_ok=True)
    for split, ids in lists.items():
        head = ["ecg_id"] if suffix == ".csv" else []
        (folder / f"{split}{suffix}").write_text("\n".join([*head, *map(str, ids)]) + "\n")
    return folder


@pytest.mark.parametrize("suffix", [".csv", ".txt"])
def test_lists_are_splits_and_leave_out_what_they_do_not_name(folder, tmp_path, suffix):
    lists = write_lists(tmp_path / "lists", {"train": [5, 6, 1, 2], "val": [3], "test": [9]}, suffix)
    corpus = PTBXL(folder, ["superdiagnostic", "rhythm"], manifests=lists)
    assert [(entry.id, entry.split) for entry in corpus.entries] == [
        ("1", "train"),
        ("2", "train"),
        ("3", "val"),
        ("5", "train"),
        ("6", "train"),
        ("9", "test"),
    ]
    everyone = PTBXL(folder, ["superdiagnostic", "rhythm"])
    for task in ("superdiagnostic", "rhythm"):
        np.testing.assert_array_equal(corpus.targets[task], everyone.targets[task][[0, 1, 2, 4, 5, 8]])
    np.testing.assert_array_equal(corpus.tabular_values, everyone.tabular_values[[0, 1, 2, 4, 5, 8]])
    assert any("14 records are in none of the lists" in note for note in corpus.notes)
    assert f"manifests/train{suffix}" in corpus.sources


def test_lists_that_share_a_patient_or_name_strangers_are_told(folder, tmp_path):
    lists = write_lists(tmp_path / "lists", {"train": [1, 999], "val": [2], "test": [9]})
    notes = " ".join(PTBXL(folder, manifests=lists).notes)
    assert "1 patients are in more than one list" in notes
    assert "1 listed records are not in the table: 999" in notes


@pytest.mark.parametrize(
    ("lists", "word"),
    [
        ({"train": [1], "val": [1], "test": [9]}, "Record 1 is in the lists train and val"),
        ({"train": [101], "val": [102], "test": [103]}, "name none of the 20 records"),
        ({"train": [1], "val": [2]}, r"has no test\.csv or test\.txt"),
        ({"train": ["x"], "val": [2], "test": [3]}, r"train\.csv line 2.*'x'"),
    ],
)
def test_lists_that_cannot_be_are_one_error(folder, tmp_path, lists, word):
    with pytest.raises(EcgError, match=word):
        PTBXL(folder, manifests=write_lists(tmp_path / "lists", lists))


def test_two_lists_for_one_split_are_refused(folder, tmp_path):
    for suffix in (".csv", ".txt"):
        write_lists(tmp_path / "lists", {"train": [1], "val": [3], "test": [9]}, suffix)
    with pytest.raises(ConfigError, match="both"):
        PTBXL(folder, manifests=tmp_path / "lists")


@pytest.mark.parametrize("division", [Division.of("60,20,20"), Division.of(folds=4), Division.of("50,25,25", seed=3)])
def test_another_division_keeps_patients_together(folder, division):
    corpus = PTBXL(folder, division=division)
    held = {}
    for entry in corpus.entries:
        held.setdefault(entry.patient, set()).add((entry.split, entry.fold))
    assert {len(places) for places in held.values()} == {1}
    assert {entry.split for entry in corpus.entries} == {"train", "val", "test"}


def test_codes_are_read_and_never_run():
    assert dict(parse_codes("{'NORM': 100.0, 'SR': 0}")) == {"NORM": 100.0, "SR": 0.0}
    assert dict(parse_codes("{}")) == {}
    for text in ("print(1)", "{'a': print(1)}", "", "1", "{'a': [1]}", "{'a': nan}"):
        with pytest.raises(ValueError, match=r"code|malformed|convert|likelihood"):
            parse_codes(text)


def test_from_the_command_line_to_a_store(ecg, folder, home):
    made = ecg("prepare", "ptbxl", folder, "--task", "superdiagnostic,rhythm", "--highpass", 0, "--json")
    assert made.code == 0, made.err
    assert made.json["store"] == "ptbxl"
    assert made.json["splits"] == {"train": 16, "val": 2, "test": 2}
    assert made.json["tasks"]["rhythm"]["AFIB"] == {"train": 2, "val": 0, "test": 1}
    store = Store.open("ptbxl")
    assert store.signals.shape == (20, 12, 1000)
    counts = np.random.default_rng(8).integers(-900, 900, (12, 1000))
    assert np.abs(store.signals[7] - (counts - np.median(counts, axis=1, keepdims=True))).max() <= 0.5 + 1e-3
    assert store.labels_of(7, store.task("superdiagnostic")) == ("STTC",)
    shown = ecg("prepare", "ptbxl", folder, "--task", "superdiagnostic,rhythm", "--highpass", 0)
    assert shown.code == 0
    assert "already prepared" in shown.err
    assert "ecg train --dataset ptbxl" in shown.err


def test_nothing_written_holds_free_text_or_dates_of_the_table(ecg, folder, home):
    assert ecg("prepare", "ptbxl", folder, "--task", ",".join(TASKS)).code == 0
    store = Store.open("ptbxl")
    assert list(store.items.columns) == [
        *("id", "patient", "record", "onset_s", "split", "fold", "age", "age_over_89", "sex"),
        *("height", "weight", "site", "device"),
    ]
    assert len(store.manifest.tasks) == len(TASKS)
    for name, written in contents(store.path).items():
        for word in (b"mustermann", b"Beispiel", b"1984", b"09:17", b"LAD"):
            assert word not in written, name


def test_a_second_task_is_added_and_other_options_are_refused(ecg, folder, home):
    assert ecg("prepare", "ptbxl", folder).code == 0
    assert ecg("prepare", "ptbxl", folder, "--task", "form").code == 0
    assert [task.name for task in Store.open("ptbxl").manifest.tasks] == ["superdiagnostic", "form"]
    for other in (("--likelihood", "gt0"), ("--source-fs", 500), ("--folds", 5), ("--highpass", 0.5)):
        refused = ecg("prepare", "ptbxl", folder, *other)
        assert refused.code == 1
        assert "--force" in refused.err
    assert ecg("prepare", "ptbxl", folder, "--likelihood", "gt0", "--force").code == 0
    assert Store.open("ptbxl").manifest.options["likelihood"] == "gt0"


def test_lists_windows_rates_and_filters_from_the_command_line(ecg, folder, tmp_path, home):
    lists = write_lists(tmp_path / "lists", {"train": [1, 5], "val": [3], "test": [9]})
    flags = ("--manifests", lists, "--window-s", 2.5, "--fs", 250, "--source-fs", 500, "--highpass", 0.5, "--out", "w")
    made = ecg("prepare", "ptbxl", folder, *flags, "--json")
    assert made.code == 0, made.err
    assert (made.json["items"], made.json["samples"], made.json["kind"]) == (16, 625, "windows")
    assert made.json["preprocessing"]["highpass"] == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere",),
        ("FOLDER", "--task", "superdiagnostics"),
        ("FOLDER", "--likelihood", "sure"),
        ("FOLDER", "--splits", "1,2"),
        ("FOLDER", "--splits", "70,15,15", "--folds", 5),
        ("FOLDER", "--source-fs", 250),
        ("FOLDER", "--lowpass", 80),
        ("FOLDER", "--window-s", 60),
        ("FOLDER", "--manifests", "nowhere"),
        ("FOLDER", "--out", "x y"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line_and_no_store(ecg, folder, home, arguments):
    refused = ecg("prepare", "ptbxl", *(folder if word == "FOLDER" else word for word in arguments))
    assert refused.code == 1
    lines = [line for line in refused.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "Traceback" not in refused.err
    assert not list((home / "stores").glob("[!.]*")) if home.exists() else True


def test_the_miniature_has_what_the_release_has(recordings):
    with (recordings("ptbxl") / "ptbxl_database.csv").open(encoding="utf-8", newline="") as file:
        head = next(csv.reader(file))
    assert set(ptbxl_rows(1)[0]) <= set(head)
    assert set(STATEMENTS) <= set(read_statements(recordings("ptbxl") / "scp_statements.csv"))


def test_the_manifest_says_what_decided_labels_and_splits(ecg, folder, home):
    ecg("prepare", "ptbxl", folder, "--folds", 5, "--likelihood", "eq100")
    manifest = json.loads((home / "stores" / "ptbxl" / "manifest.json").read_text())
    assert manifest["options"]["likelihood"] == "eq100"
    assert manifest["options"]["division"]["folds"] == 5
    assert set(manifest["sources"]) == {"ptbxl_database.csv", "scp_statements.csv"}
    assert str(folder) not in json.dumps(manifest)
