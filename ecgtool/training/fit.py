"""Fit a model: a configuration to a run, or to an ensemble of runs.

All that a training needs lies in the run, so going on is starting again.
"""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from ecgtool import console
from ecgtool.errors import ConfigError, IntegrityError
from ecgtool.files import locked_folder, write_json
from ecgtool.home import place
from ecgtool.metrics.temperature import fit_temperature
from ecgtool.models.contract import Inputs, Normalised, assembled, viewed
from ecgtool.run import Made, NormStats, Run, member_configs
from ecgtool.settings import TrainConfig
from ecgtool.training import lineage
from ecgtool.training.checks import check_quickly
from ecgtool.training.checks.contract import Subject
from ecgtool.training.data import Indices
from ecgtool.training.ensemble import Spread, begun, train_members
from ecgtool.training.evaluate import evaluate_run
from ecgtool.training.folds import split_items
from ecgtool.training.history import complete, read_history
from ecgtool.training.inference import pick_device, predicted
from ecgtool.training.plan import Plan, make_plan
from ecgtool.training.processes import first_process, processes
from ecgtool.training.runlog import logged
from ecgtool.training.start import matching, refuse_nothing_new, refuse_other_words
from ecgtool.training.statistics import norm_stats
from ecgtool.views.sentences import SentenceView

PATIENCE_S = 600
"""Seconds that the other machines wait for what the first one makes."""


def fit(config: TrainConfig, out: str = "", resume: str | None = None) -> Run:
    """Train a new run, or go on with one that was stopped; then evaluate its best epoch on the validation split.

    A configuration of several folds or seeds makes an ensemble: each member is trained as a run of its own, and the
    mean of them is evaluated.

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
    try:
        _to_the_end(run)
    except ConfigError:
        if not resume and first_process():
            _discard_untrained(run)
        raise
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop) or lineage.going_on(run)) from None
    return run


def _to_the_end(run: Run) -> None:
    """Train a run, or the members of an ensemble that are not done, and judge it."""
    log = logged(run) if first_process() else nullcontext()
    alone = locked_folder(run.path) if first_process() else nullcontext()
    with alone, log:
        if run.members:
            if first_process() and not all(map(_judged, run.members)):
                _forget_figures(run)
            train_members(run, _judged, _to_the_end)
        elif not complete(run):
            _train(run)
        if first_process():
            device = pick_device(run.config.training.device)
            calibrate(run, device)
            if run.members:
                Spread.of(run).save_csv(run)
            evaluate_run(run, split="val", device=device)
        else:
            _wait_for(run.path / "metrics_val.json")


def _judged(run: Run) -> bool:
    """Whether there is nothing left to do: what judges a run comes last."""
    return complete(run) and (run.path / "metrics_val.json").is_file()


def _train(run: Run) -> None:
    from ecgtool.training.trainer import train  # takes seconds, and bad input is told before

    training = run.config.training
    if first_process():
        _forget_figures(run)
    with processes(train, run.path, training.devices, training.nodes):
        train(run.path)


def _forget_figures(run: Run) -> None:
    """Remove what was measured of weights that may not stay the best."""
    for figures in (*run.path.glob("metrics_*.json"), run.path / "calibration.json"):
        figures.unlink(missing_ok=True)


def calibrate(run: Run, device: str = "cpu") -> None:
    """Fit the temperature of a trained run on its validation items, unless it has one or is to have none.

    That of an ensemble is fitted on the mean of its members, each over its own. A run of a time before there were
    temperatures keeps the probabilities that it has.
    """
    path, training = run.path / "calibration.json", run.config.training
    if path.is_file() or training.calibrate == "none" or "calibrate" not in training.model_fields_set:
        return
    said = predicted(run, viewed(run), "val", device=device)
    fitted = fit_temperature(run.lineage.task, said.targets, said.logits)
    write_json(path, fitted.model_dump(mode="json"))
    if fitted.note:
        console.log.info("no temperature is fitted: %s", fitted.note)
    else:
        console.log.info("temperature %.3f, fitted on %d validation items", fitted.temperature, fitted.items)


def create(config: TrainConfig, out: str = "") -> Run:
    """A new run or ensemble, complete but for its training.

    Raises:
        EcgError: As :func:`fit`.
    """
    members = begun(config, _begun) if member_configs(config) else {}
    made = next(iter(members.values()), None) or _begun(config)
    name = out or Run.free_name(f"{Path(made.lineage.store).name}-{config.arch}")
    environment = lineage.environment(["ecg", *sys.argv[1:]])
    if members:
        return Run.create_ensemble(name, config, environment, members)
    return Run.create(name, config, environment, made.lineage, made.stats, made.vocabulary)


def _begun(config: TrainConfig) -> Made:
    """What a single run begins with."""
    plan = make_plan(config)
    start = lineage.Start.find(config.training.init) if config.training.init else None
    if start is not None and not config.training.init_leak:
        lineage.refuse_leak(start, plan.store, _held_out(plan))
    if start is not None and start.run is not None:
        refuse_other_words(start.run, plan.store)
    stats = norm_stats(plan.store, plan.train, config.data.normalise, plan.tabular)
    check_quickly(Subject(plan, stats, start))
    if start is not None:
        _refuse_unfit(start, _model(plan, stats), config)
    words = plan.store.stored.vocabulary.text() if isinstance(plan.store, SentenceView) else ""
    return Made(config, lineage.lineage(plan.store, plan.task, plan.train, plan.tabular, start), stats, words)


def _refuse_unfit(start: lineage.Start, model: Normalised, config: TrainConfig) -> None:
    """Refuse weights of which none fits, or that leave nothing to train."""
    brought = matching(model, start.checkpoint)
    if config.training.init_lr == 0:
        refuse_nothing_new(model, brought)


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
    store = viewed(run)
    if store.digest(run.lineage.task) != run.lineage.store_digest:
        raise IntegrityError(
            f"The store '{run.lineage.store}' has changed since the run {run.name} began.",
            "Start a new run; its weights can be used with --init.",
        )
    return run


def _discard_untrained(run: Run) -> None:
    """Remove a new run whose settings cannot be: going on would end the same way."""
    if not any(read_history(trained) for trained in run.members or [run]):
        shutil.rmtree(run.path)


def _model(plan: Plan, stats: NormStats) -> Normalised:
    held = plan.store.manifest
    inputs = Inputs(len(held.leads), held.samples, held.fs, plan.columns, held.words)
    return assembled(plan.config, plan.task, inputs, stats)


def _held_out(plan: Plan) -> Indices:
    """Items that the run is judged on: validation and test, without regard to ``data.limit`` and to labels if any."""
    store, config = plan.store, plan.config
    own = store.indices("val") if config.data.folds is None else split_items(config, store, plan.task, "val")
    return np.concatenate([own, store.indices("test")])
