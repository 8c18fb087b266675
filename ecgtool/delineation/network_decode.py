"""From what a network says of samples to the waves of beats, all beats and leads at once.

Leads are brought together twice. Whether a beat has a wave, the mean over the leads decides, so that noise in one lead
makes no wave and hides none: experts, who look at all leads, mark a wave in all of them or in none. Where it begins and
ends in a lead, that lead decides, with a share of the mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.waves import Samples, Wave

Floats = npt.NDArray[np.float32]

NONE, KINDS = 0, len(Wave)
"""Of the labels of samples the first is that of none; that of a wave is one more than its number."""
SHARE = 0.3
"""Share of the mean over the leads in what is said of each; chosen on the folds of LUDB."""
SHORTEST_S = 0.02
"""A wave lasts at least so long, in the mean over the leads and in each; a lead with less has the mean's edges."""
NEAR_S = 0.1
"""A QRS complex holds the R peak of its beat, or is this near to it."""
P_WITHIN_S, T_WITHIN_S = 0.5, 0.75
"""From the end of a P wave to the QRS complex, and from there to the beginning of a T wave, at most."""
LONE_BEATS, LONE_SHARE, SURE = 8, 0.4, 0.75
"""Where of the beats around, so many to either side, fewer than this share have a P wave, one of which the mean says
less than this is none: fibrillating atria make bumps that resemble one before a beat here and there."""
_HALF = 0.25
"""In a label's onset the true one lies up to a sample earlier, in its end up to one later: from where a probability
crosses, half a sample on average, to the mean of that."""


class Runs(NamedTuple):
    """Stretches of samples with the same label, but for that of none; int64 [runs] each, sorted by row and sample."""

    row: Samples
    start: Samples
    stop: Samples  # behind the last sample
    kind: Samples  # a Wave


class Found(NamedTuple):
    """Waves that were found: int64 [waves] but for the times, float64 [waves] in samples of the network."""

    lead: Samples
    beat: Samples
    kind: Samples
    onset: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]


def decode(said: Floats, beats: npt.NDArray[np.float64], fs: float) -> Found:
    """The waves of beats: of each at most one P wave, one QRS complex and one T wave, the same in all leads.

    Args:
        said: float32 [leads, labels, samples], probabilities.
        beats: float64 [beats], R peaks in samples, ascending.
        fs: Rate of the samples in Hz.
    """
    mean = said.mean(axis=0, keepdims=True)
    shared = (1 - SHARE) * said + SHARE * mean
    seen, beat = of_beats(runs_of(mean.argmax(axis=1)), mean[0], beats, fs)
    own = _lasting(runs_of(shared.argmax(axis=1)), fs)
    seen_edges, own_edges = _crossings(mean, seen), _crossings(shared, own)
    edges = [_in_leads(kind, seen, own, seen_edges, own_edges, len(said)) for kind in range(KINDS)]
    leads, number = np.arange(len(said)), [beat[seen.kind == kind] for kind in range(KINDS)]
    return Found(
        np.concatenate([np.repeat(leads, len(each)) for each in number]),
        np.concatenate([np.tile(each, len(said)) for each in number]),
        np.repeat(np.arange(KINDS), [len(said) * len(each) for each in number]),
        np.concatenate([onset.ravel() for onset, _ in edges]) + _HALF,
        np.concatenate([offset.ravel() for _, offset in edges]) - _HALF,
    )


def runs_of(labels: npt.NDArray[np.int64]) -> Runs:
    """The runs of labels, [rows, samples]."""
    width = labels.shape[1] + 2
    flat = np.pad(labels, ((0, 0), (1, 1))).ravel()
    at = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    label = flat[at]
    wave = label != NONE
    start, stop = at[wave], np.append(at[1:], len(flat))[wave]
    row = start // width
    return Runs(row, start - row * width - 1, stop - row * width - 1, label[wave].astype(np.int64) - 1)


def of_beats(runs: Runs, mean: Floats, beats: npt.NDArray[np.float64], fs: float) -> tuple[Runs, Samples]:
    """The runs of one row that are waves of beats, of each kind at most one of a beat, and the beat of each.

    A QRS complex is of the nearest beat; a P wave is of the next complex and a T wave of the last one. Of several the
    one with the most probability in it is the beat's. A beat without a complex has no waves.
    """
    runs = _lasting(runs, fs)
    sums = np.pad(np.cumsum(mean, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    mass = sums[runs.kind + 1, runs.stop] - sums[runs.kind + 1, runs.start]
    beat = _nearest(runs, beats, fs)
    complexes = _best(beat, mass, runs.kind == Wave.QRS)
    if not len(complexes):
        return Runs(*(field[:0] for field in runs)), beat[:0]
    starts, stops = runs.start[complexes], runs.stop[complexes]
    following = np.searchsorted(starts, runs.start)
    after, before = following.clip(max=len(starts) - 1), (following - 1).clip(min=0)
    ahead, behind = (starts[after] - runs.stop) / fs, (runs.start - stops[before]) / fs
    p = (runs.kind == Wave.P) & (ahead >= 0) & (ahead <= P_WITHIN_S)
    t = (runs.kind == Wave.T) & (behind >= 0) & (behind <= T_WITHIN_S)
    beat = np.where(p, beat[complexes[after]], np.where(t, beat[complexes[before]], beat))
    p_waves = _best(beat, mass, p)
    alone = _alone(beat[complexes], beat[p_waves]) & (mass[p_waves] < SURE * (runs.stop - runs.start)[p_waves])
    kept = np.sort(np.concatenate([complexes, p_waves[~alone], _best(beat, mass, t)]))
    return Runs(*(field[kept] for field in runs)), beat[kept]


def _lasting(runs: Runs, fs: float) -> Runs:
    """Those that are long enough for a wave."""
    long = runs.stop - runs.start >= SHORTEST_S * fs
    return Runs(*(field[long] for field in runs))


def _alone(beats: Samples, with_p: Samples) -> npt.NDArray[np.bool_]:
    """Whether few of the beats around each beat with a P wave have one.

    Args:
        beats: Those with a QRS complex, ascending.
        with_p: Those of them with a P wave, ascending.
    """
    place = np.searchsorted(beats, with_p)
    held = np.zeros(len(beats) + 1, np.int64)
    held[place + 1] = 1
    held = np.cumsum(held)
    first, last = (place - LONE_BEATS).clip(min=0), (place + LONE_BEATS + 1).clip(max=len(beats))
    return np.asarray(held[last] - held[first] < LONE_SHARE * (last - first))


def _nearest(runs: Runs, beats: npt.NDArray[np.float64], fs: float) -> Samples:
    """The beat that each run holds or is near to; -1 where there is none."""
    middle = (runs.start + runs.stop - 1) / 2
    after = np.searchsorted(beats, middle).clip(max=len(beats) - 1)
    before = (after - 1).clip(min=0)
    nearest = np.where(np.abs(beats[before] - middle) < np.abs(beats[after] - middle), before, after)
    away = np.maximum(runs.start - beats[nearest], beats[nearest] - runs.stop)
    return np.where(away <= NEAR_S * fs, nearest, -1)


def _best(beat: Samples, mass: npt.NDArray[np.float64], of_kind: npt.NDArray[np.bool_]) -> Samples:
    """The numbers of the runs of a kind with the most mass of their beat."""
    held = np.flatnonzero(of_kind & (beat >= 0))
    held = held[np.argsort(-mass[held], kind="stable")]
    return held[np.unique(beat[held], return_index=True)[1]]


def _crossings(said: Floats, runs: Runs) -> npt.NDArray[np.float64]:
    """Where the label of each run becomes the most probable one and where it ceases to be; float64 [2, runs]."""
    label, last = runs.kind + 1, said.shape[2] - 1
    made = []
    for at in (runs.start, runs.stop):
        before, after = (at - 1).clip(min=0), at.clip(max=last)
        first, second = (_lead_of(said, runs.row, label, place) for place in (before, after))
        change = first - second
        part = np.divide(first, change, out=np.full(len(at), 0.5), where=np.abs(change) > 0)
        made.append(before + part.clip(0, 1) * (after - before))
    return np.array(made).reshape(2, -1)


def _lead_of(said: Floats, row: Samples, label: Samples, place: Samples) -> npt.NDArray[np.float64]:
    """How far a label is ahead of the most probable other one, at these places."""
    chances = said[row, :, place].astype(np.float64)
    own = chances[np.arange(len(row)), label]
    chances[np.arange(len(row)), label] = -1.0
    return np.asarray(own - chances.max(axis=1, initial=-1.0))


def _in_leads(
    kind: int,
    seen: Runs,
    own: Runs,
    seen_edges: npt.NDArray[np.float64],
    own_edges: npt.NDArray[np.float64],
    leads: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Onset and end of each wave of a kind in each lead, [leads, waves]: the lead's own, else those of the mean.

    Args:
        kind: Which waves.
        seen: The waves of the mean over the leads.
        own: Runs of the leads; of several that overlap a wave, the one that does so most.
        seen_edges: Where the waves begin and end, [2, waves].
        own_edges: The same of the runs.
        leads: How many.
    """
    waves, runs = np.flatnonzero(seen.kind == kind), np.flatnonzero(own.kind == kind)
    edges = np.repeat(seen_edges[:, None, waves], leads, axis=1)
    if not len(waves) or not len(runs):
        return edges[0], edges[1]
    start, stop = seen.start[waves], seen.stop[waves]
    wave = np.searchsorted(stop, own.start[runs], side="right").clip(max=len(waves) - 1)
    overlap = np.minimum(own.stop[runs], stop[wave]) - np.maximum(own.start[runs], start[wave])
    order = np.argsort(overlap, kind="stable")  # the last one that is written stays
    order = order[overlap[order] > 0]
    edges[:, own.row[runs[order]], wave[order]] = own_edges[:, runs[order]]
    return edges[0], edges[1]
