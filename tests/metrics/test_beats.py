import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from ecgtool.errors import DataError
from ecgtool.metrics.beat_documents import BeatMetrics
from ecgtool.metrics.beats import BeatCalls, beat_metrics

LABELS = ("N", "S", "V", "F", "Q")
N, S, V, F, Q = range(5)


def calls(pairs, records=None, times_s=None, labels=LABELS):
    """Beats as (true, called) pairs, each in a record that is a patient."""
    true, called = np.array(pairs, dtype=np.int64).T
    records = records or ["a"] * len(pairs)
    return BeatCalls(labels, true, called, records, records, times_s)


def many(seed=0, beats=3000):
    rng = np.random.default_rng(seed)
    true = rng.choice(5, beats, p=[0.8, 0.06, 0.1, 0.03, 0.01])
    called = np.where(rng.random(beats) < 0.8, true, rng.integers(0, 5, beats))
    records = [f"r{number}" for number in rng.integers(0, 7, beats)]
    return BeatCalls(LABELS, true, called, records, records)


def test_figures_of_all_beats_are_those_of_scikit_learn():
    held = many()
    found = beat_metrics(held, bootstrap=0)
    true, called = held.true, held.called
    assert found.confusion == confusion_matrix(true, called).tolist()
    assert found.macro_f1.value == pytest.approx(f1_score(true, called, labels=[N, S, V, F], average="macro"))
    assert found.macro_f1_all.value == pytest.approx(f1_score(true, called, average="macro"))
    for name, theirs in (("sensitivity", recall_score), ("ppv", precision_score), ("f1", f1_score)):
        ours = [found.per_class[label].gross[name].value for label in LABELS]
        assert ours == pytest.approx(theirs(true, called, average=None))
    alone = true == V
    assert found.per_class["V"].gross["specificity"].value == pytest.approx(
        (~alone & (called != V)).sum() / (~alone).sum()
    )


def test_average_figures_are_the_mean_of_the_records_in_which_they_are_defined():
    found = beat_metrics(calls([(V, V), (V, N), (N, N), (V, V), (N, V), (N, N)], ["a", "a", "a", "b", "b", "c"]), 0)
    figures = found.per_class["V"]
    assert (figures.beats, figures.called, figures.records) == (3, 3, 2)
    assert figures.gross["sensitivity"].value == pytest.approx(2 / 3)
    assert figures.average["sensitivity"].value == pytest.approx((1 / 2 + 1) / 2)
    assert figures.average["ppv"].value == pytest.approx((1 + 1 / 2) / 2)
    assert figures.average["specificity"].value == pytest.approx((1 + 0 + 1) / 3)


def test_fusion_and_unknown_beats_called_ectopic_are_forgiven_by_the_convention_and_not_strictly():
    pairs = [(V, V)] * 6 + [(V, N)] * 2 + [(N, V)] + [(S, V)] + [(F, V)] * 3 + [(Q, V)] + [(N, N)] * 10 + [(F, F)]
    row = beat_metrics(calls(pairs), 0).aami["VEB"]
    assert row.beats == 8
    assert {name: value.value for name, value in row.aami.items()} == pytest.approx(
        {"sensitivity": 6 / 8, "ppv": 6 / 8, "fpr": 2 / 13, "accuracy": 17 / 21}
    )
    assert row.strict["ppv"].value == pytest.approx(6 / 12)
    assert row.strict["fpr"].value == pytest.approx(6 / 17)


def test_a_supraventricular_call_forgives_unknown_beats_but_no_fusion_beat():
    pairs = [(S, S)] * 3 + [(S, N)] + [(Q, S)] * 2 + [(F, S)] + [(V, S)] + [(N, N)] * 4
    row = beat_metrics(calls(pairs), 0).aami["SVEB"]
    assert row.aami["ppv"].value == pytest.approx(3 / 5)
    assert row.strict["ppv"].value == pytest.approx(3 / 7)


def test_calling_every_beat_normal_is_the_baseline():
    found = beat_metrics(calls([(N, N)] * 9 + [(V, V)]), 0)
    assert found.baseline.label == "N"
    assert found.baseline.accuracy.value == pytest.approx(0.9)
    assert found.baseline.macro_f1.value == pytest.approx((18 / 19 + 0) / 2)
    assert found.macro_labels == ("N", "V")


def test_intervals_are_resampled_by_patient_and_repeat_with_the_seed():
    held = many()
    found = beat_metrics(held, 300, seed=3)
    rng_free = beat_metrics(held, 300, seed=3)
    assert found == rng_free
    value = found.per_class["V"].gross["f1"]
    assert value.low < value.value < value.high
    one = beat_metrics(BeatCalls(LABELS, held.true, held.called, held.records, ["p"] * len(held.true)), 300)
    assert one.patients == 1
    assert one.accuracy.method == "none"


def test_an_interval_is_that_of_resampling_whole_records_one_by_one():
    held = many(beats=400)
    found = beat_metrics(held, 400, seed=1)
    rng = np.random.default_rng(1)
    names = sorted(set(held.records), key=held.records.index)
    where = {name: np.flatnonzero(np.array(held.records) == name) for name in names}
    drawn = []
    for _ in range(400):
        beats = np.concatenate([where[names[i]] for i in rng.integers(0, len(names), len(names))])
        drawn.append((held.true[beats] == held.called[beats]).mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.accuracy.low == pytest.approx(low, abs=0.01)
    assert found.accuracy.high == pytest.approx(high, abs=0.01)


def test_the_table_after_five_minutes_counts_later_beats_alone():
    times = np.array([10.0, 200.0, 300.0, 400.0, 500.0])
    found = beat_metrics(calls([(V, N), (N, V), (V, V), (N, N), (V, V)], times_s=times), 0)
    assert found.aami["VEB"].aami["sensitivity"].value == pytest.approx(2 / 3)
    assert found.aami_learned["VEB"].aami["sensitivity"].value == 1
    assert beat_metrics(calls([(V, V)] * 2, times_s=times[:2]), 0).aami_learned == {}


def test_a_task_of_two_classes_has_no_aami_table_and_its_own_macro_f1():
    found = beat_metrics(calls([(0, 0), (1, 1), (1, 0)], labels=("normal", "abnormal")), 0)
    assert found.aami == {}
    assert found.macro_f1 == found.macro_f1_all
    assert found.baseline.label == "abnormal"


def test_records_are_in_the_order_in_which_they_come_and_survive_json():
    found = beat_metrics(calls([(N, N), (V, N), (N, N)], ["b", "a", "b"]), 0)
    assert [(each.record, each.beats, each.accuracy) for each in found.by_record] == [("b", 2, 1.0), ("a", 1, 0.0)]
    assert BeatMetrics.model_validate_json(found.model_dump_json()) == found


def test_no_beats_or_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="not 0 beats"):
        beat_metrics(BeatCalls(LABELS, np.empty(0, np.int64), np.empty(0, np.int64), [], []))
    with pytest.raises(DataError, match="1 records"):
        beat_metrics(BeatCalls(LABELS, np.zeros(2, np.int64), np.zeros(2, np.int64), ["a"], ["p", "p"]))
