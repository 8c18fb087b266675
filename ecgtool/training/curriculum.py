"""Curriculum: easy items first; the share of the items that an epoch sees grows from epoch to epoch.

Bengio, Louradour, Collobert and Weston, "Curriculum learning" (ICML 2009). What is easy says the signal or the model:

``quality``  the cleanest signals, by :func:`noisiness`; no label is looked at
``loss``     the items of least loss as the model stands when the epoch begins (Kumar, Packer and Koller, "Self-paced
             learning for latent variable models", NeurIPS 2010), the same share of each label (Jiang et al.,
             "Self-paced learning with diversity", NeurIPS 2014), so that rare labels are not put off to the end; the
             first epoch, whose model knows nothing yet, sees items drawn at random
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.settings import TrainingConfig
from ecgtool.signals.leads import MASK
from ecgtool.store import Store
from ecgtool.training.data import Indices, seeded

Hardness = npt.NDArray[np.floating[Any]]

BAND_HZ = (1.0, 40.0)
"""What of an ECG is read lies here: below is baseline wander, above are mains and muscles (Clifford et al. 2012)."""
CHUNK = 256
"""Items read at a time."""
_CURRICULUM = 2
"""Tells these random numbers from the others of an epoch."""


class Curriculum:
    """The easiest items of an epoch; a :class:`ecgtool.training.data.Draw`.

    Args:
        indices: Item numbers of the training items.
        training: How the run is fitted.
        kinds: int64 [indices]: of each kind of items the same share is seen.
        hardness: float [indices], where it is known beforehand.
    """

    def __init__(
        self, indices: Indices, training: TrainingConfig, kinds: npt.NDArray[np.int64], hardness: Hardness | None = None
    ) -> None:
        self.indices, self.training, self.hardness = indices, training, hardness
        _, self._kind, self._counts = np.unique(kinds, return_inverse=True, return_counts=True)
        self._epoch, self._drawn = -1, indices

    def share(self, epoch: int) -> float:
        """The share of the items that an epoch sees, counted from 0."""
        start, last = self.training.curriculum_start, self.training.curriculum_end * self.training.epochs
        return min(1.0, start + (1 - start) * epoch / last)

    def size(self, epoch: int) -> int:
        """The items that an epoch sees."""
        return int(self._sizes(epoch).sum())

    def begin(self, epoch: int, losses: Callable[[], Hardness]) -> None:
        """Choose the items of an epoch.

        Args:
            epoch: Counted from 0.
            losses: The loss of each item as the model stands; asked for only where it counts.
        """
        hardness = self.hardness
        if hardness is None and epoch == 0:
            hardness = seeded(self.training.seed, 0, 0, _CURRICULUM).random(len(self.indices))
        elif hardness is None:
            hardness = losses() if self.share(epoch) < 1 else np.zeros(len(self.indices))
        order = np.lexsort((hardness, self._kind))
        firsts = np.cumsum(self._counts) - self._counts
        place = np.arange(len(order)) - np.repeat(firsts, self._counts)
        kept = order[place < np.repeat(self._sizes(epoch), self._counts)]
        self._epoch, self._drawn = epoch, self.indices[np.sort(kept)]

    def __call__(self, epoch: int) -> Indices:
        """The items of the epoch that was begun."""
        if epoch != self._epoch:
            raise RuntimeError(f"epoch {epoch} of a curriculum has not begun")
        return self._drawn

    def _sizes(self, epoch: int) -> npt.NDArray[np.int64]:
        """Items of each kind, one at least."""
        return np.maximum(np.ceil(np.round(self.share(epoch) * self._counts, 6)), 1).astype(np.int64)


def noisiness(store: Store, items: Indices) -> npt.NDArray[np.float64]:
    """Share of the power of each item that lies outside 1-40 Hz, the mean of its leads; 1 for a lead without any.

    The power spectrum is that of the whole lead under a Hann window, its mean taken out first. A lead that is flat is
    as bad as noise.

    Args:
        store: The data.
        items: Item numbers.

    Returns:
        float64 [items], from 0 (clean) to 1.
    """
    held = store.manifest
    leads = [number for number, lead in enumerate(held.leads) if lead != MASK]
    window = np.hanning(held.samples + 2)[1:-1].astype(np.float32)
    frequencies = np.fft.rfftfreq(held.samples, 1 / held.fs)
    inside = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    made = np.empty(len(items))
    for start in range(0, len(items), CHUNK):
        part = items[start : start + CHUNK]
        signal = np.asarray(store.signals[part])[:, leads].astype(np.float32)
        spectrum = np.fft.rfft((signal - signal.mean(axis=-1, keepdims=True)) * window)
        power = np.square(np.abs(spectrum))
        whole, read = power.sum(axis=-1), power[..., inside].sum(axis=-1)
        made[start : start + len(part)] = 1 - np.divide(read, whole, out=np.zeros_like(whole), where=whole > 0).mean(1)
    return made
