"""Ensembles: the same training for every fold, every seed or both, and what came of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, fields
from statistics import mean, stdev

import numpy as np

from ecgtool.console import counted, log, progress
from ecgtool.errors import DataError
from ecgtool.files import write_text
from ecgtool.models.contract import as_read
from ecgtool.run import Made, Run, member_configs
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.folds import fold_of, marks, persons
from ecgtool.training.history import Outcome


@dataclass(frozen=True)
class Member:
    """How the training of a member ended; a row of ``members.csv``.

    Args:
        member: Its name within the ensemble.
        fold: The fold it is validated on; None where all share one validation split.
        seed: Its seed.
        epochs: Finished epochs.
        best_epoch: Number of the best one.
        metric: Name of the metric that picked it.
        value: Its value there.
    """

    member: str
    fold: int | None
    seed: int
    epochs: int
    best_epoch: int
    metric: str
    value: float

    @classmethod
    def of(cls, run: Run) -> Member:
        """The row of a member with at least one finished epoch."""
        outcome, config = Outcome.of(run), run.config
        return cls(
            run.path.name,
            config.data.fold,
            config.training.seed,
            outcome.epochs,
            outcome.best,
            outcome.metric,
            outcome.value,
        )


@dataclass(frozen=True)
class Spread:
    """The members of an ensemble, and the mean and the standard deviation of what they reached."""

    members: tuple[Member, ...]
    mean: float
    sd: float

    @classmethod
    def of(cls, run: Run) -> Spread:
        """What the members of a trained ensemble reached."""
        rows = tuple(Member.of(member) for member in run.members)
        values = [row.value for row in rows]
        return cls(rows, mean(values), stdev(values))

    def save_csv(self, run: Run) -> None:
        """Write ``members.csv``: one row per member."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([field.name for field in fields(Member)])
        writer.writerows(astuple(row) for row in self.members)
        write_text(run.path / "members.csv", text.getvalue())

    def document(self) -> dict[str, object]:
        """As plain values."""
        return {"members": [asdict(row) for row in self.members], "mean": self.mean, "sd": self.sd}


def begun(config: TrainConfig, begin: Callable[[TrainConfig], Made]) -> dict[str, Made]:
    """What each member of an ensemble begins with, so that what one of them cannot be is told before any is trained.

    Args:
        config: The ensemble's.
        begin: Checks the configuration of a single run and says what it begins with.

    Raises:
        ConfigError: There are fewer patients than folds.
        DataError: Nothing can be learnt or judged in one of the folds.
    """
    _tell_rare_labels(config)
    made = {}
    members = member_configs(config)
    with progress("preparing the members", len(members)) as advance:
        for name, member in members.items():
            try:
                made[name] = begin(member)
            except DataError as error:
                raise DataError(f"{name}: {error.message}", error.hint) from None
            advance(1)
    return made


def train_members(run: Run, done: Callable[[Run], bool], train: Callable[[Run], object]) -> None:
    """Train the members one after another; those that are done already are kept."""
    for number, member in enumerate(run.members, 1):
        kept = done(member)
        log.info("member %d of %d: %s%s", number, len(run.members), member.path.name, ", done" if kept else "")
        if not kept:
            train(member)


def _tell_rare_labels(config: TrainConfig) -> None:
    """Name the labels that some folds have to be judged without."""
    data = config.data
    if data.folds is None or not data.dataset:
        return
    opened = Store.open(data.dataset)
    task = opened.task(data.task)
    store = as_read(config, opened, task)
    items, fold = fold_of(store, task, data)
    people, carried = np.array(persons(store, items)), marks(store, task)[items]
    for index, label in enumerate(task.labels):
        have = carried[:, index]
        folds, patients = len(set(fold[have].tolist())), len(set(people[have].tolist()))
        if folds < data.folds:
            log.warning(
                "only %s the label %s: %d of the %d folds are judged without it",
                f"{counted(patients, 'patient')} {'has' if patients == 1 else 'have'}",
                label,
                data.folds - folds,
                data.folds,
            )
