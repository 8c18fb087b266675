"""Whether recordings show what their labels say, measured from their signals: the proof of the fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ecgtool.console import progress
from ecgtool.datasets.synthetic import DIAGNOSIS
from ecgtool.errors import DataError
from ecgtool.signals.waveform_check import Waveform, measure
from ecgtool.store import Store

_NEIGHBOURS = (
    *(("V1", "V2"), ("V2", "V3"), ("V3", "V4"), ("V4", "V5"), ("V5", "V6")),
    *(("II", "aVF"), ("aVF", "III"), ("I", "aVL"), ("I", "V6")),
)
_RAISED_MV = {"V2": 0.2, "V3": 0.2}
_RAISED_ELSEWHERE_MV = 0.1


@dataclass(frozen=True)
class Criterion:
    """What must be measured where a label holds, and must not where it does not.

    Args:
        label: Of the synthetic corpus.
        what: Is measured, in words with its unit.
        of: Measures it.
        limit: Between the two.
        above: Whether the label means more than the limit, rather than less.
        aside: Labels under which it says nothing.
        source: Of the limit.
    """

    label: str
    what: str
    of: Callable[[Waveform], float]
    limit: float
    above: bool = True
    aside: frozenset[str] = frozenset()
    source: str = ""

    def holds(self, waveform: Waveform) -> bool:
        """Whether the measure lies on the label's side of the limit."""
        value = self.of(waveform)
        return value > self.limit if self.above else value < self.limit


@dataclass
class Proof:
    """What was measured for a criterion.

    Args:
        criterion: Which.
        present: Values where the label holds.
        absent: Values where it does not.
        wrong: Items that are on the wrong side of the limit.
    """

    criterion: Criterion
    present: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there are items with and without the label, all on the right side."""
        return bool(self.present and self.absent and not self.wrong)


def elevation(waveform: Waveform) -> float:
    """ST level 60 ms after J over what counts as raised, in the two neighbouring leads where both are highest.

    Raised is 0.2 mV in V2 and V3, 0.1 mV elsewhere (Thygesen et al., fourth universal definition of infarction, 2018).
    """
    shares = {lead: level / _RAISED_MV.get(lead, _RAISED_ELSEWHERE_MV) for lead, level in waveform.st_mv.items()}
    return max(min(shares[one], shares[other]) for one, other in _NEIGHBOURS)


CRITERIA = (
    Criterion(
        "st_elevation",
        "ST level over its limit in two neighbouring leads",
        elevation,
        1.0,
        aside=frozenset(("bundle_branch_block", "hypertrophy", "tachycardia")),
        source="0.2 mV in V2 and V3, 0.1 mV elsewhere: Thygesen et al. 2018",
    ),
    Criterion(
        "afib",
        "irregularity of RR (RMSSD over mean)",
        lambda waveform: waveform.irregularity,
        0.1,
        aside=frozenset(("ectopy",)),
        source="Dash et al. 2009",
    ),
    Criterion("tachycardia", "rate in beats per minute", lambda waveform: waveform.rate, 100.0),
    Criterion("bradycardia", "rate in beats per minute", lambda waveform: waveform.rate, 60.0, above=False),
    Criterion(
        "bundle_branch_block",
        "QRS width in ms",
        lambda waveform: waveform.qrs_ms,
        120.0,
        aside=frozenset(("ectopy",)),
        source="Surawicz et al. 2009",
    ),
)


def prove(store: Store) -> list[Proof]:
    """Measure every item of a store of the synthetic corpus and hold it against its labels.

    Args:
        store: With twelve leads and the task ``diagnosis``.

    Raises:
        ConfigError: It has no such task.
        DataError: An item cannot be measured.
    """
    task = store.task(DIAGNOSIS.name)
    missing = {lead for pair in _NEIGHBOURS for lead in pair} - set(store.manifest.leads)
    if missing:
        raise DataError(f"{store.path.name} lacks lead {', '.join(sorted(missing))}; its waves cannot be checked.")
    proofs = [Proof(criterion) for criterion in CRITERIA]
    names = store.column("id")
    with progress("Measuring", len(names)) as advance:
        for item, name in enumerate(names):
            waveform = measure(store.record(item))
            _enter(proofs, waveform, frozenset(store.labels_of(item, task)), name)
            advance(1)
    return proofs


def _enter(proofs: list[Proof], waveform: Waveform, labels: frozenset[str], name: str) -> None:
    for proof in proofs:
        criterion = proof.criterion
        wanted = criterion.label in labels
        if not wanted and criterion.aside & labels:
            continue
        (proof.present if wanted else proof.absent).append(float(np.round(criterion.of(waveform), 4)))
        if criterion.holds(waveform) != wanted:
            proof.wrong.append(name)
