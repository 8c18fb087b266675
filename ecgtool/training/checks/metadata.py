"""How well do the metadata alone predict the labels?

Where one device or department recorded most of the positives, a model may learn the device. A logistic regression on
everything but the signal says how far that would carry. Age may rightly tell; so this warns and never fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.columns import split_column
from ecgtool.console import counted
from ecgtool.metrics.bootstrap import interval, patient_codes, resamples
from ecgtool.metrics.curves import Ranking, auroc
from ecgtool.store import ITEM_COLUMNS
from ecgtool.training.checks.contract import Check, Finding, Indices, Subject, listed
from ecgtool.training.data import seeded

if TYPE_CHECKING:
    import pandas as pd

TOO_WELL, CHANCE = 0.65, 0.5
"""AUROC from which on the metadata say too much, unless the interval reaches down to that of chance."""

PARTS = 5
MOST = 4000
"""Items that are looked at."""

FEWEST = 10
"""Patients on either side without which a label is not looked at."""

VALUES = 30
"""Different values of a text beyond which it is a name, a date or a remark, not a category."""

CODES = 10
"""Different numbers up to which a column is one of codes."""

RESAMPLES = 200
SHOWN = 3
Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Figure:
    """An AUROC with its interval, persons drawn.

    Args:
        value: Of all items.
        low: Lower end of the interval.
        high: Its upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"AUROC {self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ask(subject: Subject) -> Finding:
    """Predict each label of training and validation items from other patients' metadata; the test split is not read."""
    items = _items(subject)
    table = described(subject, items)
    people = patient_codes(subject.store.items["patient"].to_numpy()[items])
    marks = subject.marks(items)
    truth = {label: marks[:, subject.task.labels.index(label)] for label in subject.task.asked}
    return _judged(table, {label: true for label, true in truth.items() if _enough(true, people)}, people)


def described(subject: Subject, items: Indices) -> pd.DataFrame:
    """What is known of items but the signal: the columns that vary and are no names.

    Metadata and tabular inputs, how many recordings the patient has, and how much of the signal is padding.
    """
    frame, held = subject.store.items, subject.store.manifest.tabular
    known = frame.drop(columns=list(ITEM_COLUMNS)).iloc[items].reset_index(drop=True)
    for place, name in enumerate(held):
        if split_column(name)[0] not in known:
            known[name] = np.asarray(subject.store.tabular[items, place], np.float64)
    named = frame["patient"].to_numpy()
    _, codes, times = np.unique(named, return_inverse=True, return_counts=True)
    known["recordings of the patient"] = np.where(named == "", 1, times[codes])[items]
    known["share of padding"] = [float((subject.store.signals[item] == 0).all(axis=0).mean()) for item in items]
    return known.loc[:, [_tells(known[name]) for name in known]]


def _judged(table: pd.DataFrame, truth: Mapping[str, Marks], people: Indices) -> Finding:
    if table.empty or not truth:
        return Finding("passed", "there are no metadata that vary, or too few patients to tell")
    coded = {str(name): _coded(table[name]) for name in table}
    every = np.concatenate(list(coded.values()), axis=1)
    found = {label: _figure(_chances(every, true, people), true, people) for label, true in truth.items()}
    telling = [label for label, figure in found.items() if figure.value >= TOO_WELL and figure.low > CHANCE]
    best = sorted(telling or found, key=lambda label: -found[label].value)[: SHOWN if telling else 1]
    shown = [f"{label} {found[label]}, most by {_culprit(coded, truth[label], people)}" for label in best]
    more = f"; {len(telling)} of {counted(len(found), 'label')} in all" if len(telling) > SHOWN else ""
    if telling:
        return Finding("warning", f"the metadata alone predict {'; '.join(shown)}{more}")
    return Finding("passed", f"at best {shown[0]}, of {listed(list(coded), 8)}")


def _items(subject: Subject) -> Indices:
    """Training and validation items, ascending; some of them where there are many."""
    items = np.sort(np.concatenate([subject.splits["train"], subject.splits["val"]]))
    return items if len(items) <= MOST else np.sort(seeded(0, len(items)).choice(items, MOST, replace=False))


def _tells(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    values = column.nunique(dropna=False)
    return values > 1 and (is_numeric_dtype(column) or values <= VALUES)


def _enough(true: Marks, people: Indices) -> bool:
    return min(len(set(people[true].tolist())), len(set(people[~true].tolist()))) >= FEWEST


def _coded(column: pd.Series[Any]) -> Floats:
    """A column as numbers [items, columns]: standardised and whether it is unknown, or a category's values."""
    from pandas import get_dummies, to_numeric
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(column) or column.nunique() <= CODES:
        return np.asarray(get_dummies(column, dummy_na=True), np.float64)
    values = np.asarray(to_numeric(column), np.float64)
    unknown = ~np.isfinite(values)
    values = np.where(unknown, np.median(values[~unknown]), values)
    return np.stack([(values - values.mean()) / max(values.std(), 1e-12), unknown], axis=1)


def _chances(table: Floats, true: Marks, people: Indices) -> Floats:
    """The log odds of each item, by a regression on other patients."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    parts = PredefinedSplit(seeded(0).permutation(int(people.max()) + 1)[people] % PARTS)
    regression = LogisticRegression(max_iter=1000)
    return np.asarray(cross_val_predict(regression, table, true, cv=parts, method="decision_function"))


def _figure(chances: Floats, true: Marks, people: Indices) -> Figure:
    ranking = Ranking.of(true, chances)
    drawn = [auroc(ranking.tally(weights)) for weights in resamples(people, RESAMPLES)]
    low, high = interval(np.concatenate(drawn))
    return Figure(_area(chances, true), float(low), float(high))


def _culprit(coded: Mapping[str, Floats], true: Marks, people: Indices) -> str:
    """The column that predicts best on its own, and how well."""
    alone = {name: _area(_chances(values, true, people), true) for name, values in coded.items()}
    name = max(alone, key=alone.__getitem__)
    return f"'{name}' ({alone[name]:.2f} alone)"


def _area(chances: Floats, true: Marks) -> float:
    return float(auroc(Ranking.of(true, chances).tally(np.ones((len(true), 1))))[0])


METADATA = Check("Do the metadata alone predict the labels?", ask, binding=False)
