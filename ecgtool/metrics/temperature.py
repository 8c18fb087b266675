"""Temperature: one number by which logits are divided so that probabilities mean what they say (Guo et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ecgtool.metrics.curves import Floats
from ecgtool.metrics.logits import activated
from ecgtool.metrics.outcomes import Counted, Outcomes
from ecgtool.metrics.overall import find_metric, overall
from ecgtool.settings import Calibration
from ecgtool.task import Task

BOUNDS = (0.05, 20.0)
"""Between these a temperature is looked for; at one of them it is no finding but a failure to find."""

FEWEST = 20
"""With fewer items a temperature is not fitted."""

_FLAT = 1e-9


def fit_temperature(task: Task, targets: npt.ArrayLike, logits: npt.ArrayLike) -> Calibration:
    """The temperature with the least negative log-likelihood: of the softmax, or of all labels' sigmoids together.

    Where the items cannot tell it, it is 1 and a note says why: too few items, one class alone, or predictions so good
    (or so bad) that the likelihood only grows towards a bound.

    Args:
        task: What the targets mean.
        targets: As the task says; items without a label are left out.
        logits: float [items, labels], finite.

    Raises:
        DataError: Targets and logits do not fit the task, a logit is not finite, or no item carries a label.
    """
    given = np.asarray(logits, dtype=np.float64)
    outcomes = Outcomes.of(task, targets, given)  # checks shapes, and that everything is finite
    kept, truth = given[outcomes.labelled], np.asarray(targets)[outcomes.labelled]
    temperature, note = _fitted(task, truth, kept, outcomes)
    return Calibration(
        temperature=temperature,
        nll_before=_nll(task, truth, kept),
        nll_after=_nll(task, truth, kept / temperature),
        ece_before=_ece(task, truth, kept),
        ece_after=_ece(task, truth, kept / temperature),
        items=outcomes.items,
        note=note,
    )


def _fitted(task: Task, truth: npt.NDArray[Any], logits: Floats, outcomes: Outcomes) -> tuple[float, str]:
    if outcomes.items < FEWEST:
        return 1.0, f"fewer than {FEWEST} items"
    if not outcomes.both.any():
        return 1.0, "one class alone"

    def loss(log: float) -> float:
        return _nll(task, truth, logits / np.exp(log))

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    if min(loss(low), loss(high)) <= found.fun + _FLAT:
        return 1.0, f"the likelihood has no best temperature between {BOUNDS[0]:g} and {BOUNDS[1]:g}"
    return float(np.exp(found.x)), ""


def _nll(task: Task, truth: npt.NDArray[Any], logits: Floats) -> float:
    """Mean negative log-likelihood per item, and per label where any number of them may hold."""
    if task.exclusive:
        return float(-np.take_along_axis(log_softmax(logits, axis=1), truth[:, None].astype(int), axis=1).mean())
    return float(np.logaddexp(0, np.where(truth == 1, -logits, logits)).mean())


def _ece(task: Task, truth: npt.NDArray[Any], logits: Floats) -> float | None:
    counted = Counted.once(Outcomes.of(task, truth, activated(task, logits)))
    error = float(overall(find_metric("ece"), counted, counted.ece())[0])
    return error if np.isfinite(error) else None
