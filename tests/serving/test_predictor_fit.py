"""Models of one piece of a recording, models that take recordings without some leads, and items of a store."""

import sys

import numpy as np
import pytest
from bundles import make_bundle
from recorded import ecg_like, write_record
from support import make_store

from ecgtool.errors import DataError
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.serving import spans as spans_module
from ecgtool.serving.predictor import Predictor
from ecgtool.settings import Preprocessing

PERSON = {"age": 60, "sex": "F"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "b")


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle, threads=1)


def centred(tmp_path, **more):
    steps = Preprocessing(fs=100.0, fit="centre", **more)
    return Predictor(make_bundle(tmp_path / "b", preprocessing=steps), threads=1)


@pytest.mark.parametrize("seconds", [4.0, 9.99, 10.0, 23.5, 61.0])
def test_a_model_of_one_piece_judges_the_middle_or_what_lies_between_zeros(tmp_path, bundle, seconds):
    record = ecg_like(seconds=seconds)
    found = centred(tmp_path).predict(record, PERSON)
    total = record.signal.shape[1]
    ahead = (total - 1000) // 2
    kept = record.signal[:, max(ahead, 0) : max(ahead, 0) + 1000]
    level = kept - np.median(kept, axis=1, keepdims=True)
    before = max(-ahead, 0)
    signal = np.pad(level, ((0, 0), (before, 1000 - before - level.shape[1])))
    feeds = {"signal": signal[None], "metadata": np.array([[60, 1]], np.float32)}
    np.testing.assert_allclose(found.windows, bundle.session(1).run(None, feeds)[0], atol=1e-6)
    assert found.onsets_s.tolist() == [ahead / 100]
    notes = {
        4.0: ("4 s were put between zeros to make 10 s",),
        23.5: ("only the middle 10 s of 23.5 s were judged",),
        61.0: ("only the middle 10 s of 61 s were judged",),
    }
    assert found.notes == notes.get(seconds, ())


def test_of_a_day_only_the_middle_is_read_and_it_is_that_of_the_whole(tmp_path, monkeypatch):
    predictor = centred(tmp_path, highpass=0.05, highpass_filter="fir")
    path = write_record(ecg_like(seconds=400.0), tmp_path)
    whole = predictor.predict_file(path, PERSON)
    lengths = []
    module = sys.modules[Predictor.__module__]
    read = module.read_record
    for changed in (spans_module, module):
        monkeypatch.setattr(changed, "STRETCH_S", 30.0)
    monkeypatch.setattr(module, "read_record", lambda *given: lengths.append(given[2]) or read(*given))
    found = predictor.predict_file(path, PERSON)
    np.testing.assert_array_equal(found.onsets_s, whole.onsets_s)
    np.testing.assert_allclose(found.windows, whole.windows, atol=1e-5)
    assert max(lengths) < 61


@pytest.mark.parametrize("lowpass", [None, 40])
def test_in_stretches_the_slow_high_pass_gives_what_it_gives_whole(tmp_path, monkeypatch, lowpass):
    steps = Preprocessing(fs=100.0, highpass=0.05, highpass_filter="fir", lowpass=lowpass)
    predictor = Predictor(make_bundle(tmp_path / "b", preprocessing=steps), threads=1)
    record = ecg_like(seconds=180.0)
    drift = np.sin(2 * np.pi * np.arange(18_000) / 100 / 70) + np.linspace(0, 1, 18_000)
    path = write_record(Record((record.signal + drift).astype(np.float32), 100.0, LEADS_12, "d"), tmp_path)
    whole = predictor.predict_file(path, PERSON)
    for module in (spans_module, sys.modules[Predictor.__module__]):
        monkeypatch.setattr(module, "STRETCH_S", 60.0)
    stretched = predictor.predict_file(path, PERSON)
    np.testing.assert_allclose(stretched.windows, whole.windows, atol=0.01)  # each stretch has a median of its own


def masked(tmp_path):
    steps = Preprocessing(fs=100.0, missing="mask")
    changes = {"leads": (*LEADS_8, "mask"), "preprocessing": steps, "tabular": ()}
    return make_bundle(tmp_path / "b", **changes), Predictor(make_bundle(tmp_path / "c", **changes), threads=1)


def test_a_model_with_a_mask_takes_recordings_that_lack_leads(tmp_path):
    bundle, predictor = masked(tmp_path)
    record = ecg_like(leads=[lead for lead in LEADS_12 if lead not in ("V3", "V6")])
    found = predictor.predict(record)
    level = record.select(LEADS_8[:4]).signal
    rows = {lead: ecg_like().select((lead,)).signal[0] for lead in LEADS_8}
    rows["V3"], rows["V6"] = (rows["V2"] + rows["V4"]) / 2, rows["V5"]
    level = np.stack(list(rows.values()))
    level = level - np.median(level, axis=1, keepdims=True)
    signal = np.concatenate([level, np.full((1, 1000), 0.75, np.float32)])
    np.testing.assert_allclose(found.windows, bundle.session(1).run(None, {"signal": signal[None]})[0], atol=1e-6)
    assert found.notes == ("lead V3, V6 was not recorded",)


def test_a_model_with_a_mask_takes_whole_recordings_too(tmp_path):
    found = masked(tmp_path)[1].predict(ecg_like())
    assert found.notes == ()


def test_what_has_none_of_the_leads_or_is_flat_in_those_it_has_is_refused(tmp_path):
    predictor = masked(tmp_path)[1]
    with pytest.raises(DataError, match="has none of the leads"):
        predictor.predict(Record(np.zeros((1, 1000), np.float32), 100.0, ("MLII",), "x"))
    with pytest.raises(DataError, match="flat in every lead"):
        predictor.predict(Record(np.zeros((2, 1000), np.float32), 100.0, ("V1", "V2"), "x"))


def test_an_item_prepared_as_the_models_were_is_judged_as_it_is(tmp_path):
    store = make_store(tmp_path / "store", leads=12, samples=1000, highpass=0.5)
    bundle = make_bundle(tmp_path / "b", preprocessing=store.manifest.preprocessing)
    found = Predictor(bundle, threads=1).predict_item(store, 3, PERSON)
    feeds = {"signal": store.millivolts(3)[None], "metadata": np.array([[60, 1]], np.float32)}
    np.testing.assert_allclose(found.windows, bundle.session(1).run(None, feeds)[0], atol=1e-6)


def test_an_item_prepared_otherwise_is_refused(tmp_path, predictor):
    store = make_store(tmp_path / "store", leads=12, samples=1000, highpass=0.5)
    with pytest.raises(DataError, match="would filter them again"):
        predictor.predict_item(store, 3, PERSON)


def test_an_item_without_a_lead_of_the_model_is_refused(tmp_path):
    store = make_store(tmp_path / "store", leads=8, samples=1000, highpass=0.5)
    predictor = Predictor(make_bundle(tmp_path / "b", preprocessing=store.manifest.preprocessing), threads=1)
    with pytest.raises(DataError, match="has no lead V3, V4, V5, V6"):
        predictor.predict_item(store, 3, PERSON)
