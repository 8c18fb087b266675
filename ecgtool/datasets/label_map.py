"""Label maps: what the labels of a list are to be called, several to one where wanted, and which are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ecgtool.columns import folded
from ecgtool.datasets.cells import first_few, text_of
from ecgtool.datasets.scp_codes import NOT_DIAGNOSTIC, SUPERCLASS_OF
from ecgtool.datasets.tables import read_table
from ecgtool.errors import FormatError, NotFound, did_you_mean
from ecgtool.files import digest, expanded, read_json


@dataclass(frozen=True)
class LabelMap:
    """What labels become.

    Args:
        to: Label -> the label it becomes; empty where it is left out.
        labels: The labels of the task, where the map decides them; else those that occur.
        keep: Whether a label that ``to`` does not name stays as it is.
        sources: Digest of the file it was read from.
    """

    to: Mapping[str, str]
    labels: tuple[str, ...] = ()
    keep: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)

    def apply(self, rows: Sequence[Sequence[str]]) -> tuple[list[tuple[str, ...]], list[str]]:
        """The labels that rows have after the map, each once, and what became of the others in words."""
        near = {folded(label): label for label in self.to}
        known = {label for row in rows for label in row}
        of = {label: label if label in self.to else near.get(folded(label), "") for label in known}
        made = [tuple(dict.fromkeys(filter(None, (self._become(label, of[label]) for label in row)))) for row in rows]
        return made, self._notes(rows, of)

    def _become(self, label: str, entry: str) -> str:
        return self.to[entry] if entry else label if self.keep else ""

    def _notes(self, rows: Sequence[Sequence[str]], of: Mapping[str, str]) -> list[str]:
        dropped, unknown = Counter[str](), Counter[str]()
        for row in rows:
            dropped.update(label for label in row if of[label] and not self.to[of[label]])
            unknown.update(label for label in row if not of[label])
        unused = sorted(set(self.to) - set(of.values())) if self.keep else []
        said = "stay as they are" if self.keep else "are left out"
        notes = [f"Labels that the map leaves out: {_counted(dropped)}."] if dropped else []
        notes += [f"Labels that the map does not name {said}: {_counted(unknown)}."] if unknown else []
        return notes + ([f"The map names labels that no recording has: {first_few(unused)}."] if unused else [])


def _superdiagnostic() -> LabelMap:
    to = {**SUPERCLASS_OF, **dict.fromkeys(NOT_DIAGNOSTIC, "")}
    return LabelMap(to, tuple(sorted(set(SUPERCLASS_OF.values()))), keep=False)


LABEL_MAPS: Mapping[str, Callable[[], LabelMap]] = MappingProxyType({"scp-superdiagnostic": _superdiagnostic})
"""The maps that come with the package."""


def read_label_map(name: str) -> LabelMap:
    """A map by name, or from a file.

    Args:
        name: Of :data:`LABEL_MAPS`; or a file, which wins: JSON ``{"from": "to"}``, or CSV with the columns ``from``
            and ``to``. An empty ``to`` leaves a label out.

    Raises:
        NotFound: There is neither.
        FormatError: The file is no map, or a label in it cannot be.
    """
    path = expanded(name)
    if not path.is_file():
        if name in LABEL_MAPS:
            return LABEL_MAPS[name]()
        raise NotFound(f"There is no label map '{name}'.", did_you_mean(name, LABEL_MAPS))
    to = _from_csv(path) if path.suffix.lower() == ".csv" else _from_json(path)
    if not to:
        raise FormatError(f"{path} maps no label.", 'For example {"AFIB": "AF", "noise": ""}')
    return LabelMap(to, sources={"label map": digest(path)})


def _from_json(path: Path) -> dict[str, str]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise FormatError(f"{path} is not a map of labels.", 'For example {"AFIB": "AF", "noise": ""}')
    to: dict[str, str] = {}
    for label, name in document.items():
        if not isinstance(name, str | int | None) or isinstance(name, bool):
            raise FormatError(f"{path}: {label[:60]!r} becomes {str(name)[:60]!r}, which is no label.", "Correct it.")
        to[text_of(str(path), "a label", label)] = text_of(str(path), "a label", "" if name is None else str(name))
    return to


def _from_csv(path: Path) -> dict[str, str]:
    to: dict[str, str] = {}
    for row in read_table(path, ("from", "to")):
        label, name = text_of(row.where, "from", row["from"]), text_of(row.where, "to", row["to"])
        if not label or to.setdefault(label, name) != name:
            raise FormatError(f"{row.where}: 'from' is {'there twice' if label else 'empty'}.", "Each label once.")
    return to


def _counted(labels: Counter[str]) -> str:
    return first_few([f"{label} ({number})" for label, number in labels.most_common()])
