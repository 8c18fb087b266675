"""A lab's own recordings: a folder of files of any format, with a list of labels beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.folder_files import Tree
from ecgtool.datasets.folder_folds import stated_folds
from ecgtool.datasets.folder_labels import find_labels, read_labels
from ecgtool.datasets.folder_people import AGE, SEX, details, people, pseudonyms
from ecgtool.datasets.folder_rows import Found, find_recordings, known_path
from ecgtool.datasets.folder_survey import common_leads, common_length, read_said, usual_rate
from ecgtool.datasets.folder_task import make_task, marks_of
from ecgtool.datasets.label_map import read_label_map
from ecgtool.datasets.scp_codes import SCP
from ecgtool.datasets.splits import Division
from ecgtool.deidentify.key import Key
from ecgtool.errors import DataError, EcgError, FormatError, NotFound
from ecgtool.files import Below, digest, expanded, read_json
from ecgtool.formats.sidecar import FOLDER_DOCUMENT, Sidecar
from ecgtool.record import Record
from ecgtool.task import Task


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What may be chosen of a folder.

    Args:
        task: The name of its task.
        label_map: Of :func:`~ecgtool.datasets.label_map.read_label_map`; empty leaves labels as they are.
        fold_column: A column of the list that states the splits; empty takes that of ``dataset.json``, if any.
        leads: The store's leads; none takes those that all recordings have.
        division: A split by patient in place of stated ones; None takes those, or else 70, 15 and 15 per cent.
        windows: Whether recordings are cut into windows, so that they may be of any length.
        centre: Whether recordings of another length are cropped and padded to the commonest one.
    """

    task: str = "label"
    label_map: str = ""
    fold_column: str = ""
    leads: tuple[str, ...] = ()
    division: Division | None = None
    windows: bool = False
    centre: bool = False


class Folder:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings of a folder that its list of labels names.

    Args:
        folder: Holds the recordings, also in folders below, and ``labels.json``, ``labels.csv`` or ``REFERENCE.csv``.
        name: Of the corpus.
        key: Turns ids of patients into pseudonyms.
        choices: What was chosen.

    Raises:
        NotFound: The folder, a list or every recording is missing.
        FormatError: The list is damaged or contradicts itself; the message names file, row and field.
        ConfigError: An option that cannot be.
        DataError: Recordings have no lead in common or different lengths, or there is nothing to learn.
    """

    def __init__(self, folder: Path, name: str, key: Key, choices: Choices) -> None:
        self.name = name
        self.folder = folder_of(folder)
        self._below = Below(self.folder)
        source, notes = find_labels(self.folder)
        stated = _Stated.read(self.folder)
        mapping = read_label_map(choices.label_map) if choices.label_map else None
        found, left_out = find_recordings(Tree(self.folder), read_labels(source), source.name)
        self._said = {each.record: each.said for each in found if each.said != Sidecar()}

        labels = [each.row.labels for each in found]
        try:
            task, targets, about = make_task(choices.task, labels, mapping, stated.label_system)
        except DataError as error:  # perhaps because recordings are missing
            raise DataError(error.message, left_out[0] if left_out else error.hint) from None
        self.tasks: Sequence[Task] = (task,)
        self.targets: Mapping[str, npt.NDArray[Any]] = {task.name: targets}
        who, unknown = people(found)
        column = "" if choices.division else choices.fold_column or stated.fold_column
        if column:
            dealt, divided = stated_folds([each.row for each in found], column, who)
        else:
            dealt, divided = (choices.division or Division()).deal(who, marks_of(task, targets)), []
        known, dropped = details(found, [column, stated.fold_column])
        self.fs, self.leads, self.samples, usual = _usual(found, choices)
        names = pseudonyms(found, who, key)
        self.entries: Sequence[Entry] = tuple(map(_entry, found, names, dealt, known))
        self.tabular: tuple[str, ...] = tuple(
            name for name in (AGE, SEX) if any(each[name] is not None for each in known)
        )
        self.tabular_values = np.array([[each[name] for name in self.tabular] for each in known], np.float32)
        if stated.label_system == SCP and mapping is None:
            about = [*about, "The labels are SCP codes; --label-map scp-superdiagnostic would group them."]
        self.notes: Sequence[str] = (*notes, *left_out, *usual, *about, *unknown, *divided, *dropped)
        self.sources: Mapping[str, str] = _sources(source, mapping.sources if mapping else {})
        self.options: Mapping[str, Any] = _options(choices, column)

    def read(self, entry: Entry) -> Record:
        """The recording of an entry, or the part of it that the entry is about."""
        said = self._said.get(entry.record, Sidecar())
        try:
            record = read_said(self._below(entry.record), said, entry.start_s, entry.seconds)
        except EcgError as error:  # notes of a store do not say where its recordings lay
            raise type(error)(error.message.replace(f"{self.folder}/", ""), error.hint) from None
        return replace(record, id=entry.id, patient=entry.patient)


@dataclass(frozen=True)
class _Stated:
    """What ``dataset.json`` says of the list of labels, beside what it says of the recordings."""

    fold_column: str = ""
    label_system: str = ""

    @classmethod
    def read(cls, folder: Path) -> _Stated:
        path = folder / FOLDER_DOCUMENT
        document = read_json(path) if path.is_file() else {}
        if not isinstance(document, dict):
            raise FormatError(f'{path} must be a JSON object, such as {{"fs": 250}}.')
        said = {name: document.get(name, "") for name in ("fold_column", "label_system")}
        for name, value in said.items():
            if not isinstance(value, str):
                raise FormatError(f"{path}: {name} holds {str(value)[:60]!r}, which is no text.", "Correct it.")
        return cls(said["fold_column"], said["label_system"].lower())


def folder_of(folder: Path) -> Path:
    """The folder in full.

    Raises:
        NotFound: There is none.
    """
    folder = expanded(folder)
    if not folder.is_dir():
        raise NotFound(
            f"{folder} is not a folder." if folder.exists() else f"The folder {folder} does not exist.",
            "Give the folder that holds the recordings and their labels.",
        )
    return folder.resolve()


def _usual(found: Sequence[Found], choices: Choices) -> tuple[float, tuple[str, ...], int, list[str]]:
    """Rate, leads and samples of the recordings, as most or all have them, and where some do not."""
    seen = {each.record: each.seen for each in found}
    fs, rates = usual_rate(seen.values())
    leads, fewer = (choices.leads, []) if choices.leads else common_leads(seen)
    lengths = {each.id: each.seconds for each in found}
    seconds, uneven = common_length(lengths, fs, windows=choices.windows, centre=choices.centre)
    return fs, leads, max(round(seconds * fs), 1), [*rates, *fewer, *uneven]


def _entry(found: Found, patient: str, dealt: tuple[str, int], known: dict[str, Any]) -> Entry:
    seconds = found.seconds if found.row.part else None
    return Entry(found.id, patient, known_path(found.record), *dealt, known, found.start_s, seconds)


def _sources(source: Path, further: Mapping[str, str]) -> dict[str, str]:
    document = source.with_name(FOLDER_DOCUMENT)
    documents = [source, document] if document.is_file() else [source]
    return {**{path.name: digest(path) for path in documents}, **further}


def _options(choices: Choices, column: str) -> dict[str, Any]:
    made: dict[str, Any] = {"label_map": choices.label_map or None, "fold_column": column or None}
    made["leads"] = ",".join(choices.leads) or None
    if choices.division:
        made["division"] = asdict(choices.division)
    return {name: value for name, value in made.items() if value is not None}
