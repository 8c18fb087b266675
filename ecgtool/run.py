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
run.log, events.*        the log, TensorBoard events
"""

from __future__ import annotations

from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from ecgtool.config import Section, TrainConfig, checked, read_yaml, to_yaml
from ecgtool.errors import ConfigError, FormatError, NotFound
from ecgtool.files import read_json, staged_folder, write_file, write_json, write_text
from ecgtool.home import find, place
from ecgtool.task import Task


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


class Run:
    """One training run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls, name: str, config: TrainConfig, environment: dict[str, Any], lineage: Lineage, stats: NormStats
    ) -> Self:
        """Start a run in a new folder, which appears whole.

        Raises:
            ConfigError: The folder exists; a run is never written over.
        """
        path = place("runs", name)
        if path.exists():
            raise ConfigError(
                f"{path} exists already; a run is never written over.", "Give another --out, or --resume it."
            )
        with staged_folder(path) as staged:
            (staged / "checkpoints").mkdir()
            write_text(staged / "config.yaml", to_yaml(config))
            write_json(staged / "environment.json", {**environment, "lineage": lineage.model_dump(mode="json")})
            cls(staged).save_norm_stats(stats)
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
        if not (path / "config.yaml").is_file() or not (path / "environment.json").is_file():
            raise NotFound(
                f"{path} is not a run: it has no config.yaml and environment.json.", "Make one with: ecg train"
            )
        return cls(path)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

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

    def checkpoint(self, which: str = "best") -> Path:
        """Path of the ``best`` or ``last`` checkpoint.

        Raises:
            NotFound: Training has not got that far.
        """
        path = self.path / "checkpoints" / ("best.pt" if which == "best" else "last.ckpt")
        if not path.is_file():
            raise NotFound(
                f"{path} does not exist: the run has no finished epoch.", f"Go on with: ecg train --resume {self.path}"
            )
        return path

    def metrics(self, split: str) -> dict[str, Any] | None:
        """The metrics document of a split, or None where it was not evaluated."""
        path = self.path / f"metrics_{split}.json"
        return _document(path) if path.is_file() else None


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise FormatError(f"{path} is damaged: it is not a document of a run.", "Train again, or restore the file.")
    return document
