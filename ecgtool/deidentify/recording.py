"""One recording: who it is of, its clean twin, and the proof that the two are the same ECG."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ecgtool.deidentify.audit import Entry
from ecgtool.deidentify.compare import Compared, compare
from ecgtool.deidentify.contract import Disguise, Ledger, Refused
from ecgtool.deidentify.convert import convert
from ecgtool.deidentify.find import Source
from ecgtool.deidentify.key import Key
from ecgtool.files import digest, explained
from ecgtool.formats import read_record
from ecgtool.record import Record

OLDEST = 90
"""The age that stands for every age from it on."""

_NOBODY = re.compile(r"[\W_0x]*|unknown|none|null|n/?a|anonym(?:ous|ized|ised)?|test", re.IGNORECASE)
_PEEK_S = 10.0
_SCRATCH = ".making"


class Named(NamedTuple):
    """A recording's identifiers in the source, and what replaces them."""

    source: Source
    identifier: str  # of the patient; empty where the file has none
    patient: str
    record: str
    age: float | None
    sex: str | None


def name_of(source: Source, key: Key, patient_id: str = "") -> Named:
    """Who a recording is of, and the names that it gets.

    Args:
        source: The recording.
        key: Makes the names.
        patient_id: Whose it is, where that is known better than the file knows it. A recording without any is a
            person of its own.

    Raises:
        EcgError: It cannot be read.
    """
    links = [part for part in source.parts if part.is_symlink()]
    if links:
        raise Refused("A part of it is a link; links are not followed.", "Copy the file itself.")
    record = read_record(source.path, 0.0, _PEEK_S)
    content = _content(source)
    identifier = patient_id or identifier_of(record)
    name = key.recording(content)
    patient = key.patient(f"id {identifier}" if identifier else f"recording {content.hex()}")
    return Named(source, identifier, patient, f"{patient}_{name}", record.meta.get("age"), record.meta.get("sex"))


def identifier_of(record: Record) -> str:
    """The patient's id that a recording states; empty where that stands for nobody."""
    identifier = " ".join(record.patient.split())
    return "" if _NOBODY.fullmatch(identifier) else identifier


def clean(named: Named, folder: Path, key: Key, keep: Collection[str], to: str) -> Entry:
    """Write the clean twin of a recording into a folder; nothing of it where it fails.

    Args:
        named: The recording.
        folder: Where to.
        key: Derives what has to be derived.
        keep: Which of ``age`` and ``sex``.
        to: The format to convert to; empty to keep the recording's own.

    Raises:
        Refused: Its format has no rebuilder, and none to convert to is given.
        IntegrityError: What was written is not the recording.
        EcgError: It cannot be read or written.
    """
    source = named.source
    age, capped = _age(named.age if "age" in keep else None)
    sex = named.sex if "sex" in keep else None
    disguise = Disguise(named.patient, named.record, key.days(named.patient), age, sex, key)
    ledger = Ledger()
    with _scratch(folder) as scratch:
        target, compared = _written(source, scratch, disguise, ledger, to)
        written = sorted(scratch.iterdir())
        files = {path.name: digest(path) for path in written}
        for path in written:
            path.replace(folder / path.name)
    ledger.remove("file name")
    return Entry(
        patient=named.patient,
        record=named.record,
        file=target.name,
        files=files,
        format=source.format.name,
        removed=dict(sorted(ledger.removed.items())),
        dates=ledger.dates,
        kept=tuple(sorted(ledger.kept)),
        age_capped=capped and "age" in ledger.kept,
        leads=compared.leads,
        samples=compared.samples,
        largest_difference_uv=round(1000 * compared.largest_mv, 3),
        notes=tuple(ledger.notes),
    )


def _written(source: Source, folder: Path, disguise: Disguise, ledger: Ledger, to: str) -> tuple[Path, Compared]:
    rebuilder = source.rebuilder
    if to:
        target = convert(source.path, folder, disguise, ledger, to)
        return target, compare(source.path, target, exact=False)
    if rebuilder is None:
        raise Refused(f"Files of the format {source.format.name} cannot be rebuilt.", "Convert them: --to wfdb.")
    target = rebuilder.rebuild(source.path, folder, disguise, ledger)
    return target, compare(source.path, target)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder within a folder, in which a recording lies until it is known to be the same; gone afterwards."""
    scratch = folder / _SCRATCH
    with explained(scratch):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _age(age: float | None) -> tuple[int | None, bool]:
    """An age as it may be written, and whether it is capped."""
    if age is None:
        return None, False
    return (OLDEST, True) if age >= OLDEST else (int(age), False)


def _content(source: Source) -> bytes:
    """A digest of all files of a recording, whatever they are called."""
    made = hashlib.sha256()
    for part in source.parts:
        with explained(part), part.open("rb") as file:
            made.update(hashlib.file_digest(file, "sha256").digest())
    return made.digest()
