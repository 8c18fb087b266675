"""What the records and annotations of the MIT-BIH Arrhythmia Database mean: classes of beats, lists of records, counts.

AAMI classes as ANSI/AAMI EC57 groups them; the lists of records are those of de Chazal, O'Dwyer and Reilly 2004
(doi:10.1109/TBME.2004.827359), who divide the database between patients and leave paced records out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ecgtool.task import Task

CLASSES = ("N", "S", "V", "F", "Q")
_AAMI = {symbol: label for label, symbols in zip(CLASSES, ("NLRej", "AaJS", "VE", "F", "/fQ"), strict=True)
         for symbol in symbols}  # fmt: skip
SYMBOLS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aami": MappingProxyType(_AAMI),
        "ecgbert": MappingProxyType(_AAMI | {"+": "N", "~": "N"}),  # marks of rhythm and of quality, which are no beats
    }
)
"""Name of a map -> annotation symbol -> AAMI class. Symbols that a map does not name are no targets."""

AAMI5 = Task(
    name="aami5",
    kind="multiclass",
    labels=CLASSES,
    of="beat",
    metric="macro_f1",
    description="AAMI classes of heartbeats: normal, supraventricular, ventricular, fusion, unknown.",
    timed_labels=("S",),
)
BINARY = Task(
    name="binary",
    kind="multiclass",
    labels=("normal", "abnormal"),
    of="beat",
    metric="macro_f1",
    positive="abnormal",
    description="AAMI class N against S, V, F and Q.",
    timed_labels=("abnormal",),
)
TASKS = {task.name: task for task in (AAMI5, BINARY)}

DS1 = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124",
    "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
DS2 = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
PACED = ("102", "104", "107", "217")
"""Records of people with pacemakers, which EC57 and the published divisions leave out."""

VALIDATION = ("108", "114", "124", "220", "223")
"""Records of DS1 that training is validated on: a quarter of it, with S, V and F beats of several people each, so that
the largest sources of each class (209, 208, 201, 207, 118) stay in training."""

PUBLISHED: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = MappingProxyType(
    {"DS1": (DS1, (45_866, 944, 3_788, 415, 8)), "DS2": (DS2, (44_259, 1_837, 3_221, 388, 7))}
)
"""Name of a set -> its records, and how many beats of each class they hold: every beat annotation counts."""

SAME_PERSON = MappingProxyType({"202": "201"})
"""Record -> the record of the same person."""


def classes(symbols: npt.NDArray[np.str_], task: Task, called: Mapping[str, str]) -> npt.NDArray[np.int16]:
    """The targets of beats in a task, int16 [beats]; -1 where their symbol is no class.

    Args:
        symbols: Of each beat.
        task: One of :data:`TASKS`.
        called: One of :data:`SYMBOLS`.
    """
    names, codes = np.unique(symbols, return_inverse=True)
    numbers = [CLASSES.index(called[name]) if name in called else -1 for name in names.tolist()]
    targets = np.array(numbers, np.int16)[codes] if len(names) else np.empty(0, np.int16)
    return np.minimum(targets, 1) if task.name == BINARY.name else targets


def completeness(counts: Mapping[str, Counter[str]]) -> list[str]:
    """What is to be said of the published sets: which records are missing, or whether the counts are theirs.

    Args:
        counts: Beats of each class, of each record that is there.
    """
    return [_compared(name, records, expected, counts) for name, (records, expected) in PUBLISHED.items()]


def _compared(name: str, records: Sequence[str], expected: Sequence[int], counts: Mapping[str, Counter[str]]) -> str:
    missing = [record for record in records if record not in counts]
    if missing:
        held = f"{name} lacks {len(missing)} of its {len(records)} records: {', '.join(missing)}"
        return f"{held}. A figure on the others is none on {name}."
    found = sum((counts[record] for record in records), Counter[str]())
    published = _said(dict(zip(CLASSES, expected, strict=True)))
    if all(found[label] == number for label, number in zip(CLASSES, expected, strict=True)):
        return f"{name} is complete: {len(records)} records with the published {published} beats."
    return f"{name} has all {len(records)} records, but {_said(found)} beats rather than {published}: changed?"


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[label]:,} {label}" for label in CLASSES)
