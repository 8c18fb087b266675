import csv
from dataclasses import replace

import numpy as np
import pytest
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions

from ecgtool.errors import DataError
from ecgtool.metrics.logits import activated
from ecgtool.metrics.patients import by_patient

TASKS = pytest.mark.parametrize("task", [MULTILABEL, BINARY, MULTICLASS], ids=lambda task: task.name)


@TASKS
def test_one_row_per_item_says_what_it_is_and_what_is_called(task, tmp_path):
    held = predictions(task)
    thresholds = held.thresholds("youden")
    with held.save_csv(tmp_path / "predictions.csv", thresholds).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(held.ids)
    assert {row["level"] for row in rows} == {"item"}
    outcomes = held.outcomes(thresholds)
    for place, label in enumerate(task.asked):
        assert [int(row[f"{label}_target"]) for row in rows] == outcomes.truth[:, place].astype(int).tolist()
        assert [int(row[f"{label}_decision"]) for row in rows] == outcomes.called[:, place].astype(int).tolist()
    assert len(rows[0]) == 4 + 3 * len(task.asked)


def test_rows_of_patients_say_so(tmp_path):
    held = by_patient(predictions(BINARY))
    with held.save_csv(tmp_path / "p.csv", {}).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["level"] for row in rows} == {"patient"}
    assert [row["id"] for row in rows] == list(held.patients)


@TASKS
def test_a_temperature_divides_the_logits(task):
    held = predictions(task)
    assert np.allclose(held.divided(2.0).probabilities, activated(task, held.logits / 2))
    assert np.array_equal(held.divided(1.0).logits, held.logits)


def test_taking_items_takes_all_that_belongs_to_them():
    held = predictions(MULTILABEL)
    found = held.taken(np.array([5, 3]))
    assert found.ids == ("r5", "r3")
    assert found.metadata["age"] == (held.metadata["age"][5], held.metadata["age"][3])
    assert np.array_equal(found.targets, held.targets[[5, 3]])
    assert np.array_equal(found.logits, held.logits[[5, 3]])


@pytest.mark.parametrize("part", ["patients", "targets", "probabilities", "logits"])
def test_parts_of_another_length_are_refused(part):
    held = predictions(BINARY)
    with pytest.raises(DataError, match=f"120 items but 119 {part}"):
        replace(held, **{part: getattr(held, part)[:-1]})
    with pytest.raises(DataError, match="120 items but 2 age"):
        replace(held, metadata={"age": (1, 2)})
