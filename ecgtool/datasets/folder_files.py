"""The files of a folder and the folders below: which of them a name in a list of labels means."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ecgtool.datasets.folder_labels import CSV_LABELS, JSON_LABELS, REFERENCE
from ecgtool.errors import EcgError, FormatError
from ecgtool.files import Below, explained
from ecgtool.formats import recognised
from ecgtool.formats.sidecar import FOLDER_DOCUMENT, SUFFIX

HEADER = ".hea"
_HEADER_BYTES = 2**20


class Tree:
    """Every file below a folder, by its path relative to it; hidden ones and linked folders aside.

    Files whose names no table or terminal can hold (no text, or control characters) are only counted.

    Args:
        folder: Where to look.

    Raises:
        EcgError: It cannot be listed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.below = Below(folder)
        found = sorted(_walk(folder))
        self.files = [file for file in found if file.isprintable()]
        self.unnameable = len(found) - len(self.files)
        self._known = set(self.files)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            path = PurePosixPath(file)
            self._by_stem[str(path.with_suffix(""))].append(file)
            for name in {path.name, path.stem}:
                self._by_name[name].append(file)

    def find(self, text: str) -> str | None:
        """The recording that a list of labels means: a path below the folder, or the name of a file anywhere in it.

        The suffix may be left out. The signal file of a WFDB record means its header.

        Returns:
            Its path relative to the folder; None where there is none.

        Raises:
            FormatError: The text leads out of the folder, or several recordings are meant.
        """
        whole = Path(text)
        if whole.is_absolute() and whole.is_relative_to(self.folder):
            text = whole.relative_to(self.folder).as_posix()
        name = text.replace("\\", "/").removeprefix("./")
        self.below(name)
        exact = [name] if name in self._known else self._by_stem.get(name, [])
        found = {self._record(file) for file in exact or self._by_name.get(name, []) if not _beside(file)}
        if len(found) > 1:  # notes, annotations and pictures lie beside a recording under its name
            found = {file for file in found if self._is_recording(file)} or found
        if len(found) > 1:
            raise FormatError(f"{text[:80]!r} may be {' or '.join(sorted(found)[:5])}.", "Name one, with its suffix.")
        for file in found:
            self.below(file)
        return next(iter(found), None)

    def others(self, used: Iterable[str]) -> list[str]:
        """The recordings that are not among ``used``; what they are, their content says."""
        known = set(used)
        for header in [file for file in self.files if file.endswith(HEADER)]:
            known |= {file for file in self._named_in(header) if file != header}
        return [file for file in self.files if file not in known and not _beside(file) and self._is_recording(file)]

    def _record(self, file: str) -> str:
        """The header of the WFDB record that the file is a signal file of; else the file itself."""
        header = f"{_stem(file)}{HEADER}"
        return header if header in self._known and file in self._named_in(header) else file

    def _named_in(self, header: str) -> set[str]:
        """The files that a WFDB header names: signal files, and the headers of segments with theirs."""
        with explained(self.folder / header), self.below(header).open("rb") as file:
            lines = file.read(_HEADER_BYTES).decode("latin-1").splitlines()
        parent = PurePosixPath(header).parent
        stated = [line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")]
        named = {str(parent / name) for name in stated[1:]}
        segments = {f"{name}{HEADER}" for name in named} & (self._known - {header})
        return named | segments

    def _is_recording(self, file: str) -> bool:
        try:
            return recognised(self.below(file)) is not None
        except EcgError:
            return False


def _beside(file: str) -> bool:
    """Whether a file is there to say something of recordings."""
    name = PurePosixPath(file).name
    return name in (JSON_LABELS, CSV_LABELS, REFERENCE, FOLDER_DOCUMENT) or name.endswith(SUFFIX)


def _walk(folder: Path) -> Iterable[str]:
    def refuse(error: OSError) -> None:
        raise error

    with explained(folder):
        for path, folders, files in os.walk(folder, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            parent = os.path.relpath(path, folder)
            for name in files:
                if not name.startswith("."):
                    yield PurePosixPath(parent, name).as_posix()


def _stem(file: str) -> str:
    return str(PurePosixPath(file).with_suffix(""))
