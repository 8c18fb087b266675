"""Simulated rhythms beside the recorded ones: of training recordings alone, with true labels, never judged."""

import numpy as np
import pytest
from drawn_beats import DrawnBeats
from support import MULTILABEL, make_store
from worded import with_sentences

from ecgtool.config import compose
from ecgtool.datasets.mitdb_beats import BINARY
from ecgtool.datasets.prepare import prepare
from ecgtool.delineation import delineate
from ecgtool.delineation.stored import add_waves
from ecgtool.errors import ConfigError
from ecgtool.models.beat_cnn import BeatCNNOptions
from ecgtool.settings import Preprocessing
from ecgtool.signals import replay
from ecgtool.training import rhythms
from ecgtool.training.contradictions import refuse_unfit_shares
from ecgtool.training.data import training_targets
from ecgtool.training.fit import fit
from ecgtool.training.plan import make_plan
from ecgtool.training.rhythms import Enlarged, enlarged
from ecgtool.waves import Wave
from ecgtool.words import CLS

STRIPS = ("augment.rhythms=2", "augment.rhythms_s=30")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    corpus = DrawnBeats()
    return prepare(corpus, tmp_path_factory.mktemp("rhythms") / "drawn", steps=Preprocessing(fs=corpus.fs))


def configured(store, *sets, arch="beat-cnn", task="aami5", **training):
    beats = {"before_s": 0.13, "after_s": 0.24, "features": ("ratio", "next_ratio"), "shapes": True}
    data = {"dataset": str(store.path), "task": task, "leads_law": False, "beats": beats}
    settings = {"epochs": 2, "batch": 64, "lr": 0.01, "device": "cpu", **training}
    return compose(flags={"arch": arch, "data": data, "training": settings}, sets=sets)


def made(store, *sets, **training):
    plan = make_plan(configured(store, *sets, **training))
    return plan, *enlarged(plan, training_targets(plan.store, plan.task, (plan.train, plan.val), plan.config))


def test_simulated_beats_come_behind_the_recorded_ones_and_are_learnt_from(store):
    plain, plan, targets = made(store, *STRIPS)
    assert isinstance(plan.store, Enlarged)
    recorded, more = plain.store.manifest.items, plan.store.manifest.items - plain.store.manifest.items
    assert more > 100
    assert plan.train.tolist() == [*plain.train.tolist(), *range(recorded, recorded + more)]
    assert plan.val.tolist() == plain.val.tolist()
    assert len(targets) == len(plan.store.signals) == len(plan.store.tabular) == recorded + more
    mixed = np.array([recorded + 1, 0, recorded, 5])
    np.testing.assert_array_equal(plan.store.signals[mixed[[1, 3]]], plain.store.signals[mixed[[1, 3]]])
    np.testing.assert_array_equal(plan.store.signals[mixed][[1, 3]], plain.store.signals[mixed[[1, 3]]])
    assert (np.ptp(plan.store.signals[mixed], axis=2)[:, 0] > 0).all()


def test_their_labels_are_those_of_such_beats_in_the_task(store):
    _, plan, targets = made(store, *STRIPS)
    simulated = targets[plan.store.view.manifest.items :]
    assert {0, 1} <= set(simulated.tolist()) <= {0, 1, 2}
    assert rhythms.labels_of(plan.store.view) == {"sinus": 0, "atrial": 1, "ventricular": 2}
    early = plan.store.tabular[plan.store.view.manifest.items :, 0]
    assert np.nanmedian(early[simulated == 1]) < np.nanmedian(early[simulated == 0]) - 0.1


def test_they_are_made_of_training_recordings_alone(store, monkeypatch):
    seen = []

    def watched(signal, *rest):
        seen.append(signal)
        return rhythms_person(signal, *rest)

    rhythms_person = rhythms.Person
    monkeypatch.setattr(rhythms, "Person", watched)
    plan, _, _ = made(store, *STRIPS)
    items = np.unique(plan.store.within[plan.train])
    assert set(np.array(store.column("split"))[items]) == {"train"}
    for item, signal in zip(items.tolist(), seen, strict=True):
        np.testing.assert_array_equal(signal, store.millivolts(item))


def test_the_same_seed_makes_the_same_and_another_one_others(store):
    first, second, other = (made(store, *STRIPS, seed=seed)[1].store.more.signals for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert first.shape != other.shape or (first != other).any()


def test_a_run_learns_from_them_and_is_judged_without(store, tmp_path):
    run = fit(configured(store, *STRIPS, "model.by_features=2"), str(tmp_path / "run"))
    assert run.lineage.store_digest == make_plan(run.config).store.digest(run.lineage.task)
    judged = (run.path / "metrics_val.json").read_text()
    assert f'"items": {len(make_plan(run.config).val)}' in judged


def test_recordings_too_short_to_be_played_are_told(store, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "FEWEST", 10_000)
    run = fit(configured(store, *STRIPS, epochs=1), str(tmp_path / "run"))
    assert "augment.rhythms adds nothing" in (run.path / "run.log").read_text()


def test_whoever_reads_whole_recordings_is_refused(tmp_path):
    whole = make_store(tmp_path / "toy", items=40)
    with pytest.raises(ConfigError, match=r"augment.rhythms simulates heartbeats, but cnn1d") as told:
        make_plan(configured(whole, *STRIPS, arch="cnn1d", task=""))
    assert "--task of heartbeats" in told.value.hint


def test_permuted_labels_are_refused(store):
    with pytest.raises(ConfigError, match="shuffle_labels"):
        make_plan(configured(store, *STRIPS, "data.shuffle_labels=true"))


def test_features_that_are_to_tell_every_label_are_refused(store):
    with pytest.raises(ConfigError, match=r"model.by_features is 5, which leaves none of the 5 labels") as told:
        make_plan(configured(store, "model.by_features=5"))
    assert told.value.hint == "Give at most 4."


def test_features_may_be_asked_to_tell_both_labels_of_a_task_of_two_so_that_a_recipe_serves_both():
    refuse_unfit_shares(BeatCNNOptions(by_features=2), BINARY)
    with pytest.raises(ConfigError, match=r"by_features is 3, which leaves none of the 2 labels of the task 'binary'"):
        refuse_unfit_shares(BeatCNNOptions(by_features=3), BINARY)


def test_features_tell_no_labels_that_do_not_exclude_each_other():
    with pytest.raises(ConfigError, match="do not exclude each other"):
        refuse_unfit_shares(BeatCNNOptions(by_features=2), MULTILABEL)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The same recordings with sentences."""
    corpus = DrawnBeats()
    store = prepare(corpus, tmp_path_factory.mktemp("told") / "drawn", steps=Preprocessing(fs=corpus.fs))
    held = store.manifest

    def waves(item):
        peaks = store.beats.sample[store.beats.item == item].astype(np.int64)
        return delineate(store.millivolts(item), held.fs, held.leads, "wavelet", peaks)

    return with_sentences(add_waves(store, "waves", lambda items: map(waves, items)))


SMALL = ("model.layers=1", "model.width=8", "model.channels=2", "model.points=8", "model.longest=200")


def test_a_network_of_sentences_is_given_sentences_of_the_same_words(told):
    plan = make_plan(configured(told, *STRIPS, *SMALL, arch="ecgbert"))
    plan, targets = enlarged(plan, training_targets(plan.store, plan.task, (plan.train, plan.val), plan.config))
    store, first = plan.store, plan.store.view.manifest.items
    assert plan.train[-1] == store.manifest.items - 1 >= first
    items = np.array([first, 0, store.manifest.items - 1])
    tokens = store.tokens(items)
    np.testing.assert_array_equal(tokens[1], store.view.tokens(items[1:2])[0])
    assert tokens[..., 0].max() < store.manifest.words.ids
    assert (tokens[:, 0, 0] == CLS).all()
    assert store.signals[items].shape == (3, 1, store.manifest.samples)
    asked = targets[first:] >= 0
    assert asked.any(axis=1).all()
    known = np.isfinite(store.tabular[first:]).any(axis=2)
    assert (known | ~asked).all()
    words = np.unique(store.more.tokens[..., 0][asked])
    assert set(store.view.stored.vocabulary.kinds[words].tolist()) == {Wave.QRS}


def test_a_network_of_sentences_learns_from_them(told, tmp_path):
    run = fit(configured(told, *STRIPS, *SMALL, arch="ecgbert", epochs=1), str(tmp_path / "run"))
    assert (run.path / "metrics_val.json").is_file()
