"""Dynamic time warping: distances that let the points of two shapes be shifted against each other.

Every pair of shapes goes through the table of partial costs together, one anti-diagonal after the other, so that numpy
works on whole batches; only the band around the diagonal is looked at (Sakoe and Chiba 1978). Row i of a diagonal d
stands for the cell (i, d - i) of the table, counted from 1; its corner (0, 0) alone is free.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ecgtool.sentences.shapes import Floats

Values = npt.NDArray[np.float64]


def warped(shapes: Floats, centres: Floats, band: int) -> Floats:
    """Squared DTW distances of shapes [waves, points] from centres [centres, points]; float32 [waves, centres].

    The sum of the squared differences along the cheapest path, at most ``band`` points off the diagonal.
    """
    points = shapes.shape[1]
    rows = np.ascontiguousarray(shapes.T)[:, :, None]
    columns = np.ascontiguousarray(centres.T)[::-1, None, :]
    oldest, older, new = np.full((3, points + 1, len(shapes), len(centres)), np.inf, np.float32)
    oldest[0] = 0
    for shift, low, high in _diagonals(points, band):
        cost = np.square(rows[low - 1 : high - 1] - columns[shift + low : shift + high])
        nearest = np.minimum(older[low - 1 : high - 1], older[low:high])
        new[low:high] = cost + np.minimum(nearest, oldest[low - 1 : high - 1])
        new[low - 1] = np.inf
        new[high : high + 1] = np.inf
        oldest, older, new = older, new, oldest
    return older[points].copy()


def softly_warped(shapes: Floats, centres: Floats, band: int, smoothness: float) -> Values:
    """Soft-DTW of pairs of shapes and centres, each [pairs, points]; float64 [pairs].

    The soft minimum of the costs of all paths within the band (Cuturi and Blondel 2017, arXiv:1703.01541); may be
    below 0.
    """
    return _forward(shapes, centres, band, smoothness)[0]


def aligned(shapes: Floats, centres: Floats, band: int, smoothness: float) -> tuple[Values, Values]:
    """What the points of each centre are aligned with in a shape, under soft-DTW; both [pairs, points].

    Half the gradient of soft-DTW by a centre's points is ``weight * centre - pull``, so that a centre whose points are
    the sums of ``pull`` over the sums of ``weight`` is nearer to all of its shapes than it was: soft-DTW is concave in
    the costs of the cells, so it lies below what it would be if every alignment stayed as it is.

    Returns:
        ``weight``, how often each point of a centre is passed, and ``pull``, the sum of the points it is aligned with.
    """
    points = shapes.shape[1]
    rows = np.ascontiguousarray(shapes.T, np.float64)
    weight, pull, oldest, older, new = np.zeros((5, points + 1, len(shapes)))
    new[points] = 1
    for (shift, low, high), (up, left, across) in reversed(_forward(shapes, centres, band, smoothness)[1]):
        passed = new[low:high]
        older[low - 1 : high - 1] += passed * up
        older[low:high] += passed * left
        oldest[low - 1 : high - 1] += passed * across
        weight[shift + low : shift + high] += passed
        pull[shift + low : shift + high] += passed * rows[low - 1 : high - 1]
        new[:] = 0
        new, older, oldest = older, oldest, new
    return weight[:points][::-1].T, pull[:points][::-1].T


def _forward(
    shapes: Floats, centres: Floats, band: int, smoothness: float
) -> tuple[Values, list[tuple[tuple[int, int, int], Values]]]:
    """Soft-DTW of each pair; and for each diagonal the share of each of a cell's three ways in, [3, cells, pairs]."""
    points = shapes.shape[1]
    rows = np.ascontiguousarray(shapes.T, np.float64)
    columns = np.ascontiguousarray(centres.T, np.float64)[::-1]
    oldest, older, new = np.full((3, points + 1, len(shapes)), np.inf)
    oldest[0] = 0
    ways = []
    for shift, low, high in _diagonals(points, max(band, 1)):
        before = np.stack([older[low - 1 : high - 1], older[low:high], oldest[low - 1 : high - 1]])
        least = before.min(axis=0)
        share = np.exp((least - before) / smoothness)
        total = share.sum(axis=0)
        new[low:high] = least - smoothness * np.log(total)
        new[low:high] += np.square(rows[low - 1 : high - 1] - columns[shift + low : shift + high])
        new[low - 1] = np.inf
        new[high : high + 1] = np.inf
        ways.append(((shift, low, high), share / total))
        oldest, older, new = older, new, oldest
    return older[points].copy(), ways


def _diagonals(points: int, band: int) -> Iterator[tuple[int, int, int]]:
    """What to add to a row to find its column among the columns taken backwards; the first row, the one after the last.

    Of each diagonal but that of the corner.
    """
    for diagonal in range(2, 2 * points + 1):
        low = max(1, diagonal - points, (diagonal - band + 1) // 2)
        high = min(points, diagonal - 1, (diagonal + band) // 2) + 1
        yield points - diagonal, low, high
