"""The synthetic corpus: reproducible, grouped by patient, every label in every split."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from ecgtool.datasets.splits import Division
from ecgtool.datasets.synthetic import TASKS, Synthetic
from ecgtool.errors import ConfigError
from ecgtool.signals.synth import LABELS, RHYTHMS
from ecgtool.store import SPLITS, Store


@pytest.fixture(scope="module")
def corpus():
    return Synthetic(200, tasks=("diagnosis", "rhythm"))


def test_the_corpus_keeps_its_promises(corpus):
    assert len(corpus.entries) == 200
    assert len({entry.id for entry in corpus.entries}) == 200
    assert corpus.targets["diagnosis"].shape == (200, len(LABELS))
    assert corpus.targets["rhythm"].shape == (200,)
    assert corpus.tabular_values.shape == (200, 2)
    assert corpus.samples == 1000
    for row, entry in enumerate(corpus.entries):
        assert entry.metadata["age"] == corpus.tabular_values[row, 0]
        assert entry.metadata["sex"] == corpus.tabular_values[row, 1]


def test_patients_have_one_to_four_recordings_with_one_age_and_sex(corpus):
    recordings = {}
    for entry in corpus.entries:
        recordings.setdefault(entry.patient, []).append(entry)
    assert {len(entries) for entries in recordings.values()} == {1, 2, 3, 4}
    for entries in recordings.values():
        assert len({(entry.metadata["age"], entry.metadata["sex"]) for entry in entries}) == 1


def test_no_patient_is_in_two_splits_and_every_label_in_all(corpus):
    split = np.array([entry.split for entry in corpus.entries])
    patients = np.array([entry.patient for entry in corpus.entries])
    groups = [set(patients[split == name]) for name in SPLITS]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    for name, share in zip(SPLITS, (0.7, 0.15, 0.15), strict=True):
        assert (split == name).mean() == pytest.approx(share, abs=0.03)
        assert corpus.targets["diagnosis"][split == name].sum(axis=0).min() >= 3
        assert len(set(corpus.targets["rhythm"][split == name])) == len(RHYTHMS)


def test_what_is_drawn_carries_the_labels_of_its_targets(corpus):
    for row in range(0, 200, 7):
        entry = corpus.entries[row]
        truth = corpus.truth(entry)
        assert truth.labels == tuple(np.array(LABELS)[corpus.targets["diagnosis"][row] == 1])
        assert truth.rhythm == RHYTHMS[corpus.targets["rhythm"][row]]
        record = corpus.read(entry)
        assert (record.id, record.patient) == (entry.id, entry.patient)
        assert record.meta["sex"] == "MF"[entry.metadata["sex"]]


def test_a_recording_depends_neither_on_the_order_nor_on_how_many_there_are(corpus):
    few = Synthetic(30)
    backwards = {entry.id: few.read(entry).signal for entry in reversed(few.entries)}
    for entry in corpus.entries[:30]:
        np.testing.assert_array_equal(corpus.read(entry).signal, backwards[entry.id])
    np.testing.assert_array_equal(corpus.targets["diagnosis"][:30], few.targets["diagnosis"])


def test_another_seed_is_another_corpus(corpus):
    other = Synthetic(30, seed=43)
    assert not np.array_equal(other.read(other.entries[0]).signal, corpus.read(corpus.entries[0]).signal)
    assert not np.array_equal(other.tabular_values, corpus.tabular_values[:30])


def test_workers_can_have_it():
    corpus = Synthetic(10)
    copy = pickle.loads(pickle.dumps(corpus))
    np.testing.assert_array_equal(copy.read(copy.entries[3]).signal, corpus.read(corpus.entries[3]).signal)


def test_one_persons_recordings_look_alike_and_two_persons_do_not():
    corpus = Synthetic(60, fs=1000)
    shapes = {}
    for entry in corpus.entries:
        if entry.metadata["condition"] == "normal":
            drawing = corpus.drawing(entry)
            at = round(drawing.truth.beat_s[len(drawing.truth.beat_s) // 2] * 1000)
            shapes.setdefault(entry.patient, []).append(np.ravel(drawing.clean[:, at - 40 : at + 60]))
    firsts = [one[0] for one in shapes.values()]
    mine = [np.linalg.norm(one[0] - other) for one in shapes.values() for other in one[1:]]
    others = [np.linalg.norm(one - other) for one, other in pairwise(firsts)]
    assert np.median(mine) < 0.6 * np.median(others)


@pytest.mark.parametrize(
    "options",
    [
        {"records": 0},
        {"seconds": 1},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seed": -1},
        {"fs": 10},
        {"tasks": ("diagnosiss",)},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ConfigError):
        Synthetic(**{"records": 5, **options})


def test_a_division_is_shares_or_folds():
    marks = np.random.default_rng(0).random((400, 3)) < (0.5, 0.2, 0.05)
    patients = [f"p{item // 3}" for item in range(400)]
    dealt = Division.of("50,25,25").deal(patients, marks)
    assert [sum(split == name for split, _fold in dealt) for name in SPLITS] == pytest.approx([200, 100, 100], abs=4)
    folds = Division.of(folds=5).deal(patients, marks)
    assert {fold for _split, fold in folds} == {1, 2, 3, 4, 5}
    assert {fold for split, fold in folds if split == "test"} == {5}
    assert {fold for split, fold in folds if split == "val"} == {4}
    by_patient = {}
    for patient, (_split, fold) in zip(patients, folds, strict=True):
        assert by_patient.setdefault(patient, fold) == fold
    assert Division.of(seed=1).deal(patients, marks) != Division.of(seed=2).deal(patients, marks)


@pytest.mark.parametrize("asked", [("70,30", None), ("a,b,c", None), ("0,1,1", None), ("70,15,15", 5), ("", 2)])
def test_a_division_that_divides_nothing_is_refused(asked):
    with pytest.raises(ConfigError):
        Division.of(*asked)


def test_prepare_makes_a_store_and_says_what_to_type_next(ecg, home):
    made = ecg("prepare", "synthetic", "--records", 40, "--highpass", 0, "--json")
    assert made.code == 0
    store = Store.open("synthetic")
    assert store.signals.shape == (40, 12, 1000)
    assert store.manifest.tabular == ("age", "sex")
    assert store.manifest.calibrated
    assert [task.name for task in store.manifest.tasks] == ["diagnosis"]
    drawn = Synthetic(40).read(Synthetic(40).entries[5]).signal
    centred = drawn - np.median(drawn, axis=1, keepdims=True)
    np.testing.assert_allclose(store.millivolts(5), centred, atol=1e-3)
    again = ecg("prepare", "synthetic", "--records", 40, "--highpass", 0)
    assert again.code == 0
    assert "--arch cnn1d" in again.err


def test_a_second_task_is_added_beside_the_first(ecg, home):
    ecg("prepare", "synthetic", "--records", 30)
    assert ecg("prepare", "synthetic", "--records", 30, "--task", "rhythm").code == 0
    store = Store.open("synthetic")
    assert [task.name for task in store.manifest.tasks] == list(TASKS)
    assert store.targets(store.task("rhythm")).dtype == np.int16


def test_workers_and_rate_change_what_they_say_alone(ecg, home):
    for workers in (1, 2):
        ecg("prepare", "synthetic", "--records", 12, "--fs", 250, "--out", f"w{workers}", "--workers", workers)
    one, two = (home / "stores" / f"w{workers}" / "signals.npy" for workers in (1, 2))
    assert one.read_bytes() == two.read_bytes()
    assert Store.open("w1").manifest.fs == 250
    assert Store.open("w1").manifest.samples == 2500


def test_bad_options_are_one_line(ecg):
    for options in (("--records", 0), ("--task", "rythm"), ("--splits", "1,2"), ("--seconds", "nan")):
        refused = ecg("prepare", "synthetic", *options)
        assert refused.code == 1
        assert refused.err.startswith("error: ")
        assert refused.err.count("\n") == 1
