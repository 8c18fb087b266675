"""Which items a split means: folds that no patient straddles and every label is spread over."""

import json

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold
from support import MULTICLASS, MULTILABEL, make_store
from training_runs import small

from ecgtool.errors import ConfigError, IntegrityError
from ecgtool.run import Lineage, Run, member_configs
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.folds import fold_of, marks, split_items


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=200)


def config(folds=None, fold=None, **data):
    return TrainConfig(data={"folds": folds, "fold": fold, **data})


def rewritten(store, change):
    """The store with other rows in ``items.csv``."""
    path = store.path / "items.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(change(number, row) for number, row in enumerate(rows))]) + "\n")
    return Store.open(store.path)


def every_fold(store, folds, **data):
    return [split_items(config(folds, fold, **data), store, store.task(), "val") for fold in range(1, folds + 1)]


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_each_training_and_validation_item_is_validated_once_and_no_test_item_ever(store, folds):
    task = store.task()
    dealt = np.concatenate([store.indices("train", task), store.indices("val", task)])
    assert sorted(np.concatenate(every_fold(store, folds))) == sorted(dealt)
    assert not set(dealt) & set(store.indices("test"))


def test_no_patient_is_in_training_and_validation_of_a_fold(store):
    patients = store.items["patient"].to_numpy()
    for fold in range(1, 6):
        train, val = (split_items(config(5, fold), store, store.task(), split) for split in ("train", "val"))
        assert min(len(train), len(val)) > 0
        assert not set(patients[train]) & set(patients[val])


def test_the_test_split_stays_that_of_the_store(store):
    for settings in (config(), config(5), config(5, 2)):
        np.testing.assert_array_equal(
            split_items(settings, store, store.task(), "test"), store.indices("test", store.task())
        )


def test_a_store_without_a_test_split_is_dealt_whole(tmp_path):
    store = rewritten(make_store(tmp_path / "s", items=60, unlabelled=0), lambda _, row: row.replace(",test,", ",val,"))
    assert sorted(np.concatenate(every_fold(store, 3))) == list(range(60))


def test_folds_follow_from_their_own_seed(store):
    first, again, other = (every_fold(store, 4, fold_seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not all(np.array_equal(*pair) for pair in zip(first, other, strict=True))


def test_items_of_nobody_are_people_of_their_own(tmp_path):
    def forget(number, row):
        return row.replace(f"p{number // 2:04d}", "")

    store = rewritten(make_store(tmp_path / "s", items=60), forget)
    sizes = [len(items) for items in every_fold(store, 4)]
    assert max(sizes) - min(sizes) <= 3


@pytest.mark.parametrize("task", [MULTILABEL, MULTICLASS])
def test_every_fold_has_its_share_of_every_label(tmp_path, task):
    store = make_store(tmp_path / "s", items=300, task=task, unlabelled=0)
    items, fold = fold_of(store, task, config(5).data)
    carried = marks(store, task)[items]
    counts = np.array([carried[fold == number].sum(axis=0) for number in range(1, 6)])
    assert (np.ptp(counts, axis=0) <= 3).all()


def test_labels_are_spread_no_worse_than_by_scikit_learn(tmp_path):
    rng = np.random.default_rng(0)
    store = make_store(tmp_path / "s", items=300, task=MULTICLASS, unlabelled=0)
    patients = rng.integers(0, 80, 300)
    store = rewritten(store, lambda number, row: row.replace(f"p{number // 2:04d}", f"q{patients[number]:04d}"))
    items, fold = fold_of(store, MULTICLASS, config(5).data)
    targets = np.asarray(store.targets(MULTICLASS))[items]
    theirs = np.empty(len(items), int)
    split = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(items, targets, patients[items])
    for number, (_, held_out) in enumerate(split):
        theirs[held_out] = number

    def unevenness(parts):
        return np.std([[(targets[parts == part] == label).sum() for label in range(3)] for part in set(parts)], 0).sum()

    assert unevenness(fold) <= unevenness(theirs)


def test_unlabelled_items_are_in_no_fold(tmp_path):
    store = make_store(tmp_path / "s", items=60, unlabelled=20)
    assert max(np.concatenate(every_fold(store, 3))) < 40


def test_more_folds_than_patients_are_refused(store):
    with pytest.raises(ConfigError, match="patients cannot make 100 folds"):
        split_items(config(100, 1), store, store.task(), "val")


@pytest.mark.parametrize(
    "data", [{"folds": 1}, {"fold": 1}, {"folds": 3, "fold": 4}, {"folds": 3, "fold": 0}, {"folds": 101}]
)
def test_a_fold_that_cannot_be_is_refused(data):
    with pytest.raises(ValueError, match="fold"):
        TrainConfig(data=data)


def test_members_are_every_fold_with_every_seed():
    both = config(2).model_copy(update={"training": TrainConfig(training={"seeds": (7, 8)}).training})
    made = member_configs(both)
    assert list(made) == ["fold-1-seed-7", "fold-1-seed-8", "fold-2-seed-7", "fold-2-seed-8"]
    assert [(each.data.fold, each.training.seed, each.training.seeds) for each in made.values()] == [
        (1, 7, ()),
        (1, 8, ()),
        (2, 7, ()),
        (2, 8, ()),
    ]
    assert not any(member_configs(each) for each in made.values())
    assert list(member_configs(config(3))) == ["fold-1", "fold-2", "fold-3"]
    assert member_configs(config(3, 2)) == member_configs(config()) == {}


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    """A run of one fold."""
    return small(store, str(tmp_path_factory.mktemp("runs") / "second"), sets=["data.folds=4", "data.fold=2"])


def test_a_run_of_a_fold_is_validated_on_its_own_items(store, run):
    task = store.task()
    held_out = split_items(run, store, task, "val")
    np.testing.assert_array_equal(held_out, split_items(config(4, 2), store, task, "val"))
    assert run.metrics("val")["items"] == len(held_out)
    assert not set(store.items["patient"].to_numpy()[held_out]) & set(run.lineage.train_patients)


def test_on_another_store_a_split_is_what_that_store_says(run, tmp_path):
    other = make_store(tmp_path / "other", items=80, seed=5)
    np.testing.assert_array_equal(split_items(run, other, other.task(), "val"), other.indices("val", other.task()))


def test_a_run_is_not_validated_on_patients_it_was_trained_on(store, run, tmp_path):
    document = json.loads((run.path / "environment.json").read_text())
    lineage = Lineage.model_validate(document["lineage"])
    patients = store.items["patient"].to_numpy()[split_items(run, store, store.task(), "val")]
    leaking = lineage.model_copy(update={"train_patients": (*lineage.train_patients, patients[0])})
    damaged = Run.create(str(tmp_path / "damaged"), run.config, {}, leaking, run.norm_stats)
    with pytest.raises(IntegrityError, match="1 patients of its validation fold"):
        split_items(damaged, store, store.task(), "val")
