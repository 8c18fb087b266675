"""Sanity checks before a long run: what goes wrong silently, asked of data, settings and model.

The quick ones are asked at the start of every training; ``ecg train --check`` asks them all and trains nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ecgtool.config import TrainConfig
from ecgtool.console import log, progress
from ecgtool.errors import DataError, EcgError
from ecgtool.registry import Registry
from ecgtool.run import Run, member_configs
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
    """Every check of a configuration, by name; of an ensemble, those of its first member.

    Raises:
        EcgError: The configuration cannot be trained at all.
    """
    members = member_configs(config)
    return _asked(subject_of(next(iter(members.values()), config)), quick=False)


def check_run(run: Run) -> dict[str, Answer]:
    """Every check of a run as it lies on disk, with its own statistics.

    Raises:
        EcgError: Its store is gone or was changed so that it cannot be trained.
    """
    one = run.members[0] if run.members else run
    plan = make_plan(one.config, Store.open(one.lineage.store))
    return _asked(Subject(plan, one.norm_stats, _start(one.config)), quick=False)


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
    answers = _asked(subject, quick=True)
    for name, answer in answers.items():
        check: Check = CHECKS.load(name)
        if answer.finding.status == "failed" and check.binding:
            raise DataError(f"The check '{name}' failed: {answer.finding.found}", "See all with: ecg train ... --check")
        if answer.finding.status != "passed":
            log.warning("check '%s': %s", name, answer.finding.found)
    log.debug("checks: %s", "; ".join(f"{name}: {answer.finding.found}" for name, answer in answers.items()))


def _asked(subject: Subject, *, quick: bool) -> dict[str, Answer]:
    checks: Mapping[str, Check] = {name: CHECKS.load(name) for name in CHECKS}
    chosen = {name: check for name, check in checks.items() if check.quick or not quick}
    answers = {}
    with progress("checking", len(chosen)) as advance:
        for name, check in chosen.items():
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
