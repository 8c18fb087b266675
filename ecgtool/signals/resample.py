"""Change of the sampling rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

_LARGEST_FACTOR = 5000


def resample(signal: npt.NDArray[np.float32], fs: float, to: float) -> npt.NDArray[np.float32]:
    """The signal at another sampling rate, by polyphase filtering (with the low-pass that this needs).

    Beyond its ends the signal is continued point-symmetrically, so that neither an offset nor a slope makes an
    artefact there.

    Args:
        signal: [..., samples], without NaN.
        fs: Its rate in Hz.
        to: The wanted rate in Hz.

    Returns:
        float32 [..., round(samples * to / fs)]; sample 0 stays at time 0.
    """
    if fs == to:
        return np.asarray(signal, np.float32)
    ratio = Fraction(to / fs).limit_denominator(_LARGEST_FACTOR)
    up, down = ratio.numerator, ratio.denominator
    samples = round(signal.shape[-1] * to / fs)
    # As far as the low-pass reaches (10 samples of the lower rate on either side), in whole steps of the output.
    steps = -(-10 * max(up, down) // (up * down)) + 1
    ends = [(0, 0)] * (signal.ndim - 1) + [(steps * down, steps * down)]
    longer = np.pad(signal, ends, mode="reflect", reflect_type="odd")
    made = resample_poly(longer, up, down, axis=-1)
    return np.ascontiguousarray(made[..., steps * up : steps * up + samples], np.float32)
