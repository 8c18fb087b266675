"""Shapes: a span of a signal, however long and strong, as a few numbers that can be compared.

A span is averaged into a fixed number of equal parts, less the mean of its first and last one. Its strength (the root
mean square, in millivolt) is compressed by a logarithm, which keeps the direction of the vector and makes it long for
strong waves: spans where there is next to nothing lie together near zero, whatever their noise, and an R wave of 2 mV
is not four times as far from one of 1 mV as that is from one of 0.5. The logarithm of the duration is one more number.
All of it can be undone, so that means of numbers are drawn as waves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ecgtool.settings import Section

Floats = npt.NDArray[np.float32]
Spans = npt.NDArray[np.int64]

_AT_ONCE = 5_000
"""Spans whose signal is summed up at once, so that memory does not grow with the recording."""
_SMALLEST = 1e-9


class Scheme(Section):
    """How a span becomes numbers; part of every vocabulary."""

    points: int = Field(32, description="Equal parts that a span is averaged into.", ge=4, le=256)
    amplitude_mv: float = Field(
        0.1, description="Strength, in millivolt, from which on strengths are told by their ratio.", gt=0, le=100
    )
    duration_s: float = Field(0.1, description="Duration, in seconds, whose number is 0.", gt=0, le=100)
    duration_weight: float = Field(
        0.5, description="How far apart durations lie of which one is e times the other.", ge=0, le=100
    )

    def features(self, signal: npt.NDArray[Any], spans: Spans, fs: float, mv: float = 1.0) -> Floats:
        """The numbers of spans of one lead.

        Args:
            signal: [samples], finite; memory-mapped or not, as it is read piece by piece.
            spans: int64 [spans, 2], the first sample of each and the one after its last, ascending.
            fs: Rate in Hz.
            mv: Millivolts of 1 in the signal.

        Returns:
            float32 [spans, points + 1]: the compressed shape, divided by the root of its points so that a distance is
            a mean over the points; then the duration.
        """
        made = [np.empty((0, self.points + 1), np.float32)]
        for part in _parts(spans):
            made.append(self.compressed(averaged(signal, part, self.points) * mv, np.diff(part, axis=1)[:, 0] / fs))
        return np.concatenate(made)

    def compressed(self, shapes: npt.NDArray[np.floating], seconds: npt.NDArray[np.floating]) -> Floats:
        """The numbers of shapes [spans, points] in millivolt that last so long; :meth:`shapes` undoes it."""
        level = shapes - (shapes[:, :1] + shapes[:, -1:]) / 2
        strength = np.sqrt(np.mean(np.square(level), axis=1, keepdims=True))
        length = np.log1p(strength / self.amplitude_mv)
        made = level / np.maximum(strength, _SMALLEST) * length / np.sqrt(self.points)
        duration = self.duration_weight * np.log(np.asarray(seconds) / self.duration_s)
        return np.column_stack([made, duration]).astype(np.float32)

    def shapes(self, features: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Shapes [spans, points] in millivolt, and seconds [spans], that have these numbers."""
        vectors = np.asarray(features[:, :-1], np.float64)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        strength = self.amplitude_mv * np.expm1(length)
        shapes = vectors * np.sqrt(self.points) / np.maximum(length, _SMALLEST) * strength
        weight = self.duration_weight or 1.0
        return shapes, self.duration_s * np.exp(np.asarray(features[:, -1], np.float64) / weight)


def averaged(signal: npt.NDArray[Any], spans: Spans, points: int) -> npt.NDArray[np.float64]:
    """The means of the equal parts of spans, samples taken as steps; float64 [spans, points].

    Where a part is shorter than a sample it is that sample, or the mean of two; where it is longer, noise is averaged
    rather than folded down. Without a loop over spans: differences of the running sum.
    """
    begin, last = int(spans[0, 0]), int(spans[-1, 1])
    piece = np.asarray(signal[begin:last], np.float64)
    total = np.concatenate([[0.0], np.cumsum(piece)])
    edges = (spans[:, :1] - begin) + np.diff(spans, axis=1) * np.arange(points + 1) / points
    whole = np.minimum(edges.astype(np.int64), len(piece) - 1)
    sums = total[whole] + (edges - whole) * piece[whole]
    return np.diff(sums, axis=1) * points / np.diff(spans, axis=1)


def _parts(spans: Spans) -> Iterator[Spans]:
    return (spans[at : at + _AT_ONCE] for at in range(0, len(spans), _AT_ONCE))
