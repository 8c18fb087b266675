"""Dynamic time warping: distances that let the points of two shapes be shifted against each other.

Every pair of shapes goes through the table of partial costs together, one anti-diagonal after the other, so that numpy
works on whole batches; only the band around the diagonal is looked at (Sakoe and Chiba 1978).
"""

from __future__ import annotations

import numpy as np

from ecgtool.sentences.shapes import Floats


def warped(shapes: Floats, centres: Floats, band: int) -> Floats:
    """Squared DTW distances of shapes [waves, points] from centres [centres, points]; float32 [waves, centres].

    The sum of the squared differences along the cheapest path, at most ``band`` points off the diagonal.
    """
    points = shapes.shape[1]
    rows = np.ascontiguousarray(shapes.T)[:, :, None]
    columns = np.ascontiguousarray(centres.T)[::-1, None, :]
    # Row i of a diagonal d stands for the cell (i, d - i) of the table; its corner (0, 0) alone is free.
    oldest, older, new = np.full((3, points + 1, len(shapes), len(centres)), np.inf, np.float32)
    oldest[0] = 0
    for diagonal in range(2, 2 * points + 1):
        low = max(1, diagonal - points, (diagonal - band + 1) // 2)
        high = min(points, diagonal - 1, (diagonal + band) // 2) + 1
        cost = np.square(rows[low - 1 : high - 1] - columns[points - diagonal + low : points - diagonal + high])
        nearest = np.minimum(older[low - 1 : high - 1], older[low:high])
        new[low:high] = cost + np.minimum(nearest, oldest[low - 1 : high - 1])
        new[low - 1] = np.inf
        new[high : high + 1] = np.inf
        oldest, older, new = older, new, oldest
    return older[points].copy()
