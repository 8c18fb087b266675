"""Modified leads (MLII, MCL1 ...) in place of standard ones: only where asked, in prepare and predict alike."""

import numpy as np
import pytest
from bundles import make_bundle
from own_recordings import millivolts, write_json, write_wfdb_recording

from ecgtool.settings import Preprocessing
from ecgtool.store import Store

PLAIN = ("--highpass", "0")


@pytest.fixture
def ambulatory(tmp_path):
    """Recordings as in the MIT-BIH Arrhythmia Database: MLII and V1; the last of them has V5 and V2."""
    folder = tmp_path / "ward"
    leads = [("MLII", "V1")] * 5 + [("V5", "V2")]
    rows = [
        {"file": write_wfdb_recording(folder, f"r{number}", number, leads=held), "label": "NV"[number % 2]}
        for number, held in enumerate(leads)
    ]
    write_json(folder, rows)
    return folder


def test_a_modified_lead_is_no_standard_one_unless_asked(ecg, ambulatory):
    refused = ecg("prepare", "folder", ambulatory, "--leads", "II", *PLAIN)
    assert refused.code == 1
    assert refused.err.count("error: ") == 1
    assert "lacks lead II; it has MLII, V1 (--stand-in of ecg prepare would take MLII for II)." in refused.err


def test_where_asked_it_stands_in_and_that_is_told_and_kept(ecg, ambulatory):
    made = ecg("prepare", "folder", ambulatory, "--leads", "II", "--stand-in", *PLAIN, "--json")
    assert made.code == 0, made.err
    assert made.json["preprocessing"]["stand_in"] is True
    assert "5 recordings have a modified lead that stands in for a standard one." in made.json["notes"]
    assert any("lacks lead II; it has V5, V2." in note for note in made.json["notes"])
    store = Store.open("ward")
    assert store.manifest.leads == ("II",)
    row = millivolts(3, leads=("MLII", "V1"))[:1]
    np.testing.assert_allclose(store.millivolts(3), row - np.median(row, axis=1, keepdims=True), atol=2e-3)
    other = ecg("prepare", "folder", ambulatory, "--leads", "II", *PLAIN)
    assert "made with stand_in True rather than False" in other.err


def test_with_a_mask_it_stands_in_before_anything_is_imputed(ecg, ambulatory):
    options = ("--leads", "II,V1", "--missing", "mask", *PLAIN)
    assert ecg("prepare", "folder", ambulatory, *options, "--out", "without").code == 0
    assert ecg("prepare", "folder", ambulatory, *options, "--stand-in", "--out", "with").code == 0
    assert Store.open("without").signals[0, -1].max() == 500
    assert Store.open("with").signals[0, -1].max() == 1000


@pytest.mark.parametrize("stand_in", [True, False])
def test_predict_does_as_the_bundle_was_prepared(ecg, ambulatory, tmp_path, stand_in):
    steps = Preprocessing(fs=100.0, stand_in=stand_in)
    make_bundle(tmp_path / "b", leads=("II", "V1"), samples=400, tabular=(), preprocessing=steps)
    answered = ecg("predict", tmp_path / "b", ambulatory / "r1.hea", "--json")
    assert bool(answered.code) == (not stand_in)
    if stand_in:
        assert "MLII was taken for lead II" in answered.json["predictions"][0]["notes"]
    else:
        assert "lacks lead II; it has MLII, V1" in answered.err
