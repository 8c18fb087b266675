"""One process of a training: from a run on disk to its next checkpoints. Starting and going on are the same."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.strategies import DDPStrategy

from ecgtool import console
from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.home import portable
from ecgtool.models.contract import new_model
from ecgtool.run import Run
from ecgtool.settings import TrainingConfig
from ecgtool.signals.replay import FEWEST
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.augment import Augmentation
from ecgtool.training.augment_noise import recorded_noises
from ecgtool.training.averaging import averaging_of
from ecgtool.training.counting import count_words
from ecgtool.training.data import training_targets
from ecgtool.training.feed import Feed
from ecgtool.training.history import read_history
from ecgtool.training.inference import pick_device
from ecgtool.training.lineage import going_on, how_to_resume
from ecgtool.training.losses import Loss, balanced
from ecgtool.training.masking import Masking
from ecgtool.training.mixup import mixup_of
from ecgtool.training.module import Classifier, Goal, Method
from ecgtool.training.plan import Plan, make_plan
from ecgtool.training.processes import first_process
from ecgtool.training.recorder import Recorder, WholeCheckpoints
from ecgtool.training.rhythms import enlarged
from ecgtool.training.runlog import log
from ecgtool.training.schedules import first_averaged
from ecgtool.training.start import BROUGHT, started
from ecgtool.training.trackers import tracked

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def train(path: Path) -> None:
    """Train a run from where it is to its end.

    Raises:
        EcgError: The loss is not finite, or memory or disk are full.
        KeyboardInterrupt: Ctrl-C; the run can go on.
    """
    run = Run.open(path)
    training = run.config.training
    plan = make_plan(run.config, Store.open(run.lineage.store))
    done = read_history(run)
    targets = training_targets(plan.store, plan.task, (plan.train, plan.val), plan.config)
    recorded = len(plan.train)
    plan, targets = enlarged(plan, targets)
    feed = Feed(plan, targets, len(done))
    module = classifier(run, plan, feed, targets, fresh=not done)
    averaging = averaging_of(training, module.model, feed.in_order)
    if first_process():
        _announce(run, plan, len(done), recorded)
        count_words(run, plan)
    progress = console.progress(f"training {run.name}", feed.batches(training.epochs))
    with progress as advance, tracked(run, fresh=not done) as send, quiet():
        advance(feed.batches(len(done)))
        recorder = Recorder(run, plan.metric, training, averaging, advance, send)
        trainer = lightning_trainer(run, training, [averaging, recorder])
        with _explained(run, trainer):
            newest = run.checkpoint("last") if done else None
            trainer.fit(module, datamodule=feed, ckpt_path=newest, weights_only=True)


def _announce(run: Run, plan: Plan, done: int, recorded: int) -> None:
    simulated = len(plan.train) - recorded
    if run.config.augment.rhythms and not simulated:
        log.warning(
            "augment.rhythms adds nothing: no training recording has %d normal beats that lie between normal ones",
            FEWEST,
        )
    log.info(
        "run %s: %s on %s, task %s, %d items to train on%s, %d to validate%s",
        portable(run.path),
        run.config.arch,
        run.lineage.store,
        plan.task.name,
        len(plan.train),
        f" ({simulated} of them simulated)" if simulated else "",
        len(plan.val),
        f"; going on after epoch {done}" if done else "",
    )


def classifier(run: Run, plan: Plan, feed: Feed, targets: npt.NDArray[Any], *, fresh: bool) -> Classifier:
    """The model, its loss and its goal; a fresh one has the weights its configuration starts from."""
    training, task = run.config.training, plan.task
    torch.manual_seed(training.seed)
    model = new_model(run)
    brought = started(model, run, fresh=fresh)
    return Classifier(
        model,
        _loss(training, task, targets[plan.train]),
        Goal(task, plan.metric, targets[plan.val]),
        replace(_method(run, plan, feed), brought=brought),
        mv_per_count=plan.store.manifest.scale_uv / 1000,
        hyper_parameters={
            "config": run.config.model_dump(mode="json"),
            "task": task.model_dump(mode="json"),
            "norm_stats": run.norm_stats.model_dump(mode="json"),
            "fs": run.lineage.fs,
            "samples": run.lineage.samples,
            BROUGHT: list(brought),
        },
    )


def _loss(training: TrainingConfig, task: Task, targets: npt.NDArray[Any]) -> Loss:
    weights = balanced(task, targets) if training.class_weights == "balanced" else training.class_weights
    return Loss(
        task.loss if training.loss == "auto" else training.loss,
        task,
        None if weights == "none" else weights,
        gamma=training.focal_gamma,
        smoothing=training.label_smoothing,
    )


def _method(run: Run, plan: Plan, feed: Feed) -> Method:
    training, first = run.config.training, first_averaged(run.config.training)
    steps = feed.steps(training.epochs if first is None else first)
    held = None if first is None else steps
    masking = Masking(training.seed) if plan.task.kind == "tokens" else None
    return Method(training, _augmentation(run, plan), steps, feed.shuffled.items, held, mixup_of(training), masking)


def _augmentation(run: Run, plan: Plan) -> Augmentation:
    config, held = plan.config.augment, plan.store.manifest
    noises = recorded_noises(Path(config.nstdb) if config.nstdb else None, config.use, held.fs)
    return Augmentation(config, held.leads, held.fs, run.norm_stats.std_mv, noises)


def lightning_trainer(
    run: Run, training: TrainingConfig, callbacks: list[Callback], *, validates: bool = True
) -> Trainer:
    """Lightning's trainer without anything of its own on the screen or the disk."""
    device = pick_device(training.device)
    if device == "cuda" and training.devices > torch.cuda.device_count():
        raise ConfigError(
            f"There are {torch.cuda.device_count()} GPUs, not {training.devices}.", "Give fewer --devices."
        )
    several = training.devices * training.nodes > 1
    backend = "nccl" if device == "cuda" else "gloo"
    return Trainer(
        accelerator=device,
        devices=training.devices,
        num_nodes=training.nodes,
        strategy=DDPStrategy(process_group_backend=backend) if several else "auto",
        precision=precision(training.precision, device),
        max_epochs=training.epochs,
        accumulate_grad_batches=training.accumulate,
        gradient_clip_val=training.clip or None,
        deterministic="warn" if training.deterministic else False,
        default_root_dir=run.path,
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=int(training.curriculum != "none"),
        plugins=[LightningEnvironment(), WholeCheckpoints()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=None if validates else 0,
        use_distributed_sampler=False,
    )


def precision(name: str, device: str) -> Precision:
    """Lightning's name of a precision; ``auto`` is bf16 on GPUs that have it.

    Raises:
        ConfigError: fp16 on a CPU.
    """
    if name == "16" and device == "cpu":
        raise ConfigError("Precision 16 needs a GPU.", "Use --precision bf16 or 32.")
    if name == "auto":
        name = "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "32"
    names: dict[str, Precision] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    return names[name]


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning's notes switched off; warnings of any library go to the log, where ``-v`` shows them."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: console.log.debug("%s", message)
        yield


@contextmanager
def memory_explained(training: TrainingConfig) -> Iterator[None]:
    """A memory that is full, in words.

    Raises:
        EcgError: It is.
    """
    less = f"Use a smaller batch: --batch {max(1, training.batch // 2)} --set training.accumulate=2"
    try:
        yield
    except torch.OutOfMemoryError:
        raise EcgError(f"The GPU's memory does not hold batches of {training.batch}.", less) from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise EcgError(f"The memory does not hold batches of {training.batch}.", less) from None


@contextmanager
def _explained(run: Run, trainer: Trainer) -> Iterator[None]:
    """What ends a training early, in words, and how to go on."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with memory_explained(run.config.training):
            yield
    except DataError:
        raise
    except EcgError as error:
        raise type(error)(error.message, f"{error.hint} Then go on with: {how_to_resume(run)}") from None
    except SystemExit:  # Lightning turns both signals into exits
        if trainer.received_sigterm:
            log.warning("stopped by SIGTERM; go on with: %s", how_to_resume(run))
            raise SystemExit(143) from None
        raise KeyboardInterrupt(going_on(run)) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)
