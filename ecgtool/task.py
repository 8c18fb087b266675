"""Task: what is to be predicted, its labels and how they combine."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["multilabel", "multiclass", "hierarchical", "tokens", "answering", "waves"]

NOT_LABELLED = 255
"""Target of a multilabel item that carries no label in the task; -1 in a multiclass one."""

EXCLUSIVE: tuple[Kind, ...] = ("multiclass", "tokens", "waves")
"""Kinds of which exactly one label holds: of an item, of a word, of a sample."""


class Asked(NamedTuple):
    """The targets that are asked for, item by item."""

    item: npt.NDArray[np.int64]
    """Row of the item, int64 [asked], ascending."""
    position: npt.NDArray[np.int64]
    """Position in the item, int64 [asked]; 0 where an item has one target."""
    targets: npt.NDArray[Any]
    """The number of the label, [asked]."""


class Task(BaseModel):
    """What is to be predicted. Loss, activation and metrics follow from the kind.

    Targets are uint8 [items, labels] of 0 and 1 for ``multilabel`` and ``hierarchical`` tasks (a row of
    :data:`NOT_LABELLED` leaves the item out), int16 [items] for ``multiclass`` ones (-1 leaves the item out). A
    ``multiclass`` task may be of beats: int16 [beats] then, in the order of the store's beats. Targets of ``waves`` are
    int16 [items, leads, samples], those of ``tokens`` the words themselves; -1 is where nothing is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    labels: tuple[str, ...] = Field(description="Labels in the order of the outputs.")
    of: Literal["item", "beat"] = Field("item", description="What one target is of, where not of a sample or a word.")
    metric: str = Field("macro_auroc", description="The metric that picks the best epoch; higher is better.")
    parents: dict[str, str] = Field(default_factory=dict, description="Label -> its parent, for hierarchical tasks.")
    description: str = ""
    positive: str = Field(
        "", description="The label that the figures of a binary task are of; the second one when empty."
    )
    timed_labels: tuple[str, ...] = Field(
        (), description="Labels defined by a rate or an interval: stretching time makes them untrue."
    )
    voltage_labels: tuple[str, ...] = Field(
        (), description="Labels read from the ST segment or from voltages: a strong high-pass makes them untrue."
    )

    @model_validator(mode="after")
    def _labels_are_a_set(self) -> Self:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must be given, each once")
        if set(self.parents) - set(self.labels):
            raise ValueError("every key of parents must be a label")
        if {*self.timed_labels, *self.voltage_labels} - set(self.labels):
            raise ValueError("every one of timed_labels and voltage_labels must be a label")
        if self.positive and not (self.binary and self.positive in self.labels):
            raise ValueError("positive must be one of the two labels of a binary task")
        return self

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label holds (softmax) rather than any number of them (sigmoid)."""
        return self.kind in EXCLUSIVE

    @property
    def binary(self) -> bool:
        """Whether exactly one of two labels holds, so that the figures are of the positive one alone."""
        return self.exclusive and len(self.labels) == 2

    @property
    def asked(self) -> tuple[str, ...]:
        """The labels that figures are of: the positive one of a binary task, else all of them."""
        return (self.positive or self.labels[1],) if self.binary else self.labels

    @property
    def thresholded(self) -> bool:
        """Whether a label is called at its threshold, rather than where it is the most probable of three or more."""
        return self.binary or not self.exclusive

    @property
    def activation(self) -> Literal["sigmoid", "softmax"]:
        """What turns logits into probabilities."""
        return "softmax" if self.exclusive else "sigmoid"

    @property
    def loss(self) -> Literal["bce", "ce"]:
        """The loss that fits the kind, unless the configuration names another."""
        return "ce" if self.exclusive else "bce"

    def several(self, targets: npt.NDArray[Any]) -> bool:
        """Whether items have several targets, one for each beat, word or sample: [items, positions]."""
        return self.exclusive and targets.ndim > 1

    def flat(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Targets of which each row is one decision: those of all asked positions where items have several."""
        return asked_of(targets).targets if self.several(targets) else targets

    def marks(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which labels each item carries, somewhere in it: bool [items, labels]."""
        if not self.exclusive:
            return np.asarray(targets == 1)
        if not self.several(targets):
            return np.asarray(targets[:, None] == np.arange(len(self.labels)))
        found, marks = asked_of(targets), np.zeros((len(targets), len(self.labels)), bool)
        marks[found.item, found.targets.astype(np.int64)] = True
        return marks


def asked_of(targets: npt.NDArray[Any]) -> Asked:
    """What is asked in the targets of an exclusive task, [items] or [items, positions]; -1 is where nothing is."""
    rows = targets.reshape(len(targets), -1)
    item, position = np.nonzero(rows >= 0)
    return Asked(item, position, rows[item, position])
