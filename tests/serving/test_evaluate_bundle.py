import numpy as np
import pytest
from bundles import make_bundle
from sklearn import metrics as sk
from support import MULTICLASS, MULTILABEL, make_store

from ecgtool.errors import ConfigError, DataError, NotFound
from ecgtool.evaluation import Options
from ecgtool.serving.evaluate import measure_bundle

QUICK = Options(bootstrap=20)
SHAPE = {"leads": ("I", "II"), "samples": 64}


def bundle_of(path, task=MULTILABEL, **changes):
    thresholds = {} if task.exclusive else {"SLOW": 0.9, "FAST": 0.5, "STEP": 0.1}
    return make_bundle(path, **SHAPE | {"task": task, "labels": task.labels, "thresholds": thresholds} | changes)


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store", items=80)


def test_a_bundle_is_measured_with_its_own_thresholds(tmp_path, store):
    found = measure_bundle(bundle_of(tmp_path / "bundle"), store, options=QUICK)
    assert found.metrics.thresholds == {"SLOW": 0.9, "FAST": 0.5, "STEP": 0.1}
    targets, chances = found.predictions.targets, found.predictions.probabilities
    assert found.metrics.values["macro_auroc"].value == pytest.approx(sk.roc_auc_score(targets, chances))
    assert found.metrics.source.threshold_rule is None
    assert "onnxruntime" in found.metrics.source.timing.device


def test_a_rule_is_refused_where_thresholds_are_carried(tmp_path, store):
    with pytest.raises(ConfigError, match="carries its thresholds"):
        measure_bundle(bundle_of(tmp_path / "bundle"), store, options=Options(rule="youden"))


def test_every_item_is_told_its_own_age_and_sex(tmp_path, store):
    bundle = bundle_of(tmp_path / "bundle")
    items = store.indices("test", store.task())
    together = measure_bundle(bundle, store, options=QUICK).predictions.probabilities
    session = bundle.session()
    for item, row in zip(items[:5], together, strict=False):
        feeds = {"signal": store.millivolts(item)[None], "metadata": store.tabular[item][None]}
        assert np.allclose(session.run(["probabilities"], feeds)[0][0], row, atol=1e-6)


def test_a_multiclass_bundle_has_a_confusion_matrix(tmp_path):
    beats = make_store(tmp_path / "beats", items=80, task=MULTICLASS)
    found = measure_bundle(bundle_of(tmp_path / "bundle", MULTICLASS), beats, options=QUICK).metrics
    assert np.sum(found.confusion) == found.items
    assert found.thresholds == {}


def test_a_store_that_does_not_fit_the_bundle_is_refused(tmp_path):
    other = make_store(tmp_path / "other", leads=3)
    with pytest.raises(DataError, match="leads I, II, III, trained with I, II"):
        measure_bundle(bundle_of(tmp_path / "bundle"), other)


def test_a_bundle_whose_store_is_not_here_asks_for_one(tmp_path):
    bundle = bundle_of(tmp_path / "bundle", run={"lineage": {"store": "elsewhere"}})
    with pytest.raises(NotFound, match="'elsewhere' that bundle was trained on is not here") as told:
        measure_bundle(bundle)
    assert "--dataset" in told.value.hint


def test_whether_a_bundle_has_seen_the_patients_is_told_only_where_it_can_be(tmp_path, store):
    lineage = {"store": str(store.path), "store_digest": store.digest(MULTILABEL), "dataset": "toy"}
    bundle = bundle_of(tmp_path / "bundle", run={"lineage": lineage})
    assert measure_bundle(bundle, options=QUICK).metrics.source.seen_patients == 0
    twin = make_store(tmp_path / "twin", items=80, seed=1)
    assert measure_bundle(bundle, twin, options=QUICK).metrics.source.seen_patients is None


def test_evaluate_takes_a_bundle(ecg, tmp_path, home):
    store = make_store(home / "stores" / "toy", items=80)
    bundle_of(tmp_path / "bundle")
    done = ecg("evaluate", "./bundle", "--dataset", "toy", "--bootstrap", 20)
    assert done.code == 0, done.err
    assert (tmp_path / f"bundle-evaluation-{store.path.name}-test" / "report.html").exists()
    assert "exists already" in ecg("evaluate", "./bundle", "--dataset", "toy").err
