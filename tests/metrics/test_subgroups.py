from dataclasses import replace

import numpy as np
import pytest
from predicted import BINARY, MULTILABEL, predictions
from sklearn.metrics import roc_auc_score

from ecgtool.errors import DataError
from ecgtool.metrics.patients import by_patient
from ecgtool.metrics.subgroups import Subgroups, age_band, groups_of, subgroups


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "under 18"),
        (17.9, "under 18"),
        (18, "18–39"),
        (39.99, "18–39"),
        (40, "40–59"),
        (60, "60–74"),
        (75, "75+"),
        (300, "75+"),
        ("61", "60–74"),
        (float("nan"), "unknown"),
        (None, "unknown"),
        ("", "unknown"),
        ("old", "unknown"),
        (-3, "unknown"),
    ],
)
def test_an_age_has_one_band(age, band):
    assert age_band(age) == band


def test_columns_of_few_values_make_groups_with_figures_of_their_own():
    held = predictions(BINARY, items=400)
    found = subgroups(held, {"low": 0.4}, bootstrap=30)
    assert [grouping.column for grouping in found.groupings] == ["age", "sex"]
    ages, sexes = found.groupings
    assert list(ages.groups) == ["18–39", "40–59", "60–74", "75+"]
    assert sum(group.items for group in ages.groups.values()) == 400
    women = np.array(held.metadata["sex"]) == "F"
    group = sexes.groups["F"]
    assert group.items == women.sum()
    assert group.patients == len({patient for patient, woman in zip(held.patients, women, strict=True) if woman})
    expected = roc_auc_score(held.targets[women] == 0, held.probabilities[women, 0])
    assert group.values["macro_auroc"].value == pytest.approx(expected)
    assert group.values["macro_auroc"].low < expected < group.values["macro_auroc"].high
    assert group.values["macro_sensitivity"].value == pytest.approx(
        (held.probabilities[women & (held.targets == 0), 0] >= 0.4).mean()
    )
    assert group.positives == {"low": int((held.targets[women] == 0).sum())}


def test_what_is_unknown_is_a_group_that_comes_last():
    held = predictions(BINARY)
    devices = tuple(("A", "", "B", None)[item % 4] for item in range(120))
    found = subgroups(replace(held, metadata={"device": devices}), {}, bootstrap=0).groupings[0]
    assert list(found.groups) == ["A", "B", "unknown"]
    assert found.groups["unknown"].items == 60


def test_groups_with_few_patients_are_marked_and_make_no_gap():
    held = predictions(BINARY, items=400)
    devices = tuple("A" if item < 180 else "B" if item < 390 else "rare" for item in range(400))
    found = subgroups(replace(held, metadata={"device": devices}), {}, bootstrap=0).groupings[0]
    assert found.groups["rare"].few == ("low",)
    assert found.groups["A"].few == ()
    gap = found.gaps["low"]["auroc"]
    assert {gap.best, gap.worst} == {"A", "B"}
    areas = {name: found.groups[name].values["macro_auroc"].value for name in "AB"}
    assert gap.difference == pytest.approx(abs(areas["A"] - areas["B"]))
    assert areas[gap.best] > areas[gap.worst]


def test_one_group_to_trust_makes_no_gap():
    held = predictions(BINARY, items=200)
    devices = tuple("A" if item < 190 else "B" for item in range(200))
    assert subgroups(replace(held, metadata={"device": devices}), {}, bootstrap=0).groupings[0].gaps == {}


def test_a_group_without_both_classes_says_so():
    held = predictions(MULTILABEL, items=200)
    targets = held.targets.copy()
    women = np.array(held.metadata["sex"]) == "F"
    targets[women, 0] = 0
    found = {each.column: each for each in subgroups(replace(held, targets=targets), {}, bootstrap=10).groupings}
    assert found["sex"].groups["F"].left_out == {"AF": "no positive item"}
    assert "AF" not in found["sex"].gaps
    assert "MI" in found["sex"].gaps


def test_measured_numbers_names_and_columns_of_one_value_make_no_groups_of_themselves():
    held = predictions(BINARY)
    columns = {
        "age": (60.0,) * 120,
        "height": tuple(150 + 0.1 * item for item in range(120)),
        "site": ("here",) * 120,
        "operator": tuple(str(item) for item in range(120)),
        "empty": (None,) * 120,
        "pacemaker": tuple(float(item % 2) for item in range(120)),
    }
    found = subgroups(replace(held, metadata=columns), {}, bootstrap=0)
    assert [grouping.column for grouping in found.groupings] == ["pacemaker"]
    assert list(found.groupings[0].groups) == ["0", "1"]


def test_a_named_column_of_many_values_keeps_the_frequent_ones():
    values = [f"d{item % 15}" if item % 2 else "common" for item in range(120)]
    names = groups_of("device", values)
    assert len(set(names)) == 10
    assert names.count("common") == 60
    assert "other" in names
    held = replace(predictions(BINARY), metadata={"device": tuple(values)})
    assert list(subgroups(held, {}, ["device"], bootstrap=0).groupings[0].groups)[-1] == "other"


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="no column 'sexx'") as refused:
        subgroups(predictions(BINARY), {}, ["sexx"])
    assert "sex" in refused.value.hint
    with pytest.raises(DataError, match="no column 'age'"):
        subgroups(replace(predictions(BINARY), metadata={}), {}, ["age"])


def test_patients_are_grouped_by_what_is_known_of_them():
    held = by_patient(predictions(BINARY, items=300, each=3))
    found = subgroups(held, held.thresholds(), bootstrap=20)
    assert sum(group.patients for group in found.groupings[1].groups.values()) == 100


def test_the_document_reads_back_the_same():
    found = subgroups(predictions(MULTILABEL), {}, bootstrap=10)
    assert Subgroups.model_validate_json(found.model_dump_json()) == found
