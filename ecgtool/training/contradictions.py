"""Settings of a training that cannot be together, or not with a task; refused before a run begins."""

from __future__ import annotations

from ecgtool.console import log
from ecgtool.errors import ConfigError
from ecgtool.settings import Section, TrainConfig, TrainingConfig
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.views.beats import BeatView
from ecgtool.views.sentences import SentenceView

BLENDED = ("multilabel", "multiclass", "hierarchical")
"""Kinds of tasks whose targets have a mean: one decision for each label of an item."""


def refuse_contradictions(training: TrainingConfig, task: Task) -> None:
    """Refuse settings that exclude each other or do not fit the task.

    Raises:
        ConfigError: There are such.
    """
    if training.ema and training.swa:
        raise ConfigError("training.ema and training.swa exclude each other: one average is kept.", "Leave out one.")
    if training.swa and training.early_stop is not None:
        raise ConfigError(
            "training.swa averages the last epochs, which --early-stop may never reach.",
            "Leave out one: --set training.early_stop=null, or --set training.swa=0.",
        )
    if training.mixup and task.kind not in BLENDED:
        raise ConfigError(
            f"training.mixup cannot be: targets of the task '{task.name}' ({task.kind}) have no mean.", "Leave it out."
        )
    if training.crops is not None and training.crop_s is None:
        raise ConfigError(
            "training.crops counts crops, and training.crop_s, their seconds, is not given.",
            "Give it, --set training.crop_s=2.5, or leave out both.",
        )
    if training.label_smoothing and training.loss == "focal":
        raise ConfigError(
            "training.label_smoothing has no meaning with the loss 'focal', which goes by how sure the model is.",
            "Use --loss ce or bce, or leave it out.",
        )
    if training.oversample != "none" and training.class_weights != "none":
        log.warning("rare labels are oversampled and weighted; one of both is usually enough")


def refuse_unfit_network(arch: str, task: Task, *, per_sample: bool) -> None:
    """Refuse a network that says of samples what a task asks of whole items, or the other way round.

    Args:
        arch: Its name.
        task: What is to be learnt.
        per_sample: Whether it says something of every sample.

    Raises:
        ConfigError: They do not fit.
    """
    if per_sample and task.kind != "waves":
        raise ConfigError(
            f"'{arch}' labels samples, which the task '{task.name}' ({task.kind}) does not ask for.",
            "Choose another --arch; see: ecg train --list",
        )
    if task.kind == "waves" and not per_sample:
        raise ConfigError(
            f"The task '{task.name}' asks for a label of every sample, which '{arch}' does not give.",
            "Use --arch unet1d.",
        )


def refuse_unfit_shares(options: Section, task: Task) -> None:
    """Refuse to let features tell all labels from each other, or labels that do not exclude each other.

    Two of two are no error: there the whole network tells them, so that a recipe for AAMI's classes serves both tasks.

    Args:
        options: Of the architecture, with or without ``by_features``.
        task: What is to be learnt.

    Raises:
        ConfigError: They cannot.
    """
    asked = getattr(options, "by_features", 0)
    if asked > 1 and not task.exclusive:
        raise ConfigError(
            f"model.by_features tells labels from each other, and those of the task '{task.name}' ({task.kind}) do not"
            " exclude each other.",
            "Leave it out with --set model.by_features=0",
        )
    most = max(len(task.labels) - 1, 2)
    if asked > most:
        raise ConfigError(
            f"model.by_features is {asked}, which leaves none of the {len(task.labels)} labels of the task"
            f" '{task.name}' to the rest of the network.",
            f"Give at most {most}.",
        )


def refuse_of_positions(training: TrainingConfig, task: Task) -> None:
    """Refuse settings that have no meaning where an item has several targets: of its beats, words or samples.

    Raises:
        ConfigError: There are such.
    """
    wrong = {
        "training.loss=bce": training.loss == "bce",
        "training.mixup": bool(training.mixup),
        "training.crop_s": training.crop_s is not None,
        "training.oversample": training.oversample != "none",
    }
    found = next((name for name, given in wrong.items() if given), "")
    if found:
        raise ConfigError(
            f"{found} cannot be: an item of the task '{task.name}' has a target for each of its parts.", "Leave it out."
        )


def refuse_unfit_rhythms(config: TrainConfig, store: Store) -> None:
    """Refuse simulated rhythms where no heartbeats are judged, or where labels are to mean nothing.

    Raises:
        ConfigError: One of these.
    """
    if not config.augment.rhythms:
        return
    if not isinstance(store, BeatView | SentenceView) or store.viewed.of != "beat":
        raise ConfigError(
            f"augment.rhythms simulates heartbeats, but {config.arch} is not to judge any.",
            "Leave it out with --set augment.rhythms=0, or choose a --task of heartbeats.",
        )
    if config.data.shuffle_labels:
        raise ConfigError(
            "augment.rhythms adds beats whose labels are true, but data.shuffle_labels asks for permuted ones.",
            "Leave out the first with --set augment.rhythms=0",
        )
