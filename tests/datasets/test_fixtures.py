"""The fixtures show what their labels say, measured in the store; and what does not show it fails."""

import json

import numpy as np
import pytest

from ecgtool.datasets.fixtures import CRITERIA, prove
from ecgtool.datasets.presets import PRESETS, Fixtures
from ecgtool.datasets.synthetic import DIAGNOSIS, Synthetic
from ecgtool.errors import ConfigError, DataError
from ecgtool.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the command made, and its store."""
    from ecgtool.commands.prepare.synthetic import synthetic

    out = tmp_path_factory.mktemp("fixtures") / "store"
    return synthetic(preset="fixtures", out=str(out)), Store.open(out)


def test_every_finding_is_measured_in_what_was_drawn(made):
    result, store = made
    assert result.code == 0
    assert result.data["passed"]
    assert [proof["label"] for proof in result.data["waveforms"]] == [criterion.label for criterion in CRITERIA]
    assert store.signals.shape == (52, 12, 5000)
    proofs = {proof["label"]: proof for proof in result.data["waveforms"]}
    assert min(proofs["st_elevation"]["present"]) > 1 > max(proofs["st_elevation"]["absent"])
    assert min(proofs["afib"]["present"]) > 0.1 > max(proofs["afib"]["absent"])
    assert min(proofs["tachycardia"]["present"]) > 100 > max(proofs["tachycardia"]["absent"])
    assert max(proofs["bradycardia"]["present"]) < 60 < min(proofs["bradycardia"]["absent"])
    assert min(proofs["bundle_branch_block"]["present"]) > 120 > max(proofs["bundle_branch_block"]["absent"])


@pytest.mark.parametrize("seed", [1, 2])
def test_it_holds_for_other_seeds_too(ecg, seed):
    made = ecg("prepare", "synthetic", "--preset", "fixtures", "--seed", seed, "--json")
    assert made.code == 0, made.err
    assert made.json["passed"]


def test_each_patient_has_one_finding_and_two_recordings_one_of_them_noisy():
    corpus = Synthetic(preset="fixtures")
    assert (len(corpus.entries), corpus.fs) == (Fixtures.records, 500)
    for first, second in zip(corpus.entries[::2], corpus.entries[1::2], strict=True):
        assert first.patient == second.patient
        assert corpus.truth(first).labels == corpus.truth(second).labels
        quiet, loud = (corpus.drawing(entry) for entry in (first, second))
        assert np.std(quiet.record.signal - quiet.clean) < 0.5 * np.std(loud.record.signal - loud.clean)
    assert len({entry.metadata["condition"] for entry in corpus.entries}) == 10


def swap_labels(store, folder):
    """A copy of a store of which the labels of the first two items that differ are exchanged."""
    import shutil

    shutil.copytree(store.path, folder)
    targets = np.load(folder / "targets" / "diagnosis.npy")
    other = next(item for item in range(len(targets)) if "st_elevation" in store.labels_of(item, DIAGNOSIS))
    targets[[0, other]] = targets[[other, 0]]
    np.save(folder / "targets" / "diagnosis.npy", targets)
    return Store.open(folder), [store.column("id")[0], store.column("id")[other]]


def test_a_label_that_the_signal_does_not_show_is_found(made, tmp_path):
    changed, items = swap_labels(made[1], tmp_path / "swapped")
    proof = next(proof for proof in prove(changed) if proof.criterion.label == "st_elevation")
    assert not proof.passed
    assert proof.wrong == items


def test_the_command_fails_where_a_finding_is_not_shown(ecg, home, made, tmp_path):
    assert ecg("prepare", "synthetic", "--preset", "fixtures").code == 0
    path = home / "stores" / "fixtures" / "targets" / "diagnosis.npy"
    targets = np.load(path)
    targets[0, DIAGNOSIS.labels.index("afib")] = 1
    np.save(path, targets)
    failed = ecg("prepare", "synthetic", "--preset", "fixtures", "--json")
    assert failed.code == 1
    assert "afib is not shown: 00000_0." in failed.err
    assert not json.loads(failed.out)["passed"]


def test_a_finding_that_no_item_has_is_not_proven(ecg):
    few = ecg("prepare", "synthetic", "--preset", "fixtures", "--records", 4)
    assert few.code == 1
    assert "st_elevation is not shown: no item to measure." in few.err


def test_a_strong_high_pass_takes_the_elevation_away(ecg):
    made = ecg("prepare", "synthetic", "--preset", "fixtures", "--highpass", 2, "--highpass-filter", "butterworth")
    assert made.code == 1
    assert "st_elevation is not shown" in made.err


def test_presets_are_named():
    assert set(PRESETS) == {"standard", "fixtures"}
    with pytest.raises(ConfigError, match="no preset 'fixture'"):
        Synthetic(5, preset="fixture")


def test_a_store_without_the_leads_cannot_be_proven(made, tmp_path):
    import shutil

    shutil.copytree(made[1].path, tmp_path / "eleven")
    manifest = tmp_path / "eleven" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"V6"', '"V9"'))
    with pytest.raises(DataError, match="lacks lead V6"):
        prove(Store.open(tmp_path / "eleven"))
