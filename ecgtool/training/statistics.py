"""Statistics of the training items: what turns millivolts into what the network sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.console import log
from ecgtool.run import NormStats
from ecgtool.signals.leads import MASK
from ecgtool.store import Store

CHUNK = 256
"""Items read at a time."""

FLAT_MV = 1e-3
"""A lead whose deviation is below this (1 µV) carries nothing; dividing by it would only blow up noise."""


def norm_stats(store: Store, train: npt.NDArray[np.int64], normalise: str = "lead", tabular: bool = True) -> NormStats:
    """Mean and standard deviation per lead and per tabular column, of the training items alone.

    The channel that says how far the leads were recorded is a share from 0 to 1, and stays one.

    Args:
        store: The data.
        train: Item numbers of the training split.
        normalise: ``"lead"``, or ``"none"`` for a mean of 0 and a deviation of 1.
        tabular: Whether the run reads the tabular columns.
    """
    leads = store.manifest.leads
    mean, std = np.zeros(len(leads)), np.ones(len(leads))
    if normalise == "lead":
        mean, std = lead_statistics(store, train)
        flat = [lead for lead, deviation in zip(leads, std, strict=True) if deviation < FLAT_MV and lead != MASK]
        if flat:
            log.warning("lead %s is constant in the training items; it is left unscaled", ", ".join(flat))
        mask = np.array([lead == MASK for lead in leads])
        mean, std = np.where(mask, 0.0, mean), np.where(mask | (std < FLAT_MV), 1.0, std)
    columns = store.manifest.tabular if tabular else ()
    tabular_mean, tabular_std = _column_statistics(np.asarray(store.tabular[train], np.float64)[..., : len(columns)])
    return NormStats(
        leads=leads,
        mean_mv=tuple(mean.tolist()),
        std_mv=tuple(std.tolist()),
        tabular=columns,
        tabular_mean=tuple(tabular_mean.tolist()),
        tabular_std=tuple(tabular_std.tolist()),
        items=len(train),
    )


def lead_statistics(
    store: Store, items: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation of each lead in mV, each float64 [leads].

    One pass over the map in chunks. Sums of integers are exact, so nothing is lost to cancellation.
    """
    leads = len(store.manifest.leads)
    total, squares = np.zeros(leads, np.int64), np.zeros(leads, np.int64)
    for start in range(0, len(items), CHUNK):
        counts = np.asarray(store.signals[items[start : start + CHUNK]], dtype=np.int32)
        total += counts.sum(axis=(0, 2), dtype=np.int64)
        squares += np.square(counts).sum(axis=(0, 2), dtype=np.int64)
    n = len(items) * store.manifest.samples
    spread = [n * int(square) - int(summed) ** 2 for square, summed in zip(squares, total, strict=True)]
    mv = store.manifest.scale_uv / 1000
    return total / n * mv, np.sqrt(np.array(spread, dtype=np.float64)) / n * mv


def _column_statistics(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and deviation of each column of [..., columns], unknown values aside; 0 and 1 where nothing is known."""
    values = values.reshape(int(np.prod(values.shape[:-1])), values.shape[-1])
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    std = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=0) / count)
    return mean, np.where(std > 0, std, 1.0)
