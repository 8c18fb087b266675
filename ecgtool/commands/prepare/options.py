"""The options that every ``ecg prepare`` takes, and what they amount to.

They are the fields of :class:`Shared`, one place for all. A command takes them by one decorator and one parameter::

    @shared_options(out="folder", fit="centre")             # defaults that differ; without=("fs",) leaves one out
    def folder(directory: Folder, task: Tasks = None, *, shared: Shared) -> Result:
        \"\"\"Make a store of a folder of recordings.\"\"\"
        tasks = task_names(task, "label")
        corpus = OwnFolder(directory, tasks, division=shared.division())
        return shared.prepare(corpus, tasks)

``shared.division()`` is None where neither ``--splits`` nor ``--folds`` is given, for corpora with splits of their own.
``shared.prepare`` makes the store and says what it holds.
"""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ecgtool.console import Result, counted

if TYPE_CHECKING:
    from ecgtool.datasets.corpus import Corpus
    from ecgtool.datasets.splits import Division
    from ecgtool.settings import Preprocessing
    from ecgtool.store import Store
    from ecgtool.task import Task

# What the option calls what is done about leads that are missing, and what a store's document calls it.
_MISSING = {"drop": "refuse", "mask": "mask"}

Tasks = Annotated[list[str] | None, typer.Option("--task", help="What to predict; several with commas or repeated.")]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What every ``ecg prepare`` can be told; a field is an option."""

    out: Annotated[str, typer.Option("--out", help="Name or path of the store.")]
    force: Annotated[bool, typer.Option("--force", help="Replace a store that is there.")] = False
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that read; the result is the same.")] = 1
    fs: Annotated[
        float | None, typer.Option("--fs", help="Sampling rate of the store in Hz; as recorded if not given.")
    ] = None
    window_s: Annotated[
        float | None, typer.Option("--window-s", help="Cut recordings into windows of so many seconds, an item each.")
    ] = None
    fit: Annotated[
        str,
        typer.Option(
            "--fit",
            help="Recordings of another length: refuse leaves shorter ones out and keeps the beginning of longer ones; "
            "centre keeps their middle and puts shorter ones between zeros.",
        ),
    ] = "refuse"
    missing: Annotated[
        str,
        typer.Option(
            "--missing",
            help="Recordings that lack leads: drop leaves them out; mask imputes the leads and adds a channel that "
            "says so.",
        ),
    ] = "drop"
    stand_in: Annotated[
        bool,
        typer.Option("--stand-in", help="A modified lead serves for one that is missing: MLII for II, MCL1 for V1 ..."),
    ] = False
    highpass: Annotated[
        float,
        typer.Option("--highpass", min=0, help="High-pass edge in Hz; 0.05 keeps the ST segment, 0 is no high-pass."),
    ] = 0.05
    highpass_filter: Annotated[
        str,
        typer.Option("--highpass-filter", help="fir: linear phase; butterworth: order 4, forwards and backwards."),
    ] = "fir"
    lowpass: Annotated[float | None, typer.Option("--lowpass", help="Zero-phase low-pass edge in Hz.")] = None
    notch: Annotated[float | None, typer.Option("--notch", help="Mains frequency to take out: 50 or 60.")] = None
    baseline: Annotated[str, typer.Option("--baseline", help="Baseline-wander removal: none, median or highpass.")] = (
        "none"
    )
    normalise: Annotated[str, typer.Option("--normalise", help="Scaling of each lead: none, zscore or peak.")] = "none"
    splits: Annotated[
        str, typer.Option("--splits", help="Shares of train, val and test by patient, for example 70,15,15.")
    ] = ""
    folds: Annotated[
        int | None,
        typer.Option("--folds", help="So many folds by patient; the last is test, the one before val."),
    ] = None
    split_seed: Annotated[int, typer.Option("--split-seed", min=0, help="Of --splits and --folds.")] = 42

    def steps(self, fs: float) -> Preprocessing:
        """What is done to each recording, for a store at ``fs`` Hz unless ``--fs`` says otherwise.

        Raises:
            ConfigError: A value out of range.
        """
        from ecgtool.config import checked
        from ecgtool.errors import ConfigError
        from ecgtool.settings import Preprocessing

        if self.missing not in _MISSING:
            raise ConfigError(f"missing: Input should be 'drop' or 'mask' (got {self.missing[:60]!r}).")
        made = {
            "fs": fs if self.fs is None else self.fs,
            "highpass": self.highpass or None,
            "lowpass": self.lowpass,
            "notch": self.notch,
            "baseline": self.baseline,
            "normalise": self.normalise,
            "fit": self.fit,
            "missing": _MISSING[self.missing],
            "stand_in": self.stand_in,
        }
        if self.highpass:
            made["highpass_filter"] = self.highpass_filter
        return checked(Preprocessing, made)

    def division(self) -> Division | None:
        """The splits that are asked for; None where the corpus's own are wanted.

        Raises:
            ConfigError: They cannot be.
        """
        from ecgtool.datasets.splits import Division

        asked = self.splits or self.folds is not None
        return Division.of(self.splits, self.folds, self.split_seed) if asked else None

    def prepare(self, corpus: Corpus, tasks: Sequence[str], *, learn: str = "--arch xlstm") -> Result:
        """Make the store of a corpus, and say what it holds.

        Args:
            corpus: What to read.
            tasks: The names that were asked for.
            learn: What to propose training with, as options of ``ecg train``.

        Raises:
            EcgError: As :func:`ecgtool.datasets.prepare.prepare`.
        """
        from ecgtool.datasets.prepare import prepare
        from ecgtool.home import place

        store = prepare(
            corpus,
            place("stores", self.out),
            steps=self.steps(corpus.fs),
            window_s=self.window_s,
            workers=self.workers,
            force=self.force,
        )
        return prepared(store, tasks, learn)


def shared_options(
    *, out: str, without: Sequence[str] = (), **defaults: Any
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Give a command the options of :class:`Shared` behind its own; it gets them as ``shared``.

    Args:
        out: What a store is called where ``--out`` does not say.
        without: Names of fields that the command does not offer; their default holds.
        **defaults: Of fields where they differ.
    """
    defaults = {"out": out, **defaults}
    hints = get_type_hints(Shared, include_extras=True)
    offered = {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(field.name, field.default),
            annotation=hints[field.name],
        )
        for field in fields(Shared)
        if field.name not in without
    }
    held = {name: value for name, value in defaults.items() if name in without}

    def decorate(command: Callable[..., Result]) -> Callable[..., Result]:
        @functools.wraps(command)
        def taking(**given: Any) -> Result:
            shared = {name: given.pop(name, parameter.default) for name, parameter in offered.items()}
            return command(**given, shared=Shared(**held, **shared))

        own = get_type_hints(command, include_extras=True)
        parameters = [
            part.replace(annotation=own[part.name])
            for part in inspect.signature(command).parameters.values()
            if part.name != "shared"
        ]
        vars(taking)["__signature__"] = inspect.Signature([*parameters, *offered.values()])
        taking.__annotations__ = {part.name: part.annotation for part in (*parameters, *offered.values())}
        return taking

    return decorate


def task_names(given: Sequence[str] | None, default: str) -> tuple[str, ...]:
    """The names in ``--task a,b --task c``, each once, in that order; the default where there is none."""
    names = [name.strip() for text in given or () for name in text.split(",")]
    return tuple(dict.fromkeys(name for name in names if name)) or (default,)


def prepared(store: Store, tasks: Sequence[str], learn: str = "--arch xlstm") -> Result:
    """What a store holds, for the user who has just made it.

    Args:
        store: The store.
        tasks: The names that were asked for.
        learn: What to propose training with, as options of ``ecg train``; nothing where there is nothing to train on.
    """
    from rich.console import Group

    from ecgtool.console import table
    from ecgtool.home import portable

    manifest, name, typed = store.manifest, named(store), shlex.quote(portable(store.path))
    chosen = [store.task(task) for task in tasks]
    counts = {task.name: _counts(store, task) for task in chosen}
    columns = list(manifest.splits)
    tables = [table((task, *columns), [(row, *held.values()) for row, held in counts[task].items()]) for task in counts]
    data = manifest.model_dump(mode="json", exclude={"tasks", "sources", "schema_version", "tabular"})
    choice = f" --task {tasks[0]}" if len(manifest.tasks) > 1 else ""
    train = [f"ecg train --dataset {typed} {learn}{choice}"] if manifest.splits.get("train") else []
    return Result(
        {
            "store": name,
            "path": str(store.path),
            **data,
            "tasks": counts,
            "labels": {task.name: list(task.labels) for task in chosen},
            "positive": {task.name: task.asked[0] for task in chosen if task.binary},
        },
        Group(_sentence(store, name), *filter(None, map(_order, chosen)), *tables),
        [*train, f"ecg info {typed}"],
    )


def named(store: Store) -> str:
    """What to call a store on the command line: its name where it lies in ECG_HOME, else its path."""
    from ecgtool.home import home

    return store.path.name if store.path.parent == (home() / "stores").resolve() else str(store.path)


def _sentence(store: Store, name: str) -> str:
    held = store.manifest
    items = counted(held.items, "window" if held.kind == "windows" else "recording")
    return (
        f"Store {name}: {items} of {counted(held.patients, 'patient')}, {counted(len(held.leads), 'lead')}, "
        f"{held.samples / held.fs:g} s at {held.fs:g} Hz{'' if held.calibrated else '; amplitudes are not in mV'}."
    )


def _order(task: Task) -> str:
    """Which of two labels is the positive one, and the order that class weights are given in."""
    if not task.binary:
        return ""
    return f"Task {task.name}: {task.asked[0]} is the positive label; --class-weights are for {', '.join(task.labels)}."


def _counts(store: Store, task: Task) -> dict[str, dict[str, int]]:
    """Items per split: all, then those of each label in order, then those without a label."""
    splits = store.manifest.splits
    labelled = {split: len(store.indices(split, task)) for split in splits}
    without = {split: number - labelled[split] for split, number in splits.items()}
    return {"(labelled)": labelled, **store.label_counts(task), "(without a label)": without}
