import json

import pytest
from bundles import make_bundle
from support import make_store
from untrained import make_run

from ecgtool.catalog import Catalog


def test_a_bundle_becomes_a_version_and_the_next_command_is_told(ecg, tmp_path):
    make_bundle(tmp_path / "made")
    done = ecg("register", "./made", "--name", "ptbxl", "--alias", "champion", "--note", "first [bold]try[/bold]")
    assert done.code == 0, done.err
    assert "ptbxl@1" in done.out
    assert "first [bold]try[/bold]" in done.out
    assert "ecg predict ptbxl@1 FILE" in done.err
    again = ecg("register", "./made", "--name", "ptbxl", "--stage", "champion", "--json")
    assert again.json["reference"] == "ptbxl@2"
    assert Catalog.open().resolve("ptbxl@champion").version == 2


def test_an_exported_bundle_is_registered_by_its_name(ecg, home):
    make_bundle(home / "bundles" / "exported")
    assert ecg("register", "exported", "--name", "m").code == 0
    assert ecg("models", "verify").code == 0


def test_a_run_is_exported_on_the_way(ecg, home):
    store = make_store(home / "stores" / "toy", items=60)
    run = make_run(home / "runs" / "r1", store)
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": {"SLOW": 0.4, "FAST": 0.5, "STEP": 0.3}}))
    done = ecg("register", "r1", "--name", "m", "--json")
    assert done.code == 0, done.err
    entry = Catalog.open().resolve("m")
    assert entry.lineage["run"] == "r1"
    assert entry.lineage["lineage"]["store_digest"] == store.digest(store.task())
    assert "train_patients" not in json.dumps(entry.lineage)
    assert entry.bundle().manifest.thresholds["SLOW"] == 0.4
    assert [path.name for path in (home / "bundles").iterdir()] == ["m@1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing", "--name", "m"], "There is no model 'nothing'"),
        (["./nothing", "--name", "m"], "no bundle"),
        (["./made", "--name", "../m"], "cannot be a model name"),
        (["./made", "--name", "m@1"], "cannot be a model name"),
        (["./made", "--name", "m", "--alias", "7"], "cannot be an alias"),
        (["./made", "--name", "m", "--note", "\x1b[2J"], "control characters"),
        (["./broken", "--name", "m"], "model.onnx was changed"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(ecg, tmp_path, home, arguments, said):
    make_bundle(tmp_path / "made")
    broken = make_bundle(tmp_path / "broken").path / "model.onnx"
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    done = ecg("register", *arguments)
    assert done.code == 1
    assert said in done.err
    assert Catalog.open().entries() == []
    assert not list(home.glob("bundles/*"))


def test_without_a_name_it_is_wrong_usage(ecg, tmp_path):
    make_bundle(tmp_path / "made")
    assert ecg("register", "./made").code == 2
