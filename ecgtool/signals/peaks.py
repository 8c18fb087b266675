"""R peaks: when the heart beats, from one lead or from all of them together.

The signal is bent where a QRS complex is: its second difference over 35 ms passes what complexes are made of (about
8 to 20 Hz) and little of P and T waves, wander and muscle. The root of its mean square over 130 ms is the *level*: a
hump per beat. The levels of the leads are put together, each by how far its beats stand out. Then, in whole arrays:

1. Humps are local maxima of the level, 200 ms or more apart: the heart's refractory time (Pan and Tompkins 1985).
2. A hump that does not stand out of what lies around it is noise, or the undulation of a fibrillating or fluttering
   heart.
3. A hump is sure that is higher than the noise hereabouts (a lower quartile) by 30 % of the usual beat: a threshold
   between the levels of signal and noise (Pan and Tompkins 1985). The usual is the median of the largest of each 1.5 s,
   so that neither a burst of noise nor a few large ectopic beats move it (Hamilton and Tompkins 1986 found the median
   of the last peaks the best estimate).
4. Within 360 ms of a sure one, a hump of less than half its level is a T wave (Pan and Tompkins 1985).
5. Search-back: a gap of over 1.66 usual RR intervals is looked through for the largest hump of half the threshold (Pan
   and Tompkins 1985). The usual is the median of nine intervals around it.

Everything is judged by at most ten seconds on either side, so that a long recording may be read in pieces; but for the
limits of a recorder, at which a lead may stay: these are the highest and the lowest value of what is read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.signals.limits import at_limit
from ecgtool.signals.pacing import pacing_spikes
from ecgtool.signals.preprocess import fill

Signal = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

REFRACTORY_S = 0.2
T_WAVE_S = 0.36
T_WAVE_SHARE = 0.5
MISSED_RR = 1.66
SURE_SHARE = 0.3
NOISE_SHARE = 1.0
BACK_SHARE = 0.5
STANDS_OUT = 2.5
"""A beat's level is at least so many times the lower quartile of the level in the second before and after it."""
UNEVEN = 0.1
"""What a lead weighs whose beats are of very different size, beside one whose beats are alike."""
ROUGH_HZ = 50.0
"""Below this rate beats begin to be missed and invented, and P waves to be lost (see docs/waves.md)."""
RATE_HZ = 120.0
"""About the rate at which beats are looked for; the peaks are told at the recording's own."""

_LAG_S, _SMOOTH_S = 0.035, 0.13
_BLOCK_S, _BLOCKS = 1.5, 9
_AROUND_S = 1.0
_EXTREMUM_S = 0.08
_TINY = np.float32(1e-12)


class _Humps(NamedTuple):
    """Local maxima of the level.

    Attributes:
        at: int64 [humps], where, in coarse samples.
        level: How high.
        sure: From which level on it is a beat without doubt.
    """

    at: Samples
    level: Signal
    sure: Signal

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Humps:
        return _Humps(self.at[chosen], self.level[chosen], self.sure[chosen])


def rough(fs: float) -> tuple[str, ...]:
    """What to say of beats and waves of a recording of so few samples a second; nothing where they are enough."""
    if fs >= ROUGH_HZ:
        return ()
    told = f"below {ROUGH_HZ:g} Hz waves are told roughly, and P waves and beats begin to be missed"
    return (f"{fs:g} Hz is slow: {told}",)


def r_peaks(signal: Signal, fs: float) -> Samples:
    """Find the heart beats of a recording.

    Args:
        signal: float32 [leads, samples], in millivolt or any other unit, of any polarity. What is not finite is a gap,
            and no beat lies where all leads have one; so is a stretch at the limit of what the recorder can tell. Leads
            that are off, flat or noisy hardly count.
        fs: Its rate in Hz, 20 to 100,000. Below about 100 Hz beats are found, but where they peak is told roughly;
            below :data:`ROUGH_HZ` see there.

    Returns:
        int64 [beats], ascending, samples of the extremum: where the leads, weighted as for the search, lie furthest
        from their median within 80 ms of the complex's middle. Empty where there is no beat.
    """
    step = max(1, int(fs // RATE_HZ))
    rate = fs / step
    if signal.shape[1] // step < rate / 2:
        return np.empty(0, np.int64)
    signal = np.ascontiguousarray(signal, np.float32)
    gaps = ~np.isfinite(signal)
    whole = fill(signal, gaps) if gaps.any() else signal
    stuck = at_limit(whole, fs)
    if stuck.any():
        gaps |= stuck
        whole = fill(whole, stuck)
    spikes = pacing_spikes(whole, fs)
    whole = fill(whole, spikes) if spikes.any() else whole
    whole = whole / np.maximum(np.abs(whole).max(axis=1, keepdims=True), _TINY)
    coarse = _coarse(whole, step)
    level, weights = _together(_level(coarse, rate), gaps, rate)
    humps = _standing_out(_humps(level, rate), level, rate)
    at = humps.at[_searched_back(humps, _sure(humps, rate), rate)]
    share = weights[:, _block_of(at, level, rate)]
    peaks = _extremum(whole, coarse, at, share, step, rate)
    return peaks[~gaps[:, peaks].all(axis=0)]


def _coarse(signal: Signal, step: int) -> Signal:
    """Means of so many samples each."""
    end = signal.shape[1] // step * step
    coarse = np.zeros((len(signal), end // step), np.float32)
    for first in range(step):  # strides are quicker than means over three or four samples
        coarse += signal[:, first:end:step]
    return np.divide(coarse, step, dtype=np.float32)


def _level(signal: Signal, rate: float) -> Signal:
    """Root of the mean square of the second difference, [leads, samples]."""
    from scipy.ndimage import uniform_filter1d

    lag = max(1, round(_LAG_S * rate))
    bent = np.zeros_like(signal)
    np.square(2 * signal[:, lag:-lag] - signal[:, : -2 * lag] - signal[:, 2 * lag :], out=bent[:, lag:-lag])
    smooth = uniform_filter1d(bent, max(1, round(_SMOOTH_S * rate)), axis=1, mode="constant")
    return np.sqrt(np.maximum(smooth, 0))


def _blocks(values: npt.NDArray[Any], rate: float) -> npt.NDArray[Any]:
    """What is told of every sample [..., samples] cut into blocks [..., blocks, block]."""
    block = min(max(1, round(_BLOCK_S * rate)), values.shape[-1])
    blocks = values.shape[-1] // block
    return values[..., : blocks * block].reshape(*values.shape[:-1], blocks, block)


def _block_of(at: Samples, level: Signal, rate: float) -> Samples:
    """The block of coarse samples; what is left behind the last block belongs to it."""
    blocks, block = _blocks(level, rate).shape[-2:]
    return np.minimum(at // block, blocks - 1)


def _around(blocks: Signal) -> Signal:
    """Medians over the blocks around each, [..., blocks]."""
    from scipy.ndimage import median_filter

    return median_filter(blocks, (1,) * (blocks.ndim - 1) + (_BLOCKS,), mode="nearest")


def _lower_quartile(values: Signal) -> Signal:
    """Of the last axis."""
    place = values.shape[-1] // 4
    return np.partition(values, place, axis=-1)[..., place]


def _together(level: Signal, gaps: npt.NDArray[np.bool_], rate: float) -> tuple[Signal, Signal]:
    """One level for all leads, [samples], and what a deflection of each lead weighs, [leads, blocks].

    Each lead's level is put in units of its usual beat and weighted by how far the usual beat stands out of the lead's
    own background, and by how even its beats are; a block with a gap hardly counts. The mean is one of roots: what is
    in all leads counts for more than what is large in one.
    """
    if len(level) == 1:
        return level[0], np.ones((1, _blocks(level, rate).shape[1]), np.float32)
    cut = _blocks(level, rate)
    top = cut.max(axis=-1)
    usual = np.maximum(_around(top), _TINY)
    quiet = _lower_quartile(cut[..., ::4])
    background = np.maximum(np.maximum(_around(quiet), quiet), usual / 20)  # a burst of noise counts at once
    weights = np.maximum(usual / background - STANDS_OUT, 0) * (usual > _TINY) * _even(top) + _TINY
    if gaps.any():
        parts = np.linspace(0, gaps.shape[1], weights.shape[1], endpoint=False).astype(int)
        weights[np.logical_or.reduceat(gaps, parts, axis=1)] = _TINY
    weights = weights / weights.sum(axis=0)
    block = _block_of(np.arange(level.shape[1]), level, rate)
    roots = np.sqrt(level) * (weights / np.sqrt(usual))[:, block]
    return np.square(roots.sum(axis=0)), weights / usual


def _even(top: Signal) -> Signal:
    """How alike the largest humps of a lead are hereabouts, 1 down to `UNEVEN`; their heights are [leads, blocks].

    An electrode that comes off and on draws humps many times as high as a beat, with next to nothing between them. Of
    each two blocks the larger counts, so that a pause, or a heart slower than the blocks, is not uneven.
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    beat = maximum_filter1d(top, 2, axis=1, mode="nearest")
    least, most = (f(beat, _BLOCKS, axis=1, mode="nearest") for f in (minimum_filter1d, maximum_filter1d))
    return np.maximum(np.square(least / np.maximum(most, _TINY)), UNEVEN)


def _humps(level: Signal, rate: float) -> _Humps:
    """Local maxima of the level [samples], a refractory time apart."""
    from scipy.ndimage import maximum_filter1d

    reach = max(1, round(REFRACTORY_S * rate))
    near = maximum_filter1d(level, 2 * reach + 1, mode="constant")
    at = np.flatnonzero((level == near) & (level > _TINY))
    at = at[np.diff(at, prepend=-reach) >= reach]  # of a plateau, its beginning
    cut = _blocks(level, rate)
    sure = SURE_SHARE * _around(cut.max(axis=-1)) + NOISE_SHARE * _around(_lower_quartile(cut))
    return _Humps(at, level[at], sure[_block_of(at, level, rate)])


def _standing_out(humps: _Humps, level: Signal, rate: float) -> _Humps:
    """The humps that tower over the background, a lower quartile."""
    reach = round(_AROUND_S * rate)
    around = np.clip(humps.at[:, None] + np.arange(-reach, reach + 1, 4), 0, len(level) - 1)
    return humps.only(humps.level >= STANDS_OUT * _lower_quartile(level[around]))


def _sure(humps: _Humps, rate: float) -> Samples:
    """Numbers of the humps that are beats without doubt: large enough, and no T wave of the one before."""
    sure = np.flatnonzero(humps.level >= humps.sure)
    level = humps.level[sure]
    close = np.diff(humps.at[sure], prepend=-(10**9)) < T_WAVE_S * rate
    return sure[~(close & (level < T_WAVE_SHARE * np.roll(level, 1)))]


def _searched_back(humps: _Humps, beats: Samples, rate: float) -> Samples:
    """The numbers of sure beats, and those of the humps found in gaps; a gap can hold three."""
    for _ in range(3):
        found = _in_gaps(humps, beats, rate) if len(beats) > 2 else beats[:0]
        if not len(found):
            break
        beats = np.union1d(beats, found)
    return beats


def _in_gaps(humps: _Humps, beats: Samples, rate: float) -> Samples:
    """The number of the largest hump of every gap that is too long."""
    from scipy.ndimage import median_filter

    times = humps.at[beats]
    intervals = np.diff(times)
    long = intervals > MISSED_RR * median_filter(intervals, 9, mode="nearest")
    gap = np.searchsorted(times, humps.at, side="right") - 1
    inner = (gap >= 0) & (gap < len(intervals))
    gap = np.clip(gap, 0, len(intervals) - 1)
    apart = (humps.at - times[gap] >= T_WAVE_S * rate) & (times[gap + 1] - humps.at >= REFRACTORY_S * rate)
    open_ = np.flatnonzero(inner & long[gap] & apart & (humps.level >= BACK_SHARE * humps.sure))
    largest_first = open_[np.lexsort((-humps.level[open_], gap[open_]))]
    return largest_first[np.unique(gap[largest_first], return_index=True)[1]]


def _extremum(signal: Signal, coarse: Signal, at: Samples, share: Signal, step: int, rate: float) -> Samples:
    """Where the leads, by their share [leads, beats], lie furthest from their median: coarsely, then to the sample."""
    if not len(at):
        return np.empty(0, np.int64)
    last = coarse.shape[1] - 1
    wide = np.clip(at[:, None] + np.arange(-round(rate / 4), round(rate / 4) + 1, 3), 0, last)
    level = np.median(coarse[:, wide], axis=2)[..., None]  # [leads, beats, 1]
    reach = max(1, round(_EXTREMUM_S * rate))
    near = np.clip(at[:, None] + np.arange(-reach, reach + 1), 0, last)
    best = (np.abs(coarse[:, near] - level) * share[..., None]).sum(axis=0).argmax(axis=1)
    middle = near[np.arange(len(at)), best]
    fine = np.clip(middle[:, None] * step + np.arange(-step, 2 * step), 0, signal.shape[1] - 1)
    best = (np.abs(signal[:, fine] - level) * share[..., None]).sum(axis=0).argmax(axis=1)
    return np.unique(fine[np.arange(len(at)), best]).astype(np.int64)
