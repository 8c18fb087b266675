"""The MIT-BIH Arrhythmia Database (Moody and Mark 2001): two leads for half an hour, every heartbeat annotated."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.beats import Marks
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.folder import folder_of
from ecgtool.datasets.mitdb_beats import (
    CLASSES,
    DS1,
    DS2,
    PACED,
    SAME_PERSON,
    SYMBOLS,
    TASKS,
    VALIDATION,
    classes,
    completeness,
)
from ecgtool.datasets.splits import Division
from ecgtool.errors import ConfigError, FormatError, NotFound, did_you_mean
from ecgtool.files import Below, digest
from ecgtool.formats import wfdb
from ecgtool.formats.wfdb_annotations import Annotations, read_annotations
from ecgtool.formats.wfdb_comments import person
from ecgtool.formats.wfdb_header import Header, load_header
from ecgtool.record import Record, lead_name
from ecgtool.task import Task

FS, SAMPLES = 360.0, 650_000
LIMB, CHEST = "MLII", "chest"
"""The modified limb lead, and whatever the record's other lead is: V1 in most, V2, V4 or V5 in some."""

SPLITS = ("ds1ds2", "patient")
PATIENTS = Division((70.0, 10.0, 20.0))
"""A fifth of the patients is test, as in ECGBERT's division; an eighth of the others is for validation."""

KNOWN = (*sorted((*DS1, *DS2)),)


class Held(NamedTuple):
    """A record that is there, with its annotations."""

    name: str
    header: Header
    marks: Annotations


@dataclass(frozen=True)
class Choices:
    """What decides labels, splits and leads.

    Args:
        split: Of :data:`SPLITS`.
        symbols: Of :data:`~ecgtool.datasets.mitdb_beats.SYMBOLS`.
        skip_s: Beats before are no targets: 300 as in EC57.
        leads: The store's.
        drop: Records to leave out.
        division: A split by patient in place of ``split``.
    """

    split: str = SPLITS[0]
    symbols: str = "aami"
    skip_s: float = 0.0
    leads: tuple[str, ...] = (LIMB, CHEST)
    drop: tuple[str, ...] = ()
    division: Division | None = None


class MITDB:
    """A :class:`~ecgtool.datasets.corpus.Corpus` with annotated beats: the records of a folder.

    Args:
        folder: Holds ``100.hea``, ``100.dat``, ``100.atr`` ...
        tasks: Names of tasks, of :data:`~ecgtool.datasets.mitdb_beats.TASKS`.
        choices: What decides labels and splits.

    Raises:
        NotFound: There is no such folder, or no annotated record in it.
        FormatError: A header or an annotation file is damaged.
        ConfigError: An option that cannot be.
    """

    name = "mitdb"
    fs = FS
    samples = SAMPLES
    tabular: tuple[str, ...] = ()

    def __init__(self, folder: Path, tasks: Sequence[str] = ("aami5",), choices: Choices | None = None) -> None:
        choices = choices or Choices()
        _check(tasks, choices)
        self.folder = folder_of(folder)
        self._below = Below(self.folder)
        self.leads = choices.leads
        self.tasks: Sequence[Task] = tuple(TASKS[name] for name in tasks)
        held, notes = _read(self.folder, choices)
        called = SYMBOLS[choices.symbols]
        self.marks = _marks(held, frozenset(called))
        self.targets: Mapping[str, npt.NDArray[Any]] = {
            task.name: np.where(
                self.marks.time_s >= choices.skip_s, classes(self.marks.symbol, task, called), np.int16(-1)
            )
            for task in self.tasks
        }
        counts = {each.name: Counter(map(SYMBOLS["aami"].get, each.marks.symbol)) for each in held}
        self.entries: Sequence[Entry] = _entries(held, counts, choices)
        self.tabular_values = np.empty((len(held), 0), np.float32)
        self.sources: Mapping[str, str] = {"annotations": _digest(self.folder, held)}
        self.notes: Sequence[str] = [*notes, *completeness(_named(counts)), *_one_person(self.entries)]
        self.options: Mapping[str, Any] = {
            "split": choices.split if choices.division is None else None,
            "symbols": choices.symbols,
            "skip_s": choices.skip_s or None,
            "drop": ",".join(choices.drop) or None,
            "division": asdict(choices.division) if choices.division else None,
        }

    def read(self, entry: Entry) -> Record:
        """The recording of an entry, its lead other than MLII called :data:`CHEST` where the store asks for that."""
        record = wfdb.read(self._below(f"{entry.record}.hea"))
        if CHEST not in self.leads:
            return record
        other = next((lead for lead in record.leads if lead != LIMB), None)
        return replace(record, leads=tuple(CHEST if lead == other else lead for lead in record.leads))


def _check(tasks: Sequence[str], choices: Choices) -> None:
    unknown = next((name for name in tasks if name not in TASKS), None)
    if unknown is not None:
        raise ConfigError(f"MIT-BIH has no task '{unknown}'.", did_you_mean(unknown, TASKS))
    if choices.split not in SPLITS:
        raise ConfigError(f"MIT-BIH has no split '{choices.split}'.", did_you_mean(choices.split, SPLITS))
    if choices.symbols not in SYMBOLS:
        raise ConfigError(f"There is no map of symbols '{choices.symbols}'.", did_you_mean(choices.symbols, SYMBOLS))
    if not 0 <= choices.skip_s < SAMPLES / FS:
        raise ConfigError(f"--skip-s {choices.skip_s:g} leaves no beats of {SAMPLES / FS:.0f} s.", "EC57 skips 300.")
    unknown = next((name for name in choices.drop if name not in KNOWN), None)
    if unknown is not None:
        raise ConfigError(f"--drop {unknown}: there is no such record in DS1 or DS2.", did_you_mean(unknown, KNOWN))


def chosen_leads(text: str) -> tuple[str, ...]:
    """The leads of ``--leads MLII``; both where nothing is given.

    Raises:
        ConfigError: One is there twice.
    """
    leads = tuple(lead_name(part) for part in text.split(",") if part.strip())
    if len(set(leads)) != len(leads):
        raise ConfigError(f"--leads {text!r} names a lead twice.", f"For example --leads {LIMB}")
    return leads or (LIMB, CHEST)


def _read(folder: Path, choices: Choices) -> tuple[list[Held], list[str]]:
    """The annotated records of a folder, and what is to be said of the others.

    Raises:
        NotFound: There is none.
    """
    there = [name for name in KNOWN if (folder / f"{name}.hea").is_file()]
    paced = [name for name in PACED if (folder / f"{name}.hea").is_file()]
    if not there:
        raise NotFound(f"{folder} holds no record of MIT-BIH ({KNOWN[0]}.hea ...).", "ecg download mitdb --to DIR")
    bare = [name for name in there if not (folder / f"{name}.atr").is_file()]
    if len(bare) == len(there):
        raise NotFound(
            f"{folder} has no annotations: no {there[0]}.atr beside {there[0]}.hea.",
            "Download the .atr files too: ecg download mitdb --to DIR",
        )
    notes = [f"{', '.join(paced)} are left out: records of people with pacemakers."] if paced else []
    notes += [f"{', '.join(bare)} have no annotations (.atr) and are left out."] if bare else []
    notes += [f"{', '.join(choices.drop)} are left out, as --drop asks."] if choices.drop else []
    kept = [name for name in there if name not in bare and name not in choices.drop]
    if not kept:
        raise ConfigError("--drop leaves no record.", "Drop fewer.")
    with console.progress("Reading annotations", len(kept)) as advance:
        held = []
        for name in kept:
            held.append(Held(name, load_header(folder / f"{name}.hea"), read_annotations(folder / f"{name}.atr")))
            advance(1)
    return held, notes


def _marks(held: Sequence[Held], kept: frozenset[str]) -> Marks:
    """The beats of all records: what has one of these symbols."""
    symbols = [np.array(each.marks.symbol, dtype="U1") for each in held]
    times = [each.marks.sample / (each.marks.fs or each.header.fs) for each in held]
    entry = np.repeat(np.arange(len(held)), [len(each) for each in symbols])
    chosen = np.isin(np.concatenate(symbols), sorted(kept))
    unsorted = next((each.name for each, time in zip(held, times, strict=True) if (np.diff(time) < 0).any()), None)
    if unsorted is not None:
        raise FormatError(f"{unsorted}.atr goes back in time.", "Download it again.")
    return Marks(entry[chosen], np.concatenate(times)[chosen], np.concatenate(symbols)[chosen])


def _entries(held: Sequence[Held], counts: Mapping[str, Counter[str | None]], choices: Choices) -> list[Entry]:
    """A row per record, with its split."""
    published = choices.division is None and choices.split == "ds1ds2"
    if published:
        patients = [each.name for each in held]
        dealt = [(_published(name), 0) for name in patients]
    else:
        patients = [SAME_PERSON.get(each.name, each.name) for each in held]
        carried = np.array([[counts[each.name][label] > 0 for label in CLASSES] for each in held], np.int64)
        dealt = (choices.division or PATIENTS).deal(patients, carried)
    return [
        Entry(each.name, patient, each.name, split, fold, _metadata(each))
        for each, patient, (split, fold) in zip(held, patients, dealt, strict=True)
    ]


def _published(name: str) -> str:
    return "test" if name in DS2 else "val" if name in VALIDATION else "train"


def _metadata(held: Held) -> dict[str, Any]:
    """Further columns of a record: its chest lead by name, and its person's age and sex."""
    names = [lead_name(signal.name) for signal in held.header.signals]
    known = person(held.header.comments)
    return {
        "chest_lead": next((name for name in names if name != LIMB), ""),
        "age": known.get("age"),
        "sex": known.get("sex"),
    }


def _named(counts: Mapping[str, Counter[str | None]]) -> dict[str, Counter[str]]:
    """The counts of what is a class."""
    return {
        record: Counter({label: number for label, number in held.items() if label is not None})
        for record, held in counts.items()
    }


def _one_person(entries: Sequence[Entry]) -> list[str]:
    """A warning where records of one person are on both sides of a published division."""
    split = {entry.id: entry.split for entry in entries}
    return [
        f"Records {other} and {record} are of one person, who is in {split[other]} and in {split[record]} as the "
        f"published lists have it; --drop {record} leaves the second out, --split patient keeps both together."
        for record, other in SAME_PERSON.items()
        if record in split and other in split and split[record] != split[other]
    ]


def _digest(folder: Path, held: Sequence[Held]) -> str:
    """One digest of all annotations."""
    made = hashlib.sha256()
    for each in held:
        made.update(f"{each.name} {digest(folder / f'{each.name}.atr')}\n".encode())
    return f"sha256:{made.hexdigest()}"
