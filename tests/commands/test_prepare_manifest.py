"""From a manifest of clinical XML to a prediction, with leads that not every recording has."""

import json

import numpy as np
import pytest
from corpora import contents
from manifests import SECRETS, rows_of, write_manifest, write_muse

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.store import Store

LACKING = (0, 5, 11, 19, 26, 33)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A manifest of 40 recordings of 4 s, six of them without V6."""
    folder = tmp_path_factory.mktemp("clinic")
    return write_manifest(folder, rows_of(folder, 40, lacking=LACKING))


@pytest.fixture
def masked(ecg, manifest):
    """The store of it with a mask; items of 5 s, so that all lie between zeros."""
    made = ecg("prepare", "manifest", manifest, "--missing", "mask", "--fs", 100, "--length", 500, "--json")
    assert made.code == 0, made.err
    return made


@pytest.fixture
def lacking_v6(tmp_path):
    """A recording of somebody else, without V6."""
    record = Synthetic(60, 4, seed=9, fs=500).read(Synthetic(60, 4, seed=9, fs=500).entries[7])
    return write_muse(tmp_path / "new.xml", record, ("I", "II", "V1", "V2", "V3", "V4", "V5"))


def test_by_default_items_are_ten_seconds_of_eight_leads_at_500_hz(ecg, manifest):
    made = ecg("prepare", "manifest", manifest, "--json")
    assert made.code == 0, made.err
    store = Store.open("cohort")
    assert made.json["store"] == "cohort"
    assert store.manifest.leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    assert store.signals.shape == (40 - len(LACKING), 8, 5000)
    assert store.manifest.preprocessing.highpass == 0.05
    assert "6 recordings cannot be used: Record 'line2' lacks lead V6" in made.err
    first = store.millivolts(0)
    assert not first[:, :1500].any()
    assert not first[:, 3500:].any()
    assert np.ptp(first[:, 1500:3500]) > 0.5


def test_twelve_leads_are_derived_from_eight(ecg, manifest):
    assert ecg("prepare", "manifest", manifest, "--leads", 12, "--fs", 100, "--length", 300).code == 0
    store = Store.open("cohort")
    assert store.signals.shape == (40 - len(LACKING), 12, 300)
    one, two, three = store.millivolts(0)[:3]
    assert np.ptp(three - (two - one)) < 0.004  # the median of each is taken off


def test_the_mask_is_a_ninth_input(ecg, masked):
    store = Store.open("cohort")
    assert store.manifest.leads[-1] == "mask"
    assert store.signals.shape == (40, 9, 500)
    shares = store.signals[:, -1]
    assert set(np.unique(shares)) == {0, 875, 1000}
    without = [f"line{number + 2}" for number in LACKING]
    ids = np.array(store.column("id"))
    assert ids[shares.max(axis=1) == 875].tolist() == without
    assert "6 recordings lack leads; these were imputed." in masked.err


def test_an_item_with_a_mask_is_drawn_and_described_without_it(ecg, masked):
    record = Store.open("cohort").record(0)
    assert record.leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    assert record.meta["recorded"] == 0.875
    assert record.meta["device"] == "MAC5000"
    assert Store.open("cohort").record(1).meta["recorded"] == 1
    drawn = ecg("plot", "cohort:line2", "--out", "item.svg", "--json")
    assert drawn.code == 0, drawn.err
    assert "mask" not in drawn.json["leads"]
    told = ecg("info", "cohort:line2", "--json")
    assert told.code == 0, told.err
    assert "mask" not in json.dumps(told.json)


@pytest.mark.parametrize("arch", ["cnn1d", "xlstm"])
def test_a_model_with_a_mask_goes_from_training_to_a_prediction(ecg, home, manifest, masked, lacking_v6, arch):
    trained = ecg("train", "--dataset", "cohort", "--arch", arch, "--epochs", 1, "--batch", 14, "--out", "first")
    assert trained.code == 0, trained.err
    stats = json.loads((home / "runs" / "first" / "norm_stats.json").read_text())
    assert stats["leads"][-1] == "mask"
    assert (stats["mean_mv"][-1], stats["std_mv"][-1]) == (0, 1)
    assert 0.01 < min(stats["std_mv"][:-1]) < max(stats["std_mv"][:-1]) < 1
    exported = ecg("export", "first", "--json")
    assert exported.code == 0, exported.err
    bundle = json.loads((home / "bundles" / "first" / "bundle.json").read_text())
    assert bundle["inputs"]["signal"] == ["batch", 9, 500]
    assert bundle["inputs"]["metadata"] == ["batch", 5]

    answered = ecg("predict", "first", lacking_v6, "--meta", "device=cardiograph 7", "--meta", "lvef=41", "--json")
    assert answered.code == 0, answered.err
    (prediction,) = answered.json["predictions"]
    assert prediction["metadata"]["device=Cardiograph 7"] == 1
    assert "lead V6 was not recorded" in prediction["notes"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)

    known = Store.open("cohort").record(0).meta
    told = [part for name in ("lvef", "device") for part in ("--meta", f"{name}={known[name]}")]
    file = next(manifest.parent.glob("ecg/*_0.xml"))
    read = ecg("predict", "first", file, *told, "--age", known["age"], "--sex", known["sex"], "--json")
    stored = ecg("predict", "first", "cohort:line2", "--json")
    assert (read.code, stored.code) == (0, 0), read.err + stored.err
    chances = [answer.json["predictions"][0]["probabilities"]["1"] for answer in (read, stored)]
    assert chances[0] == pytest.approx(chances[1], abs=1e-4)
    for name, data in contents(home).items():
        assert not any(secret.encode() in data for secret in SECRETS if len(secret) > 5), name


def test_without_a_mask_a_recording_that_lacks_a_lead_is_refused(ecg, manifest, lacking_v6):
    assert ecg("prepare", "manifest", manifest, "--fs", 100, "--length", 500, "--inputs", "none").code == 0
    assert Store.open("cohort").manifest.tabular == ()
    assert ecg("train", "--dataset", "cohort", "--arch", "cnn1d", "--epochs", 1, "--out", "eight").code == 0
    assert ecg("export", "eight").code == 0
    refused = ecg("predict", "eight", lacking_v6)
    assert refused.code == 1
    assert "lacks lead V6" in refused.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--leads", 9), "8 (I, II, V1-V6) or 12"),
        (("--inputs", "agee"), "Did you mean 'age'?"),
        (("--root", "nowhere"), "The folder nowhere does not exist."),
        (("--key", "nothing.key"), "nothing.key"),
        (("--missing", "impute"), "missing"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line(ecg, manifest, options, said):
    refused = ecg("prepare", "manifest", manifest, *options)
    assert refused.code == 1
    assert said in refused.err
    assert refused.err.count("error:") == 1


def test_a_manifest_whose_name_no_store_can_have_becomes_one_that_a_store_can(ecg, manifest, home):
    odd = manifest.with_name("my cohort (2).csv")
    odd.write_bytes(manifest.read_bytes())
    assert ecg("prepare", "manifest", odd, "--fs", 100, "--length", 300).code == 0
    assert (home / "stores" / "my-cohort-2" / "manifest.json").is_file()
