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
    return signal - np.median(signal, axis=-1, keepdims=True).astype(np.float32)
