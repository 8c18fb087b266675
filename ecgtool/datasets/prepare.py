"""From a corpus to a store: whole or absent, going on where it was stopped, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.contents import NAMED, describe, targeted, unlabelled, write_contents, write_targets
from ecgtool.datasets.corpus import Corpus
from ecgtool.datasets.items import Account, Plan, make_chunks, usable
from ecgtool.datasets.staging import Staging
from ecgtool.errors import ConfigError, DataError
from ecgtool.files import expanded, explained, locked_folder, recover_folder, resumable_folder, write_json
from ecgtool.manifest import ADDED, StoreManifest
from ecgtool.record import Record
from ecgtool.settings import Preprocessing
from ecgtool.signals.preprocess import preprocess
from ecgtool.store import Store

CHUNK_BYTES = 16 * 2**20
"""Samples between two entries of the journal: what an interruption costs at most, and what a worker holds."""
_CHUNK_ENTRIES = 1024
ST_EDGE_HZ = 0.05
"""High-pass edge up to which the ST segment is kept: AHA, ACC and HRS (Kligfield et al. 2007), IEC 60601-2-25."""
_LATER = ADDED - {"tasks"} | {"beats", "symbols"}  # not known before anything is read, or added by other commands
LONGEST_S = 31 * 86_400.0
"""Length of the longest item, in seconds: the longest that is worn."""


def prepare(
    corpus: Corpus,
    out: Path,
    *,
    steps: Preprocessing,
    window_s: float | None = None,
    workers: int = 1,
    force: bool = False,
) -> Store:
    """Make a store of a corpus.

    Recordings that are missing or damaged are left out, told and noted in the manifest. What was interrupted goes on
    when called again with the same options. The store's bytes depend neither on that nor on ``workers``. A store that
    is there already and was made with the same options is left as it is, but for tasks it does not hold yet.

    Args:
        corpus: What to read.
        out: The store's folder.
        steps: What is done to each recording.
        window_s: Cut each recording into windows of so many seconds; None keeps it as one item.
        workers: Processes that read; 1 reads in this one.
        force: Replace a store that is there.

    Raises:
        ConfigError: There is another store, or something else, at ``out``; or options that cannot be.
        DataError: No recording is readable, some are calibrated and others not, or the steps do not fit their rate.
        EcgError: The store cannot be written; what was there before is intact.
    """
    final = expanded(out).resolve()
    _refuse_options(steps, window_s)
    _try_steps(corpus, steps)
    for note in _voltage_notes(corpus, steps):
        console.log.warning("%s", note)
    plan = Plan(corpus, steps, _samples(corpus, steps, window_s), window_s is not None)
    options = {**corpus.options, "window_s": window_s}
    wanted = _manifest(plan, options)
    with explained(final):
        recover_folder(final)
        if final.exists():
            _refuse_foreign(final)
            if not force:
                return _extended(Store.open(final), plan, wanted)
        journal = final.with_name(f".{final.name}.journal")
        with resumable_folder(final) as folder:
            _build(folder, journal, plan, wanted, workers)
        with suppress(OSError):  # a journal without its folder is begun anew
            journal.unlink()
    return Store.open(final)


def _samples(corpus: Corpus, steps: Preprocessing, window_s: float | None) -> int:
    """Samples of an item.

    Raises:
        ConfigError: None at all, or a window that is no length of time.
    """
    seconds = corpus.samples / corpus.fs if window_s is None else window_s
    if not 0 < seconds <= LONGEST_S or round(seconds * steps.fs) < 1:
        raise ConfigError(f"Items of {seconds:g} s at {steps.fs:g} Hz cannot be.", "From a sample to a month.")
    return round(seconds * steps.fs)


def _refuse_options(steps: Preprocessing, window_s: float | None) -> None:
    if window_s is not None and steps.fit == "centre":
        raise ConfigError(
            "--fit centre makes one item of a recording, --window-s several.", "Leave out one of the two."
        )


def _voltage_notes(corpus: Corpus, steps: Preprocessing) -> list[str]:
    """What the steps do to labels that rest on the ST segment or on voltages; a line where they endanger any."""
    strong = [f"--highpass {steps.highpass:g}"] if (steps.highpass or 0) > ST_EDGE_HZ else []
    strong += [f"--baseline {steps.baseline}"] if steps.baseline != "none" else []
    labels = [label for task in corpus.tasks for label in task.voltage_labels]
    if not strong or not labels:
        return []
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return [
        f"{' and '.join(strong)} may bend the ST segment and change voltages, on which the labels "
        f"{', '.join(labels[:NAMED])}{more} rest; --highpass {ST_EDGE_HZ:g} alone keeps them."
    ]


def _try_steps(corpus: Corpus, steps: Preprocessing) -> None:
    """Refuse steps that no recording of the corpus's rate can take, before any is read.

    Raises:
        DataError: A filter edge too high for the rate, or edges in the wrong order.
    """
    silence = np.zeros((len(corpus.leads), max(round(corpus.fs), 2)), np.float32)
    preprocess(Record(silence, corpus.fs, corpus.leads), corpus.leads, steps)


def _manifest(plan: Plan, options: dict[str, Any]) -> StoreManifest:
    """The manifest as far as it is known before anything is read; its fingerprint decides what may be gone on with."""
    corpus = plan.corpus
    manifest = StoreManifest(
        kind="windows" if plan.windows else "records",
        dataset=corpus.name,
        fs=plan.steps.fs,
        leads=plan.channels,
        samples=plan.samples,
        items=0,
        patients=0,
        preprocessing=plan.steps,
        tabular=corpus.tabular,
        sources=dict(corpus.sources),
        options={name: value for name, value in options.items() if value is not None},
    )
    made = hashlib.sha256(json.dumps(manifest.model_dump(mode="json", exclude=_LATER), sort_keys=True).encode())
    made.update(np.ascontiguousarray(corpus.tabular_values).tobytes())
    for entry in corpus.entries:
        fields: tuple[Any, ...] = (entry.id, entry.patient, entry.record, entry.split, entry.fold)
        fields += (tuple(entry.metadata.items()), entry.start_s, entry.seconds)
        made.update(f"{fields!r}\n".encode())
    return manifest.model_copy(update={"fingerprint": f"sha256:{made.hexdigest()}"})


def _refuse_foreign(final: Path) -> None:
    """Raise where something is there that no command of ours made: that is never replaced."""
    if not all((final / name).is_file() for name in ("manifest.json", "items.csv")):
        raise ConfigError(f"{final} exists and is not a store; it is not replaced.", "Give another --out.")


def _build(folder: Path, journal: Path, plan: Plan, wanted: StoreManifest, workers: int) -> None:
    """Fill the folder with a store, from where the journal says."""
    corpus = plan.corpus
    shape = (len(plan.channels), plan.samples)
    with Staging(folder, journal, shape, wanted.fingerprint) as staging:
        for note in corpus.notes:
            console.log.info("%s", note)
        staging.take_back(_still_true(staging.accounts, plan))
        done, total = staging.entries, len(corpus.entries)
        if done:
            console.log.info("Going on after %d of %d recordings.", done, total)
        with console.progress(f"Preparing {corpus.name}", total) as advance:
            advance(done)
            for chunk in make_chunks(plan, list(_ranges(plan, done, total)), workers):
                staging.append(chunk)
                _refuse_unfit(staging, plan)
                advance(len(chunk.account.items))
        _refuse_unfit(staging, plan, complete=True)
        staging.finish()
        notes = describe(staging.accounts, plan)
        for note in notes:
            console.log.warning("%s", note)
        told = (*corpus.notes, *_voltage_notes(corpus, plan.steps), *notes)
        write_contents(folder, plan, staging.accounts, wanted.model_copy(update={"notes": told}))


def _ranges(plan: Plan, first: int, total: int) -> Iterator[tuple[int, int]]:
    """Ranges of entries that make about a chunk each."""
    corpus = plan.corpus
    item_bytes = 2 * len(plan.channels) * max(plan.samples, corpus.samples)
    entries = min(max(CHUNK_BYTES // item_bytes, 1), _CHUNK_ENTRIES)
    for begin in range(first, total, entries):
        yield begin, min(begin + entries, total)


def _still_true(accounts: Sequence[Account], plan: Plan) -> int:
    """How many chunks, from the first, hold all they could: none of the recordings they left out can be used now."""
    for number, account in enumerate(accounts):
        left_out = [account.first + place for place, items in enumerate(account.items) if not items]
        if _first_usable(plan, left_out) is not None:
            return number
    return len(accounts)


def _first_usable(plan: Plan, rows: Sequence[int]) -> int | None:
    """The first of these entries whose recording can be used; None where none can."""
    return next((row for row in rows if usable(plan, row)), None)


def _refuse_unfit(staging: Staging, plan: Plan, *, complete: bool = False) -> None:
    """Raise where no store can come of it; what was read is read again next time, when it may have been mended."""
    try:
        _refuse_mixture(staging.accounts, plan.steps)
        if complete and not staging.items:
            _refuse_emptiness(staging.accounts, plan.corpus)
    except DataError:
        staging.take_back(0)
        raise


def _refuse_mixture(accounts: Sequence[Account], steps: Preprocessing) -> None:
    """Raise where some recordings are in millivolts and others are not, unless their scale is taken off anyway."""
    calibrated = next((account.calibrated for account in accounts if account.calibrated), "")
    uncalibrated = next((account.uncalibrated for account in accounts if account.uncalibrated), "")
    if calibrated and uncalibrated and steps.normalise == "none":
        raise DataError(
            f"Record '{calibrated}' is in millivolts, record '{uncalibrated}' is not calibrated.",
            "Prepare them as two stores, or with --normalise zscore.",
        )


def _refuse_emptiness(accounts: Sequence[Account], corpus: Corpus) -> None:
    missing = [record for account in accounts for record in account.missing]
    damaged = next((account for account in accounts if account.damaged), None)
    if damaged is not None:
        raise DataError(
            f"None of the {len(corpus.entries)} recordings can be used. The first: {damaged.damaged[0]}", damaged.advice
        )
    first = f"; the first is {missing[0]}" if missing else ""
    raise DataError(
        f"None of the {len(corpus.entries)} recordings of {corpus.name} is there{first}.", "Is the folder complete?"
    )


def _extended(store: Store, plan: Plan, wanted: StoreManifest) -> Store:
    """The store that is there, with the tasks that it did not hold yet.

    Raises:
        ConfigError: It was made with other options, or of fewer recordings than are there now.
    """
    if store.manifest.fingerprint != wanted.fingerprint:
        raise ConfigError(
            f"{store.path} exists already, {_difference(store.manifest, wanted)}.",
            "Give --force to replace it, or another --out.",
        )
    held_rows = targeted(store, plan)
    _refuse_growth(store, plan, held_rows.rows)
    held = {task.name for task in store.manifest.tasks}
    new = [task for task in plan.corpus.tasks if task.name not in held]
    if not new:
        console.log.info("%s is already prepared: nothing to do.", store.path)
        return store
    with locked_folder(store.path):
        tasks = write_targets(store.path, plan.corpus, new, held_rows)
        added = {
            "tasks": (*store.manifest.tasks, *tasks),
            "notes": (*store.manifest.notes, *unlabelled(plan.corpus, tasks, held_rows)),
        }
        manifest = store.manifest.model_copy(update=added)
        write_json(store.path / "manifest.json", manifest.model_dump(mode="json"))
    console.log.info("Added %s to %s.", ", ".join(task.name for task in tasks), store.path)
    return Store.open(store.path)


def _difference(old: StoreManifest, new: StoreManifest) -> str:
    """How a store that is there differs from what is asked for, in words."""
    before, after = _decisive(old), _decisive(new)
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    if not changed:
        return "made from other recordings"
    name = changed[0]
    if name.startswith("sources."):
        return f"made from another {name.removeprefix('sources.')}"
    said = name.rpartition(".")[2]
    if any(isinstance(values.get(name), dict) for values in (before, after)):
        return f"made with another {said}"
    return f"made with {said} {before.get(name)} rather than {after.get(name)}"


def _decisive(manifest: StoreManifest) -> dict[str, Any]:
    document = manifest.model_dump(mode="json", include={"dataset", "preprocessing", "options", "sources"})
    groups = {name: value if isinstance(value, dict) else {"": value} for name, value in document.items()}
    return {f"{group}.{name}" if name else group: value for group in groups for name, value in groups[group].items()}


def _refuse_growth(store: Store, plan: Plan, rows: npt.NDArray[np.int64]) -> None:
    """Raise where a recording that the store left out can be used now: it has been downloaded since, or repaired."""
    left_out = np.setdiff1d(np.arange(len(plan.corpus.entries)), rows)
    usable = _first_usable(plan, left_out.tolist())
    if usable is not None:
        raise ConfigError(
            f"{store.path} was made without record '{plan.corpus.entries[usable].id}', which can be read now.",
            "Give --force to make it again, or another --out.",
        )
