"""Batches straight from a store's memory map: int16 as on disk, one read per batch, millivolts only on the device.

A batch is one sorted fancy index into the map, so no item is collated on its own and the disk is read forwards. Which
items a batch holds follows from the seed and the epoch alone: a run that goes on after a stop sees the same batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ecgtool.errors import ConfigError, DataError
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.training.folds import split_items
from ecgtool.words import PAD

Indices = npt.NDArray[np.int64]

VALIDATION_BATCH = 64
"""At least so many items per batch where no gradient is kept."""


class Batch(NamedTuple):
    """What the loader yields."""

    signal: Tensor
    """int16 [batch, leads, samples] in counts of the store."""
    tabular: Tensor
    """float32 [batch, columns], or [batch, words, columns]; NaN where unknown."""
    target: Tensor
    """uint8 [batch, labels] or int64 [batch]; int64 [batch, positions] where items have several."""
    tokens: Tensor | None = None
    """int64 [batch, words, columns], where items are sentences."""


def trimmed(batch: Batch) -> Batch:
    """The batch with its sentences as long as its longest one; as it is where items are no sentences.

    What padding is cut off answers nothing and is never looked at. Positions keep their numbers.
    """
    if batch.tokens is None:
        return batch
    used = (batch.tokens[..., 0] != PAD).any(dim=0).nonzero()
    length = int(used.max()) + 1 if len(used) else 1
    return batch._replace(
        tokens=batch.tokens[:, :length],
        tabular=batch.tabular[:, :length] if batch.tabular.ndim == 3 else batch.tabular,
        target=batch.target[:, :length] if _by_word(batch) else batch.target,
    )


def _by_word(batch: Batch) -> bool:
    """Whether the targets are of each word; a row of labels, which may be as long, is uint8."""
    several = batch.target.ndim == 2 and batch.target.dtype != torch.uint8
    return several and batch.tokens is not None and batch.target.shape[1] == batch.tokens.shape[1]


def seeded(*words: int) -> np.random.Generator:
    """A random generator that depends on these numbers alone."""
    return np.random.default_rng(np.random.SeedSequence(words))


def chosen(store: Store, task: Task, split: str, config: TrainConfig) -> Indices:
    """The labelled items of a split, at most ``data.limit`` of them, ascending.

    Raises:
        DataError: There is none.
    """
    indices = split_items(config, store, task, split)
    if not len(indices):
        raise DataError(
            f"The store '{store.path.name}' has no item in the split '{split}' labelled in the task '{task.name}'.",
            "Prepare it with other --splits, or choose another --task.",
        )
    limit = config.data.limit
    if limit is None or limit >= len(indices):
        return indices
    return np.sort(seeded(config.training.seed, len(indices)).choice(indices, limit, replace=False))


class Items(Dataset[Batch]):
    """The items of a store, or of a view of one, read whole batches at a time; opened anew in a loader's process.

    Args:
        store: Where the signals and tabular values are.
        targets: One row per item of the store.
        columns: Tabular columns to read, the first of the store's.
        trim: Whether the sentences of a batch are cut to its longest; batches then differ in length.
    """

    def __init__(self, store: Store, targets: npt.NDArray[Any], columns: int, *, trim: bool = False) -> None:
        self.store, self.targets, self.columns, self.trim = store, targets, columns, trim

    def __getitem__(self, items: Indices) -> Batch:
        """The batch of these item numbers, ascending."""
        targets, tokens = torch.from_numpy(self.targets[items]), self.store.tokens(items)
        batch = Batch(
            torch.from_numpy(np.asarray(self.store.signals[items])),
            torch.from_numpy(np.asarray(self.store.tabular[items][..., : self.columns])),
            targets if targets.dtype == torch.uint8 else targets.long(),
            None if tokens is None else torch.from_numpy(tokens),
        )
        return trimmed(batch) if self.trim else batch


class Draw(Protocol):
    """Which items an epoch sees, in no order that means anything; an item may come more than once.

    It follows from the seed and the epoch, so that a run that goes on after a stop, and every process of one, draws the
    same.
    """

    def size(self, epoch: int) -> int:
        """How many items."""

    def __call__(self, epoch: int) -> Indices:
        """Their numbers."""


class EveryItem:
    """A draw of every item, once.

    Args:
        indices: Item numbers.
    """

    def __init__(self, indices: Indices) -> None:
        self.indices = indices

    def size(self, epoch: int) -> int:
        """As many as there are."""
        del epoch
        return len(self.indices)

    def __call__(self, epoch: int) -> Indices:
        """All of them."""
        del epoch
        return self.indices


class ShuffledBatches(Sampler[Indices]):
    """The batches of an epoch: a permutation cut into as few parts of near-equal size as ``batch`` allows.

    No item is dropped and no batch is a small remainder. With several processes each takes its share of every batch,
    so that a step sees the same items however many share the work.

    Args:
        draw: The items of each epoch, or the item numbers of all epochs.
        batch: Items per step, all processes together.
        seed: Decides the order, together with the epoch.
        epoch: The first epoch to draw.
        rank: This process.
        world: Processes.

    Raises:
        ConfigError: A batch has fewer items than there are processes.
    """

    def __init__(
        self, draw: Draw | Indices, batch: int, seed: int, epoch: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        self.draw = EveryItem(draw) if isinstance(draw, np.ndarray) else draw
        self.batch, self.seed, self.epoch = batch, seed, epoch
        self.rank, self.world = rank, world
        if self.draw.size(0) // self.batches(0) < world:
            raise ConfigError(
                f"Batches of {batch} from {self.draw.size(0)} items cannot be shared by {world} processes.",
                "Give a larger --batch or fewer --devices.",
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next."""
        self.epoch = epoch

    def batches(self, epoch: int) -> int:
        """How many batches an epoch has."""
        return -(-self.draw.size(epoch) // self.batch)

    def items(self, index: int) -> int:
        """How many items a batch of the epoch has, all processes together."""
        least, more = divmod(self.draw.size(self.epoch), len(self))
        return least + (index < more)

    def __iter__(self) -> Iterator[Indices]:
        order = seeded(self.seed, self.epoch).permutation(self.draw(self.epoch))
        for batch in np.array_split(order, self.batches(self.epoch)):
            yield np.sort(np.array_split(batch, self.world)[self.rank])

    def __len__(self) -> int:
        return self.batches(self.epoch)


class OrderedBatches(Sampler[Indices]):
    """The share of a process in all items: every ``world``-th, padded so that all shares are equally long."""

    def __init__(self, indices: Indices, batch: int, rank: int = 0, world: int = 1) -> None:
        share = -(-len(indices) // world)
        self.share = np.resize(indices, share * world)[rank::world]
        self.batch = batch

    def __iter__(self) -> Iterator[Indices]:
        for start in range(0, len(self.share), self.batch):
            yield self.share[start : start + self.batch]

    def __len__(self) -> int:
        return -(-len(self.share) // self.batch)


def training_targets(store: Store, task: Task, splits: Sequence[Indices], config: TrainConfig) -> npt.NDArray[Any]:
    """The targets of every item; permuted within each of the splits when ``data.shuffle_labels`` asks for it.

    Validation labels are permuted too: an epoch chosen by true ones would lean towards them.
    """
    targets = np.array(store.targets(task))
    if config.data.shuffle_labels:
        for items in splits:
            targets[items] = targets[seeded(config.training.seed, len(items)).permutation(items)]
    return targets


def loader(dataset: Items, sampler: Sampler[Indices], *, workers: int = 0, pin: bool = False) -> DataLoader[Batch]:
    """A loader of whole batches: what the sampler yields is read with one index.

    It has a generator of its own, because it draws a number whenever it begins, which must not shift those of dropout.
    """
    return DataLoader(
        dataset,
        sampler=sampler,
        batch_size=None,
        num_workers=workers,
        pin_memory=pin,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
    )
