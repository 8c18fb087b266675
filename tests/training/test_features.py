"""Averages of weights, mixup, curricula and oversampling in whole trainings: what is validated, what goes on."""

import pytest
import torch
from support import MULTICLASS, make_store

from ecgtool.config import compose
from ecgtool.errors import ConfigError, EcgError
from ecgtool.models.contract import load_run
from ecgtool.training import recorder
from ecgtool.training.fit import fit
from ecgtool.training.history import read_history

AUGMENTED = ("augment.use=[shift, scale, noise, drop]",)
FEATURES = {
    "ema": ("training.ema=0.9",),
    "swa": ("training.swa=0.5", "training.scheduler=cosine"),
    "swa and plateau": ("training.swa=0.4", "training.scheduler=plateau"),
    "mixup": ("training.mixup=0.4",),
    "quality": ("training.curriculum=quality", "training.curriculum_start=0.3"),
    "loss": ("training.curriculum=loss", "training.curriculum_end=0.8"),
    "oversampling": ("training.oversample=balanced",),
    "smoothing": ("training.label_smoothing=0.1",),
    "plateau": ("training.scheduler=plateau", "training.plateau_patience=1", "training.plateau_factor=0.3"),
    "all": (
        *("training.ema=0.9", "training.mixup=0.4", "training.curriculum=loss", "training.oversample=balanced"),
        *("training.accumulate=2", "training.label_smoothing=0.1", "training.scheduler=plateau"),
        *("training.plateau_patience=1", "training.keep_last=2", *AUGMENTED),
    ),
    "all with swa": (
        *("training.swa=0.5", "training.mixup=0.4", "training.curriculum=quality", "training.oversample=balanced"),
        *("training.accumulate=3", "training.scheduler=onecycle", "training.keep_every=2", *AUGMENTED),
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=100)


@pytest.fixture(scope="module")
def train(store, tmp_path_factory):
    """Train a tiny network: ``train(sets, epochs=2)`` is the run; the same arguments give the same run again."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def run(sets=(), *, out=None, resume=None, **training):
        key = (*sets, *sorted(training.items()))
        if out or resume or key not in made:
            settings = {"epochs": 5, "batch": 16, "lr": 0.01, "device": "cpu", **training}
            flags = {"arch": "cnn1d", "data": {"dataset": str(store.path)}, "model": {"width": 4, "stages": 2}}
            name = str(out or folder / str(len(made)))
            fitted = fit(compose(flags=flags | {"training": settings}, sets=sets), name, resume and str(resume))
            if out or resume:
                return fitted
            made[key] = fitted
        return made[key]

    return run


def curve(run):
    return [[row[name] for name in row if name not in ("seconds", "time")] for row in read_history(run)]


def weights(run, which="best"):
    return load_run(run, which).state_dict()


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(value, right[name]) for name, value in left.items())


class Killed(BaseException):
    """Stands for kill -9: nothing in between catches it."""


def stopped_at(monkeypatch, epoch):
    """End the process, so to say, in the middle of an epoch, counted from 1."""
    real = recorder.Recorder.on_train_batch_end

    def stop(self, *given):
        real(self, *given)
        if len(self.history) == epoch - 1:
            raise Killed

    monkeypatch.setattr(recorder.Recorder, "on_train_batch_end", stop)


@pytest.mark.parametrize("feature", ["all", "all with swa", "swa and plateau"])  # which have all the others in them
def test_a_run_that_is_stopped_goes_on_to_the_last_digit(train, tmp_path, monkeypatch, feature):
    sets = FEATURES[feature]
    whole = train(sets)
    with monkeypatch.context() as patch:
        stopped_at(patch, 4)
        with pytest.raises(Killed):
            train(sets, out=tmp_path / "torn")
    resumed = train(resume=tmp_path / "torn")
    assert len(curve(resumed)) == 5
    assert curve(resumed) == curve(whole)
    assert same(weights(resumed), weights(whole))
    assert same(weights(resumed, "last"), weights(whole, "last"))


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_changes_what_is_learnt(train, feature):
    assert curve(train(FEATURES[feature])) != curve(train())


@pytest.mark.parametrize("feature", ["ema", "swa", "all", "all with swa"])
def test_the_best_checkpoint_holds_the_weights_that_were_validated(train, store, feature):
    run = train(FEATURES[feature])
    best = max(read_history(run), key=lambda row: row["val_macro_auroc"])
    assert run.metrics("val")["values"]["macro_auroc"]["value"] == pytest.approx(best["val_macro_auroc"], abs=1e-6)


def test_the_steps_of_a_curriculum_are_those_of_its_smaller_epochs(train):
    run = train(FEATURES["quality"])
    steps = torch.load(run.checkpoint("last"), weights_only=True)["global_step"]
    assert steps == sum(-(-items // 16) for items in (18, 35, 52, 60, 60))
    assert read_history(run)[-1]["lr"] < 1e-4


def test_epochs_that_are_kept_are_the_newest_and_every_so_many(train):
    def kept(run):
        return sorted(path.name for path in (run.path / "checkpoints").glob("epoch-*.pt"))

    assert kept(train(FEATURES["all"])) == ["epoch-004.pt", "epoch-005.pt"]
    assert kept(train(FEATURES["all with swa"])) == ["epoch-002.pt", "epoch-004.pt"]
    assert kept(train()) == []


def test_a_kept_epoch_is_what_was_validated_and_may_be_started_from(train, tmp_path):
    run = train(("training.keep_last=5",))
    best = max(read_history(run), key=lambda row: row["val_macro_auroc"])
    path = run.path / "checkpoints" / f"epoch-{best['epoch']:03d}.pt"
    assert path.read_bytes() == run.checkpoint("best").read_bytes()
    assert len(curve(train(out=tmp_path / "on", init=str(path), epochs=1))) == 1


def test_older_epochs_go_only_when_the_newer_one_is_there(train, tmp_path, monkeypatch):
    real, written = recorder.write_file, []

    def write(path, fill):
        written.append(sorted(file.name for file in path.parent.glob("epoch-*.pt")))
        if len(written) == 6:
            raise EcgError("no space left")
        return real(path, fill)

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write_file", write)
        with pytest.raises(EcgError, match="no space left"):
            train(("training.keep_last=1",), out=tmp_path / "full")
    assert ["epoch-001.pt", "epoch-002.pt"] in written
    assert all(written[written.index(["epoch-001.pt"]) :])
    assert curve(train(resume=tmp_path / "full")) == curve(train(("training.keep_last=1",)))
    assert [path.name for path in (tmp_path / "full" / "checkpoints").glob("epoch-*.pt")] == ["epoch-005.pt"]


@pytest.mark.parametrize("loss", ["ce", "bce", "focal"])
def test_mixup_blends_the_targets_of_every_loss(tmp_path, loss):
    store = make_store(tmp_path / "beats", items=60, task=MULTICLASS)
    flags = {"arch": "cnn1d", "data": {"dataset": str(store.path)}, "model": {"width": 4, "stages": 2}}
    settings = {"epochs": 1, "batch": 20, "loss": loss, "mixup": 1.0, "class_weights": "balanced", "device": "cpu"}
    mixed = fit(compose(flags=flags | {"training": settings}), str(tmp_path / "mixed"))
    apart = fit(compose(flags=flags | {"training": settings | {"mixup": 0.0}}), str(tmp_path / "apart"))
    assert curve(mixed) != curve(apart)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("training.ema=0.9", "training.swa=0.5"), "exclude each other"),
        (("training.swa=0.5", "training.early_stop=2"), "which --early-stop may never reach"),
        (("training.loss=focal", "training.label_smoothing=0.1"), "no meaning with the loss 'focal'"),
        (("training.ema=1",), "training.ema"),
        (("training.curriculum_start=0",), "training.curriculum_start"),
        (("training.curriculum=easy",), "training.curriculum"),
    ],
)
def test_what_cannot_be_is_one_error_and_no_run(train, tmp_path, sets, said):
    with pytest.raises(ConfigError, match=said):
        train(sets, out=tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_oversampling_beside_balanced_weights_is_told(train, tmp_path, caplog):
    train(("training.oversample=balanced",), out=tmp_path / "both", class_weights="balanced", epochs=1)
    assert "oversampled and weighted" in caplog.text
