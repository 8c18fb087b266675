"""Words of waves: how fast they are told and found, beside the plain ways of doing it.

    python benchmarks/clustering.py STORE

STORE has a set of waves (``ecg segment``). Three comparisons, all on its training patients' waves: telling the word of
each wave, beside a loop over waves with ``numpy.interp``; finding words, beside scikit-learn's ``KMeans``; and the
gradient of soft-DTW, beside the recursion written out for one pair (and ``tslearn``'s, where it is installed).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans

from ecgtool.sentences.clustering import BAND, METHODS, SMOOTH
from ecgtool.sentences.fit import fit, sampled
from ecgtool.sentences.vocabulary import CLUSTERS, KINDS, Vocabulary
from ecgtool.sentences.warping import aligned, softly_warped
from ecgtool.sentences.words import spans_of, text_of
from ecgtool.store import Store

REPEATS = 3
PAIRS, NAIVE_PAIRS = 2000, 20


def best(work: Callable[[], object]) -> float:
    """The shortest of a few repeats, in seconds of processor time."""
    taken = []
    for _repeat in range(REPEATS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def one_by_one(signal: np.ndarray, bounds: np.ndarray, kinds: np.ndarray, vocabulary: Vocabulary) -> list[int]:
    """The word of each wave, in a loop: resampled by interpolation, then compared with each word of its kind."""
    made, scheme = [], vocabulary.scheme
    for (begin, end), kind in zip(bounds.tolist(), kinds.tolist(), strict=True):
        place = np.linspace(begin, end - 1, scheme.points)
        shape = np.interp(place, np.arange(begin, end), signal[begin:end])
        features = scheme.compressed(shape[None], np.array([(end - begin) / 360.0]))
        made.append(int(np.square(vocabulary.of_kind(kind) - features).sum(axis=1).argmin()))
    return made


def told(store: Store, vocabulary: Vocabulary) -> None:
    """Waves to words, of the first lead of a training item."""
    item = int(store.indices("train")[0])
    waves, signal = store.waves(item), store.millivolts(item)[0]
    spans = spans_of(waves, 0, len(signal))
    ours = best(lambda: text_of(signal, waves, 0, vocabulary)) / len(spans.kinds)
    plain = best(lambda: one_by_one(signal, spans.bounds, spans.kinds, vocabulary)) / len(spans.kinds)
    print(f"telling words: {1e6 * ours:.2f} us a wave, one by one {1e6 * plain:.1f} us: {plain / ours:.0f} times")


def found(store: Store) -> None:
    """Clusters of QRS complexes."""
    features = sampled(store, store.wave_set().name, 1.0, 0).features["QRS"]
    words = CLUSTERS["QRS"]
    mini = best(lambda: METHODS.load("kmeans")(features, words, 0))
    whole = best(lambda: KMeans(words, n_init=3, random_state=0).fit(features))
    print(f"finding {words} words of {len(features)} complexes: {mini:.2f} s, KMeans {whole:.2f} s: {whole / mini:.1f}")
    inertia = [
        float(np.square(features[:, None] - centres).sum(axis=2).min(axis=1).mean())
        for centres in (
            METHODS.load("kmeans")(features, words, 0),
            KMeans(words, n_init=3, random_state=0).fit(features).cluster_centers_,
        )
    ]
    print(f"mean squared distance from the nearest word: {inertia[0]:.4f}, KMeans {inertia[1]:.4f}")


def naive(shape: np.ndarray, centre: np.ndarray, smoothness: float) -> np.ndarray:
    """Expected alignment of one pair, cell by cell (Cuturi and Blondel 2017, algorithms 1 and 2)."""
    points = len(shape)
    cost = np.full((points + 2, points + 2), np.inf)
    cost[0, 0] = 0.0
    apart = np.zeros((points + 2, points + 2))
    for i in range(1, points + 1):
        for j in range(1, points + 1):
            if abs(i - j) > BAND:
                continue
            apart[i, j] = (shape[i - 1] - centre[j - 1]) ** 2
            before = np.array([cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1]])
            low = before.min()
            cost[i, j] = apart[i, j] + low - smoothness * np.log(np.exp((low - before) / smoothness).sum())
    passed = np.zeros((points + 2, points + 2))
    passed[points, points] = 1.0
    for i in range(points, 0, -1):
        for j in range(points, 0, -1):
            for down, right in ((1, 0), (0, 1), (1, 1)):
                a, b = i + down, j + right
                if a <= points and b <= points and np.isfinite(cost[a, b]) and np.isfinite(cost[i, j]):
                    passed[i, j] += passed[a, b] * np.exp((cost[a, b] - apart[a, b] - cost[i, j]) / smoothness)
    return passed[1 : points + 1, 1 : points + 1]


def warped(store: Store) -> None:
    """Soft-DTW and its gradient, of pairs of QRS complexes."""
    features = sampled(store, store.wave_set().name, 1.0, 0).features["QRS"][: 2 * PAIRS, :-1]
    first, second = features[::2], features[1::2]
    ours = best(lambda: aligned(first, second, BAND, SMOOTH)) / len(first)
    few = list(zip(first[:NAIVE_PAIRS], second[:NAIVE_PAIRS], strict=True))
    plain = best(lambda: [naive(a, b, SMOOTH) for a, b in few]) / NAIVE_PAIRS
    weight, _pull = aligned(first[:NAIVE_PAIRS], second[:NAIVE_PAIRS], BAND, SMOOTH)
    same = max(float(np.abs(naive(a, b, SMOOTH).sum(axis=0) - w).max()) for (a, b), w in zip(few, weight, strict=True))
    print(f"soft-DTW with its gradient: {1e6 * ours:.1f} us a pair, cell by cell {1e6 * plain:.0f} us: "
          f"{plain / ours:.0f} times; largest difference {same:.1e}")  # fmt: skip
    try:
        from tslearn.metrics import SoftDTW, SquaredEuclidean
    except ImportError:
        print("tslearn is not installed")
        return

    def theirs() -> list[object]:
        made = []
        for a, b in few:
            table = SoftDTW(SquaredEuclidean(a[:, None].astype(float), b[:, None].astype(float)), gamma=SMOOTH)
            table.compute()
            made.append(table.grad())
        return made

    theirs()
    taken = best(theirs) / NAIVE_PAIRS
    wide = best(lambda: aligned(first, second, first.shape[1], SMOOTH)) / len(first)
    known = softly_warped(first[:1], second[:1], first.shape[1], SMOOTH)[0]
    table = SoftDTW(SquaredEuclidean(first[0][:, None].astype(float), second[0][:, None].astype(float)), gamma=SMOOTH)
    print(f"without a band: {1e6 * wide:.1f} us a pair, tslearn {1e6 * taken:.1f} us: {taken / wide:.1f} times;"
          f" difference {abs(known - table.compute()):.1e}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    store = Store.open(parser.parse_args().store)
    found(store)
    warped(store)
    for method in METHODS:
        start = time.process_time()
        made = fit(store, method=method)
        print(f"{method}: {len(made.words)} words of {len(KINDS)} kinds in {time.process_time() - start:.1f} s")
        told(store, made)


if __name__ == "__main__":
    main()
