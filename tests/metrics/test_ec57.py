"""Found and called beats against a reference: the matrix, its figures, and what is left out."""

from collections import Counter

import numpy as np
import pytest
import wfdb.processing

from ecgtool.errors import DataError
from ecgtool.metrics.ec57 import Classed, compared, ec57, joined

LABELS = ("N", "S", "V", "F", "Q")


def classed(samples, classes):
    return Classed(np.asarray(samples, np.int64), np.asarray(classes, np.int64))


def written(text):
    """A matrix as EC57 prints it: a line per reference class, the device's n s v f q o."""
    return [[int(count) for count in line.split()] for line in text.strip().splitlines()]


def one_by_one(reference, found, window):
    """Every pair by hand, the nearest first, as cells of a matrix; what is left is missed or extra."""
    there, seen, cells = dict(zip(*reference, strict=True)), dict(zip(*found, strict=True)), Counter()
    while True:
        near = [(abs(a - b), a, b) for a in there for b in seen if abs(a - b) <= window]
        if not near:
            break
        _, a, b = min(near)
        cells[there.pop(a), seen.pop(b)] += 1
    return cells + Counter((true, 5) for true in there.values()) + Counter((5, called) for called in seen.values())


def drawn(seed, beats=300):
    """A reference, and a device that misses, invents and confuses beats."""
    random = np.random.default_rng(seed)
    samples, classes = np.cumsum(random.integers(60, 400, beats)), random.integers(0, 5, beats)
    kept = random.random(beats) > 0.1
    moved = samples[kept] + random.integers(-70, 70, kept.sum())
    extra = random.integers(0, samples[-1], 25)
    times, first = np.unique(np.concatenate([moved, extra]), return_index=True)
    called = np.concatenate([np.where(random.random(kept.sum()) < 0.8, classes[kept], 0), random.integers(0, 5, 25)])
    return classed(samples, classes), classed(times, called[first])


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_is_that_of_pairing_the_nearest_beats_again_and_again(seed):
    reference, found = drawn(seed)
    made = compared("r", reference, found, 360, LABELS, skip_s=0)
    cells = one_by_one(
        (reference.samples.tolist(), reference.classes.tolist()), (found.samples.tolist(), found.classes.tolist()), 54
    )
    assert np.array(made.matrix).sum() == sum(cells.values())
    assert {(a, b): count for a, row in enumerate(made.matrix) for b, count in enumerate(row) if count} == dict(cells)


def test_pairs_missed_and_extra_beats_are_those_of_wfdb():
    random = np.random.default_rng(5)
    samples = np.cumsum(random.integers(110, 400, 500))
    kept = random.random(500) > 0.05
    times = np.unique(np.concatenate([samples[kept] + random.integers(-50, 50, kept.sum()), samples[::25] + 160]))
    theirs = wfdb.processing.compare_annotations(samples, times, 54)
    matrix = np.array(
        compared("r", classed(samples, [0] * 500), classed(times, [2] * len(times)), 360, LABELS, skip_s=0).matrix
    )
    assert (matrix[:-1, :-1].sum(), matrix[:-1, -1].sum(), matrix[-1].sum()) == (theirs.tp, theirs.fn, theirs.fp)
    assert theirs.fn
    assert theirs.fp


MATRIX = """
    800   7   5   2   1  10
     20  60   4   1   0   5
      3   2  90   4   1   8
      6   1   9  30   0   2
      0   3   2   0   4   1
     12   6  11   0   1   0
"""


def whole(matrix, **options):
    records = [compared("a", classed([], []), classed([], []), 360, LABELS)]
    records[0] = records[0].model_copy(update={"matrix": written(matrix)})
    return ec57(LABELS, records, bootstrap=0, **options)


def test_figures_are_those_that_the_standard_defines():
    found = whole(MATRIX).gross
    pairs, missed, extra = 1055, 26, 30
    assert found["QRS"]["sensitivity"].value == pytest.approx(pairs / (pairs + missed))
    assert found["QRS"]["ppv"].value == pytest.approx(pairs / (pairs + extra))
    assert found["VEB"]["sensitivity"].value == pytest.approx(90 / (3 + 2 + 90 + 4 + 1 + 8))
    assert found["VEB"]["ppv"].value == pytest.approx(90 / (90 + 5 + 4 + 11))  # F and Q called V are no error
    negative = (800 + 7 + 2 + 1) + (20 + 60 + 1 + 0) + (6 + 1 + 30 + 0) + (0 + 3 + 0 + 4) + (12 + 6 + 0 + 1)
    assert found["VEB"]["fpr"].value == pytest.approx((5 + 4 + 11) / (negative + 5 + 4 + 11))
    assert found["SVEB"]["sensitivity"].value == pytest.approx(60 / (20 + 60 + 4 + 1 + 0 + 5))
    assert found["SVEB"]["ppv"].value == pytest.approx(60 / (60 + 7 + 2 + 1 + 6))  # Q called S is none either


def test_gross_counts_beats_and_average_counts_the_records_that_have_the_class():
    first = compared("a", classed([400, 800], [2, 2]), classed([400, 800], [2, 2]), 100, LABELS, skip_s=0)
    second = compared("b", classed([400, 800], [0, 2]), classed([400], [0]), 100, LABELS, patient="p", skip_s=0)
    third = compared("c", classed([400], [0]), classed([400], [0]), 100, LABELS, skip_s=0)
    found = ec57(LABELS, [first, second, third], bootstrap=50)
    assert found.gross["VEB"]["sensitivity"].value == pytest.approx(2 / 3)
    assert found.average["VEB"]["sensitivity"].value == pytest.approx(1 / 2)
    assert found.average["QRS"]["sensitivity"].value == pytest.approx((1 + 0.5 + 1) / 3)
    assert found.gross["VEB"]["sensitivity"].low < 2 / 3 < found.gross["VEB"]["sensitivity"].high
    assert found.records == 3
    assert found.matrix[2] == [0, 0, 2, 0, 0, 1]


def test_the_first_five_minutes_are_left_out_and_a_pair_across_their_end_counts_by_the_true_beat():
    reference = classed([100, 29_995, 30_010, 40_000], [0, 0, 2, 0])
    found = classed([200, 30_002, 30_009, 50_000], [0, 0, 2, 1])
    matrix = np.array(compared("r", reference, found, 100, LABELS).matrix)
    assert matrix[2, 2] == 1
    assert matrix[0, 5] == 1
    assert matrix[5, 1] == 1
    assert matrix.sum() == 3


def test_a_beat_whose_class_nobody_knows_is_neither_missed_nor_found():
    reference, found = classed([100, 500, 900], [0, -1, -1]), classed([100, 501], [0, 2])
    matrix = np.array(compared("r", reference, found, 100, LABELS, skip_s=0).matrix)
    assert matrix[0, 0] == matrix.sum() == 1


def test_windows_of_a_recording_are_one_record():
    parts = [
        compared(name, classed([100, 500], [0, 2]), classed([100], [0]), 100, LABELS, patient="p", skip_s=0)
        for name in ("a", "b", "a")
    ]
    first, second = joined(parts)
    assert (first.record, second.record, first.patient) == ("a", "b", "p")
    assert np.array_equal(first.matrix, 2 * np.array(second.matrix))


def test_two_classes_have_figures_of_finding_beats_alone():
    labels = ("normal", "abnormal")
    record = compared("r", classed([100, 500], [0, 1]), classed([100], [1]), 100, labels, skip_s=0)
    found = ec57(labels, [record], bootstrap=0)
    assert set(found.gross) == {"QRS"}
    assert found.matrix == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_a_record_without_beats_has_no_figures_and_none_is_an_error():
    found = ec57(LABELS, [compared("r", classed([], []), classed([], []), 100, LABELS)], bootstrap=0)
    assert found.gross["QRS"]["sensitivity"].value is None
    with pytest.raises(DataError, match="no record"):
        ec57(LABELS, [])
    with pytest.raises(DataError, match="as many classes"):
        compared("r", classed([100], []), classed([], []), 100, LABELS)
