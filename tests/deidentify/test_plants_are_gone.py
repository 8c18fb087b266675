"""Nothing of forty planted identifiers is in what de-identification writes or says; the ECG is the same to the bit."""

import json

import numpy as np
import planted_binary
import planted_dicom
import planted_xml
import pytest
from plants import PLANTS, found_below, found_in

from ecgtool.formats import read_record

MAKERS = {
    "wfdb": planted_binary.wfdb,
    "wfdb segments": planted_binary.wfdb_segments,
    "edf": planted_binary.edf,
    "bdf": planted_binary.bdf,
    "npy": planted_binary.npy,
    "npz": planted_binary.npz,
    "csv": planted_binary.csv,
    "mat": planted_binary.mat,
    "scp": planted_binary.scp,
    "scp packed": planted_binary.scp_packed,
    "dicom": planted_dicom.dicom,
    "muse": planted_xml.muse,
    "muse in UTF-16": planted_xml.muse_wide,
    "philips": planted_xml.philips,
    "philips packed": planted_xml.philips_packed,
    "aecg": planted_xml.aecg,
    "schiller": planted_xml.schiller,
}


@pytest.fixture(params=MAKERS, ids=lambda name: name.replace(" ", "-"))
def planted(request, tmp_path):
    """A folder of one person's recording, named after them."""
    folder = tmp_path / "in" / PLANTS["folder name"]
    folder.mkdir(parents=True)
    return MAKERS[request.param](folder)


def test_the_search_finds_every_plant_in_the_original(planted):
    found = {kind for kinds in found_below(planted.parents[1]).values() for kind in kinds}
    assert found == set(PLANTS)


@pytest.mark.parametrize(
    ("keep", "to"),
    [
        ((), ()),
        (("--keep", "age,sex"), ()),
        (("--keep", "age,sex"), ("--to", "wfdb")),
        ((), ("--to", "npy")),
        (("--keep", "sex,age"), ("--to", "edf")),
    ],
    ids=["bare", "kept", "wfdb", "npy", "edf"],
)
def test_nothing_that_was_planted_is_left_and_the_samples_are_the_same(planted, tmp_path, ecg, keep, to):
    out = tmp_path / "out" / "clean"
    done = ecg("deidentify", tmp_path / "in", "--out", out, "-v", *keep, *to)
    if "edf" in to and np.isnan(read_record(planted).signal).any():
        assert done.code == 1, "EDF has no mark for a missing sample"
        assert not out.exists()
        return
    assert done.code == 0, done.err
    assert found_below(out.parent) == {}
    assert found_in((done.out + done.err).encode()) == []
    audit = json.loads((out / "deidentify.json").read_text())
    original, clean = read_record(planted), read_record(out / audit["files"][0]["file"])
    assert (clean.fs, clean.signal.shape, clean.calibrated) == (original.fs, original.signal.shape, original.calibrated)
    if to:
        np.testing.assert_allclose(clean.signal, original.signal, atol=0.001)
    else:
        np.testing.assert_array_equal(clean.signal, original.signal)
    assert clean.patient in ("", audit["files"][0]["patient"])
    assert "2014" not in str(clean.meta.get("start", "")) or audit["files"][0]["dates"]
    states = {"age", "sex"} & set(original.meta)
    if not to and audit["files"][0]["format"] == "schiller":
        states -= {"age"}  # has a birth date instead, which is never kept
    age = original.meta.get("age")
    assert audit["files"][0]["kept"] == sorted(states if keep else ())
    assert clean.meta.get("age") == (min(int(age), 90) if keep and "age" in states else None)
    assert clean.meta.get("sex") == ("F" if keep and "sex" in states else None)
    assert audit["files"][0]["age_capped"] == bool(keep and "age" in states and age >= 90)


def test_a_file_given_alone_is_cleaned_too(planted, tmp_path, ecg):
    done = ecg("deidentify", planted, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert found_below(tmp_path / "out") == {}
    assert found_in((done.out + done.err).replace(str(tmp_path), "").encode()) == []
    assert done.json["recordings"] == 1
    assert done.json["removed"]["file name"] == 1
