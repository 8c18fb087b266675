import json

import pytest
from support import make_store
from untrained import make_run


@pytest.fixture
def run(home):
    store = make_store(home / "stores" / "toy", items=60)
    run = make_run(home / "runs" / "toy-run", store)
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": {"SLOW": 0.4, "FAST": 0.5, "STEP": 0.3}}))
    return run


def test_export_says_what_it_made_and_what_to_type_next(ecg, run, home):
    done = ecg("export", "toy-run")
    assert done.code == 0, done.err
    assert "model.onnx" in done.out
    assert "60 recordings" in done.out
    assert "ecg register toy-run --name toy-run" in done.err
    assert {file.name for file in (home / "bundles" / "toy-run").iterdir()} == {
        "model.onnx",
        "bundle.json",
        "bundle.sha256",
        "card.md",
    }


def test_json_gives_files_sizes_and_parity(ecg, run, home, tmp_path):
    done = ecg("export", run.path, "--format", "torchscript", "--out", "./made", "--json")
    assert done.code == 0, done.err
    assert done.json["bundle"] == "made"
    assert done.json["files"]["model.ts.pt"] == (tmp_path / "made" / "model.ts.pt").stat().st_size
    assert done.json["parity"]["records"] == 60
    assert done.json["parity"]["max_difference"]["model.ts.pt"] <= 1e-4


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["toy-rum"], 1, "Did you mean 'toy-run'?"),
        (["toy-run", "--dataset", "tox"], 1, "Did you mean 'toy'?"),
        (["toy-run", "--format", "tflite"], 2, "--format"),
        (["toy-run", "--out", "a b"], 1, "cannot be a"),
    ],
)
def test_what_cannot_be_is_one_line(ecg, run, home, arguments, code, said):
    done = ecg("export", *arguments)
    assert done.code == code
    assert said in done.err
    assert not (home / "bundles").exists()


def test_a_bundle_is_replaced_only_with_force(ecg, run):
    assert ecg("export", "toy-run", "--format", "torchscript").code == 0
    again = ecg("export", "toy-run", "--format", "torchscript")
    assert again.code == 1
    assert "--force" in again.err
    assert ecg("export", "toy-run", "--format", "torchscript", "--force").code == 0
