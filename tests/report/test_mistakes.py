import numpy as np
import pytest
from reports import concluded_from, drawn_from, predicted

from ecgtool.report.mistakes import pictures, worst
from ecgtool.report.sections import mistakes


def binary(**changes):
    return predicted(labels=("healthy", "CTRCD"), kind="multiclass", **changes)


def test_the_worst_are_those_given_the_least_probability_for_the_truth():
    found = concluded_from(binary(patients=("",) * 60))
    (cut,) = found.metrics.thresholds.values()
    chances, truth = found.predictions.probabilities[:, 1], found.predictions.targets
    missed = np.flatnonzero((truth == 1) & (chances < cut))
    falsely = np.flatnonzero((truth == 0) & (chances >= cut))
    expected = [*missed[chances[missed].argsort()][:3], *falsely[(-chances[falsely]).argsort()][:3]]
    assert [mistake.case for mistake in worst(found)] == expected


def test_a_patient_is_shown_once_of_each_kind():
    found = concluded_from(predicted())
    for missed in (True, False):
        people = [found.predictions.patients[one.case] for one in worst(found, each=50) if one.missed is missed]
        assert len(people) == len(set(people)) > 3


def test_of_three_labels_every_mistake_names_the_truth_and_the_call():
    found = concluded_from(predicted(kind="multiclass"))
    outcomes = found.predictions.outcomes({})
    for mistake in worst(found):
        true, called = (int(part[mistake.case].argmax()) for part in (outcomes.truth, outcomes.called))
        labels = found.metrics.task.labels
        assert true != called
        assert mistake.said.startswith(f"{labels[true]}, called {labels[called]}")


def test_what_is_drawn_says_the_truth_the_probability_and_the_item_but_not_the_patient(tmp_path):
    found = drawn_from(tmp_path / "store", binary())
    mistake, image = worst(found)[0], pictures(found)["mistake-1"]
    assert f"given {found.predictions.probabilities[mistake.case, 1]:.3f}" in image.caption
    assert f"item {found.predictions.ids[mistake.case]}" in image.caption
    assert found.predictions.patients[mistake.case] not in image.caption
    assert image.png.startswith(b"\x89PNG")


def test_of_a_patient_the_recording_that_speaks_most_against_the_truth_is_drawn(tmp_path):
    found = drawn_from(tmp_path / "store", binary(), aggregate="mean")
    mistake = next(one for one in worst(found) if one.missed)
    person = found.predictions.ids[mistake.case]
    said = found.recordings.predictions
    rows = [row for row, patient in enumerate(said.patients) if patient == person]
    lowest = min(rows, key=lambda row: said.probabilities[row, 1])
    images = list(pictures(found).values())
    assert any(f"item {said.ids[lowest]}, which of the patient's 2 recordings" in image.caption for image in images)


def test_of_a_patient_whose_recordings_disagree_one_that_has_the_missed_label_is_drawn(tmp_path):
    predictions = binary()
    predictions.targets[:2] = (1, 0)
    predictions.probabilities[:2] = ((0.98, 0.02), (0.99, 0.01))
    found = drawn_from(tmp_path / "store", predictions, aggregate="mean")
    caption = next(image.caption for image in pictures(found).values() if "item 00000," in image.caption)
    assert caption.startswith("Missed CTRCD")
    assert "True: CTRCD." in caption


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_without_mistakes_nothing_is_drawn(tmp_path, kind):
    right = predicted(kind=kind)
    marks = np.eye(3)[right.targets] if kind == "multiclass" else right.targets
    right.probabilities[:] = 0.8 * marks + 0.1
    assert pictures(drawn_from(tmp_path / "store", right)) == {}


def test_without_recordings_at_hand_there_is_no_section():
    assert mistakes(concluded_from(binary())) is None
