"""Starting from the weights of another run: what fits is taken, what does not is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ecgtool.errors import ConfigError
from ecgtool.home import portable
from ecgtool.models.checkpoint import PREFIX, read_checkpoint
from ecgtool.models.contract import Normalised
from ecgtool.run import VOCABULARY
from ecgtool.store import Store
from ecgtool.training.lineage import Start
from ecgtool.training.runlog import log

NETWORK = "network."
"""Before each weight of the network itself; the statistics beside it belong to the run's own training items."""


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


def refuse_other_words(start: Start, store: Store) -> None:
    """Refuse weights that have learned to read another vocabulary than that of the sentences.

    Args:
        start: The weights.
        store: This run's data, as it reads them.

    Raises:
        ConfigError: They have: what a word is called means another wave to them.
    """
    given, own = start.run.lineage.words if start.run else None, store.manifest.words
    if start.run is None or given is None or own is None or given.vocabulary == own.vocabulary:
        return
    words = portable(start.run.path / VOCABULARY)
    raise ConfigError(
        f"{start.name} was trained on the words of another vocabulary ({given.vocabulary[:15]}...) than the sentences"
        f" of {store.path.name} are made of ({own.vocabulary[:15]}...).",
        f"Make them again with its words: ecg sentences {store.path.name} --vocabulary {words} --force",
    )


def start_from(model: Normalised, checkpoint: Path) -> None:
    """Put the weights that fit into the model; those of another name or shape (the head of another task) stay new.

    Raises:
        EcgError: As :func:`matching`.
    """
    fitting, own = matching(model, checkpoint), _weights(model)
    model.load_state_dict(fitting, strict=False)
    _tell(checkpoint, len(fitting), [key for key in own if key not in fitting], own)


def _weights(model: Normalised) -> dict[str, Tensor]:
    return {key: value for key, value in model.state_dict().items() if key.startswith(NETWORK)}


def _tell(checkpoint: Path, loaded: int, left: list[str], own: Mapping[str, Tensor]) -> None:
    log.info("started from %s: %d of %d weights loaded", checkpoint, loaded, len(own))
    if left:
        shown = ", ".join(f"{key.removeprefix(NETWORK)} {tuple(own[key].shape)}" for key in left[:4])
        log.info("not loaded, trained anew: %s%s", shown, f" and {len(left) - 4} more" if len(left) > 4 else "")
