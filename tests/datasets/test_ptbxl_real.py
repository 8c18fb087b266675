"""The real recordings of PTB-XL, prepared, beside the ``wfdb`` package and labels counted with pandas."""

import ast

import numpy as np
import pandas as pd
import pytest
import wfdb
from corpora import prepare

from ecgtool.datasets.ptbxl import PTBXL
from ecgtool.datasets.ptbxl_labels import TASKS
from ecgtool.record import LEADS_12
from ecgtool.store import SPLITS, Store

RECORDS_500 = 150


@pytest.fixture(scope="module")
def folder(recordings):
    return recordings("ptbxl")


@pytest.fixture(scope="module")
def store(folder, tmp_path_factory):
    """Every task at 100 Hz, in one go."""
    return prepare(PTBXL(folder, tuple(TASKS)), tmp_path_factory.mktemp("stores") / "ptbxl")


@pytest.fixture(scope="module")
def table(folder):
    frame = pd.read_csv(folder / "ptbxl_database.csv", index_col="ecg_id")
    frame["codes"] = frame.scp_codes.map(ast.literal_eval)
    return frame


@pytest.fixture(scope="module")
def statements(folder):
    return pd.read_csv(folder / "scp_statements.csv", index_col=0)


def centred(folder, name):
    """What ``wfdb`` reads, in microvolt, without the median of each lead: [leads, samples]."""
    signal, fields = wfdb.rdsamp(str(folder / name))
    assert tuple(lead.upper() for lead in fields["sig_name"]) == tuple(lead.upper() for lead in LEADS_12)
    return 1000 * (signal - np.median(signal, axis=0)).T


def test_signals_are_those_that_wfdb_reads(store, folder, table):
    assert store.signals.shape == (500, 12, 1000)
    for item in range(0, 500, 23):
        exact = centred(folder, table.filename_lr.iloc[item])
        assert np.abs(store.signals[item] - exact).max() <= 0.5 + 0.01
    assert (store.manifest.saturated, store.manifest.invalid, store.manifest.calibrated) == (0, 0, True)


def test_signals_at_500_hz_are_those_that_wfdb_reads(folder, table, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    for number, split in enumerate(SPLITS):
        ids = range(1 + number, RECORDS_500 + 24, 12)
        (lists / f"{split}.txt").write_text("\n".join(map(str, ids)))
    store = prepare(PTBXL(folder, source_fs=500, manifests=lists), tmp_path / "ptbxl")
    missing = [number for number in store_ids(lists) if number > RECORDS_500]
    assert missing
    assert any(f"{len(missing)} recordings are missing" in note for note in store.manifest.notes)
    assert store.signals.shape[1:] == (12, 5000)
    ids = [int(name) for name in store.column("id")]
    assert sorted(ids + missing) == store_ids(lists)
    for item, number in list(enumerate(ids))[::5]:
        exact = centred(folder, table.filename_hr[number])
        assert np.abs(store.signals[item] - exact).max() <= 0.5 + 0.01


def store_ids(lists):
    return sorted(int(number) for path in lists.iterdir() for number in path.read_text().split())


def expected_labels(task, codes, statements):
    """Labels of a record, decided by pandas."""
    known = statements.loc[[code for code in codes if code in statements.index]]
    diagnostic = known[known.diagnostic == 1]
    if task == "superdiagnostic":
        return set(diagnostic.diagnostic_class)
    if task == "subdiagnostic":
        return set(diagnostic.diagnostic_subclass)
    if task == "hierarchical":
        paths = set()
        for code, row in diagnostic.iterrows():
            sub = f"{row.diagnostic_class}.{row.diagnostic_subclass}"
            paths |= {row.diagnostic_class, sub, f"{sub}.{code}"}
        return paths
    return set(known.index if task == "all" else known[known[task] == 1].index)


@pytest.mark.parametrize("name", TASKS)
def test_labels_are_those_that_pandas_counts(store, table, statements, name):
    task = store.task(name)
    expected = [expected_labels(name, codes, statements) for codes in table.codes]
    for item in range(0, 500, 29):
        assert set(store.labels_of(item, task)) == expected[item]
    split = table.strat_fold.map({9: "val", 10: "test"}).fillna("train").to_numpy()
    for label, held in store.label_counts(task).items():
        carries = np.array([label in labels for labels in expected])
        assert held == {each: int((carries & (split == each)).sum()) for each in SPLITS}
    np.testing.assert_array_equal(store.labelled(task), [bool(labels) for labels in expected])


def test_folds_patients_ages_and_sexes_are_those_of_the_table(store, table):
    items = store.items
    np.testing.assert_array_equal(items.id.astype(int), table.index)
    np.testing.assert_array_equal(items.patient.astype(int), table.patient_id.astype(int))
    np.testing.assert_array_equal(items.fold, table.strat_fold)
    age = table.age.where(~(table.age > 89), 90)
    np.testing.assert_array_equal(store.tabular[:, 0], age.to_numpy(np.float32))
    np.testing.assert_array_equal(store.tabular[:, 1], table.sex.to_numpy(np.float32))
    assert store.manifest.patients == table.patient_id.nunique()
    split = items.groupby("split").patient.agg(set)
    assert not split["train"] & split["test"]
    assert not split["train"] & split["val"]
    assert not split["val"] & split["test"]


def test_a_part_is_prepared_from_the_command_line(ecg, folder, home):
    made = ecg("prepare", "ptbxl", folder, "--task", "superdiagnostic", "--json")
    assert made.code == 0, made.err
    assert made.json["items"] == 500
    assert list(made.json["tasks"]["superdiagnostic"])[1:6] == ["CD", "HYP", "MI", "NORM", "STTC"]
    assert "500 records" in made.err
    assert Store.open("ptbxl").manifest.items == 500
