"""A binary task in prediction: the positive label's threshold decides, not which label is the more probable."""

import csv

import numpy as np
import pytest
from bundles import make_bundle
from recorded import ecg_like, write_record

from ecgtool.serving.predictor import Predictor
from ecgtool.serving.results import document, verdict, write_csv
from ecgtool.task import Task

LABELS = ("healthy", "CTRCD")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("binary")


@pytest.fixture(scope="module")
def made(folder):
    """A bundle, a recording and what the model says of it."""
    path = write_record(ecg_like(), folder / "one")
    bundle = bundle_with(folder / "plain")
    return path, float(Predictor(bundle, threads=1).predict_file(path).probabilities[1])


def bundle_with(path, positive="", **thresholds):
    task = Task(name="ctrcd", kind="multiclass", labels=LABELS, positive=positive)
    return make_bundle(path, kind="multiclass", labels=LABELS, task=task, tabular=(), thresholds=thresholds)


def predicted(made, bundle, **options):
    return Predictor(bundle, threads=1, **options).predict_file(made[0])


def test_a_probability_at_the_threshold_is_called_positive_however_small(made, folder):
    found = predicted(made, bundle_with(folder / "low", CTRCD=made[1]))
    assert found.label(found.probabilities) == "CTRCD"
    assert found.passing(found.probabilities) == ("CTRCD",)
    assert verdict(found) == f"positive: CTRCD {made[1]:.3f} >= {made[1]:.3f}"


def test_a_probability_below_the_threshold_is_called_negative_however_large(made, folder):
    found = predicted(made, bundle_with(folder / "high", CTRCD=min(1.0, made[1] + 1e-6)))
    assert found.label(found.probabilities) == "healthy"
    assert found.passing(found.probabilities) == ()
    assert verdict(found).startswith("negative: CTRCD")
    answer = document(found)
    assert answer["class"] == "healthy"
    assert answer["confidence"] == pytest.approx(1 - made[1], abs=1e-6)


def test_without_a_threshold_the_positive_label_needs_a_half(made, folder):
    found = predicted(made, bundle_with(folder / "none"))
    assert dict(found.thresholds) == {"CTRCD": 0.5}
    assert found.label(found.probabilities) == LABELS[int(np.argmax(found.probabilities))]


def test_the_positive_label_may_be_the_first(made, folder):
    found = predicted(made, bundle_with(folder / "first", positive="healthy", healthy=0.0))
    assert dict(found.thresholds) == {"healthy": 0.0}
    assert found.label(found.probabilities) == "healthy"


def test_a_threshold_that_is_given_is_that_of_the_positive_label(made, folder):
    found = predicted(made, bundle_with(folder / "given", CTRCD=1.0), threshold=0.0)
    assert dict(found.thresholds) == {"CTRCD": 0.0}
    assert found.label(found.probabilities) == "CTRCD"


def test_the_table_has_both_probabilities_and_what_was_called(made, folder, tmp_path):
    found = predicted(made, bundle_with(folder / "table", CTRCD=0.0))
    with write_csv(tmp_path / "p.csv", [found]).open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["class"], row["passing"]) == ("CTRCD", "CTRCD")
    assert float(row["confidence"]) == pytest.approx(float(row["p_CTRCD"]))
    assert float(row["p_healthy"]) + float(row["p_CTRCD"]) == pytest.approx(1, abs=1e-5)


def test_the_screen_says_which_side_of_the_threshold_it_is(ecg, made, folder):
    bundle_with(folder / "screen", CTRCD=0.0)
    done = ecg("predict", folder / "screen", made[0])
    assert done.code == 0, done.err
    assert f"Called positive: CTRCD {made[1]:.3f} >= 0.000." in done.out
    assert ecg("predict", folder / "screen", made[0], "--json").json["thresholds"] == {"CTRCD": 0.0}
    several = ecg("predict", folder / "screen", made[0], made[0])
    assert "probability of CTRCD" in several.out
