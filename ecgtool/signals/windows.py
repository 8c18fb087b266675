"""Windows: pieces of equal length of a longer signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError


def onsets(total: int, samples: int, stride: int, *, cover: bool = False) -> npt.NDArray[np.int64]:
    """Where windows begin.

    Args:
        total: Samples of the signal.
        samples: Of a window.
        stride: From one window's beginning to the next one's.
        cover: Add a last window that ends with the signal where the others leave a rest. Without it the rest is left
            out.

    Returns:
        Ascending sample numbers; none where the signal is shorter than a window.

    Raises:
        ConfigError: A window or stride of less than a sample.
    """
    if samples < 1 or stride < 1:
        raise ConfigError(f"A window of {samples} samples every {stride} cannot be.", "Both must be at least 1.")
    begins = np.arange(0, max(total - samples + 1, 0), stride, dtype=np.int64)
    if cover and len(begins) and begins[-1] + samples < total:
        begins = np.append(begins, total - samples)
    return begins


def cut(signal: npt.NDArray[np.float32], samples: int, stride: int, *, cover: bool = False) -> npt.NDArray[np.float32]:
    """The windows of a signal [leads, samples], as :func:`onsets` places them.

    Returns:
        float32 [windows, leads, samples].
    """
    begins = onsets(signal.shape[-1], samples, stride, cover=cover)
    if not len(begins):
        return np.empty((0, signal.shape[0], samples), np.float32)
    every = np.lib.stride_tricks.sliding_window_view(signal, samples, axis=-1)
    return np.ascontiguousarray(every[:, begins].swapaxes(0, 1))
