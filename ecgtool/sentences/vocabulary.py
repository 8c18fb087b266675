"""Vocabulary: the typical shapes of each kind of wave, under names and numbers; one readable file.

Numbers 0 to 3 are no waves (see :mod:`ecgtool.words`). Then come the words of each kind, in the order of :data:`KINDS`,
the commonest first. A digest over everything says whether two
vocabularies are the same, and whether a file is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, model_validator

from ecgtool.config import checked
from ecgtool.errors import ConfigError, FormatError, IntegrityError
from ecgtool.files import read_json, write_text
from ecgtool.sentences.shapes import Floats, Scheme
from ecgtool.sentences.warping import warped
from ecgtool.settings import Section
from ecgtool.task import Task
from ecgtool.words import FIRST_WORD, SPECIAL

SCHEMA = 1
KINDS = ("P", "QRS", "T", "BG")
"""The kinds of words: those of :class:`ecgtool.waves.Wave`, and the background between waves."""
BACKGROUND = KINDS.index("BG")
CLUSTERS = {"P": 12, "QRS": 19, "T": 14, "BG": 25}
"""Words of each kind unless asked otherwise (ECGBERT: Choi et al. 2023, arXiv:2306.06340)."""
MOST = 1000
"""Words of a kind, at most."""

_FILE = "a vocabulary of this tool"
_LARGEST_BATCH = 2**20


class Word(Section):
    """One typical wave."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = Field(description="Its kind and its number within the kind, e.g. QRS03.")
    count: int = Field(description="Waves it was made of.", ge=0)
    seconds: float = Field(description="Its duration, the geometric mean.", gt=0)
    shape: tuple[float, ...] = Field(description="Its points, in millivolt.")


class Fit(Section):
    """How a vocabulary was found. It names no recording and no patient."""

    model_config = ConfigDict(allow_inf_nan=False)

    method: Literal["kmeans", "dtw", "soft-dtw"] = Field(description="How the waves were clustered.")
    dataset: str = Field("", description="The corpus.")
    fingerprint: str = Field("", description="Of the store: what decided its signals, items and splits.")
    leads: tuple[str, ...] = ()
    fs: float = Field(0.0, description="Rate of the store in Hz.", ge=0)
    waves: str = Field("", description="What found the waves.")
    fraction: float = Field(1.0, description="Share of the training patients.", gt=0, le=1)
    patients: int = Field(0, description="So many, of the training patients alone.", ge=0)
    counts: dict[str, int] = Field(default_factory=dict, description="Waves of each kind that were clustered.")
    seed: int = 0
    made_by: str = ""


class Vocabulary(Section):
    """Typical shapes, by kind.

    Raises:
        ConfigError: Words that cannot be: of another number of points, or under other names than their order gives.
    """

    schema_version: Literal[1] = 1
    distance: Literal["euclidean", "dtw"] = Field(
        "euclidean", description="How far a wave is from a word; dtw lets their points be shifted against each other."
    )
    band: int = Field(4, description="Points by which dtw shifts at most (Sakoe and Chiba 1978).", ge=0, le=256)
    scheme: Scheme = Field(default_factory=Scheme)
    fit: Fit
    words: tuple[Word, ...]

    @model_validator(mode="after")
    def _words_fit(self) -> Self:
        held = iter(self.words)
        for kind in KINDS:
            names = [word.name for word in self.words if word.name.rstrip("0123456789") == kind]
            if not 1 <= len(names) <= MOST:
                raise ValueError(f"it must have 1 to {MOST} words of the kind {kind}")
            if [next(held).name for _ in names] != [f"{kind}{number:02d}" for number in range(len(names))]:
                raise ValueError(f"the words of the kind {kind} must be {kind}00, {kind}01 and so on, in order")
        if any(len(word.shape) != self.scheme.points for word in self.words):
            raise ValueError(f"every shape must have {self.scheme.points} points")
        return self

    @classmethod
    def of(
        cls, centres: Mapping[str, npt.NDArray[np.floating]], counts: Mapping[str, npt.NDArray[np.integer]], **held: Any
    ) -> Self:
        """A vocabulary of cluster centres.

        Args:
            centres: Per kind the numbers of each cluster's centre, [words, points + 1] (see :class:`Scheme`).
            counts: Per kind the waves of each cluster.
            **held: ``fit``, and ``scheme``, ``distance`` and ``band`` where not the usual ones.
        """
        scheme: Scheme = held.get("scheme", Scheme())
        words: list[Word] = []
        for kind in KINDS:
            order = np.argsort(-counts[kind], kind="stable")
            shapes, seconds = scheme.shapes(centres[kind][order])
            for number, (count, shape, lasts) in enumerate(zip(counts[kind][order], shapes, seconds, strict=True)):
                points = tuple(round(float(value), 5) + 0.0 for value in shape)
                name = f"{kind}{number:02d}"
                words.append(Word(name=name, count=int(count), seconds=round(float(lasts), 5), shape=points))
        return cls(words=tuple(words), **held)

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is called: the special ones, then the words."""
        return (*SPECIAL, *(word.name for word in self.words))

    def __len__(self) -> int:
        return FIRST_WORD + len(self.words)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Words of each kind, in the order of :data:`KINDS`."""
        kinds = [word.name.rstrip("0123456789") for word in self.words]
        return tuple(kinds.count(kind) for kind in KINDS)

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The number of the first word of each kind."""
        return tuple(accumulate(self.sizes[:-1], initial=FIRST_WORD))

    @cached_property
    def kinds(self) -> npt.NDArray[np.int8]:
        """The kind of each number, int8 [words]; -1 of the special ones."""
        return np.repeat(np.arange(-1, len(KINDS), dtype=np.int8), (FIRST_WORD, *self.sizes))

    @cached_property
    def centres(self) -> Floats:
        """The numbers of each word (see :class:`Scheme`), float32 [words, points + 1], the special ones left out."""
        shapes = np.array([word.shape for word in self.words])
        return self.scheme.compressed(shapes, np.array([word.seconds for word in self.words]))

    def of_kind(self, kind: int) -> Floats:
        """The numbers of each word of a kind, float32 [words, points + 1]."""
        return self.centres[self.first[kind] - FIRST_WORD :][: self.sizes[kind]]

    @cached_property
    def task(self) -> Task:
        """What pre-training predicts: which word stands at a place. Label numbers are those of words less four."""
        return Task(
            name="words",
            kind="tokens",
            labels=self.names[FIRST_WORD:],
            metric="accuracy",
            description="The word that stands at a place of a sentence.",
        )

    def encode(self, kinds: npt.NDArray[np.integer], features: Floats) -> npt.NDArray[np.int16]:
        """The nearest word of each wave, among those of its kind.

        Args:
            kinds: int [waves], numbers of :data:`KINDS`.
            features: float32 [waves, points + 1], by ``scheme.features``.

        Returns:
            int16 [waves], numbers of words.
        """
        ids = np.empty(len(kinds), np.int16)
        for kind, (first, size) in enumerate(zip(self.first, self.sizes, strict=True)):
            chosen = np.flatnonzero(kinds == kind)
            centres = self.of_kind(kind)
            at_once = max(1, _LARGEST_BATCH // (size * self.scheme.points))
            for at in range(0, len(chosen), at_once):
                part = chosen[at : at + at_once]
                ids[part] = first + np.argmin(self.distances(features[part], centres), axis=1)
        return ids

    def distances(self, features: Floats, centres: Floats) -> Floats:
        """Squared distances of waves from centres of one kind, float32 [waves, centres]."""
        if self.distance == "dtw":
            shapes = warped(features[:, :-1], centres[:, :-1], self.band)
            return shapes + np.square(features[:, -1:] - centres[:, -1])
        squares = np.square(features).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)
        return np.maximum(squares - 2 * features @ centres.T, 0)

    @cached_property
    def digest(self) -> str:
        """Of everything: ``sha256:...``."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def text(self) -> str:
        """The file: JSON, a line per word."""
        document = self.model_dump(mode="json")
        lines = [f"    {json.dumps(word)}" for word in document.pop("words")]
        head = json.dumps({"digest": self.digest, "special": SPECIAL, **document}, indent=2)
        return head[:-2] + ',\n  "words": [\n' + ",\n".join(lines) + "\n  ]\n}\n"

    def write(self, path: Path) -> Path:
        """Write the file, whole or not at all."""
        return write_text(path, self.text())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read such a file; it is JSON and nothing in it is run.

        Raises:
            NotFound: There is none.
            FormatError: It is no vocabulary, or one of a later version.
            IntegrityError: It was changed, or damaged, after it was made.
        """
        return cls.of_document(read_json(path), str(path))

    @classmethod
    def of_document(cls, document: Any, where: str) -> Self:
        """A vocabulary from what its file holds; raises as :meth:`read`, naming ``where``."""
        if not isinstance(document, dict) or not {"digest", "schema_version", "words"} <= set(document):
            raise FormatError(f"{where} is not {_FILE}.", "Make one with: ecg sentences STORE")
        if document["schema_version"] != SCHEMA:
            raise FormatError(
                f"{where} has schema_version {document['schema_version']!r}; this version reads {SCHEMA}."
            )
        held = {key: value for key, value in document.items() if key not in ("digest", "special")}
        try:
            made = checked(cls, held)
        except ConfigError as error:
            raise FormatError(f"{where} is not {_FILE}: {error.message}") from None
        if document["digest"] != made.digest or document.get("special") != list(SPECIAL):
            raise IntegrityError(
                f"{where} does not have the digest that it states: it was changed after it was made.",
                "Get it again, or make the vocabulary anew: ecg sentences STORE",
            )
        return made
