"""A whole training: same numbers, stops at any instant, checkpoints, what is refused."""

import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import MULTICLASS, make_store
from torch import nn

from ecgtool.config import compose
from ecgtool.errors import ConfigError, DataError, EcgError, IntegrityError
from ecgtool.files import locked_folder
from ecgtool.models import ARCHITECTURES
from ecgtool.models.contract import ModelSpec, load_run
from ecgtool.run import Run
from ecgtool.settings import Section
from ecgtool.training import recorder
from ecgtool.training.fit import fit
from ecgtool.training.history import EVENTS, read_history

CURVE = ("epoch", "train_loss", "val_loss", "val_macro_auroc", "lr")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=100)


@pytest.fixture
def train(store):
    """Train a tiny network on the toy store: ``train("name", epochs=2, sets=["training.lr=0.1"])``."""

    def run(name, sets=(), dataset=None, resume=None, **training):
        flags = {
            "arch": "cnn1d",
            "data": {"dataset": str(dataset.path if dataset else store.path)},
            "model": {"width": 4, "stages": 2},
            "training": {"epochs": 3, "batch": 20, "lr": 0.01, **training},
        }
        return fit(compose(flags=flags, sets=sets), f"./{name}", resume)

    return run


def curve(run):
    return [[row[name] for name in CURVE] for row in read_history(run)]


def weights(run, which="best"):
    return load_run(run, which).state_dict()


def same(left, right):
    return all(torch.equal(value, right[name]) for name, value in left.items())


@pytest.fixture(scope="module")
def plain(store, tmp_path_factory):
    """A finished run to compare with."""
    flags = {
        "arch": "cnn1d",
        "data": {"dataset": str(store.path)},
        "model": {"width": 4, "stages": 2},
        "training": {"epochs": 3, "batch": 20, "lr": 0.01},
    }
    return fit(compose(flags=flags), str(tmp_path_factory.mktemp("runs") / "plain"))


def test_the_same_seed_gives_the_same_run_and_another_seed_another(train, plain):
    again = train("again")
    assert curve(again) == curve(plain)
    assert same(weights(again), weights(plain))
    assert curve(train("other", seed=7)) != curve(plain)


def test_the_labels_are_learnt(train):
    history = read_history(train("longer", epochs=12, lr=0.02))
    assert history[-1]["train_loss"] < 0.6 * history[0]["train_loss"]
    assert max(row["val_macro_auroc"] for row in history) > 0.9


def test_permuted_labels_are_not(train):
    history = read_history(train("shuffled", ["data.shuffle_labels=true"], epochs=6))
    assert 0.2 < history[-1]["val_macro_auroc"] < 0.8


def test_a_run_holds_what_it_promises(plain):
    names = {path.relative_to(plain.path).as_posix() for path in plain.path.rglob("*") if path.is_file()}
    assert names == {
        "config.yaml",
        "environment.json",
        "metrics.csv",
        "checkpoints/best.pt",
        "checkpoints/last.ckpt",
        "norm_stats.json",
        "normalization_params.npz",
        "metrics_val.json",
        "calibration.json",
        "run.log",
        EVENTS,
    }
    assert (plain.path / "run.log").read_text().count("epoch ") == 3
    assert (plain.path / "metrics.csv").read_text().splitlines()[0] == (
        "epoch,train_loss,val_loss,val_macro_auroc,lr,seconds"
    )


def test_nothing_is_written_beside_the_run(train, tmp_path):
    train("alone", epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["alone"]


@pytest.mark.parametrize("name", ["best.pt", "last.ckpt"])
def test_checkpoints_hold_plain_values_and_tensors(plain, name):
    document = torch.load(plain.path / "checkpoints" / name, weights_only=True)
    assert {"state_dict", "hyper_parameters", "epoch", "global_step", "pytorch-lightning_version"} <= set(document)
    assert all(key.startswith("model.") for key in document["state_dict"])
    assert document["hyper_parameters"]["config"] == plain.config.model_dump(mode="json")
    assert document["hyper_parameters"]["task"]["labels"] == ["SLOW", "FAST", "STEP"]
    json.dumps(document["hyper_parameters"])


def test_the_best_checkpoint_is_that_of_the_best_epoch(plain):
    history = read_history(plain)
    best = max(range(len(history)), key=lambda index: history[index]["val_macro_auroc"])
    assert torch.load(plain.path / "checkpoints" / "best.pt", weights_only=True)["epoch"] == best
    measured = plain.metrics("val")["values"]["macro_auroc"]["value"]
    assert measured == pytest.approx(history[best]["val_macro_auroc"], abs=1e-6)


def test_events_read_as_tensorboard_reads_them(plain):
    import struct

    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data, events = (plain.path / EVENTS).read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked_crc32c(data[:8])
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked_crc32c(data[12 : 12 + length])
        events.append(Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    assert events[0].file_version == "brain.Event:2"
    losses = [value.simple_value for event in events[1:] for value in event.summary.value if value.tag == "train_loss"]
    assert losses == pytest.approx([row["train_loss"] for row in read_history(plain)])


class Killed(BaseException):
    """Stands for kill -9: nothing in between catches it."""


def stop_at(monkeypatch, number, stop):
    """Let the writes of the recorder before the n-th succeed, and end the process, so to say, at it."""
    real, count = recorder.write_file, iter(range(1, 10_000))

    def write(path, fill):
        if next(count) == number:
            raise stop
        return real(path, fill)

    monkeypatch.setattr(recorder, "write_file", write)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("scheduler", ["onecycle", "plateau"])
def test_a_run_killed_at_any_checkpoint_goes_on_to_the_same_digits(train, monkeypatch, number, scheduler):
    settings = {"scheduler": scheduler, "early_stop": 3, "epochs": 5}
    whole = train("whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, number, Killed())
        with pytest.raises(Killed):
            train("torn", **settings)
    resumed = train("ignored", resume="./torn")
    assert resumed.name == "torn"
    assert curve(resumed) == curve(whole)
    assert same(weights(resumed), weights(whole))
    assert same(weights(resumed, "last"), weights(whole, "last"))
    table = [line.rsplit(",", 1)[0] for line in (resumed.path / "metrics.csv").read_text().splitlines()]
    assert table == [line.rsplit(",", 1)[0] for line in (whole.path / "metrics.csv").read_text().splitlines()]


def test_a_run_stopped_in_the_middle_of_an_epoch_goes_on_to_the_same_digits(train, plain, monkeypatch):
    real, count = recorder.Recorder.on_train_batch_end, iter(range(100))

    def stop(self, *given):
        if next(count) == 4:
            raise KeyboardInterrupt
        real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(recorder.Recorder, "on_train_batch_end", stop)
        with pytest.raises(KeyboardInterrupt, match=r"go on with: ecg train --resume .*torn"):
            train("torn")
    resumed = train("ignored", resume="./torn")
    assert curve(resumed) == curve(plain)
    assert same(weights(resumed), weights(plain))


def test_an_augmented_run_goes_on_to_the_same_digits_in_the_middle_of_an_epoch_too(train, plain, monkeypatch):
    real, count = recorder.Recorder.on_train_batch_end, iter(range(100))
    sets = ["augment.use=[stretch, shift, scale, wander, muscle, noise, drop, crop]", "augment.probability=0.8"]

    def stop(self, *given):
        if next(count) == 7:
            raise KeyboardInterrupt
        real(self, *given)

    whole = train("whole", sets)
    with monkeypatch.context() as patch:
        patch.setattr(recorder.Recorder, "on_train_batch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            train("torn", sets)
    resumed = train("ignored", resume="./torn")
    assert curve(resumed) == curve(whole) != curve(plain)
    assert same(weights(resumed), weights(whole))


def test_loader_processes_do_not_change_a_resumed_run(train, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 3, Killed())
        with pytest.raises(Killed):
            train("torn", workers=1)
    whole = train("whole", workers=1)
    assert curve(train("ignored", resume="./torn")) == curve(whole)


def test_a_full_disk_is_one_line_and_the_run_goes_on(train, plain, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 3, EcgError("no space left"))
        with pytest.raises(EcgError, match="no space left") as caught:
            train("full")
    assert "Then go on with: ecg train --resume" in caught.value.hint
    assert curve(train("ignored", resume="./full")) == curve(plain)


def test_the_systems_word_for_a_full_disk_becomes_ours(train, monkeypatch):
    def full(buffer, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ecgtool.files.flush", full)
    with pytest.raises(EcgError, match="No space left on device"):
        train("full")


def test_resuming_a_finished_run_changes_nothing(train):
    run = train("done")
    before = (run.path / "checkpoints" / "last.ckpt").read_bytes()
    train("ignored", resume="./done")
    assert (run.path / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_run_that_another_process_is_at_is_left_to_it(train):
    run = train("busy", epochs=1)
    before = (run.path / "checkpoints" / "last.ckpt").read_bytes()
    with locked_folder(run.path), pytest.raises(ConfigError, match=r"Another process is writing .*busy"):
        train("ignored", resume="./busy")
    assert (run.path / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_run_does_not_go_on_with_other_data(train, tmp_path):
    store = make_store(tmp_path / "mine", items=60)
    run = train("mine-run", dataset=store, epochs=1)
    targets = np.array(store.targets(store.task()))
    targets[0] = 1 - targets[0]
    np.save(store.path / "targets" / "toy.npy", targets)
    with pytest.raises(IntegrityError, match="has changed since the run mine-run began"):
        train("ignored", resume=str(run.path))


def test_early_stopping_ends_after_the_best_epoch(train):
    history = read_history(train("stopped", epochs=40, early_stop=2, lr=0.03))
    values = [row["val_macro_auroc"] for row in history]
    assert len(history) < 40
    assert values.index(max(values)) == len(values) - 3


def test_another_metric_may_pick_the_best_epoch(train):
    run = train("auprc", epochs=1, val_metric="auprc")
    assert "val_macro_auprc" in read_history(run)[0]


@pytest.mark.parametrize("scheduler", ["onecycle", "cosine", "plateau", "polynomial", "constant"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_every_schedule_drives_every_optimiser(train, scheduler, optimizer):
    first, *_, second = read_history(train("any", epochs=4, scheduler=scheduler, optimizer=optimizer, lr=0.01))
    assert second["train_loss"] < first["train_loss"]
    assert (second["lr"] < first["lr"]) == (scheduler in ("onecycle", "cosine", "polynomial"))


class NoOptions(Section):
    """An architecture without options."""


class Plain(nn.Module):
    """No batch statistics, no dropout: what a batch gives is the mean of what its items give."""

    def __init__(self, _, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv1d(inputs.leads, 8, 9, stride=2)
        self.out = nn.Linear(8, outputs)

    def forward(self, signal, **_):
        return self.out(torch.relu(self.convolution(signal)).mean(dim=-1))


PLAIN = ModelSpec("plain", "", "", ("signal",), NoOptions, Plain)


@pytest.fixture
def plain_network(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES._members, "plain", f"{__name__}:PLAIN")
    return ["arch=plain", "model="]


def start(dataset, name, sets, **training):
    flags = {"arch": "plain", "data": {"dataset": str(dataset.path)}, "training": {"epochs": 2, "batch": 60} | training}
    return fit(compose(flags=flags, sets=sets), f"./{name}")


def test_accumulated_batches_equal_a_larger_one(store, plain_network):
    one = start(store, "one", (), batch=60)
    three = start(store, "three", ("training.accumulate=3",), batch=20)
    for left, right in zip(curve(one), curve(three), strict=True):
        assert left == pytest.approx(right, rel=1e-5)


def test_the_first_losses_of_a_tiny_network_are_these(store, plain_network):
    """Golden: this test's own settings, torch 2.13 on a CPU; another torch may differ in the last digits."""
    losses = [row["train_loss"] for row in read_history(start(store, "golden", (), batch=20, epochs=3))]
    assert losses == pytest.approx([0.69404, 0.69200, 0.69116], rel=2e-4)


def test_a_model_that_reads_no_tabular_values_gets_none(store, plain_network):
    run = start(store, "signal-only", (), epochs=1)
    assert run.lineage.tabular == ()
    assert run.norm_stats.tabular == ()


@pytest.mark.parametrize("loss", ["auto", "ce", "bce", "focal"])
def test_multiclass_tasks_train_with_every_loss(train, tmp_path, loss):
    store = make_store(tmp_path / "beats", items=60, task=MULTICLASS)
    run = train("classes", dataset=store, loss=loss, epochs=2, class_weights="balanced")
    assert math.isfinite(read_history(run)[-1]["val_macro_f1"])


def test_bf16_trains_on_a_cpu(train):
    assert math.isfinite(read_history(train("half", precision="bf16", epochs=1))[0]["train_loss"])


def test_a_loss_that_is_no_number_ends_the_run_with_epoch_and_step(train):
    with pytest.raises(DataError, match=r"not finite in epoch 1, step 2") as caught:
        train("wild", ["training.clip=0"], lr=1e30, optimizer="sgd", scheduler="constant")
    assert "--lr 1e+29" in caught.value.hint
    assert Run.open("./wild").config.training.lr == 1e30


def test_a_run_is_never_written_over(train):
    train("taken", epochs=1)
    with pytest.raises(ConfigError, match="taken exists already"):
        train("taken", epochs=1)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["arch=cnn2d"], "no architecture called 'cnn2d'"),
        (["model.widht=3"], "no option 'model.widht'"),
        (["training.val_metric=aurok"], "no metric called 'aurok'"),
        (["data.task=form"], "holds no task 'form'"),
        (["training.class_weights=[1, 2]"], "one positive weight for each of SLOW, FAST, STEP"),
        (["training.class_weights=[1, 0, 2]"], "one positive weight for each of SLOW, FAST, STEP"),
        (["training.class_weights=[1, .nan, 2]"], "class_weights: Input should be a finite number"),
        (["training.crops=3"], "training.crop_s, their seconds, is not given"),
        (["training.crop_s=0.001"], "crops of 0 samples"),
        (["training.seed=99999999999999999999"], "training.seed"),
        (["training.precision=16", "training.device=cpu"], "Precision 16 needs a GPU"),
        (["training.batch=1", "training.devices=2", "training.device=cpu"], "cannot be shared by 2 processes"),
        (["training.nodes=2", "training.device=cpu"], "needs MASTER_ADDR"),
    ],
)
def test_what_cannot_be_is_one_error(train, sets, said):
    with pytest.raises(EcgError, match=said):
        train("never", sets)
    assert not Path("never").exists()


def test_labels_that_nobody_has_are_refused(train, tmp_path):
    store = make_store(tmp_path / "mine", items=40)
    np.save(store.path / "targets" / "toy.npy", np.zeros((40, 3), np.uint8))
    with pytest.raises(DataError, match=r"No label of the task 'toy' has .* in the split 'train'"):
        train("never", dataset=store)


def test_a_store_filtered_otherwise_is_refused_with_the_command_to_type(train):
    with pytest.raises(DataError, match=r"needs highpass 0.5 Hz but has none") as caught:
        train("never", ["data.highpass=0.5", "data.lowpass=40"])
    assert "ecg prepare toy DIR --highpass 0.5 --lowpass 40 --out toy-0.5-40" in caught.value.hint


def test_a_store_filtered_as_stated_is_taken(train, tmp_path):
    store = make_store(tmp_path / "filtered", items=60, highpass=0.5, lowpass=40.0)
    train("filtered-run", ["data.highpass=0.5", "data.lowpass=40"], dataset=store, epochs=1)


def test_two_processes_train_the_run_of_one(store, tmp_path, monkeypatch):
    """Over gloo. The network has no batch statistics, so sharing its batches must not show; it comes as a plug-in."""
    plugin = tmp_path / "plugin"
    (plugin / "plain-1.0.dist-info").mkdir(parents=True)
    (plugin / "plain-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n")
    (plugin / "plain-1.0.dist-info" / "entry_points.txt").write_text(
        f"[ecgtool.architectures]\nplain = {__name__}:PLAIN\n"
    )
    monkeypatch.syspath_prepend(str(plugin))
    sets = ("training.ema=0.9", "training.curriculum=loss", "training.oversample=balanced")
    alone = start(store, "alone", sets, batch=12)
    shared = start(store, "shared", sets, batch=12, devices=2, device="cpu")
    for left, right in zip(curve(alone), curve(shared), strict=True):
        assert left == pytest.approx(right, rel=1e-5)
    assert shared.metrics("val") is not None
