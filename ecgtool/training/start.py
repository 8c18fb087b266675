"""Starting from the weights of another run: what fits is taken, what does not is said."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from ecgtool.errors import ConfigError
from ecgtool.home import portable
from ecgtool.models.checkpoint import PREFIX, read_checkpoint
from ecgtool.models.contract import Normalised
from ecgtool.run import VOCABULARY, Run
from ecgtool.store import Store
from ecgtool.training.lineage import Start
from ecgtool.training.runlog import log

NETWORK = "network."
"""Before each weight of the network itself; the statistics beside it belong to the run's own training items."""

BROUGHT = "brought"
"""Among what a checkpoint records: the names of the weights that another run has trained."""


def matching(model: Normalised, checkpoint: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint that have the name and shape of one of the model's.

    Raises:
        ConfigError: There is none.
        IntegrityError: The file is no checkpoint.
    """
    given = {key.removeprefix(PREFIX): value for key, value in read_checkpoint(checkpoint)["state_dict"].items()}
    own = _weights(model)
    fitting = {key: given[key] for key in own if key in given and given[key].shape == own[key].shape}
    if not fitting:
        raise ConfigError(f"No weight of {checkpoint} fits this model.", "Start from a run of the same --arch.")
    return fitting


def refuse_other_words(run: Run, store: Store) -> None:
    """Refuse a run that has learned to read another vocabulary than that of the sentences.

    Args:
        run: A run to start from, or to be judged.
        store: Data as it is to read them.

    Raises:
        ConfigError: It has: what a word is called means another wave to it.
    """
    given, own = run.lineage.words, store.manifest.words
    if given is None or own is None or given.vocabulary == own.vocabulary:
        return
    words = shlex.quote(portable(run.path / VOCABULARY))
    raise ConfigError(
        f"{run.name} was trained on the words of another vocabulary ({given.vocabulary[:15]}...) than the sentences"
        f" of {store.path.name} are made of ({own.vocabulary[:15]}...).",
        f"Make them again with its words: ecg sentences {shlex.quote(portable(store.path))} --vocabulary {words}"
        " --force",
    )


def refuse_nothing_new(model: Normalised, brought: Collection[str]) -> None:
    """Refuse to leave the weights of another run as they are where there are no others.

    Args:
        model: What is to be trained.
        brought: Names of the weights that are to be left.

    Raises:
        ConfigError: There is nothing to train.
    """
    if all(name in brought for name, _ in model.named_parameters()):
        raise ConfigError(
            "training.init_lr is 0, and --init brings every weight of this model: there is nothing to train.",
            "Give a share of the rate, for example --set training.init_lr=0.1",
        )


def started(model: Normalised, run: Run, *, fresh: bool) -> tuple[str, ...]:
    """Names of the model's weights that come from another run; a fresh run is given them.

    Where ``training.init_lr`` is 0 they are left as they are: they have no gradient.

    Args:
        model: What is trained.
        run: The run; one that goes on has its own weights, and knows which of them it was given.
        fresh: Whether nothing is trained yet.

    Raises:
        EcgError: As :func:`matching`.
    """
    if not run.lineage.parents:
        return ()
    if fresh:
        brought = start_from(model, Start.find(run.lineage.parents[0]).checkpoint)
    else:  # the run it came from may be gone
        brought = tuple(read_checkpoint(run.checkpoint("last"))["hyper_parameters"].get(BROUGHT, ()))
    if run.config.training.init_lr == 0:
        for name, weight in model.named_parameters():
            weight.requires_grad_(name not in brought)
    return brought


def start_from(model: Normalised, checkpoint: Path) -> tuple[str, ...]:
    """Put the weights that fit into the model; those of another name or shape (the head of another task) stay new.

    Returns:
        The names of those that were put in.

    Raises:
        EcgError: As :func:`matching`.
    """
    fitting, own = matching(model, checkpoint), _weights(model)
    model.load_state_dict(fitting, strict=False)
    _tell(checkpoint, len(fitting), [key for key in own if key not in fitting], own)
    return tuple(fitting)


def _weights(model: Normalised) -> dict[str, Tensor]:
    return {key: value for key, value in model.state_dict().items() if key.startswith(NETWORK)}


def _tell(checkpoint: Path, loaded: int, left: list[str], own: Mapping[str, Tensor]) -> None:
    log.info("started from %s: %d of %d weights loaded", checkpoint, loaded, len(own))
    if left:
        shown = ", ".join(f"{key.removeprefix(NETWORK)} {tuple(own[key].shape)}" for key in left[:4])
        log.info("not loaded, trained anew: %s%s", shown, f" and {len(left) - 4} more" if len(left) > 4 else "")
