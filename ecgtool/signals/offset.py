"""The offset of each lead: what electrodes and amplifiers add, and no heart makes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def remove_offset(signal: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The signal with the median of each lead subtracted: most samples lie on the isoelectric line.

    Args:
        signal: [..., samples], without NaN.

    Returns:
        float32, same shape.
    """
    middle = signal.shape[-1] // 2
    # As numpy.median, at two thirds of its time: one pivot rather than two, and no search for NaN.
    ordered = np.partition(signal, middle, axis=-1)
    median = ordered[..., middle : middle + 1]
    if signal.shape[-1] % 2 == 0:
        median = (median + ordered[..., :middle].max(axis=-1, keepdims=True)) * np.float32(0.5)
    return signal - median
