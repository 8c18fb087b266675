"""``ecg train``: a store and an architecture to a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ecgtool.console import Result
from ecgtool.errors import ConfigError

Dataset = Annotated[str, typer.Option("--dataset", help="A store's name or path.")]
Arch = Annotated[str, typer.Option("--arch", help="Architecture; see --list.")]
TaskName = Annotated[str, typer.Option("--task", help="One of the store's tasks, where it holds several.")]
Recipe = Annotated[str, typer.Option("--recipe", help="Settings that come with the package; see --list.")]
File = Annotated[Path | None, typer.Option("--config", help="YAML file with settings, over those of the recipe.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Any setting, over all others: model.dropout=0.1")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Passes over the training items, at most.")]
BatchSize = Annotated[int | None, typer.Option("--batch", help="Items per batch, all devices together.")]
Rate = Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")]
Decay = Annotated[float | None, typer.Option("--weight-decay", help="Weight decay.")]
Optimizer = Annotated[str | None, typer.Option("--optimizer", help="adamw, adam or sgd.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", help="onecycle, cosine, plateau, polynomial or constant.")
]
LossName = Annotated[str | None, typer.Option("--loss", help="bce, ce or focal; follows from the task if not given.")]
Weights = Annotated[str | None, typer.Option("--class-weights", help="One per label, 1.0,2.2, or balanced.")]
Metric = Annotated[str | None, typer.Option("--val-metric", help="Picks the best epoch, for example auprc.")]
Patience = Annotated[int | None, typer.Option("--early-stop", help="Stop after so many epochs without a better one.")]
Augment = Annotated[str | None, typer.Option("--aug", help="Augmentations, for example noise,scale,shift; see --list.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives the same run.")]
Seeds = Annotated[str | None, typer.Option("--seeds", help="An ensemble: one member per seed, 42,123,456.")]
Folds = Annotated[
    int | None, typer.Option("--folds", min=2, help="An ensemble: one member per fold of training and validation.")
]
Init = Annotated[str | None, typer.Option("--init", help="Run or checkpoint whose weights to start from.")]
Resume = Annotated[str, typer.Option("--resume", help="Go on with this run; takes no other settings.")]
Limit = Annotated[int | None, typer.Option("--limit", help="At most so many items of each split, for a quick try.")]
Devices = Annotated[int | None, typer.Option("--devices", help="GPUs, or CPU processes, on each machine.")]
Nodes = Annotated[int | None, typer.Option("--nodes", help="Machines that train together.")]
Precision = Annotated[str | None, typer.Option("--precision", help="auto, 32, bf16 or 16.")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cuda or cpu.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Loader processes; 0, the default, is usually enough.")]
Logger = Annotated[
    str | None, typer.Option("--logger", help="Where the curves go besides TensorBoard's events: wandb, mlflow.")
]
Project = Annotated[str | None, typer.Option("--project", help="Project of W&B, experiment of MLflow.")]
Check = Annotated[bool, typer.Option("--check", help="Only check data, model and settings; make no run.")]
FindRate = Annotated[
    bool, typer.Option("--find-lr", help="Only test learning rates and suggest one; --out LR.png draws them.")
]
Out = Annotated[str, typer.Option("--out", help="Name or path of the run; numbered if not given.")]
List = Annotated[bool, typer.Option("--list", help="List architectures and recipes, and what each reads.")]


def train(
    dataset: Dataset = "",
    arch: Arch = "",
    task: TaskName = "",
    recipe: Recipe = "",
    config: File = None,
    set_: Sets = None,
    epochs: Epochs = None,
    batch: BatchSize = None,
    lr: Rate = None,
    weight_decay: Decay = None,
    optimizer: Optimizer = None,
    scheduler: Scheduler = None,
    loss: LossName = None,
    class_weights: Weights = None,
    aug: Augment = None,
    val_metric: Metric = None,
    early_stop: Patience = None,
    seed: Seed = None,
    seeds: Seeds = None,
    folds: Folds = None,
    init: Init = None,
    resume: Resume = "",
    limit: Limit = None,
    devices: Devices = None,
    nodes: Nodes = None,
    precision: Precision = None,
    device: Device = None,
    workers: Workers = None,
    logger: Logger = None,
    project: Project = None,
    check: Check = False,
    find_lr: FindRate = False,
    out: Out = "",
    list_: List = False,
) -> Result:
    """Train an architecture on a store. A run is never written over; one that was stopped goes on with --resume."""
    if list_:
        return _listing()
    training: dict[str, Any] = {"epochs": epochs, "batch": batch, "lr": lr, "weight_decay": weight_decay}
    training |= {"optimizer": optimizer, "scheduler": scheduler, "loss": loss, "class_weights": _weights(class_weights)}
    training |= {"val_metric": val_metric, "early_stop": early_stop, "init": init, "device": device}
    training |= _seeds(seed, seeds)
    training |= {"devices": devices, "nodes": nodes, "precision": precision, "workers": workers}
    data = {"dataset": dataset or None, "task": task or None, "limit": limit, "folds": folds}
    augment = {"use": _names(aug)}
    tracking = {"logger": _names(logger), "project": project}
    flags = {"arch": arch or None, "data": data, "training": training, "augment": augment, "tracking": tracking}
    given = [recipe, config, set_, out, arch, aug, *data.values(), *training.values(), *tracking.values()]
    _refuse_together(resume, given, check=check, find_lr=find_lr, out=out)
    from ecgtool.config import compose
    from ecgtool.training.fit import fit

    composed = compose(recipe, config, flags, set_ or ())
    if find_lr:
        model = f"--recipe {recipe}" if recipe else f"--arch {composed.arch}"
        return _rates(composed, out, f"{model} --task {task}" if task else model)
    return _checked(composed, resume) if check else _result(fit(composed, out, resume or None))


def _refuse_together(resume: str, given: Sequence[object], *, check: bool, find_lr: bool, out: str) -> None:
    """Refuse options that exclude each other.

    Raises:
        ConfigError: There are such.
    """
    if resume and (find_lr or any(value not in (None, "") for value in given)):
        raise ConfigError(
            "--resume goes on with the settings of the run and takes no others.",
            f"To train longer or otherwise, start a new run with --init {resume}.",
        )
    if check and find_lr:
        raise ConfigError("--check and --find-lr exclude each other.", "Give one of them, then the other.")
    if check and out:
        raise ConfigError("--check makes no run, so there is nothing to name.", "Leave out --out.")


def _checked(config: Any, resume: str) -> Result:
    """What the checks of a configuration, or of a run, find."""
    from ecgtool.console import log, table
    from ecgtool.run import Run
    from ecgtool.training.checks import check_all, check_run

    answers = check_run(Run.open(resume)) if resume else check_all(config)
    rows = [(name, answer.finding.status, answer.finding.found, answer.seconds) for name, answer in answers.items()]
    failed = [(name, found) for name, status, found, _ in rows if status == "failed"]
    for name, found in failed:
        log.error("the check '%s' failed: %s", name, found)
    names = ("check", "status", "found", "seconds")
    return Result(
        data={"checks": [dict(zip(names, row, strict=True)) for row in rows], "failed": [name for name, _ in failed]},
        text=table(("check", "result", "what was found", "s"), rows),
        code=1 if failed else 0,
    )


def _rates(config: Any, picture: str, model: str) -> Result:
    """What a test of learning rates suggests; drawn into a file where one is named."""
    from rich.console import Group

    from ecgtool.console import table
    from ecgtool.files import refuse_existing
    from ecgtool.paper import check_name, write
    from ecgtool.training.find_rate import find_rate

    if picture:
        check_name(Path(picture))
        refuse_existing(Path(picture))
    test = find_rate(config)
    if picture:
        write(test.figure(), Path(picture), "Learning rates")
    told = f"Suggested: {test.suggestion:g} (a tenth of where the loss is least; steepest at {test.steepest:.1e})."
    figures = {"suggestion": test.suggestion, "steepest": test.steepest, "least": test.least}
    curve = {"rates": test.rates.tolist(), "losses": test.losses.tolist(), "smoothed": test.smoothed.tolist()}
    return Result(
        data={**figures, "picture": picture or None, **curve},
        text=Group(table(("rate", "loss, smoothed"), test.rows()), told + (f" Drawn: {picture}" if picture else "")),
        next=[f"ecg train --dataset {config.data.dataset} {model} --lr {test.suggestion:g}"],
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    """The names in a list with commas; an empty list where there are none."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _weights(text: str | None) -> str | tuple[float, ...] | None:
    """``balanced``, ``none`` or the numbers of a list."""
    if text in (None, "none", "balanced"):
        return text
    try:
        return tuple(float(number) for number in str(text).split(","))
    except ValueError:
        raise ConfigError(f"--class-weights {text!r} is neither a list of numbers nor balanced.") from None


def _seeds(one: int | None, several: str | None) -> dict[str, Any]:
    """The seed, or the seeds of an ensemble; what is given takes the place of either."""
    if one is not None and several is not None:
        raise ConfigError("--seed and --seeds exclude each other.", "Give one of them.")
    if several is None:
        return {"seed": one, "seeds": None if one is None else ()}
    try:
        return {"seeds": tuple(int(seed) for seed in several.split(","))}
    except ValueError:
        raise ConfigError(f"--seeds {several!r} is not a list of whole numbers.", "For example 42,123,456") from None


def _result(run: Any) -> Result:
    from ecgtool.home import portable
    from ecgtool.training.history import Outcome

    if run.members:
        return _ensemble(run)
    outcome, name = Outcome.of(run), portable(run.path)
    figure = {"epochs": outcome.epochs, "best_epoch": outcome.best, "metric": outcome.metric, "value": outcome.value}
    return Result(
        data={"run": name, "path": str(run.path), **figure, "labels": list(run.lineage.task.labels)},
        text=f"Run {name}: best of {outcome.epochs} epochs is {outcome.best}, "
        f"{outcome.metric} {outcome.value:.4f} on the validation split.{_weighed(run)}{_counted(run)}",
        next=[f"ecg evaluate {name}", f"ecg plot {name}"],
    )


def _weighed(run: Any) -> str:
    """Which label each of the given weights was for."""
    weights = run.config.training.class_weights
    if isinstance(weights, str):
        return ""
    pairs = zip(run.lineage.task.labels, weights, strict=True)
    return f" Class weights: {', '.join(f'{label} {weight:g}' for label, weight in pairs)}."


def _counted(run: Any) -> str:
    """How well hidden words are guessed by counting them, of a run that guesses them."""
    from ecgtool.training.counting import scores_of, told

    scores = scores_of(run)
    return f" Guessed by counting: {told(scores)}." if scores else ""


def _ensemble(run: Any) -> Result:
    """How each member ended, and what their mean says of the validation items."""
    from rich.console import Group

    from ecgtool.console import table
    from ecgtool.home import portable
    from ecgtool.training.ensemble import Spread

    spread, name = Spread.of(run), portable(run.path)
    metric = spread.members[0].metric
    together = run.metrics("val")["values"].get(metric, {}).get("value")
    rows = [(row.member, row.epochs, row.best_epoch, row.value) for row in spread.members]
    said = f"Mean of the members {spread.mean:.4f} ± {spread.sd:.4f} (standard deviation)."
    if together is not None:
        unseen = "each item predicted by the member that did not see it" if run.config.data.folds else "their mean"
        said += f" The ensemble: {metric} {together:.4f} on the validation items, {unseen}."
    return Result(
        data={"run": name, "path": str(run.path), "metric": metric, "value": together, **spread.document()},
        text=Group(table(("member", "epochs", "best", metric), rows, f"Ensemble {name}"), said),
        next=[f"ecg evaluate {name}", f"ecg export {name} --format all"],
    )


def _listing() -> Result:
    """Architectures, recipes and augmentations."""
    from rich.console import Group

    from ecgtool.config import read_recipe, recipes, resolve
    from ecgtool.console import table
    from ecgtool.models import ARCHITECTURES
    from ecgtool.settings import TrainConfig
    from ecgtool.training.augment import AUGMENTATIONS

    specs = [ARCHITECTURES.load(name) for name in ARCHITECTURES]
    models = [{"name": spec.name, "reads": list(spec.reads), "summary": spec.summary} for spec in specs]
    settings: dict[str, TrainConfig] = {name: resolve([read_recipe(name)]) for name in recipes()}
    changes = {name: AUGMENTATIONS.load(name).__doc__.splitlines()[0].replace("``", "") for name in AUGMENTATIONS}
    shown = [{"name": name, "arch": made.arch, "summary": made.summary} for name, made in settings.items()]
    return Result(
        data={"architectures": models, "recipes": shown, "augmentations": changes},
        text=Group(
            table(
                ("architecture", "reads", "summary"),
                [(spec.name, ", ".join(spec.reads), spec.summary) for spec in specs],
            ),
            table(("recipe", "architecture", "summary"), [tuple(row.values()) for row in shown]),
            table(("augmentation", "what it does"), list(changes.items())),
        ),
        next=["ecg train --dataset STORE --arch NAME", "ecg train --dataset STORE --recipe NAME"],
    )
