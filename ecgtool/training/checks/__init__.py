"""Sanity checks before a long run: what goes wrong silently, asked of data, settings and model.

The quick ones are asked at the start of every training; ``ecg train --check`` asks them all and trains nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecgtool.console import log, progress
from ecgtool.errors import DataError, EcgError
from ecgtool.registry import Registry
from ecgtool.run import Run, member_configs
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.checks.contract import Check, Finding, Subject
from ecgtool.training.lineage import Start
from ecgtool.training.plan import make_plan
from ecgtool.training.statistics import norm_stats

CHECKS = Registry(
    "checks",
    {
        "tensors": "ecgtool.training.checks.tensors:TENSORS",
        "leads": "ecgtool.training.checks.leads:LEADS",
        "patients": "ecgtool.training.checks.patients:PATIENTS",
        "classes": "ecgtool.training.checks.labels:CLASSES",
        "shares": "ecgtool.training.checks.labels:SHARES",
        "augmentations": "ecgtool.training.checks.augmentations:AUGMENTATIONS",
        "statistics": "ecgtool.training.checks.statistics:STATISTICS",
        "duplicates": "ecgtool.training.checks.duplicates:DUPLICATES",
        "overfit": "ecgtool.training.checks.overfit:OVERFIT",
        "metadata": "ecgtool.training.checks.metadata:METADATA",
    },
    "What is asked before a training.",
)

BY_MEMBER = ("patients", "classes", "shares", "statistics")
"""What depends on who is in a fold."""


@dataclass(frozen=True)
class Answer:
    """A check's answer.

    Args:
        question: What was asked.
        finding: What came out.
        seconds: How long it took.
    """

    question: str
    finding: Finding
    seconds: float


def check_all(config: TrainConfig) -> dict[str, Answer]:
    """Every check of a configuration, by name; for an ensemble see :func:`_of_members`.

    Raises:
        EcgError: The configuration cannot be trained at all.
    """
    return _of_members({name: subject_of(member) for name, member in (member_configs(config) or {"": config}).items()})


def check_run(run: Run) -> dict[str, Answer]:
    """Every check of a run as it lies on disk, with its own statistics.

    Raises:
        EcgError: Its store is gone or was changed so that it cannot be trained.
    """
    return _of_members({each.path.name: _trained(each) for each in run.members or [run]})


def subject_of(config: TrainConfig) -> Subject:
    """What a configuration would train.

    Raises:
        EcgError: It cannot be trained.
    """
    plan = make_plan(config)
    return Subject(plan, norm_stats(plan.store, plan.train, config.data.normalise, plan.tabular), _start(config))


def check_quickly(subject: Subject) -> None:
    """Ask what is quickly asked, at the start of a training; tell what is odd.

    Raises:
        DataError: A check failed that no result could be trusted with.
    """
    answers = _asked(subject, [name for name in CHECKS if CHECKS.load(name).quick])
    for name, answer in answers.items():
        check: Check = CHECKS.load(name)
        if answer.finding.status == "failed" and check.binding:
            found = answer.finding.found.rstrip(".")
            raise DataError(f"The check '{name}' failed: {found}.", "See all with: ecg train ... --check")
        if answer.finding.status != "passed":
            log.warning("check '%s': %s", name, answer.finding.found)
    log.debug("checks: %s", "; ".join(f"{name}: {answer.finding.found}" for name, answer in answers.items()))


def _of_members(subjects: Mapping[str, Subject]) -> dict[str, Answer]:
    """Every check of the first member; of the others those that differ by member, where they find something else."""
    (_, first), *others = subjects.items()
    answers = _asked(first, CHECKS)
    beside = {}
    for member, subject in others:
        for name, answer in _asked(subject, BY_MEMBER).items():
            if answer.finding.status != "passed" and answer.finding != answers[name].finding:
                beside[f"{name} of {member}"] = answer
    return answers | beside


def _trained(run: Run) -> Subject:
    return Subject(make_plan(run.config, Store.open(run.lineage.store)), run.norm_stats, _start(run.config))


def _asked(subject: Subject, names: Iterable[str]) -> dict[str, Answer]:
    checks: Mapping[str, Check] = {name: CHECKS.load(name) for name in names}
    answers = {}
    with progress("checking", len(checks)) as advance:
        for name, check in checks.items():
            began = time.monotonic()
            finding = _found(check, subject)
            answers[name] = Answer(check.question, finding, round(time.monotonic() - began, 2))
            advance(1)
    return answers


def _found(check: Check, subject: Subject) -> Finding:
    """What a check finds; an error that it meets is its finding."""
    try:
        return check.ask(subject)
    except EcgError as error:
        return Finding("failed", error.message)


def _start(config: TrainConfig) -> Start | None:
    return Start.find(config.training.init) if config.training.init else None
