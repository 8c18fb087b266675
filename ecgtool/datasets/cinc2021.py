"""The PhysioNet/CinC Challenge 2021: twelve-lead recordings of several sources, diagnoses as SNOMED CT codes.

Reyna et al., "Will Two Do? Varying Dimensions in Electrocardiography", Computing in Cardiology 2021. The layout is that
of the Challenges of 2020 and 2021: a WFDB header and a ``.mat`` per recording, codes in a comment ``# Dx:``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.console import inert
from ecgtool.datasets.anonymous import anonymous, nameless
from ecgtool.datasets.cells import tidy, told
from ecgtool.datasets.cinc2021_codes import LABEL_OF, SCORED, TIMED, VOLTAGE
from ecgtool.datasets.corpus import Entry
from ecgtool.datasets.folder import folder_of
from ecgtool.datasets.folder_files import HEADER, Tree
from ecgtool.datasets.folder_rows import known_path
from ecgtool.datasets.inputs import AGE, SEX, capped
from ecgtool.datasets.splits import Division
from ecgtool.errors import DataError, EcgError, FormatError, NotFound
from ecgtool.files import Below
from ecgtool.formats import wfdb
from ecgtool.formats.wfdb_comments import person
from ecgtool.formats.wfdb_header import Header, load_header
from ecgtool.record import LEADS_12, Record
from ecgtool.task import NOT_LABELLED, Task

FS, SECONDS = 500.0, 10.0
"""Rate and length of most of its recordings, and of an item."""
TASK = Task(
    name="scored",
    kind="multilabel",
    labels=tuple(scored.label for scored in SCORED),
    description="The 26 classes that the Challenge of 2021 scores.",
    timed_labels=TIMED,
    voltage_labels=VOLTAGE,
)

_DX = re.compile(r"dx\s*:\s*(.*)", re.IGNORECASE)
_CODES_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Header:
    """What a header says: codes (None where it states none), person, rate and length."""

    codes: tuple[str, ...] | None
    age: float | None
    sex: str | None
    fs: float
    seconds: float | None


class CinC2021:
    """A :class:`~ecgtool.datasets.corpus.Corpus`: every recording of a folder and of the folders below.

    Args:
        folder: As it is downloaded, or a part of it.
        leads: The store's leads.
        windows: Whether recordings are cut into windows rather than brought to :data:`SECONDS`.
        division: How recordings are divided; None for 70, 15 and 15 per cent.

    Raises:
        NotFound: There is no such folder, or no header in it.
        DataError: No header states a diagnosis.
    """

    name = "cinc2021"
    tasks: Sequence[Task] = (TASK,)
    tabular: tuple[str, ...] = (AGE, SEX)

    def __init__(
        self,
        folder: Path,
        leads: tuple[str, ...] = LEADS_12,
        *,
        windows: bool = False,
        division: Division | None = None,
    ) -> None:
        self.folder = folder_of(folder)
        self.leads = leads
        self._below = Below(self.folder)
        headers, damaged = _read_headers(self.folder)
        self.fs = FS
        longest = max(header.seconds or 0.0 for header in headers.values())
        self.samples = max(round((longest if windows else SECONDS) * FS), 1)
        targets, about = make_targets([header.codes for header in headers.values()])
        self.targets: Mapping[str, npt.NDArray[Any]] = {TASK.name: targets}
        dealt = (division or Division()).deal(list(headers), targets == 1)
        known = [_known(header) for header in headers.values()]
        self.entries: Sequence[Entry] = tuple(
            Entry(inert(name), inert(name), known_path(name), split, fold, each)
            for name, (split, fold), each in zip(headers, dealt, known, strict=True)
        )
        self.tabular_values = np.array([[each[name] for name in self.tabular] for each in known], np.float32)
        self.sources: Mapping[str, str] = {"headers": _digest(headers)}
        self.options: Mapping[str, Any] = {
            "leads": None if leads == LEADS_12 else ",".join(leads),
            "division": asdict(division) if division else None,
        }
        unknown = "The Challenge does not say who recordings are of: they are divided one by one, not by patient."
        self.notes: Sequence[str] = (*damaged, *about, *_lengths(headers), unknown)

    def read(self, entry: Entry) -> Record:
        """The recording of an entry."""
        path = self._below(f"{entry.record}{HEADER}")
        try:
            record = wfdb.read(path)
        except EcgError as error:  # what stands in a header is not stored
            raise type(error)(anonymous(error.message, path, entry.id, entry.record), error.hint) from None
        return nameless(record, path, entry, entry.record)


def make_targets(codes: Sequence[tuple[str, ...] | None]) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Which scored classes the codes of each recording mean, and what is to be said of the others.

    A recording whose diagnoses are all unscored carries none of the classes, and counts as such: the Challenge scores
    it so. One without any diagnosis is not labelled.

    Args:
        codes: SNOMED CT codes of each; None where its header states none.

    Returns:
        uint8 [recordings, labels], and notes.
    """
    column = {label: place for place, label in enumerate(TASK.labels)}
    targets = np.zeros((len(codes), len(TASK.labels)), np.uint8)
    for row, stated in enumerate(codes):
        targets[row, [column[LABEL_OF[code]] for code in stated or () if code in LABEL_OF]] = 1
    none = ~targets.any(axis=1)
    targets[[stated is None for stated in codes]] = NOT_LABELLED
    unscored = Counter(code for stated in codes for code in set(stated or ()) - LABEL_OF.keys())
    notes = []
    if unscored:
        named = ", ".join(f"{code} ({number})" for code, number in unscored.most_common(_CODES_NAMED))
        more = f" and {len(unscored) - _CODES_NAMED} more" if len(unscored) > _CODES_NAMED else ""
        notes.append(f"Codes that the Challenge does not score: {named}{more}.")
    negative = int(none.sum()) - sum(stated is None for stated in codes)
    if negative:
        notes.append(f"{negative} recordings carry none of the scored classes; they count as negatives of all of them.")
    return targets, notes


def _read_headers(folder: Path) -> tuple[dict[str, _Header], list[str]]:
    """Each header by its record's name, and a note on those that are damaged.

    Raises:
        NotFound: There is none.
        DataError: None is whole, or none states a diagnosis.
    """
    tree = Tree(folder)
    names = [file.removesuffix(HEADER) for file in tree.files if file.endswith(HEADER)]
    if not names:
        raise NotFound(f"{folder} holds no {HEADER} files.", "Give the folder of the Challenge's recordings.")
    headers: dict[str, _Header] = {}
    damaged: list[str] = []
    with console.progress("Reading headers", len(names)) as advance:
        for name in names:
            file = f"{name}{HEADER}"
            try:
                headers[name] = _parsed(load_header(tree.below(file)))
            except (FormatError, NotFound) as error:
                damaged.append(anonymous(error.message, tree.folder / file, name, keep=file).rstrip("."))
            advance(1)
    if not headers:
        raise DataError(f"None of the {len(names)} headers in {folder} can be read. The first: {damaged[0]}.")
    if not any(header.codes for header in headers.values()):
        raise DataError(
            f"None of the {len(headers)} headers in {folder} states a diagnosis ('# Dx: 426783006').",
            "Is it a folder of the Challenge of 2020 or 2021? Own recordings: ecg prepare folder",
        )
    return headers, told(damaged, "headers are damaged", "; ")


def _parsed(header: Header) -> _Header:
    known = person(header.comments)
    stated = next((found[1] for comment in header.comments if (found := _DX.match(comment))), "")
    codes = tuple(dict.fromkeys(code for code in re.split(r"[,;\s]+", stated) if code.isascii() and code.isdigit()))
    seconds = header.frames / header.fs if header.frames else None
    return _Header(codes or None, known.get(AGE), known.get(SEX), header.fs, seconds)


def _known(header: _Header) -> dict[str, Any]:
    age = None if header.age is None else tidy(capped(header.age))
    return {AGE: age, SEX: None if header.sex is None else int(header.sex == "F")}


def _lengths(headers: Mapping[str, _Header]) -> list[str]:
    """What is to be said where rates or lengths differ."""
    rates = Counter(header.fs for header in headers.values())
    lengths = [header.seconds for header in headers.values() if header.seconds]
    notes = []
    if len(rates) > 1:
        notes.append(f"Rates differ: {', '.join(f'{fs:g} Hz ({number})' for fs, number in sorted(rates.items()))}.")
    if lengths and min(lengths) < max(lengths):
        notes.append(f"Recordings last from {min(lengths):.4g} to {max(lengths):.4g} s.")
    return notes


def _digest(headers: Mapping[str, _Header]) -> str:
    made = hashlib.sha256()
    for name, header in headers.items():
        made.update(f"{name!r} {header!r}\n".encode())
    return f"sha256:{made.hexdigest()}"
