"""Messages about recordings without what may name a person: a store keeps them, and stores are passed on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ecgtool.datasets.corpus import PERSON, Entry
from ecgtool.datasets.patients import person_in_file
from ecgtool.deidentify.key import Key
from ecgtool.record import Record

_QUOTED = re.compile(r"""(?<!\w)(['"])(.*?)(?:\1(?!\w)|$)""")
_FILE = re.compile(r"\S*[/\\]\S+|\S+\.[A-Za-z][A-Za-z0-9]{1,4}\b")
_OWN = re.compile(r"\W*\0(\.\w+)?\W*")
_SHORTEST_NAME = 4


def anonymous(message: str, path: Path, name: str, keep: str = "") -> str:
    """A message without the path or the name of a file, other files' names, or words taken from inside of it.

    Args:
        message: Of reading it.
        path: Of the file.
        name: What the recording is called in the store.
        keep: What the file may be called instead, where its own name may be kept.

    >>> anonymous("/w/Muster.edf: signal 'Anna M' has no unit", Path("/w/Muster.edf"), "line3")
    "line3: signal '...' has no unit"
    """
    shown = keep or name
    hidden = [str(path), str(path.with_suffix("")), str(path.parent), path.name]
    hidden += [path.stem] if len(path.stem) >= _SHORTEST_NAME else []
    for text in filter(lambda text: len(text) > 1, hidden):
        for written in (text, " ".join(text.split())):  # an error keeps its message on one line
            message = message.replace(written, "\0")
    message = _QUOTED.sub(lambda found: found[0] if found[2] in ("\0", name) else f"{found[1]}...{found[1]}", message)
    return _FILE.sub(lambda found: found[0] if _OWN.fullmatch(found[0]) else "...", message).replace("\0", shown)


def nameless(record: Record, path: Path, entry: Entry, keep: str = "", key: Key | None = None) -> Record:
    """A record as a corpus gives it: under its entry's name, with warnings that name nobody.

    Args:
        record: As it was read.
        path: From where.
        entry: What it is read for.
        keep: What the file may be called, where its own name may be kept.
        key: Makes a pseudonym of whom the file names, so that one person under two ids of a list is noticed; None where
            the list does not say who people are.
    """
    warnings = tuple(anonymous(str(line), path, entry.id, keep) for line in record.meta.get("warnings", ()))
    meta = {**record.meta, "warnings": warnings}
    if key is not None:
        meta[PERSON] = person_in_file(key, record.patient)
    return replace(record, id=entry.id, patient=entry.patient, meta=meta)
