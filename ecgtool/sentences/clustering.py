"""Clustering: the typical shapes of a kind of wave, found in many.

``kmeans`` compares shapes point by point (mini-batch k-means: Sculley 2010, doi:10.1145/1772690.1772862) and is fast.
``dtw`` and ``soft-dtw`` let the points be shifted against each other. Both begin at the clusters of ``kmeans`` and move
each centre to the barycentre of its waves under soft-DTW (Cuturi and Blondel 2017, arXiv:1703.01541): ``soft-dtw`` with
a smoothness at which every path counts, ``dtw`` with one so small that the cheapest path alone does. Words are then
told by DTW, the limit of soft-DTW.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ecgtool.registry import Registry
from ecgtool.sentences.shapes import Floats
from ecgtool.sentences.warping import aligned, warped

Cluster = Callable[[Floats, int, int], Floats]
"""Finds centres [clusters, points + 1] of waves [waves, points + 1], given how many and a seed."""

METHODS = Registry(
    "clusterings",
    {
        "kmeans": "ecgtool.sentences.clustering:kmeans",
        "dtw": "ecgtool.sentences.clustering:dtw",
        "soft-dtw": "ecgtool.sentences.clustering:soft_dtw",
    },
    "Ways of finding typical waves.",
)

BAND = 4
"""Points by which shapes of 32 are shifted at most."""
SMOOTH, SHARP = 0.01, 1e-4
"""Smoothness of soft-DTW, in the unit of squared differences of features."""

_BATCH = 4096
_STARTS = 3
_WAVES = 3000
"""Waves that barycentres are made of; more change them little and cost as much more."""
_ROUNDS, _STEPS = 4, 8


def kmeans(waves: Floats, clusters: int, seed: int) -> Floats:
    """Centres by mini-batch k-means, begun by k-means++ (Arthur and Vassilvitskii 2007)."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(clusters, batch_size=_BATCH, n_init=_STARTS, random_state=seed % 2**32)
    return np.asarray(model.fit(waves).cluster_centers_, np.float32)


def dtw(waves: Floats, clusters: int, seed: int) -> Floats:
    """Centres under dynamic time warping."""
    return _barycentres(waves, clusters, seed, SHARP)


def soft_dtw(waves: Floats, clusters: int, seed: int) -> Floats:
    """Centres under soft-DTW."""
    return _barycentres(waves, clusters, seed, SMOOTH)


def _barycentres(waves: Floats, clusters: int, seed: int, smoothness: float) -> Floats:
    """The centres of k-means, moved to the barycentres of their waves, which are told anew each round."""
    centres = kmeans(waves, clusters, seed)
    chosen = np.random.default_rng(seed).permutation(len(waves))[:_WAVES]
    waves = waves[np.sort(chosen)]
    for _round in range(_ROUNDS):
        distances = warped(waves[:, :-1], centres[:, :-1], BAND) + np.square(waves[:, -1:] - centres[:, -1])
        nearest = distances.argmin(axis=1)
        for _step in range(_STEPS):
            centres = _stepped(waves, centres, nearest, smoothness)
    return centres


def _stepped(waves: Floats, centres: Floats, nearest: npt.NDArray[np.intp], smoothness: float) -> Floats:
    """Centres one step nearer to the waves that belong to them (see :func:`ecgtool.sentences.warping.aligned`)."""
    weight, pull = aligned(waves[:, :-1], centres[nearest, :-1], BAND, smoothness)
    moved = centres.copy()
    for number in np.unique(nearest).tolist():
        own = nearest == number
        moved[number, :-1] = pull[own].sum(axis=0) / weight[own].sum(axis=0)
        moved[number, -1] = waves[own, -1].mean()
    return moved
