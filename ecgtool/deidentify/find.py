"""Which recordings lie in a folder, and which files each is made of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from ecgtool.deidentify.contract import Rebuilder, alone
from ecgtool.errors import DataError, EcgError, FormatError, NotFound
from ecgtool.files import explained
from ecgtool.formats import recognised
from ecgtool.formats.contract import Format

# Files with these endings are recordings: one that no reader knows is damaged, and is told.
_SURE = (".hea", ".edf", ".bdf", ".dcm", ".scp", ".npy")
UNREAD = "It cannot be read, and was not copied."
# Endings that say what a file is; any other ending may itself say who somebody is.
_TOLD = frozenset(
    f".{ending}"
    for group in ("pdf|png|jpg|jpeg|svg|tif|tiff|bmp|doc|docx|xls|xlsx|odt|ods|txt|csv|tsv|json|xml|html|md|zip|gz|tar",
                  "dat|hea|atr|mat|npy|npz|edf|bdf|dcm|scp")
    for ending in group.split("|")
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A recording and the files it is made of.

    Args:
        path: The file that it is read from.
        parts: All its files; ``path`` is among them.
        format: Its format.
    """

    path: Path
    parts: tuple[Path, ...]
    format: Format

    @property
    def rebuilder(self) -> Rebuilder | None:
        """What builds it anew; None where its format has nothing that does."""
        return rebuilder(self.format)


@dataclass
class Found:
    """What lies in a folder: recordings, files that are none (counted by ending), links, and what cannot be read."""

    sources: list[Source] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    links: int = 0
    failed: list[tuple[Path, EcgError]] = field(default_factory=list)


def rebuilder(form: Format) -> Rebuilder | None:
    """The rebuilder that a format names."""
    module, _, attribute = form.rebuild.partition(":")
    made: Rebuilder | None = getattr(import_module(module), attribute) if module else None
    return made


def find(source: Path) -> Found:
    """The recordings in a file or folder, in the order of their names; links are not followed.

    Raises:
        NotFound: There is nothing of that name.
        FormatError: It is one file, and not a recording.
    """
    found = Found()
    with explained(source):
        if source.is_dir():
            _look(_files(source, found), found)
            return found
    single = source if source.exists() or source.is_symlink() else source.with_name(f"{source.name}.hea")
    if not single.exists():
        raise NotFound(f"{source} does not exist.", "Check the path.")
    _look([single], found)
    if not found.sources and not found.failed:
        raise FormatError(f"{source} is not a recording this tool can read.", "ecg info says what a file is.")
    return found


def _files(folder: Path, found: Found) -> Iterator[Path]:
    """The files below a folder, in the order of their names."""

    def unreadable(error: OSError) -> None:
        found.failed.append((Path(error.filename), EcgError(f"The folder cannot be read: {error.strerror}.")))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        found.links += sum(Path(parent, name).is_symlink() for name in folders)
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink():
                found.links += 1
            elif path.is_file():
                yield path
            else:
                found.others["not a file"] += 1


def _look(paths: Iterator[Path] | list[Path], found: Found) -> None:
    """Sort files into recordings, parts of recordings, and others."""
    unclear: list[Path] = []
    sources: dict[Path, Source] = {}
    broken: list[Path] = []
    for path in paths:
        try:
            form = recognised(path)
        except EcgError:
            broken.append(path)
            continue
        if form is None:
            (broken if path.suffix.lower() in _SURE else unclear).append(path)
            continue
        maker = rebuilder(form)
        try:
            parts = maker.parts(path) if maker else alone(path)
        except EcgError:
            broken.append(path)
            continue
        sources.setdefault(parts[0], Source(parts[0], parts, form))
    inner = {part for source in sources.values() for part in source.parts if part != source.path}
    found.sources = [sources[path] for path in sorted(sources) if path not in inner]
    claimed = {part for source in found.sources for part in source.parts}
    found.failed += [(path, DataError(UNREAD, "ecg info says why.")) for path in _told_once(broken, claimed)]
    found.others.update(_ending(path) for path in unclear if path not in claimed)


def _told_once(broken: list[Path], claimed: set[Path]) -> list[Path]:
    """The files to tell of: none that belongs to a recording, and a header rather than its signal file."""
    headers = {path.with_suffix("") for path in broken if path.suffix == ".hea"}
    return [
        path
        for path in sorted(broken)
        if path not in claimed and (path.suffix == ".hea" or path.with_suffix("") not in headers)
    ]


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    return ending if ending in _TOLD else "other"
