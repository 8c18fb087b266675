"""Is no recording there twice, in two splits?"""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np

from ecgtool.console import counted
from ecgtool.training.checks.contract import Check, Finding, Subject


def ask(subject: Subject) -> Finding:
    """Compare digests of the counts of every item; a constant one is not a recording."""
    where: dict[bytes, list[str]] = defaultdict(list)
    for split, items in subject.splits.items():
        for item in items:
            counts = np.asarray(subject.store.signals[item])
            if (counts != counts[:, :1]).any():
                where[hashlib.blake2b(counts.tobytes(), digest_size=16).digest()].append(split)
    twice = [splits for splits in where.values() if len(splits) > 1]
    leaks = sum(len(set(splits)) > 1 for splits in twice)
    if leaks:
        return Finding("warning", f"{counted(leaks, 'signal')} in two splits, under different patients or the same one")
    if twice:
        return Finding("passed", f"{counted(len(twice), 'signal')} twice, each within one split")
    return Finding("passed", f"{counted(len(where), 'signal')}, each once")


DUPLICATES = Check("Is no signal in two splits?", ask)
