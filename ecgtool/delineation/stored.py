"""Waves in a store: found item by item, added whole or not at all, going on where it was stopped.

What is found grows in ``waves/.NAME.partial`` beside a journal of what is safely on the disk. When the last item is
done, both tables are copied to names that nothing uses yet, and then the manifest is replaced: at any instant the store
is as it was, or holds the whole set. A set that is replaced loses its files last.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ecgtool import __version__, console
from ecgtool.config import checked
from ecgtool.delineation.growing import Growing
from ecgtool.errors import ConfigError, DataError
from ecgtool.files import (
    digest,
    explained,
    json_text,
    locked_folder,
    read_json,
    staged_folder,
    valid_name,
    write_file,
    write_json,
)
from ecgtool.manifest import ADDED, StoreManifest, WaveSet
from ecgtool.store import Store
from ecgtool.waves import COLUMNS, Waves

Find = Callable[[Sequence[int]], Iterable[Waves]]
"""Gives the waves of items, one after the other, in the order in which they are asked for."""

WAVE_COLUMNS, BEAT_COLUMNS = 1 + len(COLUMNS), 2
_LARGEST = 2**31 - 1


def add_waves(
    store: Store,
    name: str,
    find: Find,
    *,
    method: str = "",
    beats_from: Literal["detected", "reference"] = "detected",
    leads: Sequence[str] = (),
    force: bool = False,
) -> Store:
    """Add a set of waves to a store.

    What was interrupted goes on when called again for the same store, name, method, beats and leads. A set of that name
    that was made just so is left as it is.

    Args:
        store: The store.
        name: Of the set.
        find: Finds the waves of items.
        method: What finds them; empty for an expert's.
        beats_from: Where the beats come from.
        leads: The leads that are looked at; all of the store's when empty.
        force: Replace a set of that name.

    Returns:
        The store, opened anew.

    Raises:
        ConfigError: The store holds a set of that name that was made otherwise; another process is writing; or a name
            that files cannot have.
        DataError: Waves of a lead that the store does not have, or items too long for the table.
        EcgError: The store cannot be written; what was there before is intact.
    """
    valid_name(name, "name of a set of waves")
    wanted = WaveSet(name=name, method=method, beats_from=beats_from, leads=tuple(leads), waves=0, beats=0)
    if held_set(store, wanted, force=force):
        console.log.info("%s holds the waves '%s' already: nothing to do.", store.path.name, name)
        return store
    if store.manifest.samples > _LARGEST:
        raise DataError(
            f"The items of {store.path.name} are too long for a table of waves.", "Cut them with --window-s."
        )
    growing = store.path / "waves" / f".{name}.partial"
    with explained(store.path):
        growing.mkdir(parents=True, exist_ok=True)
        with locked_folder(growing):
            _grow(store, growing, wanted, find)
            with locked_folder(store.path):
                _publish(store.path, growing, wanted)
            shutil.rmtree(growing, ignore_errors=True)
    return Store.open(store.path)


def copied(store: Store, final: Path, *, force: bool = False) -> Store:
    """A copy of a store, to be given waves that the store itself is not to have.

    A copy that is there already is taken as it is, so that what was interrupted goes on.

    Raises:
        ConfigError: Something else is there, and ``force`` is not given or it is no store.
        EcgError: The copy cannot be written.
    """
    if final.exists() and not force and (final / "manifest.json").is_file():
        held = Store.open(final)
        if _base(held) == _base(store):
            return held
    holds = {entry.name for entry in store.path.iterdir()} | {"waves", "sentences"}  # which the copy may have gained
    with staged_folder(final, force=force, holds=holds) as folder:
        shutil.copytree(store.path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    return Store.open(final)


def _base(store: Store) -> dict[str, Any]:
    """What the manifest says of items and signals."""
    return store.manifest.model_dump(mode="json", exclude={*ADDED, "notes"})


def held_set(store: Store, wanted: WaveSet, *, force: bool = False) -> bool:
    """Whether the store holds that very set already, so that there is nothing to do.

    Raises:
        ConfigError: It holds one of that name that was made otherwise, and ``force`` is not given.
    """
    held = next((each for each in store.manifest.waves if each.name == wanted.name), None)
    if held is None or force:
        return False
    if _made_as(held) != _made_as(wanted):
        raise ConfigError(
            f"{store.path.name} holds waves '{held.name}' of {_words(held)} already, not of {_words(wanted)}.",
            "Give --force to replace them, or the others another --name.",
        )
    return True


def _made_as(held: WaveSet) -> tuple[str, str, tuple[str, ...]]:
    return held.method, held.beats_from, held.leads


def _words(held: WaveSet) -> str:
    return f"{held.beats_from} beats on {', '.join(held.leads) or 'all leads'}"


def _grow(store: Store, folder: Path, wanted: WaveSet, find: Find) -> None:
    """Find the waves of every item that the folder does not hold yet."""
    names = {lead: number for number, lead in enumerate(store.manifest.leads)}
    items = store.manifest.items
    with Growing(folder, (BEAT_COLUMNS, WAVE_COLUMNS), _fingerprint(store, wanted)) as growing:
        done = growing.items
        if 0 < done < items:
            console.log.info("Going on after %d of %d items.", done, items)
        with console.progress(f"Finding the waves of {store.path.name}", items) as advance:
            advance(done)
            for item, waves in zip(range(done, items), find(range(done, items)), strict=True):
                growing.append((_beat_rows(item, waves), _wave_rows(item, waves, names)))
                advance(1)


def _beat_rows(item: int, waves: Waves) -> npt.NDArray[np.int32]:
    rows = np.full((len(waves.beats), BEAT_COLUMNS), item, np.int32)
    rows[:, 1] = waves.beats
    return rows


def _wave_rows(item: int, waves: Waves, names: dict[str, int]) -> npt.NDArray[np.int32]:
    """The table with its leads numbered as the store numbers them, sorted by lead and onset."""
    lacking = [lead for lead in waves.leads if lead not in names]
    if lacking:
        raise DataError(f"Item {item} has waves of lead {lacking[0]}, which the store does not have.")
    rows = np.full((len(waves), WAVE_COLUMNS), item, np.int32)
    rows[:, 1:] = waves.table
    number = np.array([names[lead] for lead in waves.leads], np.int32)
    rows[:, 1] = number[waves.column("lead")] if len(waves) else 0
    return rows[np.argsort(rows[:, 1], kind="stable")]


def _fingerprint(store: Store, wanted: WaveSet) -> str:
    """What decides the waves: how they are found, and the store's items and signals."""
    document = {"set": wanted.model_dump(mode="json"), "store": _base(store), "version": __version__}
    return hashlib.sha256(json_text(document).encode()).hexdigest()


def _publish(path: Path, growing: Path, wanted: WaveSet) -> None:
    """Copy what has grown to names of its own, then replace the manifest, then remove what it replaced."""
    manifest = checked(StoreManifest, read_json(path / "manifest.json"))
    held = _at_free_names(wanted, manifest.waves)
    made = [path / name for name in held.files]
    for number, (target, width) in enumerate(zip(made, (BEAT_COLUMNS, WAVE_COLUMNS), strict=True)):
        write_file(target, partial(Growing.copy, growing, number, width))
    beats, waves = Growing.rows_of(growing)
    told = {"beats": beats, "waves": waves, "digest": _digest(made), "made_by": f"ecgtool {__version__}"}
    others = tuple(each for each in manifest.waves if each.name != wanted.name)
    new = manifest.model_copy(update={"waves": (*others, held.model_copy(update=told))})
    write_json(path / "manifest.json", new.model_dump(mode="json"))
    for old in (each for each in manifest.waves if each.name == wanted.name):
        for name in old.files:
            with suppress(OSError):  # nothing names it any more
                (path / name).unlink()


def _at_free_names(wanted: WaveSet, held: Sequence[WaveSet]) -> WaveSet:
    """The set with files of names that no other set uses, nor the one it replaces."""
    taken = {name for each in held for name in each.files}
    stems = chain([""], (f"{wanted.name}-{number}" for number in count(2)))
    candidates = (wanted.model_copy(update={"stem": stem}) for stem in stems)
    return next(each for each in candidates if not taken & set(each.files))


def _digest(files: Sequence[Path]) -> str:
    """One digest of several files, in their order."""
    return f"sha256:{hashlib.sha256(' '.join(map(digest, files)).encode()).hexdigest()}"
