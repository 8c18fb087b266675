"""Run: one training run on disk. A run is never written over.

config.yaml              everything that decided it, resolved
environment.json         versions, machine, command, data digests, lineage (patients by split, init)
metrics.csv              one row per epoch
checkpoints/best.pt      best epoch: state_dict, hyper_parameters, epoch, global_step
checkpoints/last.ckpt    the newest, to resume from
norm_stats.json          statistics of the training items
normalization_params.npz the same as arrays ``mean`` and ``std``
metrics_val.json         metrics and thresholds on the validation split
metrics_test.json        metrics on the test split, thresholds from validation (written by evaluate)
calibration.json         the temperature that the logits are divided by, fitted on the validation split
vocabulary.json          the words it reads, where it reads sentences; their digest is part of its lineage
run.log, events.*        the log, TensorBoard events

An ensemble is a run too, whose model is the mean of its members' logits. In place of a curve, checkpoints and
statistics it has

members/NAME/            each a whole run, whose config.yaml says which fold and seed it is
members.csv              how each member ended
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import count, product
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from pydantic import Field

from ecgtool.config import checked, read_yaml, to_yaml
from ecgtool.errors import ConfigError, FormatError, IntegrityError, NotFound
from ecgtool.files import read_json, staged_folder, write_file, write_json, write_text
from ecgtool.home import find, place
from ecgtool.settings import Calibration, Section, TrainConfig, Words
from ecgtool.task import Task

VOCABULARY = "vocabulary.json"


class NormStats(Section):
    """Statistics of the training items: what turns millivolts into what the network sees. ``norm_stats.json``."""

    leads: tuple[str, ...]
    mean_mv: tuple[float, ...]
    std_mv: tuple[float, ...]
    tabular: tuple[str, ...] = ()
    tabular_mean: tuple[float, ...] = ()
    tabular_std: tuple[float, ...] = ()
    items: int = 0


class Lineage(Section):
    """Where a run comes from: enough to rebuild its model and to find a leak. Part of ``environment.json``."""

    store: str
    store_digest: str
    task: Task
    fs: float
    leads: tuple[str, ...]
    samples: int
    scale_uv: float
    calibrated: bool
    preprocessing: dict[str, Any]
    tabular: tuple[str, ...] = ()
    words: Words | None = Field(None, description="What the sentences are made of; null where it reads none.")
    waves: str = Field("", description="The method that found the waves its words are made of.")
    train_patients: tuple[str, ...] = ()
    dataset: str = ""
    parents: tuple[str, ...] = Field((), description="Runs or checkpoints whose weights it started from.")
    inherited: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Dataset -> patients its parents, and theirs, were trained on."
    )

    def seen(self) -> dict[str, frozenset[str]]:
        """Dataset -> every patient whose recordings have shaped the weights."""
        seen = {dataset: frozenset(patients) for dataset, patients in self.inherited.items()}
        return seen | {self.dataset: seen.get(self.dataset, frozenset()) | frozenset(self.train_patients)}


class Made(NamedTuple):
    """What a run begins with."""

    config: TrainConfig
    lineage: Lineage
    stats: NormStats
    vocabulary: str = ""
    """``vocabulary.json``; empty where it reads no sentences."""


def member_configs(config: TrainConfig) -> dict[str, TrainConfig]:
    """The members of an ensemble by name: every fold with every seed. Empty for a configuration of a single run."""
    data, training = config.data, config.training
    folds: Sequence[int | None] = range(1, data.folds + 1) if data.folds and data.fold is None else [data.fold]
    made: dict[str, TrainConfig] = {}
    for fold, seed in product(folds, training.seeds or [training.seed]):
        words = [f"fold-{fold}"] * (len(folds) > 1) + [f"seed-{seed}"] * bool(training.seeds)
        settings = {
            "data": data.model_copy(update={"fold": fold}),
            "training": training.model_copy(update={"seed": seed, "seeds": ()}),
        }
        made["-".join(words)] = config.model_copy(update=settings)
    return made if len(made) > 1 else {}


class Run:
    """One training run on disk, or an ensemble of them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        name: str,
        config: TrainConfig,
        environment: dict[str, Any],
        lineage: Lineage,
        stats: NormStats,
        vocabulary: str = "",
    ) -> Self:
        """Start a run in a new folder, which appears whole.

        Raises:
            ConfigError: The folder exists; a run is never written over.
        """
        path = _vacant(name)
        with staged_folder(path) as staged:
            _begin(staged, Made(config, lineage, stats, vocabulary), environment)
        return cls(path)

    @classmethod
    def create_ensemble(
        cls, name: str, config: TrainConfig, environment: dict[str, Any], members: Mapping[str, Made]
    ) -> Self:
        """Start an ensemble and all its members in a new folder, which appears whole.

        Args:
            name: Its name or path.
            config: Everything that decided it.
            environment: What it is made with.
            members: By the names of :func:`member_configs`.

        Raises:
            ConfigError: The folder exists; a run is never written over.
        """
        path = _vacant(name)
        with staged_folder(path) as staged:
            _document_run(staged, config, environment, joined([member.lineage for member in members.values()]))
            for folder, member in members.items():
                _begin(staged / "members" / folder, member, environment)
            _keep_words(staged, next(iter(members.values())))
        return cls(path)

    @classmethod
    def free_name(cls, stem: str) -> str:
        """The first of ``stem-1``, ``stem-2`` ... that no run has."""
        return next(name for number in count(1) if not place("runs", name := f"{stem}-{number}").exists())

    @classmethod
    def open(cls, name: str | Path) -> Self:
        """Open a run by name or path.

        Raises:
            NotFound: There is no such run, or the folder is not one.
        """
        path = find("runs", str(name))
        if not _is_run(path):
            raise NotFound(
                f"{path} is not a run: it has no config.yaml and environment.json.", "Make one with: ecg train"
            )
        return cls(path)

    @property
    def name(self) -> str:
        """The folder's name, a member's behind its ensemble's."""
        return self.path.name if self.ensemble is None else f"{self.ensemble.name}-{self.path.name}"

    @cached_property
    def members(self) -> tuple[Self, ...]:
        """The runs whose mean this one is; none for a single run.

        Raises:
            IntegrityError: One of them is gone.
        """
        members = tuple(type(self)(self.path / "members" / name) for name in member_configs(self.config))
        gone = [str(member.path) for member in members if not _is_run(member.path)]
        if gone:
            raise IntegrityError(
                f"{self.path} is an ensemble that lacks a member: {', '.join(gone)} is not a run.",
                "Put it back, or train the ensemble anew; the other members are whole runs and can be used alone.",
            )
        return members

    @cached_property
    def ensemble(self) -> Self | None:
        """The ensemble that this run is a member of."""
        folder = self.path.resolve().parent
        if folder.name != "members" or not _is_run(folder.parent):
            return None
        above = type(self)(folder.parent)
        return above if self.path.name in member_configs(above.config) else None

    @cached_property
    def config(self) -> TrainConfig:
        """Everything that decided the run."""
        return checked(TrainConfig, read_yaml(self.path / "config.yaml"))

    @cached_property
    def lineage(self) -> Lineage:
        """Store, task, shape and patients the run was trained with."""
        return checked(Lineage, _document(self.path / "environment.json").get("lineage", {}))

    @property
    def norm_stats(self) -> NormStats:
        """Statistics of the training items."""
        return checked(NormStats, read_json(self.path / "norm_stats.json"))

    def save_norm_stats(self, stats: NormStats) -> None:
        """Write ``norm_stats.json`` and, for those who expect it, ``normalization_params.npz``."""
        write_json(self.path / "norm_stats.json", stats.model_dump(mode="json"))
        mean, std = np.array(stats.mean_mv), np.array(stats.std_mv)
        write_file(self.path / "normalization_params.npz", lambda file: np.savez(file, mean=mean, std=std))

    @property
    def calibration(self) -> Calibration:
        """What its logits are divided by; 1 where nothing was fitted.

        Raises:
            IntegrityError: The file is damaged.
        """
        path = self.path / "calibration.json"
        if not path.is_file():
            return Calibration()
        try:
            return checked(Calibration, _document(path), "calibration.json")
        except (ConfigError, FormatError) as error:
            raise IntegrityError(
                f"{path} is damaged: {error.message}", "Restore it, or train again: the thresholds were chosen with it."
            ) from None

    def checkpoint(self, which: str = "best") -> Path:
        """Path of the ``best`` or ``last`` checkpoint.

        Raises:
            NotFound: Training has not got that far, or it is an ensemble.
        """
        if self.members:
            raise NotFound(
                f"{self.path} is an ensemble: it has no checkpoint of its own.",
                f"Name one of its members, such as {self.members[0].path}",
            )
        path = self.path / "checkpoints" / ("best.pt" if which == "best" else "last.ckpt")
        if not path.is_file():
            raise NotFound(
                f"{path} does not exist: the run has no finished epoch.",
                f"Go on with: ecg train --resume {(self.ensemble or self).path}",
            )
        return path

    def metrics(self, split: str) -> dict[str, Any] | None:
        """The metrics document of a split, or None where it was not evaluated."""
        path = self.path / f"metrics_{split}.json"
        return _document(path) if path.is_file() else None


def joined(lineages: Sequence[Lineage]) -> Lineage:
    """Where an ensemble comes from: what its members share, and all patients that one of them was trained on."""
    patients = {patient for lineage in lineages for patient in lineage.train_patients}
    return lineages[0].model_copy(update={"train_patients": tuple(sorted(patients))})


def _vacant(name: str) -> Path:
    path = place("runs", name)
    if path.exists():
        raise ConfigError(f"{path} exists already; a run is never written over.", "Give another --out, or --resume it.")
    return path


def _begin(folder: Path, made: Made, environment: Mapping[str, Any]) -> None:
    """Write a run without an epoch into a folder that is being built."""
    (folder / "checkpoints").mkdir(parents=True)
    _document_run(folder, made.config, environment, made.lineage)
    Run(folder).save_norm_stats(made.stats)
    _keep_words(folder, made)


def _keep_words(folder: Path, made: Made) -> None:
    if made.vocabulary:
        write_text(folder / VOCABULARY, made.vocabulary)


def _document_run(folder: Path, config: TrainConfig, environment: Mapping[str, Any], lineage: Lineage) -> None:
    write_text(folder / "config.yaml", to_yaml(config))
    write_json(folder / "environment.json", {**environment, "lineage": lineage.model_dump(mode="json")})


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() and (folder / "environment.json").is_file()


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise FormatError(f"{path} is damaged: it is not a document of a run.", "Train again, or restore the file.")
    return document
