import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import BINARY, MULTICLASS, MULTILABEL, predictions

from ecgtool.errors import ConfigError
from ecgtool.metrics import choose_thresholds
from ecgtool.metrics.thresholds import Rule, choices, choose


@pytest.mark.parametrize("text", ["f1", "youden", "sensitivity=0.9", "specificity=0.95", "sensitivity=1"])
def test_a_rule_reads_as_it_is_written(text):
    assert str(Rule.of(text)) == text


def test_spaces_around_a_rule_do_not_matter():
    assert Rule.of(" sensitivity = 0.90 ") == Rule("sensitivity", 0.9)


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("f2", "no rule for thresholds called 'f2'", "f1"),
        ("sensitivty=0.9", "called 'sensitivty'", "sensitivity"),
        ("anything", "called 'anything'", "sensitivity=0.9"),
        ("", "called ''", "youden"),
        ("f1=0.9", "'f1' takes no value", "specificity=0.9"),
        ("sensitivity", "needs a share", "sensitivity=0.9"),
        ("specificity=high", "needs a share, not 'high'", "specificity=0.9"),
        ("sensitivity=90", "sensitivity of 90 cannot", "at most 1"),
        ("sensitivity=0", "sensitivity of 0 cannot", "above 0"),
        ("specificity=nan", "specificity of nan cannot", "above 0"),
        ("specificity=-0.5", "specificity of -0.5 cannot", "above 0"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_the_nearest(text, told, hint):
    with pytest.raises(ConfigError, match=told) as refused:
        Rule.of(text)
    assert hint in refused.value.hint


def labelled(draw_from):
    """Targets with both classes and probabilities with many ties."""
    return st.lists(st.tuples(st.booleans(), draw_from), min_size=2, max_size=40).filter(
        lambda pairs: len({target for target, _ in pairs}) == 2
    )


PAIRS = labelled(st.integers(0, 12).map(lambda number: number / 12))


def decided(target, probability, threshold):
    called = probability >= threshold
    return called[target].mean(), (~called[~target]).mean()


@given(pairs=PAIRS, wanted=st.sampled_from([0.1, 0.5, 0.8, 0.9, 1.0]))
def test_a_wanted_sensitivity_is_reached_at_the_highest_threshold_that_reaches_it(pairs, wanted):
    target, probability = (np.array(column) for column in zip(*pairs, strict=True))
    chosen = choose(target, probability, Rule("sensitivity", wanted))
    reached, specificity = decided(target, probability, chosen.threshold)
    assert reached >= wanted
    assert (chosen.sensitivity, chosen.specificity) == (reached, specificity)
    higher = [value for value in np.unique(probability) if value > chosen.threshold]
    assert all(decided(target, probability, np.nextafter(value, 2))[0] < wanted for value in higher[:1])


@given(pairs=PAIRS, wanted=st.sampled_from([0.1, 0.5, 0.8, 0.9, 1.0]))
def test_a_wanted_specificity_is_reached_at_the_lowest_threshold_that_reaches_it(pairs, wanted):
    target, probability = (np.array(column) for column in zip(*pairs, strict=True))
    chosen = choose(target, probability, Rule("specificity", wanted))
    reached = decided(target, probability, chosen.threshold)[1]
    assert chosen.specificity == reached
    best = decided(target, probability, probability[probability < 1].max(initial=0) + 1e-9)[1]
    assert reached >= min(wanted, best)
    below = probability[probability < chosen.threshold]
    if len(below) and reached >= wanted:
        assert decided(target, probability, below.max())[1] < wanted
    assert ("no threshold has a specificity" in chosen.note) == (reached < wanted)


@given(pairs=PAIRS)
def test_no_threshold_has_a_higher_f1_or_youden_index_than_the_chosen_one(pairs):
    target, probability = (np.array(column) for column in zip(*pairs, strict=True))

    def f1(threshold):
        called = probability >= threshold
        return 2 * (called & target).sum() / (called.sum() + target.sum())

    def youden(threshold):
        return sum(decided(target, probability, threshold))

    for name, gain in (("f1", f1), ("youden", youden)):
        best = max(gain(value) for value in np.unique(probability))
        assert gain(choose(target, probability, Rule(name)).threshold) == pytest.approx(best, abs=1e-12)


def test_nine_of_ten_positives_are_a_sensitivity_of_nine_tenths():
    target = np.array([True] * 10 + [False] * 10)
    probability = np.concatenate((np.linspace(0.5, 0.95, 10), np.full(10, 0.1)))
    assert choose(target, probability, Rule("sensitivity", 0.9)).threshold == pytest.approx(0.525)
    assert choose(~target, 1 - probability, Rule("specificity", 0.9)).sensitivity == 1.0


def test_a_specificity_may_cost_every_call():
    target = np.array([True, False, True, False])
    chosen = choose(target, np.array([0.2, 0.9, 0.3, 0.8]), Rule("specificity", 1.0))
    assert chosen.threshold == pytest.approx(0.95)
    assert "calls none of its items positive" in chosen.note


def test_a_specificity_out_of_reach_is_told():
    target = np.array([True] * 10 + [False] * 10)
    chosen = choose(target, np.where(np.arange(20) < 18, 1.0, 0.2), Rule("specificity", 0.9))
    assert chosen.specificity == pytest.approx(0.2)
    assert chosen.note == "no threshold has a specificity of 0.9; the best is 0.200"


def test_few_positives_and_one_class_alone_are_told():
    target, probability = np.arange(50) < 3, np.linspace(1, 0, 50)
    assert choose(target, probability, Rule("f1")).note == "chosen on 3 positive items: it hangs on single ones"
    assert "1 negative item:" in choose(np.arange(50) > 0, probability, Rule("f1")).note
    alone = choose(np.zeros(50, bool), probability, Rule("f1"))
    assert alone.threshold == 0.5
    assert alone.note == "no positive item to choose a threshold on: 0.5"
    assert choose(np.arange(50) < 20, probability, Rule("f1")).note == ""


def test_each_label_has_a_threshold_of_its_own_and_a_binary_task_one_for_its_positive():
    several, one, most = (predictions(task) for task in (MULTILABEL, BINARY, MULTICLASS))
    assert set(several.thresholds("youden")) == {"AF", "MI", "LVH"}
    assert set(one.thresholds("sensitivity=0.9")) == {"low"}
    assert most.thresholds("f1") == {}
    with pytest.raises(ConfigError, match="called 'nonsense'"):
        choose_thresholds(MULTICLASS, most.targets, most.probabilities, "nonsense")


def test_a_fixed_sensitivity_is_kept_on_every_label():
    held = predictions(MULTILABEL, items=400)
    for choice in choices(MULTILABEL, held.targets, held.probabilities, "sensitivity=0.8").values():
        assert 0.8 <= choice.sensitivity < 0.85


def test_notes_name_the_label():
    held = predictions(MULTILABEL, items=40, share=0.1)
    told = held.threshold_notes("f1")
    assert told
    assert all(note.split(":")[0] in MULTILABEL.labels for note in told)
