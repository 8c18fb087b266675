"""Delineation: onset, peak and offset of P waves, QRS complexes and T waves, by one of several methods."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ecgtool.registry import Registry
from ecgtool.waves import Samples, Waves


class Method(Protocol):
    """Finds the waves of a recording.

    Called with ``signal`` float32 [leads, samples] in millivolt (finite), its rate in Hz, the names of the leads and
    the R peaks, int64 [beats] ascending; gives the waves of these beats. A wave that is not there is absent.
    """

    def __call__(self, signal: npt.NDArray[np.float32], fs: float, leads: tuple[str, ...], beats: Samples) -> Waves:
        """The waves."""


METHODS = Registry(
    "methods",
    {
        "unet1d": "ecgtool.delineation.network:UNET1D",
        "wavelet": "ecgtool.delineation.wavelet:WAVELET",
    },
    "Ways of finding waves.",
)
