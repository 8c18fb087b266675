"""Of two labels one is positive: the one that is no obvious "no", or the one that is asked for."""

import pytest

from ecgtool.datasets.cells import Places
from ecgtool.datasets.labels import make_task
from ecgtool.errors import ConfigError


def task_of(*labels, positive=""):
    rows = [(label,) for label in labels] + [None]
    return make_task("label", rows, Places("a.csv", range(1, len(rows) + 1)), positive=positive)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("1", "0"), ("0", "1")),
        (("yes", "no"), ("no", "yes")),
        (("CTRCD", "control"), ("control", "CTRCD")),
        (("ctrcd", "Controls"), ("Controls", "ctrcd")),
        (("TRUE", "FALSE"), ("FALSE", "TRUE")),
        (("AF", "normal"), ("normal", "AF")),
        (("Healthy", "AMI"), ("Healthy", "AMI")),
        (("CTRCD", "no CTRCD"), ("no CTRCD", "CTRCD")),
        (("CTRCD", "non-CTRCD"), ("non-CTRCD", "CTRCD")),
        (("without_LVH", "LVH"), ("without_LVH", "LVH")),
        (("sinus", "afib"), ("afib", "sinus")),  # neither denies the other: as they are sorted
        (("2", "10"), ("2", "10")),
        (("normal", "healthy"), ("healthy", "normal")),
        (("Norway", "Sweden"), ("Norway", "Sweden")),
    ],
)
def test_the_label_that_says_no_comes_first(labels, expected):
    task, targets, notes = task_of(*labels)
    assert task.labels == expected
    assert task.positive == expected[1]
    assert task.asked == (expected[1],)
    assert targets.tolist() == [expected.index(label) for label in labels] + [-1]
    assert notes[-1].endswith(f"{expected[1]} is the positive one.")


def test_the_positive_label_can_be_chosen_however_it_is_spelled():
    assert task_of("afib", "sinus", positive="AFib ")[0].labels == ("sinus", "afib")
    assert task_of("0", "1", positive="0")[0].positive == "0"


def test_a_positive_label_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="is not a label; they are CTRCD and control") as refused:
        task_of("control", "CTRCD", positive="CTRD")
    assert "CTRCD" in refused.value.hint
    with pytest.raises(ConfigError, match="this one has 3"):
        task_of("a", "b", "c", positive="a")


def test_figures_of_two_labels_pick_the_best_epoch_without_a_threshold():
    assert task_of("0", "1")[0].metric == "macro_auroc"
    assert task_of("0", "1", "2")[0].metric == "macro_f1"
