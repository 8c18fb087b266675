"""Trackers: where the curve of a run goes, beside ``metrics.csv``. TensorBoard's events are part of every run.

A tracker is given the whole history after every epoch and sends what it has not sent yet, so that a run that was
stopped and goes on continues one curve with each epoch once. What is sent is :func:`described`: the settings, the
task, the dataset's name, figures per epoch. Patients, paths, and names of people and computers are not.

Trackers outside the run never end a training: one that fails is left out from there on, with a warning. What can be
known to fail is refused before a run begins.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from ecgtool.errors import ConfigError, EcgError
from ecgtool.files import read_json, write_json
from ecgtool.metrics import find_metric
from ecgtool.registry import Registry
from ecgtool.run import Run
from ecgtool.settings import TrackingConfig
from ecgtool.training.history import EVENTS, Row, best_epoch, scores, write_events
from ecgtool.training.processes import first_process
from ecgtool.training.runlog import log

TRACKERS = Registry(
    "trackers",
    {
        "mlflow": "ecgtool.training.trackers_mlflow:MLflow",
        "tensorboard": "ecgtool.training.trackers:TensorBoard",
        "wandb": "ecgtool.training.trackers_wandb:WandB",
    },
    "Where the curves of a training go.",
)

MARKS = "trackers.json"
"""In the run's folder: tracker -> the id of the run there, and how many epochs it has been sent."""

_PATH = re.compile(r"[/\\~]")
_LONGEST = 200


class Tracker(Protocol):
    """Somewhere that curves go."""

    @classmethod
    def refuse_unfit(cls) -> None:
        """Refuse what can be known to fail, before a run begins.

        Raises:
            ConfigError: A package is missing, or the environment is contradictory.
        """

    def begin(self, run: Run) -> None:
        """Start to track a run, or go on with it.

        Raises:
            EcgError: It cannot be tracked there.
        """

    def epoch(self, history: Sequence[Row]) -> None:
        """Send the epochs of the history that were not sent yet."""

    def end(self, run: Run) -> None:
        """Send what the run amounts to, and close."""


class TensorBoard:
    """The event file in the run's folder, whole after every epoch. A file of the run: its errors are the run's."""

    @classmethod
    def refuse_unfit(cls) -> None:
        """Nothing can be unfit: what writes events is installed with the package."""

    def begin(self, run: Run) -> None:
        """Remember where."""
        self.run = run

    def epoch(self, history: Sequence[Row]) -> None:
        """Write the history."""
        write_events(self.run.path / EVENTS, history)

    def end(self, run: Run) -> None:
        """Leave the file as it is."""


class Guarded:
    """A tracker whose failures do not end the training.

    Args:
        name: Its name.
        tracker: The tracker.
        strict: Whether one that cannot begin is an error: at the start of a new run.
    """

    def __init__(self, name: str, tracker: Tracker, *, strict: bool) -> None:
        self.name, self.tracker, self.strict = name, tracker, strict
        self.failed = False

    @classmethod
    def refuse_unfit(cls) -> None:
        """The tracker itself has been asked."""

    def begin(self, run: Run) -> None:
        """Begin.

        Raises:
            ConfigError: It cannot, and the run is new.
        """
        if not self.strict:
            self._tried(lambda: self.tracker.begin(run))
            return
        try:
            self.tracker.begin(run)
        except Exception as error:
            self.failed = True
            raise ConfigError(
                f"The tracker {self.name} cannot begin: {_reason(error)}", f"Leave {self.name} out of --logger."
            ) from None

    def epoch(self, history: Sequence[Row]) -> None:
        """Send the epochs not sent yet."""
        self._tried(lambda: self.tracker.epoch(history))

    def end(self, run: Run) -> None:
        """Close."""
        self._tried(lambda: self.tracker.end(run))

    def _tried(self, step: Callable[[], None]) -> None:
        if self.failed:
            return
        try:
            step()
        except Exception as error:  # whatever another package raises, the training is worth more than its curve
            self.failed = True
            log.warning("%s fails and is left out from here on: %s", self.name, _reason(error))


@contextmanager
def tracked(run: Run, *, fresh: bool) -> Iterator[Callable[[Sequence[Row]], None]]:
    """Track a run for the length of a block; only the first process speaks to trackers outside the run.

    Args:
        run: The run.
        fresh: Whether it has no finished epoch yet.

    Yields:
        What to call with the whole history after every epoch, and once with that of a run that goes on.

    Raises:
        ConfigError: A tracker cannot begin, and the run is new.
    """
    named = run.config.tracking.logger if first_process() else ()
    chosen = [name for name in dict.fromkeys(named) if name != "tensorboard"]
    others = [Guarded(name, TRACKERS.load(name)(), strict=fresh) for name in chosen]
    trackers: list[Tracker] = [TensorBoard(), *others]

    def send(history: Sequence[Row]) -> None:
        for tracker in trackers:
            tracker.epoch(history)

    with ExitStack() as begun:
        for tracker in trackers:
            tracker.begin(run)
            begun.callback(tracker.end, run)
        yield send


def _reason(error: Exception) -> str:
    """What another package says, on one line."""
    said = error.message if isinstance(error, EcgError) else f"{type(error).__name__}: {error}"
    return textwrap.shorten(said, _LONGEST, placeholder=" ...")


def refuse_unfit(tracking: TrackingConfig) -> None:
    """Refuse trackers that do not exist or cannot work, before a run begins.

    Raises:
        ConfigError: There is no such tracker, its package is not installed, or its environment is contradictory.
    """
    for name in tracking.logger:
        tracker: type[Tracker] = TRACKERS.load(name)
        tracker.refuse_unfit()


def require_package(module: str, package: str, extra: str) -> None:
    """Refuse to go on without a package that is not installed with this one.

    Raises:
        ConfigError: It is not there.
    """
    if find_spec(module) is None:
        raise ConfigError(
            f"The tracker {extra} needs the package {package}, which is not installed.",
            f"Install it: pip install 'ecgtool[{extra}]' (or: pipx inject ecgtool {package})",
        )


def described(run: Run) -> dict[str, Any]:
    """What is told of a run: its settings, architecture, task and the name of its dataset.

    Settings that are paths are left out, and so is any text with a slash or a tilde in it.
    """
    config = run.config.model_dump(mode="json", exclude={"data": {"dataset"}, "training": {"init"}, "tracking": True})
    task, lineage = run.lineage.task, run.lineage
    data = {"name": lineage.dataset, "leads": list(lineage.leads), "fs": lineage.fs, "samples": lineage.samples}
    told = {**config, "dataset": data, "task": {"name": task.name, "kind": task.kind, "labels": list(task.labels)}}
    return {key: value for key, value in _without_paths(told).items() if value not in (None, "", {}, [])}


def figures(row: Row) -> dict[str, float]:
    """What is sent of an epoch: every column but its number and its time."""
    return {name: float(value) for name, value in row.items() if name not in ("epoch", "time")}


def best_of(history: Sequence[Row]) -> dict[str, float]:
    """The best epoch of a history and its metric, as ``best_epoch`` and ``best_val_METRIC``; nothing without epochs."""
    if not history:
        return {}
    column = next(name for name in history[0] if name.startswith("val_") and name != "val_loss")
    best = history[best_epoch(scores(history, column, find_metric(column.removeprefix("val_"))))]
    return {"best_epoch": best["epoch"], f"best_{column}": best[column]}


def mark(run: Run, tracker: str) -> dict[str, Any]:
    """What a run remembers of a tracker; nothing at first."""
    path = run.path / MARKS
    return dict(read_json(path).get(tracker, {})) if path.is_file() else {}


def set_mark(run: Run, tracker: str, **values: Any) -> None:
    """Remember something of a tracker."""
    path = run.path / MARKS
    held = dict(read_json(path)) if path.is_file() else {}
    write_json(path, {**held, tracker: {**held.get(tracker, {}), **values}})


def _without_paths(value: Any) -> Any:
    """A document without the texts that look like paths."""
    if isinstance(value, dict):
        return {key: _without_paths(item) for key, item in value.items() if not _is_path(item)}
    if isinstance(value, list):
        return [_without_paths(item) for item in value if not _is_path(item)]
    return value


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and _PATH.search(value) is not None
