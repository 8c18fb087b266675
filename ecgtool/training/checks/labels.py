"""Has every label both classes in every split, and the same share?"""

from __future__ import annotations

import numpy as np

from ecgtool.console import counted
from ecgtool.training.checks.contract import Check, Finding, Subject, listed

FAR = 3.5
"""Standard errors between the shares of a label in two splits from which on it is told."""


def ask_classes(subject: Subject) -> Finding:
    """Whether every label that figures are of is in every split, and not everywhere."""
    wrong = []
    for split, items in subject.splits.items():
        marks = subject.decisions(items)
        for label in subject.task.asked if len(items) else ():
            have = int(marks[:, subject.task.labels.index(label)].sum())
            if have in (0, len(marks)):
                wrong.append(f"{'no' if not have else 'every'} {split} item has {label}")
    if wrong:
        return Finding("failed", listed(wrong))
    if not len(subject.splits["test"]):
        return Finding("warning", "there are no test items: nothing is left to judge the model on in the end")
    fewest, where = min(
        (int(subject.decisions(items).sum(axis=0).min()), split) for split, items in subject.splits.items()
    )
    return Finding("passed", f"the rarest label has {counted(fewest, 'item')} in {where}")


def ask_shares(subject: Subject) -> Finding:
    """Whether a label is about as frequent in validation and test as in training; persons count, not recordings."""
    people = {split: _people(subject, split) for split, items in subject.splits.items() if len(items)}
    share = {split: subject.decisions(subject.splits[split]).mean(axis=0) for split in people}
    far = []
    for split in [split for split in people if split != "train"]:
        pooled = (share["train"] * people["train"] + share[split] * people[split]) / (people["train"] + people[split])
        error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / people["train"] + 1 / people[split]))
        for index in np.flatnonzero(np.abs(share[split] - share["train"]) > FAR * error):
            label = subject.task.labels[index]
            far.append(f"{label}: {share['train'][index]:.0%} in train, {share[split][index]:.0%} in {split}")
    if far:
        return Finding("warning", listed(far))
    labels = [subject.task.labels.index(label) for label in subject.task.asked]
    shown = [f"{subject.task.labels[k]} {'/'.join(f'{part[k]:.0%}' for part in share.values())}" for k in labels]
    return Finding("passed", f"{'/'.join(share)}: {listed(shown)}")


def _people(subject: Subject, split: str) -> int:
    """Persons of a split; an item without a name is one."""
    named = subject.store.items["patient"].to_numpy()[subject.splits[split]].tolist()
    return len(set(named) - {""}) + named.count("")


CLASSES = Check("Has every label both classes in every split?", ask_classes, quick=True, binding=False)
SHARES = Check("Is every label about as frequent in every split?", ask_shares, quick=True)
