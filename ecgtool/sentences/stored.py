"""Sentences in a store: opened for reading, and added whole or not at all.

They lie in a folder named by their digest, ``sentences/0123456789abcdef``, which holds::

    manifest.json     how they were made
    vocabulary.json   the words (see :mod:`ecgtool.sentences.vocabulary`)
    tokens.npy        int16 [words], the number of each word
    spans.npy         int32 [words, 2], its first sample in the item and the one after its last
    beats.npy         int32 [words], the annotated beat whose QRS complex it is; -1 where it is none
    offsets.npy       int64 [sentences + 1], the number of the first word of each sentence
    rows.npy          int32 [sentences, 3], its item, its lead, and the sample it begins at

The store's manifest names the digest last of all, so that at any instant the store is as it was, or holds the whole.
"""

from __future__ import annotations

import hashlib
import io
import shlex
import shutil
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ecgtool.config import checked
from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.files import json_text, locked_folder, read_json, staged_folder, write_json, write_unpublished
from ecgtool.home import portable
from ecgtool.manifest import StoreManifest
from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.settings import Section
from ecgtool.store import Store
from ecgtool.waves import Samples

SCHEMA = 1
ARRAYS = {"tokens": np.int16, "spans": np.int32, "beats": np.int32, "offsets": np.int64, "rows": np.int32}
"""The arrays, in their order, and their types."""

_FILES = ("manifest.json", "vocabulary.json", *(f"{name}.npy" for name in ARRAYS))


class SentencesManifest(Section):
    """How the sentences of a store were made."""

    schema_version: Literal[1] = 1
    vocabulary: str = Field(description="Digest of the vocabulary.")
    waves: str = Field(description="The set of waves they were made of.")
    waves_digest: str = Field(description="Its digest.")
    leads: tuple[str, ...] = Field(description="The leads that were read.")
    primary: str = Field(description="The lead on which beats are judged: II or what stands in for it, else the first.")
    window: int = Field(description="Samples of a sentence at most.", ge=1)
    sentences: int = Field(ge=0)
    words: int = Field(ge=0)
    width: int = Field(description="Words of a sentence at most, its beginning and end included.", ge=2)
    beats_added: int = Field(0, description="Annotated beats without a QRS complex, which were given a word.", ge=0)
    made_by: str = ""
    digest: str = Field("", description="Of all of this and of every array.")


class Sentences:
    """The sentences of a store, opened for reading; arrays are memory-mapped.

    Attributes:
        path: Their folder.
        manifest: How they were made.
        vocabulary: Their words.
    """

    def __init__(self, path: Path, manifest: SentencesManifest, vocabulary: Vocabulary) -> None:
        self.path, self.manifest, self.vocabulary = path, manifest, vocabulary

    @classmethod
    def open(cls, store: Store) -> Self:
        """The sentences of a store.

        Raises:
            DataError: It has none.
            FormatError: They are damaged.
            IntegrityError: Their vocabulary was changed.
        """
        held = store.manifest.sentences
        if not held:
            name = shlex.quote(portable(store.path))
            first = "" if store.manifest.waves else f"ecg segment {name} && "
            raise DataError(f"{store.path.name} has no sentences.", f"Make them with: {first}ecg sentences {name}")
        path = folder_of(store.path, held)
        gone = [name for name in _FILES if not (path / name).is_file()]
        if gone:
            raise FormatError(f"{path} should hold the sentences of its store, and lacks {gone[0]}.", _again(path))
        document = read_json(path / "manifest.json")
        try:
            manifest = checked(SentencesManifest, document)
        except ConfigError as error:
            raise FormatError(f"{path}/manifest.json: {error.message}", _again(path)) from None
        vocabulary = Vocabulary.read(path / "vocabulary.json")
        if manifest.digest != held or manifest.vocabulary != vocabulary.digest:
            raise FormatError(f"{path} does not hold the sentences that its store promises.", _again(path))
        return cls(path, manifest, vocabulary)

    def __getstate__(self) -> dict[str, Any]:
        """Without the open maps."""
        return {"path": self.path, "manifest": self.manifest, "vocabulary": self.vocabulary}

    @cached_property
    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of them; a number that was changed would send a reader anywhere, so that their digest is compared."""
        held = self.manifest
        shapes: dict[str, tuple[int, ...]] = {
            "tokens": (held.words,),
            "spans": (held.words, 2),
            "beats": (held.words,),
            "offsets": (held.sentences + 1,),
            "rows": (held.sentences, 3),
        }
        made = {name: self._array(name, shapes[name]) for name in ARRAYS}
        if digest_of(held, made) != held.digest:
            raise FormatError(
                f"{self.path} does not hold the words that were made: a file was changed.", _again(self.path)
            )
        return made

    @property
    def tokens(self) -> npt.NDArray[np.int16]:
        """int16 [words]."""
        return self._arrays["tokens"]

    @property
    def spans(self) -> npt.NDArray[np.int32]:
        """int32 [words, 2], in samples of the item."""
        return self._arrays["spans"]

    @property
    def beats(self) -> npt.NDArray[np.int32]:
        """int32 [words], numbers of the store's annotated beats."""
        return self._arrays["beats"]

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """int64 [sentences + 1]."""
        return self._arrays["offsets"]

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """int32 [sentences, 3]: item, lead, first sample."""
        return self._arrays["rows"]

    def words_of(self, sentences: Samples) -> tuple[Samples, Samples]:
        """The numbers of all words of some sentences, one sentence after the other, and how many each has."""
        lengths = np.diff(self.offsets)[sentences]
        ends = np.cumsum(lengths)
        places = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
        return places + np.repeat(self.offsets[sentences], lengths), lengths

    def _array(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        path = self.path / f"{name}.npy"
        try:
            made: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError, TypeError, EOFError, SyntaxError) as error:
            raise FormatError(f"{path} is damaged: {error}.", _again(self.path)) from None
        if made.shape != shape or made.dtype != ARRAYS[name]:
            said = f"{path} holds {made.dtype} {made.shape}, not {shape} as its manifest promises."
            raise FormatError(said, _again(self.path))
        return made


class Made(NamedTuple):
    """Sentences in memory."""

    manifest: SentencesManifest
    vocabulary: Vocabulary
    arrays: Mapping[str, npt.NDArray[Any]]


def digest_of(manifest: SentencesManifest, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """The digest of sentences: of how they were made, and of every array."""
    made = hashlib.sha256(manifest.model_dump_json(exclude={"digest", "made_by"}).encode())
    for name in ARRAYS:
        made.update(np.ascontiguousarray(arrays[name]).data)
    return f"sha256:{made.hexdigest()}"


def folder_of(store: Path, digest: str) -> Path:
    """Where the sentences of a digest lie in a store."""
    return store / "sentences" / digest.removeprefix("sha256:")[:16]


def _again(path: Path) -> str:
    """How to make the sentences of a folder anew."""
    return f"Make them again with: ecg sentences {shlex.quote(portable(path.parent.parent))} --force"


def add(path: Path, made: Made) -> Store:
    """Add sentences to the store in a folder, in place of those it has.

    Returns:
        The store, opened anew; with a task of its words.

    Raises:
        ConfigError: Another process is writing into it.
        EcgError: It cannot be written; what was there before is intact.
    """
    with locked_folder(path):
        folder = folder_of(path, made.manifest.digest)
        with staged_folder(folder, force=True, holds=_FILES) as staged:
            write_unpublished(staged / "vocabulary.json", lambda file: file.write(made.vocabulary.text().encode()))
            for name, array in made.arrays.items():
                write_unpublished(staged / f"{name}.npy", partial(_write, array))
            text = json_text(made.manifest.model_dump(mode="json")).encode()
            write_unpublished(staged / "manifest.json", lambda file: file.write(text))
        manifest = checked(StoreManifest, read_json(path / "manifest.json"))
        task = made.vocabulary.task
        tasks = (*(other for other in manifest.tasks if other.name != task.name), task)
        manifest = manifest.model_copy(update={"sentences": made.manifest.digest, "tasks": tasks})
        write_json(path / "manifest.json", manifest.model_dump(mode="json"))
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)  # nothing names it any more
    return Store.open(path)


def _write(array: npt.NDArray[Any], file: Any) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    file.write(buffer.getbuffer())
