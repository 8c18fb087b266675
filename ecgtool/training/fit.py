"""Fit a model: a configuration to a run. All that a training needs lies in the run, so going on is starting again."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from ecgtool.config import TrainConfig
from ecgtool.errors import ConfigError, IntegrityError
from ecgtool.files import locked_folder
from ecgtool.home import place
from ecgtool.models.contract import Inputs, Normalised, assembled
from ecgtool.run import NormStats, Run
from ecgtool.store import Store
from ecgtool.training import lineage
from ecgtool.training.data import Indices
from ecgtool.training.evaluate import evaluate_run
from ecgtool.training.history import complete, read_history
from ecgtool.training.inference import pick_device
from ecgtool.training.plan import Plan, make_plan
from ecgtool.training.processes import first_process, processes
from ecgtool.training.runlog import logged
from ecgtool.training.start import matching
from ecgtool.training.statistics import norm_stats

PATIENCE_S = 600
"""Seconds that the other machines wait for what the first one makes."""


def fit(config: TrainConfig, out: str = "", resume: str | None = None) -> Run:
    """Train a new run, or go on with one that was stopped; then evaluate its best epoch on the validation split.

    Args:
        config: Everything that decides a new run; a resumed one has its own.
        out: Name or path of the new run; numbered after the dataset and the architecture when empty.
        resume: Name or path of a run to go on with.

    Raises:
        ConfigError: The configuration cannot be, the run exists already, or another process is at it.
        DataError: The data cannot serve it, or the loss is not finite.
        IntegrityError: The data of a resumed run has changed.
        KeyboardInterrupt: Ctrl-C; the run can go on.
    """
    run = _resumed(resume) if resume else _created(config, out)
    training = run.config.training
    log = logged(run) if first_process() else nullcontext()
    alone = locked_folder(run.path) if first_process() else nullcontext()
    try:
        with alone, log:
            if not complete(run):
                from ecgtool.training.trainer import train  # takes seconds, and bad input is told before

                with processes(train, run.path, training.devices, training.nodes):
                    train(run.path)
            if first_process():
                evaluate_run(run, split="val", device=pick_device(training.device))
            else:
                _wait_for(run.path / "metrics_val.json")
    except ConfigError:
        if not resume and first_process():
            _discard_untrained(run)
        raise
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop) or lineage.going_on(run)) from None
    return run


def create(config: TrainConfig, out: str = "") -> Run:
    """A new run, complete but for its training.

    Raises:
        EcgError: As :func:`fit`.
    """
    plan = make_plan(config)
    start = lineage.Start.find(config.training.init) if config.training.init else None
    if start is not None and not config.training.init_leak:
        lineage.refuse_leak(start, plan.store, _held_out(plan))
    stats = norm_stats(plan.store, plan.train, config.data.normalise, plan.tabular)
    if start is not None:
        matching(_model(plan, stats), start.checkpoint)
    descent = lineage.lineage(plan.store, plan.task, plan.train, plan.tabular, start)
    name = out or Run.free_name(f"{plan.store.path.name}-{config.arch}")
    return Run.create(name, config, lineage.environment(["ecg", *sys.argv[1:]]), descent, stats)


def _created(config: TrainConfig, out: str) -> Run:
    """A new run; where another process makes it, that one's as soon as it is there."""
    if first_process():
        return create(config, out)
    return Run.open(_wait_for(place("runs", out)))


def _wait_for(path: Path) -> Path:
    """The path, once the first process has made it."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    return path


def _resumed(name: str) -> Run:
    run = Run.open(name)
    store = Store.open(run.lineage.store)
    if store.digest(run.lineage.task) != run.lineage.store_digest:
        raise IntegrityError(
            f"The store '{run.lineage.store}' has changed since the run {run.name} began.",
            "Start a new run; its weights can be used with --init.",
        )
    return run


def _discard_untrained(run: Run) -> None:
    """Remove a new run whose settings cannot be: going on would end the same way."""
    if not read_history(run):
        shutil.rmtree(run.path)


def _model(plan: Plan, stats: NormStats) -> Normalised:
    held = plan.store.manifest
    inputs = Inputs(len(held.leads), held.samples, held.fs, plan.columns)
    return assembled(plan.config, plan.task, inputs, stats)


def _held_out(plan: Plan) -> Indices:
    """Items of the validation and test splits, labelled in the task or not."""
    return np.concatenate([plan.store.indices("val"), plan.store.indices("test")])
