"""Are the leads the expected ones, in the expected order?

Names are compared with those a configuration and the weights to start from expect. Whether the signals are what their
names say is tested by the laws of the limb leads: each of the six follows from any two others (Einthoven 1908,
Goldberger 1942), so that an exchanged or inverted limb lead shows. Precordial leads obey no such law.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgtool.console import counted
from ecgtool.record import LEADS_12, LIMB_WEIGHTS
from ecgtool.signals.leads import MASK
from ecgtool.training.checks.contract import Check, Finding, Subject
from ecgtool.views.sentences import ANY_LEAD

SAMPLE = 256
"""Items whose signals are read."""

RESIDUAL = 0.2
"""A limb lead that differs from what two others say by this share of its deviation breaks the law."""

QUIET_UV = 20.0
"""Deviation of a lead below which rounding and noise decide."""

FEW, MANY = 0.05, 0.5
"""Share of the items breaking the law from which on it is told, and from which on the names are wrong."""


def ask(subject: Subject) -> Finding:
    """Compare names, then test the law of the limb leads on a sample of the items."""
    held = subject.store.manifest
    leads = tuple(lead for lead in held.leads if lead != MASK)
    wanted = subject.config.data.leads
    if wanted and wanted != leads:
        return Finding("failed", f"the store has {_shown(leads)}, the configuration expects {_shown(wanted)}")
    parent = subject.start.run.lineage.leads if subject.start and subject.start.run else held.leads
    if parent != held.leads and not (parent == (ANY_LEAD,) and len(held.leads) == 1):
        return Finding("failed", f"the store has {_shown(held.leads)}, the weights to start from {_shown(parent)}")
    law = _law(subject)
    if law.status != "passed":
        return law
    usual = [lead for lead in LEADS_12 if lead in leads]
    if usual != [lead for lead in leads if lead in LEADS_12]:
        return Finding("warning", f"{_shown(leads)}: not in the usual order {_shown(usual)}; {law.found}")
    return Finding("passed", f"{_shown(leads)}; {law.found}")


def _law(subject: Subject) -> Finding:
    """Whether the limb leads follow from each other."""
    held = subject.store.manifest
    limbs = [index for index, lead in enumerate(held.leads) if lead in LIMB_WEIGHTS]
    if not held.calibrated or held.preprocessing.normalise != "none":
        return Finding("passed", "amplitudes are relative, so the law of the limb leads says nothing")
    if len(limbs) < 3:
        return Finding("passed", "fewer than three limb leads, so there is no law to test")
    counts = _whole(subject, np.asarray(subject.store.signals[subject.spread(SAMPLE)]))[:, limbs].astype(np.float64)
    broken, tested = broken_limbs(counts, [held.leads[index] for index in limbs], QUIET_UV / held.scale_uv)
    if not tested:
        return Finding("passed", "no item has limb leads loud enough to test their law")
    share = broken / tested
    found = f"I + III = II and its kin hold in {tested - broken} of {counted(tested, 'item')}"
    if share > MANY and subject.config.data.leads_law:
        allow = "data.leads_law=false trains all the same"
        return Finding("failed", f"limb leads are not what their names say: {found} ({allow})")
    return Finding("warning" if share > FEW else "passed", found)


def _whole(subject: Subject, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The items of which every lead was recorded: an imputed one obeys no law."""
    held = subject.store.manifest
    if MASK not in held.leads:
        return counts
    one = 1000 / held.scale_uv  # the mask is a share in the unit of the signals
    return counts[counts[:, held.leads.index(MASK)].max(axis=1) > one * (1 - 0.5 / len(held.leads))]


def broken_limbs(counts: npt.NDArray[np.float64], leads: list[str], quiet: float) -> tuple[int, int]:
    """How many items break the law of the limb leads, of how many that can be tested.

    The offset of each lead was removed on its own, so that of the residual says nothing.

    Args:
        counts: float [items, leads, samples].
        leads: Names of at least three limb leads.
        quiet: Deviation in counts below which a lead says nothing.
    """
    weights = np.array([LIMB_WEIGHTS[lead] for lead in leads])
    basis = next([0, k] for k in range(1, len(leads)) if abs(np.linalg.det(weights[[0, k]])) > 0.1)
    others = [k for k in range(len(leads)) if k not in basis]
    follow = weights[others] @ np.linalg.inv(weights[basis])
    residual = counts[:, others] - np.einsum("ob,ibs->ios", follow, counts[:, basis])
    size = counts.std(axis=2).max(axis=1)
    loud = size > quiet
    worst = residual.std(axis=2).max(axis=1)
    return int((worst[loud] > RESIDUAL * size[loud]).sum()), int(loud.sum())


def _shown(leads: tuple[str, ...] | list[str]) -> str:
    return " ".join(leads)


LEADS = Check("Are the leads the expected ones, in order?", ask, quick=True)
