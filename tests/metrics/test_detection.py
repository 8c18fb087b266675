import numpy as np
import pytest
import wfdb.processing

from ecgtool.errors import DataError
from ecgtool.metrics.detection import LEARNING_S, detected, detection, match_beats


def one_by_one(reference, found, window):
    """The nearest pair first, again and again, as slowly as it is said."""
    free, left, pairs = set(range(len(reference))), set(range(len(found))), []
    while True:
        every = [(abs(int(reference[i]) - int(found[j])), i, j) for i in free for j in left]
        near = [pair for pair in every if pair[0] <= window]
        if not near:
            return sorted(pairs)
        _, i, j = min(near)
        pairs.append((i, j))
        free.remove(i)
        left.remove(j)


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_those_of_taking_the_nearest_pair_again_and_again(seed):
    rng = np.random.default_rng(seed)
    reference, found = (np.sort(rng.integers(0, 2000, size)) for size in (40, 45))
    pairs = match_beats(reference, found, fs=100)
    slowly = one_by_one(reference, found, 15)
    gaps = np.abs(reference[pairs.reference] - found[pairs.found])
    assert len(slowly) > 10
    assert sorted(gaps) == sorted(abs(int(reference[i]) - int(found[j])) for i, j in slowly)
    assert len(set(pairs.found.tolist())) == len(pairs.found)


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_wfdb(seed):
    rng = np.random.default_rng(seed)
    reference = np.cumsum(rng.integers(110, 400, 500))
    kept = rng.random(500) > 0.05
    found = np.unique(np.concatenate([reference[kept] + rng.integers(-50, 50, kept.sum()), reference[::25] + 160]))
    theirs = wfdb.processing.compare_annotations(reference, found, 54)
    ours = detected("r", reference, found, 360)
    assert (ours.matched, ours.missed, ours.extra) == (theirs.tp, theirs.fn, theirs.fp)
    assert ours.missed
    assert ours.extra


def test_a_beat_exactly_150_ms_away_is_the_same_and_one_sample_further_is_not():
    assert len(match_beats([1000], [1054], fs=360).found) == 1
    assert len(match_beats([1000], [1055], fs=360).found) == 0


def test_nothing_found_and_nothing_there_are_counted_too():
    assert detected("r", [], [], 100).matched == 0
    assert detected("r", [10, 90], [], 100).missed == 2
    assert detected("r", [], [10, 90, 90], 100).extra == 3


def test_beats_out_of_order_are_refused():
    with pytest.raises(DataError, match="order of time"):
        match_beats([30, 20], [20], fs=100)


def test_the_first_five_minutes_are_left_out_and_a_pair_across_their_end_counts_by_the_true_beat():
    reference, found = [100, 29_995, 30_010, 40_000], [200, 30_002, 30_009, 50_000]
    late = detected("r", reference, found, 100, skip_s=LEARNING_S)
    assert (late.reference, late.matched, late.extra) == (2, 1, 1)
    assert detected("r", reference, found, 100).matched == 2


def test_gross_counts_beats_and_average_counts_records():
    records = [
        detected("a", range(0, 9000, 100), range(0, 9000, 100), 100, patient="p"),
        detected("b", range(0, 1000, 100), range(0, 500, 100), 100, patient="q"),
    ]
    found = detection(records, bootstrap=200)
    assert found.total.model_dump() == {"name": "all", "patient": "", "reference": 100, "found": 95, "matched": 95}
    assert found.gross["sensitivity"].value == pytest.approx(0.95)
    assert found.average["sensitivity"].value == pytest.approx(0.75)
    assert found.gross["ppv"].value == found.average["ppv"].value == 1
    low, high = found.gross["sensitivity"].low, found.gross["sensitivity"].high
    assert (low, high) == (0.5, 1)


def test_a_record_without_beats_counts_in_no_average():
    found = detection([detected("a", [10], [10], 100), detected("b", [], [], 100)], bootstrap=0)
    assert found.average["f1"].value == 1
    with pytest.raises(DataError, match="no record"):
        detection([])
