"""``deidentify``: a folder of recordings to a folder of clean ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ecgtool import __version__
from ecgtool.console import inert, progress
from ecgtool.deidentify.audit import AUDIT_NAME, SCHEMA, Entry, Journal, NotCopied, document, files_of
from ecgtool.deidentify.contract import Refused
from ecgtool.deidentify.convert import refuse_target
from ecgtool.deidentify.find import UNREAD, Found, find
from ecgtool.deidentify.key import LEAST_DAYS, MOST_DAYS, Key, load_key, own_key, write_private
from ecgtool.deidentify.patients import read_patients
from ecgtool.deidentify.recording import OLDEST, Named, clean, name_of
from ecgtool.deidentify.writing import write_bytes
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, IntegrityError, NotFound, did_you_mean
from ecgtool.files import expanded, json_text, refuse_existing, resumable_folder

KEEP = ("age", "sex")

Made = dict[str, tuple[Named, Entry]]  # by the name of the recording


class Names(NamedTuple):
    """What the names of recordings are made from: the key, and what a table says of whose each file is."""

    key: Key
    patients: Mapping[Path, str]


@dataclass(frozen=True)
class Policy:
    """What is asked for.

    Args:
        keep: Which of :data:`KEEP` stay; none by default.
        to: The format to convert to; empty to keep each recording's own.
        key: The file of a key that is there; None to use or make the one beside the output.
        patients: A table of files and whose they are; None where the files say it themselves.
        map: Where to write which file became which; None to write that nowhere.
        force: Replace what an earlier run wrote.
    """

    keep: frozenset[str] = frozenset()
    to: str = ""
    key: Path | None = None
    patients: Path | None = None
    map: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class Report:
    """What was done.

    Args:
        out: The folder of clean recordings.
        key: The file of the key.
        audit: What ``deidentify.json`` in the folder says.
        failed: Recordings that could not be taken over, and why; named as in the source, for its owner's eyes.
    """

    out: Path
    key: Path
    audit: dict[str, Any]
    failed: Sequence[tuple[Path, EcgError]]


def deidentify(source: Path, out: Path, policy: Policy) -> Report:
    """Write recordings without what may identify a person; the originals are not touched.

    Args:
        source: A recording, or a folder of them.
        out: The folder to make.
        policy: What is kept, and how.

    Raises:
        ConfigError: ``out`` is there already, or lies in the source, or the source in it; an option that cannot be.
        DataError: Not one recording could be taken over.
        NotFound: There is no source, no recording in it, or no key where one is said to be.
        EcgError: The output cannot be written; what was there before is intact.
    """
    source, out = expanded(source), expanded(out).resolve()
    _refuse_options(policy)
    _refuse_overlap(source, out, policy)
    refuse_existing(out, force=policy.force, holds=files_of(out))
    found = find(source)
    patients = read_patients(source, policy.patients) if policy.patients else {}
    if not found.sources and not found.failed:
        raise NotFound(f"{source} holds no recording.", "ecg info FILE says what a file is.")
    given = policy.key and expanded(policy.key)
    key, key_path = (load_key(given), given) if given else own_key(out.parent)
    journal_path = out.with_name(f".{out.name}.journal")
    with resumable_folder(out) as folder:
        journal = Journal(journal_path, folder, {**_policy(policy, key), "version": __version__})
        made, duplicates = _cleaned(found, folder, Names(key, patients), policy, journal)
        if not made:
            _clear(folder, journal_path)
            raise _nothing(found)
        not_copied = NotCopied(len(found.failed), duplicates, found.links, dict(sorted(found.others.items())))
        audit = document([entry for _, entry in made.values()], _policy(policy, key), not_copied)
        write_bytes(folder / AUDIT_NAME, json_text(audit).encode())
        if policy.map:
            write_private(expanded(policy.map), _map(made, source))
    with suppress(OSError):  # a journal without its folder is begun anew
        journal_path.unlink()
    return Report(out, key_path, audit, found.failed)


def _cleaned(found: Found, folder: Path, names: Names, policy: Policy, journal: Journal) -> tuple[Made, int]:
    """Every recording that can be taken over, and how many were there twice; the others join ``found.failed``."""
    made: Made = {}
    duplicates = 0
    with progress("De-identifying", len(found.sources)) as advance:
        for source in found.sources:
            advance(1)
            try:
                named = name_of(source, names.key, names.patients.get(source.path, ""))
            except EcgError as error:
                found.failed.append((source.path, _without_values(error)))
                continue
            if named.record in made:
                duplicates += 1
                continue
            if named.record not in journal.done:
                try:
                    journal.add(clean(named, folder, names.key, policy.keep, policy.to))
                except (ConfigError, DataError, FormatError, IntegrityError, NotFound) as error:
                    found.failed.append((source.path, _without_values(error)))
                    continue
            made[named.record] = (named, journal.done[named.record])
    return made, duplicates


def _without_values(error: EcgError) -> EcgError:
    """What may be said of a recording that failed: readers quote what they found, and that may be somebody's name."""
    if isinstance(error, IntegrityError | Refused):
        return error
    return DataError(UNREAD, "ecg info says why.")


def _clear(folder: Path, journal: Path) -> None:
    """Leave nothing behind where there is nothing to go on with."""
    for path in (*folder.iterdir(), journal):
        path.unlink()
    folder.rmdir()


def _nothing(found: Found) -> EcgError:
    path, error = found.failed[0]
    if len(found.failed) == 1:
        return type(error)(f"{path}: {error.message}", error.hint)
    number = len(found.failed)
    return DataError(f"None of {number} recordings could be taken over. The first, {path}: {error.message}", error.hint)


def _refuse_options(policy: Policy) -> None:
    for name in sorted(policy.keep - set(KEEP)):
        raise ConfigError(f"--keep {name[:40]!r} cannot be kept.", did_you_mean(name, KEEP))
    if policy.to:
        refuse_target(policy.to)


def _refuse_overlap(source: Path, out: Path, policy: Policy) -> None:
    """Raise where output, key or map would lie where they must not."""
    original = source.resolve()
    if out == original or out in original.parents:
        raise ConfigError(f"--out {out} holds the originals.", "Give another --out.")
    if original in out.parents:
        raise ConfigError(f"--out {out} lies within the originals.", "Give another --out.")
    for option, path in (("--key", policy.key), ("--map", policy.map)):
        where = path and expanded(path).resolve()
        if where and (where == out or out in where.parents):
            raise ConfigError(f"{option} {where} would lie in the output: whoever has that would have it too.")
    if policy.map:
        if original in expanded(policy.map).resolve().parents:
            raise ConfigError(f"--map {policy.map} lies within the originals.", "Give another file.")
        refuse_existing(policy.map, force=policy.force)


def _policy(policy: Policy, key: Key) -> dict[str, Any]:
    """What was asked for, as the audit trail states it."""
    return {
        "schema_version": SCHEMA,
        "kept": sorted(policy.keep),
        "converted_to": policy.to,
        "dates": f"moved into the past by {LEAST_DAYS} to {MOST_DAYS} days, by the same number for all of a person's",
        "times_of_day": "kept",
        "ages": f"{OLDEST} stands for every age from {OLDEST} on",
        "pseudonyms": "HMAC-SHA-256",
        "key_check": key.check,
    }


def _map(made: Made, source: Path) -> str:
    """Which file and patient became which, as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "patient", "new_file", "new_patient"))
    base = source if source.is_dir() else source.parent
    for named, entry in made.values():
        original = inert(str(named.source.path.relative_to(base)))
        table.writerow((original, inert(named.identifier), entry.file, entry.patient))
    return text.getvalue()
