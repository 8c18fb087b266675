"""Thresholds: the rule that turns probabilities into decisions, and the threshold that it picks for each label.

A rule is a short text: ``f1``, ``youden``, ``sensitivity=0.9`` or ``specificity=0.9``. Thresholds are chosen on the
validation items, at the level they are applied (recordings or patients), never on the items reported on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.metrics.curves import Counts, Floats
from ecgtool.metrics.outcomes import Outcomes
from ecgtool.task import Task

DEFAULT_RULE = "f1"
FEW_ITEMS = 10
"""A threshold chosen on fewer positives, or negatives, than this hangs on single items; notes say so."""

_BEST: Mapping[str, Callable[[Counts], Floats]] = MappingProxyType(
    {"f1": lambda counts: counts.f1, "youden": lambda counts: counts.sensitivity + counts.specificity}
)
_AT_LEAST = ("sensitivity", "specificity")
_FORMS = (*_BEST, *(f"{name}=0.9" for name in _AT_LEAST))


@dataclass(frozen=True)
class Rule:
    """What picks a threshold.

    Args:
        name: ``f1`` maximises F1; ``youden`` maximises sensitivity + specificity - 1 (Youden 1950); ``sensitivity``:
            the highest threshold whose sensitivity is at least ``wanted``; ``specificity``: the lowest threshold whose
            specificity is at least that.
        wanted: The share to reach; None for the first two.
    """

    name: str
    wanted: float | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """The rule that a text names.

        Raises:
            ConfigError: There is no such rule, or the share is missing, no number or out of range.
        """
        name, equals, share = (part.strip() for part in text.partition("="))
        if name not in (*_BEST, *_AT_LEAST):
            hint = did_you_mean(text.strip(), _FORMS)
            raise ConfigError(f"There is no rule for thresholds called '{name[:40]}'.", hint)
        if name in _BEST:
            if equals:
                raise ConfigError(f"The rule '{name}' takes no value.", f"Rules: {', '.join(_FORMS)}.")
            return cls(name)
        return cls(name, _wanted(name, share))

    def __str__(self) -> str:
        """The text that names the rule."""
        return self.name if self.wanted is None else f"{self.name}={self.wanted:g}"


@dataclass(frozen=True)
class Choice:
    """The threshold of one label, and what it does on the items it was chosen on.

    Args:
        threshold: An item at or above it is called positive.
        sensitivity: There; NaN without positives.
        specificity: There; NaN without negatives.
        note: Why to distrust it; empty where there is no reason to.
    """

    threshold: float
    sensitivity: float
    specificity: float
    note: str = ""


def choose_thresholds(
    task: Task, targets: npt.ArrayLike, probabilities: npt.ArrayLike, rule: str = DEFAULT_RULE
) -> dict[str, float]:
    """The threshold of each label that a rule picks on these items: the validation items, never those reported on.

    Args:
        task: What the targets mean.
        targets: As the task says; items without a label are left out.
        probabilities: float [items, labels].
        rule: As :meth:`Rule.of` reads it.

    Returns:
        Label -> threshold, of a binary task for the positive label alone; 0.5 for a label without both classes; empty
        where the most probable label is called.

    Raises:
        ConfigError: There is no such rule.
        DataError: Targets and probabilities do not fit the task.
    """
    return {label: choice.threshold for label, choice in choices(task, targets, probabilities, rule).items()}


def choices(
    task: Task, targets: npt.ArrayLike, probabilities: npt.ArrayLike, rule: str = DEFAULT_RULE
) -> dict[str, Choice]:
    """What :func:`choose_thresholds` chooses, with what it reaches and why to distrust it."""
    chosen = Rule.of(rule)
    if not task.thresholded:
        return {}
    outcomes = Outcomes.of(task, targets, probabilities)
    columns = zip(task.asked, outcomes.truth.T, outcomes.probabilities.T, strict=True)
    return {label: choose(truth, chance, chosen) for label, truth, chance in columns}


def choose(target: npt.NDArray[np.bool_], probability: Floats, rule: Rule) -> Choice:
    """The threshold of one label; of equally good ones the highest (the lowest for ``specificity``).

    It lies halfway to the next lower probability, so that rounding in another runtime does not turn a decision. A
    specificity that no threshold reaches (negatives share the highest probability of all, 1.0) leaves the highest one.

    Args:
        target: bool [items].
        probability: float [items], from 0 to 1.
        rule: What to look for.
    """
    counts = Counts.of(target, probability)
    if not (counts.positives and counts.negatives):
        absent = "negative" if counts.positives else "positive"
        return Choice(0.5, np.nan, np.nan, f"no {absent} item to choose a threshold on: 0.5")
    cuts, sensitivity, specificity = _cuts(counts)
    best = _best(rule, counts, sensitivity, specificity)
    reached = Choice(float(cuts[best]), float(sensitivity[best]), float(specificity[best]))
    return Choice(reached.threshold, reached.sensitivity, reached.specificity, _note(rule, reached, counts))


def _cuts(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Every threshold that decides otherwise than its neighbours, descending, with sensitivity and specificity.

    The first calls nothing positive; each other one lies below a distinct probability.
    """
    probabilities = np.concatenate(([1.0], counts.thresholds, [0.0]))
    cuts = (probabilities[:-1] + probabilities[1:]) / 2
    called = np.concatenate(([0.0], counts.tp)), np.concatenate(([0.0], counts.fp))
    return cuts, called[0] / counts.positives, (counts.negatives - called[1]) / counts.negatives


def _best(rule: Rule, counts: Counts, sensitivity: Floats, specificity: Floats) -> int:
    """The place of the chosen cut; the first, which calls nothing positive, serves the specificity alone."""
    if rule.wanted is None:
        return 1 + int(np.argmax(_BEST[rule.name](counts)))
    if rule.name == "sensitivity":
        return 1 + int(np.argmax(sensitivity[1:] >= rule.wanted))
    first = int(counts.thresholds[0] >= 1)  # where the highest probability is 1, it cannot be refused
    reaching = np.flatnonzero(specificity[first:] >= rule.wanted)
    return first + (int(reaching[-1]) if len(reaching) else 0)


def _note(rule: Rule, reached: Choice, counts: Counts) -> str:
    notes = []
    if rule.name == "specificity" and rule.wanted is not None and reached.specificity < rule.wanted:
        notes.append(f"no threshold has a specificity of {rule.wanted:g}; the best is {reached.specificity:.3f}")
    if reached.sensitivity == 0:
        notes.append("calls none of its items positive")
    fewest = min(counts.positives, counts.negatives)
    if fewest < FEW_ITEMS:
        side = "positive" if counts.positives <= counts.negatives else "negative"
        notes.append(f"chosen on {fewest} {side} item{'s' if fewest > 1 else ''}: it hangs on single ones")
    return "; ".join(notes)


def _wanted(name: str, text: str) -> float:
    hint = f"Write {name}=0.9, a share above 0 and at most 1."
    try:
        share = float(text)
    except ValueError:
        given = f", not '{text[:40]}'" if text else ""
        raise ConfigError(f"The rule '{name}' needs a share{given}.", hint) from None
    if not 0 < share <= 1:
        raise ConfigError(f"A {name} of {share:g} cannot be asked for.", hint)
    return share
