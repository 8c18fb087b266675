import json

import pytest
from support import MULTICLASS, make_store
from untrained import make_run

from ecgtool.console import DISCLAIMER


@pytest.fixture
def run(home):
    store = make_store(home / "stores" / "toy", items=120)
    return make_run(home / "runs" / "toy-run", store)


def test_evaluate_prints_a_table_and_what_to_type_next(ecg, run):
    done = ecg("evaluate", "toy-run", "--bootstrap", 50)
    assert done.code == 0, done.err
    for word in ("macro_auroc", "95 % interval", "SLOW", "Time per record", "report.html", DISCLAIMER):
        assert word in done.out
    assert "ecg export toy-run --format all" in done.err


def test_evaluate_leaves_a_report_in_the_run_and_makes_it_anew_when_asked_again(ecg, run):
    ecg("evaluate", "toy-run", "--bootstrap", 20)
    folder = run.path / "evaluation-test"
    (folder / "report.md").write_text("old")
    assert ecg("evaluate", "toy-run", "--bootstrap", 20).code == 0
    assert (folder / "report.md").read_text() != "old"
    kept = json.loads((folder / "metrics.json").read_text())
    assert kept == json.loads((run.path / "metrics_test.json").read_text())


def test_json_is_the_document(ecg, run):
    done = ecg("evaluate", "toy-run", "--json", "--bootstrap", 20)
    assert done.json["values"]["macro_auroc"]["low"] <= done.json["values"]["macro_auroc"]["value"]
    assert done.json["report"].endswith("evaluation-test")


def test_an_out_folder_is_replaced_only_with_force(ecg, run, tmp_path):
    words = ("evaluate", "toy-run", "--out", "mine", "--bootstrap", 20)
    assert ecg(*words).code == 0
    refused = ecg(*words)
    assert refused.code == 1
    assert "exists already" in refused.err
    assert ecg(*words, "--force").code == 0


def test_a_folder_with_anything_else_in_it_is_not_replaced_even_then(ecg, run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    refused = ecg("evaluate", "toy-run", "--out", "mine", "--force", "--bootstrap", 20)
    assert refused.code == 1
    assert "thesis.txt" in refused.err
    assert (tmp_path / "mine" / "thesis.txt").exists()


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
    ],
)
def test_mistakes_are_told_in_one_line(ecg, run, home, arguments, told):
    make_store(home / "stores" / "beats", task=MULTICLASS)
    done = ecg("evaluate", *arguments)
    assert done.code == 1
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not list(run.path.glob("evaluation*"))
