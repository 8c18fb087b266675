"""Numbers with decimal commas: numbers in a list whose cells semicolons or tabs part, texts where commas do."""

import csv

import numpy as np
import pytest
from manifests import rows_of
from own_recordings import corpus, write_csv, write_json, write_recordings

from ecgtool.datasets.manifest import Manifest
from ecgtool.deidentify.key import Key
from ecgtool.errors import EcgError

WEIGHTS = ["62,5", "71", "80,25", "n/a"]


def listed(folder, delimiter, weights=WEIGHTS):
    files = write_recordings(folder, 4)
    rows = [[file, "ab"[place % 2], f"{40 + place},5", weights[place]] for place, file in enumerate(files)]
    write_csv(folder, [["file", "label", "age", "weight"], *rows], delimiter=delimiter)
    return corpus(folder)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_list_of_labels_holds_numbers_with_decimal_commas(tmp_path, delimiter):
    made = listed(tmp_path, delimiter)
    assert made.tabular == ("age", "weight")
    np.testing.assert_array_equal(made.tabular_values[:, 0], np.float32([40.5, 41.5, 42.5, 43.5]))
    np.testing.assert_array_equal(made.tabular_values[:, 1], np.float32([62.5, 71, 80.25, np.nan]))


def test_commas_beside_decimal_points_are_no_decimal_marks(tmp_path):
    made = listed(tmp_path, ";", ["1,250", "900.5", "901.5", "902.5"])
    assert "weight" not in made.tabular


def test_a_list_that_commas_part_or_json_holds_texts(tmp_path):
    files = write_recordings(tmp_path, 4)
    rows = [{"file": file, "label": "ab"[place % 2], "weight": WEIGHTS[place]} for place, file in enumerate(files)]
    write_json(tmp_path, rows)
    assert "weight" not in corpus(tmp_path).tabular
    (tmp_path / "labels.json").unlink()
    write_csv(tmp_path, [list(rows[0]), *(row.values() for row in rows)])
    assert "weight" not in corpus(tmp_path).tabular


@pytest.mark.parametrize(("delimiter", "number"), [(";", True), (",", False)])
def test_a_manifest_holds_numbers_with_decimal_commas_unless_commas_part_its_cells(tmp_path, delimiter, number):
    rows = [{**row, "lvef": row["lvef"].replace(".", ",")} for row in rows_of(tmp_path, 8)]
    with (tmp_path / "cohort.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
    made = Manifest(tmp_path / "cohort.csv", Key(b"k" * 32))
    assert ("lvef" in made.tabular) == number
    if number:
        expected = [float(row["lvef"].replace(",", ".")) for row in rows]
        np.testing.assert_allclose(made.tabular_values[:, made.tabular.index("lvef")], expected, rtol=1e-6)


def test_a_gain_that_may_be_one_number_or_two_is_refused(tmp_path):
    files = write_recordings(tmp_path, 4)
    rows = [[file, "ab"[place % 2], "4,88"] for place, file in enumerate(files)]
    write_csv(tmp_path, [["file", "label", "gain"], *rows], delimiter=";")
    with pytest.raises(EcgError, match="gain holds '4,88'") as refused:
        corpus(tmp_path)
    assert "with a point" in refused.value.hint
