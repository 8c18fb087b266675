"""What an evaluation tells of heartbeats, from a network that was never trained."""

import csv
import json

import numpy as np
import pytest
from drawn_beats import TASK, DrawnBeats
from untrained import make_run

from ecgtool.catalog.bundle import write_bundle
from ecgtool.datasets.prepare import prepare
from ecgtool.errors import ConfigError
from ecgtool.evaluation import Options
from ecgtool.metrics import Metrics
from ecgtool.report import HOLDS, write_report
from ecgtool.settings import DataConfig, Preprocessing
from ecgtool.training.evaluate import measure
from ecgtool.views import view


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return prepare(DrawnBeats(), tmp_path_factory.mktemp("drawn") / "drawn", steps=Preprocessing(fs=DrawnBeats.fs))


@pytest.fixture(scope="session")
def run(store, tmp_path_factory):
    seen = view(store, TASK, ("signal", "tabular"), DataConfig())
    return make_run(tmp_path_factory.mktemp("runs") / "untrained", seen, TASK)


@pytest.fixture(scope="session")
def found(run):
    return measure(run, options=Options(bootstrap=100, whole=True))


@pytest.fixture(scope="session")
def folder(found, tmp_path_factory):
    return write_report(found, tmp_path_factory.mktemp("reports") / "report")


def test_figures_of_beats_stand_beside_the_ordinary_ones(found, run, store):
    beats = found.metrics.beats
    test = np.isin(store.beats.item, store.indices("test"))
    assert beats.beats == found.metrics.items == test.sum()
    assert beats.accuracy.value == pytest.approx(found.metrics.values["accuracy"].value)
    assert beats.confusion == found.metrics.confusion
    assert (beats.records, beats.patients) == (3, 3)
    assert [each.record for each in beats.by_record] == ["r13", "r14", "r15"]
    assert Metrics.model_validate(json.loads((run.path / "metrics_test.json").read_text())).beats == beats


def test_beats_that_the_detector_finds_are_counted_beside_those_that_are_there(found):
    detection = found.metrics.beats.detection
    assert detection.total.reference == found.metrics.beats.beats
    assert detection.gross["sensitivity"].value > 0.95
    assert detection.gross["ppv"].value > 0.95


def test_the_page_tells_classes_the_aami_table_records_and_how_beats_are_found(folder):
    page = (folder / "report.md").read_text()
    for title in ("Heartbeats by class", "AAMI table", "By record", "Finding beats"):
        assert f"## {title}" in page
    assert "| VEB |" in page
    assert "| SVEB, strictly |" in page
    assert "Calling every beat N would reach" in page
    assert "not for diagnosis or treatment" in page
    assert "By patient" not in page
    assert {path.name for path in folder.iterdir()} == HOLDS - {"ec57.csv"}


def test_records_are_a_table_of_their_own(folder, found):
    rows = list(csv.DictReader((folder / "by_record.csv").open()))
    assert [row["record"] for row in rows] == ["r13", "r14", "r15"]
    assert sum(int(row["beats"]) for row in rows) == found.metrics.items
    assert {"missed", "extra", "acc.", "V beats", "V Se", "V +P"} <= set(rows[0])


def test_the_screen_shows_heartbeats(ecg, run):
    done = ecg("evaluate", run.path, "--bootstrap", "20", "--out", "here")
    assert done.code == 0, done.err
    assert "Heartbeats, gross" in done.out
    assert "VEB" in done.out
    assert "Calling every beat N" in done.out


def test_heartbeats_of_a_patient_are_not_brought_together(run):
    with pytest.raises(ConfigError, match="no class in common"):
        measure(run, options=Options(aggregate="mean"))


def test_names_of_records_stay_behind_where_a_bundle_travels(found, tmp_path):
    from bundles import manifest, model

    held = manifest(metrics=found.metrics.model_dump(mode="json"))
    made = write_bundle(tmp_path / "b", held, {"model.onnx": model(held).SerializeToString()})
    text = (made.path / "bundle.json").read_text()
    assert '"r13"' not in text
    assert Metrics.model_validate(made.manifest.metrics).beats.accuracy == found.metrics.beats.accuracy


def test_figures_of_runs_of_former_versions_are_read(found):
    document = found.metrics.model_dump(mode="json", exclude={"beats"})
    assert Metrics.model_validate(document).beats is None


def test_two_models_are_compared_class_by_class(ecg, run, store, tmp_path):
    other = make_run(tmp_path / "other", view(store, TASK, ("signal", "tabular"), DataConfig()), TASK, seed=1)
    done = ecg("evaluate", run.path, other.path, "--bootstrap", "20", "--out", "both")
    assert done.code == 0, done.err
    assert "DeLong" not in done.out
    assert "PPV" in done.out
    page = (tmp_path / "both" / "report.md").read_text()
    assert "## Heartbeats by class" in page
    assert "heartbeats of 3 patients" in page
