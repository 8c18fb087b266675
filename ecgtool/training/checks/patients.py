"""Is no patient in two splits?"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ecgtool.console import counted
from ecgtool.training.checks.contract import Check, Finding, Subject, listed


def ask(subject: Subject) -> Finding:
    """Compare the patients of the splits; no name is told, as it may say who somebody is."""
    named = subject.store.items["patient"].to_numpy()
    people = {split: frozenset(named[items].tolist()) - {""} for split, items in subject.splits.items()}
    shared = {pair: len(people[pair[0]] & people[pair[1]]) for pair in combinations(people, 2)}
    both = [f"{counted(number, 'patient')} in {one} and {other}" for (one, other), number in shared.items() if number]
    if both:
        if subject.config.training.split_leak:
            return Finding("warning", f"{listed(both)}; allowed by training.split_leak: results are too good")
        return Finding("failed", f"{listed(both)}: results would be too good (training.split_leak=true allows it)")
    items = np.concatenate(list(subject.splits.values()))
    nameless = int((named[items] == "").sum())
    if nameless:
        return Finding(
            "warning", f"{nameless} of {counted(len(items), 'item')} do not say who they are of: it cannot be known"
        )
    numbers = ", ".join(f"{split} {len(names)}" for split, names in people.items())
    return Finding("passed", f"patients: {numbers}, none twice")


PATIENTS = Check("Is no patient in two splits?", ask, quick=True)
