"""Store: a prepared corpus on disk, memory-mapped.

A folder that is whole or absent::

    manifest.json     what it holds and how it was made
    signals.npy       int16 [items, leads, samples], in counts of ``scale_uv`` microvolt, offset removed
    items.csv         one row per item: id, patient, record, onset_s, split, fold, then metadata (age, sex ...)
    tabular.npy       float32 [items, columns], NaN where unknown (only where the corpus has tabular inputs)
    targets/TASK.npy  one array per task (see :class:`ecgtool.task.Task`)
    beats.npy         int32 [beats, 3]: item, sample, number of the symbol (only where the corpus annotates beats)
    waves/NAME.npy    int32 [waves, 7]: item, then :data:`ecgtool.waves.COLUMNS`; one per set of waves
    waves/NAME-beats.npy  int32 [beats, 2]: item and sample of each beat of the set
    sentences/        words made of a set of waves, and their vocabulary (see :mod:`ecgtool.sentences.stored`)

Nothing else that is computed from the data (statistics, class weights) lives here: it belongs to the run, from its
training items.
"""

from __future__ import annotations

import csv
import hashlib
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.columns import split_column
from ecgtool.config import checked
from ecgtool.errors import ConfigError, DataError, FormatError, NotFound, did_you_mean
from ecgtool.files import digest, explained, inside, read_json
from ecgtool.home import find, portable
from ecgtool.manifest import ADDED, SCHEMA, StoreManifest, WaveSet
from ecgtool.record import Record
from ecgtool.task import NOT_LABELLED, Task
from ecgtool.waves import COLUMNS, Beats, Wave, Waves

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "val", "test")
ITEM_COLUMNS = ("id", "patient", "record", "onset_s", "split", "fold")
_PREPARE_AGAIN = "Prepare the store again."
_TEXTS = ("id", "patient", "record", "split")

# What numpy raises on a file that does not begin as an array does: it reads the header as Python.
_NO_ARRAY = (ValueError, TypeError, EOFError, OverflowError, MemoryError, RecursionError, SyntaxError, TokenError)


class Store:
    """A prepared corpus, opened for reading. Opening reads the manifest alone, whatever the size.

    Attributes:
        path: The folder.
        manifest: What it holds.
    """

    def __init__(self, path: Path, manifest: StoreManifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, name: str | Path) -> Store:
        """Open a store by name or path.

        Raises:
            NotFound: There is none of that name.
            FormatError: The folder is not a store, or one of a later version.
        """
        path = find("stores", str(name))
        if not (path / "manifest.json").is_file():
            raise FormatError(f"{path} is not a store: it has no manifest.json.", "Make one with: ecg prepare")
        document = read_json(path / "manifest.json")
        version = document.get("schema_version") if isinstance(document, dict) else None
        if version != SCHEMA:
            raise FormatError(
                f"{path}/manifest.json has schema_version {version!r}; this version reads {SCHEMA}.",
                "Prepare it again.",
            )
        try:
            return cls(path, checked(StoreManifest, document))
        except ConfigError as error:
            raise FormatError(f"{path}/manifest.json: {error.message}", "Prepare it again.") from None

    def __getstate__(self) -> dict[str, Any]:
        """Without what was opened or made on demand, which would travel as copies of whole arrays."""
        kinds = type(self).__mro__
        made = {name for kind in kinds for name, member in vars(kind).items() if isinstance(member, cached_property)}
        return {name: value for name, value in self.__dict__.items() if name not in made}

    @cached_property
    def signals(self) -> Any:
        """int16 [items, leads, samples], memory-mapped, in counts of ``manifest.scale_uv`` microvolt."""
        shape = (self.manifest.items, len(self.manifest.leads), self.manifest.samples)
        return self._array("signals.npy", shape, np.int16)

    @cached_property
    def items(self) -> pd.DataFrame:
        """One row per item; the columns of :data:`ITEM_COLUMNS`, then metadata."""
        import pandas as pd

        path = self.path / "items.csv"
        try:
            with explained(path):
                frame = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False, na_values=[""])
        except ValueError as error:
            raise FormatError(f"{path} is damaged: {error}.", _PREPARE_AGAIN) from None
        if len(frame) != self.manifest.items or set(ITEM_COLUMNS) - set(frame.columns):
            raise FormatError(
                f"{path} does not have the {self.manifest.items} rows and the columns its manifest promises."
            )
        frame[[*_TEXTS]] = frame[[*_TEXTS]].fillna("")
        return frame

    def column(self, name: str) -> list[str]:
        """One column of ``items.csv`` as text; at once, where :attr:`items` takes pandas half a second to import.

        Raises:
            FormatError: It is not there, or does not have a value per item.
        """
        path = self.path / "items.csv"
        try:
            with explained(path), path.open(encoding="utf-8", newline="") as file:
                values = [row.get(name) for row in csv.DictReader(file)]
        except (ValueError, csv.Error) as error:
            raise FormatError(f"{path} is damaged: {error}.", _PREPARE_AGAIN) from None
        if len(values) != self.manifest.items or None in values:
            raise FormatError(f"{path} does not have a '{name}' for each of the {self.manifest.items} items.")
        return [str(value) for value in values]

    @cached_property
    def _split(self) -> npt.NDArray[np.str_]:
        return np.array(self.column("split"))

    @cached_property
    def tabular(self) -> npt.NDArray[np.float32]:
        """float32 [items, columns] as named by ``manifest.tabular``; NaN where unknown."""
        columns = len(self.manifest.tabular)
        if not columns:
            return np.empty((self.manifest.items, 0), np.float32)
        return self._array("tabular.npy", (self.manifest.items, columns), np.float32)

    def tokens(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """The words of these items, int64 [items, words, columns]; None where items are not sentences."""
        del items
        return None

    def places(self, items: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> list[str]:
        """Names of positions in items, whose targets are each of such a one."""
        ids = self.column("id")
        return [f"{ids[item]}@{at}" for item, at in zip(items.tolist(), positions.tolist(), strict=True)]

    def task(self, name: str = "") -> Task:
        """The task of that name; the only one when ``name`` is empty, but for that of words, which sentences bring.

        Raises:
            ConfigError: No such task, or several and no name.
        """
        tasks = {task.name: task for task in self.manifest.tasks}
        if name in tasks:
            return tasks[name]
        usual = [task for task in tasks.values() if task.kind != "tokens"] or list(tasks.values())
        if not name and len(usual) == 1:
            return usual[0]
        if not name:
            raise ConfigError(
                f"{self.path.name} holds the tasks {', '.join(tasks) or 'none'}.", "Choose one with --task."
            )
        raise ConfigError(f"{self.path.name} holds no task '{name}'.", did_you_mean(name, tasks))

    def targets(self, task: Task) -> npt.NDArray[Any]:
        """The targets of every item, or of every beat, as :class:`ecgtool.task.Task` says; memory-mapped.

        Raises:
            ConfigError: The task is of words, which only a model of sentences reads.
        """
        held = self.manifest
        if task.kind == "tokens":
            raise ConfigError(f"The task '{task.name}' is of the words of sentences.", "Train it with --arch ecgbert.")
        rows = held.beats if task.of == "beat" else held.items
        shape: tuple[int, ...] = (rows,) if task.exclusive else (rows, len(task.labels))
        if task.kind == "waves":
            shape = (held.items, len(held.leads), held.samples)
        return self._array(f"targets/{task.name}.npy", shape, np.int16 if task.exclusive else np.uint8)

    def labelled(self, task: Task) -> npt.NDArray[np.bool_]:
        """Which items carry a label of the task, somewhere in them; bool [items]."""
        targets = self.targets(task)
        if not task.exclusive:
            return np.asarray(targets[:, 0] != NOT_LABELLED)
        labelled = np.zeros(self.manifest.items, bool)
        labelled[self.owners(task)[(targets >= 0).reshape(len(targets), -1).any(axis=1)]] = True
        return labelled

    def owners(self, task: Task) -> npt.NDArray[np.int64]:
        """The item that each row of the targets of a task is of; int64 [rows]."""
        return self.beats.item.astype(np.int64) if task.of == "beat" else np.arange(self.manifest.items)

    def indices(self, split: str, task: Task | None = None) -> npt.NDArray[np.int64]:
        """Item numbers of a split, ascending; only those labelled in the task when one is given.

        Raises:
            ConfigError: Not the name of a split.
        """
        if split not in SPLITS:
            raise ConfigError(f"There is no split '{split}'.", did_you_mean(split, SPLITS))
        chosen = self._split == split
        if task is not None:
            chosen &= self.labelled(task)
        return np.flatnonzero(chosen)

    def label_counts(self, task: Task) -> dict[str, dict[str, int]]:
        """Items, or beats, of each split that carry each label of the task: label -> split -> how many."""
        marks, split = task.marks(self.targets(task)), self._split[self.owners(task)]
        chosen = {name: marks[split == name].sum(axis=0) for name in SPLITS}
        return {label: {name: int(chosen[name][k]) for name in SPLITS} for k, label in enumerate(task.labels)}

    def digest(self, task: Task) -> str:
        """One digest of what a run of the task learns from: items, targets, tabular values, and how they were made.

        Tasks or arrays added later do not change it. The signals themselves are not read, gigabytes at every start;
        what they were made from and how is in the manifest.
        """
        names = ["items.csv"] + ([f"targets/{task.name}.npy"] if task.kind != "tokens" else [])
        names += ["tabular.npy"] if self.manifest.tabular else []
        words = [f"{name} {digest(self.path / name)}" for name in names]
        words.append(self.manifest.model_dump_json(exclude={*ADDED, "notes", "made_by", *self._no_beats()}))
        return f"sha256:{hashlib.sha256(chr(10).join(words).encode()).hexdigest()}"

    def _no_beats(self) -> set[str]:
        """Fields that are left out of digests where there are no beats, as before there were such fields."""
        return set() if self.manifest.beats else {"beats", "symbols"}

    @cached_property
    def beats(self) -> Beats:
        """The annotated beats.

        Raises:
            DataError: The corpus annotates none.
            FormatError: They are damaged.
        """
        if not self.manifest.beats:
            raise DataError(f"{self.path.name} has no annotated beats.", "Prepare a corpus that has: ecg prepare mitdb")
        table = np.asarray(self._array("beats.npy", (self.manifest.beats, 3), np.int32))
        beats = Beats(table[:, 0], table[:, 1], table[:, 2], self.manifest.symbols)
        if not beats.fits(self.manifest.items, self.manifest.samples):
            raise FormatError(f"{self.path}/beats.npy is damaged: it has beats that cannot be.", "Prepare it again.")
        return beats

    def wave_set(self, name: str = "") -> WaveSet:
        """A set of waves by name; the newest one when ``name`` is empty.

        Raises:
            DataError: There is none, or none of that name.
        """
        held = {each.name: each for each in self.manifest.waves}
        if not held:
            raise DataError(f"{self.path.name} has no waves.", f"Find them with: ecg segment {self.path.name}")
        if name and name not in held:
            raise DataError(f"{self.path.name} has no waves '{name}'.", did_you_mean(name, held))
        return held[name] if name else self.manifest.waves[-1]

    def waves(self, item: int, name: str = "") -> Waves:
        """The waves of an item, from a set of that name; from the newest one when ``name`` is empty.

        Raises:
            DataError: There is no such set.
            FormatError: It is damaged.
        """
        held = self.wave_set(name)
        beats, table = self._wave_arrays(held)
        first, last = np.searchsorted(beats[:, 0], [item, item + 1])
        begin, end = np.searchsorted(table[:, 0], [item, item + 1])
        found = beats[first:last].astype(np.int64), table[begin:end].astype(np.int64)
        waves = Waves(self.manifest.fs, self.manifest.leads, found[0][:, 1], found[1][:, 1:])
        if any((rows[:, 0] != item).any() for rows in found) or not waves.fits(self.manifest.samples):
            raise FormatError(
                f"{self.path}/{held.files[1]} is damaged: item {item} has waves that cannot be.",
                self._found_again(held),
            )
        return waves

    def wave_counts(self, name: str = "") -> dict[str, int]:
        """Waves of each kind in a set of that name, all items and leads together; in the newest one when empty.

        Raises:
            DataError: There is no such set.
        """
        kinds = self._wave_arrays(self.wave_set(name))[1][:, 1 + COLUMNS.index("kind")]
        return {kind.name: int(np.count_nonzero(kinds == kind)) for kind in Wave}

    def _wave_arrays(self, held: WaveSet) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Beats int32 [beats, 2] and waves int32 [waves, 7] of all items, memory-mapped; sorted by item."""
        beats, waves = held.files
        return (
            self._array(beats, (held.beats, 2), np.int32, self._found_again(held)),
            self._array(waves, (held.waves, 1 + len(COLUMNS)), np.int32, self._found_again(held)),
        )

    def _found_again(self, held: WaveSet) -> str:
        """How to come by the waves of a set again."""
        if not held.method:
            return f"They are an expert's. {_PREPARE_AGAIN}"
        return f"Find them again: {held.command(portable(self.path), annotated=bool(self.manifest.beats))}"

    def find_item(self, item: str) -> int:
        """The number of an item, given its id or its number; an id wins.

        Raises:
            NotFound: There is no such item.
        """
        ids = self.column("id")
        if item in ids:
            return ids.index(item)
        if item.isascii() and item.isdigit() and len(item) < 19 and int(item) < len(ids):
            return int(item)
        last = len(ids) - 1
        raise NotFound(
            f"{self.path.name} holds no item '{item[:80]}'.", f"Items are 0 to {last}, or ids such as {ids[0]}."
        )

    def record(self, item: int) -> Record:
        """One item as a record; age, sex and the other tabular inputs where the store has them.

        The channel that says how far the leads were recorded is no lead: ``meta["recorded"]`` is its largest share.
        """
        meta: dict[str, Any] = {"calibrated": self.manifest.calibrated, "device": self.manifest.dataset}
        meta |= self._told(item)
        signal, leads = self.millivolts(item), self.manifest.leads
        if self.manifest.preprocessing.missing == "mask":
            meta["recorded"] = round(float(signal[-1].max()), 3)
            signal, leads = signal[:-1], leads[:-1]
        name, patient = self.column("id")[item], self.column("patient")[item]
        return Record(signal, self.manifest.fs, leads, name, patient, meta)

    def _told(self, item: int) -> dict[str, Any]:
        """The tabular inputs of an item that are known, as a recording's file would state them."""
        values = self.tabular[item]
        held = dict(zip(self.manifest.tabular, values.tolist(), strict=True)) if values.ndim == 1 else {}
        told: dict[str, Any] = {}
        for column, number in held.items():
            name, value = split_column(column)
            if value and number == 1:
                told[name] = value
            elif not value and np.isfinite(number):
                told[name] = number if name != "sex" else "F" if number else "M"
        return told

    def labels_of(self, item: int, task: Task) -> tuple[str, ...]:
        """The labels of a task that an item carries; none where it is not labelled."""
        target = self.targets(task)[item]
        if task.exclusive:
            return (task.labels[int(target)],) if target >= 0 else ()
        return tuple(label for label, mark in zip(task.labels, target, strict=True) if mark == 1)

    def millivolts(self, item: int) -> npt.NDArray[np.float32]:
        """One item as float32 [leads, samples] in millivolt."""
        return self.signals[item].astype(np.float32) * np.float32(self.manifest.scale_uv / 1000)

    def _array(self, name: str, shape: tuple[int, ...], dtype: Any, hint: str = _PREPARE_AGAIN) -> npt.NDArray[Any]:
        path = inside(self.path, name)
        try:
            with explained(path):
                array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")  # neither pickle nor zip
        except _NO_ARRAY as error:
            raise FormatError(f"{path} is damaged: {error}.", hint) from None
        except NotFound:
            raise FormatError(f"{path} is missing from the store.", hint) from None
        if array.shape != shape or array.dtype != dtype:
            raise FormatError(
                f"{path} holds {array.dtype} {array.shape}, its manifest promises {np.dtype(dtype)} {shape}.", hint
            )
        return array


def stored_item(target: str) -> tuple[Store, int] | None:
    """The store and item that ``STORE:ITEM`` names; None where there is such a file, or no such store.

    Raises:
        NotFound: The store holds no such item.
    """
    name, colon, item = target.rpartition(":")
    if not colon or not name or Path(target).exists():
        return None
    try:
        store = Store.open(name)
    except NotFound:
        return None
    return store, store.find_item(item)
