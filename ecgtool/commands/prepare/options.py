"""The options that every ``ecg prepare`` takes, and what they amount to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.config import Preprocessing
    from ecgtool.store import Store
    from ecgtool.task import Task

Out = Annotated[str, typer.Option("--out", help="Name or path of the store; the corpus's name if not given.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a store that is there.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes that read; the result is the same.")]
Fs = Annotated[float | None, typer.Option("--fs", help="Sampling rate of the store in Hz; as recorded if not given.")]
WindowS = Annotated[
    float | None, typer.Option("--window-s", help="Cut recordings into windows of so many seconds, an item each.")
]
Highpass = Annotated[float | None, typer.Option("--highpass", help="Zero-phase high-pass edge in Hz.")]
Lowpass = Annotated[float | None, typer.Option("--lowpass", help="Zero-phase low-pass edge in Hz.")]
Notch = Annotated[float | None, typer.Option("--notch", help="Mains frequency to take out: 50 or 60.")]
Baseline = Annotated[str, typer.Option("--baseline", help="Baseline-wander removal: none, median or highpass.")]
Normalise = Annotated[str, typer.Option("--normalise", help="Scaling of each lead: none, zscore or peak.")]
Splits = Annotated[
    str, typer.Option("--splits", help="Shares of train, val and test by patient, for example 70,15,15.")
]
Folds = Annotated[
    int | None, typer.Option("--folds", help="So many folds by patient; the last is test, the one before val.")
]
SplitSeed = Annotated[int, typer.Option("--split-seed", min=0, help="Of --splits and --folds.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="What to predict; several with commas or repeated.")]


def preprocessing(
    fs: float,
    highpass: float | None = None,
    lowpass: float | None = None,
    notch: float | None = None,
    baseline: str = "none",
    normalise: str = "none",
) -> Preprocessing:
    """The steps that the options ask for.

    Raises:
        ConfigError: A value out of range.
    """
    from ecgtool.config import Preprocessing, checked

    values = {"highpass": highpass, "lowpass": lowpass, "notch": notch, "baseline": baseline, "normalise": normalise}
    return checked(Preprocessing, {"fs": fs, **values})


def task_names(given: Sequence[str] | None, default: str) -> tuple[str, ...]:
    """The names in ``--task a,b --task c``, each once, in that order; the default where there is none."""
    names = [name.strip() for text in given or () for name in text.split(",")]
    return tuple(dict.fromkeys(name for name in names if name)) or (default,)


def prepared(store: Store, tasks: Sequence[str], arch: str = "xlstm") -> Result:
    """What a store holds, for the user who has just made it.

    Args:
        store: The store.
        tasks: The names that were asked for.
        arch: What to propose training.
    """
    from rich.console import Group

    from ecgtool.console import table

    manifest, name = store.manifest, named(store)
    chosen = [store.task(task) for task in tasks]
    counts = {task.name: _counts(store, task) for task in chosen}
    columns = list(manifest.splits)
    tables = [table((task, *columns), [(row, *held.values()) for row, held in counts[task].items()]) for task in counts]
    data = manifest.model_dump(mode="json", exclude={"tasks", "sources", "schema_version", "tabular"})
    choice = f" --task {tasks[0]}" if len(manifest.tasks) > 1 else ""
    return Result(
        {"store": name, "path": str(store.path), **data, "tasks": counts},
        Group(_sentence(store, name), *tables),
        [f"ecg train --dataset {name} --arch {arch}{choice}", f"ecg info {name}"],
    )


def named(store: Store) -> str:
    """What to call a store on the command line: its name where it lies in ECG_HOME, else its path."""
    from ecgtool.home import home

    return store.path.name if store.path.parent == (home() / "stores").resolve() else str(store.path)


def _sentence(store: Store, name: str) -> str:
    held = store.manifest
    items = "windows" if held.kind == "windows" else "recordings"
    return (
        f"Store {name}: {held.items} {items} of {held.patients} patients, {len(held.leads)} leads, "
        f"{held.samples / held.fs:g} s at {held.fs:g} Hz."
    )


def _counts(store: Store, task: Task) -> dict[str, dict[str, int]]:
    """Items per split: all, then those of each label in order, then those without a label."""
    splits = store.manifest.splits
    labelled = {split: len(store.indices(split, task)) for split in splits}
    without = {split: number - labelled[split] for split, number in splits.items()}
    return {"(labelled)": labelled, **store.label_counts(task), "(without a label)": without}
