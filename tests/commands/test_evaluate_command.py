import json

import pytest
from support import MULTICLASS, make_store
from untrained import make_run

from ecgtool.console import DISCLAIMER
from ecgtool.report.figures import CHARTS
from ecgtool.task import Task


@pytest.fixture
def run(home):
    store = make_store(home / "stores" / "toy", items=120)
    return make_run(home / "runs" / "toy-run", store)


@pytest.fixture
def quick(monkeypatch):
    """Reports with one figure: drawing all of them takes longest, and other tests look at them."""
    monkeypatch.setattr("ecgtool.report.figures.CHARTS", {"roc": CHARTS["roc"]})
    monkeypatch.setattr("ecgtool.report.pictures", lambda _found: {})


def test_evaluate_prints_a_table_and_what_to_type_next(ecg, run):
    done = ecg("evaluate", "toy-run", "--bootstrap", 50)
    assert done.code == 0, done.err
    for word in ("AUROC", "95 % interval", "SLOW", "Time per record", "report.html", DISCLAIMER):
        assert word in done.out
    assert "ecg export toy-run --format all" in done.err


@pytest.mark.usefixtures("quick")
def test_evaluate_leaves_a_report_in_the_run_and_makes_it_anew_when_asked_again(ecg, run):
    ecg("evaluate", "toy-run", "--bootstrap", 20)
    folder = run.path / "evaluation-test"
    (folder / "report.md").write_text("old")
    assert ecg("evaluate", "toy-run", "--bootstrap", 20).code == 0
    assert (folder / "report.md").read_text() != "old"
    kept = json.loads((folder / "metrics.json").read_text())
    own = json.loads((run.path / "metrics_test.json").read_text())
    assert {key: kept[key] for key in own} == own


@pytest.mark.usefixtures("quick")
def test_json_is_the_document(ecg, run):
    done = ecg("evaluate", "toy-run", "--json", "--bootstrap", 20)
    assert done.json["values"]["macro_auroc"]["low"] <= done.json["values"]["macro_auroc"]["value"]
    assert done.json["report"].endswith("evaluation-test")


@pytest.mark.usefixtures("quick")
def test_an_out_folder_is_replaced_only_with_force(ecg, run, tmp_path):
    words = ("evaluate", "toy-run", "--out", "mine", "--bootstrap", 20)
    assert ecg(*words).code == 0
    refused = ecg(*words)
    assert refused.code == 1
    assert "exists already" in refused.err
    assert ecg(*words, "--force").code == 0


@pytest.mark.usefixtures("quick")
def test_a_folder_with_anything_else_in_it_is_not_replaced_even_then(ecg, run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    refused = ecg("evaluate", "toy-run", "--out", "mine", "--force", "--bootstrap", 20)
    assert refused.code == 1
    assert "thesis.txt" in refused.err
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.usefixtures("quick")
def test_another_store_has_a_report_of_its_own(ecg, run, home):
    make_store(home / "stores" / "other", items=60, seed=4, dataset="other")
    done = ecg("evaluate", "toy-run", "--dataset", "other", "--split", "val", "--bootstrap", 20)
    assert done.code == 0, done.err
    assert (run.path / "evaluation-other-val" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("toy-rum",), "Did you mean 'toy-run'?"),
        (("toy-run", "--split", "tset"), "Did you mean 'test'?"),
        (("toy-run", "--dataset", "beats"), "holds no task 'toy'"),
        (("toy-run", "--dataset", "nowhere"), "no store 'nowhere'"),
        (("toy-run", "--rule", "youdn"), "Did you mean 'youden'?"),
        (("toy-run", "--rule", "sensitivity"), "sensitivity=0.9"),
        (("toy-run", "--rule", "sensitivity=2"), "cannot be asked for"),
        (("toy-run", "--beats", "detected"), "not of heartbeats"),
        (("toy-run", "toy-rum"), "Did you mean 'toy-run'?"),
    ],
)
def test_mistakes_are_told_in_one_line(ecg, run, home, arguments, told):
    make_store(home / "stores" / "beats", task=MULTICLASS)
    done = ecg("evaluate", *arguments)
    assert done.code == 1
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not list(run.path.glob("evaluation*"))


@pytest.fixture
def binary(home):
    """Two runs of a binary task on one store."""
    task = Task(name="ctrcd", kind="multiclass", labels=("healthy", "CTRCD"))
    store = make_store(home / "stores" / "heart", items=160, task=task)
    return [make_run(home / "runs" / name, store, seed=seed) for seed, name in enumerate(("one", "two"))]


@pytest.mark.usefixtures("quick")
def test_patients_have_figures_thresholds_and_a_report_of_their_own(ecg, binary):
    done = ecg("evaluate", "one", "--by-patient", "--bootstrap", 20, "--rule", "sensitivity=0.9")
    assert done.code == 0, done.err
    assert "by patient: 15 patients with 30 recordings" in done.out
    assert "a sensitivity of at least 0.9, chosen on the patients of the validation split" in done.out
    folder = binary[0].path
    assert (folder / "evaluation-test-patients" / "report.html").exists()
    assert json.loads((folder / "metrics_test.json").read_text())["level"] == "item"
    kept = json.loads((folder / "metrics_test_patients.json").read_text())
    assert (kept["level"], kept["items"], kept["source"]["aggregate"]) == ("patient", 15, "mean")
    assert set(kept["thresholds"]) == {"CTRCD"}


@pytest.mark.usefixtures("quick")
def test_an_aggregate_means_patients(ecg, binary):
    found = ecg("evaluate", "one", "--aggregate", "noisy-or", "--bootstrap", 5, "--json").json
    assert (found["level"], found["source"]["aggregate"]) == ("patient", "noisy-or")


def test_recordings_are_reported_with_their_patients_beside_them(ecg, binary):
    found = ecg("evaluate", "one", "--bootstrap", 20, "--json").json
    assert found["level"] == "item"
    assert found["by_patient"]["level"] == "patient"
    assert {grouping["column"] for grouping in found["subgroups"]["groupings"]} == {"age", "sex"}


def test_two_runs_are_compared_as_pairs(ecg, binary):
    done = ecg("evaluate", "one", "two", "--bootstrap", 50)
    assert done.code == 0, done.err
    for word in ("one against two", "difference (95 % interval)", "p (DeLong)", "CTRCD", DISCLAIMER):
        assert word in done.out
    folder = binary[0].path / "comparison-two-test"
    kept = json.loads((folder / "comparison.json").read_text())
    held = kept["values"]["macro_auroc"]
    assert held["difference"]["value"] == pytest.approx(held["a"] - held["b"])
    assert kept["b"]["source"]["model"] == "two"
    assert (folder / "figures" / "roc.png").exists()


def test_models_of_different_data_are_not_compared(ecg, binary, run):
    done = ecg("evaluate", "one", "toy-run", "--bootstrap", 5)
    assert done.code == 1
    assert "cannot be compared" in done.err
    assert not list(binary[0].path.glob("comparison*"))


@pytest.mark.usefixtures("quick")
def test_a_run_of_a_former_version_still_has_its_positive_label_called_at_a_threshold(ecg, binary):
    ecg("evaluate", "one", "--split", "val", "--bootstrap", 5)
    path = binary[0].path / "metrics_val.json"
    kept = json.loads(path.read_text())
    for key in ("aggregate", "temperature", "members"):
        del kept["source"][key]
    path.write_text(json.dumps({**kept, "thresholds": {}}))
    found = ecg("evaluate", "one", "--bootstrap", 5, "--json").json
    assert set(found["thresholds"]) == {"CTRCD"}
