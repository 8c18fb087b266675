"""PTB-XL's statements: the label sets that ``scp_statements.csv`` defines, and which statements of a record count."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.tables import read_table
from ecgtool.errors import ConfigError, FormatError, did_you_mean
from ecgtool.task import NOT_LABELLED, Task

Codes = Mapping[str, float]
"""A record's statements: code to likelihood."""

SUPERCLASSES = ("CD", "HYP", "MI", "NORM", "STTC")

VOLTAGE_CLASSES = ("HYP", "MI", "STTC")
"""Superclasses that are read from the ST segment, T waves, Q waves or voltages."""
VOLTAGE_FORMS = ("HVOLT", "INVT", "LOWT", "LVOLT", "NDT", "NST_", "NT_", "QWAVE", "STD_", "STE_", "TAB_", "VCLVH")
"""Form statements that are."""

LIKELIHOODS = MappingProxyType(
    {
        "any": "every statement counts, whatever its likelihood; rhythm and form statements carry 0",
        "gt0": "statements with a likelihood above 0",
        "eq100": "statements that are certain: likelihood 100",
    }
)

TIMED = frozenset({"SBRAD", "STACH", "SVTAC", "PSVT", "1AVB", "LPR", "LNGQT"})
"""Statements defined by a rate or an interval: brady- and tachycardias, long PR, long QT."""

TASKS = MappingProxyType(
    {
        "superdiagnostic": "Diagnostic superclasses.",
        "subdiagnostic": "Diagnostic subclasses.",
        "diagnostic": "Diagnostic statements.",
        "form": "Statements on the form of waves.",
        "rhythm": "Rhythm statements.",
        "all": "Every statement: diagnostic, form and rhythm.",
        "hierarchical": "Diagnostic superclasses, subclasses and statements, each below its parent.",
    }
)


@dataclass(frozen=True)
class Statement:
    """A row of ``scp_statements.csv``: what a code is, and where it belongs among the diagnoses."""

    diagnostic: bool
    form: bool
    rhythm: bool
    superclass: str
    subclass: str

    def labels(self, task: str, code: str) -> tuple[str, ...]:
        """The labels of a task that the statement ``code`` gives."""
        if task in ("superdiagnostic", "subdiagnostic"):
            name = self.superclass if task == "superdiagnostic" else self.subclass
            return (name,) if self.diagnostic else ()
        if task == "hierarchical":
            levels = (self.superclass, self.subclass, code)
            return tuple(".".join(levels[:depth]) for depth in (1, 2, 3)) if self.diagnostic else ()
        holds = {"diagnostic": self.diagnostic, "form": self.form, "rhythm": self.rhythm, "all": True}
        return (code,) if holds[task] else ()


def read_statements(path: Path) -> dict[str, Statement]:
    """The table of statements.

    Raises:
        NotFound: There is no such file, or it lacks a column.
        FormatError: A diagnostic statement without a class, or one of an unknown superclass.
    """
    kinds = ("diagnostic", "form", "rhythm")
    found: dict[str, Statement] = {}
    for row in read_table(path, ("", *kinds, "diagnostic_class", "diagnostic_subclass")):
        diagnostic, form, rhythm = (row.number(kind) == 1 for kind in kinds)
        code, superclass, subclass = row[""], row["diagnostic_class"], row["diagnostic_subclass"]
        if diagnostic and (superclass not in SUPERCLASSES or not subclass):
            raise FormatError(f"{row.where}: the diagnostic statement {code} has class '{superclass}'/'{subclass}'.")
        found[code] = Statement(diagnostic, form, rhythm, superclass, subclass)
    return found


def make_task(name: str, statements: Mapping[str, Statement]) -> Task:
    """The task of that name; its labels are those the table knows, whichever recordings are there.

    Superclasses come in their usual order (:data:`SUPERCLASSES`), other labels alphabetically. A hierarchical label is
    its path, ``MI.AMI.ASMI``, because codes repeat between levels.

    Raises:
        ConfigError: There is no such task.
    """
    if name not in TASKS:
        raise ConfigError(f"PTB-XL has no task '{name}'.", did_you_mean(name, TASKS))
    labels = sorted({label for code, each in statements.items() for label in each.labels(name, code)})
    hierarchical = name == "hierarchical"
    return Task(
        name=name,
        kind="hierarchical" if hierarchical else "multilabel",
        labels=tuple(labels),
        parents={label: label.rpartition(".")[0] for label in labels if "." in label} if hierarchical else {},
        description=TASKS[name],
        timed_labels=tuple(label for label in labels if label.rpartition(".")[2] in TIMED),
        voltage_labels=_voltage_labels(name, statements),
    )


def _voltage_labels(name: str, statements: Mapping[str, Statement]) -> tuple[str, ...]:
    """The labels of a task that are read from the ST segment, T and Q waves or voltages, alphabetically."""
    read = {
        code: each
        for code, each in statements.items()
        if code in VOLTAGE_FORMS or (each.diagnostic and each.superclass in VOLTAGE_CLASSES)
    }
    return tuple(sorted({label for code, each in read.items() for label in each.labels(name, code)}))


def make_targets(
    task: Task, statements: Mapping[str, Statement], codes: Sequence[Codes], likelihood: str
) -> npt.NDArray[np.uint8]:
    """Which labels of the task each record carries; a row of NOT_LABELLED where it carries none.

    Args:
        task: Of :func:`make_task`.
        statements: The table.
        codes: Each record's statements, code to likelihood.
        likelihood: Which of them count, of :data:`LIKELIHOODS`.

    Returns:
        uint8 [records, labels].
    """
    column = {label: index for index, label in enumerate(task.labels)}
    columns = {code: [column[label] for label in each.labels(task.name, code)] for code, each in statements.items()}
    targets = np.zeros((len(codes), len(task.labels)), np.uint8)
    marks = [
        (row, column)
        for row, record in enumerate(codes)
        for code, chance in record.items()
        if _counts(chance, likelihood)
        for column in columns.get(code, ())
    ]
    if marks:
        targets[tuple(np.array(marks).T)] = 1
    targets[~targets.any(axis=1)] = NOT_LABELLED
    return targets


def _counts(chance: float, likelihood: str) -> bool:
    return likelihood == "any" or (chance > 0 if likelihood == "gt0" else chance == 100)


@lru_cache(maxsize=8192)
def parse_codes(text: str) -> Codes:
    """A record's statements from a cell such as ``{'NORM': 100.0, 'SR': 0.0}``; nothing in it is run.

    Raises:
        ValueError: It is not a mapping of code to likelihood.
    """
    try:
        document = ast.literal_eval(text)
        codes = {code: float(chance) for code, chance in document.items()}
    except (SyntaxError, TypeError, AttributeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a mapping of code to likelihood: {error}") from None
    if not all(isinstance(code, str) for code in codes):
        raise ValueError("a code is not text")
    return codes
