"""A lab's own recordings: a folder of files of any format, with a list of labels beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.anonymous import anonymous, nameless
from ecgtool.datasets.cells import Places, known
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.folder_files import Tree
from ecgtool.datasets.folder_labels import find_labels, places_of, read_labels
from ecgtool.datasets.folder_rows import Found, find_recordings, known_path
from ecgtool.datasets.folder_survey import SAID, common_leads, common_length, read_said, usual_rate
from ecgtool.datasets.inputs import AGE, SEX, make_inputs
from ecgtool.datasets.label_map import read_label_map
from ecgtool.datasets.labels import make_task, marks_of
from ecgtool.datasets.patients import names_somebody, one_name_each, pseudonym
from ecgtool.datasets.scp_codes import SCP
from ecgtool.datasets.splits import Division
from ecgtool.datasets.stated_splits import split_rows
from ecgtool.deidentify.key import Key
from ecgtool.errors import DataError, EcgError, FormatError, NotFound, did_you_mean
from ecgtool.files import Below, digest, expanded, read_json
from ecgtool.formats.sidecar import FOLDER_DOCUMENT
from ecgtool.record import Record
from ecgtool.task import Task

_OF_ITS_OWN = "\0"  # before what stands for the person of a recording that names none


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
        inputs: Columns that become tabular inputs; None takes all that are fit.
        keep_names: Whether items are called after their files, rather than after their rows in the list.
        positive: Of two labels the positive one; empty for the one that is no obvious "no".
    """

    task: str = "label"
    label_map: str = ""
    fold_column: str = ""
    leads: tuple[str, ...] = ()
    division: Division | None = None
    windows: bool = False
    centre: bool = False
    inputs: tuple[str, ...] | None = None
    keep_names: bool = False
    positive: str = ""


class Folder:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: the recordings of a folder that its list of labels names.

    Args:
        folder: Holds the recordings, also in folders below, and ``labels.json``, ``labels.csv`` or ``REFERENCE.csv``.
        name: Of the corpus, where names are kept: a folder may be called after a person.
        key: Turns ids of patients into pseudonyms.
        choices: What was chosen.

    Raises:
        NotFound: The folder, a list or every recording is missing.
        FormatError: The list is damaged or contradicts itself; the message names file, row and field.
        ConfigError: An option that cannot be.
        DataError: Recordings have no lead in common or different lengths, or there is nothing to learn.
    """

    def __init__(self, folder: Path, name: str, key: Key, choices: Choices) -> None:
        self.name = name if choices.keep_names else "folder"
        self.folder = folder_of(folder)
        self._key = key
        self._keep_names = choices.keep_names
        source, notes = find_labels(self.folder)
        stated = _Stated.read(self.folder)
        mapping = read_label_map(choices.label_map) if choices.label_map else None
        listed = read_labels(source)
        found, left = find_recordings(
            Tree(self.folder), listed, places_of(source, listed), keep_names=choices.keep_names
        )
        for line in left.details:
            console.log.info("%s", line)
        self._found = {each.id: each for each in found}

        places = places_of(source, [each.row for each in found])
        try:
            task, targets, about = make_task(
                choices.task,
                [each.row.labels for each in found],
                places,
                mapping,
                stated.label_system,
                choices.positive,
            )
        except DataError as error:  # perhaps because recordings are missing
            raise DataError(error.message, left.notes[0] if left.notes else error.hint) from None
        self.tasks: Sequence[Task] = (task,)
        self.targets: Mapping[str, npt.NDArray[Any]] = {task.name: targets}
        who, unknown = _people(found, places)
        column = "" if choices.division else choices.fold_column or stated.fold_column
        cells = _cells_of(found, column) if column else ()
        dealt, divided = split_rows(column, cells, places, who, marks_of(task, targets), choices.division)
        told = make_inputs(_columns(found, {column, stated.fold_column}), places, choices.inputs)
        self.tabular, self.tabular_values = told.columns, told.values
        self.fs, self.leads, self.samples, usual = _usual(found, choices)
        self.entries: Sequence[Entry] = tuple(
            _entry(each, self._pseudonym(each, person), split, known, choices.keep_names)
            for each, person, split, known in zip(found, who, dealt, told.metadata(), strict=True)
        )
        if stated.label_system == SCP and mapping is None:
            about = [*about, "The labels are SCP codes; --label-map scp-superdiagnostic would group them."]
        self.notes: Sequence[str] = (*notes, *left.notes, *usual, *about, *unknown, *divided, *told.notes)
        self.sources: Mapping[str, str] = _sources(source, mapping.sources if mapping else {})
        self.options: Mapping[str, Any] = _options(choices, column)

    def read(self, entry: Entry) -> Record:
        """The recording of an entry, or the part of it that the entry is about, under the entry's name.

        Errors and warnings tell neither where the folder lies nor what stands in the file, nor, unless names are kept,
        what the file is called: they are stored.
        """
        found = self._found[entry.id]
        path = Below(self.folder)(found.record)
        shown = found.record if self._keep_names else ""
        try:
            record = read_said(path, found.said, entry.start_s, entry.seconds)
        except EcgError as error:
            raise type(error)(anonymous(error.message, path, entry.id, shown), error.hint) from None
        return nameless(record, path, entry, shown, self._key if found.row.patient else None)

    def _pseudonym(self, found: Found, person: str) -> str:
        """What the store calls a person: never by the id itself, nor by the name of a file."""
        if person.startswith(_OF_ITS_OWN):
            return self._key.patient(f"recording {self.folder.name}/{found.record}")
        return pseudonym(self._key, person)


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
    fs, rates = usual_rate({each.record: each.seen for each in found}.values())
    leads, fewer = (choices.leads, []) if choices.leads else common_leads({each.id: each.seen for each in found})
    lengths = {each.id: each.seconds for each in found}
    seconds, uneven = common_length(lengths, fs, windows=choices.windows, centre=choices.centre)
    return fs, leads, max(round(seconds * fs), 1), [*rates, *fewer, *uneven]


def _people(found: Sequence[Found], places: Places) -> tuple[list[str], list[str]]:
    """What tells the person of each row from others, and what is to be said of it.

    The list's ``patient_id`` counts; without it what the file says; without that the recording itself.
    """
    inside = [each.seen.patient if names_somebody(each.seen.patient) else "" for each in found]
    stated = [each.row.patient or person for each, person in zip(found, inside, strict=True)]
    spelt, notes = one_name_each(stated, places)
    who = [person or f"{_OF_ITS_OWN}{each.record}" for person, each in zip(spelt, found, strict=True)]
    unknown = len({person for person in who if person.startswith(_OF_ITS_OWN)})
    if unknown:
        said = f"{unknown} recordings do not say" if any(stated) else "No recording says"
        notes.append(f"{said} who it is of: each counts as a patient of its own. patient_id in the list would tell.")
    return who, notes


def _cells_of(found: Sequence[Found], column: str) -> list[object]:
    """A column of the list.

    Raises:
        NotFound: No row has it.
    """
    if not any(column in each.row.cells for each in found):
        names = [name for each in found for name in each.row.cells]
        raise NotFound(f"The list of labels has no column '{column}'.", did_you_mean(column, names))
    return [each.row.cells.get(column) for each in found]


def _columns(found: Sequence[Found], used: set[str]) -> dict[str, list[object]]:
    """The columns that may become inputs; age and sex come from the files where the list is silent."""
    names = dict.fromkeys(name for each in found for name in each.row.cells)
    seen: dict[str, list[object]] = {AGE: [each.seen.age for each in found], SEX: [each.seen.sex for each in found]}
    columns = {name: [each.row.cells.get(name) for each in found] for name in names if name not in {*SAID, *used}}
    for name, values in seen.items():
        if name in columns or any(value is not None for value in values):
            listed = columns.pop(name, [None] * len(values))
            seen[name] = [cell if known(cell) else value for cell, value in zip(listed, values, strict=True)]
        else:
            seen[name] = []
    return {name: values for name, values in {**seen, **columns}.items() if values}


def _entry(found: Found, patient: str, dealt: tuple[str, int], known: dict[str, Any], keep_names: bool) -> Entry:
    seconds = found.seconds if found.row.part else None
    record = known_path(found.record) if keep_names else found.id
    return Entry(found.id, patient, record, *dealt, known, found.start_s, seconds)


def _sources(source: Path, further: Mapping[str, str]) -> dict[str, str]:
    document = source.with_name(FOLDER_DOCUMENT)
    documents = [source, document] if document.is_file() else [source]
    return {**{path.name: digest(path) for path in documents}, **further}


def _options(choices: Choices, column: str) -> dict[str, Any]:
    made: dict[str, Any] = {"label_map": choices.label_map or None, "fold_column": column or None}
    made["leads"] = ",".join(choices.leads) or None
    made["keep_names"] = choices.keep_names or None
    made["positive"] = choices.positive or None
    made["inputs"] = None if choices.inputs is None else ",".join(choices.inputs)
    if choices.division:
        made["division"] = asdict(choices.division)
    return {name: value for name, value in made.items() if value is not None}
