"""Splits that no patient straddles and every label is spread over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError
from ecgtool.store import SPLITS

_MOST_FOLDS = 100


@dataclass(frozen=True)
class Resplit:
    """A split to make in place of the one that a corpus comes with; false where none is asked for.

    Args:
        splits: Shares of train, val and test, such as ``"70,15,15"``.
        folds: Number of folds of equal size; the last is the test split, the one before it val, the others train.
        seed: Of the order among equals.

    Raises:
        ConfigError: Both are given, or one that cannot be.
    """

    splits: str = ""
    folds: int | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        if self.splits and self.folds is not None:
            raise ConfigError("--splits and --folds exclude each other.", "Give one of them.")
        if self.folds is not None and not len(SPLITS) <= self.folds <= _MOST_FOLDS:
            raise ConfigError(f"{self.folds} folds cannot be.", f"Give from {len(SPLITS)} to {_MOST_FOLDS}.")
        if self.seed < 0:
            raise ConfigError(f"--split-seed {self.seed} cannot be.", "Give a number from 0 on.")
        if self.splits:
            self.shares()

    def __bool__(self) -> bool:
        return bool(self.splits) or self.folds is not None

    def shares(self) -> list[float]:
        """The shares of train, val and test.

        Raises:
            ConfigError: They are not three numbers from 0 on, or nothing would be left for train.
        """
        try:
            shares = [float(share) for share in self.splits.split(",")]
        except ValueError:
            shares = []
        if len(shares) != len(SPLITS) or not all(0 <= share < np.inf for share in shares) or not shares[0]:
            raise ConfigError(f"--splits {self.splits!r} is not three shares.", "For example --splits 70,15,15")
        return shares

    def options(self) -> dict[str, Any]:
        """What to note in the store's options."""
        given = {"splits": self.splits or None, "folds": self.folds, "split_seed": self.seed if self else None}
        return {name: value for name, value in given.items() if value is not None}

    def assign(self, patients: Sequence[str], marks: npt.NDArray[Any]) -> list[tuple[str, int]]:
        """Split and fold of each item, fold 0 where there are none; arguments as of :func:`stratified`."""
        if self.folds is None:
            return [(SPLITS[part], 0) for part in stratified(patients, marks, self.shares(), self.seed).tolist()]
        names = {self.folds: "test", self.folds - 1: "val"}
        folds = stratified(patients, marks, [1.0] * self.folds, self.seed) + 1
        return [(names.get(fold, "train"), fold) for fold in folds.tolist()]


def stratified(
    patients: Sequence[str], marks: npt.NDArray[Any], shares: Sequence[float], seed: int = 42
) -> npt.NDArray[np.int64]:
    """Deal patients into parts so that each part gets its share of the items and of every label.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), the rarest label first, whole patients at a
    time.

    Args:
        patients: The patient of each item.
        marks: Which labels each item carries; 0 or 1 [items, labels].
        shares: Share of each part, in any unit.
        seed: Of the order among equals.

    Returns:
        The part of each item, 0 to ``len(shares) - 1``; int64 [items].

    Raises:
        ConfigError: A share is negative, or all are zero.
    """
    if min(shares, default=-1) < 0 or sum(shares) <= 0:
        raise ConfigError(f"The shares {', '.join(f'{share:g}' for share in shares)} do not divide anything.")
    names, rows = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), marks.shape[1] + 1))
    np.add.at(counts, rows, np.column_stack([marks, np.ones(len(marks))]))
    wanted = np.outer(np.asarray(shares, dtype=float) / sum(shares), counts.sum(axis=0))
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    return _dealt(counts[order], wanted)[np.argsort(order)][rows]


def _dealt(counts: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The part of each patient; the last column of ``counts`` and ``wanted`` counts items, the others labels."""
    part = np.full(len(counts), -1)
    while (part < 0).any():
        left = counts[part < 0].sum(axis=0)
        label = int(np.where(left > 0, left, np.inf).argmin())
        for patient in np.flatnonzero((part < 0) & (counts[:, label] > 0)):
            part[patient] = np.lexsort((-wanted[:, -1], -wanted[:, label]))[0]
            wanted[part[patient]] -= counts[patient]
    return part
