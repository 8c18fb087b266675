"""What a store holds beside its signals, written when they are complete."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool import __version__
from ecgtool.console import inert
from ecgtool.datasets.beats import Placed, place
from ecgtool.datasets.corpus import Corpus, Entry
from ecgtool.datasets.items import DIGITS, LARGEST, NO_PRINT, SCALE_UV, TOLD, Account, Plan
from ecgtool.datasets.staging import write_array
from ecgtool.errors import DataError
from ecgtool.files import json_text, valid_name, write_file, write_unpublished
from ecgtool.manifest import StoreManifest
from ecgtool.store import ITEM_COLUMNS, SPLITS, Store
from ecgtool.task import NOT_LABELLED, Task

Rows = npt.NDArray[np.int64]
NAMED = 10
"""How many recordings a note names."""


def write_contents(folder: Path, plan: Plan, accounts: Sequence[Account], manifest: StoreManifest) -> None:
    """Write items, tabular values, targets and, last, the manifest.

    Args:
        folder: The store's.
        plan: How the items were made.
        accounts: What became of each entry.
        manifest: What was known of it before.
    """
    corpus = plan.corpus
    items = np.array([number for account in accounts for number in account.items], np.int64)
    rows = np.repeat(np.arange(len(items)), items)
    begins = {row: begin_s for account in accounts for row, begin_s in account.begins}
    onsets_s = _onsets(plan, items, begins)
    write_unpublished(folder / "items.csv", lambda file: _write_items(file, plan, items, onsets_s))
    if corpus.tabular:
        write_unpublished(folder / "tabular.npy", lambda file: write_array(file, corpus.tabular_values, rows))
    beats = place(corpus, rows, onsets_s, plan.steps.fs, plan.samples)
    if beats is not None:
        write_unpublished(folder / "beats.npy", partial(write_array, array=beats.table, rows=slice(None)))
    tasks = write_targets(folder, corpus, corpus.tasks, Targeted(rows, beats), write_unpublished)
    kept = [corpus.entries[row] for row in np.flatnonzero(items).tolist()]
    notes = (*manifest.notes, *unlabelled(corpus, tasks, Targeted(rows, beats)))
    splits = Counter(corpus.entries[row].split for row in rows.tolist())
    facts = {
        "tasks": tuple(tasks),
        "items": len(rows),
        "patients": len({entry.patient for entry in kept}),
        "scale_uv": SCALE_UV,
        "calibrated": plan.steps.normalise == "none" and not any(account.uncalibrated for account in accounts),
        "beats": 0 if beats is None else len(beats.table),
        "symbols": () if beats is None else beats.symbols,
        "splits": {split: splits[split] for split in SPLITS},
        "saturated": sum(account.saturated for account in accounts),
        "invalid": sum(account.invalid for account in accounts),
        "notes": notes,
        "made_by": f"ecgtool {__version__}",
    }
    manifest = manifest.model_copy(update=facts)
    text = json_text(manifest.model_dump(mode="json")).encode()
    write_unpublished(folder / "manifest.json", lambda file: file.write(text))


class Targeted(NamedTuple):
    """What the targets of a store are of: the entry of each item, and the annotated beats where there are any."""

    rows: Rows
    beats: Placed | None

    def of(self, task: Task) -> Rows:
        """The row of the corpus's targets that each row of the store's is."""
        return self.beats.rows if task.of == "beat" and self.beats is not None else self.rows


def write_targets(
    folder: Path, corpus: Corpus, tasks: Sequence[Task], targeted: Targeted, write: Callable[..., Path] = write_file
) -> list[Task]:
    """Write the targets of tasks, a row per item or per beat; the tasks written.

    Args:
        folder: The store's.
        corpus: Holds the targets, a row per entry or per mark.
        tasks: Which.
        targeted: The rows that the store holds.
        write: Writes a file: whole or not at all, unless the folder is still being built.
    """
    for task in tasks:
        targets = corpus.targets[task.name].astype(np.int16 if task.exclusive else np.uint8)
        path = folder / "targets" / f"{valid_name(task.name, 'task')}.npy"
        write(path, partial(write_array, array=targets, rows=targeted.of(task)))
    return list(tasks)


def describe(accounts: Sequence[Account], plan: Plan) -> list[str]:
    """What was left out or looked odd, in words; a line each, the first ten recordings by name."""
    missing = [record for account in accounts for record in account.missing]
    damaged = [reason for account in accounts for reason in account.damaged]
    notes = [_named(missing, "recordings are missing", ", ")] if missing else []
    notes += [_named([reason.rstrip(".") for reason in damaged], "recordings cannot be used", "; ")] if damaged else []
    counted = _counted(accounts, plan)
    notes += [f"{number} {what}." for what, number in counted.items() if number]
    notes += _rest(accounts, plan) + _same_people(accounts, plan) + _same_samples(accounts, plan)
    return notes + _oddities(accounts) + _empty(accounts, plan)


def _counted(accounts: Sequence[Account], plan: Plan) -> dict[str, int]:
    """What happened to recordings, and how often."""
    seconds = f"{plan.samples / plan.steps.fs:g} s"
    kept = "middle" if plan.steps.fit == "centre" else "beginning"
    return {
        f"samples beyond ±{LARGEST * SCALE_UV / 1000:g} mV were clipped": sum(part.saturated for part in accounts),
        "samples marked invalid were bridged": sum(part.invalid for part in accounts),
        f"recordings are longer than {seconds}; their {kept} was kept": sum(part.longer for part in accounts),
        f"recordings are shorter than {seconds}; they were put between zeros": sum(part.padded for part in accounts),
        "recordings lack leads and were left out; --missing mask keeps such, the leads imputed": sum(
            part.lacking for part in accounts
        ),
        "recordings lack leads; these were imputed": sum(part.imputed for part in accounts),
        "recordings have a modified lead that stands in for a standard one": sum(part.stand_ins for part in accounts),
    }


def _rest(accounts: Sequence[Account], plan: Plan) -> list[str]:
    """What is left of recordings after their last window."""
    rest, rests = sum(part.rest for part in accounts), sum(part.rests for part in accounts)
    return [f"{rest / plan.steps.fs:.6g} s after the last window of {rests} recordings are not used."] if rests else []


def _same_people(accounts: Sequence[Account], plan: Plan) -> list[str]:
    """A note where patients that the corpus takes for several are one in the recordings' own files."""
    alike = _alike((each for part in accounts for each in part.people), plan)
    doubtful = [held for held in alike if len({entry.patient for entry in held}) > 1]
    said = "patient ids inside the files belong to several patients of the list, who may be one person"
    return _told_alike(doubtful, said, "where figures are too good if they are")


def _same_samples(accounts: Sequence[Account], plan: Plan) -> list[str]:
    """A note where recordings hold the same samples: a file that was exported twice, or is listed under two names."""
    marks = ((part.first + at // DIGITS, part.prints[at : at + DIGITS]) for part in accounts for at in _starts(part))
    alike = _alike((mark for mark in marks if mark[1] != NO_PRINT), plan)
    said = "recordings are there more than once, going by the samples of their first and last lead"
    return _told_alike(alike, said, "where figures are too good")


def _starts(account: Account) -> range:
    """Where the checksum of each entry begins."""
    return range(0, len(account.prints), DIGITS)


def _alike(marks: Iterable[tuple[int, Hashable]], plan: Plan) -> list[list[Entry]]:
    """The entries that share a mark with another one, in groups."""
    rows: dict[Hashable, list[Entry]] = {}
    for row, mark in marks:
        rows.setdefault(mark, []).append(plan.corpus.entries[row])
    return [held for held in rows.values() if len(held) > 1]


def _told_alike(groups: Sequence[Sequence[Entry]], said: str, harm: str) -> list[str]:
    """A note of groups of entries, and how many of them are a leak between splits; none where there are none."""
    if not groups:
        return []
    names = [" = ".join(dict.fromkeys(entry.id for entry in held[:NAMED])) for held in groups]
    across = sum(len({entry.split for entry in held}) > 1 for held in groups)
    leak = f"; {across} of them in more than one split, {harm}" if across else ""
    return [f"{_named(names, said, ', ').rstrip('.')}{leak}."]


def _oddities(accounts: Sequence[Account]) -> list[str]:
    """What recordings do not keep, and what looks wrong with them: how often, and the first of them."""
    broken, suspect = sum(part.broken for part in accounts), sum(part.suspect for part in accounts)
    promises = [line for part in accounts for line in part.promises][:TOLD]
    suspicions = [line for part in accounts for line in part.suspicions][:TOLD]
    notes = [f"{broken} recordings do not keep what their files promise: {_first(promises, broken)}"] if broken else []
    return notes + ([f"{suspect} recordings look wrong: {_first(suspicions, suspect)}"] if suspect else [])


def _empty(accounts: Sequence[Account], plan: Plan) -> list[str]:
    """A note where a split has no items: what it is for cannot be done."""
    made = [number for account in accounts for number in account.items]
    held = {entry.split for entry, number in zip(plan.corpus.entries, made, strict=True) if number}
    empty = [split for split in SPLITS if split not in held]
    needed = "training, choosing the best epoch and figures need train, val and test"
    return [f"No items are in {' and '.join(empty)}; {needed}."] if empty else []


def _first(lines: Sequence[str], number: int) -> str:
    return "; ".join(lines) + (f"; and {number - len(lines)} more." if number > len(lines) else "")


def unlabelled(corpus: Corpus, tasks: Sequence[Task], targeted: Targeted) -> list[str]:
    """How many items a task leaves out because they carry none of its labels; a line per task that leaves any out."""
    notes = []
    for task in tasks:
        targets = corpus.targets[task.name][targeted.of(task)]
        number = int(np.count_nonzero(targets < 0 if task.exclusive else targets[:, 0] == NOT_LABELLED))
        what = f"{task.of}s carry no label of {task.name} and are left out of that task"
        if number:
            notes.append(f"{number} of {len(targets)} {what}.")
    return notes


def rows_of(store: Store, plan: Plan) -> Rows:
    """The entry of each item of a store of the corpus.

    Raises:
        DataError: The items are not the corpus's.
    """
    ids = iter(store.column("id"))
    wanted = next(ids, None)
    rows: list[int] = []
    for row, entry in enumerate(plan.corpus.entries):
        number = 0
        while wanted is not None and wanted == _item_id(entry, plan.windows, number):
            rows.append(row)
            number += 1
            wanted = next(ids, None)
    if wanted is not None or len(rows) != store.manifest.items:
        raise DataError(f"{store.path}/items.csv does not list recordings of {plan.corpus.name}.", "Prepare it again.")
    return np.array(rows, np.int64)


def _item_id(entry: Entry, windows: bool, number: int) -> str:
    return f"{entry.id}#{number}" if windows else entry.id if not number else ""


def targeted(store: Store, plan: Plan) -> Targeted:
    """The rows that a store of the corpus holds.

    Raises:
        DataError: As :func:`rows_of`.
    """
    rows = rows_of(store, plan)
    onsets_s = np.array([float(value) for value in store.column("onset_s")])
    return Targeted(rows, place(plan.corpus, rows, onsets_s, plan.steps.fs, plan.samples))


def _onsets(plan: Plan, items: Rows, begins: Mapping[int, float]) -> npt.NDArray[np.float64]:
    """Where in its recording each item begins, in seconds, as it is written: float64 [items].

    Args:
        plan: How the items were made.
        items: How many of each entry.
        begins: Of which entries, by number, the first item does not begin with the recording or fragment.
    """
    first = np.array([entry.start_s + begins.get(row, 0.0) for row, entry in enumerate(plan.corpus.entries)])
    number = np.concatenate([np.arange(each) for each in items.tolist()]) if len(items) else np.empty(0)
    return np.round(np.repeat(first, items) + number * (plan.samples / plan.steps.fs), 6)


def _write_items(file: BinaryIO, plan: Plan, items: Rows, onsets_s: npt.NDArray[np.float64]) -> None:
    """A row per item: :data:`~ecgtool.store.ITEM_COLUMNS`, then the metadata of its entry."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    table = csv.writer(text, lineterminator="\n")
    entries, onsets = plan.corpus.entries, iter(onsets_s.tolist())
    table.writerow([*ITEM_COLUMNS, *(entries[0].metadata if entries else ())])
    for entry, number in zip(entries, items.tolist(), strict=True):
        tail = (entry.split, entry.fold, *map(_cell, entry.metadata.values()))
        for window in range(number):
            place = (_item_id(entry, plan.windows, window), entry.patient, entry.record, next(onsets))
            table.writerow((*place, *tail))
    text.detach()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return inert(value) if isinstance(value, str) else value


def _named(names: Sequence[str], what: str, between: str) -> str:
    shown = between.join(names[:NAMED])
    more = f"{between}and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} {what}: {shown}{more}."
