"""Bundle: a trained model in a folder, with everything needed to use it.

model.onnx      signal (and words, and metadata) in, probabilities out; normalisation inside
model.ts.pt     the same as TorchScript, where it was asked for
vocabulary.json the vocabulary of a model that reads words
bundle.json     what the model takes and gives, where it comes from, and the digest of every file here
card.md         the same in words
bundle.sha256   the digest of bundle.json

Each digest guards the next: a changed byte in any of these files is found before the file is used. The files hold no
code of ours and nothing in them is run but the operators of ONNX itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from ecgtool.catalog.card import card
from ecgtool.config import checked
from ecgtool.errors import ConfigError, FormatError, IntegrityError, NotFound
from ecgtool.files import digest, explained, inside, read_json, staged_folder, valid_name, write_file, write_json
from ecgtool.run import VOCABULARY
from ecgtool.settings import BeatConfig, Preprocessing, Section, Words
from ecgtool.task import Task
from ecgtool.words import TOKEN_COLUMNS

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Shapes = dict[str, tuple[int | str, ...]]
"""Name -> size of each axis; a word where any size goes."""

SCHEMA = 1
MANIFEST, SEAL, CARD, ONNX = "bundle.json", "bundle.sha256", "card.md", "model.onnx"
HOLDS = frozenset((MANIFEST, SEAL, CARD, ONNX, "model.ts.pt", VOCABULARY))
"""What a bundle's folder holds: one with anything else in it is never replaced."""
INTENDED_USE = "Research on electrocardiograms like those it was trained on. Not for diagnosis or treatment."
PRIVATE = frozenset(("train_patients", "inherited", "by_record"))
"""Keys of a lineage and of metrics that name people or records; a bundle travels, so they stay behind."""


class Origin(Section):
    """The run a model comes from, as the run's own files tell it."""

    run: str = Field("", description="Name of the run.")
    config: dict[str, Any] = Field(default_factory=dict, description="Everything that decided it.")
    lineage: dict[str, Any] = Field(default_factory=dict, description="Store, its digest, task, parents.")
    environment: dict[str, Any] = Field(default_factory=dict, description="Versions, machine, command.")
    temperature: float = Field(1.0, description="What the logits are divided by, inside the model.", gt=0)
    members: dict[str, float] = Field(
        default_factory=dict,
        description="Of an ensemble, whose logits are the mean of its members': the temperature of each.",
    )


class Parity(Section):
    """How far the exported models are from the trained one, on real recordings."""

    records: int = Field(description="Recordings compared.", ge=1)
    limit: float = Field(description="What a model was allowed to differ by.", ge=0)
    max_difference: dict[str, float] = Field(description="File -> largest difference of a probability.")


class BundleManifest(Section):
    """What a model takes and gives, and where it comes from; ``bundle.json``. No time stamp."""

    schema_version: Literal[1] = 1
    name: str = Field(description="What to call it: letters, digits, '.', '_' and '-'.")
    arch: str
    task: Task = Field(description="Labels in the order of the outputs.")
    fs: float = Field(description="Sampling rate of the signal in Hz.", ge=1, le=100_000)
    leads: tuple[str, ...] = Field(description="Leads in the order of the rows of the signal.", min_length=1)
    samples: int = Field(description="Samples of one window.", ge=1, le=10_000_000)
    unit: Literal["mV"] = "mV"
    calibrated: bool = Field(True, description="False where the model learned from signals of unknown scale.")
    tabular: tuple[str, ...] = Field((), description="Columns of the metadata input, raw; NaN where unknown.")
    beats: BeatConfig | None = Field(None, description="What the model is shown of each beat; null where of none.")
    words: Words | None = Field(None, description="The words it reads; null where none. vocabulary.json holds them.")
    waves: str = Field("", description="The method that finds the waves its words are made of.")
    inputs: Shapes = Field(
        default_factory=dict, description="Shape of each input, float32 or, of tokens, int64; filled in when written."
    )
    outputs: Shapes = Field(default_factory=dict, description="Shape of each float32 output; filled in when written.")
    preprocessing: Preprocessing = Field(description="What is done to a recording before the model sees it.")
    thresholds: dict[str, float] = Field(default_factory=dict, description="Per label, chosen on validation.")
    threshold_rule: str = Field("", description="What picked the thresholds; empty where nobody said.")
    patient_thresholds: dict[str, float] = Field(
        default_factory=dict, description="The same for the mean of the logits of a patient's recordings, where chosen."
    )
    metrics: dict[str, Any] | None = Field(None, description="Metrics document of the test split, if evaluated.")
    run: Origin = Field(default_factory=lambda: Origin())
    opset: int | None = None
    parity: Parity | None = Field(None, description="Difference to the trained model, checked before writing.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of the packages that made it.")
    intended_use: str = INTENDED_USE
    attribution: str = Field("", description="The data set it learned from, and its licence.")
    digests: dict[str, str] = Field(default_factory=dict, description="SHA-256 of every other file of the bundle.")

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.inputs not in ({}, self.input_shapes) or self.outputs not in ({}, self.output_shapes):
            raise ValueError("inputs and outputs do not follow from leads, samples, tabular columns and labels")
        if self.preprocessing.fs != self.fs:
            raise ValueError(f"fs is {self.fs:g} Hz but preprocessing makes {self.preprocessing.fs:g} Hz")
        unknown = sorted({*self.thresholds, *self.patient_thresholds} - set(self.task.labels))
        if unknown:
            raise ValueError(f"there is a threshold for '{unknown[0]}', which is no label")
        if len(set(self.leads)) != len(self.leads) or len(set(self.tabular)) != len(self.tabular):
            raise ValueError("leads and tabular columns must be named once each")
        if (self.task.of == "beat") != (self.beats is not None):
            raise ValueError("beats must say what a model of heartbeats is shown of each, and of no other model")
        return self

    @property
    def seconds(self) -> float:
        """Duration of one window."""
        return self.samples / self.fs

    @property
    def item(self) -> Literal["record", "beat", "sentence"]:
        """What one item of the model's input is: a recording or a window of it, a heartbeat, a sentence of words."""
        if self.words is not None:
            return "sentence"
        return "beat" if self.beats is not None else "record"

    @property
    def input_shapes(self) -> Shapes:
        """Inputs of the model by name; the batch is free. Where words are beats, each has metadata of its own."""
        shapes: Shapes = {"signal": ("batch", len(self.leads), self.samples)}
        each: tuple[int | str, ...] = ("batch",)
        if self.words is not None:
            shapes["tokens"] = ("batch", self.words.longest, len(TOKEN_COLUMNS))
            each = ("batch", self.words.longest) if self.beats is not None else each
        return {**shapes, "metadata": (*each, len(self.tabular))} if self.tabular else shapes

    @property
    def output_shapes(self) -> Shapes:
        """Outputs of the model by name; the batch is free. Words of beats, gaps and samples have their own."""
        labels: tuple[int | str, ...] = ("batch", len(self.task.labels))
        if self.task.kind == "waves":
            return {"probabilities": (*labels, self.samples)}
        each = self.task.of == "beat" or self.task.kind == "tokens"
        return {"probabilities": (*labels, self.words.longest) if self.words and each else labels}


class Bundle:
    """A bundle on disk whose digests all matched when it was opened.

    Attributes:
        path: The folder.
        manifest: What the model takes and gives.
        digest: Of ``bundle.json``, and through it of every file: the bundle's identity.
    """

    def __init__(self, path: Path, manifest: BundleManifest, seal: str) -> None:
        self.path = path
        self.manifest = manifest
        self.digest = seal

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a bundle and check every digest.

        Raises:
            NotFound: There is no such folder.
            FormatError: It is not a bundle, or one of a later version.
            IntegrityError: A file was changed, or is missing.
        """
        folder = Path(path)
        if not folder.exists():
            raise NotFound(f"There is no bundle {folder}.", "Make one with: ecg export RUN")
        if not (folder / MANIFEST).is_file():
            raise FormatError(f"{folder} is not a bundle: it has no {MANIFEST}.", "Make one with: ecg export RUN")
        seal = _checked_seal(folder)
        bundle = cls(folder, _read_manifest(folder), seal)
        for name in bundle.manifest.digests:
            bundle.read(name)
        return bundle

    def read(self, name: str) -> bytes:
        """The content of one of the bundle's files, checked against its digest.

        Raises:
            IntegrityError: It was changed, or is missing.
        """
        file = inside(self.path, name)
        try:
            with explained(file):
                content = file.read_bytes()
        except NotFound:
            raise IntegrityError(f"{file} is missing from the bundle.", _EXPORT_AGAIN) from None
        if _sha256(content) != self.manifest.digests.get(name):
            raise IntegrityError(f"{file} was changed: it does not match its digest.", _EXPORT_AGAIN)
        return content

    def session(self, threads: int = 0) -> InferenceSession:
        """The model in onnxruntime on the CPU, loaded from checked bytes.

        Args:
            threads: Threads of one operator; 0 lets onnxruntime choose.

        Raises:
            FormatError: The model refers to other files, needs foreign operators, or does not fit the manifest.
            IntegrityError: The model was changed, or is missing.
        """
        from ecgtool.catalog.modelfile import open_session

        if ONNX not in self.manifest.digests:
            raise FormatError(f"{self.path} holds no {ONNX}.", "Export it with --format onnx.")
        shapes = (self.manifest.input_shapes, self.manifest.output_shapes)
        return open_session(self.read(ONNX), str(self.path / ONNX), *shapes, threads=threads)

    def copy(self, final: Path) -> Bundle:
        """Copy the bundle, its own files alone, whole or not at all.

        Raises:
            ConfigError: ``final`` exists.
        """
        with staged_folder(final) as staged:
            for name in (*self.manifest.digests, MANIFEST, SEAL):
                content = self.read(name) if name in self.manifest.digests else (self.path / name).read_bytes()
                _write(inside(staged, name), content)
            if Bundle.open(staged).digest != self.digest:
                raise IntegrityError(f"{self.path} was changed while it was copied.", "Try again.")
        return Bundle(final, self.manifest, self.digest)


def write_bundle(out: Path, manifest: BundleManifest, models: Mapping[str, bytes], *, force: bool = False) -> Bundle:
    """Write a bundle, whole or not at all: the models, the card, the manifest with its digests, the seal.

    Args:
        out: The folder to make.
        manifest: What the model takes and gives; digests are filled in, names of patients left out.
        models: File name -> content, e.g. ``{"model.onnx": ..., "model.ts.pt": ...}``.
        force: Replace an older bundle of that name.

    Raises:
        ConfigError: The folder exists, or a name cannot be one.
        FormatError: The ONNX model does not fit the manifest or is unsafe.
    """
    valid_name(manifest.name, "model name")
    reserved = {MANIFEST, SEAL, CARD} & set(models)
    if reserved or not models:
        raise ConfigError(f"A bundle needs models, none of them called {', '.join(sorted(reserved)) or MANIFEST}.")
    filled = {
        "run": checked(Origin, _without(manifest.run.model_dump(mode="json"), PRIVATE)),
        "metrics": _without(manifest.metrics, PRIVATE),
        "inputs": manifest.input_shapes,
        "outputs": manifest.output_shapes,
    }
    whole = manifest.model_copy(update=filled)
    with staged_folder(out, force=force, holds=HOLDS | set(models)) as staged:
        files = {**models, CARD: card(whole).encode()}
        for name, content in files.items():
            _write(staged / valid_name(name, "file name"), content)
        digests = {name: _sha256(content) for name, content in sorted(files.items())}
        write_json(staged / MANIFEST, {**whole.model_dump(mode="json"), "digests": digests})
        _write(staged / SEAL, _seal_line(digest(staged / MANIFEST)))
        if ONNX in models:
            Bundle.open(staged).session(threads=1)
    return Bundle.open(out)


_EXPORT_AGAIN = "Do not use it: export or copy the bundle again."


def _read_manifest(folder: Path) -> BundleManifest:
    document = read_json(folder / MANIFEST)
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA:
        raise FormatError(
            f"{folder / MANIFEST} has schema_version {version!r}; this version reads {SCHEMA}.", "Export it again."
        )
    try:
        manifest = checked(BundleManifest, document)
        valid_name(manifest.name, "model name")
        for name in manifest.digests:
            valid_name(name, "file name")
    except ConfigError as error:
        raise FormatError(f"{folder / MANIFEST}: {error.message}", "Export it again.") from None
    return manifest


def _checked_seal(folder: Path) -> str:
    """The digest of ``bundle.json``, if it is the one that was sealed."""
    seal = digest(folder / MANIFEST)
    try:
        with explained(folder / SEAL):
            line = (folder / SEAL).read_bytes()
    except NotFound:
        raise IntegrityError(f"{folder / SEAL} is missing from the bundle.", _EXPORT_AGAIN) from None
    if line != _seal_line(seal):
        raise IntegrityError(f"{folder / MANIFEST} or {SEAL} was changed: they do not match.", _EXPORT_AGAIN)
    return seal


def _seal_line(seal: str) -> bytes:
    """One line as ``sha256sum --check`` reads it."""
    return f"{seal.removeprefix('sha256:')}  {MANIFEST}\n".encode()


def _write(path: Path, content: bytes) -> None:
    write_file(path, lambda file: file.write(content))


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _without(value: Any, keys: Container[str]) -> Any:
    """The JSON value without those keys, at any depth."""
    if isinstance(value, Mapping):
        return {name: _without(item, keys) for name, item in value.items() if name not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value
