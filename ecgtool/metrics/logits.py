"""Logits and probabilities of a task: every average of predictions is one of logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_softmax, logit, softmax

from ecgtool.task import Task

_EDGE = 2.0**-24  # a float32 nearer to 1 is 1
Floats = npt.NDArray[np.float64]


def activated(task: Task, logits: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Probabilities float32 [items, labels] of logits [items, labels]: softmax where exactly one label holds."""
    given = np.asarray(logits, dtype=np.float64)
    return np.asarray(softmax(given, axis=1) if task.exclusive else expit(given), dtype=np.float32)


def logits_of(task: Task, probabilities: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Logits float32 [items, labels] that give these probabilities [items, labels].

    Those of a softmax are known up to a number per item, which no average of logits depends on. Probabilities are kept
    2**-24 from 0 and 1, where float32 cannot tell them apart any more: a logit is at most 16.6.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    logits = np.log(np.clip(given, _EDGE, 1 - _EDGE)) if task.exclusive else clipped_logit(given)
    return np.asarray(logits, dtype=np.float32)


def clipped_logit(probabilities: Floats) -> Floats:
    """The logit of probabilities kept 2**-24 from 0 and 1."""
    return np.asarray(logit(np.clip(probabilities, _EDGE, 1 - _EDGE)))


def margins(task: Task, logits: npt.NDArray[Any]) -> Floats:
    """How far each asked label is above the rest on the scale of logits, float64 [items, asked labels].

    The logit of its probability: of a label among several that exclude each other, against all others together.
    """
    given = np.asarray(logits, dtype=np.float64)
    if task.binary:
        positive = task.labels.index(task.asked[0])
        return np.asarray(given[:, [positive]] - given[:, [1 - positive]])
    if not task.exclusive:
        return given
    logs = log_softmax(given, axis=1)
    others = np.log(np.maximum(-np.expm1(logs), np.finfo(float).tiny))
    return np.asarray(logs - others)
