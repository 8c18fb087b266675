"""Splits that no patient straddles and every label is spread over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError
from ecgtool.store import SPLITS


@dataclass(frozen=True)
class Division:
    """How a corpus without published splits is divided; patients stay together.

    Args:
        shares: Of train, val and test, in any unit; what counts without ``folds``.
        folds: So many folds of equal size, the last of them test, the one before val.
        seed: Of the order among equals.
    """

    shares: tuple[float, ...] = (70.0, 15.0, 15.0)
    folds: int | None = None
    seed: int = 42

    @classmethod
    def of(cls, splits: str = "", folds: int | None = None, seed: int = 42) -> Self:
        """A division as the command line says it: ``"70,15,15"``, or a number of folds.

        Raises:
            ConfigError: Not three shares, fewer than three folds, or both are given.
        """
        if splits and folds is not None:
            raise ConfigError("--splits and --folds exclude each other.", "Give one of them.")
        if folds is not None and folds < len(SPLITS):
            raise ConfigError(f"{folds} folds do not make train, val and test.", f"Give at least {len(SPLITS)}.")
        if not splits:
            return cls(folds=folds, seed=seed)
        try:
            shares = tuple(float(share) for share in splits.split(","))
        except ValueError:
            shares = ()
        if len(shares) != len(SPLITS) or not all(0 <= share < np.inf for share in shares) or shares[0] == 0:
            raise ConfigError(f"--splits {splits!r} is not three shares.", "For example --splits 70,15,15")
        return cls(shares, seed=seed)

    def deal(self, patients: Sequence[str], marks: npt.NDArray[Any]) -> list[tuple[str, int]]:
        """Split and fold of each item; fold 0 where there are none. Arguments as of :func:`stratified`.

        Raises:
            ConfigError: There are more folds than patients.
        """
        if self.folds is None:
            return [(SPLITS[part], 0) for part in stratified(patients, marks, self.shares, self.seed)]
        if self.folds > len(set(patients)):
            raise ConfigError(f"{len(set(patients))} patients cannot make {self.folds} folds.", "Give fewer --folds.")
        parts = stratified(patients, marks, (1.0,) * self.folds, self.seed)
        return [(SPLITS[max(0, part - self.folds + len(SPLITS))], int(part) + 1) for part in parts]


def stratified(
    patients: Sequence[str], marks: npt.NDArray[Any], shares: Sequence[float], seed: int = 42
) -> npt.NDArray[np.int64]:
    """Deal patients into parts so that each part gets its share of the items and of every label.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), the rarest label first, whole patients at a
    time. Where patients are so few that a part with a share gets none, it gets one of the largest part's.

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
    part = _none_empty(_dealt(counts[order], wanted), counts[order], np.flatnonzero(np.asarray(shares)))
    return part[np.argsort(order)][rows]


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


def _none_empty(
    part: npt.NDArray[np.int64], counts: npt.NDArray[np.float64], needed: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The part of each patient, with a patient in each of the parts that are needed, as far as there are enough.

    Only patients with a label count, if there are any. Who moves comes from the part with the most of them, which keeps
    as many as it can of each label they carry.
    """
    part = part.copy()
    counted = counts[:, :-1].any(axis=1)
    counted = counted if counted.any() else ~counted
    for empty in needed[~np.isin(needed, part[counted])]:
        patients = np.flatnonzero(counted & (part == np.bincount(part[counted]).argmax()))
        if len(patients) < 2:
            break
        carried = counts[patients]
        left = np.where(carried > 0, carried.sum(axis=0) - carried, np.inf)
        part[patients[left.min(axis=1).argmax()]] = empty
    return part
